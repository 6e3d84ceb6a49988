"""Times as files write them, turned into UTC.

A local time without an offset needs a time zone, and twice a year that is not enough: an hour in spring does not exist
and an hour in autumn happens twice. What cannot be is refused; which of the two it was is read off the order of rows.
"""

import re
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from pollux.errors import RefusedInput
from pollux.record.event import Precision

AMBIGUOUS = "ambiguous local time"
_ISO = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:[T ](\d{1,2}):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?\s*(Z|z|[+-]\d\d:?\d\d)?)?", re.ASCII
)
_UNIX = re.compile(r"\d{9,10}(\.\d+)?|\d{12,13}", re.ASCII)
EARLIEST, LATEST = 1890, 2200  # years that a person's record may speak of


_OFFSET_NAME = re.compile(r"(?:GMT|UTC|UT)\s*([+-])\s*(\d{1,2}):?(\d\d)?", re.ASCII | re.IGNORECASE)
# Abbreviations that people in different parts of the world use for different hours; the list is not complete.
_ABBREVIATIONS = {
    "AST": "Atlantic Standard Time or Arabia Standard Time",
    "BST": "British Summer Time or Bangladesh Standard Time",
    "CST": "Central Standard Time in America, China Standard Time or Cuba Standard Time",
    "EST": "Eastern Standard Time in America or in Australia",
    "GST": "Gulf Standard Time or South Georgia Time",
    "IST": "India Standard Time, Irish Standard Time or Israel Standard Time",
    "MST": "Mountain Standard Time or Malaysia Standard Time",
    "PST": "Pacific Standard Time or Philippine Standard Time",
    "SST": "Samoa Standard Time or Singapore Standard Time",
}


def two_readings(name: str) -> str:
    """What a zone's name may mean, where it may mean more than one thing; else empty.

    >>> two_readings("GMT+4")
    '4 h ahead of UTC, as most people write it, or 4 h behind it, as the IANA name Etc/GMT+4 counts'
    >>> two_readings("Europe/Berlin"), two_readings("Etc/GMT+4"), two_readings("UTC+0")
    ('', '', '')
    """
    found = _OFFSET_NAME.fullmatch(name.strip())
    if not found:
        return _ABBREVIATIONS.get(name.strip().upper(), "")
    sign, hours, minutes = found[1], int(found[2]), int(found[3] or 0)
    if not hours and not minutes:
        return ""
    length = f"{hours} h {minutes} min" if minutes else f"{hours} h"
    one, other = ("ahead of", "behind") if sign == "+" else ("behind", "ahead of")
    iana = f"Etc/GMT{sign}{hours}"
    return f"{length} {one} UTC, as most people write it, or {length} {other} it, as the IANA name {iana} counts"


def zone(name: str) -> ZoneInfo:
    """The time zone of an IANA name. Raises `RefusedInput` for a name that is none, or that means two things.

    >>> zone("Middle-earth/Shire")
    Traceback (most recent call last):
    ...
    pollux.errors.RefusedInput: there is no time zone 'Middle-earth/Shire'. Give an IANA name such as Europe/Berlin.
    """
    if readings := two_readings(name):
        raise RefusedInput(
            f"the time zone {name[:60]!r} means two things: {readings}",
            advice="Give an IANA name such as Europe/Berlin.",
        )
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise RefusedInput(
            f"there is no time zone {name[:60]!r}", advice="Give an IANA name such as Europe/Berlin."
        ) from None


class NoZone(RefusedInput):
    """A file states local times, and nobody has said in which zone: a matter of the whole file, not of one row."""

    def __init__(self, name: str) -> None:
        super().__init__(
            "times in this file state no time zone",
            where=name,
            advice="Add --timezone, such as --timezone Europe/Berlin.",
        )


class Stated:
    """A time as stated: with an offset (then `utc` is known) or as a local time (`local`)."""

    __slots__ = ("local", "precision", "utc")

    def __init__(self, utc: datetime | None, local: datetime | None, precision: Precision) -> None:
        self.utc = utc
        self.local = local
        self.precision = precision


def birth_date(text: str) -> str:
    """A date of birth as far as it is certain: day, month or year alone; "" where not even the year is.

    Of a date with slashes or hyphens the order of day and month is only certain where one of them is over 12.

    >>> birth_date("12/31/1950"), birth_date("03.05.2012"), birth_date("4/5/2012"), birth_date("1950"), birth_date("?")
    ('1950-12-31', '2012-05-03', '2012', '1950', '')
    """
    if found := re.fullmatch(
        r"(\d{4})(?:-(\d\d))?(?:-(\d\d))?(?:[T ]00:00(?::00(?:\.0+)?)?Z?)?", text.strip(), re.ASCII
    ):
        year, month, day = (int(part) if part else 0 for part in found.groups())
    elif found := re.fullmatch(r"(\d{4})[/.](\d{1,2})[/.](\d{1,2})", text.strip(), re.ASCII):
        year, month, day = map(int, found.groups())
    elif found := re.fullmatch(r"(\d{1,2})([/.-])(\d{1,2})\2(\d{4})", text.strip(), re.ASCII):
        one, other, year = int(found[1]), int(found[3]), int(found[4])
        day, month = (one, other) if found[2] == "." or one > 12 else (other, one) if other > 12 else (0, 0)
    else:
        return ""
    parts = [f"{year:04}"] + ([f"{month:02}"] if month else []) + ([f"{day:02}"] if month and day else [])
    try:
        date(year, month or 1, day or 1)
    except ValueError:
        return ""
    return "-".join(parts)


def stated(text: str) -> Stated:
    """Read an ISO 8601 time, with or without offset, or Unix seconds or milliseconds.

    >>> stated("2026-03-01T12:00:00+01:00").utc
    datetime.datetime(2026, 3, 1, 11, 0, tzinfo=datetime.timezone.utc)
    >>> stated("1767225600000").utc
    datetime.datetime(2026, 1, 1, 0, 0, tzinfo=datetime.timezone.utc)
    """
    text = text.strip()
    found = _ISO.fullmatch(text)
    if not found:
        if _UNIX.fullmatch(text):
            seconds = float(text) if len(text.split(".")[0]) <= 10 else int(text) / 1000
            return Stated(datetime.fromtimestamp(seconds, UTC), None, "second")
        raise RefusedInput("the time is not written as 2026-01-31T08:05:00 or as Unix seconds")
    year, month, day, hour, minute, second, fraction, offset = found.groups()
    precision: Precision = "second" if second else "minute" if hour else "day"
    if not EARLIEST <= int(year) <= LATEST:
        raise RefusedInput(f"the year {year} cannot be")
    leap = second == "60"
    micro = int((fraction or "0")[:6].ljust(6, "0"))
    try:
        moment = datetime(int(year), int(month), int(day), int(hour or 0), int(minute or 0),
                          59 if leap else int(second or 0), micro)  # fmt: skip
    except ValueError:
        raise RefusedInput("there is no such date or time") from None
    moment += timedelta(seconds=1) if leap else timedelta(0)
    if not offset:
        return Stated(None, moment, precision)
    if offset in "Zz":
        return Stated(moment.replace(tzinfo=UTC), None, precision)
    hours, minutes = int(offset[1:3]), int(offset[-2:])
    if hours > 14 or minutes > 59:
        raise RefusedInput("there is no such offset from UTC")
    shift = timedelta(hours=hours, minutes=minutes)
    return Stated((moment - shift if offset[0] == "+" else moment + shift).replace(tzinfo=UTC), None, precision)


class LocalClock:
    """Turns the local times of one file into UTC, remembering the order in which they came.

    Of an hour that happens twice, the first pass is taken until the clock is seen to go back by half an hour or more.
    A file whose rows run backwards starts with the second pass. Where rows carry a device's own counter, that decides
    instead (`transmitter`). Without a zone (`timezone` empty) any local time raises `NoZone`, which names the file
    (`name`).

    >>> clock = LocalClock("Europe/Berlin")
    >>> for text in ("2025-10-26T02:50", "2025-10-26T02:05"):
    ...     print(clock.utc(stated(text).local)[0])
    2025-10-26 00:50:00+00:00
    2025-10-26 01:05:00+00:00
    """

    def __init__(self, timezone: str, name: str = "") -> None:
        self._zone = zone(timezone) if timezone else None
        self._name = name
        self._last: datetime | None = None  # local time of the row before
        self._fold = 0
        self._inside = False  # the hour that happens twice
        self._backwards = False

    @property
    def zone(self) -> ZoneInfo:
        """The zone; raises `NoZone` where nobody has said it."""
        if self._zone is None:
            raise NoZone(self._name)
        return self._zone

    def utc(self, local: datetime) -> tuple[datetime, bool]:
        """The time in UTC, and whether the order of rows had to decide.

        Raises `RefusedInput` for a local time that the clocks left out.
        """
        here = self.zone
        first, second = (local.replace(tzinfo=here, fold=fold).astimezone(UTC) for fold in (0, 1))
        decided = False
        if first == second:
            moment = first
            self._inside = False
        elif first.astimezone(here).replace(tzinfo=None) != local:
            raise RefusedInput(f"{local:%Y-%m-%d %H:%M} did not exist in {here.key}: the clocks went forward")
        else:
            moment = second if self._pass(local) else first
            decided = True
        self._last = local
        return moment, decided

    def _pass(self, local: datetime) -> int:
        last = self._last
        if last is None or not self._inside:
            self._inside = True
            self._backwards = last is not None and last > local
            self._fold = 1 if self._backwards else 0
        elif not self._backwards and last - local >= timedelta(minutes=30):
            self._fold = 1
        elif self._backwards and local - last >= timedelta(minutes=30):
            self._fold = 0
        return self._fold
