"""A file that is taken again under another time zone is recognised, and nothing else is taken for one."""

import random
from datetime import timedelta

import msgspec
import pytest

from pollux.demo.life import Story
from pollux.demo.stories import STORIES
from pollux.record import Event, Finding, Person, Record, examine
from pollux.record.shifted import Shift, shifted
from pollux.twins import doubts
from tests.people import story_events

ALL = pytest.mark.parametrize("story", STORIES, ids=lambda story: story.id)


def later(events: tuple[Event, ...], **by: float) -> list[Event]:
    return [msgspec.structs.replace(event, time=event.time + timedelta(**by), end=None, id="") for event in events]


@ALL
@pytest.mark.parametrize("hours", [-13, -8, -1, 1, 5.75, 9, 17])
def test_a_whole_file_some_hours_apart_is_recognised_forward_and_back(story: Story, hours: float) -> None:
    events = story_events(story)
    found = shifted(events, later(events, hours=hours))
    assert found is not None
    assert found.by == timedelta(hours=hours)
    assert found.alike >= 0.95 * found.asked


def test_the_meals_alone_are_enough() -> None:
    meals = tuple(
        event for story in STORIES for event in story_events(story) if event.quantity == "carbohydrate_intake"
    )[:60]
    found = shifted(meals, later(meals, hours=8))
    assert found is not None
    assert found.text == "8 h later"


def test_a_longer_file_under_another_zone_is_recognised_by_what_it_has_in_common() -> None:
    events = story_events(STORIES[0])
    half = [event for event in events if event.time < events[0].time + (events[-1].time - events[0].time) / 2]
    assert shifted(half, later(events, hours=-7)) is not None


def test_a_file_across_the_end_of_summer_time_is_recognised() -> None:
    events = story_events(STORIES[0])
    middle = events[len(events) // 2].time
    new = [e for e in later(events, hours=6) if e.time < middle + timedelta(hours=6)]
    new += [e for e in later(events, hours=5) if e.time >= middle + timedelta(hours=5)]
    found = shifted(events, new)
    assert found is not None
    assert found.by in (timedelta(hours=5), timedelta(hours=6))


# What is no shift: the figure is of files.


@ALL
def test_the_next_days_of_the_same_person_are_no_shift(story: Story) -> None:
    events = story_events(story)
    for days in (1, 2, 3):
        cut = events[0].time + timedelta(days=days)
        assert shifted([e for e in events if e.time < cut], [e for e in events if e.time >= cut]) is None


@ALL
def test_another_person_is_no_shift_of_this_one(story: Story) -> None:
    others = [story_events(other) for other in STORIES if other.id != story.id]
    assert [shifted(story_events(story), later(events, days=0)) for events in others] == [None] * len(others)


def test_a_routine_that_repeats_every_day_is_no_shift() -> None:
    rng = random.Random(1)
    (meal,) = [e for e in story_events(STORIES[0]) if e.quantity == "carbohydrate_intake"][:1]
    day = meal.time.replace(hour=0)
    grams = {7: 40.0, 12: 60.0, 19: 75.0}
    week = [
        msgspec.structs.replace(
            meal, time=day + timedelta(days=k, hours=hour, minutes=rng.randint(-2, 2)), value=value, id=""
        )
        for k in range(14)
        for hour, value in grams.items()
    ]
    assert shifted(week[:21], week[21:]) is None


def test_too_little_says_nothing() -> None:
    events = story_events(STORIES[0])[:8]
    assert shifted(events, later(events, hours=8)) is None


def test_a_shift_is_told_in_words() -> None:
    assert Shift(timedelta(hours=5, minutes=45), 1, 1).text == "5 h 45 min later"
    assert Shift(timedelta(minutes=-30), 1, 1).text == "30 min earlier"


# In a record where such a file was taken all the same.


@pytest.mark.parametrize(("story", "hours"), [(STORIES[0], -6), (STORIES[1], 8.5)])
def test_quality_says_that_all_of_a_file_stands_twice_and_the_answer_is_widened(story: Story, hours: float) -> None:
    events = story_events(story)
    first, name = max(e.learned for e in events), events[0].source.name
    once = [msgspec.structs.replace(e, learned=first) for e in events]
    again = [msgspec.structs.replace(e, learned=first + timedelta(days=1)) for e in later(events, hours=hours)]
    (finding,) = hours_apart(Record(Person("p1"), (*once, *again)))
    shift = Shift(timedelta(hours=hours), 1, 1).text
    assert finding.message.endswith(f"entries of {name} stand in the record already, {shift} here")
    assert finding.rule in doubts.WIDENS
    assert hours_apart(Record(Person("p1"), tuple(once))) == []


@ALL
def test_a_file_that_goes_on_or_says_the_same_again_is_not_hours_apart(story: Story) -> None:
    events = story_events(story)
    daily = [msgspec.structs.replace(e, learned=e.time.replace(hour=23, minute=59, second=0)) for e in events]
    same = [msgspec.structs.replace(e, learned=e.learned + timedelta(days=40), id=f"again{k}")
            for k, e in enumerate(events)]  # fmt: skip
    assert hours_apart(Record(Person("p1"), tuple(daily))) == []
    assert hours_apart(Record(Person("p1"), (*daily, *same))) == []


def hours_apart(record: Record) -> list[Finding]:
    return [finding for finding in examine(record).findings if finding.rule == "same entries hours apart"]
