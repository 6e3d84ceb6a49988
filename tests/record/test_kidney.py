from datetime import UTC, datetime, timedelta

import pytest

from pollux.errors import OutsideDomain, RefusedInput
from pollux.record import Event, Person, Record, Source, examine
from pollux.record.kidney import (
    bedside_schwartz,
    ckd_epi_2021,
    cockcroft_gault,
    deindexed,
    filtration,
    surface,
    unsteady,
)

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
LAB = Source("laboratory", "lab")


def event(quantity: str, value: float, unit: str, before: timedelta) -> Event:
    return Event(AT - before, quantity, value, unit, LAB, learned=AT)


def record(*creatinines: tuple[float, float], sex: str = "male", born: str = "1966-03-01") -> Record:
    """Creatinines as (days before, mg/dL), with a weight and a height."""
    events = [event("creatinine", value, "mg/dL", timedelta(days=days)) for days, value in creatinines]
    events += [event("body_weight", 120, "kg", timedelta(days=2)), event("body_height", 175, "cm", timedelta(days=2))]
    return Record(Person("p", birth_date=born, sex_at_birth=sex), events=tuple(events))


def test_ckd_epi_gives_the_published_factors_between_the_sexes_at_their_own_kappa() -> None:
    assert ckd_epi_2021(0.9, 40, "male") == pytest.approx(142 * 0.9938**40)
    assert ckd_epi_2021(0.7, 40, "female") == pytest.approx(142 * 0.9938**40 * 1.012)
    assert ckd_epi_2021(1.8, 40, "male") == pytest.approx(142 * 2**-1.2 * 0.9938**40)


@pytest.mark.parametrize("formula", [cockcroft_gault, ckd_epi_2021])
def test_more_creatinine_is_less_filtration(formula: object) -> None:
    rest = (60, 70, "female") if formula is cockcroft_gault else (60, "female")
    values = [formula(c, *rest) for c in (0.5, 0.7, 0.9, 1.2, 3.0)]  # type: ignore[operator]
    assert values == sorted(values, reverse=True)
    assert len(set(values)) == 5


def test_a_woman_clears_85_percent_of_what_a_man_of_her_size_and_creatinine_does() -> None:
    assert cockcroft_gault(1, 50, 60, "female") == pytest.approx(0.85 * cockcroft_gault(1, 50, 60, "male"))


def test_a_body_of_the_standard_surface_is_the_same_with_and_without_index() -> None:
    assert deindexed(47.0, 1.73) == pytest.approx(47.0)


@pytest.mark.parametrize(("age", "formula"), [(17, "adult"), (19, "child"), (0.5, "child")])
def test_a_formula_is_refused_outside_its_ages(age: float, formula: str) -> None:
    with pytest.raises(OutsideDomain):
        _ = bedside_schwartz(0.5, age, 110) if formula == "child" else ckd_epi_2021(0.5, age, "male")


def test_sex_is_never_guessed() -> None:
    with pytest.raises(OutsideDomain, match="female and male only"):
        ckd_epi_2021(1.0, 50, "")


def test_a_creatinine_that_cannot_be_is_refused() -> None:
    with pytest.raises(RefusedInput, match="the creatinine cannot be"):
        cockcroft_gault(float("nan"), 50, 70, "male")


@pytest.mark.parametrize(
    ("hours", "first", "second", "steady"),
    [
        (48, 1.0, 1.3, False),
        (48, 1.3, 1.0, False),
        (49, 1.0, 1.3, True),
        (168, 1.0, 1.5, False),
        (168, 1.0, 1.49, True),
        (169, 1.0, 1.5, True),
        (47, 1.0, 1.29, True),
        (100, 0.4, 0.6, False),
    ],
)
def test_steady_ends_at_a_third_of_a_milligram_in_two_days_or_half_again_in_seven(
    hours: float, first: float, second: float, steady: bool
) -> None:
    found = unsteady([(AT, first), (AT + timedelta(hours=hours), second)])
    assert (found == "") is steady


def test_an_injury_that_is_long_over_does_not_count() -> None:
    days = [(AT, 3.0), (AT + timedelta(days=1), 2.0), (AT + timedelta(days=30), 1.0)]
    assert unsteady(days) == ""


def test_the_order_of_arrival_does_not_matter() -> None:
    days = [(AT, 1.0), (AT + timedelta(days=1), 1.1), (AT + timedelta(days=2), 1.4)]
    assert unsteady(days) == unsteady(days[::-1]) != ""


def test_a_record_says_which_observations_went_in_and_which_weight() -> None:
    known = record((3, 1.0))
    found = filtration(known, AT, "Cockcroft-Gault", "adjusted")
    assert found.weight == "adjusted"
    assert found.unit == "mL/min"
    quantities = {e.id: e.quantity for e in known.events}
    assert [quantities[one] for one in found.used] == ["creatinine", "body_weight", "body_height"]
    actual = filtration(known, AT, "Cockcroft-Gault")
    assert found.value is not None
    assert actual.value is not None
    assert found.value < actual.value


@pytest.mark.parametrize("formula", ["Cockcroft-Gault", "CKD-EPI 2021"])
def test_formulas_of_a_steady_state_abstain_while_creatinine_moves(formula: str) -> None:
    found = filtration(record((1, 1.0), (0, 1.4)), AT, formula)  # type: ignore[arg-type]
    assert found.value is None
    assert found.reason == "not in steady state: creatinine changed by 0.3 mg/dL or more within 48 hours"


def results(*said: tuple[float, timedelta, str], zone: str = "UTC") -> Record:
    """Creatinines as (mg/dL, how long before, precision) of a man of 60."""
    some = [
        Event(AT - before, "creatinine", value, "mg/dL", LAB, learned=AT, precision=precision, id=f"Observation/{k}")  # type: ignore[arg-type]
        for k, (value, before, precision) in enumerate(said)
    ]
    return Record(Person("p", birth_date="1966-03-01", sex_at_birth="male", timezone=zone), tuple(some))


MIDNIGHT = timedelta(hours=12)  # before AT
HOUR = timedelta(hours=1)


@pytest.mark.parametrize("formula", ["Cockcroft-Gault", "CKD-EPI 2021", "bedside Schwartz"])
@pytest.mark.parametrize(
    ("said", "between"),
    [
        (((0.9, HOUR, "second"), (2.4, HOUR, "second")), "0.9 and one of 2.4"),
        (((1.6, HOUR, "minute"), (1.1, HOUR, "minute"), (1.1, 100 * HOUR, "minute")), "1.1 and one of 1.6"),
        (((2.4, MIDNIGHT, "day"), (0.9, MIDNIGHT, "day")), "0.9 and one of 2.4"),
        (((1.0, MIDNIGHT, "day"), (1.4, HOUR, "minute")), "1 and one of 1.4"),
        # one of them says that creatinine moved, and one that it did not
        (((0.9, 50 * HOUR, "minute"), (2.4, 50 * HOUR, "minute"), (0.9, HOUR, "minute")), "0.9 and one of 2.4"),
    ],
)
def test_two_results_of_one_time_contradict_and_are_no_change(
    formula: str, said: tuple[tuple[float, timedelta, str], ...], between: str
) -> None:
    found = filtration(results(*said), AT, formula)  # type: ignore[arg-type]
    assert found.value is None
    assert found.reason.startswith("two results contradict: of 2026-0")
    assert found.reason.endswith(f"there is a creatinine of {between} mg/dL")


@pytest.mark.parametrize("precision", ["second", "day"])
@pytest.mark.parametrize("values", [(1.0, 1.1), (1.2, 1.05)])
def test_of_results_of_one_time_that_nearly_agree_the_highest_counts_whatever_their_ids(
    values: tuple[float, float], precision: str
) -> None:
    said = tuple((value, MIDNIGHT, precision) for value in values)
    there, back = (filtration(results(*some), AT, "CKD-EPI 2021") for some in (said, said[::-1]))
    assert there.value == back.value == pytest.approx(ckd_epi_2021(max(values), 60, "male"), rel=1e-3)


def test_two_results_that_contradict_and_are_weeks_old_say_nothing_of_today() -> None:
    known = results((0.9, 700 * HOUR, "minute"), (2.4, 700 * HOUR, "minute"), (1.0, HOUR, "minute"))
    assert filtration(known, AT, "CKD-EPI 2021").value is not None


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (((0.9, MIDNIGHT, "day"), (2.4, MIDNIGHT, "day")), ["results of one day differ"]),
        (((1.1, MIDNIGHT, "day"), (1.3, MIDNIGHT, "day"), (1.1, MIDNIGHT, "day")), ["results of one day differ"]),
        (((1.0, MIDNIGHT, "day"), (1.02, MIDNIGHT, "day")), []),
        (((0.9, MIDNIGHT, "day"), (2.4, MIDNIGHT + 24 * HOUR, "day")), []),
        (((0.9, HOUR, "second"), (2.4, HOUR, "second")), ["sources disagree"]),
    ],
)
def test_quality_shows_two_results_of_one_day_that_differ(
    said: tuple[tuple[float, timedelta, str], ...], told: list[str]
) -> None:
    assert [f.rule for f in examine(results(*said)).findings if f.rule != "said twice"] == told


@pytest.mark.parametrize(
    ("known", "why"),
    [
        (record((100, 1.0)), "no creatinine in the 90 days before"),
        (record((1, 1.0), born=""), "the date of birth is not known"),
        (record((1, 1.0), sex=""), "the equation has coefficients for female and male only"),
    ],
)
def test_what_is_missing_is_the_reason(known: Record, why: str) -> None:
    found = filtration(known, AT, "CKD-EPI 2021")
    assert (found.value, found.reason) == (None, why)


def test_what_lies_after_the_time_asked_for_is_not_used() -> None:
    known = record((10, 1.0), (1, 4.0))
    found = filtration(known, AT - timedelta(days=5), "CKD-EPI 2021")
    assert found.value == pytest.approx(ckd_epi_2021(1.0, known.person.age(AT - timedelta(days=5)) or 0, "male"))


def test_surface_comes_with_its_two_observations() -> None:
    value, used = surface(record(), AT)
    assert value == pytest.approx((120 * 175 / 3600) ** 0.5)
    assert len(used) == 2
