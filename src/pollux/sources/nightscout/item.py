"""One Nightscout document, with its id, time and numbers read the ways uploaders write them."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from pollux.errors import RefusedInput
from pollux.record.event import Comparator, Event, Source
from pollux.sources.clock import AMBIGUOUS, EARLIEST, LATEST, LocalClock, stated
from pollux.sources.format import Reading

_OFFSET = re.compile(r"T.*([+-])(\d\d):?(\d\d)$", re.ASCII)
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?([eE][+-]?\d{1,3})?", re.ASCII)


@dataclass(frozen=True)
class Item:
    """A document, where it stood, and how local times in this file are read."""

    document: Mapping[str, Any]
    place: str
    reading: Reading
    clock: LocalClock

    @property
    def id(self) -> str:
        """The database's own id; empty where the export has none."""
        for name in ("_id", "identifier"):
            value = self.document.get(name)
            if isinstance(value, dict):
                value = value.get("$oid")
            if isinstance(value, str) and value:
                return f"nightscout/{value[:80]}"
        return ""

    def text(self, name: str) -> str:
        """A text, empty where there is none."""
        value = self.document.get(name)
        return value if isinstance(value, str) else ""

    def number(self, name: str) -> float | None:
        """A number, which some uploaders write as a text; None where there is none.

        Raises `RefusedInput` where something else stands.
        """
        value = self.document.get(name)
        if isinstance(value, dict) and len(value) == 1:  # database export: {"$numberLong": "…"}
            value = next(iter(value.values()))
        if value is None or value == "":
            return None
        if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
            value = float(value)
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise RefusedInput(f"{name} is not a number")
        if not math.isfinite(value):
            raise RefusedInput(f"{name} is larger than a number can be")
        return float(value)

    def time(self, *names: str) -> tuple[datetime, tuple[str, ...]]:
        """The time under the first of these names that is there: ISO 8601, or milliseconds or seconds since 1970."""
        for name in names:
            value = self.document.get(name)
            if isinstance(value, dict) and "$date" in value:
                value = value["$date"]
            if isinstance(value, str) and value.strip() and not _NUMBER.fullmatch(value.strip()):
                when = stated(value)
                if when.utc is not None:
                    return when.utc, ()
                assert when.local is not None
                moment, decided = self.clock.utc(when.local)
                return moment, (AMBIGUOUS,) if decided else ()
            number = self.number(name) if not isinstance(value, bool) else None
            if number:
                return _unix(number), ()
        raise RefusedInput(f"it has no time ({', '.join(names)})")

    def offset(self) -> timedelta | None:
        """How far local time was from UTC, as the document itself says; None where it does not.

        An offset of 0 says nothing: servers write it when they turn a time into UTC.
        """
        minutes = self.document.get("utcOffset")
        if isinstance(minutes, int | float) and not isinstance(minutes, bool) and 0 < abs(minutes) <= 14 * 60:
            return timedelta(minutes=minutes)
        for name in ("created_at", "startDate", "timestamp", "dateString", "sysTime", "eventTime"):
            found = _OFFSET.search(self.text(name))
            if found and int(found[2]) <= 14 and int(found[3]) < 60:
                offset = timedelta(hours=int(found[2]), minutes=int(found[3]))
                if offset:
                    return offset if found[1] == "+" else -offset
        return None

    def event(
        self,
        time: datetime,
        quantity: str,
        value: float | str,
        unit: str,
        *,
        end: datetime | None = None,
        comparator: Comparator = "",
        flags: tuple[str, ...] = (),
        part: str = "",
    ) -> Event:
        """An event named after the document, so that a corrected export supersedes it."""
        id = self.id and (f"{self.id}#{part}" if part else self.id)
        return Event(
            time=time,
            quantity=quantity,
            value=value,
            unit=unit,
            source=Source("nightscout", self.reading.name, self.place, self.text("device") or self.text("enteredBy")),
            learned=self.reading.learned,
            end=end,
            comparator=comparator,
            flags=flags,
            id=id,
            retracted=self.document.get("isValid") is False,
            modified=self._modified() if id else None,
        )

    def _modified(self) -> datetime | None:
        """When the server last changed the document (`srvModified`), where it says so."""
        try:
            number = self.number("srvModified")
            return _unix(number) if number else None
        except RefusedInput:
            return None

    def length(self) -> timedelta | None:
        """How long it lasts; None where that is not stated. Nightscout counts in minutes."""
        exact = self.number("durationInMilliseconds")
        minutes = exact / 60000 if exact is not None else self.number("duration")
        if minutes is None:
            return None
        if not 0 <= minutes <= 60 * 24 * 366:
            raise RefusedInput("its duration cannot be")
        return timedelta(minutes=minutes)


def _unix(number: float) -> datetime:
    seconds = number / 1000 if abs(number) > 1e11 else number
    if not -2.5e9 < seconds < 7.2e9:
        raise RefusedInput("its time cannot be")
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    if not EARLIEST <= moment.year <= LATEST:
        raise RefusedInput("its time cannot be")
    return moment
