"""What is said twice moves no forecast."""

import numpy as np
import pytest

from pollux.demo.life import Story
from pollux.demo.stories import STORIES
from pollux.plans import Plan, bolus, meal
from pollux.record import Event, Person, Record
from pollux.twins import Twin
from tests.people import story_events
from tests.record.test_repeats import again, uploaded
from tests.twins.test_learning import same

pytestmark = pytest.mark.slow

PERSON = Person("tess", birth_date="1980-01-01", sex_at_birth="female")


@pytest.fixture(scope="module")
def events(events: tuple[Event, ...]) -> tuple[Event, ...]:
    return tuple(e for e in events if e.time <= events[0].time + (events[-1].time - events[0].time) / 2)


def test_documents_doubled_move_no_forecast(events: tuple[Event, ...]) -> None:
    """One in twenty once more: a second later, by another uploader, or both. At most 0.1 mg/dL at any time."""
    once, twice = (Twin.begin(Record(PERSON, some)) for some in (events, (*events, *again(events, seed=4))))
    assert once.now == twice.now
    for plan in (Plan("nothing more"), Plan("a meal", (meal(once.now, 60), bolus(once.now, 5)))):
        bands, doubled = (twin.forecast(plan).bands for twin in (once, twice))
        assert np.abs(bands - doubled).max() <= 0.1


@pytest.mark.parametrize("story", STORIES[-1:], ids=lambda story: story.id)
def test_documents_doubled_move_no_forecast_of_the_demo(story: Story) -> None:
    events = story_events(story)
    once, twice = (Twin.begin(Record(PERSON, some)) for some in (events, (*events, *again(events, seed=5))))
    assert np.abs(once.forecast().bands - twice.forecast().bands).max() <= 0.1


def test_learning_what_is_said_twice_is_knowing_it_from_the_beginning(events: tuple[Event, ...]) -> None:
    """Also where a reading decides whether two sensors say the same."""
    twice = sorted((*events, *again(events[-300:], seed=6)), key=lambda event: event.time)
    grown = Twin.begin(Record(PERSON, tuple(twice[:-8])))
    for event in twice[-8:]:
        grown = grown.learn([event])
    assert same(grown, Twin.begin(Record(PERSON, tuple(twice)), grown.now))


@pytest.mark.parametrize(("later", "way"), [(150, "equal"), (3, "cut off")])
def test_a_second_uploader_that_comes_later_or_rounds_otherwise_moves_no_forecast(
    events: tuple[Event, ...], later: float, way: str
) -> None:
    readings = [e for e in events if e.quantity == "cgm_glucose"]
    both = Record(PERSON, (*events, *(e for e in uploaded(readings, "phone", later, way) if e.time <= events[-1].time)))
    once, twice = Twin.begin(Record(PERSON, events)), Twin.begin(both, events[-1].time)
    assert np.array_equal(once.at(events[-1].time).forecast().bands, twice.forecast().bands)


def test_learning_from_a_second_uploader_is_knowing_it_from_the_beginning(events: tuple[Event, ...]) -> None:
    """Also where a late reading decides whether two courses are one sensor's."""
    readings = [e for e in events if e.quantity == "cgm_glucose"]
    second = uploaded(readings[-26:], "phone", 150, "equal")
    grown = Twin.begin(Record(PERSON, (*events, *second[:-4])))
    for event in second[-4:]:  # fewer than 24 meetings are no course
        grown = grown.learn([event])
    assert same(grown, Twin.begin(Record(PERSON, (*events, *second)), grown.now))
