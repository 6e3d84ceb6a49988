"""Nothing is done or seen unwritten, and what is written cannot be altered unseen."""

from collections.abc import Iterator

import pytest

from pollux.errors import PolluxError
from pollux.store.audit import read_head
from tests.store.made import NOW, SECRET, of, weight
from tests.store.places import Place


@pytest.fixture
def place(place: Place) -> Place:
    with place.open(actor="ward", purpose="treatment") as store:
        store.take([*of("p1"), *of("p2")], NOW)
        store.by("dr smith", "treatment").record("p1")
        store.by("billing").latest("p2")
    return place


def problems(place: Place) -> list[str]:
    with place.open() as store:
        return store.verify()[0]


def test_a_patient_can_see_who_looked_and_what_for(place: Place) -> None:
    with place.open() as store:
        seen = [(act.actor, act.purpose, act.action) for act in store.acts("p1")]
        others = {act.subject for act in store.acts("p2")}
        mine = {act.subject for act in store.acts("p1")}
    assert seen[:2] == [("ward", "treatment", "take"), ("dr smith", "treatment", "read")]
    assert len(mine) == 1
    assert mine.isdisjoint(others)


def test_every_way_to_read_is_written_down_before_anything_is_handed_out(place: Place) -> None:
    with place.open() as store:
        before = len(list(store.acts("p1")))
        store.record("p1")
        store.latest("p1")
        store.series("p1", "cgm_glucose")
        store.quarantine("p1")
        next(store.documents("p1"))
        list(store.export("p1"))
        store.checkpoint("p1", "twin")
        after = [act.detail.get("of") for act in store.acts("p1")][before:]
    told = ["record", "latest", "series", "quarantine", "documents", "documents", "checkpoint", "audit"]
    assert after == told


def test_no_line_names_the_person(place: Place) -> None:
    with place.open() as store:
        assert not any("p1" in str(act.detail) or "p1" in act.subject for act in store.acts())


def test_the_chain_of_an_untouched_store_holds(place: Place) -> None:
    assert problems(place) == []
    with place.open() as store:
        assert store.verify()[1] == 4


@pytest.mark.parametrize(
    ("attack", "statements"),
    [
        ("edit", ["update audit set actor = 'nobody' where seq = 3"]),
        ("edit of the purpose", ["update audit set purpose = 'treatment' where seq = 4"]),
        ("deletion", ["delete from audit where seq = 2"]),
        ("swap", [
            "update audit set seq = -1 where seq = 2", "update audit set seq = 2 where seq = 3",
            "update audit set seq = 3 where seq = -1",
        ]),
        ("truncation", ["delete from audit where seq >= 3"]),
        ("truncation of everything", ["delete from audit"]),
        ("addition", ["insert into audit select 5, at, actor, purpose, action, who, detail, link, signature from audit"
                      " where seq = 4"]),
        ("removed signature", ["update audit set signature = x'' where seq = 4"]),
        ("renumbering", ["update audit set seq = seq + 1 where seq = 4"]),
    ],
)  # fmt: skip
def test_an_attack_on_the_audit_is_found(place: Place, attack: str, statements: list[str]) -> None:
    place.execute(*statements)
    assert problems(place), attack
    with place.open() as store:
        assert any(trouble.serious for trouble in store.doctor())


def test_a_fork_is_found(place: Place) -> None:
    """An older copy in which other things were done, put in place of the database; as many lines as there were."""
    older = place.copy("older.db")
    with place.open() as store:
        store.take([weight("p1", 71.0)], NOW)
        store.record("p1")
    with older.open() as fork:
        fork.record("p2")
        fork.record("p2")
    older.copy_data_to(place)
    assert any("another history" in problem for problem in problems(place))


def test_an_older_copy_put_in_place_of_the_database_is_found(place: Place) -> None:
    older = place.copy("older.db")
    with place.open() as store:
        store.take([weight("p1", 71.0)], NOW)
    older.copy_data_to(place)
    assert any("its end was cut off" in problem for problem in problems(place))


def test_a_head_that_a_crash_left_behind_is_no_alarm(place: Place) -> None:
    head = place.files.head
    before = head.read_bytes()
    with place.open() as store:
        store.record("p1")
    head.write_bytes(before)
    assert problems(place) == []


def test_the_first_head_that_a_crash_left_behind_is_no_alarm(place: Place) -> None:
    other = place.another("other.db")
    with other.open():
        pass
    first = other.files.head.read_bytes()
    assert problems(other) == []
    with other.open() as store:
        store.take(of("p1"), NOW)
    other.files.head.write_bytes(first)
    assert problems(other) == []


def test_a_head_that_a_crash_tore_leaves_the_one_before(place: Place) -> None:
    head = place.files.head
    before = read_head(head)
    with place.open() as store:
        store.record("p1")
    after, lines = read_head(head), head.read_bytes().splitlines(keepends=True)
    assert before is not None
    assert after is not None
    assert len(lines) == 2
    newer = next(i for i, line in enumerate(lines) if f'"seq":{after.seq},'.encode() in line)
    lines[newer] = lines[newer][:100] + bytes(len(lines[newer]) - 100)
    head.write_bytes(b"".join(lines))
    assert read_head(head) == before
    assert problems(place) == []
    with place.open() as store:
        store.record("p1")
    repaired = read_head(head)
    assert repaired is not None
    assert repaired.seq > after.seq


def test_a_missing_or_foreign_head_is_found(place: Place) -> None:
    head = place.files.head
    other = place.another("other.db")
    with other.open() as store:
        store.take(of("p1"), NOW)
    head.write_bytes(other.files.head.read_bytes())
    assert any("not signed by this store" in problem for problem in problems(place))
    head.unlink()
    assert any("is missing" in problem for problem in problems(place))


def test_an_act_that_fails_is_not_written_down_as_done(place: Place) -> None:
    with place.open() as store:
        before = len(list(store.acts()))

        def broken() -> Iterator[object]:
            yield weight("p1", 72.0)
            raise PolluxError("the file ends in the middle")

        with pytest.raises(PolluxError):
            store.take(broken(), NOW)  # type: ignore[arg-type]
        assert [act.action for act in store.acts()][before:] == ["read"]


@pytest.mark.parametrize("actor", ["dr\0house", "dr \ud800"])
def test_an_actor_that_cannot_be_kept_is_refused_and_harms_nobody(place: Place, actor: str) -> None:
    with place.open() as store:
        with pytest.raises(PolluxError, match="signs that cannot be kept"):
            store.by(actor).record("p1")
        assert store.take([weight("p1", 71.0)], NOW).accepted == 1


def test_the_actor_is_who_the_system_says(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LOGNAME", "USER"):
        monkeypatch.setenv(name, "dr house")
    with place.open() as store:
        assert store.actor != "dr house"


def test_nothing_at_rest_is_in_plain_text(place: Place) -> None:
    told = (SECRET, "cgm_glucose", "1964", "8ABCDE", "Observation", "p1-o1", "body_weight")
    for table, rows in place.dump().items():
        assert not [word for word in told if word in str(rows)], table
    for file in place.folder.iterdir():
        if file.is_file():
            content = file.read_bytes()
            assert not [word for word in told if word.encode() in content], file.name


def test_nobody_writes_on_an_audit_that_was_cut(place: Place) -> None:
    """Else the next line would put a new head in place of the one that tells."""
    place.execute("delete from audit where seq >= 3")
    with place.open() as store:
        for use in (lambda: store.take([weight("p1", 71.0)], NOW), lambda: store.record("p1")):
            with pytest.raises(PolluxError, match=r"ends at line 2 and its head outside is line 4.*audit accept"):
                use()
        store.accept("copied back by hand")
        store.take([weight("p1", 71.0)], NOW)
        assert [act.action for act in store.acts()][-3:] == ["accept", "take", "read"]
        assert [act.detail["head"] for act in store.acts() if act.action == "accept"] == [4]
        assert store.verify()[0] == []
