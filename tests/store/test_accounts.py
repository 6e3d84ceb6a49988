"""What is done, seen and refused is written down, also while somebody writes for long, and kept where one says."""

import multiprocessing
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event as Flag
from threading import Thread

import pytest

from pollux.errors import PolluxError, UnknownName
from pollux.store import Store, audit, waiting
from pollux.store.database import InUse
from pollux.store.files import Files
from pollux.store.writer import SOON
from tests.store.made import NOW, of, weight
from tests.store.places import Place, only

pytestmark = pytest.mark.slow


@contextmanager
def importing(store: Store) -> Iterator[None]:
    """While somebody takes in a long file."""
    busy, go = Flag(), Flag()

    def entries() -> Iterator[object]:
        yield from of("p2")
        busy.set()
        go.wait()

    thread = Thread(target=lambda: store.by("importer").take(entries(), NOW))  # type: ignore[arg-type]
    thread.start()
    busy.wait()
    try:
        yield
    finally:
        go.set()
        thread.join()


@pytest.fixture(autouse=True)
def hurried(unhurried: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """As users have it; but what is taken in is long from its first entry on."""
    monkeypatch.setattr("pollux.store.writer.SOON", SOON)
    monkeypatch.setattr("pollux.store.store._AHEAD", 0)


def gate(busy: Flag, go: Flag) -> None:
    """Keep the place for writing."""
    busy.set()
    go.wait()


def looks(place: Place) -> int:
    """What a reader in another process sees; how many events of p1."""
    with place.open(actor="dr smith", purpose="treatment") as store:
        return len(store.record("p1").events)


def late(store: Store) -> list[tuple[str, str]]:
    return [(act.actor, act.action) for act in store.acts("p1") if "late" in act.detail]


def test_a_reader_does_not_wait_for_an_import_and_is_written_down_all_the_same(place: Place) -> None:
    with place.open() as store:
        store.take(of("p1"), NOW)
        with importing(store):
            assert len(store.by("dr smith").record("p1").events) == 21
            with pytest.raises(UnknownName):
                store.record("p9")
        assert late(store) == [("dr smith", "read")]
        assert [act.action for act in store.acts() if "late" in act.detail] == ["read", "refused"]
        assert store.verify()[0] == []
        assert len(store.record("p2").events) == 21


@pytest.mark.slow
def test_a_reader_in_another_process_does_not_wait_either(place: Place) -> None:
    with place.open() as store:
        store.take(of("p1"), NOW)
        with importing(store), multiprocessing.get_context("spawn").Pool(1) as others:
            assert others.apply_async(looks, (place,)).get(30) == 21
            assert place.files.waiting.stat().st_size
        assert late(store) == [("dr smith", "read")]
        assert place.files.waiting.stat().st_size == 0


def test_an_access_that_waited_is_not_doubled_by_a_crash_between_audit_and_file(place: Place) -> None:
    with place.open() as store:
        store.take(of("p1"), NOW)
        with importing(store):
            store.record("p1")
            waiting = place.files.waiting.read_bytes()
        assert len(late(store)) == 1
        place.files.waiting.write_bytes(waiting)  # as if it had not been emptied
        store.record("p1")
        assert len(late(store)) == 1


def test_a_line_among_those_waiting_that_the_store_did_not_sign_is_noticed(place: Place) -> None:
    with place.open() as store:
        store.take(of("p1"), NOW)
        with importing(store):
            store.by("dr smith").record("p1")
            line = place.files.waiting.read_bytes()
            place.files.waiting.write_bytes(line.replace(b"dr smith", b"dr brown"))
            assert any("1 accesses wait" in trouble.what for trouble in store.doctor())
        store.record("p1")
        assert late(store) == []
        (act,) = [act for act in store.acts() if act.action == "waiting"]
        assert act.detail == {"not signed": 1}


def test_what_is_refused_is_written_down(place: Place) -> None:
    with place.open(actor="clerk") as store:
        store.take(of("p1"), NOW)
        store.hold("p1", "court order 7")
        store.restrict("p1", "accuracy contested")
        for refused in (lambda: store.erase("p1"), lambda: store.record("p1"), lambda: store.latest("p1")):
            with pytest.raises(PolluxError):
                refused()
        with pytest.raises(UnknownName):
            store.merge("p9", "p1")
        told = [(act.actor, act.detail["of"], act.detail["why"]) for act in store.acts("p1") if act.action == "refused"]
        assert told == [
            ("clerk", "erase", "forbidden"),
            ("clerk", "record", "forbidden"),
            ("clerk", "latest", "forbidden"),
        ]
        assert [act.detail["of"] for act in store.acts() if act.action == "refused" and not act.subject] == ["merge"]


def test_who_looked_at_everybody_looked_at_each(place: Place) -> None:
    with place.open() as store:
        store.take(of("p1"), NOW)
        store.by("head of ward").people()
        store.take(of("p2"), NOW)
        assert ("head of ward", "search") in [(act.actor, act.action) for act in store.acts("p1")]
        assert ("head of ward", "search") not in [(act.actor, act.action) for act in store.acts("p2")]


def test_a_signature_taken_off_in_the_middle_is_found(place: Place) -> None:
    with place.open() as store:
        for i in range(3):
            store.take([weight("p1", 70.0 + i)], NOW)
    place.execute("update audit set signature = x'' where seq = 2")
    with place.open() as store:
        assert any("line 3 of the audit was altered" in problem for problem in store.verify()[0])


def test_an_old_head_beside_an_older_copy_is_found_by_a_head_that_was_kept(place: Place, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    with place.open() as store:
        store.take(of("p1"), NOW)
    older = place.copy("older.db")
    with place.open() as store:
        store.record("p1")
        kept.write_bytes(audit.head_text(store.head()))
        assert store.verify(audit.kept_heads(kept))[0] == []
    older.copy_data_to(place)
    place.files.head.write_bytes(older.files.head.read_bytes())
    with place.open() as store:
        assert store.verify()[0] == []  # nothing here knows better
        assert any("a head that was kept is line" in problem for problem in store.verify(audit.kept_heads(kept))[0])


def test_a_kept_head_that_the_store_did_not_sign_proves_nothing(place: Place, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    with place.open() as store, place.another("other.db").open() as other:
        store.take(of("p1"), NOW)
        other.take(of("p1"), NOW)
        kept.write_bytes(audit.head_text(other.head()))
        assert any("is not signed by this store" in problem for problem in store.verify(audit.kept_heads(kept))[0])
    kept.write_text("no head")
    with pytest.raises(PolluxError, match="no list of kept heads"):
        audit.kept_heads(kept)


def test_head_and_ledger_lie_where_one_says(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    apart = tmp_path / "apart"
    apart.mkdir()
    monkeypatch.setenv("POLLUX_ACCOUNTS", str(apart))
    files = Files.beside(place.where, place.keys)
    assert {files.head.parent, files.erased.parent, files.waiting.parent} == {apart}
    with place.open() as store:
        store.take([*of("p1"), *of("p2")], NOW)
        store.erase("p1")
        assert files.head.exists()
        assert files.erased.exists()
        assert [trouble for trouble in store.doctor() if trouble.serious] == []
    monkeypatch.delenv("POLLUX_ACCOUNTS")
    assert not place.files.head.exists()
    with place.open() as store, pytest.raises(PolluxError, match="the head of the audit is missing"):
        store.take([weight("p2", 99.0)], NOW)


def test_two_stores_of_one_name_share_a_folder_and_a_restore_drill_touches_nothing(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    apart = tmp_path / "apart"
    apart.mkdir()
    monkeypatch.setenv("POLLUX_ACCOUNTS", str(apart))
    with place.open() as store:
        store.take(of("p1"), NOW)
        store.backup(tmp_path / "data", tmp_path / "keys")
        store.record("p1")
        head = store.head()
        drill = place.another("drill/store.db")
        drill.site_key.write_bytes(place.site_key.read_bytes())
        with drill.restore(tmp_path / "data", tmp_path / "keys") as copy:
            assert len(copy.record("p1").events) == 21
        assert store.head() == head
        assert len(store.record("p1").events) == 21
        assert store.verify()[0] == []


def test_accounts_that_still_lie_beside_the_store_are_not_left_behind(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with place.open() as store:
        store.take(of("p1"), NOW)
    monkeypatch.setenv("POLLUX_ACCOUNTS", str(tmp_path / "nowhere"))
    with pytest.raises(PolluxError, match="the folder for the accounts is not there"):
        place.open()
    monkeypatch.setenv("POLLUX_ACCOUNTS", str(tmp_path))
    (tmp_path / "apart").mkdir()
    monkeypatch.setenv("POLLUX_ACCOUNTS", str(tmp_path / "apart"))
    with pytest.raises(PolluxError, match="still lie beside it"):
        place.open()


def test_many_half_read_exports_do_not_keep_others_from_reading(place: Place) -> None:
    with place.open() as store:
        store.take(of("p1"), NOW)
        half = [store.documents("p1") for _ in range(20)]
        for one in half:
            next(one)
        assert len(store.record("p1").events) == 21
        for one in half:
            assert list(one) == []


@only("sqlite")
def test_too_many_of_them_are_refused_with_what_to_do(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pollux.store.database.PATIENCE", 0.1)
    with place.open() as store:
        store.take(of("p1"), NOW)
        half = [store.documents("p1") for _ in range(32)]
        for one in half:
            next(one)
        with pytest.raises(InUse, match="too many things are being read at once"):
            store.record("p1")
        assert list(half[0]) == []  # read to its end
        assert len(store.record("p1").events) == 21
        for one in half:
            assert list(one) == []


@only("sqlite")
def test_a_writer_survives_that_an_access_stopped_waiting_for_what_then_fails(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lock is held so long that the transaction itself is refused; the access waits elsewhere by then."""
    monkeypatch.setattr("pollux.store.writer.SOON", 0.05)
    monkeypatch.setattr("pollux.store.database.PATIENCE", 0.3)
    with place.open() as store:
        store.take(of("p1"), NOW)
        with sqlite3.connect(place.path, isolation_level=None) as other:
            other.execute("begin immediate")
            assert len(store.record("p1").events) == 21
            with pytest.raises(InUse):
                store.take([weight("p1", 99.0)], NOW)
            other.execute("rollback")
        other.close()
        store.take([weight("p1", 99.0)], NOW)
        assert len(late(store)) == 1


def test_a_reader_in_the_same_batch_as_an_import_does_not_wait_for_it_either(place: Place) -> None:
    with place.open() as store:
        store.take(of("p1"), NOW)
        busy, go = Flag(), Flag()
        held = Thread(target=lambda: store._writer.do(lambda *_: gate(busy, go)))
        held.start()
        busy.wait()
        with importing_behind(store) as (begun, end):
            reading = Thread(target=lambda: store.by("dr smith").record("p1"))
            monkey = store._writer._ask(lambda _, acts: None, note=True)  # waits in the same batch as the import
            go.set()
            begun.wait()
            assert monkey.cancel()
            reading.start()
            reading.join(20)
            assert not reading.is_alive()
            end.set()
        held.join()
        assert late(store) == [("dr smith", "read")]


@contextmanager
def importing_behind(store: Store) -> Iterator[tuple[Flag, Flag]]:
    """An import that waits for its turn; whether it has begun, and a way to end it."""
    begun, end = Flag(), Flag()

    def entries() -> Iterator[object]:
        begun.set()
        end.wait()
        yield from of("p2")

    before = store._writer._queue.qsize()
    thread = Thread(target=lambda: store.take(entries(), NOW))  # type: ignore[arg-type]
    thread.start()
    while store._writer._queue.qsize() == before:
        pass
    yield begun, end
    thread.join()


def test_while_somebody_writes_nothing_is_read_of_an_older_copy(place: Place) -> None:
    with place.open() as store:
        store.take(of("p1"), NOW)
    older = place.copy("older.db")
    with place.open() as store:
        store.take([weight("p1", 71.0)], NOW)
    older.copy_data_to(place)
    with place.open() as store:
        busy, go = Flag(), Flag()
        held = Thread(target=lambda: store._writer.do(lambda *_: gate(busy, go)))
        held.start()
        busy.wait()
        with pytest.raises(PolluxError, match="an older or another database was put here"):
            store.record("p1")
        go.set()
        held.join()


def test_a_line_added_while_others_empty_the_file_is_not_lost(place: Place) -> None:
    with place.open() as store:
        store.take(of("p1"), NOW)
        path = place.files.waiting
        acts = [waiting.late(store.by(actor)._access.done("read", b"x" * 16)) for actor in ("dr a", "dr b")]
        waiting.add(path, acts[:1], store._keys.signing)
        content = path.read_bytes()
        waiting.clear(path, content)  # by another process
        waiting.add(path, acts[1:], store._keys.signing)
        assert path.stat().st_size == len(content)
        waiting.clear(path, content)
        store.record("p1")
        assert [act.actor for act in store.acts() if "late" in act.detail] == ["dr b"]


def test_a_file_of_waiting_accesses_that_cannot_be_read_is_told_and_stops_nothing(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    with place.open() as store:
        store.take(of("p1"), NOW)
        with importing(store):
            store.record("p1")
        kept = place.files.waiting
        kept.unlink()
        kept.mkdir()  # as good as one that belongs to somebody else
        (kept / "x").write_text("")
        assert len(store.record("p1").events) == 21
        assert store.take([weight("p1", 71.0)], NOW).changed
        assert any("cannot be read" in trouble.what for trouble in store.doctor())


def test_so_many_wait_that_reading_stops(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "LONGEST", 700)
    with place.open() as store:
        store.take(of("p1"), NOW)
        with importing(store):
            for _ in range(3):
                store.record("p1")
            with pytest.raises(PolluxError, match="too many accesses wait"):
                store.record("p1")
        assert len(store.record("p1").events) == 21


def test_a_head_that_nobody_signed_is_not_gone_on_from(place: Place) -> None:
    with place.open() as store:
        store.take(of("p1"), NOW)
    place.files.head.write_bytes(audit._line(audit.Head(0, "", "", "")) * 2)
    with place.open() as store:
        with pytest.raises(PolluxError, match="not signed by this store"):
            store.record("p1")
        assert any("not signed by this store" in problem for problem in store.verify()[0])


def test_a_head_that_stands_still_is_told(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError("read-only")

    with place.open() as store:
        store.take(of("p1"), NOW)
        with monkeypatch.context() as patched:
            patched.setattr("pollux.store.writer.write_head", fail)
            store.record("p1")
            store.record("p1")
        assert any("the head outside is 2 lines behind" in trouble.what for trouble in store.doctor())
        store.record("p1")
        assert not any("the head outside" in trouble.what for trouble in store.doctor())


def test_trying_ids_leaves_lines(place: Place) -> None:
    with place.open(actor="curious") as store:
        store.take(of("p1"), NOW)
        for number in range(5):
            assert store.checkpoint(f"p{number + 5}", "twin") is None
        assert sum(act.action == "refused" for act in store.acts()) == 5


@pytest.mark.parametrize("seq", [-1, 2**64])
def test_a_kept_head_of_no_line_proves_nothing(place: Place, tmp_path: Path, seq: int) -> None:
    kept = tmp_path / "kept"
    with place.open() as store:
        store.take(of("p1"), NOW)
        kept.write_text(f'{{"seq": {seq}, "link": "", "signature": "", "key": ""}}\n')
        assert any("is not signed by this store" in problem for problem in store.verify(audit.kept_heads(kept))[0])
    kept.write_text("\n")
    with pytest.raises(PolluxError, match="no list of kept heads"):
        audit.kept_heads(kept)
