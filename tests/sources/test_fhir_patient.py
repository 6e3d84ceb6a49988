"""Who a Patient is: names, sex, other ids of the same sender; and ids of any length."""

import json
from pathlib import Path

import pytest

from pollux.record import Person
from pollux.record.entry import SIGNS, Document, Link
from pollux.sources import read
from pollux.sources.fhir.senders import called
from pollux.store import Store
from tests.sources.conftest import LEARNED, Reads, ReadText
from tests.sources.examples import bundle, observation, patient

BIRTH_SEX = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-birthsex"


def people(found: Reads) -> list[Person]:
    return [entry.item for entry in found.entries if isinstance(entry.item, Person)]


def links(found: Reads) -> list[tuple[str, str]]:
    return [(entry.item.duplicate, entry.item.into) for entry in found.entries if isinstance(entry.item, Link)]


def link(kind: str, reference: str) -> dict[str, object]:
    return {"type": kind, "other": {"reference": reference}}


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ([{"family": "Invented", "given": ["Ida", "Maria"]}], ("Invented", "Ida Maria")),
        ([{"use": "usual", "given": ["Idi"]}, {"use": "official", "family": "Invented"}], ("Invented", "")),
        ([{"use": "maiden", "family": "Before"}, {"use": "usual", "family": "Now"}], ("Now", "")),
        ([{"use": "old", "family": "Before"}], ("", "")),
        ([{"use": "official", "family": "Ended", "period": {"end": "2020"}}, {"family": "Now"}], ("Now", "")),
        ([{"text": "Ida Invented"}], ("", "")),
    ],
)
def test_the_official_name_is_the_name(names: list[object], expected: tuple[str, str], reads: ReadText) -> None:
    (person,) = people(reads(json.dumps(patient(name=names))))
    assert (person.family, person.given) == expected


def test_birth_sex_and_gender_are_two_statements(reads: ReadText) -> None:
    sex = {"url": BIRTH_SEX, "valueCode": "M"}
    (person,) = people(reads(json.dumps(patient(extension=[sex]))))
    assert (person.sex_at_birth, person.gender) == ("male", "female")


def test_both_sides_of_a_link_say_the_same(reads: ReadText) -> None:
    old = patient(id="old", active=False, link=[link("replaced-by", "Patient/new")])
    new = patient(id="new", link=[link("replaces", "Patient/old")])
    assert links(reads(bundle(old))) == links(reads(bundle(new))) == [("old", "new")]


@pytest.mark.parametrize("kind", ["refer", "seealso"])
def test_other_links_join_nobody(kind: str, reads: ReadText) -> None:
    found = reads(bundle(patient(link=[link(kind, "Patient/p2")])))
    assert (links(found), found.reasons) == ([], [])


@pytest.mark.parametrize("reference", ["RelatedPerson/r1", "http://other.example/fhir/Patient/new", "urn:uuid:1", "#p"])
def test_a_link_to_elsewhere_is_told_and_not_followed(reference: str, reads: ReadText) -> None:
    contained = {"contained": [patient(id="p")]} if reference == "#p" else {}
    found = reads(bundle(patient(link=[link("replaced-by", reference)], **contained)))
    assert links(found) == []
    assert found.reasons == ["its link (replaced-by) names no Patient of the same sender by its id"]


def test_a_link_to_oneself_is_told(reads: ReadText) -> None:
    found = reads(bundle(patient(link=[link("replaces", "Patient/p1")])))
    assert (links(found), found.reasons) == ([], ["its link (replaces) names the patient itself"])


def test_a_link_by_the_full_url_of_the_same_server_is_followed(reads: ReadText) -> None:
    found = reads(bundle(patient(link=[link("replaced-by", "http://example.org/Patient/new")])))
    assert links(found) == [("p1", "new")]


def test_a_link_follows_its_person_and_bears_the_senders_name(tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    path.write_bytes(bundle(patient(link=[link("replaced-by", "Patient/new")])))
    entries = list(read(path, learned=LEARNED, sender="clinic-a"))
    kinds = [type(entry.item).__name__ for entry in entries]
    assert kinds[kinds.index("Person") + 1] == "Link"
    (told,) = [entry.item for entry in entries if isinstance(entry.item, Link)]
    assert (told.duplicate, told.into) == ("clinic-a.p1", "clinic-a.new")


def test_a_record_that_is_not_in_use_is_told(reads: ReadText) -> None:
    found = reads(json.dumps(patient(active=False)))
    assert found.reasons == ["the record of this patient is said not to be in use (active: false)"]
    assert [person.id for person in people(found)] == ["p1"]


@pytest.mark.parametrize("length", [65, 76, 88, 128, 255])
def test_ids_of_any_sane_length_are_kept_and_found(length: int, tmp_path: Path) -> None:
    id = ("eAb9.-" * 50)[:length]
    path = tmp_path / "file.json"
    content = bundle(patient(id=id), observation(id=id[::-1], subject={"reference": f"Patient/{id}"}))
    path.write_bytes(content)
    with Store.open(tmp_path / "store.pollux.db") as store:
        store.take(read(path, learned=LEARNED), LEARNED)
        assert not store.take(read(path, learned=LEARNED), LEARNED).changed
        assert [event.id for event in store.record(id).current] == [f"Observation/{id[::-1]}"]


def test_an_id_beyond_all_measure_is_quarantined(reads: ReadText) -> None:
    found = reads(json.dumps(observation(id="x" * 256)))
    assert (found.events, found.reasons) == ([], ["Observation.id is no valid id"])


@pytest.mark.parametrize("id", ["a b", "a/b", "ä", "a;b" * 30])
def test_signs_that_no_id_has_stay_refused(id: str, reads: ReadText) -> None:
    found = reads(json.dumps(observation(id=id)))
    assert (found.events, found.documents, found.reasons) == ([], [], [f"its id has other signs than {SIGNS}"])


def test_a_long_id_of_a_sender_can_still_be_named() -> None:
    assert called("clinic-a", "Patient", "x" * 65) == "clinic-a." + "x" * 65
    assert called("clinic-a", "Patient", "x" * 60) != "clinic-a." + "x" * 60  # as earlier versions had it


def test_an_id_with_an_underscore_is_let_in(reads: ReadText) -> None:
    resource = observation(id="obs_1", subject={"reference": "Patient/pat_1"})
    found = reads(json.dumps(resource))
    assert [(entry.person, entry.item.id) for entry in found.entries if isinstance(entry.item, Document)] == [
        ("pat_1", "obs_1")
    ]
    assert len(found.events) == 1
