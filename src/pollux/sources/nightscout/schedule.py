"""Nightscout basal schedules (Profile Switch, profile): which rate ran when, and which schedule was in force."""

import json
from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from functools import cached_property
from hashlib import blake2b
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from pollux.errors import PolluxError, RefusedInput
from pollux.record.event import Event
from pollux.sources.clock import LATEST, NoZone, zone
from pollux.sources.nightscout.item import Item

LONGEST = timedelta(days=10 * 366)  # of the data of one file over which its schedules are laid out
ALONE = timedelta(days=400)  # of one switch in a file that holds nothing else
_NEVER = datetime(LATEST + 1, 1, 1, tzinfo=UTC)
_SWITCHED = ("created_at", "startDate", "timestamp", "date", "mills")
_PROFILED = ("startDate", "mills", "created_at", "timestamp", "date")  # created_at is when it was saved last
_PUMP_EVENTS = frozenset(
    ("temp basal", "suspend pump", "resume pump", "pump suspend", "pump resume", "combo bolus", "site change",
     "cannula change", "insulin change", "pod change", "cartridge change", "pump battery change", "openaps offline")
)  # fmt: skip
_DAY = 86400
_MOST_RATES = 288
_HOUR_MS = 3_600_000
Piece = tuple[datetime, datetime, float]


@dataclass(frozen=True, slots=True)
class _Switch:
    begins: datetime
    ends: datetime | None
    rates: Sequence[tuple[int, float]]  # seconds after local midnight, U/h
    zone: ZoneInfo
    item: Item


_Stretch = tuple[datetime, datetime, _Switch]


class Schedules:
    """The switches of one file, gathered before it is read, and what they say about any time."""

    def __init__(self) -> None:
        self._items: list[Item] = []
        self._stores: list[tuple[datetime, Mapping[str, Any]]] = []
        self._once: dict[bytes, Any] = {}  # profiles and rates that many documents state alike
        self._first: datetime | None = None
        self._last: datetime | None = None
        self._pump = False  # whether anything in the file speaks of a pump
        self._injected = False  # whether long-acting insulin was injected

    def gather(self, item: Item) -> None:
        """Take note of a document: of a switch or a profile, and of what only a pump does."""
        self._pump = self._pump or _of_a_pump(item)
        if not is_schedule(item):
            return
        item = self._without_repeats(item)
        self._items.append(item)
        store = item.document.get("store")
        if isinstance(store, dict):
            try:
                self._stores.append((_begins(item), store))
            except PolluxError:
                return  # told when the document is read

    def _without_repeats(self, item: Item) -> Item:
        """The same document; a profile that another stated before stands in memory once."""
        own = {name: self._same(value) for name, value in item.document.items() if name in ("profileJson", "store")}
        return replace(item, document={**item.document, **own})

    def _same(self, value: Any) -> Any:
        mark = blake2b(json.dumps(value).encode(), digest_size=16).digest()
        return self._once.setdefault(mark, value)

    def saw(self, event: Event) -> None:
        """The data of the file go on at least until this event."""
        self._injected = self._injected or (event.quantity == "insulin_long_acting" and not event.retracted)
        moment = event.end or event.time
        self._last = moment if self._last is None or moment > self._last else self._last
        self._first = event.time if self._first is None or event.time < self._first else self._first

    def switch(self, item: Item) -> _Switch:
        """A schedule that begins to run. Raises `RefusedInput` when its rates cannot be said."""
        begins = _begins(item)
        length = item.length() if "eventType" in item.document else None
        percentage = item.number("percentage") or 100.0
        profile = self._profile(item, begins)
        shift = _shift(item)
        rates = self._same(sorted(((at + shift) % _DAY, rate * percentage / 100) for at, rate in _rates(profile)))
        return _Switch(begins, begins + length if length else None, rates, _zone(profile, item, rates, begins), item)

    def between(self, begins: datetime, ends: datetime) -> list[Piece] | None:
        """Start, end and rate [U/h] of each scheduled piece; None where part of the time has no schedule."""
        pieces: list[Piece] = []
        at = bisect_right(self._stretches, begins, key=lambda stretch: stretch[0]) - 1
        reached = begins
        for start, end, switch in self._stretches[max(at, 0) :]:
            if start > reached or reached >= ends:
                break
            if end > reached:
                pieces += _laid_out(reached, min(end, ends), switch.rates, switch.zone)
                reached = min(end, ends)
        return pieces if reached >= ends else None

    def doubt(self) -> str:
        """Why the schedules of this file are not what a body got; empty where nothing speaks against them.

        Who injects long-acting insulin may keep a schedule that stands for it, as reports ask for one.
        """
        if not self._injected or self._pump or not self._stretches:
            return ""
        return (
            "long-acting insulin was injected, and nothing in this file speaks of a pump: its basal schedule may stand "
            "for the same insulin, and is not counted beside it"
        )

    def events(self) -> Iterator[Event]:
        """The basal rates of all schedules, to the end of the file's data; those of a switch taken back, retracted."""
        taken_back = [stretch for stretch in _in_force(self._switches) if not _valid(stretch[2])]
        for begins, ends, switch in (*self._stretches, *taken_back):
            begins, ends = self._within(begins, ends, switch)
            for start, end, rate in _laid_out(begins, ends, switch.rates, switch.zone):
                part = f"basal-{start:%Y%m%dT%H%M}"
                yield switch.item.event(
                    start, "insulin_basal_rate", rate, "U/h", end=end, flags=("scheduled",), part=part
                )

    def _within(self, begins: datetime, ends: datetime, switch: _Switch) -> tuple[datetime, datetime]:
        """What of a stretch the file's data span; a profile may have been in force for years before."""
        if self._first is None or self._last is None:
            return begins, min(ends, begins + ALONE)
        if "eventType" not in switch.item.document:
            begins = max(begins, self._first.replace(hour=0, minute=0, second=0, microsecond=0))
        return begins, min(ends, self._last, begins + LONGEST)

    @cached_property
    def _switches(self) -> list[_Switch]:
        switches = []
        for item in self._items:
            try:
                switches.append(self.switch(item))
            except PolluxError:
                continue  # told when the document is read
        return switches

    @cached_property
    def _stretches(self) -> list[_Stretch]:
        return _in_force([switch for switch in self._switches if _valid(switch)])

    def _profile(self, item: Item, at: datetime) -> Mapping[str, Any]:
        document = item.document
        profile = document.get("profileJson")
        if isinstance(profile, str):
            try:
                profile = json.loads(profile)
            except (ValueError, RecursionError):
                raise RefusedInput("the schedule in profileJson cannot be read") from None
        store = document.get("store")
        if profile is None and isinstance(store, dict):
            profile = store.get(document.get("defaultProfile"))
        if profile is None and item.text("profile"):
            store = self._store_at(at)
            profile = store.get(item.text("profile")) if store else None
        if not isinstance(profile, dict):
            raise RefusedInput("the schedule that it names is not in the file")
        return profile

    def _store_at(self, at: datetime) -> Mapping[str, Any] | None:
        """The profiles that were stated last before a time; of several at one moment, the first in the file."""
        last = bisect_right(self._ordered, at, key=_moment_of) - 1
        if last < 0:
            return None
        return self._ordered[bisect_left(self._ordered, self._ordered[last][0], key=_moment_of)][1]

    @cached_property
    def _ordered(self) -> list[tuple[datetime, Mapping[str, Any]]]:
        return sorted(self._stores, key=_moment_of)


def _moment_of(stated: tuple[datetime, Mapping[str, Any]]) -> datetime:
    return stated[0]


def is_schedule(item: Item) -> bool:
    """Whether a document is a switch or a profile."""
    return item.text("eventType") == "Profile Switch" or "defaultProfile" in item.document


def _begins(item: Item) -> datetime:
    """Since when a schedule runs: a switch when it was made, a profile from the start that it states."""
    return item.time(*(_SWITCHED if "eventType" in item.document else _PROFILED))[0]


def _of_a_pump(item: Item) -> bool:
    if item.text("eventType").casefold() in _PUMP_EVENTS or item.text("type").upper() == "SMB":
        return True
    return any(item.document.get(name) for name in ("pumpId", "pumpType", "pumpSerial"))


def _valid(switch: _Switch) -> bool:
    return switch.item.document.get("isValid") is not False


def _in_force(switches: Sequence[_Switch]) -> list[_Stretch]:
    """Which switch is in force when: the last one begun; when its time is over, the one before it again."""
    ordered = sorted(switches, key=lambda switch: switch.begins)
    points = sorted({s.begins for s in ordered} | {s.ends for s in ordered if s.ends})
    found: list[_Stretch] = []
    standing: list[_Switch] = []
    waiting = deque(ordered)
    for start, end in pairwise([*points, _NEVER] if points else ()):
        while waiting and waiting[0].begins <= start:
            following = waiting.popleft()
            if not following.ends:
                standing.clear()
            standing.append(following)
        while standing and (over := standing[-1].ends) and over <= start:
            standing.pop()
        if standing:
            found.append((start, end, standing[-1]))
    return found


def _laid_out(begins: datetime, ends: datetime, rates: Sequence[tuple[int, float]], here: ZoneInfo) -> Iterator[Piece]:
    """Start, end and rate [U/h] of each piece, the changes at local times of the day."""
    for (start, rate), (end, _) in pairwise(_changes(begins, ends, rates, here)):
        start, end = max(start, begins), min(end, ends)
        if start < end:
            yield start, end, rate


def _changes(
    begins: datetime, ends: datetime, rates: Sequence[tuple[int, float]], here: ZoneInfo
) -> Iterator[tuple[datetime, float]]:
    """When which rate begins, from the day before to the first day that is past the end."""
    day = begins.astimezone(here).date() - timedelta(days=1)
    last = datetime.min.replace(tzinfo=UTC)
    while last < ends:
        midnight = datetime.combine(day, time(0), tzinfo=here)
        for at, rate in rates:
            last = (midnight + timedelta(seconds=at)).astimezone(UTC)
            yield last, rate
        day += timedelta(days=1)


def _shift(item: Item) -> int:
    """Seconds by which a schedule runs later than its profile says.

    `timeshift` is in hours in what AndroidAPS wrote up to version 2 and Nightscout reads, in milliseconds in what later
    versions write.
    """
    stated = item.number("timeshift") or 0.0
    if abs(stated) <= 24:
        return round(stated * 3600)
    if _HOUR_MS / 4 <= abs(stated) <= 24 * _HOUR_MS:
        return round(stated / 1000)
    raise RefusedInput("its timeshift is neither hours nor milliseconds of a day")


def _rates(profile: Mapping[str, Any]) -> list[tuple[int, float]]:
    """Seconds after midnight and rate [U/h] of each step of the schedule."""
    basal = profile.get("basal")
    found: dict[int, float] = {}
    try:
        for step in basal if isinstance(basal, list) else ():
            hours, minutes = str(step.get("time", "0:00")).split(":")[:2]
            at = step.get("timeAsSeconds")
            seconds = int(float(at)) if at not in (None, "") else int(hours) * 3600 + int(minutes) * 60
            rate = float(step["value"])
            if not 0 <= seconds < _DAY or not 0 <= rate < 1000:
                raise ValueError
            found[seconds] = rate
    except (KeyError, ValueError, TypeError, AttributeError, OverflowError):
        raise RefusedInput("the basal rates of the schedule cannot be read") from None
    if len(found) > _MOST_RATES:
        raise RefusedInput("the schedule has more rates than a day has five minutes")
    if 0 not in found:
        raise RefusedInput("the basal rates of the schedule do not begin at midnight")
    return sorted(found.items())


def _zone(profile: Mapping[str, Any], item: Item, rates: Sequence[tuple[int, float]], begins: datetime) -> ZoneInfo:
    """The zone of a schedule's times of the day; one rate all day needs none.

    A stated zone that is unknown, means two things or contradicts the document's own offset is asked about, and taken
    for no other one unless whoever reads the file insists on theirs.
    """
    reading, any_will_do = item.reading, len({rate for _, rate in rates}) == 1
    name = str(profile.get("timezone") or "")
    if not name or (reading.insist and reading.timezone):
        if reading.timezone or any_will_do:
            return zone(reading.timezone or "UTC")
        raise NoZone(reading.name)
    try:
        here = zone("Etc/" + name[4:] if name.upper().startswith("ETC/") else name)
    except RefusedInput as error:
        if any_will_do:
            return zone("UTC")
        raise RefusedInput(f"the times of day of its basal rates cannot be placed: {error.what}") from None
    then, own = here.utcoffset(begins.astimezone(here)), item.offset()
    if own is not None and then != own and not any_will_do:
        raise RefusedInput(
            f"its zone {here.key} was {_signed(then)} from UTC then, but the document's own offset is {_signed(own)}"
        )
    return here


def _signed(offset: timedelta | None) -> str:
    """An offset as +04:00.

    >>> _signed(timedelta(hours=-3, minutes=-30))
    '-03:30'
    """
    minutes = round((offset or timedelta()).total_seconds() / 60)
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"
