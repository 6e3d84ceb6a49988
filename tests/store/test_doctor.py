"""The doctor finds what is not as it was put there, says what to do, and is quiet when nothing is wrong."""

from collections.abc import Callable
from contextlib import suppress

import pytest

from pollux.errors import PolluxError
from pollux.store import Damaged
from tests.store.made import NOW, of, reading, weight
from tests.store.places import Place, change, only


@pytest.fixture
def place(place: Place) -> Place:
    with place.open() as store:
        store.take([*of("p1"), *of("p2")], NOW)
        store.save_checkpoint("p1", "twin", b"a twin", NOW)
    return place


def serious(place: Place) -> list[str]:
    with place.open() as store:
        return [str(trouble) for trouble in store.doctor() if trouble.serious]


def test_a_healthy_store_has_nothing_serious_and_one_note(place: Place) -> None:
    with place.open() as store:
        found = [str(trouble) for trouble in store.doctor()]
    assert len(found) == 1
    assert found[0].startswith("note: the site key lies beside the data")


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("delete from page where number = 1", "rows of the table page are missing"),
        ("delete from document", "rows of the table document are missing"),
        ("delete from checkpoint", "rows of the table checkpoint are missing"),
        ("delete from name", "the index of names does not fit the pages"),
        ("update name set page = page + 1", "the index of names does not fit the pages"),
        ("update name set name = x'0000000000000000'", "the index of names does not fit the pages"),
        ("delete from chart", "no chart"),
        ("update chart set version = version + 1", "damaged or was put there by somebody else"),
        ("update document set mark = zeroblob(16)", "damaged or was put there by somebody else"),
        ("update page set number = number + 10", "rows of the table page are missing"),
        ("insert into page select who, 99, sealed from page where number = 1", "of which the chart knows nothing"),
        ("update checkpoint set sealed = zeroblob(50)", "rows of the table checkpoint are missing or were exchanged"),
    ],
)
def test_what_was_altered_is_found(place: Place, statement: str, told: str) -> None:
    place.execute(statement)
    found = serious(place)
    assert any(told in trouble for trouble in found), found
    assert all("restore" in trouble.lower() for trouble in found)


def test_an_older_state_of_one_patient_is_found(place: Place) -> None:
    """Chart and pages as they were before, all validly sealed."""
    place.execute("create table old_chart as select * from chart")
    with place.open() as store:
        store.take([weight("p1", 99.0)], NOW)
    place.execute("delete from chart", "insert into chart select * from old_chart")
    assert any("an older state took its place" in trouble for trouble in serious(place))


def test_a_patient_of_whom_everything_was_removed_is_missed(place: Place) -> None:
    """Without any key all rows of one pseudonym are deleted."""
    who = place.rows("select who from chart order by who")[0][0].hex()
    for table in ("chart", "page", "document", "name", "checkpoint", "identifier", "quarantine"):
        if place.rows(f"select who from {table}"):
            with suppress(AssertionError):  # not everybody has rows in all of them
                place.execute(f"delete from {table} where who = x'{who}'")
    assert any("the audit knows of a chart, and it is gone" in trouble for trouble in serious(place))
    with place.open() as store, pytest.raises(Damaged, match="missing or were exchanged"):
        store.take([*of("p1"), *of("p2")], NOW)


def test_a_lost_key_is_found(place: Place) -> None:
    first = "delete from patient_key where who in (select who from patient_key limit 1)"
    change(place.keys, first)
    assert any("the key is missing" in trouble for trouble in serious(place))


def test_a_damaged_key_is_found(place: Place) -> None:
    change(place.keys, "update patient_key set wrapped = zeroblob(length(wrapped))")
    assert any("wrapped by another site key" in trouble or "damaged" in trouble for trouble in serious(place))


def test_a_lost_ledger_is_found(place: Place) -> None:
    with place.open() as store:
        store.erase("p1")
    place.files.erased.unlink()
    assert any("not in the ledger beside it" in trouble for trouble in serious(place))


@only("sqlite")
def test_a_database_that_is_not_whole_is_found(place: Place) -> None:
    with place.open() as store:
        store.take([reading(f"q{k}", i) for k in range(30) for i in range(30)], NOW)
    content = bytearray(place.path.read_bytes())
    content[4096 * 5 : 4096 * 5 + 40] = b"\xff" * 40
    place.path.write_bytes(content)
    assert serious(place)


def test_whoever_was_erased_elsewhere_and_came_back_is_no_trouble(place: Place) -> None:
    with place.open() as running, place.open() as other:
        running.record("p1")
        other.erase("p1")
        other.take(of("p1"), NOW)
        assert [str(trouble) for trouble in running.doctor() if trouble.serious] == []


@only("sqlite")
@pytest.mark.parametrize(
    "statement",
    [
        "update audit set at = cast(at as blob) where seq = 2",
        "update audit set detail = cast(detail as blob) where seq = 2",
        "update audit set who = 'abc' where seq = 2",
        "update audit set link = 'abc' where seq = 2",
        "update audit set signature = 7 where seq = 2",
        "update page set sealed = 'text'",
        "update chart set version = 1.5",
        "update chart set sealed = 3",
        "update document set number = 'x'",
        "update document set mark = 4.5",
        "update name set page = 'x'",
    ],
)
def test_a_value_that_became_another_kind_is_damage_and_no_other_error(place: Place, statement: str) -> None:
    """As one bit in the head of a row makes a blob of a text."""
    with place.open() as store:
        before = store.record("p1"), store.latest("p1"), len(list(store.documents("p1")))
    place.execute(statement)
    with place.open() as store:
        assert any(trouble.serious for trouble in store.doctor())
        reads: tuple[Callable[[], object], ...] = (
            lambda: store.record("p1"),
            lambda: store.latest("p1"),
            lambda: len(list(store.documents("p1"))),
        )
        others: tuple[Callable[[], object], ...] = (
            lambda: list(store.acts()),
            store.verify,
            lambda: store.take([weight("p1", 99.0)], NOW),
        )
        for read, expected in zip(reads, before, strict=True):
            with suppress(PolluxError):
                assert read() == expected
        for other in others:
            with suppress(PolluxError):
                other()
