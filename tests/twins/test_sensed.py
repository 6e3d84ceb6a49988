"""The twin of a person of whom only the sensor is known."""

import random
from datetime import timedelta

import numpy as np
import pytest

from pollux.plans import Plan, bolus
from pollux.record import Event, Person, Record
from pollux.twins import Twin
from pollux.twins.sensed import Sensed
from tests.people import event
from tests.shared import built_twin


@pytest.fixture(scope="module")
def readings(events: tuple[Event, ...]) -> tuple[Event, ...]:
    return tuple(e for e in events if e.quantity == "cgm_glucose")[:900]


@pytest.fixture(scope="module")
def twin(person: Person, readings: tuple[Event, ...]) -> Twin:
    return built_twin("tess-sensed", Record(person, readings))


def same(a: Twin, b: Twin) -> bool:
    assert isinstance(a.body, Sensed)
    assert isinstance(b.body, Sensed)
    one, other = a.body.state, b.body.state
    return (
        one.slot == other.slot
        and np.array_equal(one.bounds.q, other.bounds.q)
        and all(
            np.array_equal(x.belief.mean, y.belief.mean) and np.array_equal(x.weight, y.weight)
            for x, y in zip(one.hypotheses, other.hypotheses, strict=True)
        )
        and np.array_equal(a.forecast().bands, b.forecast().bands)
    )


def close(a: Twin, b: Twin) -> bool:
    return bool(np.max(np.abs(a.forecast().bands - b.forecast().bands)) <= 1e-9)


def test_it_is_the_sensor_only_model(twin: Twin) -> None:
    assert twin.forecast().grounds.model == "sensor-only"
    assert "insulin and meals" in twin.forecast().grounds.missing


def test_shuffled_readings_give_the_same_twin(person: Person, readings: tuple[Event, ...], twin: Twin) -> None:
    shuffled = list(readings)
    random.Random(2).shuffle(shuffled)
    assert same(Twin.begin(Record(person, tuple(shuffled))), twin)


def test_learning_reading_by_reading_is_learning_at_once(
    person: Person, readings: tuple[Event, ...], twin: Twin
) -> None:
    grown = Twin.begin(Record(person, readings[:-30]))
    for arrival in readings[-30:]:
        grown = grown.learn([arrival])
    assert close(grown, twin)


def test_a_late_reading_gives_what_it_would_have_given_on_time(
    person: Person, readings: tuple[Event, ...], twin: Twin
) -> None:
    late = readings[-9]
    without = Twin.begin(Record(person, tuple(e for e in readings if e is not late)))
    assert same(without.learn([late]), twin)


def test_readings_after_now_do_not_change_a_forecast(person: Person, readings: tuple[Event, ...]) -> None:
    now = readings[-40].time
    spoiled = tuple(event(e.time, "cgm_glucose", 300.0, "mg/dL") if e.time > now else e for e in readings)
    one = Twin.begin(Record(person, readings), now).forecast()
    other = Twin.begin(Record(person, spoiled), now).forecast()
    assert np.array_equal(one.bands, other.bands)
    assert np.array_equal(one.draws, other.draws)


def test_a_saved_twin_comes_back_to_the_last_bit(twin: Twin) -> None:
    assert same(Twin.load(twin.save(), twin.record), twin)


def test_drawn_futures_agree_with_the_exact_bands(twin: Twin) -> None:
    """The median of drawn paths lies where the exact mixture has it, within the error of 512 draws."""
    forecast = twin.forecast()
    middle = np.median(forecast.draws, axis=0)
    width = forecast.bands[4] - forecast.bands[0]
    assert np.all(np.abs(middle - forecast.bands[2]) < 0.15 * width)


def test_a_plan_for_insulin_is_not_answered(twin: Twin) -> None:
    answer = twin.forecast(Plan("dose", (bolus(twin.now, 2.0),)))
    assert answer.grounds.abstains == (
        "insulin and meals of this person are not known, so what they would do cannot be said",
    )


def test_insulin_and_meals_that_become_known_change_the_model(
    person: Person, events: tuple[Event, ...], readings: tuple[Event, ...]
) -> None:
    known = tuple(e for e in events if e.time <= readings[-1].time)
    grown = Twin.begin(Record(person, readings)).learn([e for e in known if e.quantity != "cgm_glucose"])
    assert grown.body.model == "oral-minimal-t1"


def test_intervals_widen_with_the_horizon_and_after_a_gap(twin: Twin) -> None:
    bands = twin.forecast().bands
    width = bands[4] - bands[0]
    assert width[11] > width[5] > width[1]
    later = twin.at(twin.now + timedelta(hours=1)).forecast().bands
    assert later[4, 2] - later[0, 2] > width[2]


@pytest.mark.parametrize("hours", [2.0, 30.0])
def test_going_back_is_beginning_then(person: Person, readings: tuple[Event, ...], twin: Twin, hours: float) -> None:
    then = twin.now - timedelta(hours=hours)
    assert same(twin.at(then), Twin.begin(Record(person, readings), then))


def test_going_back_within_the_day_calibrates_nothing_again(twin: Twin) -> None:
    back = twin.at(twin.now - timedelta(hours=2))
    assert isinstance(back.body, Sensed)
    assert isinstance(twin.body, Sensed)
    assert back.body.first is twin.body.first


def test_readings_of_long_before_the_calibration_change_nothing(twin: Twin) -> None:
    long_ago = twin.now - timedelta(days=40)
    late = twin.learn([event(long_ago, "cgm_glucose", 250.0, "mg/dL")])
    assert same(late, twin)
