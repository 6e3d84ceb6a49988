"""The same fact said by two sources, such as a dose that a pump's file and a diary both hold."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import timedelta
from math import floor

from pollux.record.event import Event

SAID_TWICE = ("insulin_bolus", "insulin_long_acting", "carbohydrate_intake", "cgm_glucose", "insulin_basal_rate")
APART = timedelta(minutes=2)  # clocks of two devices; Pollux's own choice (unverified)
SAME = 1e-9  # in the vocabulary's unit
_STEP = 1e-6  # width of a drawer of numbers, far above SAME
_SECONDS = APART.total_seconds()


def repeated(events: Iterable[Event]) -> list[tuple[Event, Event]]:
    """Of the standing events of one quantity, each that repeats another, with the one it repeats.

    A repeat comes from another source (kind or name), says the same number and comparator within two minutes, and ends
    within two minutes of the other or, like it, has no end. The event learned first is the one repeated, the smallest
    in time and id where both were learned together. A source repeats a fact once: two equal doses a minute apart in
    both of two files are two doses. The answer does not depend on the order in which events are given.

    Time: linear in the number of events; events of one source are only counted.
    """
    said = [event for event in events if isinstance(event.value, float)]
    if len({_source(event) for event in said}) < 2:
        return []
    said.sort(key=lambda event: (event.learned, event.time, event.id, event.content))
    drawers: dict[tuple[int, int], list[tuple[float, Event]]] = defaultdict(list)
    told: set[tuple[str, tuple[str, str]]] = set()  # which fact was told again, and by which source
    found = []
    for event in said:
        number, source = event.number(), _source(event)
        slot = floor(event.time.timestamp() / _SECONDS)
        near = [
            other
            for drawer in {floor((number - SAME) / _STEP), floor((number + SAME) / _STEP)}
            for at in (slot - 1, slot, slot + 1)
            for value, other in drawers.get((at, drawer), ())
            if abs(value - number) <= SAME and (other.id, source) not in told and _same(event, other)
        ]
        if near:
            first = min(near, key=lambda other: (abs(other.time - event.time), other.time, other.id))
            told.add((first.id, source))
            found.append((event, first))
        else:
            drawers[slot, floor(number / _STEP)].append((number, event))
    found.sort(key=lambda pair: (pair[0].time, pair[0].id))
    return found


def _source(event: Event) -> tuple[str, str]:
    return event.source.kind, event.source.name


def _same(a: Event, b: Event) -> bool:
    if _source(a) == _source(b) or a.comparator != b.comparator or abs(a.time - b.time) > APART:
        return False
    if a.end is None or b.end is None:
        return a.end is b.end
    return abs(a.end - b.end) <= APART
