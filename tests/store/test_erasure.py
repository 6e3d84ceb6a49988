"""Erasure is whole, proven, and holds even when an older copy comes back; unless a legal hold forbids it."""

import errno
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from threading import Event as Flag
from threading import Thread
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from sqlalchemy import select

from pollux.errors import PolluxError, UnknownName
from pollux.store import Store, durable
from pollux.store.database import CannotWrite, Database
from pollux.store.erasure import ledger_lines, read_ledger
from pollux.store.keys import PATIENT_KEY, Keys
from pollux.store.tables import OF_A_PATIENT
from tests.store.made import NOW, of, weight
from tests.store.places import Place, only


@pytest.fixture
def place(place: Place) -> Place:
    with place.open() as store:
        store.take([*of("p1"), *of("p2")], NOW)
        store.save_checkpoint("p1", "twin", b"what was learned of p1", NOW)
    return place


def rows_of(store: Store, who: bytes) -> int:
    with store._database.reading() as connection:
        return sum(len(connection.execute(t.select().where(t.c.who == who)).all()) for t in OF_A_PATIENT)


def pseudonym(store: Store, person: str) -> bytes:
    keyed = store._keys.find(person)
    assert keyed is not None
    return keyed.who


def test_nothing_of_the_person_is_left_and_others_are_untouched(place: Place) -> None:
    with place.open() as store:
        who, other = pseudonym(store, "p1"), store.record("p2")
        assert rows_of(store, who) > 0
        receipt = store.erase("p1", "asked for it")
        assert rows_of(store, who) == 0
        assert store._keys.find("p1") is None
        assert (receipt.keys, receipt.subjects, receipt.reason) == (1, (who.hex(),), "asked for it")
        assert receipt.rows["document"] == 1
        assert store.record("p2") == other
        with pytest.raises(UnknownName):
            store.record("p1")


@only("sqlite")
def test_the_bytes_are_gone_from_the_files(place: Place) -> None:
    with place.open() as store:
        who = pseudonym(store, "p1")
        with store._database.reading() as connection:
            sealed = [row.sealed for t in OF_A_PATIENT if "sealed" in t.c for row in
                      connection.execute(t.select().where(t.c.who == who))]  # fmt: skip
        with store._keys.database.reading() as connection:
            keys = [row[0] for row in connection.exec_driver_sql("select wrapped from patient_key").all()]
        store.erase("p1")
    content = b"".join(file.read_bytes() for file in place.folder.glob("store.db*"))
    assert not [1 for one in sealed if one[-32:] in content]
    assert sum(key in content for key in keys) == 1  # that of the other


def test_the_receipt_is_signed(place: Place) -> None:
    with place.open() as store:
        receipt = store.erase("p1")
        public = Ed25519PublicKey.from_public_bytes(store._keys.public)
    public.verify(bytes.fromhex(receipt.signature), receipt.signed())
    assert "1 keys destroyed" in receipt.text()


def test_the_audit_still_verifies_and_still_tells_who_looked(place: Place) -> None:
    with place.open() as store:
        store.by("dr smith").record("p1")
        who = pseudonym(store, "p1").hex()
        store.erase("p1")
        assert store.verify()[0] == []
        assert [act.actor for act in store.acts() if act.subject == who and act.action == "read"] == ["dr smith"]
        assert [trouble for trouble in store.doctor() if trouble.serious] == []


def test_a_legal_hold_refuses_it_with_its_reason(place: Place) -> None:
    with place.open(actor="legal") as store:
        store.hold("p1", "court order 7 O 12/26")
        with pytest.raises(PolluxError, match=r"legal hold forbids .* court order 7 O 12/26 \(since .*, by legal\)"):
            store.erase("p1")
        assert len(store.record("p1").current) == 21
        store.release("p1")
        assert store.erase("p1").keys == 1


def test_a_hold_needs_a_reason(place: Place) -> None:
    with place.open() as store, pytest.raises(PolluxError, match="a hold needs a reason"):
        store.hold("p1", " ")


def test_who_comes_back_is_somebody_new(place: Place) -> None:
    with place.open() as store:
        before = pseudonym(store, "p1")
        store.erase("p1")
        store.take([weight("p1")], NOW)
        assert pseudonym(store, "p1") != before
        assert len(store.record("p1").events) == 1
    with place.open() as store:  # the ledger is replayed, and does not mean this one
        assert len(store.record("p1").events) == 1
        assert [act.action for act in store.acts("p1")] == ["take", "read", "read", "read"]


def test_an_older_copy_that_comes_back_is_erased_again(place: Place) -> None:
    kept = place.folder / "kept"
    with place.open() as store:
        who = pseudonym(store, "p1")
        store.backup(kept / "data", kept / "keys")
        store.erase("p1")
    place.vanish()
    with place.restore(kept / "data", kept / "keys") as store:
        assert [person.id for person in store.people()] == ["p2"]
        assert rows_of(store, who) == 0
        assert store._keys.find("p1") is None
        assert store.verify()[0] == []
        assert [trouble for trouble in store.doctor() if trouble.serious] == []


@pytest.mark.parametrize("step", ["pollux.store.erasure.remove", "pollux.store.keys.Keys.destroy"])
def test_an_erasure_that_was_interrupted_is_finished_at_the_next_opening(
    place: Place, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with place.open() as store:
        who = pseudonym(store, "p1")
        with monkeypatch.context() as patch:
            patch.setattr(step, crash)
            with pytest.raises(KeyboardInterrupt):
                store.erase("p1")
    with place.open() as store:
        assert rows_of(store, who) == 0
        assert store._keys.find("p1") is None
        assert [trouble for trouble in store.doctor() if trouble.serious] == []


def test_a_ledger_that_cannot_be_written_erases_nothing(place: Place) -> None:
    with place.open() as store:
        store._files.erased.mkdir()
        with pytest.raises(PolluxError, match="so nothing was erased"):
            store.erase("p1")
        assert len(store.record("p1").current) == 21


def test_a_line_cut_off_by_a_crash_is_no_erasure_and_a_damaged_one_is_told(place: Place) -> None:
    with place.open() as store:
        store.erase("p1")
        ledger = store._files.erased
    whole = ledger.read_bytes()
    ledger.write_bytes(whole + whole[:20])
    with place.open() as store:
        assert len(read_ledger(ledger, store._keys.public).erased) == 1
    ledger.write_bytes(whole[:20] + b"\n" + whole)
    with pytest.raises(PolluxError, match="line 1 of the ledger of erasures cannot be read"):
        place.open()


def test_merged_ids_are_erased_together(place: Place) -> None:
    with place.open() as store:
        store.merge("p2", "p1")
        assert store.erase("p2").keys == 2
        assert store.people() == []


def test_restricted_data_are_kept_and_used_for_nothing(place: Place) -> None:
    with place.open() as store:
        store.restrict("p1", "accuracy contested")
        for use in (store.record, store.latest, lambda id: store.series(id, "cgm_glucose")):
            with pytest.raises(PolluxError, match=r"is restricted .*accuracy contested"):
                use("p1")
        assert len(store.by("patient office", "export").record("p1").current) == 21
        assert len(list(store.documents("p1"))) == 1
        store.take([weight("p1", 71.0, days=2)], NOW)  # storing goes on
        store.unrestrict("p1")
        assert len(store.record("p1").current) == 22


@only("sqlite")
def test_the_folder_of_an_erased_person_holds_no_copy(place: Place) -> None:
    with place.open() as store:
        store.erase("p1")
        store.erase("p2")
    assert sorted(os.listdir(place.folder)) == sorted(
        ["store.db", "store.db.keys", "store.db.site-key", "store.db.head", "store.db.erased"]
    )


def test_what_is_taken_in_beside_an_erasure_is_kept_for_somebody_new(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process takes in the same id when the rows are gone and the keys are not yet."""
    destroy = Keys.destroy

    def slowly(keys: Keys, whos: list[bytes]) -> int:
        monkeypatch.setattr(Keys, "destroy", destroy)
        assert other.take([weight("p1", 99.0, days=2)], NOW).accepted == 1
        return destroy(keys, whos)

    with place.open() as other, place.open() as store:
        before = pseudonym(store, "p1")
        monkeypatch.setattr(Keys, "destroy", slowly)
        assert store.erase("p1").keys == 1
        for one in (store, other):
            assert [event.value for event in one.record("p1").events] == [99.0]
            assert pseudonym(one, "p1") != before
        assert [trouble for trouble in store.doctor() if trouble.serious] == []
    with place.open() as store:
        assert [event.value for event in store.record("p1").events] == [99.0]


def test_what_waits_at_the_same_time_is_not_in_the_transaction_of_an_erasure(place: Place) -> None:
    """Else what breaks theirs undoes the erasure, and what they file goes under a pseudonym that is being erased."""
    busy, go = Flag(), Flag()
    answers: dict[str, Any] = {}

    def gate(*_: object) -> None:
        busy.set()
        go.wait()

    with place.open() as store:
        before = pseudonym(store, "p1")
        first = Thread(target=lambda: store._writer.do(gate))
        erasing = Thread(target=lambda: answers.update(erase=store.erase("p1")))
        taking = Thread(target=lambda: answers.update(take=store.take([weight("p1", 99.0)], NOW)))
        first.start()
        busy.wait()
        for thread in (erasing, taking):
            thread.start()
            while store._writer._queue.empty() and thread is erasing:
                pass
        go.set()
        for thread in (first, erasing, taking):
            thread.join()
        assert answers["erase"].keys == 1
        assert answers["take"].accepted == 1
        assert [event.value for event in store.record("p1").events] == [99.0]
        assert pseudonym(store, "p1") != before
        assert [trouble for trouble in store.doctor() if trouble.serious] == []


def break_the_next_commit(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """As by a full disk: everything is done and nothing of it becomes durable."""

    def fail(*_: object) -> None:
        raise CannotWrite("the disk is full")

    monkeypatch.setattr(store._keys, "settle", fail)


@pytest.mark.parametrize("room", [True, False])
def test_an_erasure_that_failed_does_not_happen_later(
    place: Place, monkeypatch: pytest.MonkeyPatch, room: bool
) -> None:
    with place.open() as store:
        store.erase("p2")
        with monkeypatch.context() as patch:
            break_the_next_commit(store, patch)
            if not room:
                steps: list[Callable[..., None]] = [no_room, durable.append]  # the last of them first
                patch.setattr(durable, "append", lambda path, lines: steps.pop()(path, lines))
            with pytest.raises(PolluxError, match="the disk is full"):
                store.erase("p1")
    with place.open() as store:
        assert len(store.record("p1").current) == 21
        assert [person.id for person in store.people()] == ["p1"]
        assert [trouble for trouble in store.doctor() if trouble.serious] == []
        assert store.erase("p1").keys == 1
    with place.open() as store:
        assert store.people() == []


def no_room(*_: object) -> None:
    raise OSError(errno.ENOSPC, "no space left")


def test_an_erasure_that_was_interrupted_does_not_go_over_a_legal_hold(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with place.open() as store:
        with monkeypatch.context() as patch:
            patch.setattr("pollux.store.erasure.remove", crash)
            with pytest.raises(KeyboardInterrupt):
                store.erase("p1")
        store.hold("p1", "court order 7 O 12/26")
    with place.open() as store:
        assert len(store.record("p1").current) == 21
        assert any("is under a legal hold, so was not erased" in str(trouble) for trouble in store.doctor())
        store.release("p1")
    with place.open() as store:
        assert [person.id for person in store.people()] == ["p2"]
        assert [trouble for trouble in store.doctor() if trouble.serious] == []


def test_a_line_that_the_store_did_not_sign_erases_nobody(place: Place) -> None:
    with place.open() as store:
        who = pseudonym(store, "p1")
    foreign = ledger_lines([who], NOW, Ed25519PrivateKey.generate())
    for line in (foreign, b'{"subject":"%s","at":"x"}\n' % who.hex().encode()):
        place.files.erased.write_bytes(line)
        with place.open() as store:
            assert len(store.record("p1").current) == 21
            assert any("1 lines of the ledger of erasures are not signed" in str(t) for t in store.doctor())


def test_what_a_crash_left_of_a_line_does_not_spoil_the_next(place: Place) -> None:
    with place.open() as store:
        store.erase("p1")
        ledger = store._files.erased
        whole = ledger.read_bytes()
        ledger.write_bytes(whole + whole[:20])
        store.erase("p2")
    with place.open() as store:
        assert store.people() == []
        assert len(read_ledger(ledger, store._keys.public).erased) == 2


def test_a_line_for_which_there_is_no_room_leaves_nothing_of_it(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.pwrite
    tries = []

    def fill(file: int, content: bytes, at: int) -> int:
        tries.append(at)
        if len(tries) > 1:
            raise OSError(errno.ENOSPC, "no space left")
        return write(file, content[:-50], at)

    with place.open() as store:
        store.erase("p2")
        before = place.files.erased.read_bytes()
        with monkeypatch.context() as patch:
            patch.setattr(os, "pwrite", fill)
            with pytest.raises(PolluxError, match="so nothing was erased"):
                store.erase("p1")
        assert len(tries) == 2
        assert place.files.erased.read_bytes() == before
        assert len(store.record("p1").current) == 21


@only("sqlite")
def test_a_receipt_does_not_say_that_all_is_gone_while_a_reader_keeps_the_log(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = Path(place.files.keys)
    (wrapped,) = wrapped_of(place, "p1")
    scrub = Database.scrub
    monkeypatch.setattr(Database, "scrub", lambda self, **how: scrub(self, **{"patience": 0.1} | how))
    with place.open() as store:
        reader = sqlite3.connect(keys, isolation_level=None)
        reader.execute("begin")
        reader.execute("select count(*) from patient_key").fetchone()
        receipt = store.erase("p1")
        assert wrapped in keys.with_name(f"{keys.name}-wal").read_bytes() + keys.read_bytes()
        assert receipt.uncut == (str(keys),)
        assert f"NOT YET GONE from the write-ahead log of {keys}" in receipt.text()
        public = Ed25519PublicKey.from_public_bytes(store._keys.public)
        public.verify(bytes.fromhex(receipt.signature), receipt.signed())
        told = [str(trouble) for trouble in store.doctor()]
        assert any(f"note: erased data may still be in the write-ahead log of {keys}" in one for one in told)
        reader.close()
        assert not any("write-ahead log" in str(trouble) for trouble in store.doctor())
        assert wrapped not in keys.with_name(f"{keys.name}-wal").read_bytes() + keys.read_bytes()
        assert store.erase("p2").uncut == ()


def wrapped_of(place: Place, person: str) -> list[bytes]:
    with place.open() as store, store._keys.database.reading() as connection:
        which = PATIENT_KEY.c.who == pseudonym(store, person)
        return list(connection.execute(select(PATIENT_KEY.c.wrapped).where(which)).scalars())
