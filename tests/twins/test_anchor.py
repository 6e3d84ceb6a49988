"""Days are fitted from a fixed anchor: to begin late, to learn across a block's boundary, to go back give the same."""

import itertools
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from pollux.calibration.course import LOOKS_BACK, Course
from pollux.calibration.daily import BLOCK, anchor
from pollux.record import EPOCH, Event, Person, Record, minutes
from pollux.twins import Twin
from pollux.twins.announced import Announced
from tests.people import START, event
from tests.twins.test_learning import same

pytestmark = pytest.mark.slow

BEGINS = datetime(2026, 2, 12, 4, tzinfo=UTC)  # the first day of a block, where it is UTC


def moved(events: tuple[Event, ...], to: datetime, days: float) -> tuple[Event, ...]:
    """The first days of some events, as if they had begun at another time."""
    shift = to - START
    some = [e for e in events if e.time < START + timedelta(days=days)]
    ends = [e.end + shift if e.end else None for e in some]
    return tuple(event(e.time + shift, e.quantity, e.number(), e.unit, end) for e, end in zip(some, ends, strict=True))


@pytest.fixture(scope="module")
def lived(events: tuple[Event, ...]) -> tuple[Event, ...]:
    """Three days around the first boundary, and four weeks later a day and a half around the next."""
    early = moved(events, BEGINS - timedelta(days=1, hours=4), 3.0)
    weight = tuple(e for e in early if e.quantity == "body_weight")
    late = moved(events, BEGINS + timedelta(days=BLOCK - 1, hours=-4), 1.6)
    return (*weight, *(e for e in (*early, *late) if e.quantity != "body_weight"))


@pytest.fixture(scope="module")
def begun(person: Person, lived: tuple[Event, ...]) -> Twin:
    return Twin.begin(Record(person, lived))


def days_of(twin: Twin) -> list[float]:
    assert isinstance(twin.body, Announced)
    return [day.end for day in twin.body.days]


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/New_York", "Pacific/Kiritimati", "Asia/Kolkata"])
def test_the_anchor_is_the_start_of_the_block_before_and_changes_once_in_28_days(zone: str) -> None:
    hours = [minutes(BEGINS) + 60.0 * h for h in range(24 * 3 * BLOCK)]
    anchors = [anchor(t, zone) for t in hours]
    changes = [k for k in range(1, len(hours)) if anchors[k] != anchors[k - 1]]
    assert len(set(anchors)) in (3, 4)
    assert all(BLOCK * 1440 - 60 <= t - a <= 2 * BLOCK * 1440 + 60 for t, a in zip(hours, anchors, strict=True))
    assert all(abs(b - a - 24 * BLOCK) <= 1 for a, b in itertools.pairwise(changes))


def test_a_minute_before_4_o_clock_belongs_to_the_block_before() -> None:
    assert anchor(minutes(BEGINS), "UTC") == minutes(BEGINS) - BLOCK * 1440.0
    assert anchor(minutes(BEGINS) - 1.0, "UTC") == minutes(BEGINS) - 2 * BLOCK * 1440.0


def test_no_day_before_the_anchor_is_fitted_or_kept(begun: Twin) -> None:
    assert min(days_of(begun)) > minutes(BEGINS)
    assert isinstance(begun.body, Announced)
    assert begun.body.anchor == minutes(BEGINS)


def test_learning_across_the_boundary_is_beginning_after_it(
    person: Person, lived: tuple[Event, ...], begun: Twin
) -> None:
    boundary = BEGINS + timedelta(days=BLOCK)
    ordered = sorted(lived, key=lambda e: e.time)
    before = [e for e in ordered if e.time < boundary - timedelta(minutes=20)]
    grown = Twin.begin(Record(person, tuple(before)))
    assert min(days_of(grown)) < minutes(BEGINS) + 1.0
    for arrival in ordered[len(before) :]:
        grown = grown.learn([arrival])
    assert same(grown, begun)
    assert days_of(grown) == days_of(begun)


def test_what_is_learned_late_from_long_before_the_anchor_changes_nothing_and_refits_nothing(begun: Twin) -> None:
    long_ago = EPOCH + timedelta(minutes=minutes(BEGINS) - LOOKS_BACK - 60.0)
    late = begun.learn([event(long_ago, "insulin_bolus", 9.0, "U"), event(long_ago, "cgm_glucose", 300.0, "mg/dL")])
    assert same(late, begun)
    assert isinstance(late.body, Announced)
    assert isinstance(begun.body, Announced)
    assert late.body.days is begun.body.days


def test_a_correction_that_reaches_over_the_anchor_is_beginning_anew(
    person: Person, lived: tuple[Event, ...], begun: Twin
) -> None:
    rate = event(BEGINS - timedelta(hours=2), "insulin_basal_rate", 2.5, "U/h", BEGINS + timedelta(hours=9))
    assert same(begun.learn([rate]), Twin.begin(Record(person, (*lived, rate))))
    assert not same(begun.learn([rate]), begun)


@pytest.mark.parametrize("hours", [5.0, 20.0, 36.0])
def test_going_back_gives_what_beginning_then_would_have(
    person: Person, lived: tuple[Event, ...], begun: Twin, hours: float
) -> None:
    then = begun.now - timedelta(hours=hours)
    assert same(begun.at(then), Twin.begin(Record(person, lived), then))


def test_going_back_within_a_day_fits_no_day_again(begun: Twin) -> None:
    back = begun.at(begun.now - timedelta(hours=3))
    assert isinstance(back.body, Announced)
    assert isinstance(begun.body, Announced)
    kept = zip(back.body.days, begun.body.days, strict=True)
    assert all(a.posterior.mean is b.posterior.mean for a, b in kept)


def test_going_back_and_forth_is_staying(begun: Twin) -> None:
    assert same(begun.at(begun.now - timedelta(hours=9)).at(begun.now), begun)


def test_a_first_weight_that_comes_late_counts_for_all_days(person: Person, lived: tuple[Event, ...]) -> None:
    light = Record(person, tuple(e for e in lived if e.quantity != "body_weight"))
    weighed = event(max(e.time for e in lived), "body_weight", 52.0, "kg")
    grown = Twin.begin(light).learn([weighed])
    assert same(grown, Twin.begin(light.add([weighed])))
    assert not same(grown, Twin.begin(light))


def test_a_checkpoint_holds_no_more_than_the_days_since_the_anchor(begun: Twin) -> None:
    """56 days at most, and no day weighs more than 17 kB: a year is kept in less than a megabyte."""
    content = begun.save()
    assert len(days_of(begun)) <= 2 * BLOCK
    assert len(content) <= 40_000 + 17_000 * len(days_of(begun))
    assert same(Twin.load(content, begun.record), begun)


def test_a_checkpoint_serves_a_record_that_was_completed_long_before_the_anchor(begun: Twin) -> None:
    long_ago = EPOCH + timedelta(minutes=minutes(BEGINS) - 3 * LOOKS_BACK)
    completed = begun.record.add([event(long_ago, "cgm_glucose", 130.0, "mg/dL")])
    assert same(Twin.load(begun.save(), completed, begin=False), begun)


def test_a_course_holds_nothing_that_does_not_matter_any_more(begun: Twin) -> None:
    course = Course.of(begun.record, begun.now)
    for table in (course.readings, course.meals, course.boluses, course.rates):
        assert table.size
        assert float(np.min(table[:, 0])) >= minutes(begun.now) - LOOKS_BACK - 1440.0
