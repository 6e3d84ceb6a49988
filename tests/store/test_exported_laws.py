"""Whatever was put, corrected, deleted, put again: an export is the same record elsewhere and nothing new at home."""

import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pollux.store import Store
from tests.store.made import NOW, reading
from tests.store.test_deletions import delete
from tests.store.test_exported import course, dose, export_of, stated, take
from tests.store.test_transactions import patient, post, put, send, weight

NAMES = st.sampled_from(["a", "b"])
VALUES = st.sampled_from([60.0, 61.0, 62.0])
ACTS = st.one_of(
    st.tuples(st.just("put"), NAMES, VALUES),
    st.tuples(st.just("dated"), NAMES, VALUES),
    st.tuples(st.just("post"), NAMES, VALUES),
    st.tuples(st.just("delete"), NAMES, VALUES),
    st.tuples(st.just("dose"), NAMES, VALUES),
    st.tuples(st.just("reading"), NAMES, VALUES),
    st.tuples(st.just("move"), NAMES, VALUES),
)


def do(store: Store, folder: Path, number: int, act: tuple[str, str, float]) -> None:
    what, name, value = act
    observation = weight("Patient/ada", value, name)
    entries: dict[str, Any] = {
        "put": put(observation),
        "dated": put(observation | {"meta": {"lastUpdated": f"2026-02-0{1 + int(value) % 3}T00:00:00Z"}}),
        "post": post(observation, f"urn:uuid:{name}"),
        "delete": delete(f"Observation/{name}"),
    }
    if what in entries:
        send(store, folder, entries[what])
    elif what == "dose":
        store.take([dose(value - 55.0, number % 9)], NOW)
    elif what == "reading":
        store.take([reading("ada", int(value), 100.0 + value)], NOW)
    elif any(document.name == f"Observation/{name}" for document in store.documents("astray")):
        store.move([f"Observation/{name}"], "astray", "ada")


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(st.lists(ACTS, max_size=12))
def test_an_export_is_the_same_record_elsewhere_and_nothing_new_at_home(acts: list[tuple[str, str, float]]) -> None:
    with tempfile.TemporaryDirectory() as name, Store.open(Path(name) / "store.db") as store:
        folder = Path(name)
        send(store, folder, put(patient("ada")), put(patient("astray", "43")))
        send(store, folder, put(weight("Patient/astray", 70.0, "b")))
        for number, act in enumerate(acts):
            do(store, folder, number, act)
        before = store.record("ada")
        file = export_of(store, folder)
        with Store.open(folder / "other.db") as other:
            take(other, file)
            there = other.record("ada")
            assert (there.person, stated(there)) == (before.person, stated(before))
            assert course(there) == course(before)
            assert set(store.export("ada")) <= set(other.export("ada"))
            assert not take(other, file).changed
        receipt = take(store, file)
        assert (receipt.accepted, receipt.withdrawn, receipt.quarantined) == (0, 0, 0)
        assert store.record("ada") == before
        assert [str(trouble) for trouble in store.doctor() if trouble.serious] == []
