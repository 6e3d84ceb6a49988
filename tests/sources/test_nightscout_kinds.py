"""What kind of thing a Nightscout document speaks of: no dose is skipped, and none is taken for another."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest

from pollux.calibration.course import Course
from pollux.record import Person, Record
from pollux.sources.clock import two_readings
from tests.sources.conftest import Reads, ReadText

DAY = "2026-01-01T"


def treatments(*documents: Mapping[str, object]) -> str:
    return json.dumps([{"_id": f"t{k}", "created_at": f"{DAY}08:00:00Z", **one} for k, one in enumerate(documents)])


def kinds(found: Reads) -> list[tuple[str, object]]:
    return [(event.quantity, event.value) for event in found.events]


# Which insulin


@pytest.mark.parametrize(
    ("document", "flags"),
    [
        ({"notes": "Lantus"}, ("insulin known by its note",)),
        ({"notes": "20 units Tresiba, evening"}, ("insulin known by its note",)),
        ({"notes": "Basal insulin"}, ("insulin known by its note",)),
        ({"notes": "Insuman Basal 8"}, ("insulin known by its note",)),
        ({"notes": "Humulin I 10 U"}, ("insulin known by its note",)),
        ({"notes": "LONG-ACTING"}, ("insulin known by its note",)),
        ({"notes": "Basal 20u"}, ("insulin known by its note",)),
        ({"notes": "20 IE Basalinsulin, abends"}, ("insulin known by its note",)),
        ({"notes": "took my long acting insulin"}, ("insulin known by its note",)),
        ({"notes": "Langzeitinsulin"}, ("insulin known by its note",)),
        ({"notes": "insulina lenta 20 ui"}, ("insulin known by its note",)),
        ({"notes": "Tresiba U200 28 units at 10pm"}, ("insulin known by its note",)),
        ({"notes": "Lantus split dose 22:30"}, ("insulin known by its note",)),
        ({"isBasalInsulin": True}, ("long-acting by its mark",)),
        ({"isBasalInsulin": True, "notes": "Levemir"}, ("long-acting by its mark",)),
        ({"insulinType": "Toujeo"}, ()),
        ({"eventType": "Long Acting Insulin Dose"}, ()),
    ],
)
def test_long_acting_insulin_logged_as_a_bolus_is_long_acting(
    reads: ReadText, document: dict[str, object], flags: tuple[str, ...]
) -> None:
    found = reads(treatments({"eventType": "Correction Bolus", "insulin": 20, **document}))
    assert found.reasons == []
    assert kinds(found) == [("insulin_long_acting", 20.0)]
    assert found.events[0].flags == flags


@pytest.mark.parametrize(
    "notes",
    ["", "pizza", "Novorapid", "corrected after lunch", "isf 40", "trail mix", "pizza 50/50", "high after site change",
     "correction after pod change", "prime rib", "basal too low", "temp basal 120 %", "new site", "Actrapid 4 IE"],
)  # fmt: skip
def test_a_note_that_names_no_other_insulin_leaves_a_bolus(reads: ReadText, notes: str) -> None:
    found = reads(treatments({"eventType": "Correction Bolus", "insulin": 2, "notes": notes}))
    assert kinds(found) == [("insulin_bolus", 2.0)]


@pytest.mark.parametrize(
    "notes",
    [
        "forgot Lantus last night",
        "Lantus + Novorapid",
        "no Tresiba today",
        "before NovoMix",
        "not my Levemir",
        "forgot my long acting",
        "Humalog mix 25",
        "skip basal insulin tonight",
    ],
)
def test_a_note_that_names_another_insulin_and_says_more_is_asked_about(reads: ReadText, notes: str) -> None:
    found = reads(treatments({"eventType": "Correction Bolus", "insulin": 2, "notes": notes, "carbs": 20}))
    assert kinds(found) == [("carbohydrate_intake", 20.0)]
    assert found.reasons == [
        "its note names an insulin that is no bolus, and more: which insulin this was cannot be told"
    ]


def test_two_places_that_contradict_each_other_are_asked_about(reads: ReadText) -> None:
    found = reads(treatments({"insulin": 9, "isBasalInsulin": True, "notes": "Humalog"}))
    assert found.events == []
    assert found.reasons == ["it says in one place that its insulin is long-acting and in another that it is a bolus"]


@pytest.mark.parametrize(
    "document",
    [
        {"eventType": "Meal Bolus", "type": "PRIMING"},
        {"eventType": "Prime"},
        {"eventType": "Site Change"},
        {"eventType": "Cartridge Change"},
    ],
)
def test_what_fills_a_tube_is_no_dose(reads: ReadText, document: dict[str, object]) -> None:
    found = reads(treatments({"insulin": 0.7, **document}))
    assert found.events == []
    assert found.reasons == ["this insulin filled a cannula or a tube (priming): it did not go into the body"]


@pytest.mark.parametrize(
    "notes",
    ["priming", "prime 0.5U", "fill cannula", "air shot before injection", "pod change", "new site change 0.3 U"],
)
def test_a_note_of_priming_is_asked_about(reads: ReadText, notes: str) -> None:
    found = reads(treatments({"eventType": "Correction Bolus", "insulin": 0.5, "notes": notes}))
    assert found.events == []
    assert found.reasons == [
        "its note speaks of priming or of the pump's parts: whether it went into the body cannot be told"
    ]


def test_a_type_of_dose_that_is_not_known_is_never_skipped(reads: ReadText) -> None:
    found = reads(treatments({"insulin": 3, "type": "DUALWAVE"}, {"insulin": 3, "isBasalInsulin": "perhaps"}))
    assert found.events == []
    assert found.reasons == [
        "a dose of the type 'dualwave' is not understood",
        "isBasalInsulin is neither true nor false",
    ]


def test_a_dose_given_over_a_while_has_an_end(reads: ReadText) -> None:
    long, short = reads(treatments(
        {"insulin": 3, "type": "square", "duration": 120}, {"insulin": 3, "type": "normal", "duration": 2},
    )).events  # fmt: skip
    assert long.end is not None
    assert (long.end - long.time, long.flags) == (timedelta(hours=2), ("spread",))
    assert short.end is None


# What was eaten


@pytest.mark.parametrize(
    ("duration", "hours"),
    [
        ({"duration": 7_200_000, "app": "AAPS"}, 2),
        ({"duration": 120}, 2),
        ({"duration": 90}, 1.5),
        ({"durationInMilliseconds": 10_800_000}, 3),
    ],
)
def test_carbohydrate_with_a_duration_is_spread_in_its_own_unit(
    reads: ReadText, duration: dict[str, object], hours: float
) -> None:
    (event,) = reads(treatments({"eventType": "Meal Bolus", "carbs": 60, **duration})).events
    assert event.end is not None
    assert (event.end - event.time, event.flags) == (timedelta(hours=hours), ("spread",))


def test_a_spread_meal_reaches_the_model_evenly(reads: ReadText) -> None:
    record = Record(Person("p1"), tuple(reads(treatments({"carbs": 60, "duration": 120})).events))
    meals = Course.of(record).meals
    assert len(meals) == 8
    assert meals[:, 1].sum() == 60.0
    assert set(meals[:, 1]) == {7.5}
    assert set(meals[1:, 0] - meals[:-1, 0]) == {15.0}


@pytest.mark.parametrize("duration", [5000, 90_000_000])
def test_a_duration_in_no_known_unit_is_asked_about(reads: ReadText, duration: int) -> None:
    found = reads(treatments({"carbs": 60, "duration": duration}))
    assert found.events == []
    assert found.reasons == ["the duration of its carbohydrate is neither minutes nor milliseconds of a day"]


def test_a_duration_of_a_meal_with_a_dose_belongs_to_one_of_them(reads: ReadText) -> None:
    found = reads(treatments({"carbs": 60, "insulin": 6, "duration": 90}))
    assert kinds(found) == [("insulin_bolus", 6.0)]
    assert found.reasons == ["its duration may be that of the meal or that of the dose"]


def equivalents(*minutes: int, grams: int = 5, **more: object) -> list[dict[str, object]]:
    start = datetime(2026, 1, 1, 9, tzinfo=UTC)
    return [
        {"created_at": (start + timedelta(minutes=m)).isoformat(), "carbs": grams, "fat": 0, "protein": 0, **more}
        for m in minutes
    ]


def test_fat_and_protein_written_as_carbohydrate_are_told_apart_from_what_was_eaten(reads: ReadText) -> None:
    eaten = {"carbs": 15, "fat": 20, "protein": 12}
    found = reads(treatments(eaten, *equivalents(0, 30, 60)))
    assert kinds(found) == [("carbohydrate_intake", 15.0)] + 3 * [("carbohydrate_equivalent", 5.0)]
    marked = reads(treatments({"carbs": 33, "isFPU": True}, {"carbs": 12, "fpuID": "a"}))
    assert kinds(marked) == [("carbohydrate_equivalent", 33.0), ("carbohydrate_equivalent", 12.0)]


@pytest.mark.parametrize("minutes", [(0, 15), (0, 17, 32), (0, 15, 35)])
def test_twice_the_same_against_a_low_was_eaten_and_the_doubt_is_told(
    reads: ReadText, minutes: tuple[int, ...]
) -> None:
    found = reads(treatments(*equivalents(*minutes, grams=15)))
    assert kinds(found) == len(minutes) * [("carbohydrate_intake", 15.0)]
    assert {event.flags for event in found.events} == {("may stand for fat and protein",)}


def test_one_entry_alone_that_may_stand_for_fat_and_protein_is_a_doubt(reads: ReadText) -> None:
    found = reads(treatments(*equivalents(0, 300), *equivalents(40, grams=60)))
    assert {event.quantity for event in found.events} == {"carbohydrate_intake"}
    assert {event.flags for event in found.events} == {("may stand for fat and protein",)}


# A pump that gives nothing


def profile(rate: float = 1.0) -> dict[str, object]:
    return {
        "_id": "p", "created_at": f"{DAY}00:00:00Z", "eventType": "Profile Switch",
        "profileJson": json.dumps({"timezone": "UTC", "basal": [{"time": "00:00", "value": rate}]}),
    }  # fmt: skip


def at(hour: int, **more: object) -> dict[str, object]:
    return {"_id": f"at{hour}", "created_at": f"{DAY}{hour:02d}:00:00Z", **more}


def rate_at(found: Reads, hour: float) -> float:
    course = Course.of(Record(Person("p1"), tuple(found.events)))
    start = datetime(2026, 1, 1, tzinfo=UTC).timestamp() / 60 + 60 * hour
    return float(course.segments(start, start + 1).values[0, 1])


PAIRS = [
    ({"eventType": "Suspend Pump"}, {"eventType": "Resume Pump"}),
    ({"eventType": "Pump Suspend"}, {"eventType": "Pump Resume"}),
    ({"eventType": "Note", "notes": "Pump suspended"}, {"eventType": "Note", "notes": "Pump resumed."}),
    ({"eventType": "<none>", "notes": "PumpSuspend"}, {"eventType": "<none>", "notes": "PumpResume"}),
    ({"eventType": "Suspend Pump", "duration": 120}, {"eventType": "Note", "notes": "back"}),
    ({"eventType": "OpenAPS Offline", "mode": "DISCONNECTED_PUMP", "duration": 120}, {"eventType": "Note"}),
    ({"eventType": "OpenAPS Offline", "reason": "DISCONNECT_PUMP", "duration": 120}, {"eventType": "Note"}),
    (
        {"eventType": "OpenAPS Offline", "mode": "SUSPENDED_BY_PUMP", "duration": 0},
        {"eventType": "OpenAPS Offline", "mode": "CLOSED_LOOP", "duration": 0},
    ),
    (
        {"eventType": "OpenAPS Offline", "mode": "DISCONNECTED_PUMP", "durationInMilliseconds": 9223372036854775807},
        {"eventType": "OpenAPS Offline", "mode": "CLOSED_LOOP_LGS", "duration": 0},
    ),
]


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: str(pair[0]))
def test_a_suspended_pump_gives_nothing_and_goes_on_as_before(
    reads: ReadText, pair: tuple[dict[str, object], dict[str, object]]
) -> None:
    stop, start = pair
    found = reads(json.dumps([profile(), at(12, **stop), at(14, **start), at(20, insulin=0.5)]))
    assert [rate_at(found, hour) for hour in (11, 12.5, 13.9, 14.5, 19)] == [1.0, 0.0, 0.0, 1.0, 1.0]


def test_a_temporary_rate_ends_where_the_pump_stops_and_none_runs_while_it_stands_still(reads: ReadText) -> None:
    running = at(11, eventType="Temp Basal", absolute=3.0, duration=300)
    asked = at(13, eventType="Temp Basal", absolute=2.0, duration=30)
    pair = at(12, eventType="Suspend Pump"), at(14, eventType="Resume Pump")
    found = reads(json.dumps([profile(), running, asked, *pair, at(20, insulin=0.5)]))
    assert [rate_at(found, hour) for hour in (11.5, 12.5, 13.2, 14.5, 15.5)] == [3.0, 0.0, 0.0, 1.0, 1.0]


def test_a_suspension_that_nothing_ends_lasts_to_the_end_of_the_data_or_is_asked_about(reads: ReadText) -> None:
    stop, reading = at(12, eventType="Suspend Pump"), {"type": "sgv", "sgv": 120, "date": 1767283200000}  # 16:00
    found = reads(json.dumps([profile(), stop, reading]))
    (suspended,) = [event for event in found.events if "suspended" in event.flags]
    assert suspended.end == datetime(2026, 1, 1, 16, tzinfo=UTC)
    assert suspended.flags == ("suspended", "end of suspension not stated")
    found = reads(json.dumps([profile(), stop, at(20, insulin=0.5)]))
    assert found.reasons == [
        "the pump was suspended and gave insulin later, but nothing says when it went on: the basal rate in between is "
        "not known"
    ]


def test_a_pump_that_goes_on_without_having_stopped_is_told(reads: ReadText) -> None:
    found = reads(json.dumps([profile(), at(14, eventType="Resume Pump")]))
    assert found.reasons == ["this lets a pump go on, but nothing in this file stopped it before"]


def test_a_note_that_tells_a_story_of_a_pump_stops_nothing(reads: ReadText) -> None:
    found = reads(json.dumps([profile(), at(12, eventType="Note", notes="pump was suspended yesterday, all well")]))
    assert rate_at(found, 0) == 1.0
    assert found.reasons == ["treatments of the type 'Note' hold no quantity here"]


def test_a_schedule_beside_injections_and_without_a_pump_is_not_counted_twice(reads: ReadText) -> None:
    lantus = at(8, insulin=24, notes="Lantus")
    found = reads(json.dumps([profile(), lantus, at(12, insulin=4)]))
    assert [event.quantity for event in found.events] == ["insulin_long_acting", "insulin_bolus"]
    assert found.reasons == [
        "long-acting insulin was injected, and nothing in this file speaks of a pump: its basal schedule may stand for "
        "the same insulin, and is not counted beside it"
    ]
    pump = reads(json.dumps([profile(), lantus, at(12, eventType="Site Change"), at(13, insulin=4)]))
    assert "insulin_basal_rate" in {event.quantity for event in pump.events}


# Zones


def scheduled(timezone: str, **more: object) -> str:
    basal = [{"time": "00:00", "value": 0.5}, {"time": "06:00", "value": 1.1}]
    store = {"Default": {"timezone": timezone, "basal": basal}}
    document = {"_id": "p", "defaultProfile": "Default", "startDate": "2026-01-01T00:00:00Z", "store": store, **more}
    return json.dumps({"profile": [document], "entries": [{"type": "sgv", "sgv": 120, "date": 1767283200000}]})


@pytest.mark.parametrize("name", ["GMT+4", "UTC-3", "GMT-0330", "CST", "IST", "EST"])
def test_a_zone_that_means_two_things_is_asked_about_with_both(reads: ReadText, name: str) -> None:
    found = reads(scheduled(name), timezone="Europe/London")
    assert [event.quantity for event in found.events] == ["cgm_glucose"]
    assert found.reasons == [
        f"the times of day of its basal rates cannot be placed: the time zone {name!r} means two things: "
        f"{two_readings(name)}"
    ]


def test_a_zone_that_nobody_knows_is_not_replaced(reads: ReadText) -> None:
    found = reads(scheduled("Middle-earth/Shire"), timezone="Europe/London")
    assert found.reasons == [
        "the times of day of its basal rates cannot be placed: there is no time zone 'Middle-earth/Shire'"
    ]


def test_a_zone_that_contradicts_the_documents_own_offset_is_asked_about(reads: ReadText) -> None:
    for more in ({"utcOffset": 240}, {"startDate": "2026-01-01T04:00:00+04:00"}):
        found = reads(scheduled("Europe/London", **more))
        assert found.reasons == [
            "its zone Europe/London was +00:00 from UTC then, but the document's own offset is +04:00"
        ]


def test_a_zone_as_loop_writes_it_is_read(reads: ReadText) -> None:
    found = reads(scheduled("ETC/GMT+4"))
    assert found.reasons == []
    changes = [event.time.hour for event in found.events if event.quantity == "insulin_basal_rate"]
    assert changes == [0, 4, 10]  # 20:00, midnight and 06:00 of a place four hours behind UTC


# The third version of the API


def test_an_answer_of_the_third_api_is_read(reads: ReadText) -> None:
    entry = {"identifier": "a", "type": "sgv", "sgv": 121, "date": 1767254400000, "utcOffset": 0, "isValid": True}
    dose = {"identifier": "b", "eventType": "Correction Bolus", "insulin": 2, "date": 1767254400000, "isValid": True}
    found = reads(json.dumps({"status": 200, "result": [entry, dose]}))
    assert kinds(found) == [("cgm_glucose", 121.0), ("insulin_bolus", 2.0)]
    assert [event.id for event in found.events] == ["nightscout/a", "nightscout/b#insulin"]
