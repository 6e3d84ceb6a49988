"""Nightscout's entries, treatments and basal schedules."""

import json
from datetime import timedelta

import pytest

from pollux.record import Event, Finding
from tests.sources.conftest import Reads, ReadText
from tests.sources.examples import NIGHTSCOUT

TIME = "2026-01-01T08:00:00Z"


def treatment(**fields: object) -> bytes:
    return json.dumps([{"created_at": TIME, "_id": "t", **fields}]).encode()


def only(found: Reads) -> Event:
    assert found.reasons == []
    (event,) = found.events
    return event


def test_glucose_insulin_and_carbohydrate_come_in(reads: ReadText) -> None:
    found = reads(NIGHTSCOUT)
    assert found.values == [
        ("01-01T08:00", "cgm_glucose", 118.0),
        ("01-01T08:05", "cgm_glucose", 40.0),
        ("01-01T08:10", "cgm_glucose", 400.0),
        ("01-01T08:15", "blood_glucose", 101.0),
        ("01-01T08:20", "insulin_bolus", 4.5),
        ("01-01T08:20", "carbohydrate_intake", 45.0),
        ("01-01T09:00", "insulin_basal_rate", 0.0),
    ]
    assert [event.comparator for event in found.events[:3]] == ["", "<", ">"]
    assert found.events[3].id == "nightscout/e4"
    assert found.events[4].id == "nightscout/t1#insulin"


def test_a_list_a_collection_and_lines_of_documents_say_the_same(reads: ReadText) -> None:
    whole = json.loads(NIGHTSCOUT)
    documents = whole["entries"] + whole["treatments"]
    expected = reads(NIGHTSCOUT).values
    assert reads(json.dumps(documents)).values == expected
    assert reads("\n".join(json.dumps(document) for document in documents)).values == expected


def test_a_temporary_rate_lasts_as_long_as_stated(reads: ReadText) -> None:
    event = only(reads(treatment(eventType="Temp Basal", absolute="1.35", duration="30")))
    assert event.value == 1.35
    assert event.end is not None
    assert event.end - event.time == timedelta(minutes=30)
    assert event.flags == ("temporary",)


def test_a_combined_bolus_is_one_part_now_and_one_spread(reads: ReadText) -> None:
    now, spread = reads(
        treatment(eventType="Combo Bolus", enteredinsulin="5", splitNow=60, splitExt="40", duration=120, relative=1)
    ).events
    assert (now.value, now.end) == (3.0, None)
    assert spread.value == 2.0
    assert spread.end is not None
    assert spread.end - spread.time == timedelta(hours=2)


def test_finger_glucose_keeps_its_unit_and_sensor_glucose_is_not_counted_twice(reads: ReadText) -> None:
    event = only(reads(treatment(eventType="BG Check", glucose=5.5, glucoseType="Finger", units="mmol")))
    assert (event.quantity, event.value, event.unit) == ("blood_glucose", 5.5, "mmol/L")
    both = reads(treatment(eventType="Meal Bolus", carbs=20, glucose=100, glucoseType="Sensor", units="mg/dl"))
    assert only(both).quantity == "carbohydrate_intake"


def test_a_document_marked_invalid_is_taken_back(reads: ReadText) -> None:
    assert only(reads(treatment(eventType="Meal Bolus", carbs=20, isValid=False))).retracted


SCHEDULE = {
    "timezone": "Europe/Berlin",
    "basal": [{"time": "00:00", "value": "0.5"}, {"time": "06:00", "value": 0.75, "timeAsSeconds": "21600"}],
}


def switch(at: str, **fields: object) -> dict[str, object]:
    profile = json.dumps(SCHEDULE)
    return {"_id": at, "eventType": "Profile Switch", "created_at": at, "profileJson": profile, **fields}


def test_a_schedule_runs_from_its_switch_to_the_end_of_the_data(reads: ReadText) -> None:
    documents = [
        switch("2026-01-01T03:00:00Z", percentage=200),
        {"type": "sgv", "sgv": 100, "dateString": "2026-01-02T00:00:00Z"},
    ]
    rates = [event for event in reads(json.dumps(documents)).events if event.quantity == "insulin_basal_rate"]
    assert [(f"{e.time:%dT%H:%M}", f"{e.end:%dT%H:%M}", e.value) for e in rates] == [
        ("01T03:00", "01T05:00", 1.0),
        ("01T05:00", "01T23:00", 1.5),
        ("01T23:00", "02T00:00", 1.0),
    ]


def test_a_schedule_ends_where_the_next_begins_and_comes_back_after_a_temporary_one(reads: ReadText) -> None:
    documents = [switch("2026-01-01T08:00:00Z"), switch("2026-01-01T09:00:00Z", percentage=50, duration=60)]
    documents.append({"eventType": "Meal Bolus", "carbs": 1, "created_at": "2026-01-01T12:00:00Z"})
    rates = [event for event in reads(json.dumps(documents)).events if event.quantity == "insulin_basal_rate"]
    assert [(f"{e.time:%H:%M}", f"{e.end:%H:%M}", e.value) for e in rates] == [
        ("08:00", "09:00", 0.75),
        ("09:00", "10:00", 0.375),
        ("10:00", "12:00", 0.75),
    ]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"eventType": "Note", "notes": "x"}, "treatments of the type 'Note' hold no quantity here"),
        ({"eventType": "Temp Basal", "percent": 20, "duration": 30}, "this basal rate is a percentage of a schedule "
         "that the file does not state for that time; export the profile with it, or absolute rates"),
        ({"eventType": "Temp Basal", "duration": 30}, "a temporary basal rate without a rate that can be"),
        ({"eventType": "Temp Basal", "percent": -101, "duration": 30},
         "a temporary basal rate without a rate that can be"),
        ({"eventType": "Temp Basal", "rate": 1, "duration": 0},
         "this ends a temporary basal rate, but none runs then in this file"),
        ({"eventType": "Temp Basal", "rate": 1}, "a temporary basal rate without a duration"),
        ({"eventType": "Meal Bolus", "carbs": "many"}, "carbs is not a number"),
        ({"eventType": "Profile Switch", "profile": "Night"}, "the schedule that it names is not in the file"),
        ({"type": "sgv", "sgv": 5}, "sgv 5 is below what a sensor reports: an error code or another unit"),
        ({"type": "cal", "slope": 800}, "entries of the type 'cal' hold no quantity"),
        ({"eventType": "Meal Bolus", "carbs": 1, "created_at": "soon"},
         "the time is not written as 2026-01-31T08:05:00 or as Unix seconds"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_quarantined_as_it_stood(
    fields: dict[str, object], reason: str, reads: ReadText
) -> None:
    found = reads(
        json.dumps([{"eventType": "Meal Bolus", "carbs": 9, "created_at": TIME}, {"created_at": TIME, **fields}])
    )
    assert found.reasons == [reason]
    assert json.loads(found.quarantined[0].document) == {"created_at": TIME, **fields}
    assert len(found.events) == 1


def test_a_number_beyond_all_numbers_is_quarantined_as_it_stood(reads: ReadText) -> None:
    found = reads('[{"eventType": "Meal Bolus", "created_at": "2026-01-01T08:00:00Z", "insulin": "1e999"},\n'
                  '{"eventType": "Meal Bolus", "created_at": "2026-01-01T09:00:00Z", "insulin": 2}]')  # fmt: skip
    assert found.values == [("01-01T09:00", "insulin_bolus", 2.0)]
    assert '"1e999"' in found.quarantined[0].document


def test_the_time_when_the_server_changed_a_document_orders_its_versions(reads: ReadText) -> None:
    text = '[{"_id": "a", "type": "sgv", "sgv": 118, "date": 1767254400000, "srvModified": %s}]'
    (event,) = reads(text % "1767254500000").events
    assert event.modified is not None
    assert f"{event.modified:%H:%M:%S}" == "08:01:40"
    for other in ('"soon"', "null", "1e300", "true"):
        assert reads(text % other).events[0].modified is None


def test_one_number_that_no_computer_holds_costs_one_document(reads: ReadText) -> None:
    one = '{"type": "sgv", "sgv": %s, "date": 1767254400000}'
    for text in ("[%s,\n%s]", '{"entries": [%s,\n%s]}', "%s\n%s"):
        found = reads(text % (one % "1e999", one % "118"))
        assert found.values == [("01-01T08:00", "cgm_glucose", 118.0)]
        assert found.reasons == ["a number is larger than a number can be"]
        assert found.quarantined[0].document == one % "1e999"


def test_a_collection_that_is_passed_over_is_told(reads: ReadText) -> None:
    text = '{"entries": [{"type": "sgv", "sgv": 118, "date": 1767254400000}], '
    text += '"devicestatus": [{"uploader": 1}], "food": []}'
    found = reads(text)
    assert len(found.events) == 1
    (told,) = [entry.item for entry in found.entries if isinstance(entry.item, Finding)]
    assert (told.rule, told.message) == (
        "not read",
        "the collection 'devicestatus' holds no quantities that are read here",
    )
