"""What holds for every format."""

import codecs
import gzip
import random
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pollux.errors import RefusedInput
from pollux.record import Record
from pollux.sources import FORMATS, format_of, read, recognise
from pollux.store import Store
from tests.sources.conftest import LEARNED, ReadText
from tests.sources.examples import CLARITY, NIGHTSCOUT, SOUND, TABLE

ALL = pytest.mark.parametrize("content", SOUND.values(), ids=SOUND)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "store.pollux.db") as opened:
        yield opened


def test_each_known_format_has_an_example() -> None:
    assert {recognise(content) for content in SOUND.values()} == {known.name for known in FORMATS}


@ALL
def test_a_sound_file_gives_events_and_nothing_is_quarantined(content: bytes, reads: ReadText) -> None:
    found = reads(content)
    assert found.events
    assert found.reasons == []
    assert all(event.learned == LEARNED for event in found.events)
    assert all(event.source.name == "file" for event in found.events)
    assert all(event.source.place.startswith("line ") for event in found.events)


@ALL
def test_the_encoding_and_the_packing_do_not_matter(content: bytes, reads: ReadText) -> None:
    plain = reads(content).values
    text = content.decode("utf-8-sig")
    assert reads(gzip.compress(content)).values == plain
    assert reads(codecs.BOM_UTF8 + text.encode()).values == plain
    assert reads(text.encode("utf-16")).values == plain
    assert reads(text.encode("utf-16-be")).values == plain
    assert reads(text.replace("\r\n", "\n").replace("\n", "\r\n").encode()).values == plain
    assert reads(gzip.compress(text.encode("utf-16"))).values == plain


@ALL
def test_the_format_of_a_file_does_not_depend_on_its_name_encoding_or_packing(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "caf\udce9.jpg"
    text = content.decode("utf-8-sig")
    for packed in (content, gzip.compress(content), text.encode("utf-16"), gzip.compress(text.encode("utf-16-le"))):
        path.write_bytes(packed)
        assert format_of(path) == recognise(content)


def test_a_file_of_no_format_is_refused_by_its_name(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("hello")
    with pytest.raises(RefusedInput, match=r"this is no format that Pollux knows \[notes.txt\]"):
        format_of(path)


@ALL
def test_the_same_file_twice_changes_nothing(content: bytes, store: Store, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    first = store.take(read(path, learned=LEARNED, person="p1", timezone="UTC"), LEARNED)
    before = store.record("p1"), store.people(), list(store.documents("p1"))
    later = datetime(2026, 4, 1, tzinfo=UTC)
    again = store.take(read(path, learned=later, person="p1", timezone="UTC", name="copy"), later)
    assert first.changed
    assert not again.changed
    assert again.already_known >= first.accepted
    assert (store.record("p1"), store.people(), list(store.documents("p1"))) == before


@ALL
def test_a_file_that_ends_in_the_middle_is_refused_or_loses_only_its_end(content: bytes, reads: ReadText) -> None:
    whole = set(reads(content).values)
    for length in range(0, len(content), 37):
        try:
            found = reads(content[:length])
        except RefusedInput:
            continue
        assert len(set(found.values) - whole) <= 1  # the row that was cut


@pytest.mark.parametrize("content", [b"", b" \n\n", b"\xff\xfe", b"\x00" * 100, b"PK\x03\x04" + b"\x00" * 30, b"hello"])
def test_what_is_no_known_file_is_refused(content: bytes, reads: ReadText) -> None:
    with pytest.raises(RefusedInput):
        reads(content)


def test_the_refusal_lists_the_formats_that_are_known() -> None:
    with pytest.raises(RefusedInput, match=r"this is no format that Pollux knows. Known are: fhir r4 .*plain table"):
        recognise(b"a,b,c\n1,2,3\n")


def test_a_broken_gzip_file_is_refused(reads: ReadText) -> None:
    with pytest.raises(RefusedInput, match="the file is not intact"):
        reads(gzip.compress(TABLE * 50)[:-20])


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "nothing.csv", tmp_path):
        with pytest.raises(RefusedInput):
            list(read(path, learned=LEARNED, person="p1", timezone="UTC"))


@pytest.mark.parametrize("content", [TABLE, CLARITY, NIGHTSCOUT])
def test_a_device_file_needs_to_be_told_whose_it_is(content: bytes, reads: ReadText) -> None:
    with pytest.raises(RefusedInput, match="a device file does not say whose it is"):
        reads(content, person="")


def test_a_name_that_is_no_text_does_no_harm(tmp_path: Path, store: Store) -> None:
    path = tmp_path / "caf\udce9.csv"
    path.write_bytes(TABLE)
    assert store.take(read(path, learned=LEARNED, person="p1", timezone="UTC"), LEARNED).accepted == 5
    with pytest.raises(RefusedInput, match="the person's id has signs that cannot be kept"):
        read(path, learned=LEARNED, person="p\udce9")


def test_an_unknown_time_zone_is_refused(reads: ReadText) -> None:
    with pytest.raises(RefusedInput, match="there is no time zone 'Mars/Olympus'"):
        reads(TABLE, timezone="Mars/Olympus")


@pytest.mark.parametrize("content", [TABLE, CLARITY])
def test_the_order_of_rows_does_not_matter(content: bytes, tmp_path: Path) -> None:
    lines = content.splitlines(keepends=True)
    header = 4 if content is CLARITY else 1
    records: list[Record] = []
    for seed in range(3):
        rows = lines[header:]
        random.Random(seed).shuffle(rows)
        path = tmp_path / f"{seed}.csv"
        path.write_bytes(b"".join(lines[:header] + rows))
        with Store.open(tmp_path / f"{seed}.pollux.db") as store:
            store.take(read(path, learned=LEARNED, person="p1", timezone="UTC", name="file"), LEARNED)
            records.append(store.record("p1"))
    said = [[(e.id, e.time, e.quantity, e.value, e.unit, e.end, e.learned) for e in r.current] for r in records]
    assert said[0] == said[1] == said[2]
