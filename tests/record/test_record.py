"""The record is the same whatever the order of arrival, and any past state of knowledge can be asked for."""

import random
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pollux.errors import RefusedInput, UnknownName
from pollux.record import Code, Event, Person, Quantity, Record, Source

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
METER = Source("meter", "meter.csv", "line 2")
PERSON = Person("p1", birth_date="1964-06-01")


def reading(
    value: float = 100.0, *, at: float = 0.0, learned: float = 0.0, id: str = "", source: Source = METER, **more: object
) -> Event:
    return Event(
        time=NOON + timedelta(minutes=at),
        quantity="blood_glucose",
        value=value,
        unit="mg/dL",
        source=source,
        learned=NOON + timedelta(days=1, minutes=learned),
        id=id,
        **more,  # type: ignore[arg-type]
    )


EVENTS = st.lists(
    st.builds(
        reading,
        st.sampled_from([90.0, 100.0, 110.0]),
        at=st.sampled_from([0.0, 5.0, 10.0]),
        learned=st.sampled_from([0.0, 1.0, 2.0]),
        id=st.sampled_from(["", "a", "b"]),
        source=st.sampled_from([METER, Source("pump", "pump.csv", "line 9"), Source("meter", "meter.csv", "line 3")]),
        retracted=st.booleans(),
    ),
    max_size=12,
)


@given(EVENTS, st.randoms(use_true_random=False))
def test_the_order_of_arrival_changes_nothing(events: list[Event], chance: random.Random) -> None:
    shuffled = list(events)
    chance.shuffle(shuffled)
    one, other = Record(PERSON, tuple(events)), Record(PERSON, tuple(shuffled))
    assert one == other
    assert one.current == other.current
    assert one.conflicts == other.conflicts


@given(EVENTS)
def test_what_stands_is_in_order_of_time(events: list[Event]) -> None:
    record = Record(PERSON, tuple(events))
    for some in (record.events, record.current):
        assert [event.time for event in some] == sorted(event.time for event in some)
    assert len({event.id for event in record.current}) == len(record.current)


@given(EVENTS)
def test_saying_everything_again_changes_nothing(events: list[Event]) -> None:
    record = Record(PERSON, tuple(events))
    assert record.add(events) == record
    assert Record(PERSON, record.events) == record


@given(EVENTS, st.sampled_from([0.0, 0.5, 1.0, 2.0]))
def test_what_was_known_at_a_time_does_not_depend_on_what_came_later(events: list[Event], cut: float) -> None:
    then = NOON + timedelta(days=1, minutes=cut)
    earlier = [event for event in events if event.learned <= then]
    assert Record(PERSON, tuple(events)).as_known_at(then) == Record(PERSON, tuple(earlier))


def test_a_correction_supersedes_and_the_old_value_can_still_be_asked_for() -> None:
    record = Record(PERSON, (reading(100.0, id="a"), reading(120.0, id="a", learned=5)))
    assert [event.value for event in record.current] == [120.0]
    assert [event.value for event in record.as_known_at(NOON + timedelta(days=1)).current] == [100.0]


def test_a_correction_that_is_taken_back_leaves_the_first_value() -> None:
    versions = (reading(100.0, id="a"), reading(120.0, id="a", learned=1), reading(100.0, id="a", learned=2))
    record = Record(PERSON, versions)
    assert [event.value for event in record.current] == [100.0]
    assert len(record.events) == 3


def test_a_retracted_fact_stands_no_longer() -> None:
    record = Record(PERSON, (reading(id="a"), reading(id="a", learned=1, retracted=True)))
    assert record.current == ()
    assert record.of("blood_glucose") == ()


def test_exact_duplicates_from_different_sources_are_one_event_learned_first() -> None:
    later = reading(learned=3, source=Source("phone", "phone.json"))
    record = Record(PERSON, (later, reading()))
    assert [event.source for event in record.events] == [METER]


def test_sources_that_disagree_are_both_kept_and_shown() -> None:
    record = Record(PERSON, (reading(100.0), reading(140.0, source=Source("phone", "phone.json"))))
    assert len(record.current) == 2
    (conflict,) = record.conflicts
    assert {event.value for event in conflict.events} == {100.0, 140.0}


def test_a_series_has_minutes_and_one_unit() -> None:
    mixed = Event(NOON + timedelta(minutes=5), "blood_glucose", 5.5, "mmol/L", METER, NOON)
    times, values = Record(PERSON, (reading(100.0), mixed)).series("blood_glucose")
    assert np.diff(times).tolist() == [5.0]
    assert values.tolist() == [100.0, pytest.approx(99.0858)]


def test_an_event_without_a_time_zone_is_refused() -> None:
    with pytest.raises(RefusedInput, match="the event's time has no time zone"):
        Event(datetime(2026, 1, 1), "blood_glucose", 1.0, "mg/dL", METER, NOON)


def test_an_event_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(RefusedInput, match="the event ends before it begins"):
        reading(end=NOON - timedelta(minutes=1))


def test_an_event_of_an_unknown_quantity_is_refused() -> None:
    with pytest.raises(UnknownName):
        Event(NOON, "mood_of_the_moon", 1.0, "1", METER, NOON)


def test_a_code_is_no_number() -> None:
    coded = Event(NOON, "condition", Code("http://snomed.info/sct", "44054006"), "", METER, NOON)
    with pytest.raises(RefusedInput, match="condition is not a number here"):
        coded.number()


def test_the_same_moment_in_two_time_zones_is_the_same_content() -> None:
    east = datetime.fromisoformat("2026-01-01T13:00:00+01:00")
    assert Event(east, "blood_glucose", 1.0, "mg/dL", METER, NOON).id == (
        Event(NOON, "blood_glucose", 1.0, "mg/dL", METER, NOON).id
    )


def test_a_quantity_turns_into_another_unit_and_back() -> None:
    there = Quantity(100.0, "mg/dL").to("mmol/L", "blood_glucose")
    assert there.to("mg/dL", "blood_glucose").value == pytest.approx(100.0, rel=1e-12)
