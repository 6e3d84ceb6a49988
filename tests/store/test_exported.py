"""An export taken in elsewhere is the same record, exactly; taken in where it came from it changes nothing."""

import json
from collections import defaultdict
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pollux.record import Entry, Event, Person, Record, Source
from pollux.sources import read
from pollux.sources.fhir import portable
from pollux.sources.fhir.validate import problems
from pollux.store import Receipt, Store
from tests.store.made import NOW, reading, weight
from tests.store.places import Place
from tests.store.test_answers import answered, statuses
from tests.store.test_deletions import delete, take_history, version
from tests.store.test_transactions import patient, post, put, send
from tests.store.test_transactions import weight as weighed

SUBJECT = {"reference": "Patient/ada"}
SNOMED = {"coding": [{"system": "http://snomed.info/sct", "code": "44054006"}]}
CONDITION = {"resourceType": "Condition", "id": "c", "subject": SUBJECT, "code": SNOMED,
             "onsetDateTime": "2020-01-01T00:00:00",
             "clinicalStatus": {"coding": [{"code": "active"}]}}  # fmt: skip
REQUEST = {"resourceType": "MedicationRequest", "id": "m", "status": "active", "intent": "order", "subject": SUBJECT,
           "authoredOn": "2020", "medicationReference": {"reference": "Medication/x"}}  # fmt: skip
PUMP = Source("pump", "pump.json", "entry 1", "P9")


def dose(value: float, changed: int) -> Entry:
    modified = NOW - timedelta(hours=9 - changed)
    return Entry("ada", Event(NOW - timedelta(hours=9), "insulin_bolus", value, "U", PUMP, NOW, flags=("manual",),
                              id="t1", modified=modified))  # fmt: skip


def life(store: Store, folder: Path) -> None:
    """A person with something of everything that an export could lose."""
    file = folder / "berlin.json"
    entries = [put(patient("ada")), put(CONDITION), put({"resourceType": "Medication", "id": "x", "code": SNOMED}),
               put(REQUEST)]  # fmt: skip
    file.write_text(json.dumps({"resourceType": "Bundle", "type": "transaction", "entry": entries}))
    store.take(read(file, learned=NOW, timezone="Europe/Berlin"), NOW)
    send(store, folder, post(weighed("Patient/ada", 71.0, "theirs"), "http://x.example/Observation/theirs"))
    told = Person("ada", sex_at_birth="female", ancestry="European", timezone="Europe/Berlin", synthetic=True)
    store.take([Entry("ada", told), *(reading("ada", i, 100.0 + i) for i in range(3))], NOW)
    for value, changed in ((5.0, 1), (6.0, 2), (5.0, 3)):  # corrected, and corrected back
        store.take([dose(value, changed)], NOW)
    store.take([weight("ada", 5e6, id="scale")], NOW)
    for value in (61.0, 62.0):
        send(store, folder, put(weighed("Patient/ada", value, "often")))
    send(store, folder, put(weighed("Patient/ada", 63.0, "gone")))
    send(store, folder, delete("Observation/gone"))
    send(store, folder, put(weighed("Patient/ada", 64.0, "back")))
    send(store, folder, delete("Observation/back"))
    send(store, folder, put(weighed("Patient/ada", 64.0, "back") | {"language": "en"}))
    history = [version(n, 80.0) | {"resource": weighed("Patient/ada", 80.0 + n)} for n in (2, 1)]
    take_history(store, folder, *history)
    send(store, folder, put(patient("bob", "43")), put(weighed("Patient/bob", 72.0, "bobs")))
    store.merge("bob", "ada")
    send(store, folder, put(patient("wrong", "44")), put(weighed("Patient/wrong", 73.0, "astray")))
    store.move(["Observation/astray"], "wrong", "ada")
    store.save_checkpoint("ada", "twin", b"first", NOW)
    store.save_checkpoint("ada", "twin", b"second", NOW + timedelta(days=1))
    store.hold("ada", "a claim")


def export_of(store: Store, folder: Path, person: str = "ada") -> Path:
    file = folder / "export.json"
    file.write_bytes(b"".join(portable(store.by("office", "export").held(person), NOW)))
    return file


def take(store: Store, file: Path) -> Receipt:
    return store.take(read(file, learned=NOW), NOW)


def course(record: Record) -> dict[str, list[Any]]:
    """All versions of each event in order, in full but for when they were learned."""
    found: dict[str, list[Any]] = defaultdict(list)
    for event in sorted(record.events, key=lambda e: e.learned):
        found[event.id].append(msgspec.structs.replace(event, learned=NOW))
    return found


def stated(record: Record) -> list[Event]:
    return [msgspec.structs.replace(event, learned=NOW) for event in record.current]


def versions(store: Store) -> list[Any]:
    """Every version of every resource that was received, in order; the export's own come behind them by their ids."""
    documents = [d for d in store.held("ada").documents if not d.content.startswith(b'{"resourceType":"')]
    return sorted(((d.name, d.updated, d.content) for d in documents), key=lambda one: one[0])


@pytest.fixture
def store(place: Place, tmp_path: Path) -> Any:
    with place.open() as opened:
        life(opened, tmp_path)
        yield opened


def test_the_life_has_what_could_be_lost(store: Store) -> None:
    record = store.record("ada")
    standing = {event.id: event for event in record.current}
    assert standing["Condition/c"].time.isoformat() == "2019-12-31T23:00:00+00:00"
    assert standing["t1"].value == 5.0
    assert standing["MedicationRequest/m"].value
    assert {event.value for event in record.of("body_weight")} == {62.0, 64.0, 71.0, 72.0, 73.0, 82.0}
    assert len(record.events) > len(record.current) + 4


def test_elsewhere_it_is_the_same_record_exactly(store: Store, place: Place, tmp_path: Path) -> None:
    file = export_of(store, tmp_path)
    with place.another("other.db").open() as other:
        take(other, file)
        assert [p.id for p in other.people()] == ["ada"]
        mine, theirs = store.record("ada"), other.record("ada")
        assert theirs.person == mine.person
        assert stated(theirs) == stated(mine)
        wanted = course(mine)
        moved = {id for id in wanted if id.startswith("Observation/astray")}
        assert {id: said for id, said in course(theirs).items() if id not in moved} == {
            id: said for id, said in wanted.items() if id not in moved}  # fmt: skip
        assert [str(t) for t in other.doctor() if t.serious] == []


def test_elsewhere_resources_have_the_same_names_and_versions(store: Store, place: Place, tmp_path: Path) -> None:
    file = export_of(store, tmp_path)
    with place.another("other.db").open() as other:
        take(other, file)
        assert set(other.export("ada")) >= set(store.export("ada"))
        assert versions(other) == versions(store)


def test_elsewhere_the_same_is_in_quarantine(store: Store, place: Place, tmp_path: Path) -> None:
    for code in ("unknown", "0-0"):  # one resource with two findings
        broken = weighed("Patient/ada", 70.0, "broken") | {"code": {"coding": [{"system": "urn:x", "code": code}]}}
        send(store, tmp_path, put(broken))
    file = export_of(store, tmp_path)
    with place.another("other.db").open() as other:
        take(other, file)
        assert len(store.quarantine("ada")) == 3
        assert other.quarantine("ada") == store.quarantine("ada")
    urls = [entry["fullUrl"] for entry in json.loads(file.read_bytes())["entry"]]
    assert len(urls) == len(set(urls))


def test_where_it_came_from_it_changes_nothing_of_the_record(store: Store, tmp_path: Path) -> None:
    before = store.record("ada"), store.record("wrong"), store.people(), store.quarantine("ada")
    receipt = take(store, export_of(store, tmp_path))
    assert (receipt.accepted, receipt.withdrawn, receipt.quarantined) == (0, 0, 0)
    assert (store.record("ada"), store.record("wrong"), store.people(), store.quarantine("ada")) == before
    assert [str(t) for t in store.doctor() if t.serious] == []


def test_twice_is_once_and_an_export_of_it_says_the_same(store: Store, place: Place, tmp_path: Path) -> None:
    file = export_of(store, tmp_path)
    with place.another("other.db").open() as other, place.another("third.db").open() as third:
        take(other, file)
        assert not take(other, file).changed
        take(third, export_of(other, tmp_path))
        assert (third.record("ada").person, stated(third.record("ada"))) == (
            store.record("ada").person, stated(store.record("ada")))  # fmt: skip


def test_what_the_other_store_knows_already_goes_on(store: Store, place: Place, tmp_path: Path) -> None:
    """It had the first version from the hospital, and gets a third one later."""
    with place.another("other.db").open() as other:
        send(other, tmp_path, put(patient("ada")), put(weighed("Patient/ada", 61.0, "often")))
        take(other, export_of(store, tmp_path))
        assert stated(other.record("ada")) == stated(store.record("ada"))
        for one in (store, other):
            send(one, tmp_path, put(weighed("Patient/ada", 99.0, "often")))
            standing = [e.value for e in one.record("ada").current if e.id == "Observation/often"]
            assert standing == [99.0]


def test_what_the_other_store_corrected_since_stands(store: Store, place: Place, tmp_path: Path) -> None:
    file = export_of(store, tmp_path)
    with place.another("other.db").open() as other:
        take(other, file)
        other.take([dose(7.0, 4)], NOW)
        take(other, file)
        assert [e.value for e in other.record("ada").current if e.id == "t1"] == [7.0]


def test_the_bundle_is_valid_and_says_what_the_patient_resource_cannot(store: Store, tmp_path: Path) -> None:
    store.restrict("ada", "accuracy contested")
    text = export_of(store, tmp_path).read_bytes()
    bundle = json.loads(text)
    assert problems(bundle, text) == []
    for entry in bundle["entry"]:
        assert problems(entry["resource"], json.dumps(entry["resource"]).encode()) == []
    urls = [entry["fullUrl"] for entry in bundle["entry"]]
    assert len(urls) == len(set(urls))
    (about,) = [e["resource"] for e in bundle["entry"] if "person" in json.dumps(e["resource"].get("code", ""))]
    said = {one["url"]: one.get("valueString", one.get("extension")) for one in about["extension"]}
    assert said["urn:pollux:person:timezone"] == "Europe/Berlin"
    assert said["urn:pollux:person:ancestry"] == "European"
    assert said["urn:pollux:restricted"] == "accuracy contested"
    assert said["urn:pollux:hold"][0] == {"url": "reason", "valueString": "a claim"}
    states = [e["resource"] for e in bundle["entry"] if e["resource"]["resourceType"] == "DocumentReference"]
    assert [(s["description"], s["date"], s["status"]) for s in states] == [
        ("twin", "2026-03-01T00:00:00Z", "superseded"), ("twin", "2026-03-02T00:00:00Z", "current")]  # fmt: skip


def test_holds_and_restriction_are_told_and_not_taken_over(store: Store, place: Place, tmp_path: Path) -> None:
    store.restrict("ada", "accuracy contested")
    file = export_of(store, tmp_path)
    with place.another("other.db").open() as other:
        take(other, file)
        assert other.record("ada").current
        other.erase("ada")
        assert other.people() == []


def test_every_entry_of_an_export_has_an_answer(store: Store, place: Place, tmp_path: Path) -> None:
    file = export_of(store, tmp_path)
    with place.another("other.db").open() as other:
        (line,) = answered(other, file)
        assert len(statuses(line)) == len(json.loads(file.read_bytes())["entry"])
        assert problems(line, json.dumps(line).encode()) == []


@pytest.mark.parametrize(("old", "new"), [('\\"unit\\":\\"U\\"', '\\"unit\\":5'), ("insulin_bolus", "insulin_ball")])
def test_what_is_not_as_it_was_exported_is_quarantined_and_the_rest_comes_in(
    store: Store, place: Place, tmp_path: Path, old: str, new: str
) -> None:
    file = export_of(store, tmp_path)
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))
    with place.another("other.db").open() as other:
        receipt = take(other, file)
        assert "this is not as Pollux exports it" in receipt.text()
        assert {e.id for e in store.record("ada").current} - {e.id for e in other.record("ada").current} == {"t1"}


def test_the_exports_of_two_people_do_not_meet(store: Store, place: Place, tmp_path: Path) -> None:
    with place.another("other.db").open() as other:
        take(other, export_of(store, tmp_path))
        take(other, export_of(store, tmp_path, "wrong"))
        assert stated(other.record("ada")) == stated(store.record("ada"))
        assert other.record("wrong").current == ()
        (person,) = [p for p in other.people() if p.id == "wrong"]
        assert person == store.record("wrong").person
        names = [{d.name for d in other.documents(id)} for id in ("ada", "wrong")]
        assert not names[0] & names[1]
