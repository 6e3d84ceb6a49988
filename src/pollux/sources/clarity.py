"""Dexcom Clarity's CSV export: sensor glucose, calibrations, insulin, carbohydrate, exercise, alerts.

Dexcom publishes no specification. The columns are those of public exports and of readers of such exports
(docs/sources.md says which were seen). Rows without a time, at the top, describe the person and the alert settings.
"""

import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from pollux.errors import PolluxError, RefusedInput
from pollux.record.entry import Entry
from pollux.record.event import Comparator, Event, Source
from pollux.sources.clock import AMBIGUOUS, LocalClock, NoZone, birth_date, stated, zone
from pollux.sources.format import Format, Reading
from pollux.sources.opening import Opened
from pollux.sources.quoted import quoted
from pollux.sources.rows import Row, cells, delimiter, number, rows
from pollux.sources.transmitter import MOVED, Transmitters

# What a column is called, by its beginning. The German names are unverified: seen in one third party's test only.
_COLUMNS = {
    "time": ("timestamp", "zeitstempel"),
    "type": ("event type", "ereignistyp"),
    "subtype": ("event subtype", "ereignisuntertyp"),
    "patient": ("patient info", "patienteninfo"),
    "device info": ("device info", "geräteinfo"),
    "device": ("source device id", "quellgeräte-id"),
    "glucose": ("glucose value", "glukosewert"),
    "insulin": ("insulin value", "insulinwert"),
    "carbs": ("carb value", "kohlenhydratwert"),
    "duration": ("duration", "dauer"),
    "counter": ("transmitter time",),
    "transmitter": ("transmitter id",),
}
_TYPES = {"egw": "egv"}
_WORDS = {"low": "low", "niedrig": "low", "high": "high", "hoch": "high"}

# A reading beyond the sensor's range is written as a word. Range of G6 and G7: 40-400 mg/dL.
SENSOR_LOW, SENSOR_HIGH = 40.0, 400.0
_HEADER_WITHIN = 40  # lines
_DURATION = re.compile(r"(\d{1,3}):(\d\d):(\d\d)")


class _Table:
    """Where each column is, and the unit of glucose that the header states."""

    def __init__(self, sign: str, names: tuple[str, ...]) -> None:
        self.sign = sign
        self.names = names
        lower = [name.casefold() for name in names]
        self.at = {
            column: next((i for i, name in enumerate(lower) if name.startswith(starts)), -1)
            for column, starts in _COLUMNS.items()
        }
        glucose = lower[self.at["glucose"]] if self.at["glucose"] >= 0 else ""
        self.unit = "mmol/L" if "mmol" in glucose else "mg/dL"

    @property
    def complete(self) -> bool:
        return min(self.at["time"], self.at["type"], self.at["glucose"]) >= 0

    def cell(self, row: Row, column: str) -> str:
        at = self.at[column]
        return row.cells[at] if 0 <= at < len(row.cells) else ""


def _header(head: bytes) -> tuple[int, _Table] | None:
    for line, raw in enumerate(head.split(b"\n")[:_HEADER_WITHIN], 1):
        if b"imestamp" not in raw and b"eitstempel" not in raw:
            continue
        text = raw.decode("utf-8", "replace").strip()
        sign = delimiter(text)
        try:
            table = _Table(sign, cells(text, sign))
        except Exception:
            continue
        if table.complete:
            return line, table
    return None


def _read(opened: Opened, reading: Reading) -> Iterator[Entry]:
    reading.owner()
    found = _header(opened.head())
    if found is None:
        raise RefusedInput("the header is gone", where=opened.name)
    header, table = found
    yield reading.person_entry()
    clock = _Clock(opened, header, table, reading)
    for difference in clock.differences():
        yield reading.told(MOVED, difference)
    for row in rows(opened, table.sign):
        if row.line <= header:
            continue
        place = f"line {row.line}"
        if row.broken:
            yield reading.quarantined("broken row", row.broken, place, row.text)
            continue
        if not table.cell(row, "time"):
            yield from _about(row, table, reading)
            continue
        try:
            yield Entry(reading.person, _event(row, table, clock, reading), by="device")
        except NoZone:
            raise
        except PolluxError as error:
            yield reading.quarantined("broken row", error.what, place, row.text)


class _Clock:
    """The times of a file's rows: by the counter of the transmitter where a row carries one, else as displayed.

    Rows without a counter, such as doses, stand on the same display: what the last counted row showed of its clock
    holds for them.
    """

    def __init__(self, opened: Opened, header: int, table: _Table, reading: Reading) -> None:
        self._table = table
        self._local = LocalClock(reading.timezone, reading.name)
        self._transmitters = Transmitters(zone(reading.timezone)) if reading.timezone else None
        self._off = timedelta(0)  # by which the display differed at the last counted row
        if self._transmitters is None or table.at["counter"] < 0:
            return
        for row in rows(opened, table.sign):
            ticks = _ticks(table.cell(row, "counter"))
            if row.line <= header or row.broken or ticks is None:
                continue
            with suppress(PolluxError):  # told when the row is read
                if (local := stated(table.cell(row, "time")).local) is not None:
                    self._transmitters.saw(table.cell(row, "transmitter"), ticks, local)

    def differences(self) -> Iterator[str]:
        """In words, where a display's clock was not what the transmitter counted."""
        if self._transmitters is not None:
            yield from self._transmitters.differences()

    def utc(self, row: Row) -> tuple[datetime, tuple[str, ...]]:
        """When a row was, and the flags that this deserves."""
        when = stated(self._table.cell(row, "time"))
        if when.local is None:
            assert when.utc is not None
            return when.utc, ()
        ticks = _ticks(self._table.cell(row, "counter"))
        if ticks is not None and self._transmitters is not None:
            counted = self._transmitters.utc(self._table.cell(row, "transmitter"), ticks, when.local)
            if counted is not None:
                return self._counted(when.local, *counted)
        time, decided = self._local.utc(when.local)
        if self._off:
            return time + self._off, (MOVED,)
        return time, (AMBIGUOUS,) if decided else ()

    def _counted(self, local: datetime, time: datetime, moved: bool) -> tuple[datetime, tuple[str, ...]]:
        if not moved:
            self._off = timedelta(0)
            with suppress(PolluxError):
                self._local.utc(local)  # so that rows without a counter know which pass of an hour this is
            return time, ()
        shown = local.replace(tzinfo=self._local.zone).astimezone(UTC)
        self._off = time - shown
        return time, (MOVED,)


def _ticks(counter: str) -> float | None:
    return float(counter) if re.fullmatch(r"\d{1,12}(\.\d+)?", counter) else None


_SETTINGS = ("patientidentifier", "device", "sensor", "alert")


def _about(row: Row, table: _Table, reading: Reading) -> Iterator[Entry]:
    """A row without a time: who the person is and how the receiver is set."""
    kind = table.cell(row, "type").casefold()
    if kind == "dateofbirth":
        text = table.cell(row, "patient") or table.cell(row, "subtype")
        born = birth_date(text)
        if born:
            yield reading.person_entry(birth_date=born)
        elif text:
            why = "its date of birth is written in a way that is not understood (write 1964-06-01)"
            yield reading.quarantined("broken row", why, f"line {row.line}", row.text)
    elif kind in ("firstname", "lastname"):
        name = table.cell(row, "patient") or table.cell(row, "subtype")
        yield reading.person_entry(given=name) if kind == "firstname" else reading.person_entry(family=name)
    elif kind not in _SETTINGS:
        yield reading.quarantined("broken row", "the row has no time", f"line {row.line}", row.text, "completeness")


def _event(row: Row, table: _Table, clock: _Clock, reading: Reading) -> Event:
    kind = table.cell(row, "type").casefold()
    name, value, unit, comparator = _what(_TYPES.get(kind, kind), row, table)
    transmitter = table.cell(row, "transmitter")
    time, flags = clock.utc(row)
    length = _minutes(table.cell(row, "duration")) if name == "exercise_minutes" else None
    return Event(
        time=time,
        quantity=name,
        value=value,
        unit=unit,
        source=Source("dexcom clarity", reading.name, f"line {row.line}", transmitter or table.cell(row, "device")),
        learned=reading.learned,
        end=time + timedelta(minutes=length) if length else None,
        comparator=comparator,
        flags=flags,
    )


def _what(kind: str, row: Row, table: _Table) -> tuple[str, float | str, str, Comparator]:
    """Quantity, value, unit and comparator of a row with a time."""
    subtype = table.cell(row, "subtype")
    match kind:
        case "egv" | "calibration":
            name = "cgm_glucose" if kind == "egv" else "calibration_glucose"
            text = table.cell(row, "glucose")
            word = _WORDS.get(text.casefold() or subtype.casefold())
            if word == "low":
                return name, SENSOR_LOW, "mg/dL", "<"
            if word == "high":
                return name, SENSOR_HIGH, "mg/dL", ">"
            return name, number(text, table.sign), table.unit, ""
        case "insulin":
            long = "long" in subtype.casefold()
            name = "insulin_long_acting" if long else "insulin_bolus"
            return name, number(table.cell(row, "insulin"), table.sign), "U", ""
        case "carbs":
            return "carbohydrate_intake", number(table.cell(row, "carbs"), table.sign), "g", ""
        case "exercise":
            return "exercise_minutes", _minutes(table.cell(row, "duration")), "min", ""
        case "alert":
            return "sensor_alert", subtype or "alert", "", ""
    named = quoted(kind)
    raise RefusedInput(f"rows of the type{named} are not known" if named else "the type of the row is not known")


def _minutes(text: str) -> float:
    found = _DURATION.fullmatch(text)
    if not found:
        raise RefusedInput("the duration is not written as hh:mm:ss")
    hours, minutes, seconds = (int(part) for part in found.groups())
    return hours * 60 + minutes + seconds / 60


FORMAT = Format(
    "dexcom clarity",
    "CSV with the columns Timestamp, Event Type, Glucose Value",
    lambda head: _header(head) is not None,
    _read,
)
