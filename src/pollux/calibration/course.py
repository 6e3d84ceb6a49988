"""What happened to a person, as a glucose model needs it: numbers over minutes instead of events.

Minutes count from 1970-01-01 UTC, so that times of different imports and plans compare.
"""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import cached_property, lru_cache
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from pollux.models.glucose.minimal import EVENING, MORNING
from pollux.record import Event, Record, minutes

Array = NDArray[np.float64]

EATING = 15.0  # min over which a logged meal is eaten: Pollux's own choice (unverified)
INSULIN_DELAY = 8.0  # min from the skin to the depot that the model starts with: as in py-replay-bg
LONG_ACTING = 1440.0  # min over which a long-acting dose is taken to arrive evenly: a simplification (unverified)
USUAL = 7 * 1440.0  # min that count as the usual basal rate
LOOKS_BACK = USUAL + LONG_ACTING  # min before a time from which anything still tells of it
READINGS_BACK = 2 * 1440.0  # min before a time from which its readings are taken: the day that ends there, and no more
ASSUMED_WEIGHT = 70.0  # kg, where none is known
DAY_STARTS = 4  # local hour at which one day of calibration ends and the next begins

CHANNELS = ("meal", "insulin", "morning", "evening")


@dataclass(frozen=True)
class Segments:
    """Piecewise-constant inputs: `values[k]` holds from `breaks[k]` to `breaks[k + 1]`; boluses are instants."""

    breaks: Array
    values: Array
    boluses: tuple[tuple[float, float], ...]  # (minute, U), as they reach the depot


@dataclass(frozen=True)
class Course:
    """Readings, food and insulin of one person up to some time.

    `readings` (N, 2) time and mg/dL; `beyond` (N,) −1 for "below", +1 for "above" the sensor's range; `meals` (M, 2)
    time and g; `boluses` (B, 2) time and U; `rates` (R, 3) start, end and U/h of basal insulin by pump, of which the
    last that holds at a time counts; `depots` (L, 3) the same of long-acting insulin, which adds up; `spread` (E, 3)
    the same of boluses given over a while, on top of all. `fingers` (F, 2) are glucose by meter or laboratory.
    """

    readings: Array
    beyond: NDArray[np.int8]
    fingers: Array
    meals: Array
    boluses: Array
    rates: Array
    depots: Array
    spread: Array
    basal: float
    weight: float
    timezone: str
    missing: tuple[str, ...] = ()

    @classmethod
    def of(cls, record: Record, until: datetime | None = None, settled: datetime | None = None) -> "Course":
        """The course in a record, up to and including a time.

        Body weight and usual basal rate are taken as they stood at `settled` (at `until` when it is not given), so that
        what is learned during a day does not change what the day started from. Of the time before that, only
        `LOOKS_BACK` is looked at: what a course costs does not grow with the record.
        """
        at = settled or until
        sensed = part = record
        if at is not None and record.events:
            end = until or record.events[-1].time
            sensed = record.between(at - timedelta(minutes=READINGS_BACK), end)
            near = record.between(at - timedelta(minutes=LOOKS_BACK), end).current
            part = Record(record.person, tuple(e for e in near if e.quantity != "cgm_glucose"), _sorted=True)
        cgm = sensed.once("cgm_glucose")

        def standing(quantity: str) -> Sequence[Event]:
            return part.once(quantity)

        boluses = standing("insulin_bolus")
        weight = _standing(record.of("body_weight"), at)
        rates, depots = _rates(standing("insulin_basal_rate")), _depots(standing("insulin_long_acting"))
        missing = [] if weight else ["body weight (70 kg assumed)"]
        if not rates.size and not depots.size:
            missing.append("basal insulin")
        return cls(
            readings=_table([(minutes(e.time), _mass(e)) for e in cgm], 2),
            beyond=np.array([{"<": -1, "<=": -1, ">": 1, ">=": 1}.get(e.comparator, 0) for e in cgm], dtype=np.int8),
            fingers=_table([(minutes(e.time), e.number()) for e in standing("blood_glucose")], 2),
            meals=_table([part for e in standing("carbohydrate_intake") for part in _mouthfuls(e)], 2),
            boluses=_table([(minutes(e.time), e.number()) for e in boluses if not _over_a_while(e)], 2),
            rates=rates,
            depots=depots,
            spread=_spread([e for e in boluses if _over_a_while(e)]),
            basal=_typical(rates, minutes(at) if at else np.inf) + _usual(depots, minutes(at) if at else np.inf),
            weight=weight.number() if weight else ASSUMED_WEIGHT,
            timezone=record.person.timezone,
            missing=tuple(missing),
        )

    def with_plan(self, events: Iterable[Event]) -> "Course":
        """The same course with what is planned; a planned basal rate replaces the usual one while it lasts."""
        events = list(events)
        meals = [(minutes(e.time), e.number()) for e in events if e.quantity == "carbohydrate_intake"]
        doses = [e for e in events if e.quantity == "insulin_bolus"]
        boluses = [(minutes(e.time), e.number()) for e in doses if not _over_a_while(e)]
        rates = _rates([e for e in events if e.quantity == "insulin_basal_rate"])
        return replace(
            self,
            meals=np.vstack([self.meals, _table(meals, 2)]),
            boluses=np.vstack([self.boluses, _table(boluses, 2)]),
            rates=np.vstack([self.rates, rates]),
            spread=np.vstack([self.spread, _spread([e for e in doses if _over_a_while(e)])]),
        )

    def between(self, start: float, end: float) -> NDArray[np.bool_]:
        """Which readings lie in (start, end]."""
        mask: NDArray[np.bool_] = (self.readings[:, 0] > start) & (self.readings[:, 0] <= end)
        return mask

    def segments(self, start: float, end: float, extra: Sequence[float] = ()) -> Segments:
        """The inputs between two times, broken wherever one of them changes and at the times in `extra`."""
        since, until, values = self._steady[0]
        if not len(extra) and since <= start < end <= until:
            return Segments(np.array([start, end]), values, ())
        found = self._looked_up(start, end, extra)
        if len(found.values) == 1 and not found.boluses:
            found.values.setflags(write=False)
            self._steady[0] = start, self._next_change(start), found.values
        return found

    @cached_property
    def _steady(self) -> list[tuple[float, float, Array]]:
        """The last stretch without a change that was looked up: readings come in order, and changes are rare."""
        return [(np.inf, -np.inf, np.zeros((1, len(CHANNELS))))]

    def _next_change(self, time: float) -> float:
        """The first time after this one at which an input may change or a bolus arrive."""
        edges = [self.meals[:, 0], self.meals[:, 0] + EATING, self.boluses[:, 0] + INSULIN_DELAY]
        edges += [self.depots[:, :2].ravel(), *(v[:, :2].ravel() + INSULIN_DELAY for v in (self.rates, self.spread))]
        parts = _day_parts(time, time + 1440.0, self.timezone)
        changes = np.concatenate([*edges, [t for part in parts for t in part[:2]]])
        return float(changes[changes > time].min())

    def _looked_up(self, start: float, end: float, extra: Sequence[float]) -> Segments:
        eaten = self.meals[(self.meals[:, 0] < end) & (self.meals[:, 0] + EATING > start)]
        pieces = [(float(t), float(t) + EATING, 0, float(grams) / EATING) for t, grams in eaten]
        pieces += [(a, b, channel, 1.0) for a, b, channel in _day_parts(start, end, self.timezone)]
        shifted = self.rates + [INSULIN_DELAY, INSULIN_DELAY, 0.0]
        near = shifted[(shifted[:, 0] < end) & (shifted[:, 1] > start)]
        depot = self.depots[(self.depots[:, 0] < end) & (self.depots[:, 1] > start)]
        added = self.spread + [INSULIN_DELAY, INSULIN_DELAY, 0.0]
        added = added[(added[:, 0] < end) & (added[:, 1] > start)]
        edges = [start, end, *extra, *near[:, 0], *near[:, 1], *added[:, 0], *added[:, 1], *depot[:, 0], *depot[:, 1]]
        edges += [t for piece in pieces for t in piece[:2]]
        arrive = self.boluses[:, 0] + INSULIN_DELAY
        reach = (arrive >= start) & (arrive < end) & (self.boluses[:, 1] > 0.0)
        given = [(float(t), float(dose)) for t, dose in zip(arrive[reach], self.boluses[reach, 1], strict=True)]
        edges += [t for t, _ in given]
        breaks = np.unique(np.clip(edges, start, end))
        middle = 0.5 * (breaks[:-1] + breaks[1:])
        values = np.zeros((middle.size, len(CHANNELS)))
        for a, b, channel, height in pieces:
            values[(middle > a) & (middle < b), channel] += height
        for a, b, rate in depot:
            values[(middle > a) & (middle < b), 1] += rate
        values[values[:, 1] == 0.0, 1] = self.basal  # where nothing else is known, as usual
        for a, b, rate in near:
            values[(middle > a) & (middle < b), 1] = rate
        for a, b, rate in added:
            values[(middle > a) & (middle < b), 1] += rate
        return Segments(breaks, values, tuple(sorted(given)))


def _mass(reading: Event) -> float:
    """A sensor reading in mg/dL: the short way where that is how it was stated, as there are many."""
    value = reading.value
    return value if reading.unit == "mg/dL" and isinstance(value, float) else reading.number("mg/dL")


def _table(rows: Sequence[tuple[float, ...]], width: int) -> Array:
    return np.array(rows, dtype=np.float64).reshape(len(rows), width)


def _rates(basal: Sequence[Event]) -> Array:
    """Basal insulin by pump as (start, end, U/h), in an order in which the last that holds at a time counts.

    An open rate lasts until the next one begins, a day at most. A suspended pump gives nothing, whatever else is said;
    a temporary rate stands above what is scheduled, and one begun later above one begun earlier.
    """
    rows = []
    for event, following in itertools.zip_longest(basal, basal[1:]):
        start = minutes(event.time)
        last = minutes(following.time) if following else start + LONG_ACTING
        end = minutes(event.end) if event.end else min(last, start + LONG_ACTING)
        rows.append(("suspended" in event.flags, "temporary" in event.flags, start, end, event.number()))
    return _table([row[2:] for row in sorted(rows)], 3)


def _depots(long_acting: Sequence[Event]) -> Array:
    """Long-acting doses as (start, end, U/h): each spread over its day, overlapping ones adding up."""
    begins = [(minutes(e.time), e.number() / (LONG_ACTING / 60.0)) for e in long_acting]
    return _table([(start, start + LONG_ACTING, rate) for start, rate in begins], 3)


def _mouthfuls(meal: Event) -> list[tuple[float, float]]:
    """A meal as (minute, g): one, or, where it is eaten over a while, equal parts one after the other."""
    start = minutes(meal.time)
    length = minutes(meal.end) - start if meal.end else 0.0
    parts = max(1, round(length / EATING))
    return [(start + k * length / parts, meal.number() / parts) for k in range(parts)]


def _over_a_while(bolus: Event) -> bool:
    return bolus.end is not None and bolus.end > bolus.time


def _spread(boluses: Sequence[Event]) -> Array:
    """Boluses given over a while as (start, end, U/h)."""
    spans = [(minutes(e.time), minutes(e.end), e.number()) for e in boluses if e.end]
    return _table([(start, end, dose / ((end - start) / 60.0)) for start, end, dose in spans], 3)


def _standing(events: Sequence[Event], at: datetime | None) -> Event | None:
    """The last event up to a time, or the first one ever when there is none."""
    before = [e for e in events if at is None or e.time <= at]
    return before[-1] if before else (events[0] if events else None)


def weight_at(record: Record, at: datetime) -> float:
    """Body weight [kg] as it stood at a time; the first one ever where none did, 70 kg where none is known."""
    weight = _standing(record.of("body_weight"), at)
    return weight.number() if weight else ASSUMED_WEIGHT


def _usual(depots: Array, at: float) -> float:
    """The mean rate of long-acting insulin [U/h] over the week before a time, from the first dose on.

    Before a day of it is known, that of the first day's doses.
    """
    if not len(depots):
        return 0.0
    since = max(float(depots[0, 0]), at - USUAL)
    if not np.isfinite(at) or at - since < LONG_ACTING:
        return float(depots[depots[:, 0] < depots[0, 0] + LONG_ACTING, 2].sum())
    held = np.maximum(np.minimum(depots[:, 1], at) - np.maximum(depots[:, 0], since), 0.0)
    return float((depots[:, 2] * held).sum() / (at - since))


def _typical(rates: Array, at: float) -> float:
    """The mean basal rate of the week before a time [U/h], or the first rate known; 0 when none is."""
    if not len(rates):
        return 0.0
    length = np.maximum(np.minimum(rates[:, 1], at) - np.maximum(rates[:, 0], at - USUAL), 0.0)
    return float((rates[:, 2] * length).sum() / length.sum()) if length.sum() > 0 else float(rates[0, 2])


def _day_parts(start: float, end: float, timezone: str) -> list[tuple[float, float, int]]:
    """Mornings (channel 2) and evenings (channel 3) that touch the time between two minutes."""
    first = datetime.fromtimestamp(start * 60.0, UTC).astimezone(ZoneInfo(timezone)).date() - timedelta(days=1)
    days = [first + timedelta(days=k) for k in range(int((end - start) / 1440.0) + 4)]
    parts = []
    for day, tomorrow in itertools.pairwise(days):
        parts.append((local_minute(day, MORNING[0], timezone), local_minute(day, MORNING[1], timezone), 2))
        parts.append((local_minute(day, EVENING[0], timezone), local_minute(tomorrow, EVENING[1], timezone), 3))
    return [(a, b, channel) for a, b, channel in parts if a < end and b > start]


@lru_cache(maxsize=4096)
def local_minute(day: date, hour: int, timezone: str) -> float:
    """Minutes since 1970 of an hour of a local day.

    >>> local_minute(date(1970, 1, 2), 4, "UTC")
    1680.0
    """
    return minutes(datetime(day.year, day.month, day.day, hour, tzinfo=ZoneInfo(timezone)).astimezone(UTC))


def day_boundaries(start: float, end: float, timezone: str) -> list[float]:
    """The local 4 o'clocks in (start, end], in minutes since 1970: where days of calibration end."""
    first = datetime.fromtimestamp(start * 60.0, UTC).astimezone(ZoneInfo(timezone)).date()
    days = (first + timedelta(days=k) for k in range(int((end - start) / 1440.0) + 3))
    return [moment for day in days if start < (moment := local_minute(day, DAY_STARTS, timezone)) <= end]
