"""A backup of a store in use is whole, and comes back just as it was."""

from pathlib import Path
from threading import Event as Flag
from threading import Thread

import pytest

from pollux.errors import PolluxError
from pollux.store import Store
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
