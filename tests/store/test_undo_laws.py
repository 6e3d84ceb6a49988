"""Taking imports back leaves what there would be without them, whatever came in whatever order.

POLLUX_SOAK=1 asks for longer stories.
"""

import os
import shutil
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pollux.record import Document, Entry, Event, Person, Source
from pollux.record.quality import Finding, Quarantined
from pollux.store import Store
from tests.store.places import Place

Step = tuple[Any, ...]

SOAK = bool(os.environ.get("POLLUX_SOAK"))
START = datetime(2026, 1, 1, tzinfo=UTC)
NOW = datetime(2026, 6, 1, tzinfo=UTC)
SOURCE = Source("meter", "meter.csv", "line 1")

people = st.sampled_from(["p1", "p2"])
values = st.sampled_from([60.0, 61.5, 75.0])


def weight(value: float, hour: int, learned: datetime, id: str = "", changed: int | None = None) -> Event:
    modified = None if changed is None else START + timedelta(days=changed)
    return Event(START + timedelta(hours=hour), "body_weight", value, "kg", SOURCE, learned, id=id, modified=modified)


readings = st.tuples(st.just("reading"), people, values, st.integers(0, 2))
named = st.tuples(st.just("named"), people, values, st.sampled_from(["m/1", "m/2"]))
changed = st.tuples(st.just("changed"), st.just("p1"), values, st.integers(0, 3))
# two documents of one person, one of another: who it is about does not change without a move
documents = st.sampled_from([("p1", "a"), ("p1", "b"), ("p2", "c")])
versions = st.builds(
    lambda document, number, dated, flawed: ("version", *document, number, dated, flawed),
    documents, st.integers(0, 3), st.booleans(), st.sampled_from(["", "", "z", "all"]),
)  # fmt: skip
births, sexes = st.sampled_from(["1964", "1964-05", ""]), st.sampled_from(["female", ""])
ranks = st.sampled_from(["device", "user", "record"])
statements = st.tuples(st.just("person"), people, births, sexes, ranks)
imports = st.lists(st.one_of(readings, named, changed, versions, statements), min_size=1, max_size=4)
steps = st.lists(st.one_of(imports, st.integers(0, 8)), min_size=2, max_size=12 if SOAK else 8)


def unusable(id: str, number: int) -> Quarantined:
    return Quarantined(Finding("unknown unit", "conformance", "quarantine", f"version {number}", event=id), None, id)


def entries(some: list[Step], learned: datetime) -> list[Entry]:
    made: list[Entry] = []
    for kind, person, *rest in some:
        if kind == "reading":
            made.append(Entry(person, weight(rest[0], rest[1], learned)))
        elif kind == "named":
            made.append(Entry(person, weight(rest[0], 0, learned, rest[1])))
        elif kind == "changed":
            made.append(Entry(person, weight(rest[0], 0, learned, "n/1", rest[1])))
        elif kind == "person":
            made.append(Entry(person, Person(person, birth_date=rest[0], gender=rest[1]), by=rest[2]))
        else:
            name, number, dated, flawed = rest
            updated = START + timedelta(days=number) if dated else None
            content = f"{person} {number} {flawed}".encode()
            made.append(Entry(person, Document("Observation", name, "", content, "line 1", updated)))
            for part in ("x", "y", "z")[number % 2 : 1 + number] if flawed != "all" else ():
                event = weight(60.0 + number, 1, learned, f"Observation/{name}#{part}")
                made.append(Entry(person, event if part != flawed else unusable(event.id, number)))
            if flawed == "all":
                made.append(Entry(person, unusable(f"Observation/{name}", number)))
    return made


def stands(store: Store) -> dict[str, object]:
    found: dict[str, object] = {}
    for person in store.people():
        record = store.record(person.id)
        found[person.id] = (
            record.person,
            sorted((e.id, e.time, str(e.value), e.flags) for e in record.current),
            sorted((d.name, d.content) for d in store.documents(person.id)),
            sorted((e.id, str(e.value)) for e in store.latest(person.id, 1000)),
            sorted(store.series(person.id, "body_weight").values.tolist()),
        )
    return found


@pytest.mark.slow
def test_what_stands_is_what_stands_without_the_imports_taken_back(place: Place) -> None:
    number = count()

    @given(steps)
    @settings(max_examples=400 if SOAK else 25, deadline=None, suppress_health_check=list(HealthCheck),
              derandomize=not SOAK)  # fmt: skip
    def law(story: list[list[Step] | int]) -> None:
        i = next(number)
        one, other = place.another(f"{i}/store.db"), place.another(f"{i}b/store.db")
        taken: list[tuple[int, list[Step], datetime]] = []
        undone: set[int] = set()
        with one.open(purpose="export") as store, other.open(purpose="export") as plain:
            for k, step in enumerate(story):
                if isinstance(step, list):
                    learned = NOW + timedelta(days=k)
                    receipt = store.take(entries(step, learned), learned, insist=True)
                    taken.append((receipt.number, step, learned))
                elif taken:
                    which = taken[step % len(taken)][0]
                    assert store.undo(which).before == (which in undone)
                    undone.add(which)
            for which, step, learned in taken:
                if which not in undone:
                    plain.take(entries(step, learned), learned, insist=True)
            assert stands(store) == stands(plain)
            assert [str(trouble) for trouble in store.doctor() if trouble.serious] == []
        for name in (f"{i}", f"{i}b"):
            shutil.rmtree(place.folder / name, ignore_errors=True)

    law()
