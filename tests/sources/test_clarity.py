"""Dexcom Clarity's export."""

import pytest

from pollux.errors import RefusedInput
from pollux.record import Person
from tests.sources.conftest import ReadText
from tests.sources.examples import CLARITY, CLARITY_HEADER, clarity


def test_every_kind_of_row_becomes_its_quantity(reads: ReadText) -> None:
    assert reads(CLARITY).values == [
        ("01-01T08:00", "cgm_glucose", 120.0),
        ("01-01T08:05", "cgm_glucose", 40.0),
        ("01-01T08:10", "cgm_glucose", 400.0),
        ("01-01T08:12", "calibration_glucose", 118.0),
        ("01-01T08:15", "carbohydrate_intake", 45.0),
        ("01-01T08:16", "insulin_bolus", 4.5),
        ("01-01T22:00", "insulin_long_acting", 18.0),
        ("01-01T18:00", "exercise_minutes", 45.0),
        ("01-01T19:00", "sensor_alert", "Urgent Low"),
    ]


def test_low_and_high_are_beyond_the_range_and_the_transmitter_is_the_device(reads: ReadText) -> None:
    events = reads(CLARITY).events
    assert [event.comparator for event in events[:3]] == ["", "<", ">"]
    assert {event.source.device for event in events[:3]} == {"8ABCDE"}


def test_exercise_has_an_end(reads: ReadText) -> None:
    exercise = next(event for event in reads(CLARITY).events if event.quantity == "exercise_minutes")
    assert exercise.end is not None
    assert (exercise.end - exercise.time).total_seconds() == 45 * 60


def test_the_unit_is_the_one_of_the_header(reads: ReadText) -> None:
    content = clarity("4,2026-01-01T08:00:00,EGV,,,,iOS,6.2,,,,,,8A", header=CLARITY_HEADER.replace("mg/dL", "mmol/L"))
    (event,) = reads(content).events
    assert (event.value, event.unit) == (6.2, "mmol/L")


def test_who_the_person_is_is_taken_as_a_devices_word_and_never_printed(reads: ReadText) -> None:
    found = reads(clarity("4,,DateOfBirth,,1980-02-03,,,,,,,,"))
    people = [entry.item for entry in found.entries if isinstance(entry.item, Person)]
    assert people[1:] == [
        Person("p1", given="Ada"),
        Person("p1", family="Example"),
        Person("p1", birth_date="1980-02-03"),
    ]
    assert {entry.by for entry in found.entries if isinstance(entry.item, Person)} == {"device"}
    assert all("Ada" not in repr(entry) for entry in found.entries)


def test_lines_before_the_header_are_stepped_over(reads: ReadText) -> None:
    text = CLARITY.decode("utf-8-sig")
    assert len(reads("Dexcom export,,\nExported,,\n" + text).events) == 9


def test_german_columns_and_words_are_understood(reads: ReadText) -> None:
    text = (
        "Index;Zeitstempel (JJJJ-MM-TTThh:mm:ss);Ereignistyp;Ereignisuntertyp;Patienteninfo;Geräteinfo;"
        "Quellgeräte-ID;Glukosewert (mmol/l);Insulinwert (IE);Kohlenhydratwert (Gramm);Dauer (hh:mm:ss)\n"
        "10;2026-06-02T00:00:00;EGW;;;;iOS;5,8;;;\n11;2026-06-02T00:05:00;EGW;;;;iOS;Niedrig;;;\n"
    )
    first, low = reads(text).events
    assert (first.value, first.unit) == (5.8, "mmol/L")
    assert low.comparator == "<"


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("4,2026-01-01T08:00:00,EGV,,,,iOS,,,,,,,", "the value is not a number"),
        ("4,2026-01-01T08:00:00,Horoscope,,,,iOS,,,,,,,", "rows of the type 'horoscope' are not known"),
        ("4,2026-01-01T08:00:00,Exercise,Light,,,iOS,,,,45 min,,,", "the duration is not written as hh:mm:ss"),
        ("4,,EGV,,,,iOS,100,,,,,,", "the row has no time"),
        (
            "4,01/02/2026 08:00,EGV,,,,iOS,100,,,,,,",
            "the time is not written as 2026-01-31T08:05:00 or as Unix seconds",
        ),
    ],
)
def test_a_broken_row_is_quarantined_with_its_line(row: str, reason: str, reads: ReadText) -> None:
    found = reads(clarity(row, "5,2026-01-01T08:05:00,EGV,,,,iOS,101,,,,,,8A"))
    assert found.reasons == [reason]
    assert found.quarantined[0].finding.where == "file line 5"
    assert len(found.events) == 1


def test_an_export_that_lost_its_header_is_refused(reads: ReadText) -> None:
    with pytest.raises(RefusedInput, match="this is no format that Pollux knows"):
        reads(CLARITY.partition(b"\r\n")[2])


def test_overlapping_exports_meet(reads: ReadText) -> None:
    first, second = reads(CLARITY).events, reads(clarity(*[CLARITY.decode().splitlines()[4].replace('"', "")])).events
    assert second[0].id in {event.id for event in first}
