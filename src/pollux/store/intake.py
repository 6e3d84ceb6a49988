"""One import on its way into the tables: what is new, what was known, what a newer version withdraws."""

import hashlib
import sqlite3
from collections import Counter
from datetime import UTC, datetime, timedelta

import msgspec

from pollux.record.entry import Document, Entry
from pollux.record.event import Event, Person
from pollux.record.quality import Finding, QualityReport, Quarantined, admit
from pollux.store.bodies import event_body, event_of, quarantined_body, writable
from pollux.store.merge import merged
from pollux.store.receipt import Receipt

MOST_FINDINGS = 2000  # findings that a receipt lists; the counts go on

_ENCODE = msgspec.json.Encoder()
_PERSON = msgspec.json.Decoder(Person)


def stamp(moment: datetime) -> str:
    """A time as text whose order is the order of time."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


class Intake:
    """Takes entries one by one inside a transaction that somebody else began and ends.

    Events follow the document that they stem from. A document that is known already brings nothing new, nor do its
    events. A newer version of a document corrects its events, and withdraws those that it no longer states; an older
    version that comes late is kept as a document only.
    """

    def __init__(self, connection: sqlite3.Connection, now: datetime) -> None:
        self._rows = connection
        self._now = now
        self._count: Counter[str] = Counter()
        self._kept: Counter[str] = Counter()
        self._people: dict[str, None] = {}
        self._persons: dict[str, Person] = {}
        self._findings: list[Finding] = []
        self._document = ""
        self._fate = ""  # of the events of the document at hand: "", "already_known" or "outdated"
        self._before: dict[str, tuple[str, Event]] = {}  # standing events of an earlier version of the document at hand
        self._after = datetime.min.replace(tzinfo=UTC)  # a newer version is learned after the one it replaces

    def take(self, entry: Entry) -> None:
        """Take one entry."""
        item = entry.item
        if entry.person:
            self._people[entry.person] = None
        match item:
            case Document():
                self._finish_document()
                self._take_document(entry.person, item)
            case Person():
                if not (self._fate and self._document == f"Patient/{item.id}"):
                    self._take_person(item)
            case Event():
                self._take_event(entry.person, item)
            case Quarantined():
                self._take_quarantined(entry.person, item)

    def receipt(self) -> Receipt:
        """The account of everything taken."""
        self._finish_document()
        for person in self._people:
            self._person(person)
        count = self._count
        report = QualityReport(tuple(self._findings), count["accepted"], count["quarantined"])
        return Receipt(
            accepted=count["accepted"],
            quarantined=count["quarantined"],
            documents=count["documents"],
            already_known=count["already_known"],
            outdated=count["outdated"],
            withdrawn=count["withdrawn"],
            kept=dict(sorted(self._kept.items())),
            people=tuple(sorted(self._people)),
            report=report,
        )

    def _take_person(self, person: Person) -> None:
        known = self._persons.get(person.id) or self._find_person(person.id)
        if known is not None and merged([known, person]) == known:
            self._persons[person.id] = known
            return
        self._rows.execute(
            "insert into person (person, learned, body) values (?, ?, ?)",
            (person.id, stamp(self._now), _ENCODE.encode(person)),
        )
        self._persons[person.id] = person if known is None else merged([known, person])

    def _find_person(self, id: str) -> Person | None:
        rows = self._rows.execute("select body from person where person = ? order by learned, seq", (id,))
        stated = [_PERSON.decode(row[0]) for row in rows]
        return merged(stated) if stated else None

    def _person(self, id: str) -> Person:
        """The person as known so far; one of whom nothing is known but the id, if need be."""
        found = self._persons.get(id)
        if found is None:
            found = self._find_person(id) or Person(id)
            self._take_person(found)
            self._persons[id] = found
        return found

    def _take_document(self, person: str, document: Document) -> None:
        digest = hashlib.sha256(document.content).digest()
        self._document, self._fate, self._before = document.name, "", {}
        self._after = datetime.min.replace(tzinfo=UTC)
        earlier = self._rows.execute(
            "select digest, updated from document where kind = ? and id = ?", (document.kind, document.id)
        ).fetchall()
        if any(row[0] == digest for row in earlier):
            self._fate = "already_known"
            self._count["already_known"] += 1
            return
        updated = stamp(document.updated) if document.updated else ""
        if updated and any(row[1] > updated for row in earlier):
            self._fate = "outdated"
        elif earlier:
            self._remember_events(document.name)
        self._rows.execute(
            "insert into document (person, kind, id, version, updated, learned, place, digest, content)"
            " values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (person, document.kind, document.id, document.version, updated, stamp(self._now), document.place, digest,
             document.content),
        )  # fmt: skip
        self._count["documents"] += 1
        if not document.understood:
            self._kept[document.kind] += 1

    def _remember_events(self, name: str) -> None:
        rows = self._rows.execute(
            "select person, id, learned, retracted, body from event where document = ? order by learned, seq", (name,)
        )
        for person, id, learned, retracted, body in rows:
            self._after = max(self._after, datetime.fromisoformat(learned) + timedelta(microseconds=1))
            if retracted:
                self._before.pop(id, None)
            else:
                self._before[id] = (person, event_of(body))

    def _finish_document(self) -> None:
        """Withdraw what an earlier version of the document stated and this one does not."""
        for person, event in self._before.values():
            learned = max(self._now, self._after)
            gone = msgspec.structs.replace(event, retracted=True, learned=learned)
            self._insert(person, gone, self._document)
            self._count["withdrawn"] += 1
        self._before = {}

    def _take_event(self, person: str, event: Event) -> None:
        document = event.id.partition("#")[0]
        document = document if document == self._document else ""
        if document and self._fate:
            self._count[self._fate] += 1
            return
        if document:
            event = msgspec.structs.replace(event, learned=max(event.learned, self._after))
        event = writable(event) if event.retracted else event  # the door asks nothing of what takes something back
        for outcome in admit(self._person(person), [event], self._now):
            if isinstance(outcome, Quarantined):
                self._take_quarantined(person, outcome)
                return
            before = self._before.pop(event.id, None) if document else None
            new = self._new(person, outcome, before[1] if before else None)
            if new is None:
                self._count["already_known"] += 1
            elif isinstance(new, Quarantined):
                self._take_quarantined(person, new)
            else:
                self._insert(person, new, document)
                self._count["withdrawn" if new.retracted else "accepted"] += 1

    def _new(self, person: str, event: Event, standing: Event | None) -> Event | Quarantined | None:
        """What an event adds to the versions that are there under its id; None when it adds nothing.

        What an earlier version said already is old, whatever stands now, unless the source says that it changed it
        after all of them. An unknown version that the source changed before one of them comes too late.
        """
        if standing is not None:  # of the same document, which tells what is new
            return None if standing.content == event.content else event
        rows = self._rows.execute(
            "select content, body from event where person = ? and id = ?", (person, event.id)
        ).fetchall()
        if not rows:
            return event
        was_said = event.content in {row[0] for row in rows}
        if event.modified is None:
            return None if was_said else event
        known = sorted((event_of(row[1]) for row in rows), key=lambda version: (version.learned, version.content))
        last = max((version.modified for version in known if version.modified), default=None)
        if known[-1].content == event.content or (was_said and (last is None or event.modified <= last)):
            return None
        if last and event.modified < last:
            text = "the source changed it later than this, and that version is known"
            return Quarantined(Finding("outdated", "conformance", "quarantine", text, event.quantity, event.time,
                                       event.where, event.id), event)  # fmt: skip
        after = known[-1].learned + timedelta(microseconds=1)
        return msgspec.structs.replace(event, learned=max(event.learned, after))

    def _insert(self, person: str, event: Event, document: str) -> None:
        self._rows.execute(
            "insert into event (person, id, document, content, learned, retracted, body) values (?, ?, ?, ?, ?, ?, ?)",
            (person, event.id, document, event.content, stamp(event.learned), event.retracted, event_body(event)),
        )

    def _take_quarantined(self, person: str, quarantined: Quarantined) -> None:
        if quarantined.event is None and quarantined.document == self._document and self._fate:
            self._count[self._fate] += 1
            return
        self._person(person) if person else None
        kept = quarantined.event.content if quarantined.event else quarantined.document
        said = (quarantined.finding.rule, quarantined.finding.message, quarantined.finding.event, kept)
        digest = hashlib.sha256("\x1f".join(said).encode("utf-8", "surrogatepass")).hexdigest()
        cursor = self._rows.execute(
            "insert or ignore into quarantine (person, digest, learned, body) values (?, ?, ?, ?)",
            (person, digest, stamp(self._now), quarantined_body(quarantined)),
        )
        if cursor.rowcount == 0:
            self._count["already_known"] += 1
            return
        self._count["quarantined"] += 1
        if len(self._findings) < MOST_FINDINGS:
            self._findings.append(quarantined.finding)
