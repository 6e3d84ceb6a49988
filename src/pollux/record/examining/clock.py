"""Signs that a record's clock is not the person's: meals by night, and glucose that rises hours before or after them.

A person who works by night eats by night: these are doubts, never proofs. All numbers are Pollux's own choice
(unverified); none of the demo's people raises one.
"""

from collections.abc import Iterator
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from pollux.record.event import Event
from pollux.record.quality import Finding
from pollux.record.record import Record, minutes

Array = NDArray[np.float64]

FEWEST = 9  # meals that tell a habit: three days
BY_NIGHT = (0.0, 5.0)  # local hours
SHARE = 0.2  # of the meals lie by night
REST, REST_AT, OFF = 6.0, 2.5, 4.0  # h without meals; its usual middle, local; how far off that may lie
STEP, REACH = 30.0, 12.0  # min, h: shifts of the meals that are tried
AFTER = 60.0  # min after a meal in which glucose rises
CLEAR, DOUBTFUL = 4.0, 1.0  # standard errors: a rise that is beyond doubt, and one that is none


def clock_rules(record: Record) -> Iterator[Finding]:
    """Meals at hours at which nobody eats; glucose that rises at another time than they say."""
    meals = [e for e in record.once("carbohydrate_intake") if e.number() >= 20.0]
    if len(meals) >= FEWEST:
        yield from _by_night(record, meals)
        yield from _rises_elsewhere(record, meals)


def _by_night(record: Record, meals: list[Event]) -> Iterator[Finding]:
    zone = ZoneInfo(record.person.timezone)
    local = [e.time.astimezone(zone) for e in meals]
    hours = np.array([t.hour + t.minute / 60.0 for t in local])
    night = float(np.mean((hours >= BY_NIGHT[0]) & (hours < BY_NIGHT[1])))
    starts = np.arange(0.0, 24.0, 0.5)
    eaten = np.array([np.mean((hours - start) % 24.0 < REST) for start in starts])
    quiet = starts[eaten <= eaten.min() + 1e-9]
    # The middle of the quiet stretches, on the circle of a day.
    middle = np.angle(np.mean(np.exp(2j * np.pi * (quiet + REST / 2.0) / 24.0))) * 24.0 / (2 * np.pi) % 24.0
    apart = abs((middle - REST_AT + 12.0) % 24.0 - 12.0)
    if night >= SHARE and apart >= OFF:
        text = f"{night:.0%} of the meals lie between 0:00 and 5:00, and few around {middle:.0f}:00: is the zone right?"
        yield _finding("meals by night", text, meals[-1])


def _rises_elsewhere(record: Record, meals: list[Event]) -> Iterator[Finding]:
    """Whether glucose rises some hours before or after meals, each time by as much, and not with them."""
    readings = [(minutes(e.time), e.number()) for e in record.of("cgm_glucose")]
    if len(readings) < 288:
        return
    times, glucose = np.array(readings).T
    at = np.array([minutes(e.time) for e in meals])
    shifts = np.arange(-REACH * 60.0, REACH * 60.0 + 1.0, STEP)
    clear = np.array([_rise(times, glucose, at + shift) for shift in shifts])
    best, here = int(np.nanargmax(clear)), float(clear[shifts == 0.0][0])
    off = float(shifts[best]) / 60.0
    if clear[best] >= CLEAR and here <= DOUBTFUL and abs(off) >= 1.0:
        side = "before" if off < 0 else "after"
        text = f"glucose rises about {abs(off):g} h {side} meals and not with them: is the meals' zone the sensor's?"
        yield _finding("glucose rises elsewhere", text, meals[-1])


def _rise(times: Array, glucose: Array, at: Array) -> float:
    """How clearly glucose rises in the hour after each of some times: mean over its standard error."""
    first, last = np.searchsorted(times, at), np.searchsorted(times, at + AFTER)
    inside = (first < times.size) & (last < times.size)
    first, last, at = first[inside], last[inside], at[inside]
    near = (times[first] - at < 15.0) & (times[last] - at - AFTER < 15.0)
    rise = (glucose[last] - glucose[first])[near]
    if rise.size < FEWEST:
        return -np.inf
    return float(rise.mean() / max(rise.std(ddof=1) / np.sqrt(rise.size), 1e-9))


def _finding(rule: str, text: str, last: Event) -> Finding:
    return Finding(rule, "plausibility", "flag", text, last.quantity, last.time, last.where, last.id)
