"""FHIR transactions: ids of our own, conditional creates, and the same answer to the same bundle."""

import json
from pathlib import Path
from typing import Any

import pytest

from pollux.record.entry import Answer, own_id
from pollux.sources import read
from pollux.store import Receipt, Store
from tests.store.made import NOW
from tests.store.places import Place

CARD = "http://clinic.example/card|42"


def patient(id: str = "1", card: str = "42", **more: Any) -> dict[str, Any]:
    identifier = [{"system": "http://clinic.example/card", "value": card}]
    return {"resourceType": "Patient", "id": id, "identifier": identifier, "birthDate": "1964-06-01", **more}


def weight(subject: str, value: float = 70.0, id: str = "w") -> dict[str, Any]:
    coding = [{"system": "http://loinc.org", "code": "29463-7"}]
    quantity = {"value": value, "unit": "kg", "system": "http://unitsofmeasure.org", "code": "kg"}
    return {"resourceType": "Observation", "id": id, "status": "final", "code": {"coding": coding},
            "subject": {"reference": subject}, "effectiveDateTime": "2026-01-01T08:00:00Z",
            "valueQuantity": quantity}  # fmt: skip


def post(resource: dict[str, Any], url: str = "", unless: str = "") -> dict[str, Any]:
    request = {"method": "POST", "url": resource["resourceType"]} | ({"ifNoneExist": unless} if unless else {})
    return {"resource": resource, "request": request} | ({"fullUrl": url} if url else {})


def send(store: Store, folder: Path, *entries: dict[str, Any]) -> tuple[Receipt, list[Answer]]:
    """Take a transaction in; the receipt and the answers."""
    file = folder / "transaction.json"
    file.write_text(json.dumps({"resourceType": "Bundle", "type": "transaction", "entry": entries}))
    answers: list[Answer] = []
    return store.take(read(file, learned=NOW), NOW, answers.append), answers


@pytest.fixture
def store(place: Place) -> Any:
    with place.open() as opened:
        yield opened


def test_the_same_bundle_twice_gives_the_same_answer_and_no_new_row(place: Place, tmp_path: Path) -> None:
    entries = (post(patient(), "urn:uuid:a", "identifier=" + CARD), post(weight("urn:uuid:a"), "urn:uuid:b"))
    with place.open() as store:
        first, answers = send(store, tmp_path, *entries)
    before = place.dump()
    with place.open() as store:
        second, again = send(store, tmp_path, *entries)
    after = place.dump()
    assert first.documents == 2
    assert first.accepted == 1
    assert not second.changed
    assert again == answers
    assert {table for table in after if after[table] != before[table]} <= {"audit"}


def test_what_two_hospitals_call_by_the_same_id_is_two_people(store: Store, tmp_path: Path) -> None:
    for hospital, card in (("a", "1"), ("b", "2")):
        url = f"http://{hospital}.example/fhir/Patient/1"
        send(store, tmp_path, post(patient("1", card), url), post(weight("Patient/1", 70.0 + int(card))))
    assert sorted(p.id for p in store.people()) == sorted(
        own_id(f"http://{hospital}.example/fhir/Patient/1") for hospital in "ab"
    )
    assert sorted(store.record(p.id).current[0].number() for p in store.people()) == [71.0, 72.0]


def test_a_conditional_create_finds_who_came_under_another_id(store: Store, tmp_path: Path) -> None:
    """Also for what stands before the patient in the bundle."""
    (tmp_path / "patient.json").write_text(json.dumps(patient("known-here")))
    store.take(read(tmp_path / "patient.json", learned=NOW), NOW)
    entries = (
        post(weight("urn:uuid:a"), "urn:uuid:b"),
        post(patient("their-id", gender="female"), "urn:uuid:a", "identifier=http%3A%2F%2Fclinic.example%2Fcard%7C42"),
    )
    _, answers = send(store, tmp_path, *entries)
    assert [p.id for p in store.people()] == ["known-here"]
    assert len(store.record("known-here").current) == 1
    assert store.people()[0].gender == ""  # what is there is not changed by a create
    assert [(a.name, a.created) for a in answers] == [("Observation/b", True), ("Patient/known-here", False)]


def test_a_conditional_create_of_nobody_known_creates_once(store: Store, tmp_path: Path) -> None:
    for url in ("urn:uuid:a", "urn:uuid:another"):
        entries = (post(patient(), url, "identifier=" + CARD), post(weight(url, id=url), url + "-w"))
        send(store, tmp_path, *entries)
    assert [p.id for p in store.people()] == [own_id(f"Patient?identifier={CARD}")]
    assert len(list(store.documents(store.people()[0].id))) == 3


def test_a_reference_by_identifier_finds_the_person(store: Store, tmp_path: Path) -> None:
    (tmp_path / "patient.json").write_text(json.dumps(patient("known-here")))
    store.take(read(tmp_path / "patient.json", learned=NOW), NOW)
    send(store, tmp_path, post(weight("Patient?identifier=" + CARD), "urn:uuid:b"))
    assert len(store.record("known-here").current) == 1


def test_a_condition_that_is_not_understood_is_told_and_nothing_is_lost(store: Store, tmp_path: Path) -> None:
    receipt, _ = send(store, tmp_path, post(patient(), "urn:uuid:a", "birthdate=1964"))
    assert [finding.rule for finding in receipt.report.findings] == ["not carried out"]
    assert [p.id for p in store.people()] == ["a"]


def test_who_was_erased_is_not_found_by_an_identifier(store: Store, tmp_path: Path) -> None:
    entry = post(patient(), "urn:uuid:a", "identifier=" + CARD)
    send(store, tmp_path, entry)
    id = store.people()[0].id
    store.erase(id)
    _, answers = send(store, tmp_path, entry)
    assert [(a.name, a.version, a.created) for a in answers] == [(f"Patient/{id}", 1, True)]
    assert [str(trouble) for trouble in store.doctor() if trouble.serious] == []


def test_versions_are_counted(store: Store, tmp_path: Path) -> None:
    answers = [
        send(store, tmp_path, post(patient(multipleBirthBoolean=flag), "urn:uuid:a"))[1][0] for flag in (True, False)
    ]
    assert [(a.name, a.version) for a in answers] == [("Patient/a", 1), ("Patient/a", 2)]


def test_a_store_of_the_schema_before_gets_the_index(place: Place, tmp_path: Path) -> None:
    place.open().close()
    place.execute("update alembic_version set version_num = '0002'")
    place.execute("drop table identifier")
    with place.open() as store:
        send(store, tmp_path, post(patient(), "urn:uuid:a"))
        _, answers = send(store, tmp_path, post(patient("2"), "urn:uuid:b", "identifier=" + CARD))
        assert [(a.name, a.created) for a in answers] == [("Patient/a", False)]
