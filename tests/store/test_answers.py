"""Answers to bundles: one response for each entry, in order, valid, and not lost."""

import io
import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pollux.cli import app
from pollux.errors import PolluxError
from pollux.sources import read
from pollux.sources.fhir import Responses
from pollux.sources.fhir.validate import problems
from pollux.store import Store
from tests.store.made import NOW
from tests.store.places import Place
from tests.store.test_transactions import CARD, patient, post, put, update, weight

BODIES: list[tuple[Any, str]] = [
    (put(patient("p1")), "201 Created"),
    ({"request": {"method": "PATCH", "url": "Observation/w"}}, "405 Method Not Allowed"),
    (
        {"resource": {"resourceType": "Parameters"}, "request": {"method": "PATCH", "url": "Observation/w"}},
        "405 Method Not Allowed",
    ),
    ({"request": {"method": "GET", "url": "Patient/p1"}}, "405 Method Not Allowed"),
    (5, "400 Bad Request"),
    ({"fullUrl": "urn:uuid:none"}, "400 Bad Request"),
    ({"resource": 5, "request": {"method": "POST", "url": "Patient"}}, "400 Bad Request"),
    ({"resource": {"id": "x"}, "request": {"method": "POST", "url": "Patient"}}, "422 Unprocessable Entity"),
    ({"resource": patient("p3") | {"n": "TOO LARGE"}}, "422 Unprocessable Entity"),
    ({"resource": patient("p3"), "request": {"method": "PUT", "url": "Patient/p4"}}, "400 Bad Request"),
    (post(patient("other", "43"), "urn:uuid:p1"), "409 Conflict"),
    (update(patient("x"), "name=x"), "400 Bad Request"),
    (post(patient("y"), "urn:uuid:b", "identifier=" + CARD), "200 OK"),
    (post({"resourceType": "Observation", "status": "not valid"}, "urn:uuid:kept"), "201 Created"),
    (post(weight("Patient/p1"), "urn:uuid:w"), "201 Created"),
]


def bundle(*entries: Any, kind: str = "transaction") -> str:
    text = json.dumps({"resourceType": "Bundle", "type": kind, "entry": entries})
    return text.replace('"TOO LARGE"', "1e999")


def answered(store: Store, file: Path) -> list[dict[str, Any]]:
    """The lines that answer a file."""
    out = io.BytesIO()
    with Responses(out) as responses:
        store.take(read(file, learned=NOW), NOW, responses.tell)
        assert out.getvalue() == b""  # nothing counts before the file is taken
        responses.taken()
    return [json.loads(line) for line in out.getvalue().splitlines()]


def statuses(line: dict[str, Any]) -> list[str]:
    return [entry["response"]["status"] for entry in line["entry"]]


@pytest.fixture
def store(place: Place) -> Any:
    with place.open() as opened:
        yield opened


@pytest.mark.parametrize("kind", ["transaction", "batch"])
def test_every_entry_has_exactly_one_answer_in_order(store: Store, tmp_path: Path, kind: str) -> None:
    file = tmp_path / "bundle.json"
    file.write_text(bundle(*(body for body, _ in BODIES), kind=kind))
    (line,) = answered(store, file)
    assert line["type"] == f"{kind}-response"
    assert statuses(line) == [status for _, status in BODIES]
    for entry in line["entry"]:
        assert ("outcome" in entry["response"]) == entry["response"]["status"].startswith("4")
        assert ("location" in entry["response"]) == entry["response"]["status"].startswith("2")
    assert problems(line, json.dumps(line).encode()) == []


def test_the_same_file_again_has_the_same_answers(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "bundle.json"
    file.write_text(bundle(*(body for body, _ in BODIES)))
    assert answered(store, file) == answered(store, file)


ANYTHING = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=8)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(
        st.sampled_from(["resource", "request", "method", "url", "fullUrl", "response", "resourceType", "id", "meta",
                         "link", "extension", "etag", "lastModified"]), inner, max_size=4)),
    max_leaves=8,
)  # fmt: skip
METHODS = st.sampled_from(["POST", "PUT", "DELETE", "PATCH", "GET", "HEAD", "x", 5, None])
URLS = st.sampled_from(["Observation/w", "Observation?identifier=a|1", "Observation?x=1", "Patient/p", "", None, 7])


def asking(method: Any, url: Any, resource: Any) -> dict[str, Any]:
    return {"request": {"method": method, "url": url}} | ({"resource": resource} if resource else {})


ASKED = st.builds(asking, METHODS, URLS, st.one_of(st.none(), st.just(weight("Patient/p")), ANYTHING))


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(ASKED, ANYTHING), max_size=6),
       st.sampled_from(["transaction", "batch", "history", "collection", "searchset", "nonsense", ""]))  # fmt: skip
def test_whatever_stands_in_a_bundle_has_one_answer_an_entry(entries: list[Any], kind: str) -> None:
    with tempfile.TemporaryDirectory() as name, Store.open(Path(name) / "store.db") as store:
        file = Path(name) / "bundle.json"
        file.write_text(bundle(*entries, kind=kind))
        for _ in range(2):
            lines = answered(store, file)
            assert [len(line["entry"]) for line in lines] == ([len(entries)] if entries else [])
            assert all(problems(line, json.dumps(line).encode()) == [] for line in lines)


def test_a_refusal_says_why(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "bundle.json"
    file.write_text(bundle(update(patient("x"), "name=x")))
    (line,) = answered(store, file)
    (issue,) = line["entry"][0]["response"]["outcome"]["issue"]
    assert (issue["severity"], issue["diagnostics"]) == (
        "error", "a conditional update is understood as Patient?identifier=system|value alone")  # fmt: skip


@pytest.mark.parametrize("between", ["\n", ""])
def test_each_bundle_has_a_response_of_its_own(store: Store, tmp_path: Path, between: str) -> None:
    file = tmp_path / "bundles.ndjson"
    file.write_text(between.join([
        bundle(post(patient("1", "a"), "urn:uuid:a"), post(weight("Patient/1"), "urn:uuid:wa")),
        bundle(post(patient("1", "b"), "urn:uuid:b"), kind="batch"),
        json.dumps(patient("alone", "c")),
        json.dumps(weight("Patient/alone", id="alone")),
        bundle(post(patient("1", "d"), "urn:uuid:d")),
    ]))  # fmt: skip
    lines = answered(store, file)
    assert [line["type"].removesuffix("-response") for line in lines] == [
        "transaction", "batch", "transaction", "transaction"]  # fmt: skip
    assert [len(line["entry"]) for line in lines] == [2, 1, 2, 1]
    assert [p.id for p in store.people()] == ["a", "alone", "b", "d"]


def test_a_broken_line_is_answered_too(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "lines.ndjson"
    file.write_text("\n".join([json.dumps(patient("a")), "{broken", json.dumps(weight("Patient/a"))]))
    (line,) = answered(store, file)
    assert statuses(line) == ["201 Created", "400 Bad Request", "201 Created"]


def test_an_update_of_what_is_there_is_no_creation(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "bundle.json"
    for flag, status in ((True, "201 Created"), (False, "200 OK"), (False, "200 OK"), (True, "409 Conflict")):
        file.write_text(bundle(put(patient(multipleBirthBoolean=flag))))
        assert statuses(answered(store, file)[0]) == [status]


def test_answers_to_a_file_that_was_taken_are_not_lost_with_the_next_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.json").write_text(bundle(put(patient("p1"))))
    (tmp_path / "b.json").write_text(bundle(put(patient("p2", "43"))) + "{")
    where = ["--answers", str(tmp_path / "answers.ndjson"), "--store", str(tmp_path / "store.db")]
    with pytest.raises(PolluxError):
        app(["import", str(tmp_path / "a.json"), str(tmp_path / "b.json"), *where], exit_on_error=False)
    (line,) = (tmp_path / "answers.ndjson").read_text().splitlines()
    assert statuses(json.loads(line)) == ["201 Created"]
    with Store.open(tmp_path / "store.db") as store:
        assert [p.id for p in store.people()] == ["p1"]
