"""Files are kept as they came, and what is kept is read again by a reader that understands more, or less."""

import json
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from pollux.record import Entry, Event, Source
from pollux.record.quality import Finding, Quarantined
from pollux.sources import again as kept_files
from pollux.sources import format_of, kept, medication_codes, read, read_again
from pollux.sources.fhir import portable
from pollux.store import Again, Store, Taking
from tests.store.made import NOW
from tests.store.places import Place

LATER = NOW + timedelta(days=1)
HEAD = "time,quantity,value,unit\n"


@pytest.fixture
def store(place: Place) -> Iterator[Store]:
    with place.open(purpose="export") as opened:
        yield opened


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_files, "PIECE", 40)


def reader(again: Again, learned: datetime) -> Iterable[Entry]:
    """The real one."""
    return read_again(again.pieces, again.person, learned=learned, timezone=again.taking.timezone,
                      name=again.taking.file, codes=medication_codes(again.medications))  # fmt: skip


def take_file(store: Store, path: Path, text: str, zone: str = "", now: datetime = NOW) -> int:
    """A device's file as `pollux import` takes it."""
    path.write_text(text)
    taking = Taking(path.name, format_of(path), 1, "ada", zone)
    entries = [*kept(path, "ada"), *read(path, learned=now, person="ada", timezone=zone)]
    return store.take(entries, now, taking=taking).number


def rows(*values: tuple[int, float], quantity: str = "cgm_glucose", unit: str = "mg/dL") -> str:
    return HEAD + "".join(f"2026-01-01 {hour:02d}:00,{quantity},{value},{unit}\n" for hour, value in values)


def levels(store: Store) -> list[float]:
    return [event.number() for event in store.record("ada").of("cgm_glucose")]


@pytest.mark.usefixtures("small")
def test_a_file_is_kept_byte_for_byte_in_pieces(store: Store, tmp_path: Path) -> None:
    text = rows((1, 100.0), (2, 110.0), (3, 120.0)).replace("\n", "\r\n")
    take_file(store, tmp_path / "a.csv", text, "UTC")
    pieces = list(store.documents("ada"))
    assert len(pieces) > 1
    assert b"".join(piece.content for piece in pieces) == (tmp_path / "a.csv").read_bytes()
    assert list(store.export("ada")) == []


def test_the_same_bytes_are_kept_once_and_again_after_they_were_taken_back(store: Store, tmp_path: Path) -> None:
    text = rows((1, 100.0))
    first, second = (take_file(store, tmp_path / f"{name}.csv", text, "UTC") for name in "ab")
    assert len(list(store.documents("ada"))) == 1
    store.undo(first)
    assert (len(list(store.documents("ada"))), levels(store)) == (1, [100.0])
    store.undo(second)
    assert (len(list(store.documents("ada"))), levels(store)) == (0, [])
    take_file(store, tmp_path / "a.csv", text, "UTC")
    assert (len(list(store.documents("ada"))), levels(store)) == (1, [100.0])


@pytest.mark.usefixtures("small")
def test_an_export_holds_the_file(store: Store, tmp_path: Path) -> None:
    import base64

    take_file(store, tmp_path / "a.csv", rows((1, 100.0), (2, 110.0)), "UTC")
    bundle = json.loads(b"".join(portable(store.held("ada"), NOW)))
    files = [one["resource"] for one in bundle["entry"] if one["resource"].get("type") == {"text": "file of a device"}]
    content = b"".join(base64.b64decode(one["content"][0]["attachment"]["data"]) for one in files)
    assert content == (tmp_path / "a.csv").read_bytes()


def test_reading_again_with_the_same_reader_changes_nothing(store: Store, tmp_path: Path) -> None:
    take_file(store, tmp_path / "a.csv", rows((1, 100.0), (2, 9000.0)), "Europe/Berlin")
    before = store.record("ada").events
    account = store.reread("ada", reader, LATER)
    assert account.text() == "import 2: 1 documents read again; nothing is different"
    assert (store.record("ada").events, len(store.quarantine("ada"))) == (before, 1)


def less(again: Again, learned: datetime) -> Iterable[Entry]:
    """A reader that understands no value over 105."""
    for entry in reader(again, learned):
        if isinstance(entry.item, Event) and entry.item.number() > 105.0:
            text = "it is not understood"
            finding = Finding("not understood", "conformance", "quarantine", text, event=entry.item.id)
            yield Entry(entry.person, Quarantined(finding, None, entry.item.id))
        else:
            yield entry


def test_what_is_understood_now_leaves_the_quarantine_and_comes_in(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(rows((1, 100.0), (2, 110.0)))
    first = Again("ada", tuple(e.item for e in kept(path, "ada")), Taking("a.csv", timezone="UTC"))  # type: ignore[misc]
    store.take([*kept(path, "ada"), *less(first, NOW)], NOW, taking=Taking("a.csv", "plain table", 1, "ada", "UTC"))
    assert (levels(store), len(store.quarantine("ada"))) == ([100.0], 1)
    account = store.reread("ada", reader, LATER)
    assert (levels(store), store.quarantine("ada"), account.released) == ([100.0, 110.0], [], 1)
    assert store.record("ada").as_known_at(NOW).current != store.record("ada").current
    assert store.reread("ada", reader, LATER).changed == 0
    store.undo(account.number)
    assert (levels(store), len(store.quarantine("ada"))) == ([100.0], 1)


def test_what_is_no_longer_made_of_a_file_goes_unless_another_says_it(store: Store, tmp_path: Path) -> None:
    take_file(store, tmp_path / "a.csv", rows((1, 100.0), (2, 110.0), (3, 120.0)), "UTC")
    source = Source("scale", "b.csv", "line 1")
    store.take([Entry("ada", Event(datetime.fromisoformat("2026-01-01T02:00Z"), "cgm_glucose", 110.0, "mg/dL", source,
                                   NOW))], NOW)  # fmt: skip
    account = store.reread("ada", less, LATER)
    assert (levels(store), account.withdrawn) == ([100.0, 110.0], 1)
    store.undo(account.number)
    assert levels(store) == [100.0, 110.0, 120.0]
    assert [str(trouble) for trouble in store.doctor() if trouble.serious] == []


def test_undo_of_the_file_takes_along_what_reading_it_again_brought(store: Store, tmp_path: Path) -> None:
    number = take_file(store, tmp_path / "a.csv", rows((1, 100.0), (2, 110.0)), "UTC")
    store.reread("ada", less, LATER)
    store.undo(number)
    assert levels(store) == []


def test_a_record_is_read_again_with_the_ids_of_its_sender_and_its_medications(store: Store, tmp_path: Path) -> None:
    def entry(**resource: object) -> dict[str, object]:
        return {"fullUrl": f"urn:uuid:{resource['id']}", "resource": resource}

    code = {"coding": [{"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": "51428"}], "text": "glargine"}
    bundle = {
        "resourceType": "Bundle", "type": "collection",
        "entry": [
            entry(resourceType="Patient", id="p", birthDate="1964-03-01", gender="female"),
            entry(resourceType="Medication", id="m", code=code),
            entry(resourceType="Observation", id="o", status="final", subject={"reference": "urn:uuid:p"},
                  code={"coding": [{"system": "http://loinc.org", "code": "29463-7"}]},
                  effectiveDateTime="2026-01-02T08:00:00Z",
                  valueQuantity={"value": 70, "unit": "kg", "system": "http://unitsofmeasure.org", "code": "kg"}),
            entry(resourceType="MedicationRequest", id="r", status="active", intent="order",
                  subject={"reference": "urn:uuid:p"}, authoredOn="2026-01-02",
                  medicationReference={"reference": "urn:uuid:m"}),
        ],
    }  # fmt: skip
    path = tmp_path / "b.json"
    path.write_text(json.dumps(bundle))
    store.take(read(path, learned=NOW, sender="clinic"), NOW, taking=Taking("b.json", "fhir r4", 1, sender="clinic"))
    (person,) = (one.id for one in store.people())
    before = store.record(person).events
    assert len(before) == 2
    account = store.reread(person, reader, LATER)
    assert (account.changed, account.quarantined, store.record(person).events) == (0, 0, before)

    def heavier(again: Again, learned: datetime) -> Iterator[Entry]:
        import msgspec

        for one in reader(again, learned):
            more = isinstance(one.item, Event) and one.item.quantity == "body_weight"
            item = msgspec.structs.replace(one.item, value=71.0) if more else one.item
            yield Entry(one.person, item, one.by)

    account = store.reread(person, heavier, LATER)
    assert [event.value for event in store.record(person).of("body_weight")] == [71.0]
    store.undo(account.number)
    assert [event.value for event in store.record(person).of("body_weight")] == [70.0]


MANY = "time,quantity,value,unit,person\n"


def row_of(person: str, hour: int, value: float) -> str:
    return f"2026-01-01 {hour:02d}:00,cgm_glucose,{value},mg/dL,{person}\n"


def take_many(store: Store, path: Path, *some: str) -> int:
    """A table of many people as `pollux import` takes it."""
    path.write_text(MANY + "".join(some))
    entries = [*kept(path, ""), *read(path, learned=NOW, timezone="UTC")]
    return store.take(entries, NOW, taking=Taking(path.name, format_of(path), 1, "", "UTC")).number


def values_of(store: Store, person: str) -> list[float]:
    return [event.number() for event in store.record(person).of("cgm_glucose")]


@pytest.mark.parametrize("held", [1, 1 << 20])
def test_of_a_table_of_many_people_everyone_has_their_rows(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, held: int
) -> None:
    monkeypatch.setattr(kept_files, "_ALL_HELD", held)
    rows_of_ada = [row_of("ada", hour, 100.0 + hour) for hour in range(3)]
    rows_of_bob = [row_of("bob", hour, 9000.0 + hour) for hour in range(3)]
    mixed = [row for pair in zip(rows_of_ada, rows_of_bob, strict=True) for row in pair]
    take_many(store, tmp_path / "many.csv", *mixed, "broken\n")
    theirs = [document.content.decode() for document in store.documents("ada")]
    assert "bob" not in "".join(theirs)
    assert all(row in "".join(theirs) for row in rows_of_ada)
    for person in ("ada", "bob"):
        account = store.reread(person, reader, LATER)
        assert account.text().endswith("1 documents read again; nothing is different")
    found = read_again(list(store.documents("ada")), "ada", learned=NOW, timezone="UTC", name="many.csv")
    assert [e.item.source.place for e in found if isinstance(e.item, Event)] == ["line 2", "line 4", "line 6"]


def test_one_person_of_a_table_is_read_again_and_erased_without_the_others(store: Store, tmp_path: Path) -> None:
    take_many(store, tmp_path / "many.csv", row_of("ada", 1, 100.0), row_of("bob", 1, 110.0), row_of("ada", 2, 120.0))
    account = store.reread("ada", less, LATER)
    assert (values_of(store, "ada"), values_of(store, "bob")) == ([100.0], [110.0])
    store.undo(account.number)
    assert values_of(store, "ada") == [100.0, 120.0]
    store.erase("bob")
    assert [person.id for person in store.people()] == ["ada"]
    assert len(list(store.documents("ada"))) == 1


def test_a_table_of_many_people_taken_back_is_gone_with_each_of_them_and_can_be_taken_again(
    store: Store, tmp_path: Path
) -> None:
    some = (row_of("ada", 1, 100.0), row_of("bob", 1, 110.0), row_of("ada", 2, 120.0))
    number = take_many(store, tmp_path / "many.csv", *some)
    assert take_many(store, tmp_path / "many.csv", *some) == number + 1
    store.undo(number)
    assert (values_of(store, "ada"), values_of(store, "bob")) == ([100.0, 120.0], [110.0])
    store.undo(number + 1)
    assert [len(list(store.documents(one))) for one in ("ada", "bob")] == [0, 0]
    take_many(store, tmp_path / "many.csv", *some)
    assert (values_of(store, "ada"), values_of(store, "bob")) == ([100.0, 120.0], [110.0])


def test_a_row_that_looks_like_a_mark_is_a_row(store: Store, tmp_path: Path) -> None:
    sly = "\x1d7,cgm_glucose,100,mg/dL,ada\n"
    take_many(store, tmp_path / "many.csv", sly, row_of("ada", 2, 120.0))
    assert store.reread("ada", reader, LATER).changed == 0
    assert [len(store.quarantine("ada")), values_of(store, "ada")] == [1, [120.0]]


def test_a_row_that_names_two_people_is_nobodys_also_when_it_is_read_again(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "many.csv"
    row = "2026-01-01 0{}:00,cgm_glucose,100,mg/dL,{},{},Eva\n"
    head = "time,quantity,value,unit,person,subject,name\n"
    path.write_text(head + row.format(1, "ada", "bob") + row.format(2, "ada", "ada"))
    entries = [*kept(path, ""), *read(path, learned=NOW, timezone="UTC")]
    store.take(entries, NOW, taking=Taking("many.csv", "plain table", 1, "", "UTC"))
    assert len(store.record("ada").current) == 1
    assert store.reread("ada", reader, LATER).changed == 0
    assert [event.source.place for event in store.record("ada").current] == ["line 3"]
