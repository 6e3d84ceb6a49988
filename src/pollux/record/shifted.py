"""A whole file taken again under another time zone: everything it says was said before, some hours apart."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

from pollux.record.event import Event
from pollux.record.repeats import RULES, Rule

Array = NDArray[np.float64]

# What carries a person's own pattern. Scheduled rates repeat every day and would fit any shift by a day.
TELLING = ("insulin_bolus", "insulin_long_acting", "carbohydrate_intake", "cgm_glucose", "blood_glucose")

# All of these are Pollux's own choices (unverified).
FARTHEST = 26 * 60  # min: from UTC-12 to UTC+14
STEP = 15  # min: zones differ by quarters of an hour
NEAR = 60.0  # s
MOST = 6  # events within two minutes that are looked at
SHARE = 0.9  # of what could have been said before
FEWEST = 12  # events
SAMPLE = 400  # events that are looked up
DIFFERENT = 6  # values: a dose that is always the same tells nothing


@dataclass(frozen=True)
class Shift:
    """By how much a file lies from what is here, how many of its events do, of how many that could."""

    by: timedelta
    alike: int
    asked: int

    @property
    def text(self) -> str:
        """The shift in words.

        >>> Shift(timedelta(hours=-8), 48, 49).text
        '8 h earlier'
        """
        minutes = round(self.by.total_seconds() / 60)
        hours, rest = divmod(abs(minutes), 60)
        length = f"{hours} h {rest} min" if hours and rest else f"{hours} h" if hours else f"{rest} min"
        return f"{length} {'earlier' if minutes < 0 else 'later'}"


def shifted(before: Iterable[Event], new: Sequence[Event]) -> Shift | None:
    """The one time by which nearly all of `new` lies from events that stood `before`, if there is one.

    Both are a person's standing events of the quantities in `TELLING`. Shifts of full quarters of an hour up to 26 h
    are tried, forward and back, but for whole days, at which habits repeat; the next full hour is taken with each, as
    daylight saving may begin or end within a file. Only events that would have fallen among those of before count.

    Time: linear in the number of events; some hundreds of `new` are looked up at 200 shifts.
    """
    telling = [event for event in new if event.quantity in TELLING and isinstance(event.value, float)]
    if len(telling) < FEWEST:
        return None
    asked = list(telling[:: max(1, len(telling) // SAMPLE)])
    times = np.array([event.time.timestamp() for event in asked])
    known = _known(before, float(times.min()), float(times.max()))
    if not known:
        return None
    shifts = [m for k in range(1, FARTHEST // STEP + 1) for m in (k * STEP, -k * STEP) if m % 1440]
    moments = times[:, None] + 60.0 * np.array(shifts)
    fits = np.zeros(moments.shape, dtype=np.bool_)
    for quantity, table in known.items():
        rows = np.array([event.quantity == quantity for event in asked])
        fits[rows] = _said_at(moments[rows], np.array([e.number() for e in asked if e.quantity == quantity]), table)
    begins, ends = min(table.times[0] for table in known.values()), max(table.times[-1] for table in known.values())
    return _best(asked, shifts, fits, (moments >= begins) & (moments <= ends))


def _best(
    asked: Sequence[Event], shifts: Sequence[int], fits: NDArray[np.bool_], possible: NDArray[np.bool_]
) -> Shift | None:
    """Of the shifts at which enough fits, the one at which most does, the smallest of several."""
    at = {minutes: i for i, minutes in enumerate(shifts)}
    best, most = None, (0, 0)
    for minutes in sorted(shifts, key=abs):
        i = at[minutes]
        alike = fits[:, i] | fits[:, at.get(minutes + 60, i)]
        count, of, own = int(alike.sum()), int((possible[:, i] | alike).sum()), int(fits[:, i].sum())
        values = {(asked[int(k)].quantity, asked[int(k)].value) for k in np.flatnonzero(alike)}
        if of < FEWEST or count < SHARE * of or len(values) < DIFFERENT:
            continue
        if (count, own) > most:
            most = count, own
            best = Shift(timedelta(minutes=-minutes), count, of)  # what lies `minutes` before `new` was there
    return best


@dataclass(frozen=True)
class _Table:
    """One quantity as it stood before, in order of time: seconds since 1970 and values."""

    times: Array
    values: Array
    rule: Rule


def _known(before: Iterable[Event], first: float, last: float) -> dict[str, _Table]:
    rows: dict[str, list[tuple[float, float]]] = {}
    for event in before:
        if event.quantity in TELLING and isinstance(event.value, float):
            moment = event.time.timestamp()
            if first - FARTHEST * 60 <= moment <= last + FARTHEST * 60:
                rows.setdefault(event.quantity, []).append((moment, event.number()))
    return {name: _table(sorted(some), RULES[name]) for name, some in rows.items()}


def _table(rows: Sequence[tuple[float, float]], rule: Rule) -> _Table:
    return _Table(np.array([time for time, _ in rows]), np.array([value for _, value in rows]), rule)


def _said_at(moments: Array, numbers: Array, table: _Table) -> NDArray[np.bool_]:
    """Whether each number `(n,)` was said within a minute of its moments `(n, shifts)`."""
    rule = table.rule
    allowed = np.maximum(rule.rounding, rule.relative * np.abs(numbers))[:, None]
    begin, end = np.searchsorted(table.times, moments - NEAR), np.searchsorted(table.times, moments + NEAR, "right")
    found = np.zeros(moments.shape, dtype=np.bool_)
    for k in range(MOST):
        at = np.minimum(begin + k, len(table.times) - 1)
        found |= (begin + k < end) & (np.abs(table.values[at] - numbers[:, None]) <= allowed)
    return found
