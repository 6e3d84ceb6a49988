"""Nightscout basal schedules (Profile Switch, profile): which rate ran when, from one switch to the next."""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from pollux.errors import RefusedInput
from pollux.record.event import Event
from pollux.sources.clock import zone
from pollux.sources.nightscout.item import Item

LONGEST = timedelta(days=400)  # of one switch that is never followed by another


class Schedules:
    """Gathers the switches of one file and, at its end, lays their rates out in time."""

    def __init__(self) -> None:
        self._switches: list[tuple[datetime, datetime | None, list[tuple[int, float]], ZoneInfo, Item]] = []
        self._last: datetime | None = None

    def saw(self, event: Event) -> None:
        """The data of the file go on at least until this event."""
        moment = event.end or event.time
        self._last = moment if self._last is None or moment > self._last else self._last

    def switch(self, item: Item) -> None:
        """A schedule that begins to run. Raises `RefusedInput` when its rates are not in the document."""
        begins, _ = item.time("created_at", "startDate", "timestamp", "date", "mills")
        length = item.length() if "eventType" in item.document else None
        percentage = item.number("percentage") or 100.0
        profile = _profile(item)
        rates = [(at, rate * percentage / 100) for at, rate in _rates(profile)]
        self._switches.append((begins, begins + length if length else None, rates, _zone(profile, item), item))

    def events(self) -> Iterator[Event]:
        """The basal rates of all schedules, each until the next switch or the end of the file's data."""
        switches = sorted(self._switches, key=lambda switch: switch[0])
        for i, (begins, ends, rates, here, item) in enumerate(switches):
            following = switches[i + 1][0] if i + 1 < len(switches) else self._last
            ends = min(moment for moment in (ends, following, begins + LONGEST) if moment is not None)
            for start, end, rate in _laid_out(begins, ends, rates, here):
                part = f"basal-{start:%Y%m%dT%H%M}"
                yield item.event(start, "insulin_basal_rate", rate, "U/h", end=end, flags=("scheduled",), part=part)


def _laid_out(
    begins: datetime, ends: datetime, rates: list[tuple[int, float]], here: ZoneInfo
) -> Iterator[tuple[datetime, datetime, float]]:
    """Start, end and rate [U/h] of each piece, the changes at local times of the day."""
    day = begins.astimezone(here).date() - timedelta(days=1)
    changes: list[tuple[datetime, float]] = []
    while not changes or changes[-1][0] < ends:
        midnight = datetime.combine(day, time(0), tzinfo=here)
        changes += [((midnight + timedelta(seconds=at)).astimezone(UTC), rate) for at, rate in rates]
        day += timedelta(days=1)
    for (start, rate), (end, _) in pairwise(changes):
        start, end = max(start, begins), min(end, ends)
        if start < end:
            yield start, end, rate


def _profile(item: Item) -> Mapping[str, Any]:
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
    if not isinstance(profile, dict):
        raise RefusedInput("the schedule that it names is not in the file")
    return profile


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
            if not 0 <= seconds < 86400 or not 0 <= rate < 1000:
                raise ValueError
            found[seconds] = rate
    except (KeyError, ValueError, TypeError, AttributeError, OverflowError):
        raise RefusedInput("the basal rates of the schedule cannot be read") from None
    if 0 not in found:
        raise RefusedInput("the basal rates of the schedule do not begin at midnight")
    return sorted(found.items())


def _zone(profile: Mapping[str, Any], item: Item) -> ZoneInfo:
    name = str(profile.get("timezone") or item.reading.timezone)
    try:
        return zone("Etc/" + name[4:] if name.startswith("ETC/") else name)
    except RefusedInput:
        return zone(item.reading.timezone)
