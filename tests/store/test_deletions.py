"""What a file deletes is gone and can still be read; the versions of a history come in their order."""

import json
from datetime import UTC, datetime
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from pollux.record.entry import Answer
from pollux.sources import read
from pollux.store import Receipt, Store
from tests.store.made import NOW
from tests.store.places import Place
from tests.store.test_transactions import patient, put, send, weight

SUBJECT = "Patient/1"


def delete(url: str = "Observation/w") -> dict[str, Any]:
    return {"request": {"method": "DELETE", "url": url}}


def version(number: int, value: float | None, *, dated: bool = True, numbered: bool = True) -> dict[str, Any]:
    """A version of a weight in a history; without a value its deletion."""
    made = f"2026-01-0{number}T00:00:00Z"
    said = ({"lastModified": made} if dated else {}) | ({"etag": f'W/"{number}"'} if numbered else {})
    method = "DELETE" if value is None else "PUT"
    entry = {"fullUrl": "http://x.example/Observation/w", "request": {"method": method, "url": "Observation/w"},
             "response": {"status": "200"} | said}  # fmt: skip
    return entry if value is None else entry | {"resource": weight(SUBJECT, value)}


def take_history(store: Store, folder: Path, *entries: dict[str, Any]) -> tuple[Receipt, list[Answer]]:
    file = folder / "history.json"
    file.write_text(json.dumps({"resourceType": "Bundle", "type": "history", "entry": entries}))
    answers: list[Answer] = []
    return store.take(read(file, learned=NOW), NOW, answers.append), answers


def standing(store: Store) -> list[float]:
    return [event.number() for event in store.record("1").current]


def exported(store: Store) -> list[float]:
    resources = [json.loads(line) for line in store.export("1")]
    return [one["valueQuantity"]["value"] for one in resources if one["resourceType"] == "Observation"]


def serious(store: Store) -> list[str]:
    return [str(trouble) for trouble in store.doctor() if trouble.serious]


@pytest.fixture
def store(place: Place, tmp_path: Path) -> Any:
    with place.open() as opened:
        send(opened, tmp_path, put(patient()))
        yield opened


def test_what_is_deleted_no_longer_stands_and_can_still_be_read(store: Store, tmp_path: Path) -> None:
    send(store, tmp_path, put(weight(SUBJECT)))
    known = store.record("1").events[0].learned
    receipt, answers = send(store, tmp_path, delete())
    assert (receipt.withdrawn, receipt.documents, receipt.people) == (1, 1, ("1",))
    assert [(a.status, a.name, a.version) for a in answers] == [("204 No Content", "Observation/w", 2)]
    assert standing(store) == exported(store) == []
    assert len(store.record("1").as_known_at(known).current) == 1
    assert [d.gone for d in store.documents("1") if d.name == "Observation/w"] == [False, True]
    assert serious(store) == []


def test_the_same_deletion_again_changes_nothing(place: Place, tmp_path: Path) -> None:
    with place.open() as store:
        send(store, tmp_path, put(patient()), put(weight(SUBJECT)))
        _, first = send(store, tmp_path, delete())
    before = place.dump()
    with place.open() as store:
        receipt, again = send(store, tmp_path, delete())
        assert (receipt.changed, again) == (False, first)
    after = place.dump()
    assert {table for table in after if after[table] != before[table]} <= {"audit", "chart", "imported", "counter"}


@pytest.mark.parametrize("value", [71.0, 70.0])
def test_what_is_put_after_its_deletion_is_back_as_a_new_version(store: Store, tmp_path: Path, value: float) -> None:
    """Also where it says the same as before in other bytes."""
    send(store, tmp_path, put(weight(SUBJECT, 70.0)))
    send(store, tmp_path, delete())
    _, answers = send(store, tmp_path, put(weight(SUBJECT, value) | {"language": "en"}))
    assert [(a.name, a.version, a.created) for a in answers] == [("Observation/w", 3, False)]
    assert standing(store) == exported(store) == [value]
    assert serious(store) == []


def test_the_file_from_before_a_deletion_does_not_undo_it_and_is_told_so(store: Store, tmp_path: Path) -> None:
    send(store, tmp_path, put(weight(SUBJECT)))
    send(store, tmp_path, delete())
    receipt, answers = send(store, tmp_path, put(weight(SUBJECT)))
    assert (receipt.changed, standing(store)) == (False, [])
    assert [a.status for a in answers] == ["410 Gone"]


def test_the_file_of_a_deletion_does_not_undo_what_came_after_it_unless_it_is_dated(
    store: Store, tmp_path: Path
) -> None:
    send(store, tmp_path, put(weight(SUBJECT)))
    send(store, tmp_path, delete())
    send(store, tmp_path, put(weight(SUBJECT, 71.0)))
    receipt, answers = send(store, tmp_path, delete())
    assert (receipt.changed, standing(store), answers[0].status) == (False, [71.0], "409 Conflict")
    file = tmp_path / "dated.json"
    body = {"resourceType": "Bundle", "type": "transaction", "timestamp": "2026-02-01T00:00:00Z", "entry": [delete()]}
    file.write_text(json.dumps(body))
    store.take(read(file, learned=NOW), NOW)
    assert standing(store) == exported(store) == []


def test_a_deletion_is_newer_than_a_version_that_says_when_it_was_made(store: Store, tmp_path: Path) -> None:
    dated = weight(SUBJECT) | {"meta": {"lastUpdated": "2026-02-01T00:00:00Z"}}
    send(store, tmp_path, put(dated))
    send(store, tmp_path, delete())
    assert standing(store) == exported(store) == []


def test_deleting_what_is_not_there_keeps_nothing(store: Store, tmp_path: Path) -> None:
    receipt, answers = send(store, tmp_path, delete("Observation/none"))
    assert (receipt.changed, answers[0].status, answers[0].version) == (False, "204 No Content", 0)
    assert list(store.documents("")) == []


@pytest.mark.parametrize(
    ("url", "status", "why"),
    [
        ("Patient/1", "405 Method Not Allowed", "`pollux erase 1`"),
        ("Observation?code=1", "400 Bad Request", "conditional"),
        ("Observation", "400 Bad Request", "name"),
        ("Observation/w/_history/1", "400 Bad Request", "version"),
    ],
)
def test_other_deletions_are_refused_with_what_to_do(
    store: Store, tmp_path: Path, url: str, status: str, why: str
) -> None:
    send(store, tmp_path, put(weight(SUBJECT)))
    receipt, answers = send(store, tmp_path, delete(url))
    assert answers[0].status == status
    assert why in answers[0].why
    assert why in receipt.text()
    assert standing(store) == [70.0]


def test_what_was_moved_is_deleted_where_it_is(store: Store, tmp_path: Path) -> None:
    send(store, tmp_path, put(patient("2", "43")), put(weight(SUBJECT)))
    store.move(["Observation/w"], "1", "2")
    send(store, tmp_path, delete())
    assert [len(store.record(id).current) for id in "12"] == [0, 0]
    assert [d.gone for d in store.documents("2") if d.kind == "Observation"] == [False, True]
    assert [d.name for d in store.documents("1")] == ["Patient/1"]


def test_a_document_of_nobody_is_deleted_too(store: Store, tmp_path: Path) -> None:
    send(store, tmp_path, put({"resourceType": "Organization", "id": "o", "name": "x"}))
    send(store, tmp_path, delete("Organization/o"))
    assert list(store.export("")) == []
    assert len(list(store.documents(""))) == 2


ORDERS = list(permutations(range(3)))


@pytest.mark.parametrize("order", ORDERS, ids=str)
@pytest.mark.parametrize(("dated", "numbered"), [(True, True), (False, True), (True, False)])
def test_versions_of_a_history_come_in_their_order_whatever_it_is_in_the_file(
    store: Store, tmp_path: Path, order: tuple[int, ...], dated: bool, numbered: bool
) -> None:
    versions = [version(n + 1, 70.0 + n, dated=dated, numbered=numbered) for n in range(3)]
    take_history(store, tmp_path, *(versions[i] for i in order))
    assert standing(store) == exported(store) == [72.0]
    assert [event.number() for event in store.record("1").events] == [70.0, 71.0, 72.0]


def test_a_history_that_says_nothing_of_its_versions_is_newest_first(store: Store, tmp_path: Path) -> None:
    take_history(store, tmp_path, *(version(n, 70.0 + n, dated=False, numbered=False) for n in (3, 2, 1)))
    assert standing(store) == exported(store) == [73.0]


@pytest.mark.parametrize("order", ORDERS, ids=str)
def test_a_deletion_in_a_history_has_its_place_among_the_versions(
    store: Store, tmp_path: Path, order: tuple[int, ...]
) -> None:
    gone_last = [version(1, 70.0), version(2, 71.0), version(3, None)]
    _, answers = take_history(store, tmp_path, *(gone_last[i] for i in order))
    assert sorted(a.status for a in answers) == ["", "", "204 No Content"]
    assert standing(store) == exported(store) == []
    deleted = next(d for d in store.documents("1") if d.gone)
    assert (deleted.updated, deleted.version) == (datetime(2026, 1, 3, tzinfo=UTC), "3")
    again, same = take_history(store, tmp_path, *(gone_last[i] for i in order))
    assert (again.changed, same) == (False, answers)
    back = [version(4, 72.0), *gone_last]
    _, answers = take_history(store, tmp_path, *(back[i] for i in (*order, 3)))
    assert standing(store) == exported(store) == [72.0]
    assert take_history(store, tmp_path, *(back[i] for i in (*order, 3)))[1] == answers
    assert serious(store) == []


@pytest.mark.parametrize("order", ORDERS, ids=str)
def test_a_history_on_several_pages_is_the_same(store: Store, tmp_path: Path, order: tuple[int, ...]) -> None:
    """Its first page may say that something was deleted of which nothing is known yet."""
    pages = [version(1, 70.0), version(2, 71.0), version(3, None)]
    for i in order:
        take_history(store, tmp_path, pages[i])
    assert standing(store) == exported(store) == []
    assert serious(store) == []


def test_a_history_too_long_to_be_put_in_order_takes_what_is_dated(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pollux.sources.fhir.history.LARGEST_SORTED", 500)
    undated = version(4, 90.0, dated=False)
    receipt, answers = take_history(store, tmp_path, *(version(n, 70.0 + n) for n in (3, 1, 2)), undated)
    assert standing(store) == exported(store) == [73.0]
    assert "so long a history is not put in order" in receipt.text()
    assert [a.status for a in answers] == ["", "", "", "422 Unprocessable Entity"]
