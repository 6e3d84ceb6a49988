"""An import is taken back: what it said goes, what others said stays, and what stands against it is told."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from pollux.errors import PolluxError, UnknownName
from pollux.record import Document, Entry, Event, Person, Source
from pollux.record.quality import Finding, Quarantined
from pollux.sources.fhir import portable
from pollux.store import Store, Taking
from tests.store.made import NOW, SECRET, document, of, reading, weight
from tests.store.places import Place

FILE = Taking("ada-confidential.csv", "plain table", 1, "p1")
DAY = timedelta(days=1)


@pytest.fixture
def store(place: Place):  # type: ignore[no-untyped-def]
    with place.open(purpose="export") as opened:
        yield opened


def values(store: Store, person: str = "p1") -> list[object]:
    return [event.value for event in store.record(person).current]


def test_each_import_has_the_next_number_and_is_listed_with_what_it_did(store: Store) -> None:
    store.take(of("p1"), NOW, taking=FILE)
    store.take([reading("p1", i, 100.0 + i) for i in range(30)], NOW)
    store.take(of("p2"), NOW)
    assert [(one.number, one.taking.file, one.people) for one in store.imports()] == [
        (1, "ada-confidential.csv", ("p1",)), (2, "", ("p1",)), (3, "", ("p2",))]  # fmt: skip
    first, second = store.imports("p1")
    assert (first.counts.accepted, first.counts.documents) == (21, 1)
    assert (second.counts.accepted, second.counts.known) == (10, 20)


def test_the_name_of_a_file_cannot_be_read_in_the_database(place: Place) -> None:
    with place.open() as store:
        store.take(of("p1"), NOW, taking=FILE)
    if place.server:
        pytest.skip("a server's files are not here")
    assert all(b"confidential" not in path.read_bytes() for path in place.folder.rglob("*") if path.is_file())


def test_what_another_import_said_too_stays(store: Store) -> None:
    store.take(of("p1"), NOW)
    store.take([reading("p1", i, 100.0 + i) for i in range(5)], NOW)
    account = store.undo(1)
    assert (account.withdrawn, account.stay, account.also) == (16, 5, (2,))
    assert sorted(values(store)) == [100.0, 101.0, 102.0, 103.0, 104.0]  # type: ignore[type-var]
    assert "5 of its events stand on, as import 2 says them" in account.text()


def test_it_is_taken_back_now_and_what_was_known_before_can_be_asked_for(store: Store) -> None:
    store.take(of("p1"), NOW)
    store.undo(1)
    assert store.people() == []
    assert store.record("p1").current == ()
    assert len(store.record("p1").as_known_at(NOW).current) == 21


def test_the_same_file_can_be_taken_again_and_taken_back_again(store: Store) -> None:
    for number in (1, 2, 3):
        receipt = store.take(of("p1"), NOW)
        assert (receipt.number, receipt.accepted, receipt.documents, receipt.already_known) == (number, 21, 1, 0)
        assert len(values(store)) == 21
        assert len(store.latest("p1", 100)) == len(store.series("p1", "cgm_glucose")) + 1 == 21
        assert store.undo(number).withdrawn == 21
        assert (values(store), list(store.documents("p1"))) == ([], [])
    assert [str(trouble) for trouble in store.doctor() if trouble.serious] == []


def test_a_second_time_says_so_and_changes_nothing(store: Store) -> None:
    store.take(of("p1"), NOW, taking=FILE)
    store.undo(1)
    before = store.record("p1").events
    account = store.undo(1)
    assert account.text() == "import 1 (ada-confidential.csv) was taken back already; nothing changed"
    assert store.record("p1").events == before


def test_the_version_before_stands_again(store: Store) -> None:
    for day, value in enumerate((70.0, 71.0)):
        version = Document("Observation", "o1", str(day), b"%d" % day, "line 1", NOW + day * DAY - 9 * DAY)
        store.take([Entry("p1", version), weight("p1", value, "Observation/o1")], NOW)
    assert values(store) == [71.0]
    store.undo(2)
    assert values(store) == [70.0]
    assert [d.version for d in store.documents("p1")] == ["0"]
    assert list(store.export("p1")) == [b"0\n"]


def test_a_version_that_came_late_stands_when_the_newer_one_is_taken_back(store: Store) -> None:
    for number in (1, 0):
        version = Document("Observation", "o1", str(number), b"%d" % number, "line 1", NOW + (number - 9) * DAY)
        store.take([Entry("p1", version), weight("p1", 70.0 + number, "Observation/o1")], NOW)
    assert values(store) == [71.0]
    store.undo(1)
    assert values(store) == [70.0]


def test_a_withdrawal_is_taken_back_like_anything_else(store: Store) -> None:
    store.take([weight("p1", 70.0, "scale/1")], NOW)
    event = weight("p1", 70.0, "scale/1").item
    assert isinstance(event, Event)
    store.take([Entry("p1", msgspec.structs.replace(event, retracted=True, learned=NOW + DAY))], NOW + DAY)
    assert values(store) == []
    store.undo(2)
    assert values(store) == [70.0]


def test_what_it_quarantined_leaves_the_quarantine_unless_another_brought_it_too(store: Store) -> None:
    def aside(text: str) -> Entry:
        return Entry("p1", Quarantined(Finding("broken row", "conformance", "quarantine", text), None, text))

    store.take([aside("a"), aside("b")], NOW)
    store.take([aside("b")], NOW)
    store.undo(1)
    assert [item.document for item in store.quarantine("p1")] == ["b"]
    assert store.take([aside("a")], NOW).quarantined == 1
    store.undo(2)
    assert [item.document for item in store.quarantine("p1")] == ["a"]


def test_statements_about_the_person_go_with_their_import(store: Store) -> None:
    store.take([Entry("p1", Person("p1", birth_date="1964", gender="female"))], NOW)
    store.take([Entry("p1", Person("p1", birth_date="1946")), Entry("p1", Person("p1", gender="female"))], NOW)
    assert store.people()[0].birth_date == "1946"
    store.undo(2)
    assert store.people() == [Person("p1", birth_date="1964", gender="female")]
    store.undo(1)
    assert store.people() == []


def test_a_move_since_stands_against_it_until_it_is_moved_back(store: Store) -> None:
    store.take([*of("p1"), *of("p2")], NOW)
    store.move(["Observation/p1-o1"], "p1", "p2")
    with pytest.raises(PolluxError, match=re.escape(
        "import 1 cannot be taken back: Observation/p1-o1 of it was moved from p1 to p2 since [import 1]. "
        "Move it back first: pollux move Observation/p1-o1 --wrong p1 --right p2 --back."
    )):  # fmt: skip
        store.undo(1)
    store.move_back(["Observation/p1-o1"], "p1", "p2")
    store.undo(1)
    assert store.people() == []


def test_a_merge_since_stands_against_it_where_nobody_would_be_left(store: Store) -> None:
    store.take(of("p1"), NOW)
    store.take(of("p2"), NOW)
    store.merge("p1", "p2")
    with pytest.raises(PolluxError, match=re.escape(
        "import 1 cannot be taken back: all that is known of p1 came with it, and p1 was merged into p2 since "
        "[import 1]. Take them apart first: pollux unmerge p1."
    )):  # fmt: skip
        store.undo(1)
    assert len(values(store)) == 22  # nothing of it happened; what both read is one
    store.unmerge("p1")
    store.undo(1)
    assert [person.id for person in store.people()] == ["p2"]


def test_what_was_erased_since_is_told(store: Store) -> None:
    store.take(of("p1"), NOW)
    store.erase("p1")
    with pytest.raises(PolluxError, match=r"nothing of import 1 is here .* there is nothing to take back"):
        store.undo(1)
    store.take(of("p1"), NOW)
    assert store.imports()[0].number == 2  # a number is never given twice


def test_of_an_erased_person_nothing_stands_against_the_others(store: Store) -> None:
    store.take([*of("p1"), *of("p2")], NOW)
    store.erase("p1")
    assert store.undo(1).people == ("p2",)
    assert store.people() == []


@pytest.mark.parametrize("number", [7, -1])
def test_an_import_that_is_not_there_is_told(store: Store, number: int) -> None:
    with pytest.raises(UnknownName, match=f"there is no import {number}. `pollux imports` lists them"):
        store.undo(number)


def test_what_came_before_imports_were_counted_is_told(store: Store) -> None:
    with pytest.raises(PolluxError, match="what came before imports were counted cannot be taken back at once"):
        store.undo(0)


def test_what_is_taken_back_is_not_handed_out_as_theirs(store: Store) -> None:
    store.take([Entry("p1", Person("p1")), reading("p1", 1, 123.0)], NOW)
    store.take([document("p1", "o9"), reading("p1", 2, 321.125)], NOW)
    store.undo(2)
    bundle = b"".join(portable(store.held("p1"), NOW))
    assert SECRET.encode() not in bundle
    assert b"321.125" not in bundle
    assert b"123" in bundle


def test_it_is_in_the_audit_with_its_number(store: Store) -> None:
    store.take(of("p1"), NOW)
    store.undo(1)
    (act,) = [act for act in store.acts("p1") if act.action == "undo"]
    assert act.detail["import"] == 1
    assert store.verify()[0] == []


def test_a_copy_restored_and_a_new_key_remember_what_was_taken_back(place: Place, tmp_path: Path) -> None:
    with place.open(purpose="export") as store:
        store.take(of("p1"), NOW, taking=FILE)
        store.take([weight("p1", 80.0)], NOW)
        store.rotate("p1")
        store.undo(1)
        store.backup(tmp_path / "data", tmp_path / "keys")
    place.vanish()
    with place.restore(tmp_path / "data", tmp_path / "keys").by("restorer", "export") as store:
        assert [one.undone for one in store.imports()] == [True, False]
        assert values(store) == [80.0]
        assert store.take(of("p1"), NOW).number == 3
        assert len(values(store)) == 22


def test_a_store_of_the_schema_before_opens_and_counts_from_there(place: Place) -> None:
    place.open().close()
    place.execute("update alembic_version set version_num = '0003'")
    for table in ("imported", "counter"):
        place.execute(f"drop table {table}")
    with place.open(purpose="export") as store:
        assert store.take(of("p1"), NOW).number == 1
        assert store.undo(1).withdrawn == 21


def test_an_erasure_of_what_was_moved_here_takes_the_notes_along(store: Store) -> None:
    """What an import said again of a thing that was another's goes when the other one is erased."""
    source = Source("scale", "s.csv", "line 2")
    wrong = Entry("p1", Event(datetime(2026, 1, 1, tzinfo=UTC), "body_weight", 66.6, "kg", source, NOW, id="scale/9"))
    store.take([*of("p1"), wrong], NOW)
    store.take([wrong], NOW)
    store.take(of("p2"), NOW)
    store.move(["scale/9"], "p1", "p2")
    store.erase("p2")
    assert [str(trouble) for trouble in store.doctor() if trouble.serious] == []
    store.release("p1")
    assert all(one.id != "scale/9" for one in store.record("p1").events)
    with store._database.reading() as connection:  # nobody hands it out; it must not lie there either
        from pollux.store.imports import every_import

        noted = [event.id for _, note in every_import(connection, store._keys) for event, _ in note.known_events()]
    assert "scale/9" not in noted
