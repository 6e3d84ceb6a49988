"""The plain table, as people write it."""

from collections.abc import Sequence
from datetime import timedelta

import pytest

from pollux.errors import RefusedInput
from pollux.record import Event, Person
from pollux.sources.rows import number
from tests.sources.conftest import ReadText

HEADER = "time,quantity,value,unit\n"


def test_a_row_becomes_an_event(reads: ReadText) -> None:
    (event,) = reads(HEADER + "2026-01-01T08:00:00+01:00,body_weight,70.5,kg\n").events
    assert event.time.isoformat() == "2026-01-01T07:00:00+00:00"
    assert (event.quantity, event.value, event.unit) == ("body_weight", 70.5, "kg")
    assert (event.source.kind, event.source.place) == ("table", "line 2")


@pytest.mark.parametrize(
    "text",
    [
        "time;quantity;value;unit\n2026-01-01T08:00;body_weight;70,5;kg\n",
        "time\tquantity\tvalue\tunit\n2026-01-01 08:00\tbody_weight\t70.5\tkg\n",
        'unit,value,quantity,time\n"kg","70,5",body_weight,2026-01-01T08:00:00Z\n',
        "Time, Quantity, Value, Unit\n1767254400, body_weight, 70.5, kg\n",
        "time,quantity,value,unit,note\n1767254400000,body_weight,70.5,kg,after lunch\n",
    ],
)
def test_delimiters_decimal_commas_and_kinds_of_time_are_understood(text: str, reads: ReadText) -> None:
    assert reads(text).values == [("01-01T08:00", "body_weight", 70.5)]


def test_low_and_high_are_the_limits_of_the_sensor(reads: ReadText) -> None:
    low, high = reads(
        HEADER + "2026-01-01T08:00Z,cgm_glucose,LOW,mmol/L\n2026-01-01T08:05Z,cgm_glucose,High,mg/dL\n"
    ).events
    assert (low.comparator, low.value, low.unit) == ("<", 40.0, "mg/dL")
    assert (high.comparator, high.value, high.unit) == (">", 400.0, "mg/dL")


def test_a_value_beyond_the_range_keeps_its_comparator(reads: ReadText) -> None:
    (event,) = reads(HEADER + "2026-01-01T08:00Z,blood_glucose,>600,mg/dL\n").events
    assert (event.comparator, event.value) == (">", 600.0)


def test_a_rate_lasts_until_its_end(reads: ReadText) -> None:
    text = "time,quantity,value,unit,end\n2026-01-01T08:00Z,insulin_basal_rate,0.8,U/h,2026-01-01T09:30Z\n"
    (event,) = reads(text).events
    assert event.end is not None
    assert event.end - event.time == timedelta(minutes=90)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("yesterday,cgm_glucose,100,mg/dL", "the time is not written as 2026-01-31T08:05:00 or as Unix seconds"),
        ("2026-02-30,cgm_glucose,100,mg/dL", "there is no such date or time"),
        ("0026-02-03T08:00,cgm_glucose,100,mg/dL", "the year 0026 cannot be"),
        ("2026-01-01T08:00Z,glocuse,100,mg/dL", "no quantity is named 'glocuse'"),
        ("2026-01-01T08:00Z,cgm_glucose,,mg/dL", "the value is missing"),
        ("2026-01-01T08:00Z,cgm_glucose,nan,mg/dL", "the value is not a number"),
        ('2026-01-01T08:00Z,steps,"1,234",{steps}', "a comma before three digits may mean thousands or decimals"),
        ("2026-01-01T08:00Z,cgm_glucose,100", "it has 3 cells where the header has 4"),
        ('2026-01-01T08:00Z,"cgm_glucose,100,mg/dL', "its quotation marks do not match"),
    ],
)
def test_a_broken_row_is_quarantined_with_its_reason_and_the_rest_comes_in(
    row: str, reason: str, reads: ReadText
) -> None:
    found = reads(HEADER + row + "\n2026-01-01T08:05Z,body_weight,70,kg\n")
    assert found.reasons == [reason]
    (broken,) = found.quarantined
    assert broken.finding.where == "file line 2"
    assert broken.document == row
    assert found.values == [("01-01T08:05", "body_weight", 70.0)]


def test_a_row_that_is_not_utf_8_is_quarantined_alone(reads: ReadText) -> None:
    found = reads(HEADER.encode() + b"2026-01-01T08:00Z,cgm_gl\xfccose,1,mg/dL\n2026-01-01T08:05Z,steps,7,{steps}\n")
    assert found.reasons == ["it is not UTF-8 text"]
    assert len(found.events) == 1


def test_a_number_is_read_as_it_was_written() -> None:
    assert number("0.1", ",") == 0.1
    assert number("1,234", ";") == 1.234
    assert number("-2.5e1", ",") == -25.0


# Whose the rows are


@pytest.mark.parametrize("column", ["person", "id", "subject", "patient", "ID", "Patient_ID"])
def test_a_table_that_names_people_is_read_as_many_people(column: str, reads: ReadText) -> None:
    text = (
        f"{column},time,quantity,value,unit\n"
        "anna,2026-01-01T08:00Z,body_weight,70,kg\n"
        "bert,2026-01-01T08:00Z,body_weight,80,kg\n"
        "anna,2026-01-02T08:00Z,body_weight,71,kg\n"
    )
    found = reads(text, person="")
    whose = [(entry.person, entry.item.value) for entry in found.entries if isinstance(entry.item, Event)]
    assert whose == [("anna", 70.0), ("bert", 80.0), ("anna", 71.0)]
    assert [entry.person for entry in found.entries if isinstance(entry.item, Person)] == ["anna", "bert"]


def test_a_table_of_somebody_else_than_was_said_is_refused(reads: ReadText) -> None:
    text = "person,time,quantity,value,unit\nanna,2026-01-01T08:00Z,body_weight,70,kg\n"
    assert len(reads(text, person="anna").events) == 1
    with pytest.raises(RefusedInput) as told:
        reads(text, person="bert")
    assert str(told.value) == (
        "the table says itself whose each row is, and this row is of somebody else than was said [file line 2]. "
        "Leave --person away to take every row for whom it names."
    )


@pytest.mark.parametrize(
    ("whose", "why"),
    [
        ("", "it does not say whose it is"),
        ("Anna Miller", "the id of its person has other signs than letters from A to Z, digits, - . and _"),
    ],
)
def test_a_row_of_nobody_is_quarantined(whose: str, why: str, reads: ReadText) -> None:
    found = reads(f"person,time,quantity,value,unit\n{whose},2026-01-01T08:00Z,body_weight,70,kg\n", person="")
    assert (found.events, found.reasons) == ([], [why])


def test_each_persons_rows_have_a_clock_of_their_own(reads: ReadText) -> None:
    rows = [f"{who},2025-10-26T{at},body_weight,70,kg" for at in ("02:10", "02:50") for who in ("anna", "bert")]
    rows += ["anna,2025-10-26T02:05,body_weight,70,kg"]
    found = reads("person,time,quantity,value,unit\n" + "\n".join(rows), person="", timezone="Europe/Berlin")
    assert [f"{event.time:%H:%M}" for event in found.events] == ["00:10", "00:10", "00:50", "00:50", "01:05"]


@pytest.mark.parametrize(
    "column", ["PatientID", "patient id", "Subject No", "participant_id", "PtID", "USUBJID", "MRN"]
)
def test_a_column_of_people_under_any_usual_name_is_heard(column: str, reads: ReadText) -> None:
    rows = "a,2026-01-01T08:00Z,body_weight,70,kg\nb,2026-01-01T08:00Z,body_weight,90,kg\n"
    found = reads(f"{column},time,quantity,value,unit\n{rows}", person="")
    assert [(entry.person, entry.item.value) for entry in found.entries if isinstance(entry.item, Event)] == [
        ("a", 70.0), ("b", 90.0),
    ]  # fmt: skip
    with pytest.raises(RefusedInput, match="this row is of somebody else than was said"):
        reads(f"{column},time,quantity,value,unit\n{rows}", person="a")


@pytest.mark.parametrize("first", [0, 1, 4711])
def test_a_column_id_that_numbers_the_rows_is_asked_about(first: int, reads: ReadText) -> None:
    rows = "".join(f"{first + k},2026-01-01T08:0{k}Z,cgm_glucose,{120 + k},mg/dL\n" for k in range(6))
    with pytest.raises(RefusedInput) as refused:
        reads(f"id,time,quantity,value,unit\n{rows}", person="")
    assert str(refused.value) == (
        "its column id counts one more with every row: it seems to number rows and not people [file]. Name the column "
        "person if it does say whose a row is; if not, take it out and give --person."
    )


def test_a_column_id_of_people_who_come_again_is_read(reads: ReadText) -> None:
    rows = "".join(f"{1 + k % 3},2026-01-01T08:0{k}Z,cgm_glucose,{120 + k},mg/dL\n" for k in range(6))
    found = reads(f"id,time,quantity,value,unit\n{rows}", person="")
    assert {entry.person for entry in found.entries} == {"1", "2", "3"}


@pytest.mark.parametrize(
    "ids", [range(0, 200, 10), [f"{i * 7919 % 65537:04x}" for i in range(40)]], ids=["tens", "hashes"]
)
def test_a_column_id_that_names_rows_is_asked_about(ids: Sequence[object], reads: ReadText) -> None:
    rows = [f"{id},2026-01-01T08:{at:02d}Z,cgm_glucose,100,mg/dL\n" for at, id in enumerate(ids)]
    with pytest.raises(RefusedInput, match="rows and not people"):
        reads("id,time,quantity,value,unit\n" + "".join(rows), person="")
    assert len(reads("person,time,quantity,value,unit\n" + "".join(rows), person="").events) == len(rows)


def test_a_column_name_is_asked_about(reads: ReadText) -> None:
    text = "name,time,quantity,value,unit\nEva,2026-01-01T08:00Z,body_weight,70,kg\n"
    with pytest.raises(RefusedInput, match="Call it person"):
        reads(text, person="anna")
    assert [e.person for e in reads(text.replace("name", "patient name"), person="").entries] == ["Eva", "Eva"]


def test_two_columns_that_name_two_people_quarantine_the_row(reads: ReadText) -> None:
    text = "person,subject_id,time,quantity,value,unit\n{}".format(
        "anna,bert,2026-01-01T08:00Z,body_weight,70,kg\nanna,anna,2026-01-01T08:00Z,body_weight,71,kg\n"
        "anna,,2026-01-02T08:00Z,body_weight,72,kg\n"
    )
    found = reads(text, person="")
    assert (found.reasons, len(found.events)) == (["its columns person and subject_id name two people"], 2)
