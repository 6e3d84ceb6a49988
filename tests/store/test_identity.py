"""Two ids of one person, one id of two people, things that came to the wrong patient: all is put right, and back."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from pollux.errors import PolluxError, UnknownName
from pollux.record import Entry, Person
from pollux.store import Store
from tests.store.made import NOW, document, of, reading, weight
from tests.store.places import Place


@pytest.fixture
def store(place: Place) -> Iterator[Store]:
    with place.open() as opened:
        yield opened


def healthy(store: Store) -> bool:
    return store.verify()[0] == [] and not [trouble for trouble in store.doctor() if trouble.serious]


def test_a_merged_record_holds_both_and_either_id_finds_it(store: Store) -> None:
    store.take([Entry("a", Person("a", gender="female")), reading("a", 1)], NOW)
    store.take([Entry("b", Person("b", birth_date="1964")), reading("b", 2), document("b", "o1")], NOW)
    store.merge("a", "b")
    for id in ("a", "b"):
        record = store.record(id)
        assert record.person == Person("b", birth_date="1964", gender="female")
        assert len(record.current) == 2
        assert len(store.series(id, "cgm_glucose")) == 2
        assert len(store.latest(id)) == 2
        assert len(list(store.documents(id))) == 1
    assert [person.id for person in store.people()] == ["b"]
    store.take([reading("a", 3)], NOW)  # a device still knows the old id
    assert len(store.record("b").current) == 3
    assert healthy(store)


def test_unmerging_gives_each_what_is_theirs(store: Store) -> None:
    store.take([*of("a"), *of("b")], NOW)
    before = (store.record("a"), store.record("b"))
    store.merge("a", "b")
    store.unmerge("a")
    assert (store.record("a"), store.record("b")) == before
    assert healthy(store)


def test_a_merge_that_cannot_be_is_refused(store: Store) -> None:
    store.take([*of("a"), *of("b"), *of("c")], NOW)
    with pytest.raises(PolluxError, match="with themself"):
        store.merge("a", "a")
    with pytest.raises(UnknownName, match="nobody here has the id 'x'"):
        store.merge("x", "a")
    store.merge("a", "b")
    for again in (("a", "c"), ("b", "a"), ("c", "a")):
        with pytest.raises(PolluxError, match="a is merged into b already"):
            store.merge(*again)
    with pytest.raises(PolluxError, match="c is not merged into anybody"):
        store.unmerge("c")


def test_what_came_to_the_wrong_patient_is_withdrawn_there_and_learned_here(store: Store) -> None:
    store.take([*of("wrong"), *of("right"), document("wrong", "o9"), weight("wrong", 99.0, id="Observation/o9#")], NOW)
    assert store.move(["Observation/o9"], "wrong", "right") == 1
    assert [e.value for e in store.record("wrong").of("body_weight")] == [70.0]
    assert {e.value for e in store.record("right").of("body_weight")} == {70.0, 99.0}
    assert [d.name for d in store.documents("wrong")] == ["Observation/wrong-o1"]
    assert [d.name for d in store.documents("right")] == ["Observation/right-o1", "Observation/o9"]
    assert {e.value for e in store.record("wrong").as_known_at(NOW).of("body_weight")} == {70.0, 99.0}
    assert healthy(store)


def test_a_move_can_be_undone_and_done_again(store: Store) -> None:
    ids = ["Observation/wrong-o1", of("wrong")[5].item.id]  # type: ignore[union-attr]
    store.take([*of("wrong"), *of("right")], NOW)
    before = (store.record("wrong").current, store.record("right").current)

    def said() -> list[list[tuple[object, ...]]]:
        return [[(e.id, e.time, e.value) for e in store.record(p).current] for p in ("wrong", "right")]

    start = said()
    for _ in range(2):
        assert store.move(ids, "wrong", "right") == 2
        assert [len(store.record(p).current) for p in ("wrong", "right")] == [
            len(before[0]) - 2,
            len(before[1]) + 2 - 1,
        ]
        store.move_back(ids, "wrong", "right")
        assert [len(list(store.documents(p))) for p in ("wrong", "right")] == [1, 1]
    assert said()[0] == start[0]
    assert healthy(store)


def test_a_moved_document_is_known_and_its_next_version_goes_to_the_right_patient(store: Store) -> None:
    store.take([*of("wrong"), *of("right")], NOW)
    store.move(["Observation/wrong-o1"], "wrong", "right")
    again = store.take([document("wrong", "wrong-o1"), weight("wrong", id="Observation/wrong-o1#")], NOW)
    assert not again.changed
    later = NOW + timedelta(days=400)
    store.take([document("right", "wrong-o1", "new"), weight("right", 75.0, id="Observation/wrong-o1#")], later)
    assert {e.value for e in store.record("right").of("body_weight")} == {70.0, 75.0}
    assert store.record("wrong").of("body_weight") == ()


def test_a_resource_that_names_another_patient_than_before_leaves_the_first(store: Store) -> None:
    store.take([document("p1", "o1", "subject p1"), weight("p1", id="Observation/o1#")], NOW)
    later = NOW + timedelta(days=1)
    store.take([document("p2", "o1", "subject p2"), weight("p2", id="Observation/o1#")], later)
    assert store.record("p1").of("body_weight") == ()
    assert [e.value for e in store.record("p2").of("body_weight")] == [70.0]


def test_a_newer_version_that_still_names_the_wrong_patient_does_not_undo_a_move(store: Store) -> None:
    store.take([*of("wrong"), *of("right")], NOW)
    store.move(["Observation/wrong-o1"], "wrong", "right")
    before = (store.record("wrong").current, store.record("right").current)
    newer = [document("wrong", "wrong-o1", "newer"), weight("wrong", 63.0, id="Observation/wrong-o1#")]
    receipt = store.take(newer, NOW + timedelta(days=1))
    assert receipt.quarantined == 1
    assert "was moved from this patient" in receipt.text()
    assert (store.record("wrong").current, store.record("right").current) == before


def test_what_was_moved_away_is_not_handed_to_the_wrong_patient(store: Store) -> None:
    store.take([*of("wrong"), *of("right")], NOW)
    store.move(["Observation/wrong-o1"], "wrong", "right")
    for person, there in (("wrong", 0), ("right", 1)):
        held = store.held(person)
        assert sum(event.id.startswith("Observation/wrong-o1") for event in held.events) == there
        assert sum(document.name == "Observation/wrong-o1" for document in held.documents) == there


def test_what_is_not_there_cannot_be_moved(store: Store) -> None:
    store.take([*of("wrong"), *of("right")], NOW)
    with pytest.raises(UnknownName, match="wrong has nothing under Observation/x"):
        store.move(["Observation/x", "Observation/wrong-o1"], "wrong", "right")
    assert len(store.record("wrong").current) == 21
    with pytest.raises(UnknownName, match="were not moved from here to there"):
        store.move_back(["Observation/wrong-o1"], "wrong", "right")
    with pytest.raises(PolluxError, match="to where it is"):
        store.move(["Observation/wrong-o1"], "wrong", "wrong")


def test_erasing_the_one_leaves_what_was_moved_to_the_other(store: Store) -> None:
    store.take([*of("wrong"), *of("right")], NOW)
    store.move(["Observation/wrong-o1"], "wrong", "right")
    store.erase("wrong")
    assert len(store.record("right").of("body_weight")) == 2
    assert healthy(store)
