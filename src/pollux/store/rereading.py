"""Reading kept documents again: a reader that understands more than the one before makes more of the same bytes.

What a document says now replaces what it said, from now on, as corrections of an import of their own: new quantities
come in, what is no longer made of it is withdrawn unless others say it, and what lay in quarantine and is understood
now is used. Other imports that came after the document keep the last word, and all of it can be taken back.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime

import msgspec

from pollux.record.entry import DEVICE_FILE, Document, Entry, file_of
from pollux.record.event import Event, Person
from pollux.record.quality import Quarantined, admit
from pollux.store.audit import stamp
from pollux.store.bodies import Kept, digest_of, name_of
from pollux.store.columns import Origin
from pollux.store.filing import Filing
from pollux.store.imports import Taking
from pollux.store.open_chart import aside_of
from pollux.store.settling import Settling
from pollux.store.statements import merged
from pollux.store.undoing import documents_of, file_parts

_OF_THE_STORE = ("outdated", "not carried out", "nobody's")  # rules that no reader decides


class Again(msgspec.Struct, frozen=True):
    """A document that is to be read again: whose it is, its pieces, and how it was read when it came."""

    person: str
    pieces: tuple[Document, ...]
    taking: Taking
    medications: tuple[Document, ...] = ()  # what it may refer to


Reader = Callable[[Again, datetime], Iterable[Entry]]


class Reread(msgspec.Struct, frozen=True):
    """What reading again did."""

    number: int
    documents: int = 0
    changed: int = 0
    stands: int = 0
    withdrawn: int = 0
    released: int = 0
    quarantined: int = 0

    def text(self) -> str:
        """The account as a line for a person to read."""
        done = f"import {self.number}: {self.documents:,} documents read again"
        if not self.changed and not self.released and not self.quarantined:
            return f"{done}; nothing is different"
        return (
            f"{done}, {self.changed:,} say something else now: {self.stands:,} events are new or corrected, "
            f"{self.withdrawn:,} withdrawn, {self.released:,} left the quarantine, {self.quarantined:,} went into it"
        )


def together(some: list[Reread]) -> Reread:
    """The accounts of one person's ids as one."""
    sums = {name: sum(getattr(one, name) for one in some) for name in Reread.__struct_fields__[1:]}
    return Reread(some[0].number, **sums)


class Rereading:
    """Reads the documents of one patient again, inside a transaction that somebody else began and ends."""

    def __init__(self, filing: Filing, person: str, now: datetime) -> None:
        self._filing = filing
        self._now = now
        self._settling = Settling(filing, now)
        self._person = person
        self._chart = filing.chart(person)
        self._documents = list(documents_of(self._chart))
        self._told = self._settling.told(person)
        self._told.parts = file_parts(self._documents)
        self._medications = tuple(_medications(filing, self._documents))
        self._takings = {note.number: note.taking for note in self._told.notes}
        self._aside = list(aside_of(self._chart))
        self.account = Reread(filing.importing.number if filing.importing else 0)

    def read(self, reader: Reader) -> Reread:
        """Read all that counts again, with what it says now in place of what it said."""
        names: set[str] = set()
        ids: set[str] = set()
        for row, kept, again in self._all():
            events, aside, persons = self._understood(kept, again, reader)
            self._count(documents=1)
            for person, entry in persons:
                self._state(person, entry)
            self._sort_aside(kept, aside)
            if not aside:
                self._sound(kept, row)
            before = self._before(row, kept)
            if {(e.id, e.content) for e in before} == {(e.id, e.content) for e in events}:
                continue
            self._count(changed=1)
            self._chart.notes.again.append(row)
            part = Origin(self.account.number, len(self._chart.notes.again))
            for event in events:
                self._chart.know(event, part)
            self._chart.changed = True
            if kept.kind == DEVICE_FILE:
                ids |= {event.id for event in (*before, *events)}
            else:
                names.add(f"{kept.kind}/{kept.id}")
            self._told.read_again(row, self.account.number, events)
        for name in sorted(names):
            self._settling.document(name)
        self._settling.events(self._person, ids)
        self._count(stands=self._settling.restored, withdrawn=self._settling.withdrawn)
        return self.account

    def _count(self, **more: int) -> None:
        now = {name: getattr(self.account, name) + value for name, value in more.items()}
        self.account = msgspec.structs.replace(self.account, **now)

    def _all(self) -> Iterator[tuple[int, Kept, Again]]:
        """Every document that counts, the version that stands: its row, and what is to be read."""
        chart = self._chart.chart
        away = {*chart.hidden, *chart.passed}
        pieces: dict[tuple[str, int, int], list[tuple[int, Kept]]] = {}
        for row, _, kept in self._documents:
            name = f"{kept.kind}/{kept.id}"
            if kept.number in chart.undone or name in away:
                continue
            if kept.kind == DEVICE_FILE:
                pieces.setdefault((file_of(kept.document()), kept.number, kept.part), []).append((row, kept))
                continue
            standing = self._settling.standing(name)
            if any(one[:2] == (self._person, row) for one in standing) and not kept.document().gone:
                yield row, kept, self._again([kept])
        for some in pieces.values():
            yield (*some[0], self._again([kept for _, kept in some]))

    def _again(self, some: list[Kept]) -> Again:
        """The pieces of a document as they were read; in the zone that was stated since, where none was then."""
        documents = tuple(kept.document() for kept in some)
        taking = self._takings.get(some[0].number, Taking())
        if not taking.timezone and (zone := merged(self._chart.chart.stated, self._person).timezone) != "UTC":
            taking = msgspec.structs.replace(taking, timezone=zone)
        return Again(self._person, documents, taking, self._medications)

    def _understood(
        self, kept: Kept, again: Again, reader: Reader
    ) -> tuple[list[Event], list[Quarantined], list[tuple[Person, Entry]]]:
        """What a document says now: events as they pass the door, what is quarantined, and of whom it speaks."""
        events: list[Event] = []
        aside: list[Quarantined] = []
        persons: list[tuple[Person, Entry]] = []
        learned = datetime.fromisoformat(kept.learned)
        now = datetime.fromisoformat(f"{again.taking.as_of}T23:59:59+00:00") if again.taking.as_of else self._now
        known = merged(self._chart.chart.stated, self._person)
        for entry in reader(again, learned):
            match entry.item:
                case Event():
                    for outcome in admit(known, [entry.item], now):
                        (events if isinstance(outcome, Event) else aside).append(outcome)  # type: ignore[arg-type]
                case Quarantined():
                    aside.append(entry.item)
                case Person():
                    persons.append((msgspec.structs.replace(entry.item, id=self._person), entry))
        last = {event.id: event for event in events}  # the reader's last word on each
        return list(last.values()), aside, persons

    def _before(self, row: int, kept: Kept) -> list[Event]:
        """What a document said until now."""
        again = self._told.again(row)
        if again is not None:
            return [event for some in again.values() for event in some]
        name = f"{kept.kind}/{kept.id}"
        if kept.kind == DEVICE_FILE:
            return self._told.said_in(Origin(kept.number, kept.part))
        if kept.number:
            return self._told.stated_by(Origin(kept.number, kept.part), name)
        return self._told.standing_of(name)

    def _state(self, person: Person, entry: Entry) -> None:
        """State what was not known of the person; an old document does not get the last word by being read again."""
        known, empty = merged(self._chart.chart.stated, self._person), Person(self._person)
        said = {field: getattr(empty, field) for field in Person.__struct_fields__
                if getattr(known, field) != getattr(empty, field)}  # fmt: skip
        new = msgspec.structs.replace(person, **said)
        if new != empty:
            self._chart.state(new, stamp(self._now), entry.by)

    def _sound(self, kept: Kept, row: int) -> None:
        """A version of which something could not be used, and now all can, replaces earlier ones after all."""
        chart = self._chart.chart
        mark = next(mark for at, mark, _ in self._documents if at == row)
        if chart.is_flawed(mark):
            chart.flawed = [(one, self.account.number if one == mark else by) for one, by in chart.flawed]
            self._chart.end_contest(f"{kept.kind}/{kept.id}")
            self._chart.changed = True

    def _sort_aside(self, kept: Kept, aside: list[Quarantined]) -> None:
        """What is understood now leaves the quarantine, and what is not understood any more goes into it."""
        name, now = f"{kept.kind}/{kept.id}", {digest_of(item) for item in aside}
        origin = Origin(kept.number, kept.part)
        there = set()
        for row, brought, item in self._aside:
            if item.finding.rule in _OF_THE_STORE or self._chart.chart.void_aside(row, brought.number):
                continue
            if brought != origin if kept.number else name not in name_of(item):
                continue
            there.add(digest_of(item))
            if digest_of(item) not in now:
                self._chart.chart.released.append((row, self.account.number))
                self._chart.changed = True
                self._count(released=1)
        for item in aside:
            if digest_of(item) not in there and self._chart.quarantine(item, digest_of(item), origin):
                self._count(quarantined=1)


def _medications(filing: Filing, own: list[tuple[int, bytes, Kept]]) -> Iterator[Document]:
    """The Medications that lie with a patient or, as they mostly do, with nobody."""
    nobody = filing.find("")
    for _, _, kept in (*own, *(documents_of(nobody) if nobody else ())):
        if kept.kind == "Medication":
            yield kept.document()
