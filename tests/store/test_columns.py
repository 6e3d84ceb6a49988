"""Events come out of columns as they went in, to the last bit, and said equal only where they say the same."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pollux.record import Code, Event, Source
from pollux.store.columns import Columns, _one_value, _values, own_id, pack, said

START = datetime(2026, 3, 1, tzinfo=UTC)
TIMES = st.one_of(
    st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC)),
    st.integers(0, 2000).map(lambda i: START + timedelta(minutes=5 * i)),
)
NUMBERS = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False),
    st.integers(-4000, 4000).map(lambda k: k / 10),
    st.integers(40, 400).map(float),
)
TEXTS = st.text(st.characters(codec="utf-8"), max_size=12)
PLACES = st.one_of(TEXTS, st.integers(0, 10**18).map(lambda i: f"line {i}"), st.just("entry 007"), st.just("٣"))
VALUES = st.one_of(NUMBERS, TEXTS, st.builds(Code, TEXTS, TEXTS, TEXTS))


@st.composite
def events(draw: st.DrawFn) -> Event:
    time = draw(TIMES)
    return Event(
        time,
        draw(st.sampled_from(["cgm_glucose", "insulin_basal_rate", "condition"])),
        draw(VALUES),
        draw(st.sampled_from(["mg/dL", "U/h", ""])),
        Source("table", draw(TEXTS), draw(PLACES), draw(st.sampled_from(["", "8ABC"]))),
        draw(TIMES),
        draw(st.none() | st.timedeltas(timedelta(0), timedelta(days=40)).map(lambda d: time + d)),
        draw(st.sampled_from(["", "<", ">="])),
        draw(st.sampled_from(["second", "day"])),
        draw(st.sampled_from([(), ("implausible value",)])),
        draw(st.sampled_from(["", "", "Observation/o1#a", "content:abc"])),
        draw(st.booleans()),
        draw(st.none() | TIMES),
    )


def there_and_back(given_events: list[Event]) -> Columns:
    own = [event.id == own_id(event.content) for event in given_events]
    return Columns(pack(given_events, own))


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(st.lists(events(), min_size=1, max_size=12))
def test_events_come_back_as_they_were(some: list[Event]) -> None:
    page = there_and_back(some)
    back = page.events()
    assert back == some
    assert [event.content for event in back] == [event.content for event in some]
    assert page.said() == [said(event) for event in some]


@settings(max_examples=200, deadline=None)
@given(st.lists(NUMBERS, min_size=1, max_size=50))
@example([-0.0, 1.0])
@example([0.1 + 0.2, 0.3])
@example([5e-324, 1.7976931348623157e308])
@example([99.0858, 100.1])
def test_numbers_come_back_to_the_last_bit(values: list[float]) -> None:
    source = Source("table", "t.csv", "line 1")
    some = [Event(START, "cgm_glucose", value, "mg/dL", source, START) for value in values]
    assert there_and_back(some).numbers.tobytes() == np.array(values).tobytes()


@settings(max_examples=100, deadline=None)
@given(events(), events())
def test_two_events_are_said_the_same_just_where_their_content_is(one: Event, other: Event) -> None:
    zeros = one.value == other.value == 0.0  # 0 and -0 are equal and have two contents
    assert (said(one) == said(other)) == (one.content == other.content) or zeros


def test_chosen_events_are_those_of_the_whole() -> None:
    source = Source("table", "t.csv", "line 1")
    some = [Event(START + timedelta(minutes=i), "cgm_glucose", 100.0 + i, "mg/dL", source, START) for i in range(9)]
    page = there_and_back(some)
    assert page.events(np.array([7, 2])) == [some[7], some[2]]


def test_a_reading_takes_a_few_bytes() -> None:
    rng = np.random.default_rng(1)
    values = np.clip(120 + np.cumsum(rng.integers(-4, 5, 4096)) % 260, 41, 399)
    some = [
        Event(START + timedelta(seconds=300 * i + int(rng.integers(-1, 2))), "cgm_glucose", float(v), "mg/dL",
              Source("dexcom clarity", "made.csv", f"line {i + 2}", "8ABCDE"), START)
        for i, v in enumerate(values)
    ]  # fmt: skip
    own = [True] * len(some)
    assert len(pack(some, own)) / len(some) < 3.0


@given(st.floats(allow_nan=True, allow_infinity=True) | NUMBERS)
@example(-0.0)
@example(0.15)
def test_a_single_value_is_packed_as_among_others(number: float) -> None:
    """Single writes take a shorter way to the same bytes."""
    assert _one_value(number) == _values(np.array([number], np.float64))
