"""A store of the first version, in plain text, becomes a sealed one with nothing lost."""

from datetime import timedelta
from pathlib import Path

import pytest

from pollux.record import Document, Entry, Person
from pollux.store import Store
from pollux.store.schema import FIRST, look
from tests.store.first_store import EVENTS, NOW, SECRET, make_first_store


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A store as the first version left it."""
    make_first_store(tmp_path / "store.db")
    return tmp_path / "store.db"


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
