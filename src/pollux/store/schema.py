"""The tables of the embedded store. Rows are only ever added."""

import sqlite3
from pathlib import Path

from pollux.errors import PolluxError

VERSION = 1
PATIENCE = 10.0  # seconds to wait for another writer
APPLICATION = 0x504C5558  # "PLUX", so that another program's database is not taken for a store

TABLES = """
create table person (
    seq integer primary key, person text not null, learned text not null, body blob not null);
create index person_by_id on person (person, learned);
create table event (
    seq integer primary key, person text not null, id text not null, document text not null, content text not null,
    learned text not null, retracted integer not null, body blob not null);
create index event_of_person on event (person, id, learned);
create index event_of_document on event (document) where document != '';
create table quarantine (
    seq integer primary key, person text not null, digest text not null, learned text not null, body blob not null,
    unique (person, digest));
create table document (
    seq integer primary key, person text not null, kind text not null, id text not null, version text not null,
    updated text not null, learned text not null, place text not null, digest blob not null, content blob not null,
    unique (kind, id, digest));
create index document_of_person on document (person);
create table checkpoint (
    seq integer primary key, person text not null, name text not null, at text not null, content blob not null);
create index checkpoint_of_person on checkpoint (person, name);
"""

_ADVICE = {
    "locked": "Another process writes to it; wait until that has finished.",
    "readonly": "Give write access to the file and its folder.",
    "full": "Free some space on the disk.",
    "unable to open": "Check the path and the rights of its folder.",
}


def said(error: Exception, path: Path) -> PolluxError:
    """What SQLite complains of, as advice."""
    text = str(error)
    if "not a database" in text or "malformed" in text or "corrupt" in text:
        return PolluxError(
            "the store is damaged or is no Pollux store",
            where=str(path),
            advice="Put it aside, restore a copy, or import the files again.",
        )
    for sign, advice in _ADVICE.items():
        if sign in text or sign in text.replace("-", ""):
            what = {"locked": "the store is in use", "readonly": "the store cannot be written to",
                    "full": "the disk is full", "unable to open": "the store cannot be opened"}[sign]  # fmt: skip
            return PolluxError(what, where=str(path), advice=advice)
    return PolluxError(f"the store failed ({text})", where=str(path))


def connect(path: Path) -> sqlite3.Connection:
    """Open the database and make the tables where there are none.

    Raises `PolluxError` for a file that is no store, a damaged one, and one made by a newer Pollux.
    """
    try:
        connection = sqlite3.connect(path, timeout=PATIENCE, isolation_level=None)
    except sqlite3.Error as error:
        raise said(error, path) from error
    try:
        application = connection.execute("pragma application_id").fetchone()[0]
        tables = connection.execute("select count(*) from sqlite_master").fetchone()[0]
        if application != APPLICATION and tables:
            raise PolluxError(
                "this is a database of another program", where=str(path), advice="Choose another path for the store."
            )
        if tables:
            _check_version(connection, path)
        connection.execute("pragma journal_mode = wal")
        connection.execute("pragma synchronous = full")
        connection.execute("pragma foreign_keys = on")
        if not tables:
            _create(connection)
            _check_version(connection, path)
    except sqlite3.Error as error:
        connection.close()
        raise said(error, path) from error
    except PolluxError:
        connection.close()
        raise
    return connection


def _check_version(connection: sqlite3.Connection, path: Path) -> None:
    found = connection.execute("select version from schema").fetchone()
    version = found[0] if found else 0
    if version != VERSION:
        age = "newer" if version > VERSION else "older"
        raise PolluxError(
            f"the store was made by {age} software (schema {version}, this is {VERSION})",
            where=str(path),
            advice="Use the version of Pollux that made it, or import the files into a new store.",
        )


def _create(connection: sqlite3.Connection) -> None:
    connection.execute("begin immediate")
    try:
        if connection.execute("select count(*) from sqlite_master").fetchone()[0] == 0:
            connection.execute("create table schema (version integer not null)")
            connection.execute("insert into schema values (?)", (VERSION,))
            for statement in TABLES.split(";\n"):
                if statement.strip():
                    connection.execute(statement)
            connection.execute(f"pragma application_id = {APPLICATION}")
        connection.execute("commit")
    except BaseException:
        connection.execute("rollback")
        raise
