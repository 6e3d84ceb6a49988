"""Opening what a store consists of: data, keys, the accounts beside them; made where nothing is there yet, if allowed.

What is missing is told before anything is made. A store comes to be in this order: site key, keys, tables, the head of
its audit, and last the keys' memory that there is one. A process that ends in between leaves what the next goes on
with; later on, an empty database beside keys that remember one is a loss and no beginning.
"""

from contextlib import ExitStack, closing, suppress
from pathlib import Path

from pollux.errors import PolluxError
from pollux.store import audit, first
from pollux.store.database import CannotWrite, Database, InUse, in_use, shown
from pollux.store.files import Files
from pollux.store.keys import RESTORING, Keys, Life, life_in
from pollux.store.schema import FIRST, SET_ASIDE, look, look_at_server, prepare
from pollux.store.site_key import SiteKey, find

_PLAIN = (FIRST, SET_ASIDE)


def open_parts(
    where: str | Path, files: Files, site_key: SiteKey | None, make: bool = True, restoring: bool = False
) -> tuple[Database, Keys]:
    """Database and keys, ready to be used. Raises `PolluxError` when one of them is missing or they do not fit.

    New keys are made for a new store alone: for one that has data already they could open nothing. `make` allows a new
    store, `restoring` to go on where a backup was put just now.
    """
    with ExitStack() as opened:
        database = opened.enter_context(closing(Database(where))) if "://" in str(where) else None
        known = opened.enter_context(closing(Database(files.keys))) if _has_keys(files) else None
        life = None if known is None else life_in(known)
        if life is not None and life.state == RESTORING and not restoring:
            raise _half_restored(where)
        # The data are looked at after the keys: another process may be making both just now, in this order.
        state, head = _state(where, database, known, make), files.head.exists()
        if known is None and _has_keys(files):
            return open_parts(where, files, site_key, make, restoring)
        if life is None:
            _check_without_keys(where, files, state, head, make)
        else:
            _check(where, files, state, life, make)
        site = site_key or find(files.site_key, make=known is None)
        keys = Keys(known or opened.enter_context(closing(Database(files.keys))), site)
        database = database or opened.enter_context(closing(Database(where)))
        if state == FIRST:
            first.set_aside(database)
        prepare(database)
        if not keys.life:
            _begin(database, keys, files)
        opened.pop_all()
    return database, keys


def _has_keys(files: Files) -> bool:
    return "://" in str(files.keys) or Path(files.keys).exists()


def _state(where: str | Path, server: Database | None, keys: Database | None, make: bool) -> str:
    """What lies there, as `look` says it. A server's tables without keys and without a line of audit are nothing."""
    if server is not None:
        state = look_at_server(server)
        return state if keys is not None or not state or in_use(server) else ""
    path = Path(where)
    return look(path) if make or path.parent.is_dir() else ""


def _check_without_keys(where: str | Path, files: Files, state: str, head: bool, make: bool) -> None:
    """Without keys there is nothing, or a store in plain text; else the keys are missing."""
    if state in _PLAIN:
        return
    if state:
        raise _keys_missing(where, files)
    if not make:
        raise _no_store(where)
    if head:
        raise PolluxError(
            "database and keys of a store are gone, and the head of its audit is here", where=str(files.head),
            advice="Put them back; or move the head away, keep it, and restore a backup (pollux restore FOLDER) or "
            "begin anew (pollux init).",
        )  # fmt: skip


def _check(where: str | Path, files: Files, state: str, life: Life, make: bool) -> None:
    """Keys that are there fit what is there."""
    if state and state not in _PLAIN:
        if not life.whole:
            raise _keys_missing(where, files)
    elif life.served:
        beside = " and ".join(str(path) for path in (files.keys, files.head) if Path(path).exists())
        raise PolluxError(
            "the database of this store is gone: its keys are here, and nothing that they open", where=shown(where),
            advice=f"Put it back; or move {beside} away, keep what you move, and restore a backup (pollux restore "
            "FOLDER) or begin anew (pollux init).",
        )  # fmt: skip
    elif not state and not make:
        raise _no_store(where)


def _begin(database: Database, keys: Keys, files: Files) -> None:
    """The head of an audit without a line, then the memory that there is a store."""
    with database.reading() as connection:
        begun = audit.last_act(connection) is not None
    if not begun and not life_in(keys.database).served:
        audit.place_first_head(files.head, audit.first_head(keys.signing))
    with suppress(CannotWrite, InUse):  # a store of before, on a disk that is for reading: the next one remembers
        keys.begin()


def _keys_missing(where: str | Path, files: Files) -> PolluxError:
    advice = (
        "Name the right file in $POLLUX_KEYS, put it back, or restore a backup into an empty database."
        if "://" in str(where)
        else "Put back their file, or restore a backup; without them nothing can be opened."
    )
    return PolluxError("the keys of this store are missing", where=str(files.keys), advice=advice)


def _no_store(where: str | Path) -> PolluxError:
    return PolluxError(
        "there is no store here",
        where=shown(where),
        advice="Check the name; `pollux init` or `pollux import` makes one.",
    )


def _half_restored(where: str | Path) -> PolluxError:
    return PolluxError(
        "a backup was being restored here and that did not end, so nothing is read or written", where=shown(where),
        advice="If no other process is at it, run the same `pollux restore` again.",
    )  # fmt: skip
