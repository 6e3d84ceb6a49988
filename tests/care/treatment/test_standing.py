"""What a record says of its own standing is heard: drafts, proposals, what is on hold, allergies that are over."""

from datetime import UTC, datetime

import pytest

from pollux.care.treatment.medication import listed, taken
from pollux.care.treatment.review import facts_of, review
from pollux.record import Code, Event, Person, Record, Source

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def stated(quantity: str, name: str, *flags: str) -> Record:
    value = Code("", "", name)
    event = Event(NOW, quantity, value, "", Source("fhir", "file"), NOW, flags=flags, id=f"{quantity}/{name}")
    return Record(Person("p1"), (event,))


@pytest.mark.parametrize("flag", ["draft", "proposal", "plan", "option", "intended"])
def test_what_nobody_ordered_yet_is_not_taken(flag: str) -> None:
    assert listed(stated("medication_request", "simvastatin", flag), NOW) == ()


def test_what_is_on_hold_is_taken_no_more() -> None:
    (entry,) = listed(stated("medication_request", "simvastatin", "on-hold"), NOW) or ()
    assert entry.stopped == NOW


@pytest.mark.parametrize("flags", [(), ("unknown",), ("as needed",)])
def test_what_may_be_taken_is_taken(flags: tuple[str, ...]) -> None:
    assert taken(listed(stated("medication_request", "simvastatin", *flags), NOW) or ()) == ("simvastatin",)


@pytest.mark.parametrize("flag", ["resolved", "inactive"])
def test_an_allergy_that_is_over_is_not_checked_and_that_is_said(flag: str) -> None:
    facts = facts_of(stated("allergy", "Penicillin", flag), NOW)
    assert (facts.allergies, facts.past_allergies) == (None, ("Penicillin",))
    said = review((), (), facts).unknown
    assert "the allergy to 'Penicillin' is stated as over; nothing was checked for it" in said


def test_an_allergy_that_is_not_confirmed_counts() -> None:
    assert facts_of(stated("allergy", "Penicillin", "unconfirmed"), NOW).allergies == ("Penicillin",)
