"""One patient's chart while things are put into it, inside one transaction that somebody else began and ends."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import numpy as np
from sqlalchemy import Connection, Table, delete, select

from pollux.errors import PolluxError
from pollux.record.entry import DEVICE_FILE, Document, Rank
from pollux.record.event import Event, Person, source_name
from pollux.record.quality import Quarantined
from pollux.store.bodies import Kept, checkpoint_body, origin_of, quarantined_body, quarantined_of
from pollux.store.chart import Chart, Contest, PageNote, Statement, Tally, missing, seal_chart, short_tag
from pollux.store.columns import (
    ANEW,
    GOES_ON,
    Columns,
    Origin,
    Said,
    Saying,
    finite,
    micros,
    own_id,
    pack,
    said,
    since_anew,
)
from pollux.store.database import quick
from pollux.store.imports import Counts, Importing, Notes
from pollux.store.index import identifier_mark, short_name
from pollux.store.keys import Keyed, Keys
from pollux.store.seal import tag
from pollux.store.statements import Whole
from pollux.store.tables import (
    ALL_NAMES,
    CHART,
    CHECKPOINT,
    DOCUMENT,
    IDENTIFIER,
    IMPORTED,
    NAME,
    PAGE,
    PAGES_NAMED,
    PUT,
    QUARANTINE,
    REWRITE_CHART,
    SOME_PAGES,
)

MOST_ON_A_PAGE = 4096
# Small pages are put together by sixteens: below the first size, then below the second (each event is moved twice).
_SIZES = (16, 256)
_SO_MANY = 16
_DENSE = 64  # events of one quantity in one transaction from which it gets a page of its own
_PAGES = 256  # of one chart that are held unpacked
_LOOK_UPS = 30  # of names, after which the whole index is held
_MANY = 32  # versions of one event from which they are held together
LONG_AGO = datetime.min.replace(tzinfo=UTC)
_HELD = 200_000  # names at most of which it is
TALLIES = {
    "document": "documents",
    "quarantine": "quarantine",
    "checkpoint": "checkpoints",
    "imported": "imported",
}
Written = tuple[Event, bool, Origin]  # an event, whether its id is its own content, who said it


class Versions(list[Event]):
    """All versions of one event, of which there are many, with what is asked of them each time that one comes."""

    def __init__(self, events: Iterable[Event]) -> None:
        super().__init__()
        self.contents: set[str] = set()
        self.quantities: set[str] = set()
        self.learned = self.modified = LONG_AGO
        for event in events:
            self.append(event)

    def append(self, event: Event) -> None:
        """One more."""
        super().append(event)
        self.contents.add(event.content)
        self.quantities.add(event.quantity)
        self.learned = max(self.learned, event.learned)
        self.modified = max(self.modified, event.modified or LONG_AGO)


class Standing:
    """What stands of one document as its versions are learned."""

    def __init__(self, events: Iterable[Event]) -> None:
        self.events: dict[str, Event] = {}
        self.learned = LONG_AGO
        for event in events:
            self.add(event)

    def add(self, event: Event) -> None:
        """Another event of it, learned no earlier than the others."""
        self.learned = max(self.learned, event.learned)
        self.events.pop(event.id, None)
        if not event.retracted:
            self.events[event.id] = event


class OpenChart:
    """One patient's chart while things are put into it; nothing is written before `close`."""

    def __init__(
        self,
        connection: Connection,
        keys: Keys,
        keyed: Keyed,
        chart: Chart,
        version: int,
        importing: Importing | None = None,
    ) -> None:
        self.connection = connection
        self._keys = keys
        self.keyed = keyed
        self.chart = chart
        self.version = version
        self.changed = False
        self.importing = importing
        self.notes = Notes()
        self.counts = Counts()
        self._new: list[tuple[Written, bool]] = []  # and whether it is later than another of its id
        self._new_ids: dict[str, list[Saying]] = defaultdict(list)
        self._new_names: dict[str, list[Saying]] = defaultdict(list)
        self._whole: tuple[Whole, int, Statement | None] | None = None  # of so many statements, the last of them
        self._many: dict[str, Versions] = {}  # by id
        self._standing: dict[str, Standing] = {}  # by document, of those that were asked for
        self._settled: dict[str, datetime] = {}  # when the history of an event began anew
        # page and position, of events whose id is their own content
        self._said: dict[Said, tuple[int, int] | None] = {}
        self._looked_at: set[int] = set()
        self._looked_up = 0
        self._names: dict[bytes, set[int]] | None = None  # all of the index, once much was looked for in it
        self._pages: dict[int, Columns] = {}
        self._rows: dict[Table, list[dict[str, Any]]] = defaultdict(list)
        self._marks: set[bytes] = set()
        self._contests: dict[str, list[Contest]] | None = None  # by what is contested, once it is asked for

    @property
    def person(self) -> Person | None:
        """The person as stated so far."""
        return self.whole.person if self.chart.stated else None

    @property
    def whole(self) -> Whole:
        """What is stated so far, to which more may be added."""
        stated = self.chart.stated
        at = len(stated), stated[-1] if stated else None
        if self._whole is None or self._whole[1] != at[0] or self._whole[2] is not at[1]:
            self._whole = Whole(stated, stated[0].person.id if stated else ""), *at
        return self._whole[0]

    @property
    def pending(self) -> int:
        """Events that wait to be written."""
        return len(self._new) + self.notes.pending

    def state(self, person: Person, learned: str, by: Rank = "record") -> None:
        """Add a statement about the person."""
        number = self.importing.number if self.importing else 0
        new, stated, whole = Statement(learned, person, by, number), self.chart.stated, self.whole
        if stated and stated[-1].learned <= learned:
            stated.append(new)
            whole.add(new)
            self._whole = whole, len(stated), new
        else:
            stated.append(new)
            stated.sort(key=lambda one: one.learned)
            self._whole = None
        self.changed = True

    def know_person(self, person: Person, by: Rank) -> None:
        """Note that an import stated what is known of the person already."""
        if self.importing is not None:
            self.notes.persons.append((person, by))
            self.changed = True

    # Events

    def versions(self, event: Event, content: str) -> list[Event]:
        """All that was said under the id of an event, since its history begins anew if it does."""
        if event.id in self._many:
            return self._many[event.id]
        found = [*self._new_ids.get(event.id, ())]
        numbers = self._pages_named(source_name(event.id))
        if event.id == own_id(content):
            found += self._said_before(event)
        elif event.id.startswith("content:"):
            found += self._with_content(event, numbers)
        found += [e for number in sorted(numbers) for e in self._events(number, event.id) if e[0].id == event.id]
        if self.chart.anew:
            found = since_anew(found)
            settled = [one.learned for one, origin in found if origin in (ANEW, GOES_ON)]
            self._settled |= {event.id: max(settled)} if settled else {}
        if len(found) > _MANY:
            self._many[event.id] = Versions(one for one, _ in found)
            return self._many[event.id]
        return [one for one, _ in found]

    def standing(self, name: str) -> Standing:
        """What stands of one document, by the ids of its events."""
        if name not in self._standing:
            self._standing[name] = Standing(self.events_of(name))
        return self._standing[name]

    def events_of(self, name: str) -> list[Event]:
        """All that stems from one document, every version, in the order learned."""
        numbers = self._pages_named(name)
        found = [e for number in sorted(numbers) for e in self._events(number, name) if source_name(e[0].id) == name]
        found += self._new_names.get(name, [])
        return sorted((event for event, _ in found), key=lambda e: e.learned)

    def add(self, event: Event, before: Iterable[Event], origin: Origin) -> None:
        """Put an event there; `before` is what `versions` found."""
        event = finite(event)
        many = self._many.get(event.id)
        standing = list(before) if many is None else []
        settled = self._settled.get(event.id)
        if settled is not None and event.learned <= settled:  # what is said now comes after what was taken back
            event = msgspec.structs.replace(event, learned=settled + timedelta(microseconds=1))
        settled_anew = origin.number < 0 or settled is not None  # found by its name, since it may be there twice
        own = not settled_anew and event.id == own_id(event.content)
        self._new.append(((event, own, origin), bool(standing or many) or origin == ANEW))
        self._new_ids[event.id].append((event, origin))
        if own:
            self._said.setdefault(said(event))
        else:
            name = source_name(event.id)
            self._new_names[name].append((event, origin))
            self._goes_on(name, event)
        if many is not None:
            if many.learned >= event.learned or many.quantities != {event.quantity}:
                self.chart.unordered = True
            many.append(event)
        elif any(e.learned >= event.learned or e.quantity != event.quantity for e in standing):
            self.chart.unordered = True
        self.chart.anew |= origin == ANEW
        self.counts.withdrawn += event.retracted
        self.counts.accepted += not event.retracted
        self.changed = True

    def _goes_on(self, name: str, event: Event) -> None:
        if (known := self._standing.get(name)) is not None:
            if event.learned < known.learned:
                del self._standing[name]
            else:
                known.add(event)

    def know(self, event: Event, origin: Origin, outdated: bool = False) -> None:
        """Note that an import said what is known already, or what came too late."""
        if self.importing is not None:
            self.notes.event(finite(event), origin, outdated)
            self.changed = True

    def everything(self) -> list[Event]:
        """Every version of every event."""
        return [event for event, _ in self.sayings()]

    def stood_before(self, first: datetime, last: datetime, quantities: Iterable[str]) -> list[Event]:
        """Every version of the events of some quantities between two times that other imports than this one said."""
        begin, end = micros(first), micros(last)
        wanted = {name for name in quantities if name in self.chart.quantities}
        indices = {self.chart.quantities.index(name) for name in wanted}
        number = self.importing.number if self.importing else 0
        found = []
        for note in self.chart.pages:
            if note.first <= end and note.last >= begin and indices & set(note.quantities):
                page = self._columns(note)
                near = np.flatnonzero((page.time >= begin) & (page.time <= end))
                by = [page.origins[i].number for i in near.tolist()]
                found += [e for e, said_by in zip(page.events(near), by, strict=True)
                          if e.quantity in wanted and said_by != number]  # fmt: skip
        return found

    def sayings(self) -> list[tuple[Event, Origin]]:
        """Every version of every event, with who said it."""
        found = [
            pair for page in self._read(self.chart.pages) for pair in zip(page.events(), page.origins, strict=True)
        ]
        return found + [(event, origin) for (event, _, origin), _ in self._new]

    # What stands in doubt

    def contest(self, name: str, ids: Iterable[str], why: str, at: str) -> None:
        """Note that events stand only because a later version of what they stem from cannot be used."""
        number = self.importing.number if self.importing else 0
        known = next((one for one in self._contests_of(name) if one.number == number and not one.ended), None)
        some = dict.fromkeys((*(known.ids if known else ()), *ids))
        new = Contest(name, tuple(some), why, at, number)
        self._contests_of(name)[:] = [*(one for one in self._contests_of(name) if one is not known), new]
        self.changed = True

    def end_contest(self, name: str) -> None:
        """Note that a version came which can be used."""
        number = self.importing.number if self.importing else 0
        if self._contests is None and not self.chart.contests:
            return
        before, undone = self._contests_of(name), self.chart.undone
        after = [msgspec.structs.replace(one, ended=number) if one.counts(undone) else one
                 for one in before if number or not one.counts(undone)]  # fmt: skip
        if after != before:
            before[:] = after
            self.changed = True

    def contested(self, name: str) -> str:
        """Why what stems from a document stands in doubt; "" where it does not."""
        return next((one.why for one in self._contests_of(name) if one.counts(self.chart.undone)), "")

    def flaw(self, mark: bytes) -> None:
        """Note that a version of a document replaces no earlier one."""
        if not self.chart.is_flawed(mark):
            self.chart.flawed.append((mark, 0))
            self.changed = True

    def _contests_of(self, name: str) -> list[Contest]:
        if self._contests is None:
            self._contests = defaultdict(list)
            for one in self.chart.contests:
                self._contests[one.name].append(one)
        return self._contests[name]

    # What is only kept

    def keep_document(self, document: Document, mark: bytes, learned: str, updated: str, origin: Origin) -> int:
        """Put a document there, as received; the number of its row."""
        name = self._keys.mark("document", document.name)
        self._rows[IDENTIFIER] += [
            {"who": self.keyed.who, "mark": one, "document": self.chart.documents.next}
            for one in {identifier_mark(self._keys, document.kind, text) for text in document.identifiers}
        ]
        self.counts.documents += document.kind != DEVICE_FILE
        return self._keep(DOCUMENT, Kept.of(document, learned, updated, origin).body(), name=name, mark=mark)

    def index_links(self, marks: set[bytes]) -> None:
        """Let the chart be found by the ids that its open links wait for, and by no others."""
        self._rows[IDENTIFIER] = [row for row in self._rows[IDENTIFIER] if row["document"]]
        here = (IDENTIFIER.c.who == self.keyed.who) & (IDENTIFIER.c.document == 0)
        self.connection.execute(delete(IDENTIFIER).where(here))
        self._rows[IDENTIFIER] += [{"who": self.keyed.who, "mark": mark, "document": 0} for mark in sorted(marks)]
        self.changed = True

    def quarantine(self, item: Quarantined, digest: str, origin: Origin) -> bool:
        """Put something into quarantine; whether it was not there before."""
        mark = self._keys.mark("quarantine", digest)
        if mark in self._marks or self._lies_aside(mark):
            if self.importing is not None:
                self.notes.quarantined.append(mark)
                self.changed = True
            return False
        self._marks.add(mark)
        self.counts.quarantined += 1
        self._keep(QUARANTINE, quarantined_body(item, origin), mark=mark)
        return True

    def _lies_aside(self, mark: bytes) -> bool:
        """Whether something with a mark is in quarantine and was not taken out of it."""
        if not self.chart.quarantine.count:
            return False
        this = (QUARANTINE.c.who == self.keyed.who) & (QUARANTINE.c.mark == mark)
        rows = self.connection.execute(select(QUARANTINE.c.number, QUARANTINE.c.sealed).where(this)).all()
        if not rows or not (self.chart.undone or self.chart.released):
            return bool(rows)
        who, cipher = self.keyed.who, self.keyed.cipher
        return any(
            not self.chart.void_aside(number, origin_of(cipher.open(sealed, "quarantine", who, number, mark)).number)
            for number, sealed in rows
        )

    def keep_checkpoint(self, name: str, content: bytes, at: str) -> None:
        """Put a checkpoint there; an older one of the same name stays."""
        body = checkpoint_body(name, at, content)
        self._keep(CHECKPOINT, body, name=self._keys.mark("checkpoint", name))

    def _keep(self, table: Table, content: bytes, **columns: bytes | int) -> int:
        tally: Tally = getattr(self.chart, TALLIES[table.name])
        identity = [columns[c] for c in ("name", "mark") if c in columns]
        sealed = self.keyed.cipher.seal(content, table.name, self.keyed.who, tally.next, *identity)
        setattr(self.chart, TALLIES[table.name], tally.plus([sealed]))
        self._rows[table].append({"who": self.keyed.who, "number": tally.next, **columns, "sealed": sealed})
        self.changed = True
        return tally.next

    # Writing

    def close(self) -> dict[str, int | str]:
        """Write everything and the chart itself; what the audit says of it."""
        added: dict[str, int | str] = {
            "events": len(self._new),
            "documents": len(self._rows[DOCUMENT]),
            "quarantined": len(self._rows[QUARANTINE]),
        }
        self._write_pages()
        if self.importing is not None:
            self._keep(IMPORTED, self.notes.body(self.importing, self.counts), taking=self.importing.number)
        for table, rows in self._rows.items():
            if rows:
                quick(self.connection, PUT[table], rows)
        return {**{k: v for k, v in added.items() if v}, **self._write_chart()}

    def _write_chart(self) -> dict[str, int | str]:
        if self._contests is not None:
            self.chart.contests = [one for some in self._contests.values() for one in some]
        before, self.version = self.version, self.version + 1
        sealed = seal_chart(self.chart, self.version, self.keyed)
        who = self.keyed.who
        if before == 0:
            quick(self.connection, PUT[CHART], [{"who": who, "version": 1, "sealed": sealed}])
        else:
            values = {"of": who, "before": before, "version": self.version, "sealed": sealed}
            done = quick(self.connection, REWRITE_CHART, values)
            if done.rowcount != 1:
                raise PolluxError("the chart was changed by somebody else at the same time", advice="Try again.")
        return {"version": self.version, "chart": tag(sealed).hex()}

    def _write_pages(self) -> None:
        """New events: dense quantities on pages of their own, the rest together, later versions apart."""
        groups: dict[tuple[bool, str], list[Written]] = defaultdict(list)
        counts: dict[tuple[bool, str], int] = defaultdict(int)
        for one, later in self._new:
            counts[later, one[0].quantity] += 1
        for one, later in self._new:
            dense = counts[later, one[0].quantity] >= _DENSE
            groups[later, one[0].quantity if dense else ""].append(one)
        for (later, quantity), some in groups.items():
            some.sort(key=lambda one: one[0].time)
            self._write(some, later)
            self._put_together(later, quantity)
        self._new = []

    def _write(self, some: list[Written], later: bool) -> None:
        chart, who = self.chart, self.keyed.who
        for start in range(0, len(some), MOST_ON_A_PAGE):
            part = some[start : start + MOST_ON_A_PAGE]
            events = [event for event, _, _ in part]
            number, chart.next_page = chart.next_page, chart.next_page + 1
            packed = pack(events, [own for _, own, _ in part], [origin for _, _, origin in part])
            sealed = self.keyed.cipher.seal(packed, "page", who, number)
            times = [micros(event.time) for event in events]
            quantities = tuple(sorted({self._quantity(event.quantity) for event in events}))
            chart.pages.append(
                PageNote(number, min(times), max(times), len(part), quantities, later, short_tag(sealed))
            )
            self._rows[PAGE].append({"who": who, "number": number, "sealed": sealed})
            names = {source_name(event.id) for event, own, _ in part if not own}
            chart.names += len(names)
            self._rows[NAME] += [
                {"who": who, "name": self._short(n), "page": number} for n in _each(names, self._short)
            ]

    def _put_together(self, later: bool, quantity: str) -> None:
        """Where sixteen small pages of a kind have gathered, one takes their place."""
        for size in _SIZES:
            if quantity:
                alike = [
                    p for p in self.chart.pages if p.later == later and p.quantities == (self._quantity(quantity),)
                ]
            else:
                alike = [p for p in self.chart.pages if p.later == later]
            small = [p for p in alike if p.count < size]
            if len(small) < _SO_MANY:
                continue
            some = [one for page in self._read(small) for one in self.written(page)]
            some.sort(key=lambda one: one[0].time)
            self._remove({p.number for p in small})
            self._write(some, later)

    def _remove(self, numbers: set[int]) -> None:
        who = self.keyed.who
        self.chart.pages = [p for p in self.chart.pages if p.number not in numbers]
        for table, column in ((PAGE, PAGE.c.number), (NAME, NAME.c.page)):
            rows = self._rows[table]
            key = column.name
            written = numbers - {row["number"] for row in self._rows[PAGE]} if table is PAGE else numbers
            self._rows[table] = [row for row in rows if row[key] not in numbers]
            if written:
                self.connection.execute(delete(table).where((table.c.who == who) & column.in_(written)))
        for number in numbers:
            self._pages.pop(number, None)

    # Reading what is there

    @staticmethod
    def written(page: Columns) -> list[Written]:
        """What stands on a page, as it is written on another."""
        return [
            (event, i not in page.ids, origin)
            for i, (event, origin) in enumerate(zip(page.events(), page.origins, strict=True))
        ]

    def _said_before(self, event: Event) -> list[Saying]:
        """The event whose id is its own content, if it is on a page."""
        at, index = micros(event.time), self._quantity(event.quantity)
        for note in self.chart.pages:
            if note.first <= at <= note.last and index in note.quantities and note.number not in self._looked_at:
                self._looked_at.add(note.number)
                page = self._columns(note)
                for i, one in enumerate(page.said()):
                    if i not in page.ids:
                        self._said.setdefault(one, (note.number, i))
        where = self._said.get(said(event))
        return [] if where is None else self._on_page(*where)

    def _with_content(self, event: Event, but: set[int]) -> list[Saying]:
        """The event to whose content an id refers that another content now carries; looked for where it was first."""
        index, at = self._quantity(event.quantity), micros(event.time)
        pages = [p for p in self.chart.pages if p.number not in but]
        pages.sort(key=lambda p: not (index in p.quantities and p.first <= at <= p.last))
        for note in pages:
            page = self._columns(note)
            if found := [(e, page.origins[i]) for i, e in enumerate(page.events()) if e.id == event.id]:
                return found
        return []

    def _pages_named(self, name: str) -> set[int]:
        if not self.chart.names:
            return set()
        if self._names is not None:
            return self._names.get(self._short(name), set())
        self._looked_up += 1
        if self._looked_up > _LOOK_UPS and self.chart.names <= _HELD:
            self._names = defaultdict(set)
            for short, page in self.connection.execute(ALL_NAMES, {"of": self.keyed.who}):
                self._names[short].add(page)
        values = {"of": self.keyed.who, "called": self._short(name)}
        return set(self.connection.execute(PAGES_NAMED, values).scalars())

    def _events(self, number: int, name: str) -> list[Saying]:
        """The events on a page whose id a source gave, those with an id or that name in front of it."""
        note = next((p for p in self.chart.pages if p.number == number), None)
        if note is None:
            return []
        return self._on_page(number, *self._columns(note).positions.get(name, ()))

    def _on_page(self, number: int, *positions: int) -> list[Saying]:
        page = self._columns(next(p for p in self.chart.pages if p.number == number))
        events = page.events(np.array(positions, np.int64))
        return [(event, page.origins[i]) for event, i in zip(events, positions, strict=True)]

    def _columns(self, note: PageNote) -> Columns:
        page = self._pages.get(note.number)
        if page is None:
            (page,) = self._read([note])
            self._pages[note.number] = page
            while len(self._pages) > _PAGES:
                del self._pages[next(iter(self._pages))]
        return page

    def _read(self, notes: list[PageNote]) -> Iterator[Columns]:
        sealed = {row["number"]: row["sealed"] for row in self._rows[PAGE]}
        lacking = [note.number for note in notes if note.number not in sealed]
        for start in range(0, len(lacking), 500):
            values = {"of": self.keyed.who, "among": lacking[start : start + 500]}
            sealed.update(dict(self.connection.execute(SOME_PAGES, values).all()))
        for note in notes:
            found = sealed.get(note.number)
            if found is None or short_tag(found) != note.tag:
                raise missing("page", f"patient {self.keyed.who.hex()[:8]}")
            yield Columns(self.keyed.cipher.open(found, "page", self.keyed.who, note.number))

    def _quantity(self, name: str) -> int:
        if name not in self.chart.quantities:
            self.chart.quantities.append(name)
        return self.chart.quantities.index(name)

    def _short(self, name: str) -> bytes:
        return short_name(self._keys, self.keyed.who, name)


def aside_of(chart: "OpenChart") -> Iterator[tuple[int, Origin, Quarantined]]:
    """What is written into quarantine, with its row and the import that brought it."""
    who = chart.keyed.who
    wanted = select(QUARANTINE.c.number, QUARANTINE.c.mark, QUARANTINE.c.sealed).where(QUARANTINE.c.who == who)
    for row, mark, sealed in chart.connection.execute(wanted.order_by(QUARANTINE.c.number)).all():
        body = chart.keyed.cipher.open(sealed, "quarantine", who, row, mark)
        yield row, origin_of(body), quarantined_of(body)


def _each(names: set[str], short: Any) -> list[str]:
    """The names, without those whose hash another has as well (a row is there once)."""
    once = {short(name): name for name in sorted(names)}
    return list(once.values())
