"""Times of FHIR: a date is a date, and a time without an offset needs a zone."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pollux.record import Event, Person, Record, admit
from pollux.record.when import as_stated, day_of
from pollux.sources import read
from pollux.sources.fhir.written import observation as written
from pollux.store import Store
from tests.sources.conftest import LEARNED, ReadText
from tests.sources.examples import bundle, observation, patient

ZONES = (
    "",
    "UTC",
    "America/Los_Angeles",
    "Europe/Berlin",
    "Pacific/Auckland",
    "Pacific/Kiritimati",
    "Pacific/Pago_Pago",
)
NO_OFFSET = "no offset: the time of day states none, and no time zone was stated for the file"


def stated_at(time: str) -> str:
    return json.dumps(observation(effectiveDateTime=time))


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize(("date", "precision"), [("2025-01-15", "day"), ("2025-02", "month"), ("1999", "year")])
def test_a_date_is_that_date_whatever_the_zones_of_file_and_reader(
    date: str, precision: str, zone: str, reads: ReadText
) -> None:
    (event,) = reads(stated_at(date), timezone=zone).events
    assert event.precision == precision
    assert {day_of(event, shown or "UTC") for shown in ZONES} == {date}
    assert written(event, "p1", stands=True)["effectiveDateTime"] == date


def test_a_date_under_two_zones_is_one_event(tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    path.write_bytes(bundle(patient(), observation(effectiveDateTime="2025-01-15")))
    with Store.open(tmp_path / "store.pollux.db") as store:
        for zone in ("Europe/Berlin", "America/Los_Angeles"):
            store.take(read(path, learned=LEARNED, timezone=zone), LEARNED)
        record = store.record("p1")
        assert [day_of(event, record.person.timezone) for event in record.events] == ["2025-01-15"]


def midnights() -> Iterator[datetime]:
    """The same day at the midnights of all zones from UTC-10 to UTC+13, as earlier versions kept it."""
    yield from (datetime(2025, 1, 15, tzinfo=UTC) - timedelta(hours=offset) for offset in range(-10, 14))


def test_a_day_kept_at_a_local_midnight_is_shown_as_the_same_day() -> None:
    assert {as_stated(time, "day", "America/Los_Angeles") for time in midnights()} == {"2025-01-15"}
    assert {as_stated(time, "month") for time in midnights()} == {"2025-01"}


def test_a_date_that_has_begun_somewhere_is_not_in_the_future(reads: ReadText) -> None:
    evening = datetime(2025, 1, 14, 12, tzinfo=UTC)  # in Auckland it is the 15th already
    today, tomorrow = (reads(stated_at(date)).events[0] for date in ("2025-01-15", "2025-01-16"))
    passed = list(admit(Person("p1"), (today, tomorrow), evening))
    assert passed[0] == today
    assert not isinstance(passed[1], Event)
    assert (passed[1].finding.rule, passed[1].finding.message) == ("time in the future", "it is dated 2025-01-16")


def test_the_day_of_birth_is_not_before_birth(reads: ReadText) -> None:
    born = Person("p1", birth_date="2025-01-15")
    same, before = (reads(stated_at(date)).events[0] for date in ("2025-01-15", "2025-01-14"))
    passed = list(admit(born, (same, before), LEARNED))
    assert passed[0] == same
    assert not isinstance(passed[1], Event)
    assert passed[1].finding.message == "it is dated 2025-01-14"


@pytest.mark.parametrize(
    ("zone", "utc"), [("Europe/Berlin", "2025-02-03T07:30"), ("America/New_York", "2025-02-03T13:30")]
)
def test_a_time_without_an_offset_is_read_in_the_zone_and_flagged(zone: str, utc: str, reads: ReadText) -> None:
    (event,) = reads(stated_at("2025-02-03T08:30:00"), timezone=zone).events
    assert (f"{event.time:%Y-%m-%dT%H:%M}", event.flags) == (utc, ("local time without offset",))


def test_without_a_zone_it_is_quarantined_and_its_neighbours_come_in(reads: ReadText) -> None:
    lines = [stated_at("2025-02-03T08:30:00"), json.dumps(observation(id="o2"))]
    found = reads("\n".join(lines), timezone="")
    assert found.reasons == [NO_OFFSET]
    assert [event.id for event in found.events] == ["Observation/o2"]


@pytest.mark.parametrize(
    "resource",
    [
        {"resourceType": "Condition", "code": {"text": "x"}, "onsetDateTime": "2010-05-28T10:00:00"},
        {"resourceType": "Condition", "code": {"text": "x"}, "onsetDateTime": "2010-05-28T10:00:00Z",
         "abatementDateTime": "2011-05-28T10:00:00"},
        {"resourceType": "Procedure", "status": "completed", "code": {"text": "x"},
         "performedPeriod": {"start": "2010-05-28T10:00:00Z", "end": "2010-05-28T11:00:00"}},
        {"resourceType": "MedicationRequest", "status": "active", "intent": "order",
         "medicationCodeableConcept": {"text": "x"}, "authoredOn": "2010-05-28T10:00:00"},
    ],
)  # fmt: skip
def test_every_time_that_is_read_is_asked_for_its_offset(resource: dict[str, object], reads: ReadText) -> None:
    who = "patient" if resource["resourceType"] == "AllergyIntolerance" else "subject"
    text = json.dumps({"id": "x", who: {"reference": "Patient/p1"}} | resource)
    assert reads(text, timezone="").reasons == [NO_OFFSET]
    (event,) = reads(text, timezone="Europe/Berlin").events
    assert "local time without offset" in event.flags


@pytest.mark.parametrize(
    ("begins", "ends", "end"),
    [
        ("2025-01-15T08:00:00-05:00", "2025-01-15", "2025-01-16T00:00"),
        ("2025-01-15T22:00:00-08:00", "2025-01-15", "2025-01-16T06:00"),
        ("2025-01-15", "2025-01", "2025-02-01T00:00"),
        ("2025-12-15", "2025", "2026-01-01T00:00"),
        ("2025-01-15", "2025-01-20", "2025-01-20T00:00"),
    ],
)
def test_a_date_as_an_end_includes_that_date(begins: str, ends: str, end: str, reads: ReadText) -> None:
    resource = {"resourceType": "Condition", "id": "x", "code": {"text": "x"}, "subject": {"reference": "Patient/p1"}}
    (event,) = reads(json.dumps(resource | {"onsetDateTime": begins, "abatementDateTime": ends})).events
    assert event.end is not None
    assert (f"{event.end:%Y-%m-%dT%H:%M}", event.flags) == (end, ())


@pytest.mark.parametrize("ends", ["9999", "9999-12", "9999-12-31"])
def test_an_end_at_the_end_of_the_calendar_is_no_trouble(ends: str, reads: ReadText) -> None:
    resource = {"resourceType": "Condition", "id": "x", "code": {"text": "x"}, "subject": {"reference": "Patient/p1"}}
    stated = {"onsetDateTime": "9999-12-31T10:00:00Z", "abatementDateTime": ends}
    (event,) = reads(json.dumps(resource | stated)).events
    assert event.flags == ("ends before it begins",)


def test_an_end_before_the_beginning_is_still_told(reads: ReadText) -> None:
    resource = {"resourceType": "Condition", "id": "x", "code": {"text": "x"}, "subject": {"reference": "Patient/p1"}}
    (event,) = reads(json.dumps(resource | {"onsetDateTime": "2025-01-15", "abatementDateTime": "2025-01-13"})).events
    assert (event.end, event.flags) == (None, ("ends before it begins",))


def test_a_death_without_an_offset_too(reads: ReadText) -> None:
    text = json.dumps(patient(deceasedDateTime="2020-03-01T10:00:00"))
    assert reads(text, timezone="").reasons == [NO_OFFSET]
    assert reads(text, timezone="Europe/Berlin").events[0].flags == ("local time without offset",)


def test_a_time_that_is_not_read_costs_nothing(reads: ReadText) -> None:
    found = reads(
        json.dumps(observation(issued="2025-05-01T10:00:00", meta={"lastUpdated": "2025-05-01T10:00:00"})), timezone=""
    )
    assert (found.reasons, len(found.events)) == ([], 1)
    assert found.documents[0].updated is None


def test_an_hour_that_the_clocks_left_out_is_no_time(reads: ReadText) -> None:
    found = reads(stated_at("2025-03-30T02:30:00"), timezone="Europe/Berlin")
    assert found.reasons == ["2025-03-30 02:30 did not exist in Europe/Berlin: the clocks went forward"]


def test_of_an_hour_that_happened_twice_the_first_is_taken_and_said(reads: ReadText) -> None:
    (event,) = reads(stated_at("2025-10-26T02:30:00"), timezone="Europe/Berlin").events
    assert f"{event.time:%H:%M}" == "00:30"
    assert event.flags == ("local time without offset", "ambiguous local time")


@pytest.mark.parametrize("time", ["0001-01-01T00:00:00", "9999-12-31T23:59:59"])
def test_a_local_time_at_the_end_of_the_calendar_is_told(time: str, reads: ReadText) -> None:
    for zone in ("Pacific/Auckland", "Pacific/Honolulu"):
        found = reads(stated_at(time), timezone=zone)
        assert len(found.events) + len(found.reasons) == 1


def test_a_record_shows_what_was_stated(reads: ReadText) -> None:
    events = reads(stated_at("2025-01-15"), timezone="America/Los_Angeles").events
    record = Record(Person("p1", timezone="Asia/Tokyo"), tuple(events))
    assert [day_of(event, record.person.timezone) for event in record.current] == ["2025-01-15"]
