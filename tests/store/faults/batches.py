"""What the writing child takes, batch by batch: known from a seed and the number alone, so that it can be checked.

Each batch is of three people: readings of a sensor, doses under ids of their pump, a correction of the weight that the
batches before stated, and a document with an event that stems from it. The source of an event names its batch.
"""

import hashlib
import random
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import msgspec

from pollux.record import Document, Entry, Event, Person, Record, Source
from pollux.store import Store

START = datetime(2026, 1, 1, tzinfo=UTC)
NOW = datetime(2030, 1, 1, tzinfo=UTC)  # the clock of every import, later than all that is stated
PEOPLE = tuple(f"p{i}" for i in range(5))


def person(id: str) -> Person:
    """One of the people."""
    return Person(id, birth_date=f"19{60 + int(id[1:])}")


def batch(seed: int, number: int) -> list[Entry]:
    """The entries of one batch."""
    rng = random.Random(f"{seed}/{number}")
    long = number % 7 == 3
    entries: list[Entry] = []
    for id in sorted(rng.sample(PEOPLE, 3)):
        start = START + timedelta(hours=number)
        learned = START + timedelta(days=900, minutes=number)

        def source(place: str) -> Source:
            return Source("writer", f"batch {number}", place)

        entries.append(Entry(id, person(id)))
        for i in range(rng.randrange(150, 400) if long else rng.randrange(2, 12)):
            value = float(rng.randrange(70, 250))
            moment = start + timedelta(seconds=5 * i)
            entries.append(Entry(id, Event(moment, "cgm_glucose", value, "mg/dL", source(f"line {i}"), learned)))
        for i in range(rng.randrange(1, 4)):
            dose = Event(start + timedelta(minutes=i), "insulin_bolus", rng.randrange(1, 80) / 10, "U", source("dose"),
                         learned, id=f"pump/{id}/{number}/{i}")  # fmt: skip
            entries.append(Entry(id, dose))
        weight = Event(START, "body_weight", 60.0 + number % 40, "kg", source("weight"), learned, id=f"weight/{id}",
                       modified=learned)  # fmt: skip
        entries.append(Entry(id, weight))
        name = f"o{number}-{id}"
        content = b'{"note": "%s"}' % rng.randbytes(rng.randrange(100, 2000)).hex().encode()
        entries.append(Entry(id, Document("Observation", name, "1", content, f"batch {number}", learned)))
        rate = Event(start, "heart_rate", float(rng.randrange(50, 110)), "/min", source("document"), learned,
                     id=f"Observation/{name}#0")  # fmt: skip
        entries.append(Entry(id, rate))
    return entries


def _of(id: str, entries: Iterable[Entry]) -> Record:
    return Record(person(id), tuple(e.item for e in entries if e.person == id and isinstance(e.item, Event)))


def check(store: Store, seed: int, acknowledged: int) -> int:
    """Compare all that the store hands out with the batches that it must have; gives how many it has.

    Batches 0 to `acknowledged` - 1 must be there, the next one may be: it was under way. Each is whole, none is there
    twice, and nothing else is there.
    """
    records = {one.id: store.record(one.id) for one in store.people()}
    documents = {id: list(store.documents(id)) for id in records}
    places = {event.source.name for record in records.values() for event in record.events}
    places |= {document.place for held in documents.values() for document in held}
    count = acknowledged + (f"batch {acknowledged}" in places)
    missing = {f"batch {number}" for number in range(count)} - places
    assert not missing, f"acknowledged and lost: {sorted(missing)}"
    expected = [entry for number in range(count) for entry in batch(seed, number)]
    assert sorted(records) == sorted({entry.person for entry in expected})
    for id, record in records.items():
        assert record == _of(id, expected), f"the record of {id} is not that of {count} whole batches"
        held = [e.item for e in expected if e.person == id and isinstance(e.item, Document)]
        assert [msgspec.structs.replace(d, learned=None) for d in documents[id]] == held, (
            f"the documents of {id} are not those of {count} whole batches"
        )
        assert store.quarantine(id) == []
        readings = store.series(id, "cgm_glucose")  # a record hides what is there twice; a series does not
        assert len(readings) == len(record.of("cgm_glucose"))
    return count


def handed_out(store: Store) -> dict[str, str]:
    """A digest of everything that the store hands out, by person; to compare before and after."""
    people = store.people()
    found = {"": _digest(people)}
    for one in people:
        parts = (store.record(one.id).events, list(store.documents(one.id)), store.quarantine(one.id))
        found[one.id] = _digest(parts)
    return found


def _digest(what: object) -> str:
    return hashlib.sha256(msgspec.msgpack.encode(what)).hexdigest()


def serious(store: Store) -> list[str]:
    """What the store's own doctor finds damaged, missing or altered."""
    return [str(trouble) for trouble in store.doctor() if trouble.serious]
