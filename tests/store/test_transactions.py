"""FHIR transactions: ids of our own, conditional creates, and the same answer to the same bundle."""

import json
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pollux.record.entry import Answer, own_id
from pollux.sources import read
from pollux.store import Damaged, Receipt, Store
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


def put(resource: dict[str, Any]) -> dict[str, Any]:
    return {"resource": resource, "request": {"method": "PUT", "url": f"{resource['resourceType']}/{resource['id']}"}}


def send(store: Store, folder: Path, *entries: dict[str, Any]) -> tuple[Receipt, list[Answer]]:
    """Take a transaction in; the receipt and the answers."""
    file = folder / "transaction.json"
    file.write_text(json.dumps({"resourceType": "Bundle", "type": "transaction", "entry": entries}))
    answers: list[Answer] = []
    return store.take(read(file, learned=NOW), NOW, answers.append), answers


def update(resource: dict[str, Any], condition: str, **more: Any) -> dict[str, Any]:
    """A conditional update."""
    return {"resource": resource, "request": {"method": "PUT", "url": f"{resource['resourceType']}?{condition}"}} | more


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
    assert {table for table in after if after[table] != before[table]} <= {"audit", "chart", "imported", "counter"}


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


def test_two_who_carry_one_identifier_are_never_taken_for_each_other(store: Store, tmp_path: Path) -> None:
    send(store, tmp_path, put(patient("p1")), put(patient("p2")))
    receipt, _ = send(store, tmp_path, post(weight("Patient?identifier=" + CARD), "urn:uuid:b"))
    assert (receipt.accepted, receipt.quarantined) == (0, 1)
    assert "2 patients carry the identifier" in receipt.text()
    receipt, answers = send(store, tmp_path, post(patient("x"), "urn:uuid:a", "identifier=" + CARD))
    assert ([a.status for a in answers], receipt.quarantined) == (["412 Precondition Failed"], 1)
    assert [p.id for p in store.people()] == ["p1", "p2"]


def test_an_identifier_that_nobody_has_makes_nobody(store: Store, tmp_path: Path) -> None:
    receipt, _ = send(store, tmp_path, post(weight("Patient?identifier=" + CARD), "urn:uuid:b"))
    assert receipt.quarantined == 1
    assert "no patients carry the identifier" in receipt.text()
    assert store.people() == []
    assert [kept.event is not None for kept in store.quarantine("")] == [True]


def test_a_reference_by_identifier_may_stand_before_the_patient(store: Store, tmp_path: Path) -> None:
    send(store, tmp_path, post(weight("Patient?identifier=" + CARD), "urn:uuid:b"), post(patient(), "urn:uuid:a"))
    assert [(p.id, len(store.record(p.id).current)) for p in store.people()] == [("a", 1)]


def test_an_identifier_that_was_taken_back_names_nobody_any_more(store: Store, tmp_path: Path) -> None:
    for card, day in (("42", 1), ("43", 2)):
        send(store, tmp_path, put(patient("p1", card, meta={"lastUpdated": f"2026-01-0{day}T00:00:00Z"})))
    send(store, tmp_path, put(patient("p2", "42")))
    send(store, tmp_path, post(weight("Patient?identifier=" + CARD), "urn:uuid:b"))
    assert [len(store.record(id).current) for id in ("p1", "p2")] == [0, 1]


def test_each_bundle_of_a_file_speaks_of_its_own_patients(store: Store, tmp_path: Path) -> None:
    lines = [
        {"resourceType": "Bundle", "type": "transaction", "entry": [
            post(patient("1", card), f"urn:uuid:{card}"), post(weight("Patient/1", value), f"urn:uuid:w{card}")]}
        for card, value in (("a", 61.0), ("b", 92.0))
    ]  # fmt: skip
    for name, text in (
        ("lines.ndjson", "\n".join(map(json.dumps, lines))),
        ("one.json", "".join(map(json.dumps, lines))),
    ):
        (tmp_path / name).write_text(text)
        store.take(read(tmp_path / name, learned=NOW), NOW)
        assert [(p.id, store.record(p.id).current[0].number()) for p in store.people()] == [("a", 61.0), ("b", 92.0)]


def test_a_patient_without_a_name_is_not_taken_for_another(store: Store, tmp_path: Path) -> None:
    send(store, tmp_path, put(patient("1", "7")))
    receipt, _ = send(store, tmp_path, post(patient("1")), post(weight("Patient/1"), "urn:uuid:b"))
    assert receipt.quarantined == 1
    assert store.record("1").current == ()


def test_a_create_never_changes_what_is_there(store: Store, tmp_path: Path) -> None:
    """Two senders whose templates have the same urn: the second is kept in quarantine, with all that is said of it."""
    send(store, tmp_path, post(patient(), "urn:uuid:a"), post(weight("urn:uuid:a", 61.0), "urn:uuid:w1"))
    other = post(patient(card="43", birthDate="1990-01-01"), "urn:uuid:a")
    receipt, _ = send(store, tmp_path, other, post(weight("urn:uuid:a", 92.0), "urn:uuid:w2"))
    assert (receipt.accepted, receipt.quarantined) == (0, 2)
    (person,) = store.people()
    assert person.birth_date == "1964-06-01"
    assert [event.number() for event in store.record("a").current] == [61.0]


def test_a_create_never_takes_anything_from_another_patient(store: Store, tmp_path: Path) -> None:
    send(store, tmp_path, put(patient("p1")), post(weight("Patient/p1", 61.0), "urn:uuid:w"))
    receipt, _ = send(store, tmp_path, put(patient("p2", "43")), post(weight("Patient/p2", 92.0), "urn:uuid:w"))
    assert (receipt.accepted, receipt.quarantined) == (0, 1)
    assert [len(store.record(id).current) for id in ("p1", "p2")] == [1, 0]


def test_long_ids_are_never_cut_to_the_same(store: Store, tmp_path: Path) -> None:
    for end in "xy":
        (tmp_path / "long.json").write_text(json.dumps(patient("p" * 200 + end, end)))
        store.take(read(tmp_path / "long.json", learned=NOW), NOW)
    assert len(list(store.documents(""))) + len(store.people()) >= 2
    assert len({d.id for p in store.people() for d in store.documents(p.id)}) == len(store.people()) == 2


def test_an_index_entry_that_points_elsewhere_is_damage(place: Place, tmp_path: Path) -> None:
    with place.open() as store:
        send(store, tmp_path, put(patient("p1")), put(patient("p2", "43")))
    (one, other) = (row[0] for row in place.rows("select mark from identifier order by who"))
    place.execute(f"update identifier set mark = x'{bytes(16).hex()}' where mark = x'{one.hex()}'")
    place.execute(f"update identifier set mark = x'{one.hex()}' where mark = x'{other.hex()}'")
    with place.open() as store:
        for card in ("42", "43"):
            with suppress(Damaged):
                receipt, _ = send(
                    store, tmp_path, post(weight(f"Patient?identifier=http://clinic.example/card|{card}"))
                )
                assert receipt.accepted == 0


def test_finding_somebody_by_an_identifier_is_written_down(store: Store, tmp_path: Path) -> None:
    send(store, tmp_path, put(patient("p1")))
    send(store, tmp_path, post(patient(), "urn:uuid:a", "identifier=" + CARD))
    assert ("search", "identifier") in [(act.action, act.detail.get("of")) for act in store.acts("p1")]


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
    answers = [send(store, tmp_path, put(patient(multipleBirthBoolean=flag)))[1][0] for flag in (True, False)]
    assert [(a.name, a.version) for a in answers] == [("Patient/1", 1), ("Patient/1", 2)]


def test_a_store_of_the_schema_before_gets_the_index(place: Place, tmp_path: Path) -> None:
    place.open().close()
    place.execute("update alembic_version set version_num = '0002'")
    for table in ("identifier", "imported", "counter"):
        place.execute(f"drop table {table}")
    with place.open() as store:
        send(store, tmp_path, post(patient(), "urn:uuid:a"))
        _, answers = send(store, tmp_path, post(patient("2"), "urn:uuid:b", "identifier=" + CARD))
        assert [(a.name, a.created) for a in answers] == [("Patient/a", False)]


def test_a_conditional_update_is_a_new_version_of_what_it_finds(store: Store, tmp_path: Path) -> None:
    """Whatever id the resource has itself; its events and the person carry the name that is found."""
    (tmp_path / "patient.json").write_text(json.dumps(patient("known-here")))
    store.take(read(tmp_path / "patient.json", learned=NOW), NOW)
    carried = {"identifier": [{"system": "http://lab.example", "value": "7"}]}
    send(store, tmp_path, put(weight("Patient/known-here", 70.0, "lab-7") | carried))
    entries = (
        update(patient("their-id", gender="female", deceasedDateTime="2026-02-01"), "identifier=" + CARD,
               fullUrl="urn:uuid:a"),
        update(weight("urn:uuid:a", 71.0, "other") | carried, "identifier=http://lab.example%7C7"),
    )  # fmt: skip
    _, answers = send(store, tmp_path, *entries)
    assert [(a.name, a.version, a.created) for a in answers] == [
        ("Patient/known-here", 2, False), ("Observation/lab-7", 2, False)]  # fmt: skip
    assert [(p.id, p.gender) for p in store.people()] == [("known-here", "female")]
    standing = {event.id: event.value for event in store.record("known-here").current}
    assert standing.keys() == {"Patient/known-here#death", "Observation/lab-7"}
    assert standing["Observation/lab-7"] == 71.0
    again, same = send(store, tmp_path, *entries)
    assert (again.changed, same) == (False, answers)


def test_a_conditional_update_of_nothing_known_creates_once(store: Store, tmp_path: Path) -> None:
    for card in ("42", "42"):
        entry = update(patient("theirs", card), "identifier=" + CARD)
        _, answers = send(store, tmp_path, entry, post(weight("Patient/theirs"), "urn:uuid:w"))
        assert [(a.name, a.version, a.created) for a in answers] == [
            (f"Patient/{own_id(f'Patient?identifier={CARD}')}", 1, True), ("Observation/w", 1, True)]  # fmt: skip
    assert [len(store.record(p.id).current) for p in store.people()] == [1]


def test_a_conditional_update_that_finds_several_changes_none(store: Store, tmp_path: Path) -> None:
    send(store, tmp_path, put(patient("p1")), put(patient("p2")))
    entries = (
        update(patient("x", gender="male"), "identifier=" + CARD, fullUrl="urn:uuid:a"),
        post(weight("urn:uuid:a"), "urn:uuid:w"),
    )
    receipt, answers = send(store, tmp_path, *entries)
    assert [a.status for a in answers] == ["412 Precondition Failed", ""]
    assert (receipt.accepted, receipt.quarantined) == (0, 2)
    assert [(p.id, p.gender) for p in store.people()] == [("p1", ""), ("p2", "")]


@pytest.mark.parametrize("condition", ["birthdate=1964", "identifier=42", "identifier=a|1&active=true"])
def test_another_condition_of_an_update_is_told_and_changes_nothing(
    store: Store, tmp_path: Path, condition: str
) -> None:
    entries = update(patient("x"), condition, fullUrl="urn:uuid:a"), post(weight("urn:uuid:a"), "urn:uuid:w")
    for quarantined in (2, 0):
        receipt, answers = send(store, tmp_path, *entries)
        assert [a.status for a in answers] == ["400 Bad Request", ""]
        assert receipt.quarantined == quarantined
        assert store.people() == []


def test_an_update_that_asks_for_a_version_is_told(store: Store, tmp_path: Path) -> None:
    entry = put(patient())
    entry["request"]["ifMatch"] = 'W/"3"'
    receipt, _ = send(store, tmp_path, entry)
    assert "ifMatch is not looked at" in receipt.text()
    assert [p.id for p in store.people()] == ["1"]


def test_the_bytes_of_before_are_told_not_to_stand_where_another_version_does(store: Store, tmp_path: Path) -> None:
    """Whoever gets a success finds what they put; and sending that once more has the same answer and no new row."""
    send(store, tmp_path, put(patient()))
    for value, status in ((70.0, ""), (71.0, ""), (70.0, "409 Conflict"), (70.0, "409 Conflict")):
        _, (answer,) = send(store, tmp_path, put(weight("Patient/1", value)))
        assert answer.status == status
    assert [event.number() for event in store.record("1").current] == [71.0]
    again = put(weight("Patient/1", 70.0) | {"meta": {"lastUpdated": "2026-02-02T00:00:00Z"}})
    assert send(store, tmp_path, again)[1][0].version == 3
    assert [event.number() for event in store.record("1").current] == [70.0]


def test_a_version_from_before_what_stands_is_kept_and_told_not_to_stand(store: Store, tmp_path: Path) -> None:
    dated = [put(weight("Patient/1", 70.0 + day) | {"meta": {"lastUpdated": f"2026-01-0{day}T00:00:00Z"}})
             for day in (1, 2)]  # fmt: skip
    send(store, tmp_path, put(patient()), dated[1])
    for _ in range(2):
        assert send(store, tmp_path, dated[0])[1][0].status == "409 Conflict"
    assert [event.number() for event in store.record("1").current] == [72.0]
    assert len(list(store.documents("1"))) == 3


def test_a_conditional_update_keeps_the_identifier_by_which_it_is_found(store: Store, tmp_path: Path) -> None:
    """Else the same bundle again would find nobody, and make a second patient."""
    send(store, tmp_path, put(patient("p1")))
    for quarantined in (1, 0):
        receipt, (answer,) = send(store, tmp_path, update(patient("x", "43"), "identifier=" + CARD))
        assert (answer.status, receipt.quarantined) == ("422 Unprocessable Entity", quarantined)
    assert [p.id for p in store.people()] == ["p1"]


def asking(kind: str, value: float, day: int, name: str) -> dict[str, Any]:
    """An entry that asks something of an observation."""
    observation = weight("Patient/1", value, name)
    dated = observation | {"meta": {"lastUpdated": f"2026-02-0{day}T00:00:00Z"}}
    carried = observation | {"identifier": [{"system": "http://lab.example", "value": name}]}
    return {
        "put": put(observation),
        "dated": put(dated),
        "post": post(observation, f"urn:uuid:{name}"),
        "update": update(carried, f"identifier=http://lab.example|{name}"),
        "create": post(carried, f"urn:uuid:{name}", f"identifier=http://lab.example|{name}"),
        "delete": {"request": {"method": "DELETE", "url": f"Observation/{name}"}},
        "patient": put(patient(multipleBirthBoolean=value > 70.0)),
    }[kind]


KINDS = ("put", "dated", "post", "update", "create", "delete", "patient")
ASKING = st.builds(asking, st.sampled_from(KINDS), st.sampled_from([70.0, 71.0]), st.integers(1, 3),
                   st.sampled_from("ab"))  # fmt: skip


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(ASKING, min_size=1, max_size=4), min_size=1, max_size=5))
def test_whatever_came_before_the_same_bundle_again_has_the_same_answers_and_adds_nothing(
    bundles: list[list[dict[str, Any]]],
) -> None:
    with tempfile.TemporaryDirectory() as name, Store.open(Path(name) / "store.db") as store:
        send(store, Path(name), put(patient()))
        for entries in bundles:
            _, answers = send(store, Path(name), *entries)
            before = store.record("1"), list(store.documents("1")), list(store.documents(""))
            receipt, again = send(store, Path(name), *entries)
            assert (receipt.changed, again) == (False, answers)
            assert (store.record("1"), list(store.documents("1")), list(store.documents(""))) == before
