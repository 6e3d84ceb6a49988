"""The store: a small interface, with SQLite behind it."""

import sqlite3
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any

import msgspec

from pollux.errors import UnknownName
from pollux.record.entry import Document, Entry
from pollux.record.event import Event, Person
from pollux.record.quality import Quarantined
from pollux.record.record import Record
from pollux.store.bodies import events_of, quarantined_of
from pollux.store.intake import Intake, stamp
from pollux.store.merge import merged
from pollux.store.receipt import Receipt
from pollux.store.schema import connect, said

_TOGETHER = 10_000  # rows that are decoded at once
# The rows of a person in the order in which they lie on the disk.
_EVENTS = "select body from event where seq in (select seq from event where person = ?) order by seq"
_PERSON = msgspec.json.Decoder(Person)


class Store:
    """Keeps what was received. Rows are only added; a correction is a new row.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder, Store.open(Path(folder) / "store.pollux.db") as store:
    ...     store.take([Entry("p1", Person("p1", birth_date="1964"))], datetime(2026, 1, 1, tzinfo=UTC)).people
    ('p1',)
    """

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self._path = path

    @classmethod
    def open(cls, path: Path) -> "Store":
        """The store at a path, which is made if it is not there."""
        return cls(connect(path), path)

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def __enter__(self) -> "Store":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def take(self, entries: Iterable[Entry], now: datetime) -> Receipt:
        """Keep all of these entries or, if anything goes wrong on the way, none of them.

        `now` is the clock by which an event lies in the future. Taking the same entries again changes nothing.
        """
        try:
            self._connection.execute("begin immediate")
            try:
                intake = Intake(self._connection, now)
                for entry in entries:
                    intake.take(entry)
                receipt = intake.receipt()
                self._connection.execute("commit")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("rollback")
                raise
        except sqlite3.Error as error:
            raise said(error, self._path) from error
        return receipt

    def people(self) -> list[Person]:
        """Everybody whose record is kept here, by id."""
        ids = self._rows("select distinct person from person order by person")
        return [self._person(row[0]) for row in ids]

    def record(self, person_id: str) -> Record:
        """Everything known about a person, every version of it."""
        person = self._person(person_id)
        rows = self._rows(_EVENTS, person_id)
        events: list[Event] = []
        while some := list(islice(rows, _TOGETHER)):
            events += events_of([row[0] for row in some])
        return Record(person, tuple(events))

    def quarantine(self, person_id: str) -> list[Quarantined]:
        """What came in for a person and is not used, with the reasons; for "" what could be given to nobody."""
        rows = self._rows("select body from quarantine where person = ? order by seq", person_id)
        return [quarantined_of(row[0]) for row in rows]

    def documents(self, person_id: str) -> Iterator[Document]:
        """The documents of a person, every version, as received; for "" those that belong to nobody."""
        rows = self._rows(
            "select kind, id, version, content, place, updated from document where person = ? order by seq", person_id
        )
        for kind, id, version, content, place, updated in rows:
            yield Document(kind, id, version, content, place, datetime.fromisoformat(updated) if updated else None)

    def export(self, person_id: str) -> Iterator[bytes]:
        """The person's resources, newline-delimited; of each the newest version, byte for byte as received.

        A resource that was received over several lines is put on one, which changes nothing inside its texts.
        """
        newest: dict[str, Document] = {}
        for document in self.documents(person_id):
            standing = newest.get(document.name)
            if standing is None or (document.updated or _EVER) >= (standing.updated or _EVER):
                newest[document.name] = document
        for document in newest.values():
            yield document.content.replace(b"\r", b"").replace(b"\n", b"") + b"\n"

    def save_checkpoint(self, person_id: str, name: str, content: bytes, at: datetime) -> None:
        """Keep the state of a twin under a name; earlier states stay."""
        try:
            self._connection.execute(
                "insert into checkpoint (person, name, at, content) values (?, ?, ?, ?)",
                (person_id, name, stamp(at), content),
            )
        except sqlite3.Error as error:
            raise said(error, self._path) from error

    def checkpoint(self, person_id: str, name: str) -> bytes | None:
        """The state saved last under a name, or None."""
        rows = self._rows(
            "select content from checkpoint where person = ? and name = ? order by seq desc limit 1", person_id, name
        )
        return next((bytes(row[0]) for row in rows), None)

    def _person(self, id: str) -> Person:
        rows = self._rows("select body from person where person = ? order by learned, seq", id)
        stated = [_PERSON.decode(row[0]) for row in rows]
        if not stated:
            ids = [row[0] for row in self._rows("select distinct person from person order by person limit 21")]
            names = ", ".join(ids[:20]) + (" and more" if len(ids) > 20 else "")
            raise UnknownName(
                f"nobody here has the id {id[:80]!r}",
                where=str(self._path),
                advice=f"Known are: {names or 'none yet'}.",
            )
        return merged(stated)

    def _rows(self, statement: str, *values: str) -> Iterator[tuple[Any, ...]]:
        try:
            yield from self._connection.execute(statement, values)
        except sqlite3.Error as error:
            raise said(error, self._path) from error


_EVER = datetime.min.replace(tzinfo=UTC)
