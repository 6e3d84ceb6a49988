"""Who a person is: the record outranks a device, a contradiction is told, and a sender's links between its ids hold."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from pollux.errors import RefusedInput
from pollux.record import Entry, Person
from pollux.record.entry import DEVICE_FILE, Document, Link, Rank
from pollux.sources.again import bytes_named
from pollux.store import Store, Taking
from pollux.store.chart import Statement
from pollux.store.contradiction import contradictions
from pollux.store.statements import merged
from tests.store.made import NOW, of, reading, weight
from tests.store.places import Place

FILE = Taking("clarity.csv", "dexcom clarity", 1, "ada")
RECORD = Person("ada", birth_date="2012-05-01", gender="female", family="Müller-Roth", given="Ada Sophie")


@pytest.fixture
def store(place: Place) -> Iterator[Store]:
    with place.open(purpose="export") as opened:
        yield opened


def by(rank: Rank, **fields: Any) -> Entry:
    return Entry("ada", Person("ada", **fields), by=rank)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"birth_date": "1950-01-01"}, "date of birth"),
        ({"birth_date": "2012-06"}, "date of birth"),
        ({"gender": "male"}, "sex"),
        ({"family": "Schmidt"}, "name"),
        ({"family": "Roth", "given": "Bob"}, "name"),
        ({"birth_date": "1950", "gender": "male", "family": "Schmidt"}, "date of birth, sex and name"),
    ],
)
def test_a_file_that_contradicts_the_record_is_refused_whole(store: Store, fields: dict[str, str], words: str) -> None:
    store.take([Entry("ada", RECORD)], NOW)
    with pytest.raises(RefusedInput) as refused:
        store.take([reading("ada", 1), by("device", **fields), reading("ada", 2)], NOW, taking=FILE)
    assert str(refused.value) == (
        f"the file says another {words} than the record of ada [clarity.csv]. If it is somebody else's, name them: "
        "--person ID. If the record is wrong, correct it there. --insist takes the file as it is; the record still "
        "holds."
    )
    assert store.record("ada").current == ()
    assert store.people() == [RECORD]


@pytest.mark.parametrize(
    "fields",
    [
        {"birth_date": "2012"},
        {"birth_date": "2012-05-01", "gender": "female"},
        {"gender": "unknown"},
        {"family": "MULLER"},
        {"family": "roth", "given": "A."},
        {"given": "Sophie Ada"},
        {},
    ],
)
def test_what_is_left_open_or_written_otherwise_contradicts_nothing(store: Store, fields: dict[str, str]) -> None:
    store.take([Entry("ada", RECORD)], NOW)
    assert store.take([by("device", **fields), reading("ada", 1)], NOW).accepted == 1
    assert store.people()[0].birth_date == "2012-05-01"
    assert store.doubts("ada") == []


def test_the_word_of_a_file_that_is_insisted_on_is_kept_and_does_not_count(store: Store) -> None:
    store.take([Entry("ada", RECORD)], NOW)
    receipt = store.take([by("device", birth_date="1950"), reading("ada", 1)], NOW, insist=True)
    text = "a device's file says another date of birth than the record of ada; the record holds"
    assert text in receipt.text()
    assert [doubt.message for doubt in store.doubts("ada")] == [text]
    assert store.people()[0].birth_date == "2012-05-01"
    store.undo(receipt.number)
    assert store.doubts("ada") == []


def test_a_record_that_comes_after_the_device_holds_and_the_contradiction_is_told(store: Store) -> None:
    store.take([by("device", birth_date="1950", timezone="Europe/Berlin"), reading("ada", 1)], NOW)
    assert store.people()[0].birth_date == "1950"
    receipt = store.take([Entry("ada", RECORD)], NOW)
    assert "another date of birth than the record of ada; the record holds" in receipt.text()
    assert store.people()[0].birth_date == "2012-05-01"
    assert store.people()[0].timezone == "Europe/Berlin"


def test_within_one_rank_the_last_word_wins() -> None:
    ranks: list[Rank] = ["record", "user", "record", "device"]
    stated = [Statement(str(i), Person("p", birth_date=str(i)), rank) for i, rank in enumerate(ranks, 1)]
    assert merged(stated).birth_date == "3"
    assert merged(stated[1:2] + stated[3:]).birth_date == "2"


def test_sex_at_birth_and_gender_are_looked_at_together() -> None:
    trans = Person("p", sex_at_birth="female", gender="male")
    assert contradictions(Person("p", gender="male"), trans) == []
    assert contradictions(Person("p", gender="female"), trans) == []
    assert contradictions(Person("p", gender="female"), Person("p", sex_at_birth="male")) == ["sex"]


# Links


def patient(id: str, birth: str = "1964-03-01", gender: str = "female") -> list[Entry]:
    return [Entry(id, Person(id, birth_date=birth, gender=gender)), weight(id, 60.0 + len(id), days=len(id))]


def link(home: str = "a.1", duplicate: str = "a.1", into: str = "a.22") -> Entry:
    return Entry(home, Link(duplicate, into, "line 1"))


@pytest.mark.parametrize(
    "files",
    [
        [[*patient("a.1"), link(), *patient("a.22")]],
        [[link("a.22"), *patient("a.22"), *patient("a.1")]],
        [[*patient("a.1"), link()], patient("a.22")],
        [patient("a.22"), [*patient("a.1"), link()]],
        [[*patient("a.22"), link("a.22")], patient("a.1")],
    ],
)
def test_a_link_merges_once_both_are_here_in_whatever_order_they_come(store: Store, files: list[list[Entry]]) -> None:
    texts = [store.take(file, NOW).text() for file in files]
    assert [person.id for person in store.people()] == ["a.22"]
    assert len(store.record("a.1").current) == 2
    assert "the sender says that a.1 was replaced by a.22: they are one person now" in texts[-1]
    assert store.take(files[-1], NOW).text().startswith("nothing new")
    assert [str(trouble) for trouble in store.doctor() if trouble.serious] == []


@pytest.mark.parametrize(
    ("other", "why"),
    [(("1950", "female"), "date of birth"), (("1964", "male"), "sex"), (("1950", "male"), "date of birth and sex")],
)
def test_a_link_between_two_who_differ_is_asked(store: Store, other: tuple[str, str], why: str) -> None:
    receipt = store.take([*patient("a.1"), link(), *patient("a.22", *other)], NOW)
    text = (
        f"the sender says that a.1 was replaced by a.22, but they differ in {why}; "
        "if they are one person: pollux merge a.1 --into a.22"
    )
    assert text in receipt.text()
    assert [person.id for person in store.people()] == ["a.1", "a.22"]
    assert [doubt.message for doubt in store.doubts("a.1")] == [text]
    store.merge("a.1", "a.22")
    assert [person.id for person in store.people()] == ["a.22"]


def test_what_somebody_took_apart_stays_apart(store: Store) -> None:
    file = [*patient("a.1"), link(), *patient("a.22")]
    store.take(file, NOW)
    store.unmerge("a.1")
    store.take(file, NOW)
    store.take([link()], NOW)
    assert [person.id for person in store.people()] == ["a.1", "a.22"]


def test_a_merge_is_taken_back_with_the_import_that_made_it_unless_another_says_it_too(store: Store) -> None:
    store.take([*patient("a.1"), *patient("a.22")], NOW)
    first, second = store.take([link()], NOW), store.take([link()], NOW)
    assert store.undo(first.number).apart == ()
    assert [person.id for person in store.people()] == ["a.22"]
    assert store.undo(second.number).apart == ("a.1",)
    assert [person.id for person in store.people()] == ["a.1", "a.22"]
    store.take([link()], NOW)
    assert [person.id for person in store.people()] == ["a.22"]


def test_whoever_is_merged_into_somebody_else_is_asked_about(store: Store) -> None:
    store.take([*patient("a.1"), *patient("a.22"), *patient("a.333")], NOW)
    store.merge("a.1", "a.333")
    assert "but a.1 is merged into a.333 already; if they are one person" in store.take([link()], NOW).text()
    assert [person.id for person in store.people()] == ["a.22", "a.333"]


def test_a_chain_of_links_ends_with_the_last(store: Store) -> None:
    links = [link(), link("a.22", "a.22", "a.333")]
    for some in (links, links[::-1]):
        store.take([*patient("a.1"), *patient("a.22"), *patient("a.333"), *some], NOW)
        assert [person.id for person in store.people()] == ["a.333"]
        store.erase("a.333")


def test_a_link_does_not_wait_for_somebody_who_was_erased(store: Store) -> None:
    store.take([*patient("a.1"), link(), *patient("a.22", "1950")], NOW)
    store.erase("a.22")
    store.take(patient("a.22"), NOW)
    assert [person.id for person in store.people()] == ["a.1", "a.22"]
    assert [str(trouble) for trouble in store.doctor() if trouble.serious] == []


def test_a_record_of_many_is_not_touched_by_a_link_to_nobody(store: Store) -> None:
    receipt = store.take([*of("p1"), link("p1", "p1", "p9")], NOW)
    assert not re.search("one person", receipt.text())
    assert [person.id for person in store.people()] == ["p1"]


# Without a record


@pytest.mark.parametrize(
    ("first", "then", "words"),
    [
        ({"birth_date": "2012-05-01"}, {"birth_date": "1950"}, "date of birth"),
        ({"given": "Lena", "family": "Muster"}, {"given": "Otto", "family": "Schulz"}, "name"),
        (
            {"family": "Muster", "birth_date": "2012"},
            {"family": "Schulz", "birth_date": "1950"},
            "date of birth and name",
        ),
    ],
)
def test_of_two_files_of_devices_the_second_does_not_win(
    store: Store, first: dict[str, str], then: dict[str, str], words: str
) -> None:
    store.take([by("device", **first), reading("ada", 1)], NOW, taking=FILE)
    with pytest.raises(RefusedInput, match=f"another {words} than was said of ada before"):
        store.take([by("device", **then), reading("ada", 2)], NOW, taking=FILE)
    assert len(store.record("ada").current) == 1
    assert store.doubts("ada") == []
    store.take([by("device", **then), reading("ada", 2)], NOW, taking=FILE, insist=True)
    (doubt,) = store.doubts("ada")
    assert doubt.message == f"devices' files differ on the {words} of ada; the last of them counts"


def test_one_file_with_two_names_is_refused(store: Store) -> None:
    with pytest.raises(RefusedInput, match="another name"):
        store.take([by("device", given="Lena"), reading("ada", 1), by("device", given="Otto")], NOW, taking=FILE)
    assert store.people() == []


def resource(*, born: str = "", gender: str, family: str, given: str) -> list[Entry]:
    document = Document("Patient", "1", "", f"{born}{gender}{family}".encode(), "line 1", born=born, gender=gender,
                        called=(family, given))  # fmt: skip
    return [Entry("1", document), Entry("1", Person("1", born, "", gender, family=family, given=given))]


@pytest.mark.parametrize(
    ("other", "taken"),
    [
        ({"gender": "male", "family": "Schulz", "given": "Otto"}, False),
        ({"born": "1950-01-01", "gender": "female", "family": "Schulz", "given": "Olga"}, False),
        ({"born": "1950-01-01", "gender": "male", "family": "Muster", "given": "Lena"}, False),
        ({"gender": "female", "family": "Schulz", "given": "Lena"}, True),
        ({"gender": "male", "family": "Muster", "given": "Lena"}, True),
        ({"born": "2012-05", "gender": "female", "family": "Schulz", "given": "Lena"}, True),
    ],
)
def test_a_patient_who_is_somebody_else_under_the_same_id_is_not_taken_for_who_is(
    store: Store, other: dict[str, str], taken: bool
) -> None:
    store.take(resource(born="2012-05-01", gender="female", family="Muster", given="Lena"), NOW)
    receipt = store.take(resource(**other), NOW)
    assert (receipt.quarantined == 0) is taken
    assert (store.people()[0].family == other["family"]) is (taken or other["family"] == "Muster")


# The same file for two


def device_file(person: str, digest: str) -> list[Entry]:
    document = Document(
        DEVICE_FILE, f"{person}.1", "1/1", b"x", "g.csv", identifiers=(bytes_named(digest),), apart=True
    )
    return [Entry(person, Person(person), by="user"), Entry(person, document), reading(person, 1)]


def test_one_file_is_of_one_person(store: Store) -> None:
    number = store.take(device_file("lena", "7f"), NOW, taking=FILE).number
    store.take(device_file("lena", "7f"), NOW, taking=FILE)
    with pytest.raises(RefusedInput, match="byte for byte, was taken before, for lena"):
        store.take(device_file("lna", "7f"), NOW, taking=FILE)
    store.take(device_file("max", "70"), NOW, taking=FILE)
    store.take(device_file("lna", "7f"), NOW, taking=FILE, insist=True)
    store.undo(number)
    assert sorted(person.id for person in store.people()) == ["lena", "lna", "max"]


def test_a_wrong_file_taken_back_can_be_taken_for_whose_it_is(store: Store) -> None:
    number = store.take(device_file("lna", "7f"), NOW, taking=FILE).number
    store.undo(number)
    store.take(device_file("lena", "7f"), NOW, taking=FILE)
    assert [person.id for person in store.people()] == ["lena"]


def test_whoever_was_given_something_is_listed_when_all_else_of_them_is_taken_back(store: Store) -> None:
    store.take([*of("wrong")], NOW)
    number = store.take(by_id("right"), NOW).number
    store.move(["Observation/wrong-o1"], "wrong", "right")
    store.undo(number)
    assert [person.id for person in store.people()] == ["right", "wrong"]
    assert len(store.record("right").current) == 1


def by_id(id: str) -> list[Entry]:
    return [Entry(id, Person(id, birth_date="1964"))]
