"""The store keeps everything or nothing, twice is once, and newer versions supersede."""

import json
import random
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from pollux.errors import PolluxError, RefusedInput, UnknownName
from pollux.record import Document, Entry, Event, Finding, Person, Quarantined, Source
from pollux.store import Receipt, Store
from tests.store.made import reading
from tests.store.places import Place, only

NOW = datetime(2026, 3, 1, tzinfo=UTC)
METER = Source("meter", "meter.csv", "line 2")


@pytest.fixture
def store(place: Place) -> Iterator[Store]:
    with place.open() as opened:
        yield opened


def weight(value: float = 70.0, *, id: str = "", learned: datetime = NOW, days: int = 1, part: str = "") -> Entry:
    name = f"{id}#{part}" if part else id
    return Entry("p1", Event(NOW - timedelta(days=days), "body_weight", value, "kg", METER, learned, id=name))


def document(text: str = "{}", *, id: str = "o1", updated: datetime | None = None, understood: bool = True) -> Entry:
    return Entry("p1", Document("Observation", id, "", text.encode(), "line 1", updated, understood))


def values(store: Store) -> list[object]:
    return [event.value for event in store.record("p1").current]


def test_what_is_taken_can_be_read_again(store: Store) -> None:
    person = Person("p1", birth_date="1964-06", gender="female")
    receipt = store.take([Entry("p1", person), weight(), document('{"a": 1}')], NOW)
    assert (receipt.accepted, receipt.documents, receipt.quarantined, receipt.people) == (1, 1, 0, ("p1",))
    assert store.people() == [person]
    assert store.record("p1").events == (weight().item,)
    assert [kept.content for kept in store.documents("p1")] == [b'{"a": 1}']


def test_a_record_on_several_pages_is_whole(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pollux.store.open_chart.MOST_ON_A_PAGE", 2)
    store.take([weight(70.0 + i, days=i + 1) for i in range(5)], NOW)
    assert values(store) == [74.0, 73.0, 72.0, 71.0, 70.0]
    assert [e.value for e in store.latest("p1", 3)] == [70.0, 71.0, 72.0]


def test_it_is_still_there_after_closing(place: Place) -> None:
    with place.open() as store:
        store.take([weight()], NOW)
    with place.open() as store:
        assert values(store) == [70.0]


def test_an_event_goes_through_the_door(store: Store) -> None:
    receipt = store.take([weight(5e6), weight(300.0)], NOW)
    assert (receipt.accepted, receipt.quarantined) == (1, 1)
    assert receipt.report.findings[0].rule == "impossible value"
    (kept,) = store.quarantine("p1")
    assert kept.event == weight(5e6).item
    assert store.record("p1").current[0].flags == ("implausible value",)


def test_an_error_on_the_way_leaves_nothing_behind(store: Store, place: Place) -> None:
    store.take([weight()], NOW)
    before = place.dump()

    def broken() -> Iterator[Entry]:
        yield weight(71.0)
        yield document()
        yield Entry("p2", Person("p2"))
        raise RefusedInput("the file ends in the middle")

    with pytest.raises(RefusedInput):
        store.take(broken(), NOW)
    assert place.dump() == before
    assert store.take([weight(71.0)], NOW).accepted == 1


KILLED = """
import os, sys
from datetime import UTC, datetime
from pathlib import Path
from pollux.record import Entry, Event, Source
from pollux.store import Store
now = datetime(2026, 3, 1, tzinfo=UTC)
def entries():
    for i in range(20000):
        time = datetime.fromtimestamp(1.7e9 + 60 * i, UTC)
        yield Entry("p1", Event(time, "body_weight", 70.0, "kg", Source("scale", "scale.csv"), now))
    os._exit(9)
Store.open(Path(sys.argv[1])).take(entries(), now)
"""


@pytest.mark.slow
@only("sqlite")
def test_a_process_killed_in_the_middle_leaves_nothing_behind(place: Place) -> None:
    with place.open() as store:
        store.take([weight()], NOW)
    before = place.dump()
    done = subprocess.run([sys.executable, "-c", KILLED, str(place.where)], check=False)
    assert done.returncode == 9
    assert place.dump() == before
    with place.open() as store:
        assert values(store) == [70.0]


def test_the_order_of_entries_changes_nothing(place: Place) -> None:
    entries = [weight(70.0 + i, days=i + 1) for i in range(5)]
    records = []
    for i, order in enumerate((entries, entries[::-1])):
        with place.another(f"{i}.db").open() as store:
            store.take(order, NOW)
            records.append(store.record("p1"))
    assert records[0] == records[1]


def test_a_newer_version_of_a_document_corrects_its_events(store: Store) -> None:
    store.take([document("1"), weight(70.0, id="Observation/o1")], NOW)
    later = NOW + timedelta(days=1)
    store.take([document("2"), weight(71.0, id="Observation/o1", learned=later)], later)
    assert values(store) == [71.0]
    assert [event.value for event in store.record("p1").as_known_at(NOW).current] == [70.0]


def test_what_a_newer_version_no_longer_states_is_withdrawn(store: Store) -> None:
    first = [weight(70.0, id="Observation/o1", part="a"), weight(71.0, id="Observation/o1", part="b")]
    store.take([document("1"), *first], NOW)
    later = NOW + timedelta(days=1)
    receipt = store.take([document("2"), weight(70.0, id="Observation/o1", part="a", learned=later)], later)
    assert (receipt.accepted, receipt.withdrawn, receipt.already_known) == (0, 1, 1)
    assert values(store) == [70.0]


def test_two_versions_in_one_file_stand_in_the_order_of_their_dates(place: Place) -> None:
    old, new = NOW - timedelta(days=9), NOW - timedelta(days=2)
    first = [document("1", updated=old), weight(70.0, id="Observation/o1")]
    second = [document("2", updated=new), weight(71.0, id="Observation/o1")]
    for i, entries in enumerate((first + second, second + first)):
        with place.another(f"{i}.db").open() as store:
            receipt = store.take(entries, NOW)
            assert values(store) == [71.0]
            assert receipt.documents == 2
            assert receipt.outdated == i


def test_a_correction_that_is_taken_back_by_a_third_version_stands(store: Store) -> None:
    for i, value in enumerate((70.0, 71.0, 70.0)):
        now = NOW + timedelta(days=i)
        store.take([document(str(i)), weight(value, id="Observation/o1", learned=now)], now)
    assert values(store) == [70.0]


def test_an_old_file_imported_again_does_not_undo_a_correction(store: Store) -> None:
    first = [document("1"), weight(70.0, id="Observation/o1")]
    store.take(first, NOW)
    later = NOW + timedelta(days=1)
    store.take([document("2"), weight(71.0, id="Observation/o1", learned=later)], later)
    again = store.take(first, later + timedelta(days=1))
    assert not again.changed
    assert values(store) == [71.0]


def test_documents_of_which_nothing_is_read_are_counted(store: Store) -> None:
    receipt = store.take([document(understood=False), document("2", id="o2", understood=False)], NOW)
    assert receipt.kept == {"Observation": 2}


def test_export_gives_the_newest_version_of_each_resource_as_received(store: Store) -> None:
    text = '{"resourceType": "Observation",\r\n  "value": 1.50}'
    store.take([document('{"old": 1}'), document(text), document("{}", id="o2")], NOW)
    lines = list(store.export("p1"))
    assert lines == [b'{"resourceType": "Observation",  "value": 1.50}\n', b"{}\n"]
    assert json.loads(lines[0]) == json.loads(text)


def test_a_person_is_put_together_from_what_was_stated(store: Store) -> None:
    store.take([Entry("p1", Person("p1", timezone="Europe/Berlin"))], NOW)
    store.take([Entry("p1", Person("p1", birth_date="1964"))], NOW + timedelta(days=1))
    assert store.people() == [Person("p1", birth_date="1964", timezone="Europe/Berlin")]


def test_an_older_statement_about_a_person_that_comes_late_changes_nothing(store: Store) -> None:
    def patient(text: str, days: int) -> Entry:
        return Entry("p1", Document("Patient", "p1", "", text.encode(), "line 1", NOW - timedelta(days=days)))

    new = [patient("2", 1), Entry("p1", Person("p1", birth_date="1965"))]
    old = [patient("1", 9), Entry("p1", Person("p1", birth_date="1964"))]
    for entries in (new, old, old):
        store.take(entries, NOW)
        assert store.people() == [Person("p1", birth_date="1965")]


def test_an_event_of_somebody_unknown_makes_a_person(store: Store) -> None:
    store.take([weight()], NOW)
    assert store.people() == [Person("p1")]


def test_what_belongs_to_nobody_is_kept(store: Store) -> None:
    finding = Finding("nobody's", "conformance", "quarantine", "its subject cannot be found")
    receipt = store.take([Entry("", Quarantined(finding, None, "Observation/o1"))], NOW)
    assert (receipt.quarantined, receipt.people) == (1, ())
    assert store.quarantine("")[0].finding == finding


def test_an_unknown_person_is_told_without_naming_others_and_the_attempt_is_written_down(store: Store) -> None:
    store.take([weight()], NOW)
    with pytest.raises(UnknownName, match=r"nobody here has the id 'p9' .*`pollux people` lists who is known") as told:
        store.record("p9")
    assert "p1" not in str(told.value).replace(str(store._database.where), "")
    (refused,) = [act for act in store.acts() if act.action == "refused"]
    assert refused.detail == {"of": "record", "why": "unknown"}


def test_the_checkpoint_saved_last_is_given_back(store: Store) -> None:
    assert store.checkpoint("p1", "twin") is None
    store.save_checkpoint("p1", "twin", b"one", NOW)
    store.save_checkpoint("p1", "twin", b"two", NOW)
    store.save_checkpoint("p2", "twin", b"other", NOW)
    assert store.checkpoint("p1", "twin") == b"two"


def test_a_receipt_can_be_read(store: Store) -> None:
    assert store.take([weight(5e6)], NOW).text() == (
        "0 events accepted, 1 quarantined, 0 documents kept, 0 known already; people: p1\n"
        "  quarantine: impossible value (plausibility), 1 time\n"
        "    meter.csv line 2: 5e+06 kg cannot be (0.2-700 kg can)"
    )
    assert Receipt().changed is False


@only("sqlite")
@pytest.mark.parametrize(
    "content", [b"this is no database, whatever its name" * 40, b"SQLite format 3\0" + b"\xff" * 4096]
)
def test_a_file_that_is_no_store_is_refused(content: bytes, place: Place) -> None:
    place.path.write_bytes(content)
    with pytest.raises(PolluxError, match="the store is damaged or is no Pollux store"):
        place.open()


def test_a_database_of_another_program_is_left_alone(place: Place) -> None:
    place.execute("create table mail (words text)")
    before = place.dump()
    with pytest.raises(PolluxError, match="this is a database of another program"):
        place.open()
    assert place.dump() == before


def test_a_store_of_newer_software_is_refused(place: Place) -> None:
    place.open().close()
    place.execute("update alembic_version set version_num = '9999'")
    with pytest.raises(PolluxError, match=r"the store was made by newer software \(schema 9999, this is 0004\)"):
        place.open()


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(PolluxError, match="the store cannot be opened"):
        Store.open(tmp_path / "nowhere" / "store.db")


@only("sqlite")
def test_a_store_that_another_process_writes_to_is_told(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pollux.store.database.PATIENCE", 0.05)
    with place.open() as store:
        other = sqlite3.connect(place.path, isolation_level=None)
        other.execute("begin immediate")
        with pytest.raises(PolluxError, match="the store is in use"):
            store.take([weight()], NOW)
        other.execute("rollback")
        other.close()
        assert store.take([weight()], NOW).accepted == 1


@only("sqlite")
def test_a_full_disk_leaves_the_store_as_it_was(store: Store, place: Place) -> None:
    store.take([weight()], NOW)
    before = place.dump()
    with store._database._writer.connect() as connection:
        pages = connection.exec_driver_sql("pragma page_count").scalar()
        connection.exec_driver_sql(f"pragma max_page_count = {pages}")
    with pytest.raises(PolluxError, match="the disk is full"):
        store.take([document(random.Random(1).randbytes(200_000).hex())], NOW)
    assert place.dump() == before


def test_two_readers_see_what_was_committed(store: Store, place: Place) -> None:
    with place.open() as other:
        store.take([weight()], NOW)
        assert values(other) == [70.0]


LATER = NOW + timedelta(days=1)  # than all changes: one that is to come is not believed


def corrected(value: float, learned: int, modified: int | None = None) -> Entry:
    """A weight under one id, without a document, learned and changed so many hours after the first of March."""
    changed = None if modified is None else NOW + timedelta(hours=modified)
    return Entry("p1", Event(NOW - timedelta(days=1), "body_weight", value, "kg", METER, NOW + timedelta(hours=learned),
                             id="nightscout/w", modified=changed))  # fmt: skip


def test_a_value_corrected_and_corrected_back_stands_when_the_source_says_when(store: Store) -> None:
    for i, value in enumerate((70.0, 71.0, 70.0)):
        assert store.take([corrected(value, i, i)], NOW + timedelta(hours=i)).accepted == 1
        assert values(store) == [value]


def test_no_old_file_undoes_a_correction_to_an_event_without_a_document(store: Store) -> None:
    for dated in (True, False):
        for i, value in enumerate((70.0, 71.0)):
            store.take([corrected(value, i, i if dated else None)], NOW + timedelta(hours=i))
        again = store.take([corrected(70.0, 5, 0 if dated else None)], NOW + timedelta(hours=5))
        assert not again.changed
        assert values(store) == [71.0]


def test_the_version_changed_last_stands_whatever_comes_first(place: Place) -> None:
    versions = [corrected(70.0, 0, 0), corrected(71.0, 0, 1), corrected(70.0, 0, 2), corrected(72.0, 0, 3)]
    for i, order in enumerate((versions, versions[::-1], versions[2:] + versions[:2])):
        with place.another(f"{i}.db").open() as store:
            store.take(order, LATER)
            assert values(store) == [72.0]
            assert not store.take(order, LATER).changed
            assert len(store.quarantine("p1")) + len(store.record("p1").events) >= 2


def test_an_outdated_version_is_kept_in_quarantine(store: Store) -> None:
    store.take([corrected(71.0, 0, 1)], LATER)
    assert store.take([corrected(70.0, 1, 0)], LATER).quarantined == 1
    assert store.quarantine("p1")[0].finding.rule == "outdated"
    assert values(store) == [71.0]


def test_a_large_file_is_not_held_against_its_own_beginning(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its readings repeat themselves every day, and most are written before the last is read."""
    from pollux.store.filing import Filing

    monkeypatch.setattr("pollux.store.taken_again.MOST", 20)
    monkeypatch.setattr(Filing, "breathe", Filing.close)
    some = [msgspec.structs.replace(reading("p1", i, 100.0 + i % 12), by="device") for i in range(700)]
    receipt = store.take(some, NOW)
    assert (receipt.accepted, receipt.report.findings) == (700, ())


def test_what_corrects_itself_says_nothing_twice(store: Store) -> None:
    dose = Event(NOW - timedelta(hours=2), "insulin_bolus", 5.0, "U", Source("pump", "p.json", "line 1"), NOW, id="d/1")
    store.take([Entry("p1", dose, by="device")], NOW)
    receipt = store.take([Entry("p1", msgspec.structs.replace(dose, value=5.02), by="device")], NOW + timedelta(1))
    assert (receipt.accepted, receipt.report.findings) == (1, ())
