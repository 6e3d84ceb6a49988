"""Dates of FHIR, which may be partial, as moments in UTC with the precision that was stated."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from pollux.errors import RefusedInput
from pollux.record.event import Precision
from pollux.sources.clock import stated


class NoSuchTime(RefusedInput):
    """A time on the first or last day of the calendar (years 1 and 9999) that UTC does not have."""


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


def moment(text: str, zone: ZoneInfo) -> tuple[datetime, Precision]:
    """The beginning of what was stated. A date without a time begins at midnight in `zone`.

    >>> moment("2019-03", ZoneInfo("UTC"))
    (datetime.datetime(2019, 3, 1, 0, 0, tzinfo=datetime.timezone.utc), 'month')
    """
    if len(text) > 10:
        if text[17:19] == "60":
            found = stated(text)
            assert found.utc is not None
            return found.utc, "second"
        return check_time(datetime.fromisoformat(text)), "second"
    parts = [int(part) for part in text.split("-")]
    precisions: tuple[Precision, ...] = ("year", "month", "day")
    precision = precisions[len(parts) - 1]
    year, month, day = (parts + [1, 1])[:3]
    local = datetime(year, month, day, tzinfo=zone)
    return check_time(local), precision


def when(
    resource: Mapping[str, Any], elements: tuple[str, ...], zone: ZoneInfo
) -> tuple[datetime, datetime | None, Precision] | None:
    """Time and end from the first of these elements that is there: a date, a Period, or a Timing with an event."""
    for element in elements:
        value: Any = resource
        for step in element.split("."):
            value = value.get(step) if isinstance(value, dict) else None
        if isinstance(value, str):
            time, precision = moment(value, zone)
            return time, None, precision
        if isinstance(value, dict):
            period = value
            if isinstance(value.get("event"), list) and value["event"]:
                period = {"start": value["event"][0]}
            start, end = period.get("start"), period.get("end")
            if start or end:
                time, precision = moment(str(start or end), zone)
                return time, moment(end, zone)[0] if start and end else None, precision
    return None
