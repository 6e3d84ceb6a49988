"""A pump that gives nothing for a while: suspended by its wearer, by itself, or taken off.

Loop writes `Suspend Pump` and `Resume Pump` (perhaps with a duration), older tools `Pump Suspend`, Trio notes ("Pump
suspended"). AndroidAPS writes `OpenAPS Offline`, at first with the reason DISCONNECT_PUMP, later with the mode
DISCONNECTED_PUMP or SUSPENDED_BY_PUMP, which any other mode ends; its durations may stand for "until further notice"
(OfflineEvent and RunningMode in nightscout/AndroidAPS). Nightscout itself goes on to show the schedule
(nightscout/cgm-remote-monitor issue 5078); the body got nothing.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from datetime import datetime, timedelta

from pollux.errors import PolluxError, RefusedInput
from pollux.record.event import Event
from pollux.sources.nightscout.item import Item
from pollux.sources.nightscout.temporary import TIMES, is_temporary

LONGEST = timedelta(days=1)  # of a suspension that nothing ends: Pollux's own choice
FLAG = "suspended"
OPEN = "end of suspension not stated"

_SUSPEND = re.compile(
    r"(suspend(ed)?|disconnect(ed)?) pump|pump (is |was )?(suspend(ed)?|paused|stopped|disconnected)|pumpsuspend(ed)?"
)
_RESUME = re.compile(
    r"(resumed? pump|pump (is |was )?(resumed?|started|restarted)|pumpresumed?|pump reconnected|reconnect(ed)? pump)"
)
_WORDY = frozenset(("", "note", "<none>", "announcement", "pump event"))
_OFFLINE = "OpenAPS Offline"
_OFF_MODES = frozenset(("disconnected_pump", "suspended_by_pump"))
_OFF_REASONS = frozenset(("disconnect_pump",))


def says_suspension(item: Item) -> bool:
    """Whether a document says that the pump stops or goes on."""
    return _stops(item) or _goes_on(item)


def _said(item: Item) -> str:
    """The words that say it: the event's type, or the whole of a note."""
    kind = item.text("eventType").strip().casefold()
    words = item.text("notes") if kind in _WORDY else kind
    return re.sub(r"[^a-z]+", " ", words.casefold()).strip()


def _stops(item: Item) -> bool:
    if item.text("eventType") == _OFFLINE:
        return item.text("mode").casefold() in _OFF_MODES or item.text("reason").casefold() in _OFF_REASONS | _OFF_MODES
    return bool(_SUSPEND.fullmatch(_said(item)))


def _goes_on(item: Item) -> bool:
    return bool(_RESUME.fullmatch(_said(item)))


def _other_mode(item: Item) -> bool:
    """Whether AndroidAPS entered a mode in which its pump is connected."""
    return item.text("eventType") == _OFFLINE and item.text("mode") != "" and not _stops(item)


def _length(item: Item) -> timedelta | None:
    """For how long the pump stops; None where that is not stated, or is "until further notice"."""
    try:
        return item.length() or None
    except RefusedInput:
        if item.text("eventType") == _OFFLINE:
            return None  # AndroidAPS writes the largest number there is
        raise


def _gives(item: Item) -> bool:
    """Whether a document shows that the pump gives insulin."""
    try:
        rate = item.number("absolute") if item.document.get("absolute") is not None else item.number("rate")
        return bool(rate and item.length()) if is_temporary(item) else bool(item.number("insulin"))
    except PolluxError:
        return False


class Suspensions:
    """When the pump of one file stops and goes on, gathered before it is read."""

    def __init__(self) -> None:
        self._stops: list[tuple[datetime, datetime | None]] = []
        self._resumes: list[datetime] = []
        self._given: list[datetime] = []
        self._last: datetime | None = None
        self._known_from: list[datetime | None] = []  # from each stop on the first whose end is known
        self._sorted = False

    def gather(self, item: Item) -> None:
        """Take note of a document that stops the pump, lets it go on, or shows that it gives insulin."""
        if item.document.get("isValid") is False:
            return
        try:
            time = item.time(*TIMES)[0]
            length = _length(item) if _stops(item) else None
        except PolluxError:
            return  # told when the document is read
        if _stops(item):
            self._stops.append((time, time + length if length else None))
        elif _goes_on(item) or _other_mode(item):
            self._resumes.append(time)
        elif _gives(item):
            self._given.append(time)

    def saw(self, time: datetime) -> None:
        """The data of the file go on at least until then."""
        self._last = time if self._last is None else max(self._last, time)

    def stops_after(self, begins: datetime) -> datetime | None:
        """When the pump stops next after a time, if it does: what ran until then ends there."""
        self._sort()
        at = bisect_right(self._stops, begins, key=lambda stop: stop[0])
        return self._known_from[at]

    def events(self, item: Item, time: datetime, flags: tuple[str, ...]) -> Iterator[Event]:
        """A basal rate of 0 U/h until the pump goes on; nothing for the document that says that it does.

        Raises `RefusedInput` where nothing says when it went on, though insulin was given later: then no rate can be
        said for the time between.
        """
        self._sort()
        if _goes_on(item):
            if not self._stops or self._stops[0][0] > time:
                raise RefusedInput("this lets a pump go on, but nothing in this file stopped it before")
            return
        length = _length(item)
        end = self._end(time, time + length if length else None)
        if end is None:
            raise RefusedInput(
                "the pump was suspended and gave insulin later, but nothing says when it went on: the basal rate in "
                "between is not known"
            )
        known = bool(length) or _among(self._resumes, end)
        if end > time:
            marks = (*flags, FLAG) if known else (*flags, FLAG, OPEN)
            yield item.event(time, "insulin_basal_rate", 0.0, "U/h", end=end, flags=marks, part="suspended")

    def _end(self, begins: datetime, stated: datetime | None) -> datetime | None:
        """When a suspension ends: as stated, when the pump goes on, or with the data; None when nobody can tell."""
        resumed = self._resumes[i] if (i := bisect_right(self._resumes, begins)) < len(self._resumes) else None
        if stated is not None:
            return min(stated, resumed) if resumed else stated
        given = self._given[i] if (i := bisect_right(self._given, begins)) < len(self._given) else None
        longest = begins + LONGEST
        if resumed and resumed <= longest:
            return resumed
        if given and given <= longest:
            return None
        return longest if self._last is None else max(begins, min(longest, self._last))

    def _sort(self) -> None:
        if not self._sorted:
            self._stops.sort(key=lambda stop: stop[0])
            self._resumes.sort()
            self._given.sort()
            self._sorted = True
            self._known_from = [None]
            for stop, stated in reversed(self._stops):
                self._known_from.append(self._known_from[-1] if self._end(stop, stated) is None else stop)
            self._known_from.reverse()


def _among(times: list[datetime], one: datetime) -> bool:
    at = bisect_left(times, one)
    return at < len(times) and times[at] == one
