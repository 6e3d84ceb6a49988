"""Who has which key: a file (or database) of its own, apart from the data and backed up apart.

It alone knows which pseudonym is whose, and that only by a keyed hash of the person's id. A key is durable here before
the first row that uses it; a key that no row uses is harmless. Keys remember that a store was begun with them, so that
an empty database in its place is not taken for a new one.
"""

import hashlib
import os
from collections import OrderedDict
from collections.abc import Iterable
from contextlib import closing, suppress
from pathlib import Path
from threading import RLock
from typing import Any, NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    LargeBinary,
    MetaData,
    Select,
    String,
    Table,
    bindparam,
    delete,
    insert,
    inspect,
    select,
    update,
)
from sqlalchemy.dialects import sqlite
from sqlalchemy.schema import CreateTable

from pollux.errors import PolluxError
from pollux.store.database import Database
from pollux.store.seal import KEY_BYTES, Cipher
from pollux.store.site_key import SiteKey

METADATA = MetaData()
SECRET = Table(
    "secret", METADATA, Column("name", String(32), primary_key=True), Column("wrapped", LargeBinary, nullable=False)
)
PATIENT_KEY = Table(
    "patient_key",
    METADATA,
    Column("handle", LargeBinary(16), primary_key=True),
    Column("version", BigInteger, primary_key=True, autoincrement=False),
    Column("who", LargeBinary(16), nullable=False, index=True),
    Column("wrapped", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)
LIFE = Table(  # of the store, in one row
    "life",
    METADATA,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("state", String(32), nullable=False),
    Column("until", BigInteger, nullable=False),
)
BEGUN, RESTORING = "begun", "restoring"
_BY_HANDLE = select(PATIENT_KEY).where(PATIENT_KEY.c.handle == bindparam("this"))
_BY_WHO = select(PATIENT_KEY).where(PATIENT_KEY.c.who == bindparam("this"))
_AT_ONCE = 500  # handles in one question
_REMEMBERED = 50_000  # patients whose unwrapped keys are held at once


class Keyed:
    """A person's pseudonym and cipher."""

    def __init__(self, who: bytes, keys: dict[int, bytes]) -> None:
        self.who = who
        self.cipher = Cipher(keys)


class Keys:
    """Gives out keys, makes them, destroys them."""

    def __init__(self, database: Database, site: SiteKey) -> None:
        self._database = database
        self._site = site
        self._lock = RLock()
        self._known: OrderedDict[bytes, Keyed] = OrderedDict()  # by handle
        self._waiting: list[dict[str, bytes | int]] = []  # made, and not yet durable
        self._handles: dict[bytes, bytes] = {}  # of those, by pseudonym
        secrets = _secrets(database) or _made(database, site)
        self._life = life_in(database).state
        self._index = site.unwrap(secrets["index"], b"index")
        self.signing = Ed25519PrivateKey.from_private_bytes(site.unwrap(secrets["sign"], b"sign"))
        self.public = self.signing.public_key().public_bytes_raw()  # with which the audit's signatures are checked

    def mark(self, what: str, *parts: bytes | str, size: int = 16) -> bytes:
        """A keyed hash: it can be looked for, and tells nothing to whoever lacks the key."""
        made = hashlib.blake2b(key=self._index, digest_size=size, person=what.encode())
        for part in parts:
            content = part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part
            made.update(len(content).to_bytes(8, "big") + content)
        return made.digest()

    @property
    def life(self) -> str:
        """What these keys remember of their store: "" before it is whole, `BEGUN`, or `RESTORING` until that is done.

        Another process may have gone on meanwhile, but never back.
        """
        return self._life

    def begin(self) -> None:
        """Remember, from now on, that there is a store with these keys."""
        with self._lock, self._database.writing() as connection:
            METADATA.create_all(connection)
            connection.execute(delete(LIFE))
            connection.execute(insert(LIFE).values(number=1, state=BEGUN, until=0))
        self._life = BEGUN

    def find(self, person: str) -> Keyed | None:
        """The keys of a person; None when there are none."""
        handle = self.mark("person", person)
        with self._lock:
            known = self._known.get(handle)
            if known is None:
                with self._database.reading() as connection:
                    known = self._read(connection, _BY_HANDLE, handle)
                if known is not None:
                    self._remember(handle, known)
            return known

    def find_who(self, who: bytes) -> Keyed | None:
        """The keys that belong to a pseudonym."""
        with self._lock:
            if who in self._handles:
                return self._known[self._handles[who]]
        with self._database.reading() as connection:
            return self._read(connection, _BY_WHO, who)

    def make(self, person: str) -> Keyed:
        """The keys of a person, made if there are none; `settle` makes them durable."""
        with self._lock:
            known = self.find(person)
            if known is None:
                handle, key, who = self.mark("person", person), os.urandom(KEY_BYTES), os.urandom(16)
                known = Keyed(who, {1: key})
                self._waiting.append(self._row(handle, 1, who, key))
                self._handles[who] = handle
                self._remember(handle, known)
            return known

    def settle(self) -> None:
        """Make new keys durable: before any row that uses them is."""
        with self._lock:
            if not self._waiting:
                return
            rows, self._waiting, self._handles = self._waiting, [], {}
            try:
                with self._database.writing() as connection:
                    for start in range(0, len(rows), _AT_ONCE):
                        handles = [row["handle"] for row in rows[start : start + _AT_ONCE]]
                        taken = connection.execute(
                            select(PATIENT_KEY.c.handle).where(PATIENT_KEY.c.handle.in_(handles))
                        ).first()
                        if taken is not None:  # another process was faster; whoever waits has to ask again
                            raise PolluxError("somebody else took in the same person just now", advice="Try again.")
                    connection.execute(insert(PATIENT_KEY), rows)
            except BaseException:
                for row in rows:
                    self._known.pop(bytes(row["handle"]), None)
                raise

    def drop_waiting(self) -> None:
        """Forget keys that were made for what came to nothing."""
        with self._lock:
            for row in self._waiting:
                self._known.pop(bytes(row["handle"]), None)
            self._waiting, self._handles = [], {}

    def forget(self) -> None:
        """Read keys again: another process may have changed or destroyed some. Those not yet durable stay."""
        with self._lock:
            waiting = {bytes(row["handle"]) for row in self._waiting}
            for handle in self._known.keys() - waiting:
                del self._known[handle]

    def destroy(self, whos: Iterable[bytes]) -> int:
        """Delete the keys of pseudonyms for ever; how many there were."""
        with self._lock:
            self.forget()
            with self._database.writing() as connection:
                gone = [
                    connection.execute(delete(PATIENT_KEY).where(PATIENT_KEY.c.who == who)).rowcount for who in whos
                ]
            return sum(gone)

    def count(self, whos: Iterable[bytes]) -> int:
        """How many keys pseudonyms have, older versions included."""
        with self._database.reading() as connection:
            return len(connection.execute(select(PATIENT_KEY.c.who).where(PATIENT_KEY.c.who.in_(whos))).all())

    def renew(self, person: str) -> Keyed:
        """A new version of a person's key; the older ones still open what they sealed.

        Only inside a transaction of the data that writes: so two never make the same version.
        """
        with self._lock:
            self.forget()
            old = self.find(person)
            if old is None:
                raise PolluxError("this person has no key")
            handle, version = self.mark("person", person), old.cipher.version + 1
            with self._database.writing() as connection:
                connection.execute(insert(PATIENT_KEY), [self._row(handle, version, old.who, os.urandom(KEY_BYTES))])
            self.forget()
            found = self.find(person)
            assert found is not None
            return found

    def drop_older(self, keyed: Keyed) -> None:
        """Destroy the versions of a key that came before this one, once nothing is sealed with them.

        Newer ones stay: somebody else may be sealing with them.
        """
        with self._lock:
            older = (PATIENT_KEY.c.who == keyed.who) & (PATIENT_KEY.c.version < keyed.cipher.version)
            with self._database.writing() as connection:
                connection.execute(delete(PATIENT_KEY).where(older))
            self.forget()

    def rewrap(self, site: SiteKey) -> int:
        """Wrap every key with the newest site key; how many were."""
        with self._lock, self._database.writing() as connection:
            changed = 0
            for name, wrapped in connection.execute(select(SECRET.c.name, SECRET.c.wrapped)).all():
                if not site.newest(wrapped):
                    new = site.wrap(site.unwrap(wrapped, name.encode()), name.encode())
                    connection.execute(update(SECRET).where(SECRET.c.name == name).values(wrapped=new))
                    changed += 1
            for handle, version, who, wrapped in connection.execute(select(PATIENT_KEY)).all():
                if not site.newest(wrapped):
                    context = _context(who, version)
                    this = (PATIENT_KEY.c.handle == handle) & (PATIENT_KEY.c.version == version)
                    new = site.wrap(site.unwrap(wrapped, context), context)
                    connection.execute(update(PATIENT_KEY).where(this).values(wrapped=new))
                    changed += 1
            self._site = site
            return changed

    def pseudonyms(self) -> set[bytes]:
        """All pseudonyms that have a key."""
        with self._database.reading() as connection:
            return set(connection.execute(select(PATIENT_KEY.c.who)).scalars())

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()

    @property
    def database(self) -> Database:
        """Where the keys lie."""
        return self._database

    def check(self) -> list[str]:
        """What is wrong with the keys: each is unwrapped."""
        found = []
        with self._database.reading() as connection:
            for handle, version, who, wrapped in connection.execute(select(PATIENT_KEY)):
                try:
                    self._site.unwrap(wrapped, _context(who, version))
                except PolluxError as error:
                    found.append(f"the key of patient {who.hex()[:8]} ({handle.hex()[:8]}): {error.what}")
        return found

    def _read(self, connection: Connection, by: Select[Any], value: bytes) -> Keyed | None:
        rows = connection.execute(by, {"this": value}).all()
        if not rows:
            return None
        who = rows[0][2]
        return Keyed(
            who, {version: self._site.unwrap(wrapped, _context(who, version)) for _, version, _, wrapped in rows}
        )

    def _row(self, handle: bytes, version: int, who: bytes, key: bytes) -> dict[str, bytes | int]:
        wrapped = self._site.wrap(key, _context(who, version))
        return {"handle": handle, "version": version, "who": who, "wrapped": wrapped}

    def _remember(self, handle: bytes, keyed: Keyed) -> None:
        self._known[handle] = keyed
        if len(self._known) > _REMEMBERED + len(self._waiting):
            self._known.popitem(last=False)


class Life(NamedTuple):
    """What keys tell of their store: what they wrote down (`BEGUN`, `RESTORING`, or nothing yet), whether one was begun
    with them, and whether they are keys at all: a file can be there and hold none yet.
    """

    state: str
    served: bool
    whole: bool


def life_in(database: Database) -> Life:
    """What keys tell. Those of before wrote nothing down; somebody's key among them tells it."""
    with database.reading() as connection:
        tables = set(inspect(connection).get_table_names())
        there = {
            table: table.name in tables and connection.execute(select(table).limit(1)).first() is not None
            for table in (PATIENT_KEY, SECRET)
        }
        state = connection.execute(select(LIFE.c.state)).scalar() if LIFE.name in tables else ""
    return Life(state or "", bool(state) or there[PATIENT_KEY], there[SECRET])


# The same table in a copy of the keys, empty.
LIFE_STATEMENTS = (str(CreateTable(LIFE, if_not_exists=True).compile(dialect=sqlite.dialect())), "delete from life")


def life_of(path: Path) -> tuple[str, int]:
    """What the keys at a path have written down of their store's life, and up to which act a backup had it."""
    if not path.is_file() or path.stat().st_size == 0:
        return "", 0
    with suppress(PolluxError), closing(Database(path)) as database, database.reading() as connection:
        if inspect(connection).has_table(LIFE.name):
            row = connection.execute(select(LIFE.c.state, LIFE.c.until)).first()
            return ("", 0) if row is None else (row.state, row.until)
    return "", 0


def _secrets(database: Database) -> dict[str, bytes]:
    with database.reading() as connection:
        if not inspect(connection).has_table(SECRET.name):
            return {}
        return dict(connection.execute(select(SECRET.c.name, SECRET.c.wrapped)).all())


def _made(database: Database, site: SiteKey) -> dict[str, bytes]:
    """The secrets of new keys, unless another process was faster."""
    with database.writing() as connection:
        METADATA.create_all(connection)
        secrets = dict(connection.execute(select(SECRET.c.name, SECRET.c.wrapped)).all())
        if not secrets:
            secrets = {name: site.wrap(os.urandom(KEY_BYTES), name.encode()) for name in ("index", "sign")}
            connection.execute(insert(SECRET), [{"name": n, "wrapped": w} for n, w in secrets.items()])
    return secrets


def _context(who: bytes, version: int) -> bytes:
    return b"patient key" + who + version.to_bytes(8, "big")
