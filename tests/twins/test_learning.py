"""What a twin knows depends on what is known, never on how it came."""

import random
from datetime import timedelta

import numpy as np
import pytest

from pollux.plans import Plan, bolus, meal
from pollux.record import Event, Person, Record
from pollux.twins import Twin
from pollux.twins.announced import Announced
from tests.people import PUMP, event


def same(a: Twin, b: Twin) -> bool:
    """Bit for bit the same posterior."""
    assert isinstance(a.body, Announced)
    assert isinstance(b.body, Announced)
    return (
        a.now == b.now
        and a.body.time == b.body.time
        and np.array_equal(a.body.ensemble.members, b.body.ensemble.members)
        and a.body.innovations == b.body.innovations
        and all(
            np.array_equal(x.posterior.mean, y.posterior.mean) for x, y in zip(a.body.days, b.body.days, strict=True)
        )
    )


@pytest.mark.slow
def test_shuffled_events_give_the_same_twin_to_the_last_bit(
    person: Person, events: tuple[Event, ...], twin: Twin
) -> None:
    shuffled = list(events)
    random.Random(4).shuffle(shuffled)
    assert same(Twin.begin(Record(person, tuple(shuffled))), twin)


@pytest.mark.slow
def test_learning_reading_by_reading_is_learning_at_once(person: Person, events: tuple[Event, ...], twin: Twin) -> None:
    early, late = events[:-40], events[-40:]
    grown = Twin.begin(Record(person, early))
    for arrival in late:
        grown = grown.learn([arrival])
    assert same(grown, twin)


@pytest.mark.slow
def test_a_meal_learned_late_gives_what_it_would_have_given_on_time(
    person: Person, events: tuple[Event, ...], twin: Twin
) -> None:
    food = [e for e in events if e.quantity == "carbohydrate_intake"][-1]
    without = Twin.begin(Record(person, tuple(e for e in events if e is not food)))
    assert not same(without, twin)
    assert same(without.learn([food]), twin)


@pytest.mark.slow
def test_a_correction_of_an_early_day_reaches_the_present(person: Person, events: tuple[Event, ...]) -> None:
    moment = events[0].time + timedelta(hours=30)
    wrong = event(moment, "insulin_bolus", 12.0, "U", id="pump/7")
    right = Event(moment, "insulin_bolus", 1.2, "U", PUMP, learned=moment + timedelta(days=3), id="pump/7")
    corrected = Twin.begin(Record(person, (*events, wrong))).learn([right])
    assert same(corrected, Twin.begin(Record(person, (*events, right))))


@pytest.mark.slow
def test_readings_after_now_do_not_change_a_forecast(person: Person, events: tuple[Event, ...]) -> None:
    now = events[-1].time - timedelta(hours=3)
    spoiled = tuple(
        event(e.time, "cgm_glucose", 400.0 - 0.5 * e.number(), "mg/dL")
        if e.time > now and e.quantity == "cgm_glucose"
        else e
        for e in events
    )
    one = Twin.begin(Record(person, events), now).forecast()
    other = Twin.begin(Record(person, spoiled), now).forecast()
    assert np.array_equal(one.bands, other.bands)
    assert np.array_equal(one.draws, other.draws)


def test_a_saved_twin_comes_back_to_the_last_bit(twin: Twin) -> None:
    back = Twin.load(twin.save(), twin.record)
    assert same(back, twin)
    assert np.array_equal(back.forecast().bands, twin.forecast().bands)


@pytest.mark.slow
def test_a_saved_twin_whose_record_has_changed_is_built_again(
    person: Person, events: tuple[Event, ...], twin: Twin
) -> None:
    more = Record(person, (*events, event(events[-1].time - timedelta(hours=20), "insulin_bolus", 3.0, "U")))
    assert same(Twin.load(twin.save(), more), Twin.begin(more))


def test_more_insulin_lowers_and_more_food_raises_the_forecast(twin: Twin) -> None:
    hours = timedelta(hours=4)
    usual = twin.forecast(Plan("usual", (meal(twin.now, 40.0), bolus(twin.now, 4.0))), hours)
    dose = twin.forecast(Plan("dose", (meal(twin.now, 40.0), bolus(twin.now, 6.0))), hours)
    food = twin.forecast(Plan("food", (meal(twin.now, 60.0), bolus(twin.now, 4.0))), hours)
    assert np.all(dose.bands[2, 12:] < usual.bands[2, 12:])
    assert np.all(food.bands[2, 12:] > usual.bands[2, 12:])


def test_a_plan_of_nothing_changes_nothing(twin: Twin) -> None:
    assert np.array_equal(twin.forecast(Plan("zero", (bolus(twin.now, 0.0),))).bands, twin.forecast().bands)


def test_a_plan_compared_with_itself_gains_nothing(twin: Twin) -> None:
    plan = Plan("same", (meal(twin.now, 50.0),))
    first, second = twin.compare([plan, plan]).options
    assert first.gain == (0.0, 0.0, 0.0)
    assert second.gain == (0.0, 0.0, 0.0)
    assert first.score == second.score


def test_a_finger_glucose_narrows_what_is_thought_of_now(twin: Twin) -> None:
    assert isinstance(twin.body, Announced)
    value = float(twin.body.ensemble.glucose.mean())
    known = twin.learn([event(twin.now + timedelta(minutes=1), "blood_glucose", value, "mg/dL")])
    later = twin.now + timedelta(minutes=2)
    told, untold = known.at(later).body, twin.at(later).body
    assert isinstance(told, Announced)
    assert isinstance(untold, Announced)
    assert told.ensemble.glucose.std() < untold.ensemble.glucose.std()


@pytest.mark.slow
def test_going_back_in_time_forgets_what_came_after(person: Person, events: tuple[Event, ...], twin: Twin) -> None:
    earlier = events[-1].time - timedelta(hours=6)
    assert same(twin.at(earlier), Twin.begin(Record(person, events), earlier))


@pytest.mark.slow
def test_a_saved_twin_whose_person_changed_is_built_again(events: tuple[Event, ...], twin: Twin) -> None:
    moved = Record(Person("tess", birth_date="1980-01-01", timezone="America/Los_Angeles"), events)
    assert same(Twin.load(twin.save(), moved), Twin.begin(moved))
