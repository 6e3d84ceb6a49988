"""The ids of two senders are not taken for each other's."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pollux.errors import RefusedInput
from pollux.sources import read
from pollux.store import Store
from pollux.store.receipt import Receipt
from tests.store.places import Place

NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def store(place: Place) -> Iterator[Store]:
    with place.open() as opened:
        yield opened


def patient(number: str, born: str = "1964", id: str = "1") -> dict[str, Any]:
    identifier = [{"system": "http://clinic.example/mrn", "value": number}]
    return {"resourceType": "Patient", "id": id, "birthDate": born, "identifier": identifier}


def weight(value: float, id: str = "o1", person: str = "1") -> dict[str, Any]:
    return {
        "resourceType": "Observation", "id": id, "status": "final", "subject": {"reference": f"Patient/{person}"},
        "code": {"coding": [{"system": "http://loinc.org", "code": "29463-7"}]},
        "effectiveDateTime": "2026-01-01T08:00:00Z",
        "valueQuantity": {"value": value, "unit": "kg", "system": "http://unitsofmeasure.org", "code": "kg"},
    }  # fmt: skip


def take(store: Store, folder: Path, *resources: dict[str, Any], sender: str = "") -> Receipt:
    path = folder / "sent.ndjson"
    path.write_text("".join(json.dumps(one) + "\n" for one in resources))
    return store.take(read(path, learned=NOW, sender=sender), NOW)


def weights(store: Store, person: str) -> list[float]:
    return [event.number() for event in store.record(person).of("body_weight")]


def test_the_same_ids_of_two_senders_are_two_people_with_their_own_things(store: Store, tmp_path: Path) -> None:
    for sender, number, value in (("a", "7", 70.0), ("b", "9", 90.0)):
        take(store, tmp_path, patient(number), weight(value), sender=sender)
        assert not take(store, tmp_path, patient(number), weight(value), sender=sender).changed
    assert [person.id for person in store.people()] == ["a.1", "b.1"]
    assert (weights(store, "a.1"), weights(store, "b.1")) == ([70.0], [90.0])
    assert [document.name for document in store.documents("b.1")] == ["Patient/b.1", "Observation/b.o1"]
    take(store, tmp_path, patient("7"), weight(71.0), sender="a")
    assert (weights(store, "a.1"), weights(store, "b.1")) == ([71.0], [90.0])
    assert [trouble for trouble in store.doctor() if trouble.serious] == []


def test_who_is_quarantined_keeps_the_name_too(store: Store, tmp_path: Path) -> None:
    take(store, tmp_path, patient("7"), weight(9e9), sender="a")
    (item,) = store.quarantine("a.1")
    assert item.event is not None
    assert item.event.id == "Observation/a.o1"
    assert store.move(["Observation/a.o1"], "a.1", other(store, tmp_path)) == 0
    assert store.quarantine("a.1") == []


def other(store: Store, folder: Path) -> str:
    take(store, folder, patient("8", id="2"), sender="a")
    return "a.2"


def test_somebody_else_under_an_id_that_is_here_is_not_taken_for_them(store: Store, tmp_path: Path) -> None:
    take(store, tmp_path, patient("7"), weight(70.0))
    receipt = take(store, tmp_path, patient("9", "1990"), weight(90.0, "o2"))
    assert receipt.accepted == 0
    assert "--sender" in receipt.text()
    assert weights(store, "1") == [70.0]
    assert store.people()[0].birth_date == "1964"


def test_who_gets_another_identifier_beside_one_that_is_known_is_the_same(store: Store, tmp_path: Path) -> None:
    take(store, tmp_path, patient("7"))
    both = patient("7", "1965")
    both["identifier"] += patient("9")["identifier"]
    assert take(store, tmp_path, both).documents == 1
    assert take(store, tmp_path, patient("9", "1966")).documents == 1
    assert store.people()[0].birth_date == "1966"


def test_who_gets_another_identifier_and_was_born_on_the_same_day_is_the_same(store: Store, tmp_path: Path) -> None:
    take(store, tmp_path, patient("7", "1964"))
    assert take(store, tmp_path, patient("9", "1964-05-01")).documents == 1


def test_a_deletion_by_a_sender_is_of_what_that_sender_brought(store: Store, tmp_path: Path) -> None:
    for sender in ("a", "b"):
        take(store, tmp_path, patient("7"), weight(70.0), sender=sender)
    entry = {"request": {"method": "DELETE", "url": "Observation/o1"}}
    take(store, tmp_path, {"resourceType": "Bundle", "type": "transaction", "entry": [entry]}, sender="a")
    assert (weights(store, "a.1"), weights(store, "b.1")) == ([], [70.0])


def test_what_is_named_by_an_identifier_is_the_same_whoever_sends_it(store: Store, tmp_path: Path) -> None:
    entry = {
        "fullUrl": "urn:uuid:5f0ad9c2-0000-4000-8000-000000000001", "resource": patient("7"),
        "request": {"method": "POST", "url": "Patient", "ifNoneExist": "identifier=http://clinic.example/mrn|7"},
    }  # fmt: skip
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": [entry]}
    for sender in ("a", "b"):
        take(store, tmp_path, bundle, sender=sender)
    assert len(store.people()) == 1


def test_an_id_that_would_grow_too_long_has_one_that_stands_for_it(store: Store, tmp_path: Path) -> None:
    id = "x" * 60
    take(store, tmp_path, patient("7", id=id), weight(70.0, person=id), sender="clinic-a")
    (person,) = store.people()
    assert len(person.id) == 36
    assert weights(store, person.id) == [70.0]


def test_a_sender_whose_name_cannot_stand_in_an_id_is_refused(tmp_path: Path) -> None:
    (tmp_path / "sent.ndjson").write_text(json.dumps(patient("7")) + "\n")
    with pytest.raises(RefusedInput, match="a sender's name has letters, digits and hyphens"):
        read(tmp_path / "sent.ndjson", learned=NOW, sender="Klinik A/B")
