"""The same fact said twice: by two files, by two uploaders into one, or by one of them a moment later.

A *speaker* is a source's kind and name and the device or uploader that it names; of files of one name that tell of a
sensor each is one. An event repeats another where it says the same quantity, as near in value as rounding allows, as
near in time as the clocks of its speakers allow. How near stands in `RULES`. For a sensor, which speaks every minute or
five, nearness alone proves nothing: there two speakers say the same only if they agree nearly whenever they meet, or as
a whole (`uploaders`). Two sensors on one body do not.
"""

import itertools
from bisect import bisect_left, bisect_right, insort
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache

import numpy as np

from pollux.record.event import Event, source_name
from pollux.record.uploaders import LATE, Reading, one_sensor
from pollux.vocabulary import term


@dataclass(frozen=True)
class Rule:
    """When two events of a quantity say the same thing.

    `apart` [s] is how far the clocks of two speakers may lie from each other, `moment` [s] within what time one speaker
    cannot mean two things. Values are the same up to `rounding` (in the vocabulary's unit) or the share `relative`.
    `agree` is the share of the meetings of two speakers in which they have to agree, 0 where each meeting counts alone.
    `streams` says that the quantity may come every few seconds, as a watch sends it, `open` that one speaker may leave
    out the end that another states.
    """

    apart: float
    moment: float
    rounding: float = 0.0
    relative: float = 0.005
    agree: float = 0.0
    streams: bool = False
    open: bool = False


# All of these are Pollux's own choices (unverified). How often they take clean data for a repeat is measured in
# tests/record/test_repeats.py; docs/sources.md states it.
# Rounding: pumps deliver in steps of 0.05 U or finer; 0.05 mmol/L, half of the last digit shown, is 0.9 mg/dL.
_DOSE = Rule(apart=120.0, moment=30.0, rounding=0.05)
_LABORATORY = Rule(apart=30.0, moment=30.0, streams=True)
RULES = {
    "insulin_bolus": _DOSE,
    "insulin_long_acting": _DOSE,
    "insulin_basal_rate": _DOSE,
    "carbohydrate_intake": Rule(apart=120.0, moment=30.0, rounding=0.5, open=True),
    "cgm_glucose": Rule(apart=120.0, moment=30.0, rounding=0.95, agree=0.9),
    "blood_glucose": Rule(apart=120.0, moment=30.0, rounding=0.95),
    "calibration_glucose": Rule(apart=120.0, moment=30.0, rounding=0.95),
}
SMALL = 0.1  # of a value, more than which rounding cannot change it: 0.1 U and 0.15 U are two doses
CHAIN = 6  # values, each within a moment of the one before: more than that many tellings of one fact there are not
PLACES = range(-3, 3)  # in order, at which one sensor's readings are held against another's
OFTEN = 0.5  # of the most meetings at any place
INSTANT = 0.5  # s within which values of a stream repeat each other
# What adds up: two of these at one instant are two doses, not two answers to one question.
ADDED_UP = frozenset(
    ("insulin_bolus", "insulin_long_acting", "insulin_basal_rate", "carbohydrate_intake", "exercise_minutes")
)

Speaker = tuple[str, str, str, int]  # kind, name, device, and which take of it


@cache
def rule_of(quantity: str) -> Rule | None:
    """The rule for a quantity; None for codes and texts, of which nothing is counted."""
    return RULES.get(quantity, _LABORATORY) if term(quantity).kind == "number" else None


def repeated(events: Iterable[Event]) -> list[tuple[Event, Event]]:
    """Of the standing events of one quantity, each that repeats another, with the one it repeats.

    The event learned first is the one repeated, the smallest in time and id where both were learned together; of a
    sensor's uploaders the earlier one's. Another speaker repeats a fact once: two equal doses a minute apart in both of
    two files are two doses. Parts of one document never repeat each other. The answer does not depend on the order in
    which events are given.

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
    takes = _takes(near) if rule.agree else {}
    tellings = [_Telling(e, e.time.timestamp(), e.number(), _speaker(e, takes)) for e in near]
    found: list[tuple[Event, Event]] = []
    if rule.streams:
        tellings = _streaming(tellings, rule)
    if rule.agree:
        found = _by_another_uploader(tellings)
        again = {event.id for event, _ in found}
        tellings = [telling for telling in tellings if telling.event.id not in again]
    strangers = _strangers(tellings, rule) if rule.agree else frozenset()
    found += _told_again(tellings, rule, strangers)
    found.sort(key=lambda pair: (pair[0].time, pair[0].id))
    return found


@dataclass(frozen=True, slots=True)
class _Telling:
    event: Event
    time: float
    number: float
    speaker: Speaker
    streams: bool = False


@dataclass(slots=True)
class _Fact:
    """What was told first, and when each speaker told it."""

    first: _Telling
    told: dict[Speaker, float] = field(default_factory=dict)


def _speaker(event: Event, takes: Mapping[tuple[Speaker, datetime], int]) -> Speaker:
    kind, name, device, _ = by = _named(event)
    return kind, name, device, takes.get((by, event.learned), 0)


def _named(event: Event) -> Speaker:
    return event.source.kind, event.source.name, event.source.device, 0


def _takes(events: Sequence[Event]) -> dict[tuple[Speaker, datetime], int]:
    """Which take of a file each of a sensor's readings came with, where a later one lies among those of an earlier one.

    Two files of one name are two speakers. Whoever sends reading after reading stays one: each begins where the one
    before ended.
    """
    spans: dict[tuple[Speaker, datetime], list[datetime]] = {}
    for event in events:
        span = spans.setdefault((_named(event), event.learned), [event.time, event.time])
        span[1] = event.time  # in order of time
    ends: dict[Speaker, list[datetime]] = defaultdict(list)
    takes = {}
    for (by, learned), (begin, end) in sorted(spans.items(), key=lambda item: (item[0][1], item[0][0])):
        of = next((k for k, ended in enumerate(ends[by]) if ended <= begin), len(ends[by]))
        ends[by][of : of + 1] = [end]
        takes[by, learned] = of
    return takes


def _by_another_uploader(tellings: Sequence[_Telling]) -> list[tuple[Event, Event]]:
    """What another uploader of the same sensor said again, though it cuts off what the first rounds or comes later."""
    if len({telling.speaker for telling in tellings}) < 2:
        return []
    readings = [Reading(one.event, one.time, one.number, repr(one.speaker)) for one in tellings]
    return [(again.event, first.event) for again, first in one_sensor(readings)]


def may_meet(a: Event, b: Event) -> bool:
    """Whether one of two events of a quantity may decide what the other counts as."""
    rule = rule_of(a.quantity)
    reach = 0.0 if rule is None else rule.apart
    if rule and rule.agree and _named(a) != _named(b):
        reach = max(reach, LATE)
    return abs((a.time - b.time).total_seconds()) <= reach


def _near_another(events: Sequence[Event], rule: Rule) -> list[Event]:
    """The events, in order of time, that lie near their neighbour in time; a sensor's also near another uploader's."""
    times = np.array([event.time.timestamp() for event in events])
    order = np.argsort(times, kind="stable")
    apart = np.diff(times[order])
    close = apart <= rule.apart
    if rule.agree:
        names: dict[Speaker, int] = {}
        said = np.array([names.setdefault(_named(event), len(names)) for event in events])[order]
        close |= (apart <= LATE) & (np.diff(said) != 0)
    places = np.flatnonzero(close)
    if not places.size:
        return []
    near = [events[int(i)] for i in order[np.union1d(places, places + 1)]]
    return sorted(near, key=lambda event: (event.time, event.id))


def _streaming(ordered: Sequence[_Telling], rule: Rule) -> list[_Telling]:
    """The tellings, those marked that stand in a long chain of moments: a device that speaks every few seconds."""
    chains: list[list[_Telling]] = []
    for telling in ordered:
        if chains and telling.time - chains[-1][-1].time <= rule.moment:
            chains[-1].append(telling)
        else:
            chains.append([telling])
    return [one for chain in chains for one in _marked(chain)]


def _marked(chain: list[_Telling]) -> list[_Telling]:
    streams = len({one.time for one in chain}) > CHAIN
    return [replace(one, streams=True) for one in chain] if streams else chain


def _same_value(a: _Telling, b: _Telling, rule: Rule) -> bool:
    if a.event.comparator != b.event.comparator:
        return False
    larger = max(abs(a.number), abs(b.number))
    allowed = max(min(rule.rounding, SMALL * larger), rule.relative * larger)
    return abs(a.number - b.number) <= allowed + 1e-9


def _same_end(a: Event, b: Event, rule: Rule) -> bool:
    if a.end is None or b.end is None:
        return a.end is b.end or rule.open
    return abs((a.end - b.end).total_seconds()) <= rule.apart


def _within(a: Speaker, b: Speaker, rule: Rule) -> float:
    return rule.moment if a == b else rule.apart


def _strangers(tellings: Sequence[_Telling], rule: Rule) -> frozenset[tuple[Speaker, Speaker]]:
    """The pairs of speakers who mean different things: when they meet, they mostly disagree.

    One may speak later than the other, by more than the time between two readings. So one's reading is held against
    the last of the other's before it, the next one, and some around them: of these places in order the one at which
    they agree best, of those at which they meet about as often as at any.
    """
    by: dict[Speaker, list[_Telling]] = defaultdict(list)
    for telling in tellings:
        by[telling.speaker].append(telling)
    times = {speaker: [telling.time for telling in said] for speaker, said in by.items()}
    strangers = set()
    for a, b in itertools.combinations_with_replacement(sorted(by), 2):
        fewer, more = (a, b) if len(by[a]) <= len(by[b]) else (b, a)
        met: Counter[int] = Counter()
        agreed: Counter[int] = Counter()
        for telling in by[fewer]:
            for place, other in _around(telling, by[more], times[more], _within(a, b, rule)):
                met[place] += 1
                agreed[place] += _same_value(telling, other, rule)
        most = max(met.values(), default=0)
        if most and not any(agreed[place] >= rule.agree * n for place, n in met.items() if n >= OFTEN * most):
            strangers.add((a, b))
    return frozenset(strangers)


def _around(
    telling: _Telling, others: Sequence[_Telling], times: Sequence[float], within: float
) -> Iterator[tuple[int, _Telling]]:
    """What a speaker tells near in time, other than this itself, by its place in order from this one on."""
    here = bisect_left(times, telling.time)
    while here < len(others) and others[here] is telling:
        here += 1
    for place in PLACES:
        at = here + place
        if 0 <= at < len(others) and others[at] is not telling and abs(times[at] - telling.time) <= within:
            yield place, others[at]


def _told_again(
    tellings: Sequence[_Telling], rule: Rule, strangers: frozenset[tuple[Speaker, Speaker]]
) -> Iterator[tuple[Event, Event]]:
    facts: dict[int, list[_Fact]] = defaultdict(list)
    for telling in sorted(tellings, key=lambda one: (one.event.learned, one.time, one.event.id, one.event.content)):
        slot = int(telling.time // rule.apart)
        known = [
            fact
            for at in (slot - 1, slot, slot + 1)
            for fact in _alike(facts.get(at, ()), telling.number, rule)
            if _tells(fact, telling, rule, strangers)
        ]
        if known:
            fact = min(known, key=lambda one: _likely(one, telling, rule))
            fact.told.setdefault(telling.speaker, telling.time)
            yield telling.event, fact.first.event
        else:
            insort(facts[slot], _Fact(telling, {telling.speaker: telling.time}), key=_number)


def _number(fact: _Fact) -> float:
    return fact.first.number


def _alike(facts: Sequence[_Fact], number: float, rule: Rule) -> Sequence[_Fact]:
    """Of facts in the order of their numbers those that may say the same number: `_same_value` asks exactly."""
    apart = max(rule.rounding, 2 * rule.relative * abs(number)) + 1e-6
    begin = bisect_left(facts, number - apart, key=_number)
    return facts[begin : bisect_right(facts, number + apart, key=_number)]


def _likely(fact: _Fact, again: _Telling, rule: Rule) -> tuple[float, float, str]:
    """Which of several facts is repeated: of a sensor's the oldest, as readings keep their order; else the nearest."""
    first = fact.first
    return 0.0 if rule.agree else abs(first.time - again.time), first.time, first.event.id


def _tells(fact: _Fact, again: _Telling, rule: Rule, strangers: frozenset[tuple[Speaker, Speaker]]) -> bool:
    first, apart = fact.first, abs(fact.first.time - again.time)
    if apart > (INSTANT if first.streams and again.streams else rule.apart) or not _same_value(first, again, rule):
        return False
    told = fact.told.get(again.speaker)
    if told is not None and abs(told - again.time) > rule.moment:
        return False  # this speaker means another one
    name = source_name(first.event.id)
    if name != first.event.id and name == source_name(again.event.id):
        return False  # parts of one document
    pair = (min(first.speaker, again.speaker), max(first.speaker, again.speaker))
    return pair not in strangers and _same_end(first.event, again.event, rule)
