"""The first store (plain text, SQLite) becomes this one: in the same file, so that a crash on the way loses nothing."""

import sqlite3
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, inspect, text

from pollux.record.entry import Document
from pollux.record.event import Event, Person
from pollux.store.audit import Done
from pollux.store.bodies import event_of, quarantined_of
from pollux.store.columns import BEFORE
from pollux.store.database import Database
from pollux.store.filing import Filing
from pollux.store.keys import Keys
from pollux.store.writer import now

_TABLES = ("person", "event", "quarantine", "document", "checkpoint", "schema")
_INDEXES = ("person_by_id", "event_of_person", "event_of_document", "document_of_person", "checkpoint_of_person")
_ASIDE = "first_"
_PERSON = msgspec.json.Decoder(Person)


def set_aside(database: Database) -> None:
    """Rename its tables, so that the new ones have room."""
    with database.writing() as connection:
        for index in _INDEXES:
            connection.execute(text(f"drop index if exists {index}"))
        for table in _TABLES:
            connection.execute(text(f"alter table {table} rename to {_ASIDE}{table}"))


def waiting(database: Database) -> bool:
    """Whether something of a first store is still to be moved in."""
    return database.embedded and f"{_ASIDE}event" in database.tables()


def move_in(database: Database, keys: Keys, do: Callable[[Callable[[Connection, list[Done]], Any]], Any]) -> None:
    """Seal everything in one transaction, drop the plain text, and leave none of it in the file."""

    def job(connection: Connection, acts: list[Done]) -> None:
        filing = Filing(connection, keys)
        for id, learned, body in _rows(connection, "person", "person, learned, body", "learned, seq"):
            filing.chart(id).state(_PERSON.decode(body), learned)
        _events(connection, filing)
        columns = "person, kind, id, version, updated, learned, place, content"
        for person, kind, id, version, updated, learned, place, content in _rows(
            connection, "document", columns, "seq"
        ):
            at = datetime.fromisoformat(updated) if updated else None
            filing.keep_document(person, Document(kind, id, version, content, place, at), learned, updated, BEFORE)
            filing.breathe()
        for person, digest, body in _rows(connection, "quarantine", "person, digest, body", "seq"):
            filing.chart(person).quarantine(quarantined_of(body), digest, BEFORE)
        for person, name, at, content in _rows(connection, "checkpoint", "person, name, at, content", "seq"):
            filing.chart(person).keep_checkpoint(name, bytes(content), at)
        filing.close()
        at = now()
        acts += [Done(at, "pollux", "", "migrate", who, detail) for who, detail in filing.acts.items()]
        for table in (t for t in _TABLES if inspect(connection).has_table(_ASIDE + t)):
            connection.execute(text(f"drop table {_ASIDE}{table}"))

    do(job)
    database.scrub(vacuum=True)


def _events(connection: Connection, filing: Filing) -> None:
    """Events person by person, the versions of each id in the order in which they were learned."""
    person, known = "", {}  # type: ignore[var-annotated]
    for owner, id, body in _rows(connection, "event", "person, id, body", "person, learned, seq"):
        if owner != person:
            person, known = owner, {}
            filing.breathe()
        event: Event = event_of(body)
        before = known.setdefault(id, [])
        filing.chart(owner).add(event, before, BEFORE)
        before.append(event)


def _rows(connection: Connection, table: str, columns: str, order: str) -> Iterator[tuple[Any, ...]]:
    if inspect(connection).has_table(_ASIDE + table):
        raw: sqlite3.Connection = connection.connection.driver_connection  # type: ignore[assignment]
        yield from raw.execute(f"select {columns} from {_ASIDE}{table} order by {order}")
