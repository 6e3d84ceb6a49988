"""Copies of a running store, and back. Data and keys go to different folders, because whoever has both has everything.

The data are copied first and the keys after them: a key is durable before the first row that uses it, so the keys are
at least as new. A backup of a server's database is the same SQLite file as that of an embedded one, and either can be
restored into either.
"""

import hashlib
import shutil
import sqlite3
from datetime import datetime
from pathlib import Path

import msgspec
from sqlalchemy import Connection, func, insert, select

from pollux.errors import PolluxError
from pollux.store.database import Database, said
from pollux.store.keys import Keys
from pollux.store.schema import prepare
from pollux.store.site_key import SiteKey
from pollux.store.tables import AUDIT, METADATA, VERSION

DATA, KEYS, ERASED, NOTE = "data.db", "keys.db", "erased", "backup.json"
_ROWS = 500


class Note(msgspec.Struct, frozen=True):
    """What stands beside a backup."""

    at: datetime
    schema: str
    last_act: int
    sha256: dict[str, str]


def backup(database: Database, keys: Keys, erased: Path, folder: Path, keys_folder: Path, at: datetime) -> Note:
    """Copy a store while it is used. Raises `PolluxError` if a folder holds a backup already."""
    for one, name in ((folder, DATA), (keys_folder, KEYS)):
        if (one / name).exists():
            raise PolluxError("there is a backup already", where=str(one / name), advice="Name an empty folder.")
        _make(one)
    try:
        _copy_out(database, folder / DATA)
        if erased.exists():
            shutil.copyfile(erased, folder / ERASED)
        _copy_file(keys.database, keys_folder / KEYS)
        (keys_folder / KEYS).chmod(0o600)
    except OSError as error:
        raise PolluxError("the backup cannot be written", where=str(folder), advice=error.strerror or "") from error
    with sqlite3.connect(folder / DATA) as copy:
        last = copy.execute("select coalesce(max(seq), 0) from audit").fetchone()[0]
    copy.close()
    hashes = {DATA: _digest(folder / DATA), KEYS: _digest(keys_folder / KEYS)}
    note = Note(at, VERSION, last, hashes)
    (folder / NOTE).write_bytes(msgspec.json.format(msgspec.json.encode(note)))
    return note


def check(folder: Path, keys_folder: Path) -> Note:
    """The note of a backup, after its files were compared with it."""
    try:
        note = msgspec.json.decode((folder / NOTE).read_bytes(), type=Note)
    except (OSError, msgspec.MsgspecError) as error:
        raise PolluxError("there is no backup here", where=str(folder), advice="Name a backup's folder.") from error
    for path, name in ((folder / DATA, DATA), (keys_folder / KEYS, KEYS)):
        if not path.exists() or _digest(path) != note.sha256[name]:
            raise PolluxError(
                "the backup is damaged or incomplete",
                where=str(path),
                advice="Take another one, or the right folder for the keys.",
            )
    return note


def check_site_key(keys_folder: Path, site: SiteKey) -> None:
    """Raise `PolluxError` unless the site key opens the keys of a backup."""
    try:
        copy = sqlite3.connect(f"{(keys_folder / KEYS).absolute().as_uri()}?mode=ro", uri=True)
        wrapped = copy.execute("select wrapped from secret where name = 'index'").fetchone()[0]
        copy.close()
    except (sqlite3.Error, TypeError) as error:
        raise PolluxError("the keys of the backup cannot be read", where=str(keys_folder)) from error
    site.unwrap(wrapped, b"index")


def restore(folder: Path, keys_folder: Path, where: str | Path, keys: Path, erased: Path) -> Note:
    """Put a backup where there is no store. The ledger of erasures that is there already stays, and is added to.

    The caller opens the store afterwards, which erases again whom the ledger names.
    """
    note = check(folder, keys_folder)
    if keys.exists():
        raise PolluxError("there are keys already", where=str(keys), advice="Move them away; nothing is overwritten.")
    if "://" not in str(where):
        if Path(where).exists():
            raise PolluxError("there is a store already", where=str(where), advice="Move it away first.")
        _place(folder / DATA, Path(where))
    else:
        _copy_in(folder / DATA, where)
    _place(keys_folder / KEYS, keys)
    keys.chmod(0o600)
    if (folder / ERASED).exists():
        known = erased.read_bytes() if erased.exists() else b""
        lines = [line for line in (folder / ERASED).read_bytes().splitlines(keepends=True) if line not in known]
        erased.write_bytes(known + b"".join(lines))
    return note


def _copy_out(database: Database, path: Path) -> None:
    if database.embedded:
        _copy_file(database, path)
        return
    copy = Database(path)
    try:
        prepare(copy)
        with database.reading() as source, copy.writing() as target:
            _rows(source, target)
    finally:
        copy.close()


def _copy_in(path: Path, where: str | Path) -> None:
    server, copy = Database(where), Database(path)
    try:
        prepare(server)
        with copy.reading() as source, server.writing() as target:
            if target.execute(select(func.count()).select_from(AUDIT)).scalar():
                raise PolluxError("the database holds a store already", where=server.where, advice="Make an empty one.")
            _rows(source, target)
    finally:
        server.close()
        copy.close()


def _rows(source: Connection, target: Connection) -> None:
    for table in METADATA.sorted_tables:
        for some in source.execute(select(table).execution_options(yield_per=_ROWS)).partitions(_ROWS):
            target.execute(insert(table), [dict(row._mapping) for row in some])


def _copy_file(database: Database, path: Path) -> None:
    assert database.path is not None
    try:
        source, target = sqlite3.connect(database.path), sqlite3.connect(path)
        with target:
            source.backup(target)
        target.execute("pragma journal_mode = delete")
        source.close()
        target.close()
    except sqlite3.Error as error:
        raise said(error, str(path)) from error


def _place(source: Path, target: Path) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
    except OSError as error:
        raise PolluxError("the backup cannot be put there", where=str(target), advice=error.strerror or "") from error


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PolluxError("the folder cannot be made", where=str(folder), advice=error.strerror or "") from error


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
