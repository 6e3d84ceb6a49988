"""What is handed to a person: everything, valid, and such that another store understands it the same."""

import base64
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pollux.errors import PolluxError
from pollux.record import Entry, Event, Person, Source
from pollux.record.event import Code
from pollux.sources import read
from pollux.sources.fhir import audit_event, portable
from pollux.sources.fhir.validate import problems
from pollux.store import Store
from tests.store.made import NOW, of, reading, weight
from tests.store.places import Place

METER = Source("meter", "meter.csv", "line 2", "M7")
RESOURCE = b"""{"resourceType": "Observation", "id": "o9", "status": "final",
 "code": {"coding": [{"system": "http://loinc.org", "code": "29463-7"}]}, "subject": {"reference": "Patient/p1"},
 "effectiveDateTime": "2026-01-01T08:00:00Z", "valueQuantity": {"value": 70.0100, "unit": "kg"}}"""


def entries() -> list[Entry]:
    """One person with something of everything."""
    started = Code("http://snomed.info/sct", "1", "started")
    return [
        Entry("p1", Person("p1", birth_date="1964", gender="female")),
        *(reading("p1", i, 100.0 + i) for i in range(20)),
        reading("p1", 30, 90.0, id="sensor/30"),
        Entry("p1", Event(NOW, "insulin_basal_rate", 0.85, "U/h", METER, NOW, end=NOW)),
        Entry("p1", Event(NOW, "cgm_glucose", 400.0, "mg/dL", METER, NOW, comparator=">", id="high")),
        Entry("p1", Event(NOW, "sensor_start", started, "", METER, NOW, id="start")),
        Entry("p1", Event(NOW, "body_height", 1.7, "m", METER, NOW, precision="day", id="height")),
        weight("p1", 5e6, id="scale"),
    ]


def filled(store: Store, folder: Path) -> None:
    (folder / "record.json").write_bytes(RESOURCE)
    store.take(read(folder / "record.json", learned=NOW), NOW)
    store.take(entries(), NOW)
    store.take([reading("p1", 30, 91.0, id="sensor/30")], NOW)
    store.save_checkpoint("p1", "twin", b"what was learned", NOW)
    store.by("dr smith", "treatment").latest("p1")


def bundle_of(store: Store) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(b"".join(portable(store.by("office", "export").held("p1"), NOW)))
    return made


@pytest.fixture
def store(place: Place, tmp_path: Path) -> Any:
    with place.open() as opened:
        filled(opened, tmp_path)
        yield opened


def test_every_resource_is_valid(store: Store) -> None:
    found = bundle_of(store)
    urls = [entry["fullUrl"] for entry in found["entry"]]
    assert len(urls) == len(set(urls))
    for entry in found["entry"]:
        raw = json.dumps(entry["resource"]).encode()
        assert problems(entry["resource"], raw) == [], raw
    assert problems(found, json.dumps(found).encode()) == []


def test_another_store_understands_it_the_same(store: Store, place: Place, tmp_path: Path) -> None:
    file = tmp_path / "held.json"
    file.write_bytes(b"".join(portable(store.held("p1"), NOW)))
    with place.another("other.db").open() as other:
        receipt = other.take(read(file, learned=NOW), NOW)
        mine, theirs = (
            sorted(str((e.time, e.end, e.quantity, e.value, e.unit, e.comparator, e.precision)) for e in record.current)
            for record in (store.record("p1"), other.record("p1"))
        )
        assert theirs == mine
        assert receipt.report.quarantined == 1
        assert other.quarantine("p1") == store.quarantine("p1")
        assert [p.id for p in other.people()] == ["p1"]


def test_what_was_received_stands_in_it_byte_for_byte(store: Store) -> None:
    assert RESOURCE in b"".join(portable(store.held("p1"), NOW))


def test_it_says_who_looked_where_things_came_from_and_what_is_not_used(store: Store) -> None:
    resources = [entry["resource"] for entry in bundle_of(store)["entry"]]
    kinds = {
        kind: [r for r in resources if r["resourceType"] == kind] for kind in {r["resourceType"] for r in resources}
    }
    seen = [(r["agent"][0]["who"]["display"], r["purposeOfEvent"][0]["text"]) for r in kinds["AuditEvent"]
            if r["action"] == "R" and "purposeOfEvent" in r]  # fmt: skip
    assert ("dr smith", "treatment") in seen
    assert {r["entity"][0]["what"]["display"] for r in kinds["Provenance"]} >= {"record.json", "made.csv", "meter.csv"}
    (outcome,) = kinds["OperationOutcome"]
    assert outcome["issue"][0]["details"]["text"] == "impossible value"
    (binary,) = kinds["Binary"]
    assert outcome["extension"][0]["valueReference"] == {"reference": f"Binary/{binary['id']}"}
    (state,) = kinds["DocumentReference"]
    assert (state["description"], state["date"]) == ("twin", "2026-03-01T00:00:00Z")
    assert base64.b64decode(state["content"][0]["attachment"]["data"]) == b"what was learned"
    targets = {t["reference"] for r in kinds["Provenance"] for t in r["target"]}
    assert {f"Observation/{r['id']}" for r in kinds["Observation"]} == targets


def test_a_line_of_the_audit_as_auditevent_lets_the_chain_be_followed(store: Store) -> None:
    for act in store.acts():
        made = audit_event(act)
        assert problems(made, msgspec.json.encode(made)) == []
        details = {d["type"]: d["valueString"] for d in made["entity"][0]["detail"]}
        assert details["link"] == act.link
        assert "p1" not in json.dumps(made["entity"][0].get("what", {}))


def test_what_was_refused_is_told_as_a_failure_of_what_was_asked(store: Store) -> None:
    store.restrict("p1", "accuracy contested")
    store.hold("p1", "a claim")
    for ask in (store.record, store.erase):
        with pytest.raises(PolluxError):
            ask("p1")
    with pytest.raises(PolluxError):
        store.record("nobody")
    made = [audit_event(act) for act in store.acts()]
    assert all(problems(one, msgspec.json.encode(one)) == [] for one in made)
    failed = [(one["action"], one["outcome"], one["outcomeDesc"]) for one in made if one["outcome"] != "0"]
    assert failed == [
        ("R", "4", "refused: forbidden"),
        ("D", "4", "refused: forbidden"),
        ("R", "4", "refused: unknown"),
    ]
    assert all("outcomeDesc" not in one for one in made if one["outcome"] == "0")


def test_who_has_no_resource_of_their_own_gets_one(place: Place) -> None:
    with place.another("other.db").open() as store:
        store.take(of("p1")[3:], NOW)
        patients = [e["resource"] for e in bundle_of(store)["entry"] if e["resource"]["resourceType"] == "Patient"]
    assert patients == [{"resourceType": "Patient", "id": "p1"}]


def test_nothing_of_it_is_nobodys_elsewhere_and_all_of_it_can_be_erased(
    store: Store, place: Place, tmp_path: Path
) -> None:
    file = tmp_path / "held.json"
    file.write_bytes(b"".join(portable(store.held("p1"), NOW)))
    with place.another("other.db").open() as other:
        other.take(read(file, learned=NOW), NOW)
        assert list(other.documents("")) == []
        other.erase("p1")
        assert other.people() == []
        assert list(other.documents("")) == []


def test_it_is_handed_out_while_processing_is_restricted(store: Store) -> None:
    store.restrict("p1", "accuracy contested")
    assert len(bundle_of(store)["entry"]) > 20
