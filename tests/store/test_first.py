"""A store of the first version, in plain text, becomes a sealed one with nothing lost."""

import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from pollux.record import Document, Entry, Event, Finding, Person, Quarantined, Source
from pollux.store import Store
from pollux.store.schema import FIRST, look

NOW = datetime(2026, 3, 1, tzinfo=UTC)
PUMP = Source("table", "pump.csv", "line 2")
SECRET = "Erika Mustermann"

TABLES = """
create table schema (version integer not null);
insert into schema values (1);
create table person (seq integer primary key, person text not null, learned text not null, body blob not null);
create index person_by_id on person (person, learned);
create table event (
    seq integer primary key, person text not null, id text not null, document text not null, content text not null,
    learned text not null, retracted integer not null, body blob not null);
create index event_of_person on event (person, id, learned);
create index event_of_document on event (document) where document != '';
create table quarantine (
    seq integer primary key, person text not null, digest text not null, learned text not null, body blob not null,
    unique (person, digest));
create table document (
    seq integer primary key, person text not null, kind text not null, id text not null, version text not null,
    updated text not null, learned text not null, place text not null, digest blob not null, content blob not null,
    unique (kind, id, digest));
create index document_of_person on document (person);
create table checkpoint (
    seq integer primary key, person text not null, name text not null, at text not null, content blob not null);
create index checkpoint_of_person on checkpoint (person, name);
pragma application_id = 1347179864;
pragma journal_mode = wal;
"""

EVENTS = [
    Event(NOW - timedelta(days=2), "body_weight", 70.0, "kg", PUMP, NOW, id="Observation/o1#"),
    Event(NOW - timedelta(days=2), "body_weight", 71.0, "kg", PUMP, NOW + timedelta(days=1), id="Observation/o1#"),
    Event(NOW - timedelta(days=1), "cgm_glucose", 99.0, "mg/dL", PUMP, NOW),
    Event(NOW - timedelta(days=1), "insulin_bolus", "inf", "U", PUMP, NOW, id="d1", retracted=True),
]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A store as the first version left it."""
    made = tmp_path / "store.db"
    old = sqlite3.connect(made)
    old.executescript(TABLES)
    encode = msgspec.json.encode
    old.execute("insert into person values (1, 'p1', ?, ?)", (NOW.isoformat(), encode(Person("p1", birth_date="1964"))))
    for event in EVENTS:
        row = ("p1", event.id, event.id.partition("#")[0], event.content, event.learned.isoformat(), event.retracted)
        old.execute(
            "insert into event (person, id, document, content, learned, retracted, body) values (?,?,?,?,?,?,?)",
            (*row, encode(event).replace(b'"inf"', b"null")),
        )
    finding = Finding("not a number", "conformance", "quarantine", "it is not finite")
    held = Quarantined(finding, EVENTS[2])
    old.execute("insert into quarantine values (1, 'p1', 'abc', ?, ?)", (NOW.isoformat(), encode(held)))
    content = f'{{"name": "{SECRET}"}}'.encode()
    for i, updated in enumerate(("", (NOW + timedelta(days=1)).isoformat())):
        old.execute(
            "insert into document values (?, 'p1', 'Observation', 'o1', '', ?, ?, 'line 1', ?, ?)",
            (i + 1, updated, NOW.isoformat(), bytes([i]), content + b" " * i),
        )
    nobody = "insert into document values (9, '', 'Organization', 'x', '', '', ?, 'line 1', x'09', x'7b7d')"
    old.execute(nobody, (NOW.isoformat(),))
    old.execute("insert into checkpoint values (1, 'p1', 'twin', ?, ?)", (NOW.isoformat(), b"a twin"))
    old.commit()
    old.close()
    return made


def test_everything_is_there_afterwards_and_nothing_in_plain_text(path: Path) -> None:
    assert look(path) == FIRST
    assert SECRET.encode() in path.read_bytes()
    with Store.open(path) as store:
        assert store.people() == [Person("p1", birth_date="1964")]
        events = store.record("p1").events
        assert {e.content for e in events if not e.retracted} == {e.content for e in EVENTS if not e.retracted}
        assert [(e.value, e.id) for e in events if e.retracted] == [("null", "d1")]
        assert [e.value for e in store.record("p1").of("body_weight")] == [71.0]
        assert [d.name for d in store.documents("p1")] == ["Observation/o1", "Observation/o1"]
        assert [d.name for d in store.documents("")] == ["Organization/x"]
        assert store.quarantine("p1")[0].finding.rule == "not a number"
        assert store.checkpoint("p1", "twin") == b"a twin"
    for file in path.parent.iterdir():
        assert SECRET.encode() not in file.read_bytes()
        assert b"body_weight" not in file.read_bytes()


def test_what_was_known_before_is_known_after(path: Path) -> None:
    with Store.open(path) as store:
        document = Entry("p1", Document("Observation", "o1", "", f'{{"name": "{SECRET}"}}'.encode(), "line 1"))
        receipt = store.take([document, Entry("p1", EVENTS[0]), Entry("p1", EVENTS[2])], NOW + timedelta(days=2))
        assert not receipt.changed
        assert receipt.already_known == 3


def test_a_crash_on_the_way_loses_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for step in ("pollux.store.opening.prepare", "pollux.store.first._events"):

        def crash(*_: object) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(step, crash)
            with pytest.raises(KeyboardInterrupt):
                Store.open(path)
    with Store.open(path) as store:
        assert len(store.record("p1").events) == len(EVENTS)
