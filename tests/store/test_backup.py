"""A backup of a store in use is whole, and comes back just as it was."""

import errno
import sqlite3
from pathlib import Path
from threading import Event as Flag
from threading import Thread

import pytest

from pollux.errors import PolluxError
from pollux.store import Store
from pollux.store import backup as backups
from pollux.store.database import Database
from pollux.store.durable import folder_held
from tests.store.made import NOW, of, reading, weight
from tests.store.places import DATABASES, Place, place_of


@pytest.fixture
def place(place: Place) -> Place:
    with place.open() as store:
        store.take([*of("p1"), *of("p2")], NOW)
        store.save_checkpoint("p1", "twin", b"a twin", NOW)
    return place


def new_place(place: Place, name: str = "new/store.db") -> Place:
    """Where there is no store yet, with the site key of another."""
    made = place.another(name)
    made.site_key.write_bytes(place.site_key.read_bytes())
    return made


def test_what_comes_back_is_what_was_there(place: Place, tmp_path: Path) -> None:
    with place.open() as store:
        store.backup(tmp_path / "data", tmp_path / "keys")
        before = (store.record("p1"), list(store.documents("p1")), store.people())
        store.take([weight("p1", 99.0)], NOW)  # after the backup
    with new_place(place).restore(tmp_path / "data", tmp_path / "keys") as back:
        assert (back.record("p1"), list(back.documents("p1")), back.people()) == before
        assert back.checkpoint("p1", "twin") == b"a twin"
        assert back.verify()[0] == []
        assert [trouble for trouble in back.doctor() if trouble.serious] == []
        assert "restore" in [act.action for act in back.acts()]


def test_it_is_taken_while_others_write(place: Place, tmp_path: Path) -> None:
    ended = Flag()

    def write(store: Store) -> None:
        i = 0
        while not ended.is_set():
            store.take([reading("p1", 100 + i), *of(f"new{i}")], NOW)
            i += 1

    with place.open() as store:
        thread = Thread(target=write, args=(store,))
        thread.start()
        for k in range(3):
            store.backup(tmp_path / f"data{k}", tmp_path / f"keys{k}")
        ended.set()
        thread.join()
    for k in range(3):
        new = new_place(place, f"back{k}/store.db")
        with new.restore(tmp_path / f"data{k}", tmp_path / f"keys{k}") as back:
            assert [trouble for trouble in back.doctor() if trouble.serious] == []
            people = back.people()
            assert len(people) >= 2
            assert all(len(back.record(person.id).current) >= 21 for person in people)


def test_nothing_is_overwritten(place: Place, tmp_path: Path) -> None:
    with place.open() as store:
        store.backup(tmp_path / "data", tmp_path / "keys")
        with pytest.raises(PolluxError, match="there is a backup already"):
            store.backup(tmp_path / "data", tmp_path / "keys")
    with pytest.raises(PolluxError, match="there are keys already"):
        place.restore(tmp_path / "data", tmp_path / "keys")


class Killed(BaseException):
    """The process ends here."""


def names_then_killed(monkeypatch: pytest.MonkeyPatch, after: int) -> None:
    """A kill after so many files of a copy got their names; nothing is tidied up."""
    placed = iter(range(after))

    def settle(path: Path) -> None:
        if next(placed, None) is None:
            raise Killed

    def leave(path: Path) -> None:
        """Whoever is killed removes nothing."""

    monkeypatch.setattr("pollux.store.backup.durable.settle_name", settle)
    monkeypatch.setattr("pollux.store.backup._remove", leave)


@pytest.mark.parametrize("after", [0, 1, 2])
def test_a_backup_that_was_killed_between_its_files_can_be_tried_again(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    with place.open() as store:
        store.take(of("p9"), NOW)
        store.erase("p9")
        with monkeypatch.context() as patched:
            patched.setattr("pollux.store.backup._blank", lambda path: path.touch())
            names_then_killed(patched, after)
            with pytest.raises(Killed):
                store.backup(tmp_path / "data", tmp_path / "keys")
        assert not (tmp_path / "data" / "backup.json").exists()
        store.backup(tmp_path / "data", tmp_path / "keys")
        with pytest.raises(PolluxError, match="there is a backup already"):
            store.backup(tmp_path / "data", tmp_path / "keys")
    with new_place(place, "back/store.db").restore(tmp_path / "data", tmp_path / "keys") as back:
        assert [trouble for trouble in back.doctor() if trouble.serious] == []


def test_two_backups_at_once_into_one_folder_do_not_undo_each_other(place: Place, tmp_path: Path) -> None:
    with place.open() as store, folder_held(tmp_path):
        (tmp_path / "keys").mkdir()
        with folder_held(tmp_path / "keys"), pytest.raises(PolluxError, match="another backup is being written here"):
            store.backup(tmp_path / "data", tmp_path / "keys")
        store.backup(tmp_path / "data", tmp_path / "keys")


@pytest.mark.parametrize(("data", "keys"), [("x", "x"), ("x", "x/keys"), ("x/data", "x")])
def test_keys_are_not_put_where_they_are_copied_with_the_data(
    place: Place, tmp_path: Path, data: str, keys: str
) -> None:
    with place.open() as store, pytest.raises(PolluxError, match="the keys would lie with the data"):
        store.backup(tmp_path / data, tmp_path / keys)


def test_a_restoring_that_was_killed_between_its_files_can_be_tried_again(place: Place, tmp_path: Path) -> None:
    with place.open() as store:
        store.backup(tmp_path / "data", tmp_path / "keys")
    new = new_place(place, "back/store.db")
    new.keys.write_bytes((tmp_path / "keys" / "keys.db").read_bytes())
    with new.restore(tmp_path / "data", tmp_path / "keys") as back:
        assert [trouble for trouble in back.doctor() if trouble.serious] == []
    with pytest.raises(PolluxError, match="there are keys already"):
        new.restore(tmp_path / "data", tmp_path / "keys")


def test_a_damaged_backup_is_refused_and_leaves_nothing(place: Place, tmp_path: Path) -> None:
    with place.open() as store:
        store.backup(tmp_path / "data", tmp_path / "keys")
    new = place.another("new/store.db")
    file = tmp_path / "data" / "data.db"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    with pytest.raises(PolluxError, match="the backup is damaged or incomplete"):
        new.restore(tmp_path / "data", tmp_path / "keys")
    assert list((tmp_path / "new").iterdir()) == []
    with pytest.raises(PolluxError, match="there is no backup here"):
        new.restore(tmp_path / "keys", tmp_path / "keys")


def test_the_folder_for_the_data_holds_no_key(place: Place, tmp_path: Path) -> None:
    with place.open() as store:
        store.backup(tmp_path / "data", tmp_path / "keys")
        with store._keys.database.reading() as connection:
            wrapped = connection.exec_driver_sql("select wrapped from patient_key").scalars().all()
    content = b"".join(file.read_bytes() for file in (tmp_path / "data").iterdir())
    assert wrapped
    assert not any(key in content for key in wrapped)


def test_a_backup_that_the_site_key_does_not_open_is_refused_and_leaves_nothing(place: Place, tmp_path: Path) -> None:
    with place.open() as store:
        store.backup(tmp_path / "data", tmp_path / "keys")
    new, other = place.another("new/store.db"), place.another("other.db")
    with pytest.raises(PolluxError, match="the site key cannot be read"):
        new.restore(tmp_path / "data", tmp_path / "keys")
    with other.open():
        new.site_key.write_bytes(other.site_key.read_bytes())
    with pytest.raises(PolluxError, match="wrapped by another site key"):
        new.restore(tmp_path / "data", tmp_path / "keys")
    assert list(new.folder.iterdir()) == [new.site_key]


@pytest.mark.parametrize("other", DATABASES)
def test_a_backup_of_one_database_can_be_restored_into_the_other(place: Place, tmp_path: Path, other: str) -> None:
    with place.open() as store:
        before = (store.record("p1"), list(store.documents("p1")), store.people())
        store.backup(tmp_path / "data", tmp_path / "keys")
    (tmp_path / "new").mkdir()
    for new in place_of(other, tmp_path / "new"):
        new.site_key.write_bytes(place.site_key.read_bytes())
        with new.restore(tmp_path / "data", tmp_path / "keys") as back:
            assert (back.record("p1"), list(back.documents("p1")), back.people()) == before
            assert [trouble for trouble in back.doctor() if trouble.serious] == []


@pytest.mark.parametrize("rounds", [[(0, 1)], [(1, 0)], [(1, 1), (2, 1)]])
def test_a_backup_during_which_keys_are_rotated_opens(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rounds: list[tuple[int, int]]
) -> None:
    """Between the keys and the data so often, and between the data and the keys: no version may be lacking."""
    copy_out, left = backups._copy_out, list(rounds)

    def rotating(database: Database, path: Path) -> None:
        first, then = left.pop(0) if left else (0, 0)
        for _ in range(first):
            store.rotate("p1")
        copy_out(database, path)
        for _ in range(then):
            store.rotate("p1")

    with place.open() as store:
        monkeypatch.setattr(backups, "_copy_out", rotating)
        store.backup(tmp_path / "data", tmp_path / "keys")
        before = store.record("p1")
    with new_place(place).restore(tmp_path / "data", tmp_path / "keys") as back:
        assert back.record("p1") == before
        assert [trouble for trouble in back.doctor() if trouble.serious] == []


def test_a_backup_during_which_somebody_is_erased_has_no_key_of_theirs(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy_out = backups._copy_out

    def erasing(database: Database, path: Path) -> None:
        copy_out(database, path)
        store.erase("p1")

    with place.open() as store:
        monkeypatch.setattr(backups, "_copy_out", erasing)
        store.backup(tmp_path / "data", tmp_path / "keys")
    with sqlite3.connect(tmp_path / "keys" / "keys.db") as copy:
        assert copy.execute("select count(*) from patient_key").fetchone() == (1,)
    copy.close()
    with new_place(place).restore(tmp_path / "data", tmp_path / "keys") as back:
        assert [person.id for person in back.people()] == ["p2"]
        assert [trouble for trouble in back.doctor() if trouble.serious] == []


@pytest.mark.parametrize("end", ["-wal", "-shm", "-journal"])
def test_nothing_that_another_store_left_is_mixed_into_a_restored_one(place: Place, tmp_path: Path, end: str) -> None:
    with place.open() as store:
        store.backup(tmp_path / "data", tmp_path / "keys")
    new = new_place(place)
    left = [Path(f"{new.keys}{end}")] if place.server else [Path(f"{new.path}{end}"), Path(f"{new.keys}{end}")]
    for path in left:
        path.write_bytes(b"of another")
        with pytest.raises(PolluxError, match=f"another store has left something .*{path.name}"):
            new.restore(tmp_path / "data", tmp_path / "keys")
        path.unlink()
    with new.restore(tmp_path / "data", tmp_path / "keys") as back:
        assert len(back.record("p1").current) == 21


def test_restoring_changes_nothing_in_the_backup(place: Place, tmp_path: Path) -> None:
    with place.open() as store:
        store.erase("p2")
        store.backup(tmp_path / "data", tmp_path / "keys")
    before = content(tmp_path / "data") | content(tmp_path / "keys")
    for name in ("one/store.db", "two/store.db"):
        new_place(place, name).restore(tmp_path / "data", tmp_path / "keys").close()
        assert content(tmp_path / "data") | content(tmp_path / "keys") == before


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_copy_can_be_read_by_its_owner_alone(place: Place, tmp_path: Path) -> None:
    with place.open() as store:
        store.erase("p2")
        store.backup(tmp_path / "data", tmp_path / "keys")
    new = new_place(place)
    new.restore(tmp_path / "data", tmp_path / "keys").close()
    copies = [*(tmp_path / "data").iterdir(), *(tmp_path / "keys").iterdir(), new.files.erased, Path(new.files.keys)]
    for path in copies if place.server else [*copies, new.path]:
        assert path.stat().st_mode & 0o077 == 0, path


def test_the_ledger_of_a_backup_is_compared_as_well(place: Place, tmp_path: Path) -> None:
    with place.open() as store:
        store.erase("p2")
        store.backup(tmp_path / "data", tmp_path / "keys")
    (tmp_path / "data" / "erased").unlink()
    with pytest.raises(PolluxError, match="the backup is damaged or incomplete"):
        new_place(place).restore(tmp_path / "data", tmp_path / "keys")


@pytest.mark.parametrize("step", ["_add_keys", "_flush"])
def test_after_a_backup_that_failed_the_next_one_succeeds(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    with place.open() as store:
        with monkeypatch.context() as patch:
            patch.setattr(backups, step, no_room)
            with pytest.raises(PolluxError, match="the copy cannot be written"):
                store.backup(tmp_path / "data", tmp_path / "keys")
        assert content(tmp_path / "data") | content(tmp_path / "keys") == {}
        for name in ("data/data.db.new", "data/data.db.new-journal", "keys/keys.db.new"):  # of one that was killed
            (tmp_path / name).write_bytes(b"half of it")
        store.backup(tmp_path / "data", tmp_path / "keys")
    assert sorted(content(tmp_path / "data")) == ["backup.json", "data.db"]
    with new_place(place).restore(tmp_path / "data", tmp_path / "keys") as back:
        assert len(back.record("p1").current) == 21


@pytest.mark.parametrize("step", ["pollux.store.backup._flush", "pollux.store.store.replay"])
def test_after_a_restoring_that_failed_the_next_one_succeeds(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    with place.open() as store:
        store.backup(tmp_path / "data", tmp_path / "keys")
    new = new_place(place)
    with monkeypatch.context() as patch:
        patch.setattr(step, no_room)
        with pytest.raises((PolluxError, OSError), match=r"no space left|cannot be written"):
            new.restore(tmp_path / "data", tmp_path / "keys")
    with new.restore(tmp_path / "data", tmp_path / "keys") as back:
        assert len(back.record("p1").current) == 21
        assert [trouble for trouble in back.doctor() if trouble.serious] == []


def no_room(*_: object) -> None:
    raise OSError(errno.ENOSPC, "no space left")


def test_restoring_beside_a_ledger_keeps_its_lines_and_cuts_off_what_a_crash_left(place: Place, tmp_path: Path) -> None:
    with place.open() as store:
        store.backup(tmp_path / "data", tmp_path / "keys")
        store.erase("p1")
        store.erase("p2")
        store.backup(tmp_path / "later", tmp_path / "later keys")
    first, second = place.files.erased.read_bytes().splitlines(keepends=True)
    place.vanish()
    place.files.erased.write_bytes(second + first[:30])
    with place.restore(tmp_path / "later", tmp_path / "later keys") as back:
        assert back.people() == []
        assert [trouble for trouble in back.doctor() if trouble.serious] == []
    assert place.files.erased.read_bytes() == second + first
