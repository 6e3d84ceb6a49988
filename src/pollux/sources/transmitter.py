"""A transmitter's own counter against the clock that a device shows.

People travel, set a clock late or wrongly, and twice a year everybody's clock jumps. A transmitter counts seconds and
knows nothing of that. Where the display and the counter part, the counter tells how much time went by.
"""

from array import array
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

MOVED = "display clock differed"
# A step of the display beside the counter that is no drift [s], and how much the two may drift apart per second.
# A G6's crystal is good for seconds a day; both are Pollux's own choices (unverified).
STEP = 90.0
DRIFT = 2e-5
_DAY = 86400.0  # after which a stretch begins anew, so that a drift is followed
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LOCAL_EPOCH = datetime(1970, 1, 1)
_NONE = timedelta(0)


@dataclass
class _Stretch:
    """Readings in which display, zone and counter ran alike: UTC − counter [s] at the first, and how many."""

    base: float
    counter: float
    local: datetime
    count: int = 1


@dataclass
class _Ticks:
    """What the display said whenever a transmitter counted: two numbers a reading, in the order of the file."""

    counters: "array[float]" = field(default_factory=lambda: array("d"))
    locals: "array[float]" = field(default_factory=lambda: array("d"))


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
        self._ticks: dict[str, _Ticks] = defaultdict(_Ticks)
        self._right: dict[str, list[_Stretch]] = {}
        self._offsets: dict[datetime, list[float]] = {}  # of the quarter of an hour asked last: UTC − local [s]

    def saw(self, transmitter: str, counter: float, local: datetime) -> None:
        """Take note of a reading."""
        ticks = self._ticks[transmitter]
        ticks.counters.append(counter)
        ticks.locals.append((local - _LOCAL_EPOCH).total_seconds())

    def utc(self, transmitter: str, counter: float, local: datetime) -> tuple[datetime, bool] | None:
        """When a reading was, and whether the display said otherwise; None where its transmitter is not known."""
        if transmitter not in self._ticks:
            return None
        expected = self._base(transmitter, counter) + counter
        shown = [moment for moment in self._readings_of(local) if abs(moment - expected) <= STEP]
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
        for transmitter, ticks in self._ticks.items():
            stretches = self._stretches(ticks)
            self._right[transmitter] = right = self._settle(stretches)
            for stretch in stretches:
                if stretch not in right:
                    off = min(right, key=lambda known: abs(known.counter - stretch.counter)).base - stretch.base
                    begin, side = f"{stretch.local:%Y-%m-%d %H:%M}", "behind" if off > 0 else "ahead of"
                    yield (
                        f"from {begin} on the display's clock was {_length(abs(off))} {side} the transmitter's counter "
                        f"for {stretch.count:,} readings; the counter gives their times"
                    )

    def _base(self, transmitter: str, counter: float) -> float:
        """UTC − counter [s] where the display was right, at the reading nearest in counting."""
        if transmitter not in self._right:
            self._right[transmitter] = self._settle(self._stretches(self._ticks[transmitter]))
        right = self._right[transmitter]
        at = bisect_left(right, counter, key=lambda stretch: stretch.counter)
        return min(right[max(at - 1, 0) : at + 1], key=lambda stretch: abs(stretch.counter - counter)).base

    def _settle(self, stretches: list[_Stretch]) -> list[_Stretch]:
        """The stretches in which the display was right."""
        votes: Counter[int] = Counter()
        leaders: list[_Stretch] = []
        for stretch in stretches:
            of = next((i for i, leader in enumerate(leaders) if _alike(leader, stretch)), len(leaders))
            if of == len(leaders):
                leaders.append(stretch)
            votes[of] += stretch.count
        right = leaders[max(range(len(leaders)), key=lambda i: (votes[i], -i))]
        return [stretch for stretch in stretches if _alike(right, stretch)]

    def _stretches(self, ticks: _Ticks) -> list[_Stretch]:
        order = sorted(range(len(ticks.counters)), key=ticks.counters.__getitem__)
        stretches: list[_Stretch] = []
        for i in order:
            counter = ticks.counters[i]
            local = _LOCAL_EPOCH + timedelta(seconds=ticks.locals[i])
            bases = [moment - counter for moment in self._readings_of(local)]
            last = stretches[-1] if stretches else None
            near = min(bases, key=lambda base: abs(base - last.base)) if last else bases[0]
            if last and abs(near - last.base) <= STEP and counter - last.counter < _DAY:
                last.count += 1
                continue
            stretches.append(_Stretch(near, counter, local))
        return stretches


def _length(seconds: float) -> str:
    hours, minutes = divmod(round(seconds / 60), 60)
    return " ".join(part for part in (f"{hours} h" if hours else "", f"{minutes} min" if minutes else "") if part)


def _alike(one: _Stretch, other: _Stretch) -> bool:
    return abs(one.base - other.base) <= STEP + DRIFT * abs(one.counter - other.counter)
