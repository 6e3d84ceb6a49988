"""Times as precisely as they were stated: a date is a date, whatever the zone of whoever looks at it.

What states no more than a day begins at midnight UTC in the record and is shown as that day everywhere; no zone moves
it. Records of earlier versions have such days at midnight of the zone stated when they came in: these are shown as the
same day too (for zones from UTC-10 to UTC+13).
"""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from pollux.record.event import Event, Precision

DATES = ("year", "month", "day")
_PATTERNS = {"year": "%Y", "month": "%Y-%m", "day": "%Y-%m-%d"}
_ROUND = timedelta(hours=13)  # from midnight anywhere to the same day in UTC
AHEAD = timedelta(hours=14)  # how much earlier than in UTC a day begins at most


def stated_day(time: datetime) -> date:
    """The day that a time stands for which was stated as a date.

    >>> stated_day(datetime(2025, 1, 15, tzinfo=UTC)), stated_day(datetime(2025, 1, 14, 23, tzinfo=UTC))
    (datetime.date(2025, 1, 15), datetime.date(2025, 1, 15))
    """
    return (time.astimezone(UTC) + _ROUND).date()


def as_stated(time: datetime, precision: Precision, zone: str = "UTC", clock: str = "%Y-%m-%d %H:%M") -> str:
    """A time as it was stated: a date as that date, a moment on the clocks of `zone`.

    >>> as_stated(datetime(2025, 1, 15, tzinfo=UTC), "day", "America/Los_Angeles")
    '2025-01-15'
    >>> as_stated(datetime(2025, 1, 15, tzinfo=UTC), "minute", "America/Los_Angeles")
    '2025-01-14 16:00'
    """
    pattern = _PATTERNS.get(precision)
    return stated_day(time).strftime(pattern) if pattern else time.astimezone(ZoneInfo(zone)).strftime(clock)


def day_of(event: Event, zone: str = "UTC") -> str:
    """The day of an event, as far as it was stated: on the clocks of `zone` where it has a time of day."""
    return as_stated(event.time, event.precision, zone, "%Y-%m-%d")
