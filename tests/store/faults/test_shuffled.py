"""In whatever order events arrive, and in whatever portions, what stands in the end is the same.

POLLUX_SOAK=1 asks for a million events.
"""

import hashlib
import os
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import permutations

import msgspec
import pytest

from pollux.record import Document, Entry, Event, Source
from pollux.store import Store
from tests.store.places import Place

SOAK = bool(os.environ.get("POLLUX_SOAK"))
EVENTS = 1_000_000 if SOAK else 3_000
PEOPLE = 50 if SOAK else 3
LARGEST = 50_000 if SOAK else 400  # entries in one import
START = datetime(2026, 1, 1, tzinfo=UTC)
IMPORTED = datetime(2029, 1, 1, tzinfo=UTC)
NOW = datetime(2030, 1, 1, tzinfo=UTC)
QUANTITIES = (("cgm_glucose", "mg/dL", 70, 250), ("heart_rate", "/min", 50, 110), ("body_weight", "kg", 60, 90))

Unit = list[Entry]  # what comes together: one event, or a document with its events


def told(rng: random.Random, number: int) -> Iterator[Unit]:
    """One fact and whatever is said of it later: a repetition, a correction, a retraction, another version.

    Nine in ten facts are said once or said again; of the rest, corrections that are only learned later, corrections
    that the source dates (`modified`), values corrected and corrected back, retractions, and versions of documents.
    """
    person = f"p{rng.randrange(PEOPLE)}"
    quantity, unit, low, high = rng.choice(QUANTITIES)
    moment = START + timedelta(seconds=30 * number)
    source = Source("meter", "shuffled.csv", f"line {number}")

    def event(value: float, version: int, id: str = "", *, dated: bool = False, retracted: bool = False) -> Event:
        learned = IMPORTED + timedelta(hours=version)
        changed = learned if dated else None
        return Event(moment, quantity, value, unit, source, learned, id=id, modified=changed, retracted=retracted)

    first, second = rng.sample(range(low, high), 2)
    kind = rng.random()
    if kind < 0.90:
        said = [event(first, 0, f"device/{number}" if number % 2 else "")]
    elif kind < 0.92:
        said = [event(first, 0, f"late/{number}"), event(second, 1, f"late/{number}")]
    elif kind < 0.94:
        said = [event(value, i, f"dated/{number}", dated=True) for i, value in enumerate((first, second))]
    elif kind < 0.96:
        said = [event(value, i, f"back/{number}", dated=True) for i, value in enumerate((first, second, first))]
    elif kind < 0.98:
        said = [event(first, 0, f"gone/{number}"), event(first, 1, f"gone/{number}", retracted=True)]
    else:
        for version, value in enumerate((first, second)):
            updated = IMPORTED + timedelta(hours=version)
            content = msgspec.json.encode({"id": number, "version": version})
            document = Document("Observation", f"o{number}", str(version), content, "line 1", updated)
            parts = [event(value, version, f"Observation/o{number}#0")]
            if version == 0:  # the newer version no longer states this
                parts.append(event(value + 1, version, f"Observation/o{number}#1"))
            yield [Entry(person, document), *(Entry(person, part) for part in parts)]
        return
    for one in said:
        yield [Entry(person, one)]
        if rng.random() < 0.1:
            yield [Entry(person, one)]


def portions(units: list[Unit], rng: random.Random) -> Iterator[list[Entry]]:
    """The units in their order, in imports of any size."""
    i = 0
    while i < len(units):
        size = rng.randint(1, LARGEST)
        yield [entry for unit in units[i : i + size] for entry in unit]
        i += size


def what_stands(store: Store) -> str:
    """A hash of the current valid-time view of everybody, without when it was learned and what came first."""
    made = hashlib.sha256()
    for person in store.people():
        for event in store.record(person.id).current:
            made.update(msgspec.msgpack.encode(msgspec.structs.replace(event, learned=START, modified=None)))
    return made.hexdigest()


def taken(place: Place, units: list[Unit], rng: random.Random) -> str:
    """The hash after all units were taken."""
    with place.open() as store:
        for entries in portions(units, rng):
            store.take(entries, NOW)
        return what_stands(store)


@pytest.mark.slow
def test_order_and_portions_change_nothing_of_what_stands(place: Place) -> None:
    rng = random.Random(17)
    units: list[Unit] = []
    number = 0
    while len(units) < EVENTS:
        units += told(rng, number)
        number += 1
    hashes = {taken(place, units, rng)}
    for i in range(1 if SOAK else 3):
        rng.shuffle(units)
        hashes.add(taken(place.another(f"shuffled{i}.db"), units, rng))
    assert len(hashes) == 1


@pytest.mark.parametrize("hours", list(permutations(range(3))))
def test_a_value_corrected_and_corrected_back_stands_whatever_comes_first(place: Place, hours: tuple[int, ...]) -> None:
    with place.open() as store:
        for hour in hours:
            changed = IMPORTED + timedelta(hours=hour)
            source = Source("nightscout", "export", f"line {hour}")
            value = (5.0, 6.0, 5.0)[hour]
            event = Event(START, "cgm_glucose", value, "mmol/L", source, changed, id="back", modified=changed)
            store.take([Entry("p1", event)], NOW)
        assert [event.value for event in store.record("p1").current] == [5.0]
