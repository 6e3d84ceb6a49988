"""Opening what a store consists of: data, keys, the accounts beside them; made where nothing is there yet."""

from pathlib import Path

from pollux.errors import PolluxError
from pollux.store import audit, first
from pollux.store.database import Database, in_use
from pollux.store.files import Files
from pollux.store.keys import Keys
from pollux.store.schema import FIRST, look, prepare
from pollux.store.site_key import SiteKey, find


def open_parts(where: str | Path, files: Files, site_key: SiteKey | None) -> tuple[Database, Keys]:
    """Database and keys, ready to be used. Raises `PolluxError` when one of them is missing or they do not fit.

    New keys are made for a new store alone: for one that has data already they could open nothing.
    """
    embedded = "://" not in str(where)
    state = look(Path(where)) if embedded else ""
    new_keys = "://" not in str(files.keys) and not Path(files.keys).exists()
    if embedded and new_keys and state not in ("", FIRST):
        raise _missing(files, "Put back their file, or restore a backup; without them nothing can be opened.")
    database = Database(where)
    key_database = None
    try:
        if not embedded and new_keys and in_use(database):  # asked before a key is made: it has to answer first
            raise _missing(
                files, "Name the right file in $POLLUX_KEYS, put it back, or restore a backup into an empty database."
            )
        site = site_key or find(files.site_key, make=new_keys)
        key_database = Database(files.keys)
        keys = Keys(key_database, site)
        if state == FIRST:
            first.set_aside(database)
        prepare(database)
        if new_keys and not files.head.exists():
            audit.place_head(files.head, audit.first_head(keys.signing))
    except BaseException:
        database.close()
        if key_database is not None:
            key_database.close()
        raise
    return database, keys


def _missing(files: Files, advice: str) -> PolluxError:
    return PolluxError("the keys of this store are missing", where=str(files.keys), advice=advice)
