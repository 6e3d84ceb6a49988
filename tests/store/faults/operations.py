"""What is killed at each of its durable writes: how it begins, what it does, and what has to hold afterwards.

`make` prepares a folder once; `act` is what is killed, in a copy of it; `after` looks at what the kill left, tries
again, and looks again. It fails by an assertion.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import msgspec

from pollux.cli import keeping
from pollux.errors import PolluxError, UnknownName
from pollux.record import Entry
from pollux.record.entry import Document
from pollux.store import Again, Store, Taking, durable, waiting
from pollux.store.audit import Done
from pollux.store.files import Files
from pollux.store.site_key import read_keys
from tests.store.faults.batches import handed_out, serious
from tests.store.first_store import EVENTS, SECRET, make_first_store
from tests.store.made import NOW, document, of, weight

BACK = ("p1", "p2")  # who is there before each


@dataclass(frozen=True)
class At:
    """Where an operation works. On a server `server` is its URL, and a restored store has an empty database there."""

    folder: Path
    server: str = ""

    @property
    def store(self) -> Path:
        return self.folder / "store.db"

    @property
    def new(self) -> str | Path:
        """Where a backup is restored."""
        return self.server or self.folder / "new" / "store.db"

    @property
    def new_keys(self) -> Path | None:
        return self.folder / "new" / "store.db.keys" if self.server else None

    @property
    def new_files(self) -> Files:
        return Files.beside(self.new, self.new_keys)

    @property
    def copies(self) -> tuple[Path, Path]:
        return self.folder / "copy" / "data", self.folder / "copy" / "keys"


class Operation(NamedTuple):
    """One of them."""

    make: Callable[[At], None]
    act: Callable[[At], object]
    after: Callable[[At], None]


def whole(at: At) -> Store:
    """The store, opened as a reader opens it, after its doctor found nothing."""
    store = Store.open(at.store, make=False)
    assert serious(store) == []
    return store


@contextmanager
def as_before(at: At, *also: object) -> Iterator[Store]:
    """The store, in which everybody is as they were before, or as they may be `also`."""
    with whole(at) as store:
        assert handed_out(store) in (known(at), *also)
        yield store
        assert serious(store) == []
        assert store.verify()[0] == []


def know(at: At, store: Store, name: str = "known") -> None:
    """Keep what a store hands out, to be compared."""
    (at.folder / name).write_bytes(msgspec.json.encode(handed_out(store)))


def known(at: At, name: str = "known") -> dict[str, str]:
    return msgspec.json.decode((at.folder / name).read_bytes(), type=dict[str, str])


def two_people(at: At) -> None:
    """A store of two people, with an access that waits for its place in the audit."""
    with Store.open(at.store) as store:
        store.take([*of("p1"), *of("p2")], NOW, taking=Taking("first.csv"))
        store.save_checkpoint("p1", "twin", b"a twin", NOW)
        know(at, store)
        act = waiting.late(Done(NOW, "reader", "", "read", store._keys.find("p1").who))  # type: ignore[union-attr]
        waiting.add(Files.beside(at.store).waiting, [act], store._keys.signing)


def waited(store: Store) -> int:
    return sum("late" in act.detail for act in store.acts())


# Making, taking


def begin(at: At) -> None:
    Store.open(at.store).close()


def after_begin(at: At) -> None:
    try:
        Store.open(at.store, make=False).close()
    except PolluxError as error:
        assert error.what == "there is no store here", error  # noqa: PT017
    with Store.open(at.store) as store:
        assert serious(store) == []
        store.take(of("p1"), NOW)
    with whole(at) as store:
        assert len(store.record("p1").current) == 21


def make_import(at: At) -> None:
    two_people(at)
    scratch = At(at.folder / "scratch")
    scratch.folder.mkdir()
    with Store.open(scratch.store) as store:
        store.take([*of("p1"), *of("p2")], NOW, taking=Taking("first.csv"))
        take(scratch)
        know(at, store, "taken")


def take(at: At) -> None:
    with Store.open(at.store) as store:
        store.take([*of("p3"), weight("p1", 99.0)], NOW, taking=Taking("next.csv"))


def after_import(at: At) -> None:
    with as_before(at, known(at, "taken")):
        pass
    take(at)
    with whole(at) as store:
        assert handed_out(store) == known(at, "taken")
        assert waited(store) == 1


# Keys


def rotate(at: At) -> None:
    with Store.open(at.store) as store:
        store.rotate("p1")


def after_rotate(at: At) -> None:
    with as_before(at) as store:
        store.rotate("p1")
        assert handed_out(store) == known(at)
        assert waited(store) == 1
    assert one(at.folder / "store.db.keys", "select count(*) from patient_key") == 2


def site_key(at: At) -> None:
    """Rotate the site key, then retire the old one."""
    keeping._agreed = lambda *_: True
    keeping.keys("rotate", store=str(at.store))
    keeping.keys("retire", store=str(at.store))


def after_site_key(at: At) -> None:
    with as_before(at):
        pass
    site_key(at)
    with as_before(at):
        pass
    assert len(read_keys(Path(f"{at.store}.site-key"))) == 1


# Backup


def make_backup(at: At) -> None:
    with Store.open(at.store) as store:
        store.take(of("p9"), NOW)
        store.erase("p9")
    two_people(at)


def back_up(at: At) -> None:
    with Store.open(at.store) as store:
        store.backup(*at.copies)


def after_backup(at: At) -> None:
    with as_before(at):
        pass
    try:
        back_up(at)
    except PolluxError as error:
        assert error.what == "there is a backup already", error  # noqa: PT017
    data, keys = (sorted(path.name for path in folder.iterdir()) for folder in at.copies)
    assert (data, keys) == (["backup.json", "data.db", "erased"], ["keys.db"])
    give_site_key(at)
    with Store.restore(*at.copies, at.new) as store:
        assert handed_out(store) == known(at)
        assert serious(store) == []


def give_site_key(at: At) -> None:
    (at.folder / "new").mkdir(exist_ok=True)
    at.new_files.site_key.write_bytes(Path(f"{at.store}.site-key").read_bytes())


def make_restore(at: At) -> None:
    """A backup of somebody who was erased since, as the ledger there says; an access waits there as well."""
    two_people(at)
    give_site_key(at)
    with Store.open(at.store) as store:
        store.backup(*at.copies)
        store.erase("p2")
        know(at, store)
    for name in ("erased", "waiting"):
        if (beside := Path(f"{at.store}.{name}")).exists():
            getattr(at.new_files, name).write_bytes(beside.read_bytes())
    with Store.open(at.store) as store:
        act = waiting.late(Done(NOW, "reader", "", "read", store._keys.find("p1").who))  # type: ignore[union-attr]
        waiting.add(at.new_files.waiting, [act], store._keys.signing)


def restore(at: At) -> None:
    Store.restore(*at.copies, at.new, keys=at.new_keys).close()


def make_restore_again(at: At) -> None:
    """The same, half restored: killed when the audit had its head."""
    make_restore(at)
    durable.reached = lambda step: stop() if step == f"{at.new_files.head.name} replaced" else None
    restore(at)


def stop() -> None:
    """Whoever forks puts an end in its place after which nothing is tidied up."""
    raise SystemExit


def after_restore(at: At) -> None:
    done = False
    try:
        with Store.open(at.new, keys=at.new_keys, make=False) as store:
            assert handed_out(store) == known(at)
        done = True
    except PolluxError as error:
        half = "a backup was being restored here and that did not end, so nothing is read or written"
        assert error.what in (half, "there is no store here"), error  # noqa: PT017
        assert error.what != half or "run the same `pollux restore` again" in error.advice  # noqa: PT017
    elsewhere = at.folder / "elsewhere" / "store.db"
    elsewhere.parent.mkdir()
    for name in ("site-key", "erased"):
        Path(f"{elsewhere}.{name}").write_bytes(Path(f"{at.store}.{name}").read_bytes())
    with Store.restore(*at.copies, elsewhere) as store:
        assert handed_out(store) == known(at)
    if not done:
        restore(at)
    with Store.open(at.new, keys=at.new_keys, make=False) as store:
        assert handed_out(store) == known(at)
        assert serious(store) == []
        assert waited(store) == 2, "the one of the backup, and the one that waited here"
    assert one(Path(at.new_files.keys), "select count(*) from patient_key") == 1
    assert not [path for path in (at.folder / "new").iterdir() if ".new" in path.name]


# Rights of a person, imports taken back, reading again


def make_erase(at: At) -> None:
    """Somebody of whom a document had come to somebody else first."""
    with Store.open(at.store) as store:
        store.take([*of("p1"), *of("p2"), document("p1", "wrong")], NOW)
        store.move(["Observation/wrong"], "p1", "p2")
        know(at, store)


def erase(at: At) -> None:
    with Store.open(at.store) as store:
        store.erase("p2", "asked for it")


def after_erase(at: At) -> None:
    before = known(at)
    with whole(at) as store:
        now = handed_out(store)
        assert now == before or ("p2" not in now and now["p1"] == before["p1"])
        try:
            store.erase("p2", "asked for it")
        except UnknownName:
            assert "p2" not in now
    with whole(at) as store:
        now = handed_out(store)
        assert "p2" not in now
        assert now["p1"] == before["p1"]
        assert store.verify()[0] == []
    assert one(at.folder / "store.db.keys", "select count(*) from patient_key") == 1
    assert one(at.store, "select count(distinct who) from chart") == 1


def make_undo(at: At) -> None:
    two_people(at)
    with Store.open(at.store) as store:
        store.take([*of("p3"), weight("p1", 99.0), document("p1", "o9")], NOW, taking=Taking("next.csv"))


def undo(at: At) -> None:
    with Store.open(at.store) as store:
        store.undo(2)


def after_undo(at: At) -> None:
    for again in (False, True):
        if again:
            undo(at)
        with whole(at) as store:
            there = [person.id for person in store.people()]
            weights = [event.number() for event in store.record("p1").of("body_weight")]
            documents = [held.name for held in store.documents("p1")]
            taken_back = (["p1", "p2"], [70.0], ["Observation/p1-o1"])
            before = (["p1", "p2", "p3"], [70.0, 99.0], ["Observation/p1-o1", "Observation/o9"])
            assert (there, weights, documents) in ((taken_back,) if again else (taken_back, before))
            assert waited(store) == 1


def reread(at: At) -> None:
    def reader(again: Again, learned: datetime) -> Iterator[Entry]:
        yield weight(again.person, 71.0, id=f"Observation/{again.pieces[0].id}#")

    with Store.open(at.store) as store:
        store.reread("p1", reader, NOW)


def after_reread(at: At) -> None:
    for again in (False, True):
        if again:
            reread(at)
        with whole(at) as store:
            weights = [event.number() for event in store.record("p1").of("body_weight")]
            assert weights in (([71.0],) if again else ([70.0], [71.0]))
            assert handed_out(store)["p2"] == known(at)["p2"]
            assert waited(store) == 1


# Stores of before


def after_first(at: At) -> None:
    with whole(at) as store:
        assert len(store.record("p1").events) == len(EVENTS)
        assert store.checkpoint("p1", "twin") == b"a twin"
        entry = Entry("p1", Document("Observation", "o1", "", f'{{"name": "{SECRET}"}}'.encode(), "line 1"))
        assert not store.take([entry], NOW).changed
    for file in at.folder.iterdir():
        assert SECRET.encode() not in file.read_bytes()


def make_schema_of_before(at: At) -> None:
    with Store.open(at.store) as store:
        store.save_checkpoint("p1", "twin", b"a twin", NOW)
    with sqlite3.connect(at.store) as connection:
        for table in ("identifier", "imported", "counter"):
            connection.execute(f"drop table {table}")
        connection.execute("update alembic_version set version_num = '0002'")
    connection.close()
    with sqlite3.connect(f"{at.store}.keys") as keys:
        keys.execute("drop table life")
    keys.close()


def after_schema(at: At) -> None:
    with whole(at) as store:
        assert store.checkpoint("p1", "twin") == b"a twin"
        assert store.take(of("p1"), NOW).number == 1


def open_store(at: At) -> None:
    Store.open(at.store, make=False).close()


def nothing(at: At) -> None:
    """It begins in an empty folder."""


OPERATIONS = {
    "begin": Operation(nothing, begin, after_begin),
    "import": Operation(make_import, take, after_import),
    "rotate": Operation(two_people, rotate, after_rotate),
    "site key": Operation(two_people, site_key, after_site_key),
    "backup": Operation(make_backup, back_up, after_backup),
    "restore": Operation(make_restore, restore, after_restore),
    "restore again": Operation(make_restore_again, restore, after_restore),
    "erase": Operation(make_erase, erase, after_erase),
    "undo": Operation(make_undo, undo, after_undo),
    "reread": Operation(two_people, reread, after_reread),
    "first": Operation(lambda at: make_first_store(at.store), open_store, after_first),
    "schema": Operation(make_schema_of_before, open_store, after_schema),
}


def one(path: Path, query: str) -> int:
    """A number out of a database."""
    connection = sqlite3.connect(path)
    found = connection.execute(query).fetchone()[0]
    connection.close()
    return int(found)
