"""A store comes to be where that is wanted, is missed where it is gone, and half of one is never read."""

import fcntl
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from threading import Event as Flag
from threading import Thread
from typing import Any

import pytest

from pollux.errors import PolluxError, UnknownName
from pollux.store import Store, durable
from pollux.store import backup as backups
from pollux.store.database import Database
from pollux.store.keys import BEGUN, LIFE, RESTORING, Keys, life_of
from pollux.store.site_key import read_keys
from tests.store.made import NOW, of, weight
from tests.store.places import Place, _name, administer, only

GONE = "the database of this store is gone: its keys are here, and nothing that they open"
HALF = "a backup was being restored here and that did not end, so nothing is read or written"


@pytest.fixture
def filled(place: Place) -> Place:
    with place.open() as store:
        store.take([*of("p1"), *of("p2")], NOW)
        store.erase("p2")
    return place


def lose_database(place: Place) -> None:
    """The database alone; on a server it is an empty one from then on."""
    if place.server:
        administer(place.server, f'drop database "{_name(place.where)}"', f'create database "{_name(place.where)}"')
    for end in ("", "-wal", "-shm"):
        place.path.with_name(place.path.name + end).unlink(missing_ok=True)


def empty_database(place: Place) -> None:
    """An empty file in its place."""
    lose_database(place)
    place.path.touch()


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# Made by nobody who only reads


def test_reading_makes_no_store_and_says_so(place: Place) -> None:
    before = contents(place.folder)
    with pytest.raises(PolluxError) as told:
        place.open(make=False)
    assert str(told.value) == (
        f"there is no store here [{Database(place.where).where if place.server else place.where}]. Check the name; "
        "`pollux init` or `pollux import` makes one."
    )
    assert contents(place.folder) == before
    if place.server:
        assert place.dump() == {}
    with place.open() as store:
        assert store.people() == []
    place.open(make=False).close()


@only("sqlite")
def test_nor_a_folder(place: Place) -> None:
    with pytest.raises(PolluxError, match="there is no store here"):
        Store.open(place.folder / "nowhere" / "store.db", make=False)
    assert not (place.folder / "nowhere").exists()


@only("postgresql")
def test_a_database_of_another_program_is_no_store_to_a_reader_either(place: Place) -> None:
    place.execute("create table theirs (a integer)")
    with pytest.raises(PolluxError, match="this is a database of another program"):
        place.open(make=False)
    assert list(place.dump()) == ["theirs"]


def test_a_store_of_before_is_opened_by_a_reader_and_remembered_from_then_on(filled: Place) -> None:
    with closing(Database(filled.keys)) as keys, keys.writing() as connection:
        LIFE.drop(connection)
    with filled.open(make=False) as store:
        assert [person.id for person in store.people()] == ["p1"]
    assert life_of(filled.keys) == (BEGUN, 0)


# Missed where it is gone


@pytest.mark.parametrize("lose", [lose_database, empty_database])
@pytest.mark.parametrize("head", [True, False], ids=["with its head", "without its head"])
@pytest.mark.parametrize("make", [True, False])
def test_a_database_that_is_gone_is_told_and_nothing_is_made_in_its_place(
    filled: Place, lose: Callable[[Place], None], head: bool, make: bool
) -> None:
    lose(filled)
    if not head:
        filled.files.head.unlink()
    before = contents(filled.folder)
    with pytest.raises(PolluxError, match=GONE) as told:
        filled.open(make=make)
    assert f"move {filled.keys}{f' and {filled.files.head}' if head else ''} away" in told.value.advice
    assert "pollux restore FOLDER" in told.value.advice
    assert contents(filled.folder) == before


def test_keys_of_before_miss_it_too_where_they_have_somebodys_key(filled: Place) -> None:
    with closing(Database(filled.keys)) as keys, keys.writing() as connection:
        LIFE.drop(connection)
    lose_database(filled)
    with pytest.raises(PolluxError, match=GONE):
        filled.open()


def test_an_empty_store_that_is_gone_is_missed_as_well(place: Place) -> None:
    place.open().close()
    lose_database(place)
    with pytest.raises(PolluxError, match=GONE):
        place.open()


def test_another_empty_store_in_its_place_is_no_store_of_these_keys(place: Place) -> None:
    """Its head taken away with it: an audit without a line has a head as well."""
    filled = place
    with filled.open() as store:
        store.take(of("p1"), NOW)
    other = filled.another("other.db")
    other.open().close()
    other.copy_data_to(filled)
    filled.files.head.unlink()
    with filled.open() as store:
        assert next(str(trouble) for trouble in store.doctor() if trouble.serious).startswith(
            "damage: the head of the audit, which is kept outside the database, is missing"
        )
        assert store.verify()[0] == ["the head of the audit, which is kept outside the database, is missing"]
        for attempt in (lambda: store.take(of("p3"), NOW), store.people):
            with pytest.raises(PolluxError, match="the head of the audit is missing"):
                attempt()


def test_a_head_alone_that_is_gone_is_told_until_somebody_accepts_it(filled: Place) -> None:
    filled.files.head.unlink()
    with filled.open(make=False) as store:
        with pytest.raises(PolluxError, match=r"the head of the audit is missing.*pollux audit accept"):
            store.people()
        assert any(trouble.serious for trouble in store.doctor())
        store.accept("the disk of the accounts broke")
        assert [person.id for person in store.people()] == ["p1"]
        assert [trouble for trouble in store.doctor() if trouble.serious] == []


def test_a_store_is_begun_anew_where_the_keys_were_moved_away(filled: Place, tmp_path: Path) -> None:
    lose_database(filled)
    moved = tmp_path / "moved"
    moved.mkdir()
    filled.keys.rename(moved / "keys")
    with pytest.raises(PolluxError, match=r"database and keys of a store are gone, and the head of its audit is here"):
        filled.open()
    assert not filled.keys.exists()
    filled.files.head.rename(moved / "head")
    with filled.open() as store:
        assert store.people() == []
        store.take(of("p3"), NOW)


@only("sqlite")
def test_keys_that_were_emptied_are_missing_and_not_made_again(filled: Place) -> None:
    filled.keys.write_bytes(b"")
    with pytest.raises(PolluxError, match="the keys of this store are missing"):
        filled.open()
    with closing(Database(filled.keys)) as keys:
        assert keys.tables() == set()


# Restored whole or not at all


def backed_up(place: Place, tmp_path: Path) -> tuple[Path, Path]:
    copies = tmp_path / "data", tmp_path / "keys"
    with place.open() as store:
        store.take([*of("p1"), *of("p2")], NOW)
        store.backup(*copies)
    return copies


def half_restored(place: Place, copies: tuple[Path, Path], name: str = "new/store.db") -> Place:
    """Where a process was restoring when it ended."""
    new = place.another(name)
    new.site_key.write_bytes(place.site_key.read_bytes())
    backups.restore(*copies, new.where, new.keys, new.files.erased)
    return new


def test_half_a_restored_store_is_never_read_and_says_to_restore_again(place: Place, tmp_path: Path) -> None:
    copies = backed_up(place, tmp_path)
    new = half_restored(place, copies)
    assert life_of(new.keys)[0] == RESTORING
    for make in (True, False):
        with pytest.raises(PolluxError, match=HALF) as told:
            new.open(make=make)
        assert told.value.advice.endswith("run the same `pollux restore` again.")
    with new.restore(*copies) as back:
        assert [person.id for person in back.people()] == ["p1", "p2"]
        assert [trouble for trouble in back.doctor() if trouble.serious] == []
    assert life_of(new.keys) == (BEGUN, 0)
    with pytest.raises(PolluxError, match="there are keys already"):
        new.restore(*copies)


def test_what_somebody_put_in_place_of_half_a_store_is_not_taken_away(place: Place, tmp_path: Path) -> None:
    copies = backed_up(place, tmp_path)
    new = half_restored(place, copies)
    with place.open() as store:
        store.take(of("p3"), NOW)
    place.copy_data_to(new)
    before = new.dump()
    with pytest.raises(PolluxError, match="there is a store already"):
        new.restore(*copies)
    assert new.dump() == before


def test_two_do_not_restore_into_one_place(place: Place, tmp_path: Path) -> None:
    copies = backed_up(place, tmp_path)
    new = half_restored(place, copies)
    with durable.folder_held(new.folder), pytest.raises(PolluxError, match="something else is being made or restored"):
        new.restore(*copies)
    assert life_of(new.keys)[0] == RESTORING


def test_a_backup_and_a_restoring_write_through_no_link(place: Place, tmp_path: Path) -> None:
    copies = backed_up(place, tmp_path)
    victim = tmp_path / "victim"
    victim.write_bytes(b"of somebody else")
    again = tmp_path / "again" / "data", tmp_path / "again" / "keys"
    new = place.another("new/store.db")
    new.site_key.write_bytes(place.site_key.read_bytes())
    names = [again[0] / "data.db.new", again[0] / "backup.json.new", again[0] / "data.db.new-journal",
             again[1] / "keys.db.new"]  # fmt: skip
    for folder in again:
        folder.mkdir(parents=True)
    with place.open() as store:
        for name in names:
            name.symlink_to(victim)
            with pytest.raises(PolluxError, match="there is a link, and nothing is written through one"):
                store.backup(*again)
            name.unlink()
        store.backup(*again)
    name = new.keys.with_name(f"{new.keys.name}.new")
    name.symlink_to(victim)
    with pytest.raises(PolluxError, match="there is a link, and nothing is written through one"):
        new.restore(*copies)
    name.unlink()
    new.restore(*copies).close()
    assert victim.read_bytes() == b"of somebody else"


def test_what_a_killed_process_left_of_a_file_is_told_and_goes_with_the_next(tmp_path: Path) -> None:
    """Not what somebody is writing just now."""
    with Store.open(tmp_path / "store.db") as store:
        key = store.site_key_file
        assert key is not None
        left = key.with_name(f"{key.name}.{'a' * 16}.new")
        at_it = key.with_name(f"{key.name}.{'b' * 16}.new")
        another = key.with_name(f"{key.name}.old.new")
        for path in (left, at_it, another):
            path.write_bytes(b"half")
        told = [trouble.what for trouble in store.doctor() if "was ended while it wrote" in trouble.what]
        assert [str(left) in told[0], len(told)] == [True, 2]
        with at_it.open("rb") as file, durable.locked(file.fileno()):
            durable.replace(key, key.read_bytes())
        assert [path.exists() for path in (left, at_it, another)] == [False, True, True]
    assert len(read_keys(key)) == 1


def test_a_new_file_that_was_taken_for_a_left_one_is_begun_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = fcntl.flock

    def taken_away(file: int, how: int) -> None:
        monkeypatch.setattr(fcntl, "flock", lock)
        for path in durable.left_over(tmp_path / "a"):
            path.unlink()
        lock(file, how)

    monkeypatch.setattr(fcntl, "flock", taken_away)
    durable.replace(tmp_path / "a", b"whole")
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"whole"]


# A rotation beside an erasure


def test_a_rotation_that_an_erasure_overtakes_says_so_and_makes_no_key(
    filled: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other process has deleted the rows and is about to destroy the keys."""
    destroy = Keys.destroy
    rotated: list[str] = []

    def beside(keys: Keys, whos: Any) -> int:
        monkeypatch.setattr(Keys, "destroy", destroy)
        with pytest.raises(UnknownName, match="this person was erased meanwhile") as told:
            rotating.rotate("p1")
        rotated.append(str(told.value))
        return destroy(keys, whos)

    with filled.open() as store, filled.open() as rotating:
        monkeypatch.setattr(Keys, "destroy", beside)
        monkeypatch.setattr(rotating._access.__class__, "ids", lambda *_: ["p1"])  # they were there when it began
        store.erase("p1")
        assert len(rotated) == 1
        assert store._keys.pseudonyms() == set()
        assert [trouble for trouble in store.doctor() if trouble.serious] == []
        assert [act.detail.get("of") for act in store.acts() if act.action == "refused"] == ["rotate"]


def test_an_erasure_beside_rotations_leaves_no_key(place: Place) -> None:
    people = [f"p{i}" for i in range(6)]
    told: list[BaseException] = []
    ended = Flag()

    def rotate(store: Store) -> None:
        while not ended.is_set():
            for person in people:
                try:
                    store.rotate(person)
                except PolluxError as error:
                    told.append(error)

    with place.open() as store, place.open() as other:
        store.take([entry for person in (*people, "stays") for entry in of(person)], NOW)
        thread = Thread(target=rotate, args=(other,))
        thread.start()
        for person in people:
            store.erase(person)
        ended.set()
        thread.join()
        assert all(isinstance(error, UnknownName) for error in told), told
        assert len(store._keys.pseudonyms()) == 1
        assert [trouble for trouble in store.doctor() if trouble.serious] == []
        assert len(store.record("stays").current) == 21


@only("sqlite")
@pytest.mark.slow
def test_the_same_between_two_processes(place: Place) -> None:
    with place.open() as store:
        store.take([*of("p1"), *of("stays"), *(weight("p1", 60.0 + i, days=i) for i in range(2, 300))], NOW)
    command = [sys.executable, "-m", "pollux"]
    environment = os.environ | {"POLLUX_STORE": str(place.where)}
    rotating = [
        subprocess.Popen([*command, "keys", "rotate", "p1"], env=environment, stdout=-1, stderr=-1, text=True)
        for _ in range(2)
    ]
    erasing = subprocess.run([*command, "erase", "p1", "--yes"], env=environment, capture_output=True, text=True)
    told = [(*process.communicate(), process.returncode) for process in rotating]
    assert erasing.returncode == 0, erasing.stderr
    for out, error, code in told:
        assert (code, "sealed with a new key" in out) in ((0, True), (1, False)), (out, error)
        assert code == 0 or "this person was erased meanwhile" in error or "nobody here has the id" in error, error
    with place.open(make=False) as store:
        assert len(store._keys.pseudonyms()) == 1
        assert [trouble for trouble in store.doctor() if trouble.serious] == []
