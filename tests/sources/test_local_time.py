"""Local times, through the hours that happen twice or not at all."""

import json
import random
import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from pollux.errors import RefusedInput
from pollux.record import Finding, Person
from pollux.sources.clock import LocalClock, stated
from pollux.sources.transmitter import Transmitters
from tests.sources.conftest import ReadText
from tests.sources.examples import clarity, observation

AUTUMN = "2025-10-26T"  # in Berlin the clocks go back from 03:00 to 02:00, at 01:00 UTC
HEADER = "time,quantity,value,unit\n"
ORDERS = pytest.mark.parametrize("step", [1, -1], ids=["oldest first", "newest first"])


def times(found: list[datetime]) -> list[str]:
    return [f"{time:%H:%M}" for time in found]


def utc(clock: LocalClock, text: str) -> datetime:
    local = stated(AUTUMN + text).local
    assert local is not None
    return clock.utc(local)[0]


def test_the_hour_that_happens_twice_is_told_apart_by_the_order_of_rows() -> None:
    clock = LocalClock("Europe/Berlin")
    found = [utc(clock, text) for text in ("01:55", "02:00", "02:30", "02:55", "02:00", "02:30", "02:55", "03:00")]
    assert times(found) == ["23:55", "00:00", "00:30", "00:55", "01:00", "01:30", "01:55", "02:00"]


def test_the_same_in_a_file_that_runs_backwards() -> None:
    clock = LocalClock("Europe/Berlin")
    found = [utc(clock, text) for text in ("03:00", "02:55", "02:30", "02:00", "02:55", "02:30", "02:00", "01:55")]
    assert times(found) == ["02:00", "01:55", "01:30", "01:00", "00:55", "00:30", "00:00", "23:55"]


def test_a_transmitter_that_counts_decides_even_when_rows_are_mixed(reads: ReadText) -> None:
    rows = [
        ("01:50:00", 6600), ("02:05:00", 7500), ("02:10:00", 11400), ("02:15:00", 8100), ("02:20:00", 12000)
    ]  # fmt: skip
    lines = [f"{i},{AUTUMN}{at},EGV,,,,iOS,{100 + i},,,,,{count},8ABC" for i, (at, count) in enumerate(rows)]
    events = reads(clarity(*lines), timezone="Europe/Berlin").events
    assert times([event.time for event in events]) == ["23:50", "00:05", "01:10", "00:15", "01:20"]
    assert all(event.flags == () for event in events)


def test_a_time_that_the_order_of_rows_decided_is_flagged(reads: ReadText) -> None:
    (event,) = reads(HEADER + f"{AUTUMN}02:30,body_weight,70,kg\n", timezone="Europe/Berlin").events
    assert event.flags == ("ambiguous local time",)


def test_a_local_time_that_never_was_is_quarantined(reads: ReadText) -> None:
    found = reads(HEADER + "2025-03-30T02:30,body_weight,70,kg\n", timezone="Europe/Berlin")
    assert found.reasons == ["2025-03-30 02:30 did not exist in Europe/Berlin: the clocks went forward"]
    assert found.events == []


def test_an_offset_needs_no_time_zone(reads: ReadText) -> None:
    (event,) = reads(HEADER + f"{AUTUMN}02:30+01:00,body_weight,70,kg\n", timezone="Europe/Berlin").events
    assert times([event.time]) == ["01:30"]
    assert event.flags == ()


@pytest.mark.parametrize("text", ["2026-01-01T08:00+25:00", "2026-13-01", "12:00", "99999999999999", "2026-1-1", ""])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(RefusedInput):
        stated(text)


def test_a_leap_second_is_the_next_second() -> None:
    found = stated("2016-12-31T23:59:60Z").utc
    assert found is not None
    assert found.isoformat() == "2017-01-01T00:00:00+00:00"


WITHOUT_OFFSET = {
    "table": HEADER + "2026-01-01T08:00,body_weight,70,kg\n",
    "end": "time,quantity,value,unit,end\n2026-01-01T08:00Z,insulin_basal_rate,1,U/h,2026-01-01T09:00\n",
    "clarity": clarity("4,2026-01-01T08:00:00,EGV,,,,iOS G7,120,,,,,,8ABC").decode(),
    "entries": '[{"type": "sgv", "sgv": 118, "dateString": "2026-01-01T08:00:00"}]',
    "treatments": '[{"eventType": "Meal Bolus", "created_at": "2026-01-01T08:00:00", "insulin": 2}]',
    "schedule": '[{"eventType": "Profile Switch", "created_at": "2026-01-01T08:00:00Z", "profileJson": '
    '"{\\"basal\\": [{\\"time\\": \\"00:00\\", \\"value\\": 1}, {\\"time\\": \\"06:00\\", \\"value\\": 2}]}"}]',
}


@pytest.mark.parametrize("content", WITHOUT_OFFSET.values(), ids=WITHOUT_OFFSET)
def test_local_times_are_refused_when_nobody_said_their_zone(content: str, reads: ReadText) -> None:
    assert reads(content, timezone="UTC").reasons == []
    with pytest.raises(
        RefusedInput,
        match=r"^times in this file state no time zone \[file\]. Add --timezone, such as --timezone Europe/Berlin.$",
    ):
        reads(content, timezone="")


STATED = {
    "offset": HEADER + "2026-01-01T08:00+01:00,body_weight,70,kg\n",
    "epoch": HEADER + "1767225600,body_weight,70,kg\n",
    "nightscout": '[{"type": "sgv", "sgv": 118, "date": 1767254400000, "dateString": "2026-01-01T08:00:00"}]',
    "one rate": '[{"eventType": "Profile Switch", "created_at": "2026-01-01T08:00:00Z", "profileJson": '
    '"{\\"basal\\": [{\\"time\\": \\"00:00\\", \\"value\\": 1}]}"}]',
    "fhir": json.dumps(observation(effectiveDateTime="2025-05-01")),
}


@pytest.mark.parametrize("content", STATED.values(), ids=STATED)
def test_times_that_say_their_own_zone_need_none(content: str, reads: ReadText) -> None:
    found, utc = reads(content, timezone=""), reads(content, timezone="UTC")
    assert found.reasons == []
    assert found.entries == utc.entries
    assert all(entry.item.timezone == "UTC" for entry in found.entries if isinstance(entry.item, Person))


# A transmitter counts; the clock of the display jumps.


def egv(start: str, readings: int, counter: int, value: int, date: str = "2025-06-10") -> list[str]:
    """Readings every five minutes by the display's clock and by the counter."""
    hour, minute = (int(part) for part in start.split(":"))
    return [
        f"{counter + 300 * k},{date}T{hour + (minute + 5 * k) // 60:02d}:{(minute + 5 * k) % 60:02d}:00,EGV,,,,iOS,"
        f"{value + k},,,,,{counter + 300 * k},8ABC"
        for k in range(readings)
    ]


def test_a_display_set_back_on_a_journey_moves_no_reading_and_swallows_none(reads: ReadText) -> None:
    rows = egv("13:00", 8, 500_000, 100) + egv("10:40", 6, 502_400, 100)  # the same values at the same shown times
    found = reads(clarity(*rows), timezone="America/New_York")
    moments = [event.time for event in found.events]
    assert moments == [moments[0] + timedelta(minutes=5 * k) for k in range(14)]
    assert [event.flags for event in found.events] == 8 * [()] + 6 * [("display clock differed",)]
    (told,) = [entry.item for entry in found.entries if isinstance(entry.item, Finding)]
    assert (told.rule, told.message) == (
        "display clock differed",
        "from 2025-06-10 10:40 on the display's clock was 3 h behind the transmitter's counter for 6 readings; the "
        "counter gives their times",
    )


def test_a_clock_that_was_wrong_at_first_is_not_the_right_one(reads: ReadText) -> None:
    rows = egv("09:00", 4, 1000, 100) + egv("13:20", 20, 2200, 120)
    events = reads(clarity(*rows), timezone="UTC").events
    assert times([event.time for event in events[:5]]) == ["13:00", "13:05", "13:10", "13:15", "13:20"]
    assert {event.flags for event in events[4:]} == {()}


def test_a_dose_on_a_display_that_differed_moves_with_the_readings(reads: ReadText) -> None:
    dose = "99,2025-06-10T10:47:00,Insulin,Fast-Acting,,,iOS,,4,,,,,"
    rows = [*egv("13:00", 8, 500_000, 100), *egv("10:40", 2, 502_400, 110), dose, *egv("10:50", 2, 503_000, 120)]
    (bolus,) = [e for e in reads(clarity(*rows), timezone="UTC").events if e.quantity == "insulin_bolus"]
    assert (f"{bolus.time:%H:%M}", bolus.flags) == ("13:47", ("display clock differed",))


def test_a_clock_changed_too_late_in_autumn_and_a_gap_do_not_matter(reads: ReadText) -> None:
    before = egv("23:00", 10, 100_000, 100, "2025-10-25")  # summer time, UTC 21:00
    late = egv("08:00", 6, 100_000 + 9 * 3600, 120, "2025-10-26")  # still summer time on the display: UTC 06:00
    after = egv("09:00", 30, 100_000 + 11 * 3600, 130, "2025-10-26")  # winter time at last: UTC 08:00
    events = reads(clarity(*before, *late, *after), timezone="Europe/Berlin").events
    assert times([events[0].time, events[10].time, events[16].time]) == ["21:00", "06:00", "08:00"]
    assert [event.flags for event in events[10:16]] == 6 * [("display clock differed",)]
    assert {event.flags for event in [*events[:10], *events[16:]]} == {()}


def test_two_displays_whose_rows_stand_mixed_are_told_once_each() -> None:
    """A phone and a receiver three hours apart: stretches grow with days, not with readings."""
    start, transmitters = datetime(2025, 6, 1), Transmitters(ZoneInfo("UTC"))
    for k in range(4 * 288):
        for shown in (start, start - timedelta(hours=3))[: 1 + k % 2]:  # the receiver missed every other reading
            transmitters.saw("8A", 300.0 * k, shown + timedelta(minutes=5 * k))
    assert [text.split("on the ")[1] for text in transmitters.differences()] == [
        "display's clock was 3 h behind the transmitter's counter for 576 readings; the counter gives their times"
    ]
    assert transmitters.utc("8A", 300.0, start + timedelta(minutes=5)) == (
        datetime(2025, 6, 1, 0, 5, tzinfo=UTC),
        False,
    )


@pytest.mark.parametrize(("days", "away"), [(90, 40), (12, 3), (30, 14)])
def test_a_display_that_was_off_for_weeks_is_told_in_one_line_and_a_second_time_in_another(
    days: int, away: int
) -> None:
    start, transmitters = datetime(2025, 3, 1), Transmitters(ZoneInfo("UTC"))
    for day in range(2 * days):
        off = timedelta(hours=2) if day % days < away else timedelta(0)
        for k in range(0, 288, 4):
            moment = start + timedelta(days=day, minutes=5 * k)
            transmitters.saw("8A", (moment - start).total_seconds() + 5e5, moment + off)
    told = list(transmitters.differences())
    assert [text.split(" on the ")[0] for text in told] == [
        f"from {start + timedelta(days=d, hours=2):%Y-%m-%d %H:%M}" for d in (0, days)
    ]
    assert [text.split(" for ")[1].split(" ")[0] for text in told] == 2 * [f"{72 * away:,}"]


def test_a_counter_that_jumps_about_is_not_used() -> None:
    transmitters, rng = Transmitters(ZoneInfo("UTC")), random.Random(1)
    for k in range(6000):
        transmitters.saw("8A", float(rng.randint(0, 10**9)), datetime(2025, 6, 1) + timedelta(minutes=5 * k))
    assert transmitters.utc("8A", 300.0, datetime(2025, 6, 1)) is None
    assert list(transmitters.differences()) == [
        "a transmitter's counter jumps about in this file: it is not used, and times are the display's"
    ]


def test_the_autumn_hour_with_a_gap_is_the_counters(reads: ReadText) -> None:
    rows = egv("01:45", 2, 6300, 100, "2025-10-26") + egv("02:30", 2, 12_600, 110, "2025-10-26")
    events = reads(clarity(*rows), timezone="Europe/Berlin").events
    assert times([event.time for event in events]) == ["23:45", "23:50", "01:30", "01:35"]
    assert all(event.flags == () for event in events)


def sensors(*spans: tuple[str, int, int], name: str = "", value: int = 100) -> list[str]:
    """Rows of sensors without an id of their own, each counting anew: begin on the display, readings, first counter."""
    rows = []
    for begins, readings, counter in spans:
        for k in range(readings):
            moment = datetime.fromisoformat(begins) + timedelta(minutes=5 * k)
            rows.append(f"1,{moment.isoformat()},EGV,,,,iOS,{value + k % 50},,,,,{counter + 300 * k},{name}")
    return rows


@pytest.mark.parametrize("name", ["", "000000000000"])
@pytest.mark.parametrize("readings", [2000, 240], ids=["after a week", "after a sensor that failed on its first day"])
@ORDERS
def test_a_counter_that_begins_anew_is_another_sensors(name: str, readings: int, step: int, reads: ReadText) -> None:
    then = datetime(2025, 6, 1) + timedelta(minutes=5 * readings + 30)
    rows = sensors(("2025-06-01T00:00:00", readings, 300), (then.isoformat(), 900, 300), name=name)
    found = reads(clarity(*rows[::step]), timezone="UTC")
    assert {event.flags for event in found.events} == {()}
    moments = sorted(event.time for event in found.events)
    assert moments[-1] == then.replace(tzinfo=UTC) + timedelta(minutes=5 * 899)
    assert len(set(moments)) == readings + 900


@ORDERS
def test_a_journey_with_the_second_of_two_sensors_is_the_second_ones(step: int, reads: ReadText) -> None:
    rows = sensors(
        ("2025-06-01T00:00:00", 800, 300), ("2025-06-04T00:00:00", 300, 300), ("2025-06-05T04:00:00", 100, 90_300)
    )
    events = sorted(reads(clarity(*rows[::step]), timezone="UTC").events, key=lambda event: event.time)
    assert [event.flags for event in events] == 1100 * [()] + 100 * [("display clock differed",)]
    assert events[1100].time - events[1099].time == timedelta(minutes=5)


def test_a_phone_and_a_receiver_three_hours_apart_show_one_sensor(reads: ReadText) -> None:
    phone = sensors(("2025-06-01T00:00:00", 400, 300), name="8A")
    receiver = sensors(("2025-06-01T03:00:00", 300, 300), name="8A", value=101)
    rows = sorted(phone + receiver, key=lambda row: row.split(",")[1])
    events = reads(clarity(*rows), timezone="UTC").events
    late = [event for event in events if event.flags]
    assert len(late) == 300
    assert (late[0].time, events[0].time) == (events[0].time, datetime(2025, 6, 1, tzinfo=UTC))


def test_a_display_whose_date_was_lost_does_not_move_a_counter_that_goes_on(reads: ReadText) -> None:
    rows = sensors(
        ("2025-06-01T00:00:00", 100, 300), ("2014-01-01T00:00:00", 20, 30_300), ("2025-06-01T10:00:00", 100, 36_300),
        name="8A",
    )  # fmt: skip
    events = reads(clarity(*rows), timezone="UTC").events
    assert [event.time for event in events] == [events[0].time + timedelta(minutes=5 * k) for k in range(220)]


@pytest.mark.parametrize("name", ["GMT+4", "EST"])
def test_a_zone_that_means_two_things_is_not_taken(reads: ReadText, name: str) -> None:
    with pytest.raises(RefusedInput, match=f"the time zone '{re.escape(name)}' means two things: "):
        reads(HEADER, timezone=name)


def test_a_date_in_a_table_is_that_date_in_every_zone(reads: ReadText) -> None:
    row = HEADER + "2025-01-15,body_weight,70,kg\n"
    days = {(e.time, e.precision) for z in ("", "Pacific/Auckland", "America/Los_Angeles")
            for e in reads(row, timezone=z).events}  # fmt: skip
    assert days == {(datetime(2025, 1, 15, tzinfo=UTC), "day")}
