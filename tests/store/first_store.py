"""A store as the first version left it: in plain text, with its own tables."""

import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from pollux.record import Event, Finding, Person, Quarantined, Source

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


def make_first_store(made: Path) -> None:
    """Make one at a path, of one patient."""
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
