"""Nightscout temporary basal rates: when one ends, and what a percentage of the schedule is in U/h."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import cached_property

from pollux.errors import PolluxError, RefusedInput
from pollux.record.event import Event
from pollux.sources.nightscout.item import Item
from pollux.sources.nightscout.schedule import Schedules

TIMES = ("created_at", "timestamp", "date", "mills", "eventTime")
_BEGINS = frozenset(("temp basal", "temp basal start", "tempbasal", "tempbasalstart"))
_ENDS = frozenset(("temp basal end", "tempbasalend"))


class Temporaries:
    """The temporary rates of one file, gathered before it is read.

    One ends where the next begins, where it is cancelled, or where the pump stops.
    """

    def __init__(self, schedules: Schedules, stops_after: Callable[[datetime], datetime | None]) -> None:
        self._schedules = schedules
        self._stops_after = stops_after
        self._spans: list[tuple[datetime, datetime]] = []

    def gather(self, item: Item) -> None:
        """Take note of a temporary rate, or of the end of one (which lasts for no time)."""
        try:
            begins, length = item.time(*TIMES)[0], _length(item)
        except PolluxError:
            return  # told when the document is read
        if length is not None and item.document.get("isValid") is not False:
            self._spans.append((begins, begins + length))

    def events(self, item: Item, time: datetime, flags: tuple[str, ...]) -> Iterator[Event]:
        """The basal rates of a temporary rate; none for the end of one that runs.

        A percentage p of a scheduled rate r is r (100 + p) / 100, as Nightscout reads it.
        """
        length = _length(item)
        if length is None:
            raise RefusedInput("a temporary basal rate without a duration")
        if not length:
            if not self._runs(time):
                raise RefusedInput("this ends a temporary basal rate, but none runs then in this file")
            return
        end = self._end(time, time + length)
        for i, (start, stop, rate) in enumerate(self._pieces(item, time, end)):
            part = f"basal-{start:%Y%m%dT%H%M}" if i else "basal"
            yield item.event(start, "insulin_basal_rate", rate, "U/h", end=stop, flags=(*flags, "temporary"), part=part)

    def _pieces(self, item: Item, begins: datetime, ends: datetime) -> list[tuple[datetime, datetime, float]]:
        absolute = item.number("absolute")
        absolute = item.number("rate") if absolute is None else absolute
        if absolute is not None:
            return [(begins, ends, absolute)]
        percent = item.number("percent")
        if percent is None or percent < -100:
            raise RefusedInput("a temporary basal rate without a rate that can be")
        if percent == -100:
            return [(begins, ends, 0.0)]
        scheduled = self._schedules.between(begins, ends)
        if scheduled is None:
            raise RefusedInput(
                "this basal rate is a percentage of a schedule that the file does not state for that time; "
                "export the profile with it, or absolute rates"
            )
        return [(start, end, rate * (100 + percent) / 100) for start, end, rate in scheduled]

    @cached_property
    def _sorted(self) -> list[tuple[datetime, datetime]]:
        return sorted(self._spans)

    def _end(self, begins: datetime, ends: datetime) -> datetime:
        following = bisect_right(self._sorted, begins, key=lambda span: span[0])
        ends = min(ends, self._sorted[following][0]) if following < len(self._sorted) else ends
        stop = self._stops_after(begins)
        return min(ends, stop) if stop else ends

    def _runs(self, at: datetime) -> bool:
        before = bisect_left(self._sorted, at, key=lambda span: span[0]) - 1
        return before >= 0 and self._sorted[before][1] > at


def is_temporary(item: Item) -> bool:
    """Whether a document is a temporary basal rate or the end of one."""
    return item.text("eventType").strip().casefold() in _BEGINS | _ENDS


def _length(item: Item) -> timedelta | None:
    """How long a temporary rate lasts; the end of one for no time."""
    return timedelta(0) if item.text("eventType").strip().casefold() in _ENDS else item.length()
