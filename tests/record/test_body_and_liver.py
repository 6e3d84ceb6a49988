from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as some

from pollux.errors import OutsideDomain, RefusedInput
from pollux.record import Event, Person, Record, Source
from pollux.record.body_size import (
    adjusted_weight,
    body_mass_index,
    ideal_weight,
    lean_weight,
    surface_du_bois,
    surface_mosteller,
)
from pollux.record.liver import albi, albi_grade, child_pugh, liver

AT = datetime(2026, 3, 1, tzinfo=UTC)


@given(some.floats(40, 180), some.floats(153, 200), some.sampled_from(["female", "male"]))
def test_lean_is_less_than_actual_and_adjusted_lies_between_ideal_and_actual(kg: float, cm: float, sex: str) -> None:
    if body_mass_index(kg, cm) >= 18:
        assert lean_weight(kg, cm, sex) < kg
    ideal = ideal_weight(cm, sex)
    assert min(ideal, kg) <= adjusted_weight(kg, cm, sex) <= max(ideal, kg) + 1e-9


@given(some.floats(50, 100), some.floats(155, 190))
def test_the_two_surfaces_of_an_ordinary_adult_differ_by_less_than_six_percent(kg: float, cm: float) -> None:
    assert surface_mosteller(kg, cm) == pytest.approx(surface_du_bois(kg, cm), rel=0.06)


def test_lean_weight_abstains_where_it_would_exceed_the_body() -> None:
    with pytest.raises(OutsideDomain, match="more than the whole body"):
        lean_weight(40, 200, "male")


def test_five_feet_is_where_the_ideal_weight_begins() -> None:
    assert ideal_weight(152.4, "female") == pytest.approx(45.5)
    assert ideal_weight(152.4, "male") == pytest.approx(50.0)
    with pytest.raises(OutsideDomain, match=r"152\.4 cm"):
        ideal_weight(150, "male")


@pytest.mark.parametrize(("kg", "cm"), [(0, 170), (70, 1.75), (float("inf"), 170)])
def test_a_body_that_cannot_be_is_refused(kg: float, cm: float) -> None:
    with pytest.raises(RefusedInput, match="cannot be"):
        body_mass_index(kg, cm)


@pytest.mark.parametrize(
    ("values", "points", "grade"),
    [
        ((1.9, 3.6, 1.69, "none", "none"), 5, "A"),
        ((2.0, 3.5, 1.7, "mild", "grade 1-2"), 10, "C"),
        ((3.0, 2.8, 2.3, "none", "none"), 8, "B"),
        ((3.1, 2.7, 2.4, "moderate or severe", "grade 3-4"), 15, "C"),
    ],
)
def test_child_pugh_at_its_published_cut_points(
    values: tuple[float, float, float, str, str], points: int, grade: str
) -> None:
    found = child_pugh(*values)
    assert (found.points, found.grade) == (points, grade)


def test_a_finding_that_is_not_one_of_the_degrees_is_refused() -> None:
    with pytest.raises(RefusedInput, match="no degree of ascites"):
        child_pugh(1, 4, 1, "", "none")


def test_albi_worsens_with_bilirubin_and_betters_with_albumin() -> None:
    assert albi(50, 40) > albi(20, 40) > albi(20, 45)
    assert [albi_grade(x) for x in (-2.60, -2.59, -1.39, -1.38)] == [1, 2, 2, 3]


def known(*names: str) -> Record:
    values = {"bilirubin": (1.0, "mg/dL"), "albumin": (4.0, "g/dL"), "inr": (1.0, "1")}
    lab = Source("laboratory", "lab")
    return Record(
        Person("p", birth_date="1950"),
        tuple(Event(AT - timedelta(days=1), name, *values[name], lab, learned=AT) for name in names),
    )


def test_what_was_not_examined_is_not_absent() -> None:
    found = liver(known("bilirubin", "albumin", "inr"), AT)
    assert found.child_pugh is None
    assert found.reasons == ("ascites: not stated", "encephalopathy: not stated")
    assert found.albi == pytest.approx(albi(17.1, 40))


def test_with_everything_stated_the_class_stands_and_says_what_it_used() -> None:
    found = liver(known("bilirubin", "albumin", "inr"), AT, "none", "none")
    assert found.child_pugh is not None
    assert found.child_pugh.grade == "A"
    assert len(found.used) == 3


def test_a_missing_value_is_named() -> None:
    assert liver(known("bilirubin"), AT, "none", "none").reasons == (
        "no albumin in the 90 days before",
        "no INR in the 90 days before",
    )
