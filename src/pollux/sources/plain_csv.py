"""The plain table: `time, quantity, value, unit`, and if wanted `end` and `device`, in any order of columns."""

import re
from collections.abc import Iterator
from datetime import datetime

from pollux.errors import PolluxError, RefusedInput
from pollux.record.entry import Entry
from pollux.record.event import Comparator, Event, Source
from pollux.sources.clock import AMBIGUOUS, LocalClock, NoZone, stated
from pollux.sources.format import Format, Reading
from pollux.sources.opening import Opened
from pollux.sources.quoted import quoted
from pollux.sources.rows import Row, cells, delimiter, number, rows
from pollux.vocabulary import term, terms

NEEDED = ("time", "quantity", "value", "unit")
OPTIONAL = ("end", "device")

# Limits of a sensor that only says "LOW" or "HIGH" [mg/dL]: what Dexcom's sensors report (docs/sources.md).
SENSOR_LOW, SENSOR_HIGH = 40.0, 400.0
_COMPARED = re.compile(r"(<=|>=|<|>)\s*(.+)")


def _header(line: bytes) -> tuple[str, list[str]] | None:
    try:
        text = line.decode("utf-8").strip()
    except UnicodeDecodeError:
        return None
    sign = delimiter(text)
    try:
        names = [name.lower() for name in cells(text, sign)]
    except Exception:
        return None
    return (sign, names) if set(NEEDED) <= set(names) and len(set(names)) == len(names) else None


def _recognises(head: bytes) -> bool:
    return _header(head.lstrip().split(b"\n", 1)[0]) is not None


def _read(opened: Opened, reading: Reading) -> Iterator[Entry]:
    reading.owner()
    found = _header(opened.head().lstrip().split(b"\n", 1)[0])
    if found is None:
        raise RefusedInput("the header is gone", where=opened.name)
    sign, names = found
    yield reading.person_entry()
    clock = LocalClock(reading.timezone, reading.name)
    ends = LocalClock(reading.timezone, reading.name)
    first = True
    for row in rows(opened, sign):
        if first:
            first = False
            continue
        place = f"line {row.line}"
        if row.broken or len(row.cells) < len(names):
            text = row.broken or f"it has {len(row.cells)} cells where the header has {len(names)}"
            yield reading.quarantined("broken row", text, place, row.text)
            continue
        try:
            yield Entry(
                reading.person, _event(row, dict(zip(names, row.cells, strict=False)), sign, clock, ends, reading)
            )
        except NoZone:
            raise
        except PolluxError as error:
            yield reading.quarantined("broken row", error.what, place, row.text)


def _event(row: Row, cell: dict[str, str], sign: str, clock: LocalClock, ends: LocalClock, reading: Reading) -> Event:
    name = cell["quantity"]
    if name not in terms():
        raise RefusedInput(f"no quantity is named{quoted(name)}" if quoted(name) else "its quantity is not known")
    when = stated(cell["time"])
    flags: tuple[str, ...] = ()
    time = when.utc
    if time is None and when.local is not None:
        time, decided = clock.utc(when.local)
        flags = (AMBIGUOUS,) if decided else ()
    assert time is not None
    value, unit, comparator = value_of(name, cell["value"], cell["unit"], sign)
    return Event(
        time=time,
        quantity=name,
        value=value,
        unit=unit,
        source=Source("table", reading.name, f"line {row.line}", cell.get("device", "")),
        learned=reading.learned,
        end=_end(cell.get("end", ""), ends),
        comparator=comparator,
        precision=when.precision,
        flags=flags,
    )


def _end(text: str, clock: LocalClock) -> datetime | None:
    if not text:
        return None
    when = stated(text)
    return when.utc or (clock.utc(when.local)[0] if when.local else None)


def value_of(name: str, text: str, unit: str, sign: str) -> tuple[float | str, str, Comparator]:
    """The value in a cell with its unit; "LOW" and "HIGH" become the limit of the sensor with a comparator.

    >>> value_of("cgm_glucose", "LOW", "mmol/L", ",")
    (40.0, 'mg/dL', '<')
    """
    if term(name).kind == "coded":
        return text, unit, ""
    if not text:
        raise RefusedInput("the value is missing")
    word = text.casefold()
    if name == "cgm_glucose" and word in ("low", "high"):
        return (SENSOR_LOW, "mg/dL", "<") if word == "low" else (SENSOR_HIGH, "mg/dL", ">")
    compared = _COMPARED.fullmatch(text)
    if compared:
        comparator: Comparator = compared.group(1)  # type: ignore[assignment]
        return number(compared.group(2), sign), unit, comparator
    return number(text, sign), unit, ""


FORMAT = Format("plain table", "CSV with a first line `time,quantity,value,unit`", _recognises, _read)
