"""Nightscout: temporary rates end early or are shares of a schedule; schedules shift; insulins differ in kind."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from pollux.sources import read
from pollux.store import Store
from tests.sources.conftest import LEARNED, Reads, ReadText

PROFILE = {
    "timezone": "Europe/Berlin",
    "basal": [{"time": "00:00", "value": 0.5}, {"time": "06:00", "value": 0.8}, {"time": "12:00", "value": 1.0}],
}
Document = dict[str, object]


def switch(at: str = "2026-01-01T00:00:00Z", **fields: object) -> Document:
    profile = json.dumps(PROFILE)
    return {"_id": "s" + at, "eventType": "Profile Switch", "created_at": at, "profileJson": profile, **fields}


def temporary(clock: str, minutes: float, **fields: object) -> Document:
    at = f"2026-01-01T{clock}:00Z"
    return {"_id": "t" + clock, "eventType": "Temp Basal", "created_at": at, "duration": minutes, **fields}


def reading(clock: str) -> Document:
    return {"_id": "r" + clock, "type": "sgv", "sgv": 100, "dateString": f"2026-01-01T{clock}:00Z"}


def rates(found: Reads, flag: str = "temporary") -> list[tuple[str, str, object]]:
    events = [e for e in found.events if e.quantity == "insulin_basal_rate" and flag in e.flags]
    return [(f"{e.time:%H:%M}", f"{e.end:%H:%M}", e.value) for e in sorted(events, key=lambda e: e.time)]


ORDERS = pytest.mark.parametrize("step", [1, -1], ids=["oldest first", "newest first"])


@ORDERS
def test_a_percentage_is_one_of_the_scheduled_rate(step: int, reads: ReadText) -> None:
    documents = [switch(), temporary("09:00", 30, percent=-50), temporary("10:00", 60, percent=20), reading("12:00")]
    found = reads(json.dumps(documents[::step]))
    assert found.reasons == []
    assert rates(found) == [("09:00", "09:30", 0.4), ("10:00", "11:00", 0.96)]


def test_a_percentage_follows_the_schedule_through_its_changes(reads: ReadText) -> None:
    found = reads(json.dumps([switch(percentage=200), temporary("10:30", 60, percent=50), reading("12:00")]))
    assert rates(found) == [("10:30", "11:00", pytest.approx(2.4)), ("11:00", "11:30", pytest.approx(3.0))]
    assert len({event.id for event in found.events}) == len(found.events)


def test_a_percentage_at_a_time_without_a_schedule_is_quarantined(reads: ReadText) -> None:
    found = reads(json.dumps([switch("2026-01-01T09:10:00Z"), temporary("09:00", 30, percent=50), reading("12:00")]))
    assert rates(found) == []
    assert found.reasons[0].startswith("this basal rate is a percentage of a schedule that the file does not state")


def test_an_absolute_rate_goes_before_a_percentage_and_nothing_at_all_needs_no_schedule(reads: ReadText) -> None:
    found = reads(json.dumps([temporary("09:00", 30, percent=50, absolute=0.3), temporary("10:00", 30, percent=-100)]))
    assert rates(found) == [("09:00", "09:30", 0.3), ("10:00", "10:30", 0.0)]


@ORDERS
def test_a_temporary_rate_ends_where_it_is_cancelled(step: int, reads: ReadText) -> None:
    documents = [temporary("09:00", 120, rate=0.3), temporary("09:20", 0), reading("12:00")]
    found = reads(json.dumps(documents[::step]))
    assert found.reasons == []
    assert rates(found) == [("09:00", "09:20", 0.3)]


@ORDERS
def test_a_temporary_rate_ends_where_the_next_begins_and_does_not_come_back(step: int, reads: ReadText) -> None:
    documents = [temporary("09:00", 120, rate=0.3), temporary("09:20", 30, rate=0.9), temporary("09:30", 0)]
    found = reads(json.dumps(documents[::step]))
    assert rates(found) == [("09:00", "09:20", 0.3), ("09:20", "09:30", 0.9)]


def test_a_cancellation_when_nothing_runs_is_told(reads: ReadText) -> None:
    documents = [temporary("09:00", 30, rate=0.3), temporary("09:10", 0), temporary("09:15", 0), temporary("10:00", 0)]
    found = reads(json.dumps(documents))
    assert rates(found) == [("09:00", "09:10", 0.3)]
    assert found.reasons == ["this ends a temporary basal rate, but none runs then in this file"] * 2


def test_a_temporary_rate_taken_back_ends_no_other(reads: ReadText) -> None:
    documents = [temporary("09:00", 60, rate=0.3), temporary("09:20", 30, rate=0.9, isValid=False)]
    found = reads(json.dumps(documents))
    assert rates(found)[0] == ("09:00", "10:00", 0.3)
    assert [event.retracted for event in found.events] == [False, True]


def test_a_cancellation_that_comes_with_a_later_export_corrects_the_end(tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    with Store.open(tmp_path / "store.db") as store:
        for day, documents in enumerate(([temporary("09:00", 60, rate=0.3)], [temporary("09:00", 60, rate=0.3),
                                                                              temporary("09:20", 0)])):  # fmt: skip
            path.write_text(json.dumps(documents))
            now = LEARNED + timedelta(days=day)
            store.take(read(path, learned=now, person="p1"), now)
        (event,) = store.record("p1").of("insulin_basal_rate")
        assert f"{event.end:%H:%M}" == "09:20"


@pytest.mark.parametrize("shift", [2, "2", 2 * 3_600_000, 2.0])
def test_a_time_shift_moves_the_schedule_round_the_clock(shift: object, reads: ReadText) -> None:
    found = reads(json.dumps([switch("2026-01-01T04:00:00Z", timeshift=shift), reading("15:00")]))
    assert found.reasons == []
    assert rates(found, "scheduled") == [("04:00", "07:00", 0.5), ("07:00", "13:00", 0.8), ("13:00", "15:00", 1.0)]


def test_a_time_shift_backwards_goes_over_midnight(reads: ReadText) -> None:
    found = reads(json.dumps([switch("2026-01-01T08:00:00Z", timeshift=-13), reading("12:00")]))
    assert rates(found, "scheduled") == [("08:00", "10:00", 1.0), ("10:00", "12:00", 0.5)]


def test_a_time_shift_that_cannot_be_is_quarantined(reads: ReadText) -> None:
    found = reads(json.dumps([switch(timeshift=7200), reading("12:00")]))
    assert found.reasons == ["its timeshift is neither hours nor milliseconds of a day"]
    assert rates(found, "scheduled") == []


def test_a_switch_finds_the_profile_that_it_names_in_the_file(reads: ReadText) -> None:
    stores = [{"defaultProfile": "Day", "startDate": f"2025-12-0{day}T00:00:00Z", "_id": f"p{day}",
               "store": {"Day": PROFILE, "Night": {"basal": [{"time": "00:00", "value": day}]}}}
              for day in (1, 2)]  # fmt: skip
    night = {"eventType": "Profile Switch", "created_at": "2026-01-01T08:00:00Z", "profile": "Night", "_id": "n"}
    found = reads(json.dumps([night, *stores, reading("10:00")]))
    assert found.reasons == []
    assert [row for row in rates(found, "scheduled") if row[0] == "08:00"] == [("08:00", "10:00", 2.0)]


def test_a_switch_taken_back_gives_way_to_the_one_before(reads: ReadText) -> None:
    documents = [switch(), switch("2026-01-01T12:00:00Z", percentage=300, isValid=False), reading("14:00")]
    found = reads(json.dumps(documents))
    standing = [e for e in found.events if e.quantity == "insulin_basal_rate" and not e.retracted]
    assert [e.value for e in standing] == [0.5, 0.8, 1.0]
    assert [(f"{e.time:%H:%M}", e.value) for e in found.events if e.retracted] == [("12:00", 3.0)]


def injected(insulin: float | None, *parts: tuple[str, float], **fields: object) -> str:
    named = json.dumps([{"insulin": name, "units": units} for name, units in parts])
    at = {"_id": "i", "created_at": "2026-01-01T08:00:00Z", "eventType": "<none>", "insulinInjections": named}
    return json.dumps([{**at, "insulin": insulin, **fields}])


def test_injections_tell_bolus_and_long_acting_insulin_apart(reads: ReadText) -> None:
    found = reads(injected(76, ("Actrapid", 20.0), ("Toujeo", 56.0)))
    assert [(e.quantity, e.value, e.id) for e in found.events] == [
        ("insulin_bolus", 20.0, "nightscout/i#insulin"),
        ("insulin_long_acting", 56.0, "nightscout/i#insulin-2"),
    ]
    assert [e.quantity for e in reads(injected(5, ("Novorapid", 5.0))).events] == ["insulin_bolus"]
    assert [e.quantity for e in reads(injected(5)).events] == ["insulin_bolus"]


def test_the_type_of_insulin_counts_where_it_is_stated(reads: ReadText) -> None:
    assert [e.quantity for e in reads(injected(18, insulinType="Lantus")).events] == ["insulin_long_acting"]
    assert [e.quantity for e in reads(injected(4, insulinType="Humalog")).events] == ["insulin_bolus"]
    found = reads(injected(4, insulinType="something"))
    assert found.events == []
    assert found.reasons == ["the insulin 'something' is not known as a bolus or a long-acting dose"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (injected(5, ("Zaubertrank", 5.0), carbs=9),
         "the insulin 'Zaubertrank' is not known as a bolus or a long-acting dose"),
        (injected(5, ("Afrezza", 5.0), carbs=9),
         "the insulin 'Afrezza' is not known as a bolus or a long-acting dose"),
        (injected(9, ("Lantus", 5.0), carbs=9), "its injections do not add up to its insulin"),
        (injected(9, carbs=9, insulinInjections="[{]"), "its insulinInjections cannot be read"),
        (injected(9, carbs=9, insulinInjections=[{"insulin": "Lantus", "units": "NaN"}]),
         "its insulinInjections cannot be read"),
        (injected(9, carbs=9, insulinType="Humalog Mix 25"),
         "the insulin 'Humalog Mix 25' may be of more than one kind"),
    ],
)  # fmt: skip
def test_insulin_of_an_unknown_kind_is_quarantined_and_the_meal_stays(
    content: str, reason: str, reads: ReadText
) -> None:
    found = reads(content)
    assert found.reasons == [reason]
    assert [(e.quantity, e.value) for e in found.events] == [("carbohydrate_intake", 9.0)]


def test_a_broken_line_is_quarantined_and_the_rest_comes_in(reads: ReadText) -> None:
    rows = [json.dumps(reading("08:00")), '{"sgv": 1', json.dumps(reading("08:05"))]
    found = reads("\n".join(rows))
    assert [e.value for e in found.events] == [100.0, 100.0]
    assert [kept.document for kept in found.quarantined] == ['{"sgv": 1']
    assert found.quarantined[0].finding.where == "file line 2 [0]"


@pytest.mark.parametrize("more", [{}, {"created_at": "2026-01-01T11:30:00Z", "mills": 0}, {"mills": "1546300800000"}])
def test_a_profile_is_in_force_since_the_start_that_it_states_however_long_ago(
    more: dict[str, object], reads: ReadText
) -> None:
    profile = {"_id": "p", "defaultProfile": "D", "store": {"D": PROFILE}, "startDate": "1970-01-01T00:00:00Z", **more}
    found = reads(json.dumps([reading("08:00"), profile, reading("12:00")]))
    assert found.reasons == []
    assert rates(found, "scheduled")[-2:] == [("05:00", "11:00", 0.8), ("11:00", "12:00", 1.0)]
    assert min(event.time for event in found.events).year == 2026


def test_a_schedule_with_more_rates_than_a_pump_can_keep_is_refused(reads: ReadText) -> None:
    basal = [{"timeAsSeconds": second, "value": 1} for second in range(300)]
    switched = switch(profileJson=json.dumps({"timezone": "UTC", "basal": basal}))
    assert reads(json.dumps([switched, reading("08:00")])).reasons == [
        "the schedule has more rates than a day has five minutes"
    ]


def test_older_names_of_a_temporary_rate_and_of_its_end_are_read(reads: ReadText) -> None:
    begin = {**temporary("09:00", 60, absolute=2), "eventType": "Temp Basal Start"}
    end = {"_id": "e", "eventType": "Temp Basal End", "created_at": "2026-01-01T09:20:00Z"}
    other = {**temporary("11:00", 30, absolute=1), "eventType": "temp basal"}
    found = reads(json.dumps([begin, end, other]))
    assert found.reasons == []
    assert rates(found) == [("09:00", "09:20", 2.0), ("11:00", "11:30", 1.0)]
