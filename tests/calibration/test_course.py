"""From events to inputs: doses, rates and parts of the day, exact in time."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from pollux.calibration.course import INSULIN_DELAY, Course, day_boundaries
from pollux.plans import basal, bolus, meal
from pollux.record import Event, Person, Record, Source, minutes

START = datetime(2026, 3, 28, 0, tzinfo=UTC)
PUMP = Source("test", "pump")
BERLIN = Person("p1", timezone="Europe/Berlin")


def given(
    hour: float, quantity: str, value: float, unit: str, hours: float = 0.0, flags: tuple[str, ...] = ()
) -> Event:
    moment = START + timedelta(hours=hour)
    end = moment + timedelta(hours=hours) if hours else None
    return Event(moment, quantity, value, unit, PUMP, learned=moment, end=end, flags=flags)


def insulin(course: Course, hour: float) -> float:
    """The insulin rate that reaches the depot at an hour [U/h]."""
    at = minutes(START) + 60.0 * hour + INSULIN_DELAY
    segments = course.segments(at - 1e-3, at + 1e-3)
    return float(segments.values[-1, 1])


def test_what_is_eaten_and_injected_is_what_the_model_gets() -> None:
    record = Record(
        BERLIN,
        (
            given(0.0, "insulin_basal_rate", 1.0, "U/h", 24.0),
            given(8.0, "carbohydrate_intake", 50.0, "g"),
            given(8.0, "insulin_bolus", 5.0, "U"),
        ),
    )
    segments = Course.of(record).segments(minutes(START), minutes(START) + 1440.0)
    lengths = np.diff(segments.breaks)
    assert float(segments.values[:, 0] @ lengths) == pytest.approx(50.0)
    assert segments.boluses == ((minutes(START) + 480.0 + INSULIN_DELAY, 5.0),)
    assert segments.boluses[0][0] in segments.breaks


def test_a_temporary_rate_stands_above_the_schedule_and_ends() -> None:
    record = Record(
        BERLIN,
        (
            given(0.0, "insulin_basal_rate", 1.0, "U/h", 24.0, ("scheduled",)),
            given(6.0, "insulin_basal_rate", 0.0, "U/h", 2.0, ("temporary",)),
            given(7.0, "insulin_basal_rate", 0.9, "U/h", 4.0, ("scheduled",)),
        ),
    )
    course = Course.of(record)
    assert [insulin(course, h) for h in (5.0, 7.5, 9.0, 12.0)] == [1.0, 0.0, 0.9, 1.0]


def test_a_bolus_spread_over_hours_adds_to_the_basal_rate() -> None:
    record = Record(
        BERLIN,
        (given(0.0, "insulin_basal_rate", 1.0, "U/h", 24.0), given(10.0, "insulin_bolus", 3.0, "U", 2.0, ("spread",))),
    )
    course = Course.of(record)
    assert insulin(course, 11.0) == pytest.approx(2.5)
    assert course.segments(minutes(START), minutes(START) + 1440.0).boluses == ()


def test_long_acting_insulin_arrives_over_a_day() -> None:
    record = Record(BERLIN, (given(0.0, "insulin_long_acting", 24.0, "U"),))
    assert insulin(Course.of(record), 12.0) == pytest.approx(1.0)


def test_a_planned_rate_replaces_the_usual_one_while_it_lasts() -> None:
    record = Record(BERLIN, (given(0.0, "insulin_basal_rate", 1.0, "U/h", 48.0),))
    plan = [basal(START + timedelta(hours=3), START + timedelta(hours=5), 0.2)]
    course = Course.of(record).with_plan(plan)
    assert [insulin(course, h) for h in (2.0, 4.0, 6.0)] == [1.0, 0.2, 1.0]


def test_a_plan_adds_meals_and_boluses() -> None:
    course = Course.of(Record(BERLIN)).with_plan([meal(START, 30.0), bolus(START, 2.0)])
    assert course.meals.tolist() == [[minutes(START), 30.0]]
    assert course.boluses.tolist() == [[minutes(START), 2.0]]


def test_days_end_at_four_local_even_when_the_clocks_change() -> None:
    # In Berlin the night to 29 March 2026 has 23 hours.
    ends = day_boundaries(minutes(START), minutes(START) + 3 * 1440.0, "Europe/Berlin")
    assert np.diff(ends).tolist() == [1380.0, 1440.0]


def test_mornings_and_evenings_are_local() -> None:
    course = Course.of(Record(BERLIN))
    at = minutes(datetime(2026, 3, 28, 3, 30, tzinfo=UTC))  # 4:30 in Berlin
    values = course.segments(at, at + 1.0).values
    assert values[0, 2:].tolist() == [1.0, 0.0]


def test_the_usual_rate_is_that_of_the_week_before() -> None:
    record = Record(
        BERLIN,
        (given(0.0, "insulin_basal_rate", 1.0, "U/h", 24.0), given(24.0, "insulin_basal_rate", 2.0, "U/h", 24.0)),
    )
    assert Course.of(record, settled=START + timedelta(hours=48)).basal == pytest.approx(1.5)
    assert Course.of(record, settled=START).basal == 1.0


def test_long_acting_insulin_in_two_halves_is_the_same_as_in_one() -> None:
    halves = tuple(given(12.0 * k, "insulin_long_acting", 12.0, "U") for k in range(6))
    course = Course.of(Record(BERLIN, halves), settled=START + timedelta(hours=60))
    assert insulin(course, 40.0) == pytest.approx(1.0)
    assert course.basal == pytest.approx(1.0, rel=0.15)


def test_after_the_last_long_acting_dose_the_usual_rate_goes_on() -> None:
    course = Course.of(Record(BERLIN, (given(0.0, "insulin_long_acting", 24.0, "U"),)))
    assert insulin(course, 30.0) == pytest.approx(1.0)


def test_a_planned_bolus_over_a_while_is_a_rate() -> None:
    plan = [bolus(START + timedelta(hours=3), 4.0, START + timedelta(hours=5))]
    course = Course.of(Record(BERLIN, (given(0.0, "insulin_basal_rate", 1.0, "U/h", 48.0),))).with_plan(plan)
    assert [insulin(course, h) for h in (2.0, 4.0, 6.0)] == pytest.approx([1.0, 3.0, 1.0])
