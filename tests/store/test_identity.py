"""Two ids of one person, one id of two people, things that came to the wrong patient: all is put right, and back."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from pollux.errors import PolluxError, UnknownName
from pollux.record import Document, Entry, Person
from pollux.store import Store
from pollux.store.reading import OneChart
from tests.store.made import NOW, document, of, reading, weight
from tests.store.places import Place


@pytest.fixture
def store(place: Place) -> Iterator[Store]:
    with place.open() as opened:
        yield opened


def patient(id: str) -> Document:
    return Document("Patient", id, "", b"{}", "line 1")


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


def sealed_rows(store: Store, person: str) -> tuple[int, int, int]:
    """How many events, documents and quarantined things really lie in a chart, hidden ones included."""
    with store._database.reading() as connection:
        found = OneChart.find(connection, store._keys, person)
        assert found is not None
        chart = found.chart
        return len(found.events()), chart.documents.count, chart.quarantine.count


WRONGLY = [
    document("wrong", "o9"),
    weight("wrong", 99.0, id="Observation/o9#"),
    weight("wrong", 9e9, id="Observation/o9#b"),
]


def test_what_was_quarantined_is_moved_with_its_document(store: Store) -> None:
    store.take([*of("wrong"), *of("right"), *WRONGLY], NOW)
    assert [item.finding.event for item in store.quarantine("wrong")] == ["Observation/o9#b"]
    store.move(["Observation/o9"], "wrong", "right")
    assert store.quarantine("wrong") == []
    assert [item.finding.event for item in store.quarantine("right")] == ["Observation/o9#b"]
    assert store.held("wrong").quarantined == ()
    store.move_back(["Observation/o9"], "wrong", "right")
    assert len(store.quarantine("wrong")) == 1
    assert store.quarantine("right") == []
    assert healthy(store)


def test_what_was_moved_is_erased_where_it_had_come_first_as_well(store: Store) -> None:
    store.take([*of("wrong"), *of("right")], NOW)
    before = store.record("wrong"), sealed_rows(store, "wrong")
    store.take(WRONGLY, NOW)
    store.save_checkpoint("wrong", "twin", b"made of what was another's", NOW)
    store.move(["Observation/o9"], "wrong", "right")
    store.erase("right")
    assert (store.record("wrong"), sealed_rows(store, "wrong")) == before
    assert store.checkpoint("wrong", "twin") is None
    assert [act.detail["of"] for act in store.acts("wrong") if act.action == "erase"] == ["moved away"]
    assert healthy(store)
    assert store.take(of("wrong"), NOW).changed is False
    assert store.take(WRONGLY, NOW).accepted == 0  # the sender still names the wrong patient
    assert store.record("wrong") == before[0]


def test_what_was_moved_on_and_on_is_erased_everywhere(store: Store) -> None:
    store.take([*of("wrong"), *of("right"), *of("third")], NOW)
    before = [(store.record(p), sealed_rows(store, p)) for p in ("wrong", "right")]
    store.take(WRONGLY, NOW)
    store.move(["Observation/o9"], "wrong", "right")
    store.move(["Observation/o9"], "right", "third")
    store.erase("third")
    assert [(store.record(p), sealed_rows(store, p)) for p in ("wrong", "right")] == before
    assert healthy(store)


def test_what_was_moved_back_is_not_erased_with_whom_it_does_not_belong_to(store: Store) -> None:
    store.take([*of("wrong"), *of("right"), *WRONGLY], NOW)
    before = store.record("wrong").current
    store.move(["Observation/o9"], "wrong", "right")
    store.move_back(["Observation/o9"], "wrong", "right")
    store.erase("right")
    assert [(e.id, e.value) for e in store.record("wrong").current] == [(e.id, e.value) for e in before]
    assert [d.name for d in store.documents("wrong")] == ["Observation/wrong-o1", "Observation/o9"]
    assert len(store.quarantine("wrong")) == 1
    assert healthy(store)


KEPT_ONLY = [document("wrong", "o8", "no events of its own"), weight("wrong", 9e9, id="Observation/o7")]


def test_what_went_round_and_is_home_again_is_nobody_elses(store: Store) -> None:
    store.take([*of("wrong"), *of("right"), *of("third"), *KEPT_ONLY], NOW)
    names = ["Observation/o8", "Observation/o7"]
    for source, target in (("wrong", "right"), ("right", "third"), ("third", "wrong")):
        store.move(names, source, target)
    store.erase("right")
    store.erase("third")
    assert "Observation/o8" in [d.name for d in store.documents("wrong")]
    assert [item.finding.event for item in store.quarantine("wrong")] == ["Observation/o7"]
    assert healthy(store)


def test_a_copy_from_before_the_move_is_erased_there_too(place: Place, tmp_path: Path) -> None:
    with place.open() as store:
        store.take([*of("wrong"), *of("right")], NOW)
        before = sealed_rows(store, "wrong")
        store.take(WRONGLY, NOW)
        store.backup(tmp_path / "data", tmp_path / "keys")
        store.move(["Observation/o9"], "wrong", "right")
        store.erase("right")
    place.vanish()
    with place.restore(tmp_path / "data", tmp_path / "keys") as back:
        assert sealed_rows(back, "wrong") == before
        assert [e.value for e in back.record("wrong").of("body_weight")] == [70.0]
        assert healthy(back)


def test_what_was_moved_on_and_on_is_erased_everywhere_after_a_restore(place: Place, tmp_path: Path) -> None:
    with place.open() as store:
        store.take([*of("wrong"), *of("right"), *of("third")], NOW)
        before = sealed_rows(store, "wrong"), sealed_rows(store, "right")
        store.take(WRONGLY, NOW)
        store.move(["Observation/o9"], "wrong", "right")
        store.move(["Observation/o9"], "right", "third")
        store.backup(tmp_path / "data", tmp_path / "keys")
        store.erase("third")
    place.vanish()
    with place.restore(tmp_path / "data", tmp_path / "keys") as back:
        assert (sealed_rows(back, "wrong"), sealed_rows(back, "right")) == before
        assert healthy(back)


def test_a_hold_that_a_restore_brings_back_stops_a_replay_where_it_stands(place: Place, tmp_path: Path) -> None:
    with place.open() as store:
        store.take([*of("wrong"), *of("right"), *WRONGLY], NOW)
        store.move(["Observation/o9"], "wrong", "right")
        store.hold("wrong", "court order 7")
        before = sealed_rows(store, "wrong")
        store.backup(tmp_path / "data", tmp_path / "keys")
        store.release("wrong")
        store.erase("right")
    place.vanish()
    with place.restore(tmp_path / "data", tmp_path / "keys") as back:
        assert sealed_rows(back, "wrong") == before
        assert [trouble for trouble in back.doctor() if trouble.serious]


def test_a_part_of_a_document_and_a_patient_themself_are_not_moved(store: Store) -> None:
    two = [document("wrong", "o9"), weight("wrong", 99.0, id="Observation/o9#a")]
    store.take([*of("wrong"), *of("right"), *two, Entry("wrong", patient("wrong"))], NOW)
    with pytest.raises(PolluxError, match="this is a part of Observation/o9"):
        store.move(["Observation/o9#a"], "wrong", "right")
    with pytest.raises(PolluxError, match="what is said of the patient themself is not moved"):
        store.move(["Patient/wrong"], "wrong", "right")


def test_what_lies_under_a_merged_id_can_be_moved_and_back(store: Store) -> None:
    store.take([*of("old"), *of("wrong"), *of("right")], NOW)
    store.merge("old", "wrong")
    names = [d.name for d in store.documents("wrong")]
    assert sorted(names) == ["Observation/old-o1", "Observation/wrong-o1"]
    assert store.move(names, "wrong", "right") == 2
    assert list(store.documents("wrong")) == []
    assert store.move_back(names, "wrong", "right") == 2
    assert sorted(d.name for d in store.documents("wrong")) == sorted(names)
    assert healthy(store)


def test_a_hold_on_the_record_where_it_lies_refuses_its_erasure(store: Store) -> None:
    store.take([*of("wrong"), *of("right"), *WRONGLY], NOW)
    store.move(["Observation/o9"], "wrong", "right")
    store.hold("wrong", "court order 7")
    with pytest.raises(PolluxError, match="court order 7"):
        store.erase("right")
    assert len(store.record("right").events) > 21


def test_an_older_copy_that_comes_back_is_erased_there_too(place: Place, tmp_path: Path) -> None:
    with place.open() as store:
        store.take([*of("wrong"), *of("right")], NOW)
        before = store.record("wrong"), sealed_rows(store, "wrong")
        store.take(WRONGLY, NOW)
        store.move(["Observation/o9"], "wrong", "right")
        store.backup(tmp_path / "data", tmp_path / "keys")
        store.erase("right")
    place.vanish()
    with place.restore(tmp_path / "data", tmp_path / "keys") as back:
        assert (back.record("wrong"), sealed_rows(back, "wrong")) == before
        assert healthy(back)


def test_what_a_sender_says_later_of_a_moved_event_is_not_taken_for_the_wrong_patient_again(store: Store) -> None:
    store.take([*of("wrong"), *of("right"), weight("wrong", 99.0, id="scale/1")], NOW)
    store.move(["scale/1"], "wrong", "right")
    assert not store.take([weight("wrong", 99.0, id="scale/1")], NOW).changed
    receipt = store.take([weight("wrong", 98.0, id="scale/1")], NOW + timedelta(days=1))
    assert (receipt.accepted, receipt.quarantined) == (0, 1)
    assert [e.value for e in store.record("wrong").of("body_weight")] == [70.0]
    assert {e.value for e in store.record("right").of("body_weight")} == {70.0, 99.0}
    assert [item.finding.event for item in store.quarantine("")] == ["scale/1"]
    store.erase("right")
    assert healthy(store)


def repaired(store: Store, wrong: str = "wrong", right: str = "right") -> None:
    """What hospitals do: the sender puts the same resource again, for the right patient. It is moved by hand first."""
    later = NOW + timedelta(days=1)
    again = [document(right, "o9", "of the right one"), weight(right, 98.0, id="Observation/o9#")]
    refused = store.take(again, later)
    assert (refused.accepted, refused.withdrawn) == (0, 0)
    store.move(["Observation/o9"], wrong, right)
    store.take(again, later)


def test_what_its_sender_gives_to_the_right_patient_is_the_first_ones_no_more(store: Store) -> None:
    store.take([*of("wrong"), *of("right"), *WRONGLY], NOW)
    repaired(store)
    assert [d.name for d in store.documents("wrong")] == ["Observation/wrong-o1"]
    exported = b"".join(store.export("right"))
    assert (b"of the right one" in exported, exported.count(b"\n")) == (True, 2)
    held = store.held("wrong")
    assert not any(e.id.startswith("Observation/o9") for e in held.events)
    assert [d.name for d in held.documents] == ["Observation/wrong-o1"]
    assert b"".join(store.export("wrong")).count(b"\n") == 1
    assert healthy(store)


def test_an_older_version_that_comes_late_for_another_patient_is_not_theirs(store: Store) -> None:
    store.take([*of("wrong"), *of("right")], NOW)
    for person, day in (("right", 2), ("wrong", 1)):
        at = NOW - timedelta(days=10 - day)
        store.take([document(person, "o9", person, at), weight(person, 90.0 + day, id="Observation/o9#")], NOW)
    assert [d.name for d in store.documents("wrong")] == ["Observation/wrong-o1"]
    assert {e.value for e in store.record("right").of("body_weight")} == {70.0, 92.0}
    assert healthy(store)


def test_a_merge_into_somebody_erased_does_not_hold_for_who_comes_under_that_id_next(
    place: Place, tmp_path: Path
) -> None:
    """They were unmerged and one of them erased after the backup."""
    with place.open() as store:
        store.take([*of("a"), *of("b"), *of("c")], NOW)
        store.merge("a", "b")
        store.merge("b", "c")
        store.backup(tmp_path / "data", tmp_path / "keys")
        store.unmerge("a")
        store.erase("b")
    place.vanish()
    with place.restore(tmp_path / "data", tmp_path / "keys") as back:
        assert [person.id for person in back.people()] == ["a"]
        back.take([*of("b"), *of("c")], NOW)
        assert [person.id for person in back.people()] == ["a", "b", "c"]
        for id in ("a", "b", "c"):
            assert [d.name for d in back.documents(id)] == [f"Observation/{id}-o1"]
        assert healthy(back)
