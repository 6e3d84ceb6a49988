"""A transmitter's own counter against the clock that a device shows.

People travel, set a clock late or wrongly, and twice a year everybody's clock jumps. A transmitter counts seconds and
knows nothing of that. Where the display and the counter part, the counter tells how much time went by.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

MOVED = "display clock differed"
# A step of the display beside the counter that is no drift [s], and how much the two may drift apart per second.
# A G6's crystal is good for seconds a day; both are Pollux's own choices (unverified).
STEP = 90.0
DRIFT = 2e-5
BESIDE = 4  # clocks whose rows may stand mixed in a file, such as a phone's and a receiver's
JUMBLED = 4000  # stretches under one id, ten years of days: from there on a counter counts nothing
SENSORS = 500  # under one id, ten years of ten days and more: from there on a counter counts nothing
_MOST = 200  # clocks of one transmitter that are told apart
_DAY = 86400.0  # after which a stretch begins anew, so that a drift is followed
ZONES = 26 * 3600.0  # s by which a journey can move a display: from UTC-12 to UTC+14
GOES_ON = 900.0  # s: three readings; a counter that goes on so soon is the same one
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LOCAL_EPOCH = datetime(1970, 1, 1)
_NONE = timedelta(0)


@dataclass
class _Stretch:
    """Readings, one after the other, in which display, zone and counter ran alike.

    `bases` are UTC − counter [s] at the first of them: two in an hour that happens twice.
    """

    bases: list[float]
    counter: float
    local: datetime
    count: int = 1
    counted: tuple[float, float] = (0.0, 0.0)  # from which counter to which
    shown: tuple[datetime, datetime] = (_LOCAL_EPOCH, _LOCAL_EPOCH)  # from which local time to which

    def __post_init__(self) -> None:
        self.counted, self.shown = (self.counter, self.counter), (self.local, self.local)

    def reach(self, counter: float, local: datetime) -> None:
        """Take in another reading."""
        self.count += 1
        self.counted = min(self.counted[0], counter), max(self.counted[1], counter)
        self.shown = min(self.shown[0], local), max(self.shown[1], local)

    def off(self, base: float, counter: float) -> float:
        """By how much the display differs from one that is right [s], drift aside; 0 where it does not."""
        nearest = min((one - base for one in self.bases), key=abs)
        return 0.0 if abs(nearest) <= STEP + DRIFT * abs(self.counter - counter) else nearest


class Transmitters:
    """Surveys a file's counters once, and then gives each reading the time that its counter speaks for.

    Which stretch of the display's clock is the right one nobody can say from the counter alone: the one that most
    readings of a transmitter stand in is taken for it, the first of two that are equal.

    >>> local = [datetime(2026, 6, 10, 13, 0), datetime(2026, 6, 10, 13, 5), datetime(2026, 6, 10, 10, 10)]
    >>> transmitters = Transmitters(ZoneInfo("America/New_York"))
    >>> for counter, moment in zip((500, 800, 1100), local, strict=True):
    ...     transmitters.saw("8A", counter, moment)
    >>> transmitters.utc("8A", 1100, local[2])  # the display was set back by three hours
    (datetime.datetime(2026, 6, 10, 17, 10, tzinfo=datetime.timezone.utc), True)
    """

    def __init__(self, zone: ZoneInfo) -> None:
        self._zone = zone
        self._stretches: dict[str, list[_Stretch]] = defaultdict(list)
        self._lives: dict[str, list[_Life]] = {}
        self._at: dict[str, tuple[list[datetime], list[list[_Life]]]] = {}
        self._offsets: dict[datetime, list[float]] = {}  # of the quarter of an hour asked last: UTC − local [s]

    def saw(self, transmitter: str, counter: float, local: datetime) -> None:
        """Take note of a reading."""
        stretches = self._stretches[transmitter]
        bases = [moment - counter for moment in self._readings_of(local)]
        for before, last in enumerate(reversed(stretches[-BESIDE:])):
            mixed = not before or min(abs(counter - end) for end in last.counted) <= GOES_ON
            if mixed and abs(counter - last.counter) < _DAY:
                goes_on = [base for base in last.bases if any(abs(base - one) <= STEP for one in bases)]
                if goes_on:
                    last.bases = goes_on
                    last.reach(counter, local)
                    return
        if len(stretches) < JUMBLED:
            stretches.append(_Stretch(bases, counter, local))

    def utc(self, transmitter: str, counter: float, local: datetime) -> tuple[datetime, bool] | None:
        """When a reading was, and whether the display said otherwise; None where its transmitter tells nothing."""
        if transmitter not in self._stretches or self._jumbled(transmitter):
            return None
        readings = self._readings_of(local)
        lives = [life for life in self._lives_at(transmitter, local) if life.holds(counter, local)]
        expected = min(
            (life.base(counter) + counter for life in lives),
            key=lambda one: min(abs(moment - one) for moment in readings),
        )
        shown = [moment for moment in readings if abs(moment - expected) <= STEP]
        at = min(shown, key=lambda moment: abs(moment - expected)) if shown else expected
        return _EPOCH + timedelta(seconds=round(at, 3)), not shown

    def _readings_of(self, local: datetime) -> list[float]:
        """What a local time may be in UTC [s]: once, twice in autumn, shifted in the hour that spring leaves out."""
        quarter = local.replace(minute=local.minute // 15 * 15, second=0, microsecond=0)  # no clock changes within one
        if quarter not in self._offsets:
            aware = (quarter.replace(tzinfo=self._zone, fold=fold).utcoffset() for fold in (0, 1))
            self._offsets = {quarter: sorted({-(offset or _NONE).total_seconds() for offset in aware})}
        shown = (local - _LOCAL_EPOCH).total_seconds()
        return [shown + offset for offset in self._offsets[quarter]]

    def differences(self) -> Iterator[str]:
        """In words, each time that a display's clock differed from what its transmitter counted."""
        for transmitter in self._stretches:
            if self._jumbled(transmitter):
                yield "a transmitter's counter jumps about in this file: it is not used, and times are the display's"
                continue
            for life in self._lives_of(transmitter):
                for begin, off, count in life.differences():
                    side = "behind" if off < 0 else "ahead of"
                    yield (
                        f"from {begin:%Y-%m-%d %H:%M} on the display's clock was {_length(abs(off))} {side} the "
                        f"transmitter's counter for {count:,} readings; the counter gives their times"
                    )

    def _jumbled(self, transmitter: str) -> bool:
        return len(self._stretches[transmitter]) >= JUMBLED or not self._lives_of(transmitter)

    def _lives_at(self, transmitter: str, local: datetime) -> list["_Life"]:
        """The lives that reach over a time on the display."""
        if transmitter not in self._at:
            self._at[transmitter] = _by_time(self._lives_of(transmitter))
        moments, lives = self._at[transmitter]
        return lives[bisect_left(moments, local)]

    def _lives_of(self, transmitter: str) -> list["_Life"]:
        if transmitter not in self._lives:
            self._lives[transmitter] = _lives(self._stretches[transmitter])
        return self._lives[transmitter]


class _Life:
    """What one counter counted, from its start to its end.

    Under one id there may be several: sensors of a kind that starts to count anew, whose ids a file does not state.
    """

    def __init__(self, first: _Stretch) -> None:
        self.stretches = [first]
        self._counted, self._shown = first.counted, first.shown

    def take(self, stretch: _Stretch) -> None:
        """Make a stretch part of it."""
        self.stretches.append(stretch)
        self._counted = min(self._counted[0], stretch.counted[0]), max(self._counted[1], stretch.counted[1])
        self._shown = min(self._shown[0], stretch.shown[0]), max(self._shown[1], stretch.shown[1])

    def reached(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """From which counter to which, and from which local time to which [s], it reaches."""
        return self._counted, (_seconds(self._shown[0]), _seconds(self._shown[1]))

    @property
    def shown(self) -> tuple[datetime, datetime]:
        """From which local time to which it reaches."""
        return self._shown

    def holds(self, counter: float, local: datetime) -> bool:
        """Whether a reading lies within what was taken."""
        return self._counted[0] <= counter <= self._counted[1] and self._shown[0] <= local <= self._shown[1]

    def differences(self) -> list[tuple[datetime, float, int]]:
        """From when on the display differed, by how much [s], for how many readings: once for as long as it went on."""
        runs: list[tuple[datetime, float, int]] = []
        ended, right = 0.0, True  # the last counter of the run at hand, and whether the display was right since
        for stretch in self.stretches:
            off = stretch.off(self.base(stretch.counter), stretch.counter)
            same = bool(off and runs) and abs(off - runs[-1][1]) <= STEP
            if same and (not right or stretch.counted[0] - ended <= GOES_ON):
                begin, before, count = runs[-1]
                runs[-1] = (begin, before, count + stretch.count)
            elif off:
                runs.append((stretch.local, off, stretch.count))
            ended, right = (max(ended, stretch.counted[1]), False) if off else (ended, True)
        return runs

    @cached_property
    def _right(self) -> list[tuple[float, float]]:
        return _settle(self.stretches)

    def base(self, counter: float) -> float:
        """UTC − counter [s] where the display was right, at the reading nearest in counting."""
        at = bisect_left(self._right, (counter, 0.0))
        return min(self._right[max(at - 1, 0) : at + 1], key=lambda known: abs(known[0] - counter))[1]


def _lives(stretches: list[_Stretch]) -> list[_Life]:
    """The stretches of one id by the counter that counted them, in the order of the display; none of too many."""
    lives: list[_Life] = []
    taken = _Taken(len(stretches))
    for stretch in sorted(stretches, key=lambda one: one.shown):
        of = taken.by(stretch, lives)
        if of < 0:
            of = len(lives)
            lives.append(_Life(stretch))
            if len(lives) > SENSORS:
                return []
        else:
            lives[of].take(stretch)
        taken.note(stretch, of, lives[of])
    return lives


class _Taken:
    """All stretches that were taken so far and by which life, in arrays: each new one is held against all at once."""

    def __init__(self, size: int) -> None:
        self._count = self._lives = 0
        self._bases, self._counters = np.zeros((size, 2)), np.zeros(size)
        self._of = np.zeros(size, np.int64)
        self._counted, self._shown = np.zeros((size, 2)), np.zeros((size, 2))  # of lives

    def note(self, stretch: _Stretch, of: int, life: _Life) -> None:
        """A life took a stretch."""
        at = self._count
        self._bases[at] = stretch.bases[0], stretch.bases[-1]
        self._counters[at], self._of[at] = stretch.counter, of
        self._counted[of], self._shown[of] = life.reached()
        self._count, self._lives = at + 1, max(self._lives, of + 1)

    def by(self, stretch: _Stretch, lives: list[_Life]) -> int:
        """The last life whose counter may have counted a stretch, which begins no earlier on the display; -1 for none.

        A journey leaves a counter alone and moves the display by a day at most; only where the counter goes on at once
        was the display wrong by more. A counter that says again, later on the display, what it said before began anew.
        """
        if not lives:
            return -1
        nearest = np.full(self._lives, np.inf)
        np.minimum.at(nearest, self._of[: self._count], self._off(stretch))
        (begin, end), (first, last) = self._counted[: self._lives].T, stretch.counted
        again = (np.minimum(end, last) - np.maximum(begin, first) > GOES_ON) | (last < begin - GOES_ON)
        near = nearest <= ZONES
        overlaps = _seconds(stretch.shown[0]) < self._shown[: self._lives, 1]
        goes_on = np.minimum(np.abs(first - end), np.abs(begin - last)) <= GOES_ON
        fits = np.flatnonzero((nearest == 0.0) | np.where(again, near & overlaps, near | goes_on))
        return int(fits[-1]) if len(fits) else -1

    def _off(self, stretch: _Stretch) -> NDArray[np.float64]:
        """By how much the display of a stretch differs from that of each of the others [s], drift aside."""
        bases = np.array(stretch.bases)
        nearest = np.abs(self._bases[: self._count, :, None] - bases).min(axis=(1, 2))
        allowed = STEP + DRIFT * np.abs(self._counters[: self._count] - stretch.counter)
        return np.where(nearest <= allowed, 0.0, nearest)


def _seconds(local: datetime) -> float:
    return (local - _LOCAL_EPOCH).total_seconds()


def _by_time(lives: list[_Life]) -> tuple[list[datetime], list[list[_Life]]]:
    """Moments on the display, and the lives that reach into the time up to each of them (and behind the last)."""
    moments = sorted({moment for life in lives for moment in life.shown})
    reaching: list[list[_Life]] = [[] for _ in range(len(moments) + 1)]
    for life in lives:
        for at in range(bisect_left(moments, life.shown[0]), bisect_left(moments, life.shown[1]) + 1):
            reaching[at].append(life)
    return moments, reaching


def _settle(stretches: list[_Stretch]) -> list[tuple[float, float]]:
    """(counter, UTC − counter) along the readings whose display was right: those of the base with the most of them."""
    ordered = sorted(stretches, key=lambda stretch: stretch.counter)
    leaders: list[tuple[float, float]] = []  # counter and base of the first stretch of each
    votes: list[int] = []
    for stretch in sorted(ordered, key=lambda one: len(one.bases)):  # those in doubt join others
        of = [i for i, (counter, base) in enumerate(leaders) if not stretch.off(base, counter)]
        if not of and len(leaders) == _MOST:
            continue
        if not of:
            leaders.append((stretch.counter, stretch.bases[0]))
            votes.append(0)
        votes[of[0] if of else -1] += stretch.count
    most = max(range(len(leaders)), key=lambda i: (votes[i], -i))
    counter, base = leaders[most]
    return [
        (stretch.counter, min(stretch.bases, key=lambda one: abs(one - base)))
        for stretch in ordered
        if not stretch.off(base, counter)
    ]


def _length(seconds: float) -> str:
    hours, minutes = divmod(round(seconds / 60), 60)
    return " ".join(part for part in (f"{hours} h" if hours else "", f"{minutes} min" if minutes else "") if part)
