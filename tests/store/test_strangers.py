"""Somebody else under an id that is here harms nobody: in whatever order they come, and in an export too."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pollux.record import Entry, Event, Person
from pollux.record.entry import Answer
from pollux.sources import read
from pollux.sources.fhir import portable
from pollux.store import Receipt, Store
from tests.store.made import NOW, reading
from tests.store.places import Place
from tests.store.test_senders import patient, take, weight, weights
from tests.store.test_transactions import post, put, send

HERE = patient("7", "1964") | {"gender": "male"}
OTHER = patient("9", "1999") | {"gender": "female"}


@pytest.fixture
def store(place: Place, tmp_path: Path) -> Iterator[Store]:
    with place.open() as opened:
        take(opened, tmp_path, HERE, weight(70.0))
        yield opened


def bundles(*entries: dict[str, Any], kind: str = "transaction") -> str:
    return json.dumps({"resourceType": "Bundle", "type": kind, "entry": entries})


def read_text(store: Store, folder: Path, text: str, sender: str = "") -> Receipt:
    file = folder / "file.json"
    file.write_text(text)
    return store.take(read(file, learned=NOW, sender=sender), NOW)


FORMS = {
    "lines": lambda *some: "".join(json.dumps(one) + "\n" for one in some),
    "values": lambda *some: "".join(json.dumps(one, indent=1) for one in some),
    "transaction": lambda *some: bundles(*map(put, some)),
    "collection": lambda *some: bundles(*({"resource": one} for one in some), kind="collection"),
    "bundles": lambda *some: bundles(put(patient("3", "1950", "x"))) + bundles(*map(put, some)),
    "bundles on lines": lambda *some: bundles(put(patient("3", "1950", "x"))) + "\n" + bundles(*map(put, some)),
}


@pytest.mark.parametrize("form", FORMS)
def test_what_stands_before_somebody_else_in_the_file_is_not_filed_under_the_one_here(
    store: Store, tmp_path: Path, form: str
) -> None:
    text = FORMS[form](weight(51.0, "o2"), OTHER, weight(52.0, "o3"))
    receipt = read_text(store, tmp_path, text)
    assert "--sender" in receipt.text()
    assert weights(store, "1") == [70.0]
    assert {p.id: p.birth_date for p in store.people()}["1"] == "1964"
    assert not read_text(store, tmp_path, text).changed


@pytest.mark.parametrize("form", FORMS)
def test_what_stands_before_whom_it_is_about_is_theirs(store: Store, tmp_path: Path, form: str) -> None:
    read_text(store, tmp_path, FORMS[form](weight(51.0, "o2"), HERE, weight(52.0, "o3")))
    assert sorted(weights(store, "1")) == [51.0, 52.0, 70.0]


def test_a_resource_of_somebody_else_takes_nothing_back_of_one_here_with_the_same_id(
    store: Store, tmp_path: Path
) -> None:
    receipt = take(store, tmp_path, OTHER, weight(51.0, "o1"))
    assert (receipt.withdrawn, weights(store, "1")) == (0, [70.0])


def test_who_is_created_under_the_name_of_another_is_not_that_one_before_they_come_either(
    store: Store, tmp_path: Path
) -> None:
    send(store, tmp_path, post(HERE, "urn:uuid:a"))
    send(store, tmp_path, post(weight(51.0, person="1"), "urn:uuid:w"), post(OTHER, "urn:uuid:a"))
    assert weights(store, "a") == []


@pytest.mark.parametrize(
    ("here", "there", "same"),
    [
        ({"gender": "male"}, {"birthDate": "1999", "gender": "female"}, False),
        ({"gender": "male"}, {"birthDate": "1999", "gender": "male"}, True),
        ({"gender": "male"}, {"birthDate": "1999", "gender": "unknown"}, True),
        ({"gender": "male"}, {"birthDate": "1999"}, True),
        ({"gender": "male"}, {"birthDate": "1964-05", "gender": "female"}, True),
    ],
)
def test_where_one_states_no_identifier_birth_date_and_gender_tell(
    place: Place, tmp_path: Path, here: dict[str, str], there: dict[str, str], same: bool
) -> None:
    plain = {"resourceType": "Patient", "id": "1", "birthDate": "1964"}
    with place.open() as store:
        take(store, tmp_path, plain | here)
        assert take(store, tmp_path, plain | there).documents == same


# Exports


def exported(place: Place, folder: Path, *resources: dict[str, Any], entries: tuple[Entry, ...] = ()) -> str:
    """The export of patient 1 of another hospital."""
    with place.another("other.db").open() as other:
        take(other, folder, *resources)
        other.take(entries, NOW)
        return b"".join(portable(other.held("1"), NOW)).decode()


THEIRS = (Entry("1", Person("1", sex_at_birth="female", timezone="Asia/Tokyo")), reading("1", 1))


def test_the_export_of_somebody_else_is_quarantined_whole(store: Store, place: Place, tmp_path: Path) -> None:
    """Also where their Patient stands behind the rest, and each entry is told so."""
    broken = weight(9e9, "broken")
    text = exported(place, tmp_path, weight(50.0, "o1"), weight(50.0, "o2"), broken, OTHER, entries=THEIRS)
    before = store.people(), store.record("1"), store.quarantine("1"), list(store.documents("1"))
    (tmp_path / "file.json").write_text(text)
    answers: list[Answer] = []
    receipt = store.take(read(tmp_path / "file.json", learned=NOW), NOW, answers.append)
    assert "--sender" in receipt.text()
    assert (receipt.accepted, receipt.documents, receipt.withdrawn) == (0, 0, 0)
    assert (store.people(), store.record("1"), store.quarantine("1"), list(store.documents("1"))) == before
    assert list(store.documents("")) == []
    assert {item.event.value for item in store.quarantine("") if item.event} >= {50.0, 9e9, 100.0}
    assert {answer.status for answer in answers} == {"409 Conflict"}
    assert not read_text(store, tmp_path, text).changed


def test_the_sender_is_the_way_out_and_everything_of_an_export_has_its_name(
    store: Store, place: Place, tmp_path: Path
) -> None:
    text = exported(place, tmp_path, OTHER, weight(50.0), weight(9e9, "broken"), entries=THEIRS)
    read_text(store, tmp_path, text, "b")
    assert weights(store, "1") == [70.0]
    assert [p.id for p in store.people()] == ["1", "b.1"]
    assert store.record("b.1").person.timezone == "Asia/Tokyo"
    ids = {event.id for event in store.record("b.1").current}
    assert {id for id in ids if not id.startswith("content:")} == {"Observation/b.o1"}
    assert len(ids) == 2
    assert {d.name for d in store.documents("b.1")} >= {"Patient/b.1", "Observation/b.o1", "Observation/b.broken"}
    (item,) = store.quarantine("b.1")
    assert item.event is not None
    assert (item.event.id, item.finding.event) == ("Observation/b.broken", "Observation/b.broken")
    assert not read_text(store, tmp_path, text, "b").changed
    take(store, tmp_path, weight(55.0), sender="b")  # the same hospital corrects the same observation
    assert weights(store, "b.1") == [55.0]


def test_an_export_with_nothing_but_a_devices_data_is_one_persons_under_a_sender(
    store: Store, place: Place, tmp_path: Path
) -> None:
    with place.another("other.db").open() as other:
        other.take([reading("1", i, id=f"sensor/{i}") for i in range(5)], NOW)
        text = b"".join(portable(other.held("1"), NOW)).decode()
    read_text(store, tmp_path, text, "b")
    assert [p.id for p in store.people()] == ["1", "b.1"]
    assert {event.id for event in store.record("b.1").current} == {f"sensor/{i}" for i in range(5)}
    assert len(list(store.documents("b.1"))) > 2


def crafted(of: str, *entries: dict[str, Any]) -> str:
    tag = {"system": "urn:pollux:export", "code": of}
    return json.dumps({"resourceType": "Bundle", "type": "collection", "meta": {"tag": [tag]}, "entry": entries})


def as_kept(name: str, *events: dict[str, Any], updated: str = "2099-01-01T00:00:00Z") -> dict[str, Any]:
    kind, _, id = name.partition("/")
    course = [{"url": "urn:pollux:event", "valueString": json.dumps(events)}] if events else []
    return {"resource": {"resourceType": kind, "id": id}, "link": [{"relation": "self", "url": f"{name}/_history/1"}],
            "extension": [{"url": "urn:pollux:updated", "valueInstant": updated}, *course]}  # fmt: skip


def test_an_export_decides_nothing_about_what_is_anothers_here(store: Store, tmp_path: Path) -> None:
    said = json.loads(msgspec.json.encode(store.record("1").current[0])) | {"value": 99.0}
    gone = as_kept("Observation/o1")
    gone["extension"].append({"url": "urn:pollux:deleted", "valueString": '{"deleted":"Observation/o1"}'})
    for entries in ((as_kept("Patient/1"), as_kept("Observation/o1", said)), (gone,)):
        receipt = read_text(store, tmp_path, crafted("mallory", *entries))
        assert (receipt.accepted, receipt.withdrawn, receipt.documents) == (0, 0, 0)
        assert "holds what is another's here" in receipt.text()
        assert "mallory" not in [person.id for person in store.people()]
        assert weights(store, "1") == [70.0]
    take(store, tmp_path, weight(71.0) | {"meta": {"lastUpdated": "2026-02-01T00:00:00Z"}})
    assert weights(store, "1") == [71.0]
    by_identifier = {"reference": "Patient?identifier=http://clinic.example/mrn|7"}
    take(store, tmp_path, weight(72.0, "o2") | {"subject": by_identifier})
    assert weights(store, "1") == [71.0, 72.0]


@pytest.mark.parametrize("how", ["export", "resource"])
def test_a_version_dated_in_the_future_does_not_make_later_corrections_outdated(
    store: Store, tmp_path: Path, how: str
) -> None:
    if how == "export":
        said = json.loads(msgspec.json.encode(store.record("1").current[0])) | {"value": 99.0}
        read_text(store, tmp_path, crafted("1", as_kept("Observation/o1", said)))
    else:
        take(store, tmp_path, weight(99.0) | {"meta": {"lastUpdated": "2099-01-01T00:00:00Z"}})
    assert weights(store, "1") == [99.0]
    take(store, tmp_path, weight(71.0) | {"meta": {"lastUpdated": NOW.isoformat()}})
    assert weights(store, "1") == [71.0]


def test_a_change_of_a_device_that_an_export_dates_in_the_future_does_not_either(store: Store, tmp_path: Path) -> None:
    dose = msgspec.structs.replace(event_of(reading("1", 1, 100.0, id="t1")), modified=NOW.replace(year=2099))
    entry = {"resource": {"resourceType": "Observation", "id": "x"}, "extension": [
        {"url": "urn:pollux:event", "valueString": msgspec.json.encode([dose]).decode()}]}  # fmt: skip
    read_text(store, tmp_path, crafted("1", entry))
    assert not read_text(store, tmp_path, crafted("1", entry)).changed
    later = msgspec.structs.replace(event_of(reading("1", 1, 120.0, id="t1")), modified=NOW)
    assert store.take([Entry("1", later)], NOW).accepted == 1
    assert [e.value for e in store.record("1").current if e.id == "t1"] == [120.0]


def event_of(entry: Entry) -> Event:
    assert isinstance(entry.item, Event)
    return entry.item


@pytest.mark.parametrize("time", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00"])
@pytest.mark.parametrize("retracted", [True, False])
def test_a_time_that_utc_does_not_have_is_quarantined(store: Store, tmp_path: Path, time: str, retracted: bool) -> None:
    said = json.loads(msgspec.json.encode(store.record("1").current[0]))
    wrong = said | {"time": time, "id": "x", "retracted": retracted}
    texts = [
        crafted("1", as_kept("Observation/x", wrong)),
        crafted("1", as_kept("Observation/x", said | {"id": "x", "modified": time})),
        json.dumps(weight(71.0, "x") | {"effectiveDateTime": time}),
        json.dumps(patient("7") | {"deceasedDateTime": time}),
    ]
    for text in texts:
        assert read_text(store, tmp_path, text).quarantined == 1
        assert weights(store, "1") == [70.0]
        assert b"".join(portable(store.held("1"), NOW))
    assert [str(trouble) for trouble in store.doctor() if trouble.serious] == []


@pytest.mark.parametrize("said", [{"birth_date": "1964-99"}, {"birth_date": "soon"}, {"timezone": "Middle/Earth"}])
def test_what_an_export_says_of_a_person_is_checked(store: Store, tmp_path: Path, said: dict[str, str]) -> None:
    entry = as_kept("Basic/about")
    entry["resource"]["code"] = {"coding": [{"system": "urn:pollux:export", "code": "person"}]}
    entry["resource"]["extension"] = [{"url": f"urn:pollux:person:{k}", "valueString": v} for k, v in said.items()]
    before = store.people()
    assert "this is not as Pollux exports it" in read_text(store, tmp_path, crafted("1", entry)).text()
    assert store.people() == before
