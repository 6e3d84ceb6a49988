"""Texts that say that something is not so, and texts that only look like it."""

import pytest

from pollux.vocabulary.negation import NO_ALLERGY, none_known, says_no_allergy, says_not_so, says_perhaps_stopped

NONE = ["No Known Allergies.", "No known allergy (situation)", "no allergies", "NKA", "Denies any allergies",
        "none known", "No allergies on file", "Keine bekannten Allergien", "aucune allergie connue", "nil known",
        "no adverse reactions to medications"]  # fmt: skip
NO_DRUG = [
    "NKDA",
    "N.K.D.A.",
    "no known drug allergies",
    "No known medication allergy",
    "keine Medikamentenallergien bekannt",
]
DENIED = ["no known allergy to codeine", "Not allergic to penicillin", "Penicillin - patient denies",
          "penicillin allergy ruled out", "amoxicillin: tolerated 2023", "latex allergy: de-labelled"]  # fmt: skip
ALLERGIES = ["penicillin", "Allergy to penicillin", "Penicillin: no anaphylaxis, a rash", "Nonallergic rhinitis",
             "severe allergy, do not rechallenge", "NKDA-like rash", "codeine; nausea"]  # fmt: skip


@pytest.mark.parametrize("text", NONE)
def test_that_there_are_none_is_heard(text: str) -> None:
    assert none_known(text) == "any"


@pytest.mark.parametrize("text", NO_DRUG)
def test_that_there_are_none_of_drugs_is_heard(text: str) -> None:
    assert none_known(text) == "drug"


@pytest.mark.parametrize("code", NO_ALLERGY)
def test_a_code_says_it_too(code: str) -> None:
    assert none_known("", code) == NO_ALLERGY[code]


@pytest.mark.parametrize("text", DENIED)
def test_what_is_said_to_be_none_is_no_list_without_any(text: str) -> None:
    assert (none_known(text), says_no_allergy(text)) == ("", True)


@pytest.mark.parametrize("text", ALLERGIES)
def test_an_allergy_is_one(text: str) -> None:
    assert (none_known(text), says_no_allergy(text)) == ("", False)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("no diabetes", "negated"), ("Denies chest pain", "negated"), ("Pulmonary embolism, ruled out", "negated"),
        ("kein Diabetes", "negated"), ("patient refuses", "negated"),
        ("Family history of type 1 diabetes", "of another"), ("FH: Diabetes mellitus", "of another"),
        ("Mother has diabetes", "of another"), ("maternal history of stroke", "of another"),
        ("Diabetes", ""), ("Non-small cell lung cancer", ""), ("Congenital absence of kidney", ""),
        ("Normal pregnancy", ""),
        ("Nodular goitre", ""), ("Not for resuscitation", ""), ("Seizure, absence type", ""),
    ],
)  # fmt: skip
def test_a_condition_that_the_person_has_not(text: str, said: str) -> None:
    assert says_not_so(text) == said


@pytest.mark.parametrize(
    ("text", "doubtful"),
    [
        ("refuses to take it", True), ("Patient stopped it last month", True), ("isn't taking it any more", True),
        ("do not take", True), ("hold", True), ("patient declined", True), ("no longer on fluoxetine", True),
        ("nimmt es nicht", True), ("discontinued 2020", True), ("arrêté en mai", True),
        ("take with food", False), ("do not take with milk", False), ("do not take more than 4 a day", False),
        ("do not take if pregnant", False), ("stop if a rash appears", False), ("holds 30 tablets", False),
    ],
)  # fmt: skip
def test_a_medication_that_may_not_be_taken(text: str, doubtful: bool) -> None:
    assert says_perhaps_stopped(text) is doubtful
