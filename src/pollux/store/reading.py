"""Reading a patient's chart: whole, one quantity as a series, or the latest events."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from operator import attrgetter

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, select

from pollux.record.entry import Document
from pollux.record.event import Event, Person, source_name
from pollux.record.quality import Quarantined
from pollux.record.record import Record
from pollux.store.bodies import KEPT, checkpoint_of, name_of, origin_of, quarantined_of, standing
from pollux.store.chart import Chart, PageNote, Tally, find_chart, missing, short_tag
from pollux.store.columns import ANEW, Columns, Origin, micros, since_anew
from pollux.store.contest import marked
from pollux.store.database import quick, streamed
from pollux.store.imports import Noted, noted_in
from pollux.store.keys import Keyed, Keys
from pollux.store.statements import merged
from pollux.store.tables import ALL_PAGES, CHECKPOINT, DOCUMENT, QUARANTINE, SOME_PAGES
from pollux.vocabulary import convert, term

Readings = tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.int8]]


@dataclass(frozen=True)
class Series:
    """The standing readings of one quantity in order of time, `(readings,)` each.

    `times` are UTC (`datetime64[us]`), `values` in `unit`; `censored` is -1 where the value is an upper limit ("<"), 1
    where it is a lower limit (">"), else 0.
    """

    quantity: str
    unit: str
    times: NDArray[np.datetime64]
    values: NDArray[np.float64]
    censored: NDArray[np.int8]

    def __len__(self) -> int:
        return len(self.times)


@dataclass(frozen=True)
class OneChart:
    """A patient's chart, read in a transaction."""

    connection: Connection
    keyed: Keyed
    chart: Chart

    @classmethod
    def find(cls, connection: Connection, keys: Keys, person: str) -> "OneChart | None":
        """The chart of a person; None when nothing is kept for them."""
        found = find_chart(connection, keys, person)
        return None if found is None else cls(connection, found[0], found[1])

    def events(self) -> list[Event]:
        """Every version of every event."""
        return [event for page in self._read(self.chart.pages) for event in page.events()]

    def counting(self) -> list[Event]:
        """The same without the history of what was taken back, or read again, before it was."""
        if not self.chart.anew:
            return self.events()
        by_id: dict[str, list[tuple[Event, Origin]]] = defaultdict(list)
        for page in self._read(self.chart.pages):
            for event, origin in zip(page.events(), page.origins, strict=True):
                by_id[event.id].append((event, origin))
        left = [since_anew(some) for some in by_id.values()]
        return [event for some in left for event, origin in some if not (origin == ANEW and event.retracted)]

    def pages(self) -> Iterator[tuple[int, Columns]]:
        """Every page with its number, in the order of writing."""
        notes = sorted(self.chart.pages, key=attrgetter("number"))
        return zip((note.number for note in notes), self._read(notes), strict=True)

    def latest(self, count: int) -> list[Event]:
        """The standing events that are the last in time, newest first.

        Pages are read from the newest on until no other can hold a later event. Later versions lie on pages of their
        own, which are always read.
        """
        if self.chart.unordered:
            return list(reversed(Record(Person(self.chart.person), tuple(self.events())).current[-count:]))
        standing: dict[str, Event] = {}
        for page in self._read([p for p in self.chart.pages if p.later]):
            for event in page.events():
                known = standing.get(event.id)
                if known is None or (event.learned, event.content) > (known.learned, known.content):
                    standing[event.id] = event
        found = [event for event in standing.values() if not event.retracted]
        first = sorted((p for p in self.chart.pages if not p.later), key=lambda p: p.last, reverse=True)
        for i, note in enumerate(first):
            (page,) = self._read([note])
            last = np.argsort(page.time, kind="stable")[-count - len(standing) :]
            found += [event for event in page.events(last) if event.id not in standing and not event.retracted]
            if i + 1 < len(first) and sum(micros(e.time) > first[i + 1].last for e in found) >= count:
                break
        found.sort(key=lambda e: (e.time, e.quantity, e.id), reverse=True)
        return found[:count]

    def readings(self, quantity: str, since: int, until: int) -> Readings | None:
        """Times [µs], values in the quantity's own unit and censoring of what stands; None when some were corrected."""
        if quantity not in self.chart.quantities:
            return np.zeros(0, np.int64), np.zeros(0), np.zeros(0, np.int8)
        index = self.chart.quantities.index(quantity)
        if self.chart.unordered or any(p.later and index in p.quantities for p in self.chart.pages):
            return None
        notes = [p for p in self.chart.pages if index in p.quantities and p.first <= until and p.last >= since]
        times, values, censored = [np.zeros(0, np.int64)], [np.zeros(0)], [np.zeros(0, np.int8)]
        for page in self._read(notes):
            factor, offset, side, wanted = (
                np.array(x) for x in zip(*(_converted(f, quantity) for f in page.forms), strict=True)
            )
            form = page.form
            use = wanted[form] & (page.time >= since) & (page.time <= until) & np.isfinite(page.numbers)
            times.append(page.time[use])
            values.append(page.numbers[use] * factor[form[use]] + offset[form[use]])
            censored.append(side[form[use]].astype(np.int8))
        at = np.concatenate(times)
        order = np.argsort(at, kind="stable")
        return at[order], np.concatenate(values)[order], np.concatenate(censored)[order]

    def documents(self, hidden: bool = False) -> Iterator[Document]:
        """Every version as received, in the order of arrival; without what was moved to somebody else or taken back.

        `hidden`: with those.
        """
        return (document for document, _ in self.versions(hidden))

    def versions(self, hidden: bool = False) -> Iterator[tuple[Document, bool]]:
        """The same, each with whether it replaces no earlier version, since something of it cannot be used."""
        columns = (DOCUMENT.c.number, DOCUMENT.c.name, DOCUMENT.c.mark, DOCUMENT.c.sealed)
        wanted = select(*columns).where(DOCUMENT.c.who == self.keyed.who).order_by(DOCUMENT.c.number)
        told = Tally()
        for number, name, mark, sealed in streamed(self.connection, wanted, 200):
            told = told.plus([sealed])
            kept = KEPT.decode(self.keyed.cipher.open(sealed, "document", self.keyed.who, number, name, mark))
            document = kept.document()
            away = document.name in self.chart.hidden or document.name in self.chart.passed
            if hidden or not (away or kept.number in self.chart.undone):
                yield document, self.chart.is_flawed(mark)
        self._compare("document", told, self.chart.documents)

    def quarantine(self, hidden: bool = False) -> list[Quarantined]:
        """What is not used, in the order of arrival; without what was moved away or taken back, unless `hidden`."""
        wanted = select(QUARANTINE.c.number, QUARANTINE.c.mark, QUARANTINE.c.sealed)
        rows = self.connection.execute(
            wanted.where(QUARANTINE.c.who == self.keyed.who).order_by(QUARANTINE.c.number)
        ).all()
        self._compare("quarantine", Tally().plus(row[2] for row in rows), self.chart.quarantine)
        who = self.keyed.who
        bodies = [(number, self.keyed.cipher.open(s, "quarantine", who, number, mark)) for number, mark, s in rows]
        found = [(number, origin_of(body), quarantined_of(body)) for number, body in bodies]
        return [
            item
            for number, origin, item in found
            if hidden or not (self.chart.void_aside(number, origin.number) or name_of(item) & {*self.chart.hidden})
        ]

    def imported(self) -> Iterator[Noted]:
        """What imports noted, in the order of writing."""
        return noted_in(self.connection, self.keyed, self.chart)

    def checkpoints(self) -> list[tuple[str, str, bytes]]:
        """Name, time and content of each, in the order of saving."""
        wanted = select(CHECKPOINT.c.number, CHECKPOINT.c.name, CHECKPOINT.c.sealed)
        rows = self.connection.execute(
            wanted.where(CHECKPOINT.c.who == self.keyed.who).order_by(CHECKPOINT.c.number)
        ).all()
        self._compare("checkpoint", Tally().plus(row[2] for row in rows), self.chart.checkpoints)
        return [self._checkpoint(*row) for row in rows]

    def checkpoint(self, name: bytes) -> bytes | None:
        """The content saved last under a name's mark."""
        wanted = select(CHECKPOINT.c.number, CHECKPOINT.c.name, CHECKPOINT.c.sealed).where(
            (CHECKPOINT.c.who == self.keyed.who) & (CHECKPOINT.c.name == name)
        )
        row = self.connection.execute(wanted.order_by(CHECKPOINT.c.number.desc()).limit(1)).first()
        return None if row is None else self._checkpoint(*row)[2]

    def _checkpoint(self, number: int, name: bytes, sealed: bytes) -> tuple[str, str, bytes]:
        return checkpoint_of(self.keyed.cipher.open(sealed, "checkpoint", self.keyed.who, number, name))

    def _read(self, notes: list[PageNote]) -> Iterator[Columns]:
        """Pages in the order in which they were written; each is the one that the chart knows."""
        rows: dict[int, bytes] = {}
        if len(notes) < len(self.chart.pages):
            numbers = [n.number for n in notes]
            for start in range(0, len(numbers), 500):
                asked = {"of": self.keyed.who, "among": numbers[start : start + 500]}
                rows.update(self.connection.execute(SOME_PAGES, asked).all())
        else:
            rows.update(quick(self.connection, ALL_PAGES, {"of": self.keyed.who}).all())
        for note in sorted(notes, key=attrgetter("number")):
            sealed = rows.get(note.number)
            if sealed is None or short_tag(sealed) != note.tag:
                raise missing("page", f"patient {self.keyed.who.hex()[:8]}")
            yield Columns(self.keyed.cipher.open(sealed, "page", self.keyed.who, note.number))

    def _compare(self, kind: str, found: Tally, known: Tally) -> None:
        if (found.count, found.tags) != (known.count, known.tags):
            raise missing(kind, f"patient {self.keyed.who.hex()[:8]}")


def series(quantity: str, readings: Readings) -> Series:
    """The readings of one person."""
    times, values, censored = readings
    return Series(quantity, term(quantity).unit, times.view("datetime64[us]"), values, censored)


def from_events(quantity: str, events: list[Event], since: int, until: int) -> Readings:
    """The same from standing events."""
    used = [e for e in events if isinstance(e.value, float) and since <= micros(e.time) <= until]
    return (
        np.array([micros(e.time) for e in used], np.int64),
        np.array([e.number() for e in used], np.float64),
        np.array([_SIDES[e.comparator] for e in used], np.int8),
    )


def record_of(charts: list[OneChart]) -> Record:
    """What the charts of one person hold, every version."""
    events = (event for chart in charts for event in chart.events())
    return Record(person_of(charts), marked(events, [chart.chart for chart in charts]))


def theirs(charts: list[OneChart]) -> tuple[Event, ...]:
    """What the charts of one person hold, without what came to them by mistake and was moved to whose it is."""
    record = Record(person_of(charts), tuple(event for chart in charts for event in chart.counting()))
    moved = {name for chart in charts for move in chart.chart.moves for name in move.names}
    standing = {event.id for event in record.current}
    return tuple(
        event for event in record.events if event.id in standing or not {event.id, source_name(event.id)} & moved
    )


def person_of(charts: list[OneChart]) -> Person:
    """The person whom charts speak of; what the first of them states goes before what the others do."""
    id = charts[0].chart.person
    stated = [one for chart in reversed(charts) for one in chart.chart.stated]
    return merged(stated, id)


def newest(documents: Iterable[tuple[Document, bool]]) -> list[Document]:
    """Of each document, in the order of arrival, the version that stands; none of what was deleted.

    Flawed ones, marked so, count where there is no other.
    """
    versions: dict[str, list[tuple[Document, bool]]] = {}
    for document, flawed in documents:
        versions.setdefault(document.name, []).append((document, flawed))
    sound = ([one for one, flawed in some if not flawed] or [one for one, _ in some] for some in versions.values())
    found = (standing(some) for some in sound)
    return [document for document in found if document is not None and not document.gone]


_SIDES = {"": 0, "<": -1, "<=": -1, ">": 1, ">=": 1}


def _converted(form: tuple[object, ...], quantity: str) -> tuple[float, float, int, bool]:
    """Factor and offset to the quantity's own unit, side of censoring, and whether it is this quantity and stands."""
    if form[0] != quantity or form[9]:
        return 1.0, 0.0, 0, False
    own, unit = term(quantity).unit, str(form[1])
    if own == unit:
        return 1.0, 0.0, _SIDES[str(form[6])], True
    offset = convert(0.0, unit, own, quantity)
    return convert(1.0, unit, own, quantity) - offset, offset, _SIDES[str(form[6])], True
