"""Where sex at birth is not stated, the stated gender stands in, and the result says so."""

from datetime import UTC, datetime

import pytest

from pollux.care.treatment.account import looked_with
from pollux.care.treatment.review import facts_of
from pollux.record import Event, Person, Record, Source
from pollux.record.kidney import filtration
from pollux.record.sex import STAND_IN, sex_for_formulas

NOW = datetime(2026, 1, 1, tzinfo=UTC)
HERE = Source("fhir", "file")


def record(sex_at_birth: str = "", gender: str = "") -> Record:
    person = Person("p1", birth_date="1960-01-01", sex_at_birth=sex_at_birth, gender=gender)
    return Record(
        person,
        (Event(NOW, "creatinine", 1.1, "mg/dL", HERE, NOW), Event(NOW, "body_weight", 70.0, "kg", HERE, NOW)),
    )


def test_gender_stands_in_and_the_value_says_so() -> None:
    for formula in ("CKD-EPI 2021", "Cockcroft-Gault"):
        by_gender = filtration(record(gender="female"), NOW, formula)
        by_birth = filtration(record(sex_at_birth="female"), NOW, formula)
        assert by_gender.value == by_birth.value
        assert (by_gender.caution, by_birth.caution) == (STAND_IN, "")


def test_sex_at_birth_goes_before_gender() -> None:
    stated = filtration(record(sex_at_birth="male", gender="female"), NOW, "CKD-EPI 2021")
    assert stated.value == filtration(record(sex_at_birth="male"), NOW, "CKD-EPI 2021").value
    assert stated.caution == ""


@pytest.mark.parametrize("gender", ["other", "unknown", ""])
def test_no_other_gender_stands_in(gender: str) -> None:
    assert sex_for_formulas(Person("p1", gender=gender)) == ("", "")
    found = filtration(record(gender=gender), NOW, "CKD-EPI 2021")
    assert (found.value, found.caution) == (None, "")
    assert found.reason == "the equation has coefficients for female and male only"


def test_what_was_looked_with_says_it() -> None:
    said = looked_with(facts_of(record(gender="male"), NOW))
    assert [line.partition(" (")[2] for line in said if line.startswith(("Cockcroft", "CKD"))] == [f"{STAND_IN})"] * 2
    assert not [line for line in looked_with(facts_of(record(sex_at_birth="male"), NOW)) if STAND_IN in line]
