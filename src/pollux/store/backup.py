"""Copies of a running store, and back. Data and keys go to different folders, because whoever has both has everything.

Keys are copied before the data and after them, and put together: before the first row that uses it a key is durable,
and a key that is replaced meanwhile is in the first copy. Keys of the erased stay out. A backup of a server's database
is the same SQLite file as that of an embedded one, and either can be restored into either. Files get their names when
all are written: of a try that failed nothing is left. Restored keys say that they are being restored, from before they
have their name until the store was opened with them: so nobody reads half of it, and a try that was killed is known and
begun again.
"""

import hashlib
import os
import shutil
import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

import msgspec
from sqlalchemy import Connection, NullPool, create_engine, delete, func, insert, select

from pollux.errors import PolluxError
from pollux.output import make_folder
from pollux.store import durable
from pollux.store.database import Database, in_use, said
from pollux.store.erasure import REPLAYING, read_ledger
from pollux.store.keys import LIFE_STATEMENTS, PATIENT_KEY, RESTORING, Keys, life_of
from pollux.store.schema import look, prepare
from pollux.store.site_key import SiteKey
from pollux.store.tables import AUDIT, COUNTER, METADATA, VERSION

DATA, KEYS, ERASED, NOTE = "data.db", "keys.db", "erased", "backup.json"
_ROWS = 500
_BESIDE = ("-wal", "-shm", "-journal")  # what SQLite keeps beside a file and takes for part of it
_TRIES = 5


class Note(msgspec.Struct, frozen=True):
    """What stands beside a backup."""

    at: datetime
    schema: str
    last_act: int
    sha256: dict[str, str]


def backup(database: Database, keys: Keys, erased: Path, folder: Path, keys_folder: Path, at: datetime) -> Note:
    """Copy a store while it is used. Raises `PolluxError` if a folder holds a backup already, or one is on its way."""
    for one in (folder, keys_folder):
        make_folder(one)
    data, apart = folder.resolve(), keys_folder.resolve()
    if data in (apart, *apart.parents) or apart in data.parents:
        raise PolluxError(
            "the keys would lie with the data", where=str(keys_folder),
            advice="Name a folder for the keys that is not copied with the data.",
        )  # fmt: skip
    try:
        with durable.folder_held(folder), durable.folder_held(keys_folder):
            return _backup(database, keys, erased, folder, keys_folder, at)
    except BlockingIOError as error:
        raise PolluxError("another backup is being written here", where=str(folder), advice="Wait for it.") from error


def _backup(database: Database, keys: Keys, erased: Path, folder: Path, keys_folder: Path, at: datetime) -> Note:
    _clear_interrupted(folder, keys_folder)
    for one, name in ((folder, DATA), (folder, NOTE), (folder, ERASED), (keys_folder, KEYS)):
        if os.path.lexists(one / name):
            raise PolluxError("there is a backup already", where=str(one / name), advice="Name an empty folder.")
    with _all_or_none(folder / DATA, keys_folder / KEYS, folder / ERASED, folder / NOTE) as new:
        data, key_file, ledger, note_file = new
        before = _copy_both(database, keys, data, key_file)
        hashes = {}
        if erased.exists():  # read after the keys: whose key was not there any more is named
            _write(ledger, durable.whole_lines(erased.read_bytes()))
            hashes[ERASED] = _digest(ledger)
        else:
            ledger.unlink()
        _add_keys(key_file, before, set(read_ledger(ledger, keys.public).erased))
        with closing(sqlite3.connect(data)) as copy:
            last = copy.execute("select coalesce(max(seq), 0) from audit").fetchone()[0]
        note = Note(at, VERSION, last, {DATA: _digest(data), KEYS: _digest(key_file), **hashes})
        _write(note_file, msgspec.json.format(msgspec.json.encode(note)))
    return note


def check(folder: Path, keys_folder: Path) -> Note:
    """The note of a backup, after its files were compared with it."""
    try:
        note = msgspec.json.decode((folder / NOTE).read_bytes(), type=Note)
    except (OSError, msgspec.MsgspecError) as error:
        raise PolluxError("there is no backup here", where=str(folder), advice="Name a backup's folder.") from error
    for name in {DATA, KEYS, *note.sha256}:
        path = (keys_folder if name == KEYS else folder) / name
        if not path.exists() or _digest(path) != note.sha256.get(name):
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

    The caller opens the store afterwards, which erases again whom the ledger names, and only then is it one. What a
    restoring left that was killed is taken away first.
    """
    note = check(folder, keys_folder)
    embedded = "://" not in str(where)
    if keys.exists() and _digest(keys) == note.sha256[KEYS] and not _is_begun(where):
        _remove(keys)  # left by a version of before, which was killed in between
    state, until = life_of(keys)
    if state == RESTORING:
        _refuse_what_came_since(where, until)
        take_away(where, keys)
    _refuse_what_is_there(keys, "there are keys already")
    if embedded:
        _refuse_what_is_there(Path(where), "there is a store already")
    for target in (keys, Path(where)) if embedded else (keys,):
        make_folder(target.parent)
    if (folder / ERASED).exists():
        _add_to_ledger(folder / ERASED, erased)
    with _all_or_none(keys, *([Path(where)] if embedded else [])) as new:
        _copy(keys_folder / KEYS, new[0])
        _mark_restoring(new[0], note.last_act)
        if embedded:
            _copy(folder / DATA, new[1])
    if not embedded:
        try:
            _copy_in(folder / DATA, where)
        except BaseException:
            _remove(keys)
            raise
    return note


def take_away(where: str | Path, keys: Path) -> None:
    """Undo a `restore` after which the store could not be opened, so that it can be tried again.

    The keys go last: they say that what is there is half of it.
    """
    if "://" not in str(where):
        _remove(Path(where))
    else:
        with closing(Database(where)) as server:
            if "audit" in server.tables():
                with server.writing() as connection:
                    for table in (t for t in reversed(METADATA.sorted_tables) if t is not COUNTER):
                        connection.execute(delete(table))
    _remove(keys)


@contextmanager
def one_restoring(keys: Path) -> Iterator[None]:
    """While nobody else restores into the folder of some keys: what is half there is of one that was killed."""
    make_folder(keys.parent)
    with ExitStack() as held:
        try:
            held.enter_context(durable.folder_held(keys.parent))
        except BlockingIOError as error:
            raise PolluxError(
                "something else is being made or restored here", where=str(keys.parent), advice="Wait for it."
            ) from error
        yield


_Versions = list[tuple[bytes, int, bytes, bytes]]


def _copy_both(database: Database, keys: Keys, data: Path, key_file: Path) -> _Versions:
    """Copy data and keys; the keys as they were before the data."""
    for _ in range(_TRIES):
        with keys.database.reading() as connection:
            before = [tuple(row) for row in connection.execute(select(PATIENT_KEY)).all()]
        for path in (data, key_file):
            _blank(path)
        _copy_out(database, data)
        _copy_file(keys.database, key_file)
        with closing(sqlite3.connect(key_file)) as copy:
            after = copy.execute("select handle, version, who, wrapped from patient_key").fetchall()
        newest = defaultdict(int, {(handle, who): version for handle, version, who, _ in sorted(before)})
        if all(version - newest[handle, who] <= 1 for handle, version, who, _ in after):
            return before  # else a version may have come and gone while the data were copied
    raise PolluxError("keys are replaced faster than they can be copied", advice="Try again when nobody rotates keys.")


def _add_keys(key_file: Path, rows: _Versions, erased: set[bytes]) -> None:
    with closing(sqlite3.connect(key_file)) as copy, copy:
        copy.executemany(
            "insert or ignore into patient_key (handle, version, who, wrapped) values (?, ?, ?, ?)",
            [row for row in rows if row[2] not in erased],
        )


def _add_to_ledger(lines: Path, erased: Path) -> None:
    """Add lines that a ledger lacks; what a crash left of its last one is cut off."""
    try:
        known = durable.whole_lines(erased.read_bytes()) if erased.exists() else b""
        there = set(known.splitlines())
        new = [line for line in durable.whole_lines(lines.read_bytes()).splitlines() if line not in there]
        durable.replace(erased, known + b"".join(line + b"\n" for line in new))
    except OSError as error:
        raise PolluxError(
            "the ledger of erasures cannot be written, so nothing was restored", where=str(erased),
            advice=error.strerror or "",
        ) from error  # fmt: skip


def _mark_restoring(keys: Path, until: int) -> None:
    with closing(sqlite3.connect(keys)) as copy, copy:
        for statement in LIFE_STATEMENTS:
            copy.execute(statement)
        copy.execute("insert into life (number, state, until) values (1, ?, ?)", (RESTORING, until))


def _refuse_what_came_since(where: str | Path, until: int) -> None:
    """Raise `PolluxError` where a half-restored store was replaced by one in which somebody did something."""
    if "://" not in str(where) and (not Path(where).exists() or not look(Path(where))):
        return
    of_restoring = AUDIT.c.action.in_(("restore", "waiting")) | (AUDIT.c.purpose == REPLAYING)
    others = ~(of_restoring | AUDIT.c.detail.contains('"late"')) & (AUDIT.c.seq > until)
    with closing(Database(where)) as database:
        if "audit" not in database.tables():
            return
        with database.reading() as connection:
            since = connection.execute(select(AUDIT.c.seq).where(others).limit(1)).first()
    if since is not None:
        raise PolluxError(
            "there is a store already", where=database.where, advice="Move it away first; nothing is overwritten."
        )


def _refuse_what_is_there(path: Path, what: str) -> None:
    if os.path.lexists(path):
        raise PolluxError(what, where=str(path), advice="Move it away first; nothing is overwritten.")
    left = [str(path) + end for end in _BESIDE if os.path.lexists(str(path) + end)]
    if left:
        raise PolluxError(
            "another store has left something here that would be mixed into the restored one", where=", ".join(left),
            advice="Move it away, to the store that it belongs to: it may hold what was written last.",
        )  # fmt: skip


@contextmanager
def _all_or_none(*targets: Path) -> Iterator[list[Path]]:
    """Files under other names, for their owner alone; they get their own when all are written and durable."""
    new = [target.with_name(target.name + ".new") for target in targets]
    placed: list[Path] = []
    for path in new:
        _refuse_links(path)
    try:
        for path in new:
            _blank(path)
        yield new
        for path in new:
            if path.exists():
                _flush(path)
        for path, target in zip(new, targets, strict=True):
            if path.exists():
                os.replace(path, target)
                placed.append(target)
                durable.settle_name(target)
    except BaseException as error:
        for path in (*new, *reversed(placed)):
            _remove(path)
        if isinstance(error, OSError):
            raise PolluxError(
                "the copy cannot be written", where=str(targets[-1]), advice=error.strerror or ""
            ) from error
        if isinstance(error, sqlite3.Error):
            raise said(error, str(targets[-1])) from error
        raise


def _is_begun(where: str | Path) -> bool:
    """Whether a store is there."""
    if "://" not in str(where):
        return Path(where).exists()
    with closing(Database(where)) as server:
        return in_use(server)


def _clear_interrupted(folder: Path, keys_folder: Path) -> None:
    """Remove what a backup left that was killed while it gave files their names: the note gets its own last."""
    if (folder / NOTE).exists():
        return
    try:
        with _opened(folder / f"{NOTE}.new", os.O_RDONLY) as file:
            note = msgspec.json.decode(file.read(), type=Note)
    except (OSError, msgspec.MsgspecError):
        return
    for path in (folder / DATA, keys_folder / KEYS, folder / ERASED):
        if path.exists() and _digest(path) == note.sha256.get(path.name):
            _remove(path)


def _refuse_links(path: Path) -> None:
    """A link under a name that only a copy on its way has was put there to lead us elsewhere."""
    for end in ("", *_BESIDE):
        if os.path.islink(f"{path}{end}"):
            raise PolluxError(
                "there is a link, and nothing is written through one", where=f"{path}{end}",
                advice="Find out who put it there, and take it away.",
            )  # fmt: skip


def _blank(path: Path) -> None:
    """An empty file; nothing of an earlier one is left beside it."""
    _remove(path)
    _opened(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL).close()
    durable.reached(f"{path.name} begun")


def _opened(path: Path, how: int) -> BinaryIO:
    """A file under its name of now, never one to which a link leads."""
    file = os.open(path, how | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    return os.fdopen(file, "rb" if how == os.O_RDONLY else "wb")


def _write(path: Path, content: bytes) -> None:
    with _opened(path, os.O_WRONLY | os.O_TRUNC) as file:
        file.write(content)


def _copy(source: Path, path: Path) -> None:
    with source.open("rb") as content, _opened(path, os.O_WRONLY | os.O_TRUNC) as file:
        shutil.copyfileobj(content, file)
    durable.reached(f"{path.name} copied")


def _remove(path: Path) -> None:
    for end in ("", *_BESIDE):
        Path(str(path) + end).unlink(missing_ok=True)
    durable.reached(f"{path.name} gone")


def _flush(path: Path) -> None:
    with _opened(path, os.O_WRONLY) as file:
        os.fsync(file.fileno())
    durable.reached(f"{path.name} whole")


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
    with closing(sqlite3.connect(path)) as one:
        one.execute("pragma journal_mode = delete")


def _copy_in(path: Path, where: str | Path) -> None:
    """Read from a backup without changing it, were it only by opening it."""
    uri = f"{path.absolute().as_uri()}?immutable=1"
    copy = create_engine("sqlite://", creator=lambda: sqlite3.connect(uri, uri=True), poolclass=NullPool)
    with closing(Database(where)) as server:
        prepare(server)
        with copy.connect() as source, server.writing() as target:
            if target.execute(select(func.count()).select_from(AUDIT)).scalar():
                raise PolluxError("the database holds a store already", where=server.where, advice="Make an empty one.")
            _rows(source, target)


def _rows(source: Connection, target: Connection) -> None:
    target.execute(delete(COUNTER))  # a new store has begun to count
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


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
