"""The plain table: `time, quantity, value, unit`, and if wanted `end`, `device` and `person`, in any order."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import islice, pairwise

from pollux.errors import PolluxError, RefusedInput
from pollux.record.entry import SIGNS, Entry, is_id
from pollux.record.event import Comparator, Event, Source
from pollux.sources.clock import AMBIGUOUS, LocalClock, NoZone, stated
from pollux.sources.format import Format, Part, Reading
from pollux.sources.opening import Opened
from pollux.sources.quoted import quoted
from pollux.sources.rows import Row, cells, delimiter, number, rows
from pollux.vocabulary import term, terms

NEEDED = ("time", "quantity", "value", "unit")
OPTIONAL = ("end", "device")
# What a column is called that says whose a row is, without spaces and signs; the first that is there. CDISC's tables
# call it USUBJID or SUBJID, many study files PtID.
_PEOPLE = ("person", "patient", "subject", "participant", "proband", "individual", "case", "user", "client", "member")
WHOSE = (*(name + more for name in _PEOPLE for more in ("", "id", "no", "nr", "number", "code")),
         *(name + "name" for name in _PEOPLE), "deidentid", "usubjid", "subjid", "ptid", "mrn", "id")  # fmt: skip
_COUNTED = 5  # rows: so many numbers, each as much more than the last, count rows and not people
_EACH_ITS_OWN = 20  # rows: so many ids of which none comes twice name rows and not people

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


def _says_whose(head: bytes) -> bool:
    found = _header(head.lstrip().split(b"\n", 1)[0])
    return found is not None and bool(_whose(found[1]))


def _whose(names: list[str]) -> str:
    """The column that says whose a row is; empty where none does."""
    plain = {re.sub(r"[ _.-]", "", name): name for name in names}
    return next((plain[name] for name in WHOSE if name in plain), "")


def _whose_else(names: list[str], whose: str) -> list[str]:
    """Other columns that say whose a row is; users and members may be whoever wrote it, a plain id may be the row's."""
    kinds = ("person", "patient", "subject", "participant", "proband", "individual")
    return [name for name in names if name != whose and re.sub(r"[ _.-]|id$|no$|nr$|code$|number$", "", name) in kinds]


def _refuse_row_numbers(opened: Opened, sign: str, at: int) -> None:
    """Raise `RefusedInput` where a column `id` names rows: then each would be of somebody else."""
    complete = opened.head().lstrip().split(b"\n")[1:-1][:_LOOKED_AT]
    found = [cells(line.decode("utf-8", "replace"), sign) for line in complete if line.strip() and b'"' not in line]
    ids = [row[at] for row in found if len(row) > at]
    numbers = [int(id) for id in ids if re.fullmatch(r"\d{1,9}", id)]
    steps = {b - a for a, b in pairwise(numbers)}
    if _COUNTED <= len(ids) == len(numbers) and len(steps) == 1 and steps != {0}:
        step = steps.pop()
        more = "one" if step == 1 else str(step)
        why = f"its column id counts {more} more with every row: it seems to number rows and not people"
    elif len(ids) >= _EACH_ITS_OWN and len(set(ids)) == len(ids):
        why = "its column id has another value on every row: it seems to name rows and not people"
    else:
        return
    advice = "Name the column person if it does say whose a row is; if not, take it out and give --person."
    raise RefusedInput(why, where=opened.name, advice=advice)


def _refuse_names(opened: Opened, names: list[str]) -> None:
    """Raise `RefusedInput` where a column may say whose a row is, and may name something else."""
    if "name" in names:
        raise RefusedInput(
            "its column name may say whose each row is, or what was measured", where=opened.name,
            advice="Call it person if it says whose a row is; if not, take it out.",
        )  # fmt: skip


def _read(opened: Opened, reading: Reading) -> Iterator[Entry]:
    table = _Table.of(opened)
    if not reading.kept:
        table.check(opened)
    whose = "" if reading.kept else table.whose
    if not whose:
        yield reading.person_entry()
    clocks: dict[str, _Clocks] = {}  # by person: the order of rows tells which pass of an hour it is for each
    for row in table.rows(opened):
        place = f"line {row.line}"
        if why := table.broken(row):
            yield reading.quarantined("broken row", why, place, row.text)
            continue
        cell = table.cells(row)
        if whose and (why := table.nobody(cell)):
            yield reading.quarantined("broken row", why, place, row.text, "completeness")
            continue
        theirs = _its_reading(reading, cell[whose], place) if whose else reading
        if theirs.person not in clocks:
            clocks[theirs.person] = (
                LocalClock(reading.timezone, reading.name),
                LocalClock(reading.timezone, reading.name),
            )
            if whose:
                yield theirs.person_entry()
        try:
            yield Entry(theirs.person, _event(row, cell, table.sign, clocks[theirs.person], theirs), by="device")
        except NoZone:
            raise
        except PolluxError as error:
            yield theirs.quarantined("broken row", error.what, place, row.text)


_Clocks = tuple[LocalClock, LocalClock]  # of beginnings and of ends
_LOOKED_AT = 200  # rows


@dataclass(frozen=True)
class _Table:
    """What the header says: the sign between cells, the columns, and which of them says whose a row is."""

    sign: str
    names: list[str]
    whose: str
    also: list[str]

    @classmethod
    def of(cls, opened: Opened) -> "_Table":
        """The table that a file is. Raises `RefusedInput` where its header is gone."""
        found = _header(opened.head().lstrip().split(b"\n", 1)[0])
        if found is None:
            raise RefusedInput("the header is gone", where=opened.name)
        sign, names = found
        whose = _whose(names)
        return cls(sign, names, whose, _whose_else(names, whose) if whose else [])

    def check(self, opened: Opened) -> None:
        """Raise `RefusedInput` where it is not certain what a column says of people."""
        if not self.whose:
            _refuse_names(opened, self.names)
        elif self.whose == "id":
            _refuse_row_numbers(opened, self.sign, self.names.index("id"))

    def rows(self, opened: Opened) -> Iterator[Row]:
        """Every row behind the header."""
        return islice(rows(opened, self.sign), 1, None)

    def broken(self, row: Row) -> str:
        """Why a row cannot be read; "" where it can."""
        few = len(row.cells) < len(self.names)
        return row.broken or (f"it has {len(row.cells)} cells where the header has {len(self.names)}" if few else "")

    def cells(self, row: Row) -> dict[str, str]:
        """What stands in a row, by column."""
        return dict(zip(self.names, row.cells, strict=False))

    def nobody(self, cell: Mapping[str, str]) -> str:
        """Why a row is of nobody; "" where it names one person."""
        if not cell[self.whose]:
            return "it does not say whose it is"
        if not is_id(cell[self.whose]):
            return f"the id of its person has other signs than {SIGNS}"
        other = next((name for name in self.also if cell[name] and cell[name] != cell[self.whose]), "")
        return f"its columns {self.whose} and {other} name two people" if other else ""


def _theirs(opened: Opened) -> Iterator[Part]:
    """The rows by whose they are, behind the header, which is everybody's. What names nobody is not among them."""
    table = _Table.of(opened)
    header = next(rows(opened, table.sign))
    yield Part("", header.line, header.text)
    for row in table.rows(opened):
        cell = table.cells(row)
        if not table.broken(row) and not table.nobody(cell):
            yield Part(cell[table.whose], row.line, row.text)


def _its_reading(reading: Reading, person: str, place: str) -> Reading:
    """How a row of somebody is to be read. Raises `RefusedInput` where the file was said to be another's."""
    if reading.person and person != reading.person:
        raise RefusedInput(
            "the table says itself whose each row is, and this row is of somebody else than was said",
            where=f"{reading.name} {place}",
            advice="Leave --person away to take every row for whom it names.",
        )
    return replace(reading, person=person)


def _event(row: Row, cell: dict[str, str], sign: str, clocks: "_Clocks", reading: Reading) -> Event:
    name = cell["quantity"]
    clock, ends = clocks
    if name not in terms():
        raise RefusedInput(f"no quantity is named{quoted(name)}" if quoted(name) else "its quantity is not known")
    when = stated(cell["time"])
    flags: tuple[str, ...] = ()
    time = when.utc
    if when.precision == "day" and when.local is not None:
        time = when.local.replace(tzinfo=UTC)  # a date is a date, in every zone
    elif time is None and when.local is not None:
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


FORMAT = Format(
    "plain table", "CSV with a first line `time,quantity,value,unit`", _recognises, _read, _says_whose, _theirs
)
