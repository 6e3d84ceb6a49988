"""The same fact said twice: by two files, by two uploaders into one, or by one of them a moment later.

A *speaker* is a source's kind and name and the device or uploader that it names. An event repeats another where it
says the same quantity, as near in value as rounding allows, as near in time as the clocks of its speakers allow. How
near stands in `RULES`. For a sensor, which speaks every minute or five, nearness alone proves nothing: there two
speakers say the same only if they agree nearly whenever they meet. Two sensors on one body do not.
"""

from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache

import numpy as np

from pollux.record.event import Event, source_name
from pollux.vocabulary import term


@dataclass(frozen=True)
class Rule:
    """When two events of a quantity say the same thing.

    `apart` [s] is how far the clocks of two speakers may lie from each other, `moment` [s] within what time one speaker
    cannot mean two things. Values are the same up to `rounding` (in the vocabulary's unit) or the share `relative`.
    `agree` is the share of the meetings of two speakers in which they have to agree, 0 where each meeting counts alone.
    """

    apart: float
    moment: float
    rounding: float = 0.0
    relative: float = 0.005
    agree: float = 0.0


# All of these are Pollux's own choices (unverified). How often they take clean data for a repeat is measured in
# tests/record/test_repeats.py; docs/sources.md states it.
# Rounding: pumps deliver in steps of 0.05 U or finer; 0.05 mmol/L, half of the last digit shown, is 0.9 mg/dL.
_DOSE = Rule(apart=120.0, moment=30.0, rounding=0.05)
_LABORATORY = Rule(apart=30.0, moment=30.0)
RULES = {
    "insulin_bolus": _DOSE,
    "insulin_long_acting": _DOSE,
    "insulin_basal_rate": _DOSE,
    "carbohydrate_intake": Rule(apart=120.0, moment=30.0, rounding=0.5),
    "cgm_glucose": Rule(apart=120.0, moment=30.0, rounding=0.95, agree=0.9),
    "blood_glucose": Rule(apart=120.0, moment=30.0, rounding=0.95),
    "calibration_glucose": Rule(apart=120.0, moment=30.0, rounding=0.95),
}
# What adds up: two of these at one instant are two doses, not two answers to one question.
ADDED_UP = frozenset(
    ("insulin_bolus", "insulin_long_acting", "insulin_basal_rate", "carbohydrate_intake", "exercise_minutes")
)

Speaker = tuple[str, str, str]


@cache
def rule_of(quantity: str) -> Rule | None:
    """The rule for a quantity; None for codes and texts, of which nothing is counted."""
    return RULES.get(quantity, _LABORATORY) if term(quantity).kind == "number" else None


def repeated(events: Iterable[Event]) -> list[tuple[Event, Event]]:
    """Of the standing events of one quantity, each that repeats another, with the one it repeats.

    The event learned first is the one repeated, the smallest in time and id where both were learned together. Another
    speaker repeats a fact once: two equal doses a minute apart in both of two files are two doses. Parts of one
    document never repeat each other. The answer does not depend on the order in which events are given.

    Time: n log n in the number of events; only events that lie near another are looked at.
    """
    numbers = [event for event in events if isinstance(event.value, float)]
    if len(numbers) < 2:
        return []
    rule = rule_of(numbers[0].quantity)
    if rule is None:
        return []
    near = _near_another(numbers, rule)
    if not near:
        return []
    tellings = [_Telling(event, event.time.timestamp(), event.number(), _speaker(event)) for event in near]
    strangers = _strangers(tellings, rule) if rule.agree else frozenset()
    found = list(_told_again(tellings, rule, strangers))
    found.sort(key=lambda pair: (pair[0].time, pair[0].id))
    return found


@dataclass(frozen=True, slots=True)
class _Telling:
    event: Event
    time: float
    number: float
    speaker: Speaker


@dataclass(slots=True)
class _Fact:
    """What was told first, and when each speaker told it."""

    first: _Telling
    told: dict[Speaker, float] = field(default_factory=dict)


def _speaker(event: Event) -> Speaker:
    return event.source.kind, event.source.name, event.source.device


def _near_another(events: Sequence[Event], rule: Rule) -> list[Event]:
    """The events, in order of time, that lie near their neighbour in time."""
    times = np.array([event.time.timestamp() for event in events])
    order = np.argsort(times, kind="stable")
    close = np.flatnonzero(np.diff(times[order]) <= rule.apart)
    if not close.size:
        return []
    near = [events[int(i)] for i in order[np.union1d(close, close + 1)]]
    return sorted(near, key=lambda event: (event.time, event.id))


def _same_value(a: _Telling, b: _Telling, rule: Rule) -> bool:
    if a.event.comparator != b.event.comparator:
        return False
    allowed = max(rule.rounding, rule.relative * max(abs(a.number), abs(b.number)), 1e-9)
    return abs(a.number - b.number) <= allowed


def _same_end(a: Event, b: Event, rule: Rule) -> bool:
    if a.end is None or b.end is None:
        return a.end is b.end
    return abs((a.end - b.end).total_seconds()) <= rule.apart


def _within(a: Speaker, b: Speaker, rule: Rule) -> float:
    return rule.moment if a == b else rule.apart


def _strangers(tellings: Sequence[_Telling], rule: Rule) -> frozenset[tuple[Speaker, Speaker]]:
    """The pairs of speakers who mean different things: when they meet, they mostly disagree."""
    times: dict[Speaker, list[float]] = defaultdict(list)
    by: dict[Speaker, list[_Telling]] = defaultdict(list)
    for telling in tellings:
        times[telling.speaker].append(telling.time)
        by[telling.speaker].append(telling)
    met: Counter[tuple[Speaker, Speaker]] = Counter()
    agreed: Counter[tuple[Speaker, Speaker]] = Counter()
    for telling in tellings:
        for speaker, others in by.items():
            other = _nearest(telling, others, times[speaker])
            if other is None or abs(other.time - telling.time) > _within(telling.speaker, speaker, rule):
                continue
            pair = (min(telling.speaker, speaker), max(telling.speaker, speaker))
            met[pair] += 1
            agreed[pair] += _same_value(telling, other, rule)
    return frozenset(pair for pair, count in met.items() if agreed[pair] < rule.agree * count)


def _nearest(telling: _Telling, others: Sequence[_Telling], times: Sequence[float]) -> _Telling | None:
    """What a speaker tells nearest in time, other than this itself."""
    begin, end = bisect_left(times, telling.time), bisect_right(times, telling.time)
    candidates = [one for one in others[max(begin - 1, 0) : end + 1] if one is not telling]
    return min(candidates, key=lambda one: (abs(one.time - telling.time), one.event.id), default=None)


def _told_again(
    tellings: Sequence[_Telling], rule: Rule, strangers: frozenset[tuple[Speaker, Speaker]]
) -> Iterator[tuple[Event, Event]]:
    facts: dict[int, list[_Fact]] = defaultdict(list)
    for telling in sorted(tellings, key=lambda one: (one.event.learned, one.time, one.event.id, one.event.content)):
        slot = int(telling.time // rule.apart)
        known = [
            fact
            for at in (slot - 1, slot, slot + 1)
            for fact in facts.get(at, ())
            if _tells(fact, telling, rule, strangers)
        ]
        if known:
            fact = min(known, key=lambda one: (abs(one.first.time - telling.time), one.first.time, one.first.event.id))
            fact.told.setdefault(telling.speaker, telling.time)
            yield telling.event, fact.first.event
        else:
            facts[slot].append(_Fact(telling, {telling.speaker: telling.time}))


def _tells(fact: _Fact, again: _Telling, rule: Rule, strangers: frozenset[tuple[Speaker, Speaker]]) -> bool:
    first = fact.first
    if abs(first.time - again.time) > rule.apart or not _same_value(first, again, rule):
        return False
    told = fact.told.get(again.speaker)
    if told is not None and abs(told - again.time) > rule.moment:
        return False  # this speaker means another one
    name = source_name(first.event.id)
    if name != first.event.id and name == source_name(again.event.id):
        return False  # parts of one document
    pair = (min(first.speaker, again.speaker), max(first.speaker, again.speaker))
    return pair not in strangers and _same_end(first.event, again.event, rule)
