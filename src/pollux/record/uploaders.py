"""One sensor through several uploaders: two courses of readings that are the same as a whole.

Uploaders cut a value off where others round it, and send it minutes later. Single readings then prove nothing: what
does is that two courses stay together whenever they meet, at one lag, while the same values half an hour apart do not.
Two sensors on one body never stay that near each other.
"""

import itertools
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from pollux.record.event import Event

# All of these are Pollux's own choices (unverified).
LATE = 310.0  # s: by which an uploader may be later than another; a reading of most sensors
FEWEST = 24  # meetings that tell whether two courses are one
AGREE = 0.9  # share of the meetings in which they are apart by a step of what is shown at most
ELSEWHERE, APART = 0.5, 1800.0  # share in which they may be as near half an hour [s] apart: a flat line proves nothing
OFTEN = 0.5  # of the most meetings at any place
JITTER, OF_A_STEP = 60.0, 0.45  # s and share of the time between readings by which a lag may vary
PLACES = range(-3, 3)  # in order, at which one course's readings are held against another's
SHOWN, SHOWN_MOLAR = 1.0, 1.8016  # mg/dL, a step of the last digit shown: 1 mg/dL, and 0.1 mmol/L
MANY = 16  # courses that are held against each other


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """A reading with the course it belongs to, its time [s] and value."""

    event: Event
    time: float
    number: float
    course: str


def near(a: Reading, b: Reading) -> bool:
    """Whether two readings show the same, where one cuts off what the other rounds."""
    step = max(SHOWN_MOLAR if one.event.unit == "mmol/L" else SHOWN for one in (a, b))
    return a.event.comparator == b.event.comparator and abs(a.number - b.number) <= step + 0.05


@dataclass(frozen=True)
class _Pair:
    """Two courses that are one: by how much the second is later [s], and how much that varies at most."""

    lag: float
    varies: float


def one_sensor(readings: Sequence[Reading]) -> list[tuple[Reading, Reading]]:
    """Of readings in order of time, each that a later uploader said again, with the one it repeats.

    Time: linear in the number of readings for each two courses.
    """
    by: dict[str, list[Reading]] = defaultdict(list)
    for reading in readings:
        by[reading.course].append(reading)
    courses = sorted((name for name, some in by.items() if len(some) >= FEWEST), key=lambda n: (-len(by[n]), n))[:MANY]
    times = {name: [reading.time for reading in by[name]] for name in courses}
    delays = _delays({name: by[name] for name in courses}, times)
    twins: dict[Reading, list[Reading]] = defaultdict(list)
    for a, b in itertools.combinations(courses, 2):
        if delays[a][0] == delays[b][0]:  # `b` has no more readings than `a`
            varies = min(JITTER, OF_A_STEP * _step(times[a]))
            pair = _Pair(delays[b][1] - delays[a][1], varies)
            for one, other in _meetings(by[b], by[a], times[a], pair):
                twins[one].append(other)
                twins[other].append(one)
    order = sorted(twins, key=lambda r: (r.event.learned, delays[r.course][1], r.course, r.time, r.event.id))
    return list(_repeats(order, twins))


def _delays(by: dict[str, list[Reading]], times: dict[str, list[float]]) -> dict[str, tuple[str, float]]:
    """Of each course the one that it is the same as, and how much later it is [s]; itself where it is like none.

    Of courses in order of how many readings they have. Two that are the same as a third one are the same.
    """
    delays: dict[str, tuple[str, float]] = {}
    for name, some in by.items():
        delays[name] = name, 0.0
        for other in list(delays)[:-1]:
            pair = _pair(some, by[other], times[other])
            if pair is not None:
                root, delay = delays[other]
                mine, ahead = delays[name]
                if mine == name:
                    delays[name] = root, delay + pair.lag
                elif mine != root:  # it joins two that did not meet
                    shift = ahead - pair.lag - delay
                    delays.update({one: (mine, d + shift) for one, (of, d) in delays.items() if of == root})
    return delays


def _step(times: Sequence[float]) -> float:
    return median(b - a for a, b in itertools.pairwise(times))


def _repeats(order: Sequence[Reading], twins: dict[Reading, list[Reading]]) -> list[tuple[Reading, Reading]]:
    """Each reading with the first of those it is joined to, of each course one at most."""
    pairs: list[tuple[Reading, Reading]] = []
    joined: set[Reading] = set()
    for first in order:
        if first in joined:
            continue
        joined.add(first)
        courses, waiting = {first.course}, [first]
        while waiting:
            for other in twins[waiting.pop()]:
                if other not in joined and other.course not in courses:
                    joined.add(other)
                    courses.add(other.course)
                    waiting.append(other)
                    pairs.append((other, first))
    return pairs


def _pair(few: Sequence[Reading], many: Sequence[Reading], times: Sequence[float]) -> _Pair | None:
    """How two courses are one, if they are: the lag at which they agree best, of those at which they often meet."""
    varies = min(JITTER, OF_A_STEP * _step(times))
    pairs = [_Pair(lag, varies) for lag in _lags(few, many, times, varies)]
    met = [(pair, _meetings(few, many, times, pair)) for pair in pairs]
    most = max((len(some) for _, some in met), default=0)
    shares = {
        pair: sum(near(one, other) for one, other in some) / len(some)
        for pair, some in met
        if len(some) >= max(FEWEST, OFTEN * most)
    }
    best = max(shares, key=lambda pair: (shares[pair], -abs(pair.lag)), default=None)
    return best if best and shares[best] >= AGREE and _elsewhere(few, many, times) <= ELSEWHERE else None


def _lags(few: Sequence[Reading], many: Sequence[Reading], times: Sequence[float], varies: float) -> list[float]:
    """The lags [s] that may be the two courses': at each place in order, that of the readings which are near."""
    alike: dict[int, list[float]] = defaultdict(list)
    for reading in few:
        here = bisect_left(times, reading.time)
        for place in PLACES:
            at = here + place
            if 0 <= at < len(many) and abs(times[at] - reading.time) <= LATE and near(reading, many[at]):
                alike[place].append(reading.time - times[at])
    lags: list[float] = []
    for some in sorted(alike.values(), key=lambda some: -len(some)):
        lag = median(some)
        if all(abs(lag - other) > varies / 2 for other in lags):
            lags.append(lag)
    return lags


def _elsewhere(few: Sequence[Reading], many: Sequence[Reading], times: Sequence[float]) -> float:
    """The share of readings that are as near to what the other course shows half an hour before and after."""
    met = alike = 0
    for reading in few:
        for moment in (reading.time - APART, reading.time + APART):
            at = bisect_left(times, moment)
            if at < len(many) and times[at] - moment <= LATE:
                met += 1
                alike += near(reading, many[at])
    return alike / met if met else 1.0


def _meetings(
    few: Sequence[Reading], many: Sequence[Reading], times: Sequence[float], pair: _Pair
) -> list[tuple[Reading, Reading]]:
    """Each reading with the other course's that is its own, a lag apart; none is anybody's twice."""
    found, taken = [], -1
    for reading in few:
        moment = reading.time - pair.lag
        at = bisect_left(times, moment)
        places = [k for k in (at - 1, at) if taken < k < len(many) and k >= 0]
        if places:
            k = min(places, key=lambda k: abs(times[k] - moment))
            if abs(times[k] - moment) <= pair.varies:
                found.append((reading, many[k]))
                taken = k
    return found
