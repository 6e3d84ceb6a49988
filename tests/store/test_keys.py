"""Keys are apart from the data, can be replaced while others work, and nothing opens without them."""

import base64
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Event as Flag
from threading import Thread
from typing import Any

import pytest

from pollux.cli import keeping
from pollux.errors import PolluxError, RefusedInput
from pollux.store import Damaged, LocalSiteKey, Store
from pollux.store import site_key as site_keys
from pollux.store.keys import Keys
from pollux.store.seal import Cipher
from pollux.store.site_key import add_key, find, keep_first, new_key
from tests.store.made import NOW, of, reading, weight
from tests.store.places import Place, only


@pytest.fixture
def empty(place: Place) -> Place:
    """A place without a store."""
    return place.another("empty.db")


@pytest.fixture
def place(place: Place) -> Place:
    with place.open() as store:
        store.take([*of("p1"), *of("p2")], NOW)
        store.save_checkpoint("p1", "twin", b"a twin", NOW)
    return place


def test_a_row_opens_only_where_it_was_sealed() -> None:
    cipher, other = Cipher({1: bytes(32)}), Cipher({1: bytes(31) + b"1"})
    sealed = cipher.seal(b"secret", "page", b"who", 7)
    assert cipher.open(sealed, "page", b"who", 7) == b"secret"
    for row in (("page", b"who", 8), ("page", b"wh", 7), ("document", b"who", 7), ("page", b"who7")):
        with pytest.raises(Damaged):
            cipher.open(sealed, *row)
    with pytest.raises(Damaged):
        other.open(sealed, "page", b"who", 7)


def test_every_flipped_bit_of_a_sealed_value_is_noticed() -> None:
    cipher = Cipher({1: bytes(32)})
    sealed = cipher.seal(b"secret", "page", b"who", 7)
    for bit in range(8 * len(sealed)):
        changed = bytearray(sealed)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(Damaged):
            cipher.open(bytes(changed), "page", b"who", 7)


def test_rows_swapped_between_patients_are_never_handed_out(place: Place) -> None:
    (one, a), (other, b) = place.rows("select who, sealed from page where number = 1")[:2]
    for who, sealed in ((one, b), (other, a)):
        place.execute(f"update page set sealed = x'{sealed.hex()}' where number = 1 and who = x'{who.hex()}'")
    with place.open() as store:
        for person in ("p1", "p2"):
            with pytest.raises(Damaged):
                store.record(person)
        assert any(trouble.serious for trouble in store.doctor())


def test_a_removed_row_is_noticed(place: Place) -> None:
    for table, use in (("page", Store.record), ("document", lambda s, p: list(s.documents(p)))):
        place.execute(f"delete from {table}")
        with place.open() as store, pytest.raises(Damaged, match="missing or were exchanged"):
            use(store, "p1")


@only("sqlite")
def test_without_the_keys_file_nothing_opens(place: Place) -> None:
    keys, elsewhere = place.keys, place.folder / "elsewhere"
    keys.rename(elsewhere)
    with pytest.raises(PolluxError, match=r"the keys of this store are missing .*restore a backup"):
        place.open()
    assert not keys.exists()
    with place.open(keys=elsewhere) as store:
        assert store.checkpoint("p1", "twin") == b"a twin"


def test_without_the_site_key_nothing_opens(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    site = place.site_key
    right = site.read_text().strip()
    site.unlink()
    with pytest.raises(PolluxError, match="the site key cannot be read"):
        place.open()
    monkeypatch.setenv("POLLUX_SITE_KEY", base64.b64encode(new_key()).decode())
    with pytest.raises(PolluxError, match="were wrapped by another site key"):
        place.open()
    monkeypatch.setenv("POLLUX_SITE_KEY", "no key")
    with pytest.raises(PolluxError, match="the site key is not base64"):
        place.open()
    monkeypatch.setenv("POLLUX_SITE_KEY", right)
    with place.open() as store:
        assert len(store.people()) == 2


def test_the_site_key_can_come_from_a_file_elsewhere(empty: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    vault = empty.folder / "vault"
    monkeypatch.setenv("POLLUX_SITE_KEY_FILE", str(vault / "key"))
    vault.mkdir()
    with empty.open() as store:
        store.take(of("p1"), NOW)
        assert not any("lies beside" in str(trouble) for trouble in store.doctor())
    assert not empty.site_key.exists()
    assert (vault / "key").stat().st_mode & 0o777 == 0o600


class Service:
    """An external key service: it wraps, and never hands out its key."""

    def __init__(self) -> None:
        self._ring = LocalSiteKey([new_key()])
        self.asked = 0

    def wrap(self, key: bytes, context: bytes) -> bytes:
        self.asked += 1
        return self._ring.wrap(key, context)

    def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        self.asked += 1
        return self._ring.unwrap(wrapped, context)

    def newest(self, wrapped: bytes) -> bool:
        return self._ring.newest(wrapped)


def test_an_external_key_service_takes_the_place_of_the_file(empty: Place) -> None:
    service = Service()
    with empty.open(site_key=service) as store:
        store.take(of("p1"), NOW)
    with empty.open(site_key=service) as store:
        assert len(store.record("p1").current) == 21
    assert service.asked > 2
    assert not empty.site_key.exists()


def test_a_key_is_durable_before_the_first_row_that_uses_it(empty: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process stops between the two commits: an orphan key is left, and harmless."""
    settle = Keys.settle

    def stop(keys: Keys) -> None:
        settle(keys)
        raise KeyboardInterrupt

    with empty.open() as store:
        with monkeypatch.context() as patch:
            patch.setattr(Keys, "settle", stop)
            with pytest.raises(KeyboardInterrupt):
                store.take(of("p1"), NOW)
        assert store.people() == []
        assert len(store._keys.pseudonyms()) == 1
        assert [trouble for trouble in store.doctor() if trouble.serious] == []
        store.take(of("p1"), NOW)
        assert len(store.record("p1").current) == 21


def test_a_patients_new_key_seals_everything_again(place: Place) -> None:
    with place.open() as store:
        before = (store.record("p1"), list(store.documents("p1")), store.checkpoint("p1", "twin"))
        with store._database.reading() as connection:
            sealed = connection.exec_driver_sql("select sealed from page").scalars().all()
        old = store._keys.find("p1")
        store.rotate("p1")
        assert (store.record("p1"), list(store.documents("p1")), store.checkpoint("p1", "twin")) == before
        with store._database.reading() as connection:
            after = connection.exec_driver_sql("select sealed from page").scalars().all()
        new = store._keys.find("p1")
        assert old is not None
        assert new is not None
        assert new.cipher.version == 2
        assert sum(old.cipher.opens(one) for one in after) == 1  # that of p2 has version 1 as well
        assert len(set(sealed) & set(after)) == 1
        store.take([weight("p1", 71.0)], NOW)
        assert [trouble for trouble in store.doctor() if trouble.serious] == []
    with place.open() as store:
        assert len(store.record("p1").events) == 22


def test_keys_are_replaced_while_others_read_and_write(place: Place) -> None:
    ended, failed, written = Flag(), [], 0

    def read(other: Store) -> None:
        try:
            while not ended.is_set():
                assert len(other.record("p1").current) >= 21
        except BaseException as error:
            failed.append(error)

    def write(store: Store) -> Iterator[int]:
        for i in range(100, 130):
            store.take([reading("p1", i)], NOW)
            yield i

    with place.open() as store, place.open() as other:
        threads = [Thread(target=read, args=(one,)) for one in (store, other)]
        for thread in threads:
            thread.start()
        for i in write(other):
            written += 1
            if i % 10 == 0:
                store.rotate("p1")
        ended.set()
        for thread in threads:
            thread.join()
        assert failed == []
        assert len(store.record("p1").current) == 21 + written
        assert [trouble for trouble in store.doctor() if trouble.serious] == []


def test_the_site_key_is_replaced_and_the_old_one_retired(place: Place) -> None:
    site = place.site_key
    old = site.read_text().strip()
    with place.open() as running, place.open() as store:
        add_key(site)
        assert store.rotate_site_key(find(site, make=False)) == 4  # two secrets and two patients
        running.take(of("p3"), NOW)
        assert len(running.record("p1").current) == 21
    with place.open() as store:
        assert store.rotate_site_key(find(site, make=False)) == 0  # who was running took up the new one
        keep_first(site)
    assert old not in site.read_text()
    with place.open() as store:
        assert [len(store.record(p).current) for p in ("p1", "p2", "p3")] == [21, 21, 21]
        assert store._keys.check() == []


def test_files_with_keys_can_be_read_by_their_owner_alone(place: Place) -> None:
    assert place.site_key.stat().st_mode & 0o077 == 0
    os.chmod(place.site_key, 0o644)
    with place.open() as store:
        assert any("can be read by others" in str(trouble) for trouble in store.doctor())


def test_two_rotations_at_once_never_destroy_a_key_that_is_needed(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second makes its key while the first is about to destroy the old one, and never gets to seal anything."""
    drop = Keys.drop_older

    def beside(keys: Keys, *which: Any) -> None:
        monkeypatch.setattr(Keys, "drop_older", drop)
        other._keys.renew("p1")
        drop(keys, *which)

    with place.open() as store, place.open() as other:
        monkeypatch.setattr(Keys, "drop_older", beside)
        store.rotate("p1")
        assert len(other.record("p1").current) == 21
        assert [trouble for trouble in store.doctor() if trouble.serious] == []
    with place.open() as store:
        assert len(store.record("p1").current) == 21
        store.rotate("p1")
        assert [row[0] for row in versions(store)] == [1, 4]


def test_rotations_of_one_patient_by_several_at_once_lose_nothing(place: Place) -> None:
    failed: list[BaseException] = []

    def rotate(store: Store) -> None:
        try:
            for _ in range(5):
                store.rotate("p1")
        except BaseException as error:
            failed.append(error)

    with place.open() as store, place.open() as other:
        threads = [Thread(target=rotate, args=(one,)) for one in (store, store, other)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failed == []
        assert len(store.record("p1").current) == 21
        assert [trouble for trouble in other.doctor() if trouble.serious] == []
        assert [row[0] for row in versions(store)] == [1, 16]


def versions(store: Store) -> list[tuple[int]]:
    with store._keys.database.reading() as connection:
        rows = connection.exec_driver_sql("select version from patient_key order by version").all()
    return [tuple(row) for row in rows]


@only("postgresql")
def test_new_keys_are_never_made_over_a_database_in_use(place: Place) -> None:
    before = place.dump()
    with pytest.raises(
        PolluxError, match=r"the keys of this store are missing .*typo\.keys.*right file in \$POLLUX_KEYS"
    ):
        place.open(keys=place.folder / "typo.keys")
    assert place.dump() == before
    assert not list(place.folder.glob("typo*"))
    with place.open() as store:
        assert store.verify()[0] == []


def test_no_key_is_made_before_the_server_answers(tmp_path: Path) -> None:
    with pytest.raises(PolluxError):
        Store.open("postgresql://nobody@127.0.0.1:1/x", keys=tmp_path / "keys")
    assert list(tmp_path.iterdir()) == []


def test_of_two_that_begin_a_site_key_at_once_both_have_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other process makes its key when this one has seen that there is none."""
    file = tmp_path / "site-key"
    made: list[bytes] = []

    def begin() -> bytes:
        if not made:
            made.append(new_key())
            find(file, make=True)
        return new_key()

    monkeypatch.setattr("pollux.store.site_key.new_key", begin)
    mine = find(file, make=True)
    theirs = find(file, make=False)
    assert theirs.unwrap(mine.wrap(bytes(32), b""), b"") == bytes(32)
    assert [path.name for path in tmp_path.iterdir()] == ["site-key"]


@pytest.mark.slow
def test_several_processes_may_begin_one_store(empty: Place) -> None:
    code = "import sys; from pollux.store import Store; Store.open(sys.argv[1], keys=sys.argv[2]).close()"
    command = [sys.executable, "-c", code, str(empty.where), str(empty.keys)]
    begun = [subprocess.Popen(command, stderr=subprocess.PIPE) for _ in range(4)]
    told = [process.communicate()[1].decode() for process in begun]
    assert [process.returncode for process in begun] == [0, 0, 0, 0], told
    with empty.open(keys=empty.keys) as store:
        assert store.take(of("p1"), NOW).accepted == 21
        assert store.verify()[0] == []


def test_two_rotations_of_the_site_key_at_once_lose_nothing(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """One has read the file and is slow to write it: the other waits."""
    write, begun = site_keys._write, Flag()

    def slowly(path: Path, keys: Any) -> None:
        if not begun.is_set():
            begun.set()
            other.start()
            other.join(1.0)
        write(path, keys)

    def rotate() -> None:
        keeping.keys("rotate")

    monkeypatch.setenv("POLLUX_STORE", str(place.where))
    monkeypatch.setenv("POLLUX_KEYS", str(place.keys))
    monkeypatch.setattr(site_keys, "_write", slowly)
    other = Thread(target=rotate)
    rotate()
    other.join()
    assert len(site_keys.read_keys(place.site_key)) == 3
    with place.open() as store:
        assert [len(store.record(p).current) for p in ("p1", "p2")] == [21, 21]
        assert store._keys.check() == []


def test_a_site_key_from_the_environment_is_rotated_by_putting_the_new_one_in_front(
    place: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    old, new = place.site_key.read_text().strip(), base64.b64encode(new_key()).decode()
    place.site_key.unlink()
    monkeypatch.setenv("POLLUX_STORE", str(place.where))
    monkeypatch.setenv("POLLUX_KEYS", str(place.keys))
    monkeypatch.setenv("POLLUX_SITE_KEY", old)
    with pytest.raises(RefusedInput, match="Put a new one in front of the old"):
        keeping.keys("rotate")
    monkeypatch.setenv("POLLUX_SITE_KEY", f"{new},{old}")
    keeping.keys("rotate")
    assert "4 keys wrapped again" in capsys.readouterr().out
    monkeypatch.setenv("POLLUX_SITE_KEY", new)
    with place.open() as store:
        assert len(store.record("p1").current) == 21


def test_old_site_keys_are_forgotten_only_after_it_is_said_what_needs_them(
    place: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("POLLUX_STORE", str(place.where))
    monkeypatch.setenv("POLLUX_KEYS", str(place.keys))
    monkeypatch.setattr("builtins.input", lambda _: "no")
    keeping.keys("rotate")
    with pytest.raises(RefusedInput, match="no site key was forgotten"):
        keeping.keys("retire")
    assert "Backups made before the site key was rotated open with the old one alone" in capsys.readouterr().out
    assert len(site_keys.read_keys(place.site_key)) == 2
    monkeypatch.setattr("builtins.input", lambda _: "retire")
    keeping.keys("retire")
    assert "1 old site keys forgotten" in capsys.readouterr().out
    assert len(site_keys.read_keys(place.site_key)) == 1
    with place.open() as store:
        assert len(store.record("p1").current) == 21
