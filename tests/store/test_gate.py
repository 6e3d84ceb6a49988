"""A fact that stands ends by a sound newer version, a deletion or a move, and by nothing else that comes in."""

import json
from collections.abc import Iterator
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pollux.errors import RefusedInput
from pollux.record import Entry, Event, Person
from pollux.record.entry import Answer
from pollux.sources import read
from pollux.store import Receipt, Store
from pollux.store.contest import DELETED, MOVED, NEWER_VERSION, TAKEN_BACK
from tests.store.made import NOW
from tests.store.places import Place

LATER = NOW + timedelta(days=1)
LOINC = "http://loinc.org"


@pytest.fixture
def store(place: Place) -> Iterator[Store]:
    with place.open(purpose="export") as opened:
        yield opened


def patient(id: str) -> dict[str, Any]:
    return {"resourceType": "Patient", "id": id, "birthDate": "1960-07-07", "gender": "male"}


def creatinine(person: str = "p1", value: float = 1.3, **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Observation", "id": "o1", "status": "final", "subject": {"reference": f"Patient/{person}"},
        "code": {"coding": [{"system": LOINC, "code": "2160-0"}]}, "effectiveDateTime": "2026-02-01T08:00:00Z",
        "valueQuantity": {"value": value, "unit": "mg/dL", "system": "http://unitsofmeasure.org", "code": "mg/dL"},
    } | more  # fmt: skip


def allergy(**more: Any) -> dict[str, Any]:
    return {
        "resourceType": "AllergyIntolerance", "id": "a1", "recordedDate": "2020-01-01",
        "patient": {"reference": "Patient/p1"}, "code": {"text": "penicillin"},
        "clinicalStatus": {"coding": [{"code": "active", "system":
            "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical"}]},
    } | more  # fmt: skip


def put(store: Store, folder: Path, *resources: dict[str, Any], days: int = 0, type: str = "collection") -> Receipt:
    path = folder / "file.json"
    entries = [one if "request" in one or "resource" in one else {"resource": one} for one in resources]
    path.write_text(json.dumps({"resourceType": "Bundle", "type": type, "entry": entries}))
    now = NOW + timedelta(days=days)
    return store.take(read(path, learned=now), now)


def standing(store: Store, quantity: str = "creatinine", person: str = "p1") -> list[tuple[float | str, bool]]:
    some = [event for event in store.record(person).current if event.quantity == quantity]
    return [(event.value if isinstance(event.value, float) else "", "contested" in event.flags) for event in some]


UNUSABLE: dict[str, dict[str, Any]] = {
    "impossible date": {"effectiveDateTime": "2026-13-45"},
    "a time beyond 9999": {"effectiveDateTime": "10000-01-01"},
    "no time": {"effectiveDateTime": None},
    "unknown unit": {"valueQuantity": {"value": 1, "unit": "zz"}},
    "impossible value": {"valueQuantity": {"value": -4.0, "unit": "mg/dL"}},
    "value that is a word": {"valueQuantity": {"value": "high", "unit": "mg/dL"}},
    "unknown status": {"status": "?"},
    "a modifier that nobody knows": {"modifierExtension": [{"url": "urn:x", "valueBoolean": True}]},
    "another subject": {"subject": {"reference": "Patient/p2"}},
    "a subject that nobody has": {"subject": {"reference": "Patient/zz"}},
    "a subject that is a path": {"subject": {"reference": "Patient/../../x"}},
    "a subject that is a group": {"subject": {"reference": "Group/p1"}},
    "no subject": {"subject": None},
}


@pytest.mark.parametrize("kind", UNUSABLE)
def test_a_version_that_cannot_be_used_ends_nothing_and_is_told(store: Store, tmp_path: Path, kind: str) -> None:
    put(store, tmp_path, patient("p1"), patient("p2"), creatinine())
    without = {name: value for name, value in creatinine(value=9.0, **UNUSABLE[kind]).items() if value is not None}
    receipt = put(store, tmp_path, without, days=1)
    assert (standing(store), receipt.withdrawn) == ([(1.3, True)], 0)
    assert sorted(person.id for person in store.people()) == ["p1", "p2"]
    (doubt,) = store.doubts("p1")
    assert (doubt.rule, doubt.event) == ("contested", "Observation/o1")
    assert "contested" in receipt.text()
    assert store.record("p2").current == ()
    assert b"2026-02-01T08:00:00Z" in b"".join(store.export("p1"))


def test_a_sound_version_ends_the_doubt_and_taking_it_back_brings_the_doubt_back(store: Store, tmp_path: Path) -> None:
    put(store, tmp_path, patient("p1"), creatinine())
    flawed = put(store, tmp_path, creatinine(status="?"), days=1)
    sound = put(store, tmp_path, creatinine(value=1.5), days=2)
    assert standing(store) == [(1.5, False)]
    store.undo(sound.number)
    assert standing(store) == [(1.3, True)]
    store.undo(flawed.number)
    assert (standing(store), store.doubts("p1")) == ([(1.3, False)], [])


def test_the_doubt_stays_while_another_import_says_it_too(store: Store, tmp_path: Path) -> None:
    put(store, tmp_path, patient("p1"), creatinine())
    first, second = (put(store, tmp_path, creatinine(status="?"), days=day) for day in (1, 2))
    store.undo(first.number)
    assert standing(store) == [(1.3, True)]
    store.undo(second.number)
    assert standing(store) == [(1.3, False)]


def test_an_allergy_stands_against_a_version_of_nobody(store: Store, tmp_path: Path) -> None:
    put(store, tmp_path, patient("p1"), allergy())
    put(store, tmp_path, allergy(recordedDate="2026-13-45", patient={"reference": "Patient/../x"}), days=1)
    assert standing(store, "allergy") == [("", True)]


@pytest.mark.parametrize(
    "end", [{"status": "entered-in-error"}, {"status": "cancelled"}], ids=["entered in error", "cancelled"]
)
def test_a_sound_version_that_takes_it_back_ends_it(store: Store, tmp_path: Path, end: dict[str, Any]) -> None:
    put(store, tmp_path, patient("p1"), creatinine())
    put(store, tmp_path, creatinine(**end), days=1)
    assert standing(store) == []
    assert last(store, "p1").flags[-1] == NEWER_VERSION


def last(store: Store, person: str) -> Event:
    return max((e for e in store.record(person).events if e.quantity == "creatinine"), key=lambda e: e.learned)


def test_of_a_panel_what_can_be_used_is_new_and_the_rest_stands_in_doubt(store: Store, tmp_path: Path) -> None:
    def panel(high: float, low: dict[str, Any]) -> dict[str, Any]:
        parts = (("8480-6", {"value": high, "unit": "mm[Hg]"}), ("8462-4", low))
        return creatinine(
            code={"coding": [{"system": LOINC, "code": "85354-9"}]}, valueQuantity=None,
            component=[{"code": {"coding": [{"system": LOINC, "code": code}]}, "valueQuantity": value}
                       for code, value in parts],
        )  # fmt: skip

    def both() -> list[Any]:
        return [standing(store, name) for name in ("systolic_blood_pressure", "diastolic_blood_pressure")]

    bundle = [{k: v for k, v in one.items() if v is not None} for one in
              (panel(120, {"value": 80, "unit": "mm[Hg]"}), panel(130, {"value": 85, "unit": "zz"}))]  # fmt: skip
    put(store, tmp_path, patient("p1"), bundle[0])
    number = put(store, tmp_path, bundle[1], days=1).number
    assert both() == [[(130.0, False)], [(80.0, True)]]
    store.undo(number)
    assert both() == [[(120.0, False)], [(80.0, False)]]


def test_a_reading_of_a_device_that_comes_again_and_cannot_be_used_contests_the_first(
    store: Store, tmp_path: Path
) -> None:
    def upload(value: float, days: int) -> None:
        entry = {"_id": "a" * 24, "eventType": "Correction Bolus", "insulin": value,
                 "created_at": "2026-02-01T08:00:00Z"}  # fmt: skip
        (tmp_path / "n.json").write_text(json.dumps([entry]))
        now = NOW + timedelta(days=days)
        store.take(read(tmp_path / "n.json", learned=now, person="p1"), now)

    upload(5.0, 0)
    upload(50_000.0, 1)
    assert standing(store, "insulin_bolus") == [(5.0, True)]
    upload(6.0, 2)
    assert standing(store, "insulin_bolus") == [(6.0, False)]


def test_an_identifier_is_not_taken_back_by_a_version_that_cannot_be_used(store: Store, tmp_path: Path) -> None:
    known = patient("p1") | {"identifier": [{"system": "urn:mrn", "value": "7"}]}
    put(store, tmp_path, known)
    put(store, tmp_path, patient("p1") | {"birthDate": "1960-13-45"}, days=1)
    by_identifier = creatinine() | {"subject": {"reference": "Patient?identifier=urn:mrn|7"}}
    put(store, tmp_path, by_identifier, days=2)
    assert standing(store) == [(1.3, False)]


def test_what_was_moved_can_be_said_anew_of_whose_it_is(store: Store, tmp_path: Path) -> None:
    put(store, tmp_path, patient("p1"), patient("p2"), creatinine())
    put(store, tmp_path, creatinine("p2", 1.4), days=1)
    assert (standing(store), standing(store, person="p2")) == ([(1.3, True)], [])
    store.move(["Observation/o1"], "p1", "p2")
    assert last(store, "p1").flags[-1] == MOVED
    put(store, tmp_path, creatinine("p2", 1.4), days=1)
    assert (standing(store), standing(store, person="p2"), store.doubts("p1")) == ([], [(1.4, False)], [])


LAW = ["sound", "other value", "taken back", "deleted", "moved", *UNUSABLE]


@pytest.mark.slow
def test_a_fact_is_there_or_says_which_of_the_ways_ended_it(place: Place, tmp_path: Path) -> None:
    number = count()

    def ended_by(store: Store, step: str, days: int) -> str:
        """Let something come in; how the fact may end by it."""
        whose = next((one for one in ("p1", "p2") if standing(store, person=one)), "p1")
        if step == "moved":
            other = "p2" if whose == "p1" else "p1"
            if standing(store, person=whose):
                store.move(["Observation/o1"], whose, other)
            return MOVED
        if step == "deleted":
            put(store, tmp_path, {"request": {"method": "DELETE", "url": "Observation/o1"}}, days=days,
                type="transaction")  # fmt: skip
            return DELETED
        sound: dict[str, Any] = {"sound": {}, "other value": {}, "taken back": {"status": "entered-in-error"}}
        more = sound[step] if step in sound else UNUSABLE[step]
        value = 1.3 if step == "sound" else 1.0 + days / 100
        resource = {k: v for k, v in creatinine(whose, value, **more).items() if v is not None}
        put(store, tmp_path, resource, days=days)
        return NEWER_VERSION if step in ("sound", "other value", "taken back") else ""

    @given(st.lists(st.sampled_from(LAW), max_size=6))
    @settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
    def law(story: list[str]) -> None:
        with place.another(f"{next(number)}/store.db").open(purpose="export") as store:
            put(store, tmp_path, patient("p1"), patient("p2"), creatinine())
            for days, step in enumerate(story, 1):
                before = {one: standing(store, person=one) for one in ("p1", "p2")}
                may = ended_by(store, step, days)
                for one in ("p1", "p2"):
                    values = [value for value, _ in standing(store, person=one)]
                    if [value for value, _ in before[one]] != values and before[one] and not values:
                        assert last(store, one).flags[-1] == may != ""
                    elif [value for value, _ in before[one]] != values:
                        assert may != ""
            assert not [trouble for trouble in store.doctor() if trouble.serious]

    law()


def test_an_undo_says_that_it_was_one(store: Store, tmp_path: Path) -> None:
    number = put(store, tmp_path, creatinine()).number
    put(store, tmp_path, patient("p1"))
    store.undo(number)
    assert last(store, "p1").flags[-1] == TAKEN_BACK


HOSTILE = [
    "../../x",
    "a/b",
    "p1 ",
    " p1",
    "p\u202e1",
    "\u0440\u0031",
    "p1\x00",
    "p\x1b[31m1",
    "..",
    "p1\n",
    "p\u200b1",
    "ｐ1",
]


@pytest.mark.parametrize("id", HOSTILE, ids=ascii)
def test_a_bad_id_refuses_its_resource_and_not_the_file(store: Store, tmp_path: Path, id: str) -> None:
    receipt = put(store, tmp_path, patient(id), patient("p2"), creatinine("p2"), creatinine(id) | {"id": "o2"},
                  creatinine("p2") | {"id": id})  # fmt: skip
    assert [person.id for person in store.people()] == ["p2"]
    assert (standing(store, person="p2"), receipt.quarantined) == ([(1.3, False)], 3)


@pytest.mark.parametrize("id", HOSTILE, ids=ascii)
def test_a_bad_id_of_a_person_is_refused_wherever_it_comes_from(store: Store, tmp_path: Path, id: str) -> None:
    with pytest.raises(RefusedInput, match="signs"):
        store.take([Entry(id, Person(id))], NOW)
    (tmp_path / "a.csv").write_text("time,quantity,value,unit\n2026-01-01T00:00Z,cgm_glucose,100,mg/dL\n")
    with pytest.raises(RefusedInput, match="signs"):
        read(tmp_path / "a.csv", learned=NOW, person=id)
    assert store.people() == []


@pytest.mark.parametrize(("known", "alike"), [("p1", "P1"), ("Ada", "ada"), ("id-0", "id-O"), ("l1", "ll")])
def test_an_id_that_looks_like_a_known_one_is_asked_about(store: Store, tmp_path: Path, known: str, alike: str) -> None:
    put(store, tmp_path, patient(known))
    receipt = put(store, tmp_path, patient(alike), creatinine(alike))
    assert [person.id for person in store.people()] == [known]
    assert (receipt.accepted, receipt.documents, "--insist" in receipt.text()) == (0, 0, True)
    with pytest.raises(RefusedInput, match="looks like"):
        store.take([Entry(alike, Person(alike), by="user")], NOW)
    path = tmp_path / "file.json"
    store.take(read(path, learned=NOW), NOW, insist=True)
    assert [person.id for person in store.people()] == sorted([known, alike])
    assert standing(store, person=alike) == [(1.3, False)]
    assert put(store, tmp_path, creatinine(alike, 1.4), days=1).accepted == 1


def test_of_a_table_of_people_rows_under_two_spellings_of_one_id_are_asked_about(store: Store, tmp_path: Path) -> None:
    rows = [f"2026-01-01T0{hour}:00Z,cgm_glucose,100,mg/dL,{id}" for hour, id in enumerate(("ada", "Ada", "ada"))]
    (tmp_path / "a.csv").write_text("\n".join(["time,quantity,value,unit,person", *rows]) + "\n")
    receipt = store.take(read(tmp_path / "a.csv", learned=NOW), NOW)
    assert (receipt.accepted, receipt.quarantined, receipt.people) == (2, 1, ("ada",))


@pytest.mark.parametrize("how", ["create", "update"])
def test_what_is_anothers_is_neither_found_nor_told_by_its_identifier(store: Store, tmp_path: Path, how: str) -> None:
    identified = {"identifier": [{"system": "urn:lab", "value": "77"}]}
    put(store, tmp_path, patient("p1"), patient("p2"), creatinine() | identified)
    query = "identifier=urn:lab|77"
    request = (
        {"method": "POST", "url": "Observation", "ifNoneExist": query} if how == "create"
        else {"method": "PUT", "url": f"Observation?{query}"}
    )  # fmt: skip
    resource = {name: value for name, value in (creatinine("p2", 1.9) | identified).items() if name != "id"}
    entry = {"fullUrl": "urn:uuid:6ba7b810-9dad-11d1-80b4-00c04fd430c8", "resource": resource, "request": request}
    path = tmp_path / "t.json"
    path.write_text(json.dumps({"resourceType": "Bundle", "type": "transaction", "entry": [entry]}))
    answers: list[Answer] = []
    store.take(read(path, learned=LATER), LATER, answers.append)
    assert "Observation/o1" not in str(answers)
    assert (standing(store), standing(store, person="p2")) == ([(1.3, False)], [(1.9, False)])
    again: list[Answer] = []
    store.take(read(path, learned=LATER), LATER, again.append)
    assert again == answers
