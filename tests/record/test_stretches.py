"""A record that has grown is the record that was there at once; a stretch of it holds what touches that time."""

import random
from datetime import UTC, datetime, timedelta

import pytest

from pollux.record import Event, Person, Record
from tests.people import event

START = datetime(2026, 1, 1, tzinfo=UTC)


def some(count: int, seed: int) -> list[Event]:
    rng = random.Random(seed)
    found = []
    for _ in range(count):
        at = START + timedelta(minutes=rng.randrange(0, 20000))
        quantity, unit = rng.choice([("cgm_glucose", "mg/dL"), ("insulin_bolus", "U"), ("insulin_basal_rate", "U/h")])
        end = at + timedelta(minutes=rng.choice([30, 1000, 5000])) if unit == "U/h" else None
        found.append(event(at, quantity, float(rng.randrange(1, 30)), unit, end))
    return found


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("asked", [True, False])
def test_adding_a_few_is_having_them_from_the_start(seed: int, asked: bool) -> None:
    events = some(200, seed)
    grown = Record(Person("p1"), tuple(events[:120]))
    for k in range(120, 200, 7):
        if asked:
            assert grown.current
            assert grown.quantities
            grown.between(START, START + timedelta(days=3))
        grown = grown.add(events[k : k + 7])
    whole = Record(Person("p1"), tuple(events))
    assert grown == whole
    assert grown.current == whole.current
    assert grown.ids == whole.ids
    assert all(grown.of(name) == whole.of(name) for name in whole.quantities)
    assert grown.between(START, START + timedelta(days=5)) == whole.between(START, START + timedelta(days=5))


def test_a_correction_that_comes_in_is_heard() -> None:
    first = event(START, "insulin_bolus", 3.0, "U", id="pump/1")
    record = Record(Person("p1"), (first,))
    assert record.current == (first,)
    later = Event(START, "insulin_bolus", 2.0, "U", first.source, START + timedelta(hours=1), id="pump/1")
    assert record.add([later]).current == (later,)


@pytest.mark.parametrize("seed", range(4))
def test_a_stretch_holds_exactly_what_touches_it(seed: int) -> None:
    record = Record(Person("p1"), tuple(some(300, seed)))
    first, last = START + timedelta(days=4), START + timedelta(days=6)
    touching = tuple(e for e in record.current if e.time <= last and (e.time >= first or (e.end and e.end > first)))
    assert record.between(first, last).current == touching


def test_a_record_up_to_its_end_is_itself() -> None:
    record = Record(Person("p1"), tuple(some(10, 1)))
    assert record.until(record.events[-1].time) is record
    assert len(record.until(record.events[4].time).events) >= 5


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("days", [2, 7, 12])
def test_a_record_up_to_a_time_is_the_record_of_what_had_been_by_then(seed: int, days: int) -> None:
    events = some(200, seed)
    moved = [
        Event(e.time + timedelta(days=3), e.quantity, e.value, e.unit, e.source, e.time + timedelta(days=9), id=e.id)
        for e in events[::20]
    ]
    taken_back = [
        Event(e.time, e.quantity, e.value, e.unit, e.source, e.time + timedelta(days=9), id=e.id, retracted=True)
        for e in events[5::40]
    ]
    until = START + timedelta(days=days)
    for known in (events, [*events, *moved, *taken_back]):
        whole = Record(Person("p1"), tuple(known))
        assert whole.current
        assert whole.quantities
        early, alone = whole.until(until), Record(Person("p1"), tuple(e for e in whole.events if e.time <= until))
        assert early == alone
        assert early.current == alone.current
        assert early.ids == alone.ids
        assert early.quantities == alone.quantities
        assert all(early.of(name) == alone.of(name) for name in alone.quantities)
