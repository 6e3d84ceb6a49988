"""A backup of a store in use is whole, and comes back just as it was."""

from pathlib import Path
from threading import Event as Flag
from threading import Thread

import pytest

from pollux.errors import PolluxError
from pollux.store import Store
from tests.store.made import NOW, of, reading, weight


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "store.db"
    with Store.open(made) as store:
        store.take([*of("p1"), *of("p2")], NOW)
        store.save_checkpoint("p1", "twin", b"a twin", NOW)
    return made


def site_key(path: Path, new: Path) -> None:
    new.with_name(new.name + ".site-key").write_bytes(path.with_name(path.name + ".site-key").read_bytes())


def test_what_comes_back_is_what_was_there(path: Path, tmp_path: Path) -> None:
    new = tmp_path / "new" / "store.db"
    with Store.open(path) as store:
        store.backup(tmp_path / "data", tmp_path / "keys")
        before = (store.record("p1"), list(store.documents("p1")), store.people())
        store.take([weight("p1", 99.0)], NOW)  # after the backup
    new.parent.mkdir()
    site_key(path, new)
    with Store.restore(tmp_path / "data", tmp_path / "keys", new) as back:
        assert (back.record("p1"), list(back.documents("p1")), back.people()) == before
        assert back.checkpoint("p1", "twin") == b"a twin"
        assert back.verify()[0] == []
        assert [trouble for trouble in back.doctor() if trouble.serious] == []
        assert "restore" in [act.action for act in back.acts()]


def test_it_is_taken_while_others_write(path: Path, tmp_path: Path) -> None:
    ended = Flag()

    def write(store: Store) -> None:
        i = 0
        while not ended.is_set():
            store.take([reading("p1", 100 + i), *of(f"new{i}")], NOW)
            i += 1

    with Store.open(path) as store:
        thread = Thread(target=write, args=(store,))
        thread.start()
        for k in range(3):
            store.backup(tmp_path / f"data{k}", tmp_path / f"keys{k}")
        ended.set()
        thread.join()
    for k in range(3):
        new = tmp_path / f"back{k}" / "store.db"
        new.parent.mkdir()
        site_key(path, new)
        with Store.restore(tmp_path / f"data{k}", tmp_path / f"keys{k}", new) as back:
            assert [trouble for trouble in back.doctor() if trouble.serious] == []
            people = back.people()
            assert len(people) >= 2
            assert all(len(back.record(person.id).current) >= 21 for person in people)


def test_nothing_is_overwritten(path: Path, tmp_path: Path) -> None:
    with Store.open(path) as store:
        store.backup(tmp_path / "data", tmp_path / "keys")
        with pytest.raises(PolluxError, match="there is a backup already"):
            store.backup(tmp_path / "data", tmp_path / "keys")
    with pytest.raises(PolluxError, match="there are keys already"):
        Store.restore(tmp_path / "data", tmp_path / "keys", path)


def test_a_damaged_backup_is_refused_and_leaves_nothing(path: Path, tmp_path: Path) -> None:
    with Store.open(path) as store:
        store.backup(tmp_path / "data", tmp_path / "keys")
    file = tmp_path / "data" / "data.db"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    (tmp_path / "new").mkdir()
    with pytest.raises(PolluxError, match="the backup is damaged or incomplete"):
        Store.restore(tmp_path / "data", tmp_path / "keys", tmp_path / "new" / "store.db")
    assert list((tmp_path / "new").iterdir()) == []
    with pytest.raises(PolluxError, match="there is no backup here"):
        Store.restore(tmp_path / "keys", tmp_path / "keys", tmp_path / "new" / "store.db")


def test_the_folder_for_the_data_holds_no_key(path: Path, tmp_path: Path) -> None:
    with Store.open(path) as store:
        store.backup(tmp_path / "data", tmp_path / "keys")
        with store._keys.database.reading() as connection:
            wrapped = connection.exec_driver_sql("select wrapped from patient_key").scalars().all()
    content = b"".join(file.read_bytes() for file in (tmp_path / "data").iterdir())
    assert wrapped
    assert not any(key in content for key in wrapped)


def test_a_backup_that_the_site_key_does_not_open_is_refused_and_leaves_nothing(path: Path, tmp_path: Path) -> None:
    with Store.open(path) as store:
        store.backup(tmp_path / "data", tmp_path / "keys")
    new = tmp_path / "new" / "store.db"
    new.parent.mkdir()
    with pytest.raises(PolluxError, match="the site key cannot be read"):
        Store.restore(tmp_path / "data", tmp_path / "keys", new)
    with Store.open(tmp_path / "other.db"):
        site_key(tmp_path / "other.db", new)
    with pytest.raises(PolluxError, match="wrapped by another site key"):
        Store.restore(tmp_path / "data", tmp_path / "keys", new)
    assert [file.name for file in new.parent.iterdir()] == ["store.db.site-key"]
