"""Dates of FHIR, which may be partial, as moments in UTC with the precision that was stated.

A date is a date: it begins at midnight UTC whatever the zone (`record.when`). A time without an offset, which FHIR does
not allow and systems send, is on the clocks of the zone that was stated for the file, and marked so; it is no time
where nobody has stated a zone. The hour that the clocks leave out in spring does not exist; of the hour that happens
twice in autumn the first pass is taken, and marked so.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from pollux.errors import RefusedInput
from pollux.record.event import Precision
from pollux.record.when import AHEAD, DATES
from pollux.sources.clock import AMBIGUOUS, LocalClock, stated

LOCAL = "local time without offset"


class NoSuchTime(RefusedInput):
    """A time that UTC does not have: on the first or last day of the calendar, or left out by the clocks."""


class NoOffset(RefusedInput):
    """A time of day without an offset, in a file for which nobody has stated the zone."""

    def __init__(self) -> None:
        super().__init__(
            "no offset: the time of day states none, and no time zone was stated for the file",
            advice="Add --timezone, such as --timezone Europe/Berlin.",
        )


class Moment(NamedTuple):
    """A moment in UTC, how much of it was stated, and what is to be known of it."""

    time: datetime
    precision: Precision
    flags: tuple[str, ...] = ()


class Span(NamedTuple):
    """Time and end of something, how much of the time was stated, and what is to be known of both."""

    time: datetime
    end: datetime | None
    precision: Precision
    flags: tuple[str, ...] = ()


def check_time(time: datetime) -> datetime:
    """A time in UTC; raises `NoSuchTime` where UTC has none.

    >>> check_time(datetime.fromisoformat("9999-12-31T23:59:59-12:00"))
    Traceback (most recent call last):
    ...
    pollux.sources.fhir.dates.NoSuchTime: there is no such time in UTC: 9999-12-31T23:59:59-12:00
    """
    try:
        return time.astimezone(UTC)
    except OverflowError:
        raise NoSuchTime(f"there is no such time in UTC: {time.isoformat()}") from None


def moment(text: str, zone: ZoneInfo | None) -> Moment:
    """The beginning of what was stated; `zone` is None where nobody has said in which zone local times are.

    >>> moment("2019-03", ZoneInfo("Europe/Berlin"))[:2]
    (datetime.datetime(2019, 3, 1, 0, 0, tzinfo=datetime.timezone.utc), 'month')
    >>> moment("2019-03-01T08:00:00", ZoneInfo("Europe/Berlin"))[::2]
    (datetime.datetime(2019, 3, 1, 7, 0, tzinfo=datetime.timezone.utc), ('local time without offset',))
    """
    if len(text) <= 10:
        parts = [int(part) for part in text.split("-")]
        precisions: tuple[Precision, ...] = ("year", "month", "day")
        year, month, day = (parts + [1, 1])[:3]
        return Moment(datetime(year, month, day, tzinfo=UTC), precisions[len(parts) - 1])
    if text[17:19] == "60":
        found = stated(text)
        return Moment(found.utc, "second") if found.utc is not None else _local(found.local, zone)
    time = datetime.fromisoformat(text)
    return _local(time, zone) if time.tzinfo is None else Moment(check_time(time), "second")


def _local(time: datetime | None, zone: ZoneInfo | None) -> Moment:
    if zone is None or time is None:
        raise NoOffset
    try:
        utc, twice = LocalClock(zone.key).utc(time)
    except OverflowError:
        raise NoSuchTime(f"there is no such time in UTC: {time.isoformat()}") from None
    except RefusedInput as error:
        raise NoSuchTime(error.what) from None
    return Moment(utc, "second", (LOCAL, AMBIGUOUS) if twice else (LOCAL,))


def closing(begins: datetime, ends: Moment) -> datetime:
    """When something ends that has begun. A date as an end includes that date: it may lie in the day of the beginning.

    >>> closing(datetime(2025, 1, 15, 13, tzinfo=UTC), moment("2025-01-15", None))
    datetime.datetime(2025, 1, 16, 0, 0, tzinfo=datetime.timezone.utc)
    """
    year, month = ends.time.year, ends.time.month
    if ends.time >= begins or ends.precision not in DATES or year == datetime.max.year:
        return ends.time
    last = {
        "day": ends.time + timedelta(days=1),
        "month": ends.time.replace(year=year + month // 12, month=month % 12 + 1),
        "year": ends.time.replace(year=year + 1),
    }[ends.precision]
    return max(last, begins) if begins <= last + AHEAD else ends.time


def when(resource: Mapping[str, Any], elements: tuple[str, ...], zone: ZoneInfo | None) -> Span | None:
    """Time and end from the first of these elements that is there: a date, a Period, or a Timing with an event."""
    for element in elements:
        value: Any = resource
        for step in element.split("."):
            value = value.get(step) if isinstance(value, dict) else None
        if isinstance(value, str):
            begins = moment(value, zone)
            return Span(begins.time, None, begins.precision, begins.flags)
        if isinstance(value, dict):
            period = value
            if isinstance(value.get("event"), list) and value["event"]:
                period = {"start": value["event"][0]}
            start, end = period.get("start"), period.get("end")
            if start or end:
                begins = moment(str(start or end), zone)
                ends = moment(end, zone) if start and end else None
                flags = dict.fromkeys(begins.flags + (ends.flags if ends else ()))
                end_time = closing(begins.time, ends) if ends else None
                return Span(begins.time, end_time, begins.precision, tuple(flags))
    return None
