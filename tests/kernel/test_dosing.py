"""Doses arrive when and as the event records of the field say, and the kernel knows how that depends on parameters."""

import csv
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pollux.equations import Fixed, Input, Model, Output, Parameter, Route, State
from pollux.errors import ModelError
from pollux.kernel import sensitivities, simulate
from pollux.plans import Dose, Regimen, Reset
from pollux.plans.event_records import subjects

VALUES = {"CL": 1.1, "V": 20.0, "ka": 1.5, "tlag": 0.0, "F": 1.0, "R": 10.0, "D": 2.0, "Km": 2.0, "both": 1.0}
ROUTES = {1: "oral", 2: "iv"}


def one_compartment(elimination: Callable[..., object] | None = None) -> Model:
    """Oral and intravenous; linear elimination unless another is given."""
    lost = elimination or (lambda x, p: p.CL / p.V * x.central)
    return Model(
        "doses", "1", "One compartment with a depot",
        [State("depot", "mg", "amount"), State("central", "mg", "amount")],
        [Parameter(name, "1", "for tests", Fixed(value), "test") for name, value in VALUES.items()],
        [Input("to_depot", "mg/h", "infusion"), Input("to_central", "mg/h", "infusion"),
         Input("WT", "kg", "weight", usual=70.0)],
        [Output("cp", "ug/L", "concentration")],
        derivative=lambda t, x, p, u: {
            "depot": u.to_depot - p.ka * x.depot,
            "central": u.to_central + p.ka * x.depot - lost(x, p) * u.WT / 70.0,
        },
        observe=lambda t, x, p, u: {"cp": 1000.0 * x.central / p.V},
        routes=[
            Route(
                "oral", "depot", input="to_depot",
                kinetics=lambda p, u: {"lag": p.both * p.tlag, "bioavailability": 1.0 + p.both * (p.F - 1.0)},
            ),
            Route(
                "iv", "central", input="to_central",
                kinetics=lambda p, u: {"lag": p.tlag, "bioavailability": p.F, "rate": p.R, "duration": p.D},
            ),
        ],
        time_unit="h",
    )  # fmt: skip


LINEAR = one_compartment()
SATURABLE = one_compartment(lambda x, p: p.CL * x.central / (p.V * p.Km + x.central))
BOTH = pytest.mark.parametrize("model", [LINEAR, SATURABLE], ids=["linear", "saturable"])
TIMES = np.arange(0.5, 72.0, 1.0)


def course(model: Model, regimen: Regimen, **values: float) -> np.ndarray:
    found = simulate(model, values, regimen, TIMES, tolerance=1e-10)
    assert not found.failed.any(), found.reasons
    result: np.ndarray = found.outputs["cp"][0]
    return result


@pytest.mark.reference
def test_nonmem_event_records_are_matched_row_by_row(reference: Path) -> None:
    """All but 260 of 7,157 rows: those of steady states whose lag is longer than the interval (see the next test)."""
    with (reference / "pharmacology/population/nmtest.csv").open() as file:
        rows = list(csv.DictReader(file))
    first = {r["id"]: r for r in reversed(rows)}
    odd = {}
    for person in subjects([r | {"DV": r["cp"]} for r in rows], ROUTES):
        row = first[person.id]
        values = {"tlag": "lagt", "F": "bioav", "R": "rat2", "D": "dur2"}
        at = {n: float(row[c]) for n, c in values.items()} | {"both": 0.0}  # lag and F are those of the second route
        found = simulate(LINEAR, at, person.regimen, person.times)
        said = np.array(person.values)
        last_digit = 10.0 ** (np.floor(np.log10(np.maximum(np.abs(said), 1e-300))) - 4)  # five digits are printed
        off = np.abs(found.outputs["cp"][0] - said) > 1e-5 * np.abs(said) + 0.5001 * last_digit * (said != 0) + 1e-9
        if off.any():
            odd[int(person.id)] = int(off.sum())
    assert odd == {
        409: 22, 410: 5, 411: 5, 415: 4, 509: 4, 510: 22, 610: 20, 709: 20, 809: 46, 825: 40, 909: 28, 1009: 44,
    }  # fmt: skip
    late = {int(i) for i, r in first.items() if r["ss"] != "0" and float(r["lagt"]) > float(r["ii"])}
    assert set(odd) == late


@BOTH
@pytest.mark.parametrize("lag", [0.0, 3.25, 12.0, 17.0])
@pytest.mark.parametrize("how", [{}, {"rate": 6.0}, {"duration": 15.0}, {"duration": 4.0}, {"modelled": "duration"}])
def test_a_steady_state_is_what_many_doses_before_have_made(model: Model, lag: float, how: dict[str, float]) -> None:
    dose = Dose(0.0, 100.0, "iv", additional=3, interval=12.0, steady_state="replace", **how)  # type: ignore[arg-type]
    before = replace(dose, time=-12.0 * 60, additional=63, steady_state="")
    values = {"tlag": lag, "F": 0.8, "CL": 9.0 if model is LINEAR else 30.0}
    lived = course(model, Regimen([before]), **values)
    assert course(model, Regimen([dose]), **values) == pytest.approx(lived, rel=1e-7, abs=1e-9 * lived.max())


def test_a_second_regimen_at_steady_state_adds_to_the_first() -> None:
    morning = Dose(0.0, 100.0, "oral", additional=2, interval=24.0, steady_state="replace")
    evening = Dose(12.0, 50.0, "oral", additional=2, interval=24.0, steady_state="add")
    alone = [
        replace(morning, time=-480.0, additional=22, steady_state=""),
        replace(evening, time=-468.0, additional=22, steady_state=""),
    ]
    late = TIMES > 12.0
    assert course(LINEAR, Regimen([morning, evening]))[late] == pytest.approx(
        course(LINEAR, Regimen(alone))[late], rel=1e-9
    )


def test_a_constant_infusion_at_steady_state_balances_elimination_until_it_ends() -> None:
    found = course(LINEAR, Regimen([Dose(0.0, 0.0, "iv", rate=11.0, steady_state="replace")]))
    assert found == pytest.approx(10_000.0 * np.exp(-1.1 / 20.0 * TIMES), rel=1e-9)


@BOTH
def test_additional_doses_are_the_doses_written_out(model: Model) -> None:
    short = Regimen([Dose(0.0, 100.0, "oral", additional=3, interval=8.0)])
    long = Regimen([Dose(8.0 * k, 100.0, "oral") for k in range(4)])
    assert np.array_equal(course(model, short), course(model, long))


@BOTH
def test_a_lag_is_a_later_dose(model: Model) -> None:
    given = course(model, Regimen([Dose(0.0, 100.0, "iv", duration=3.0)]), tlag=5.0)
    assert given == pytest.approx(course(model, Regimen([Dose(5.0, 100.0, "iv", duration=3.0)])), rel=1e-8)


def test_bioavailability_shortens_an_infusion_of_given_rate_and_slows_one_of_given_duration() -> None:
    by_rate = course(LINEAR, Regimen([Dose(0.0, 100.0, "iv", rate=10.0)]), F=0.5)
    by_duration = course(LINEAR, Regimen([Dose(0.0, 100.0, "iv", duration=10.0)]), F=0.5)
    assert by_rate == pytest.approx(course(LINEAR, Regimen([Dose(0.0, 50.0, "iv", rate=10.0)])), rel=1e-12)
    assert by_duration == pytest.approx(course(LINEAR, Regimen([Dose(0.0, 50.0, "iv", duration=10.0)])), rel=1e-12)


def test_the_modelled_rate_and_duration_are_the_models() -> None:
    rate = course(LINEAR, Regimen([Dose(0.0, 100.0, "iv", modelled="rate")]), R=25.0)
    duration = course(LINEAR, Regimen([Dose(0.0, 100.0, "iv", modelled="duration")]), D=4.0)
    assert rate == pytest.approx(course(LINEAR, Regimen([Dose(0.0, 100.0, "iv", rate=25.0)])), rel=1e-12)
    assert duration == pytest.approx(rate, rel=1e-12)


@BOTH
def test_after_a_reset_nothing_is_left_and_nothing_still_comes(model: Model) -> None:
    before = [
        Dose(0.0, 100.0, "iv", duration=30.0),
        Dose(0.0, 80.0, "oral", additional=5, interval=12.0),
        Dose(19.5, 50.0, "oral"),
    ]
    after = Dose(20.0, 70.0, "oral")
    late = TIMES > 20.0
    whole = course(model, Regimen([*before, Reset(20.0), after]), tlag=1.0)
    assert whole[late] == pytest.approx(course(model, Regimen([after]), tlag=1.0)[late], rel=1e-8)
    assert (whole[(TIMES > 1.0) & ~late] > 0.0).all()


def test_a_covariate_that_changes_is_two_stretches() -> None:
    regimen = Regimen([Dose(0.0, 100.0, "iv")], {"WT": [(0.0, 70.0), (10.0, 140.0)]})
    k = 1.1 / 20.0
    expected = 5000.0 * np.exp(-k * np.minimum(TIMES, 10.0) - 2.0 * k * np.maximum(TIMES - 10.0, 0.0))
    assert course(LINEAR, regimen) == pytest.approx(expected, rel=1e-12)


REGIMENS = {
    "lagged infusions": Regimen(
        [Dose(0.0, 100.0, "iv", rate=12.0, additional=4, interval=12.0), Dose(3.0, 60.0, "oral")]
    ),
    "modelled duration": Regimen([Dose(0.0, 100.0, "iv", modelled="duration", additional=2, interval=10.0)]),
    "modelled rate": Regimen([Dose(0.0, 100.0, "iv", modelled="rate"), Reset(30.0), Dose(30.0, 20.0, "oral")]),
    "steady state": Regimen([Dose(0.0, 100.0, "oral", additional=3, interval=12.0, steady_state="replace")]),
    "steady overlap": Regimen([Dose(0.0, 100.0, "iv", duration=15.0, interval=12.0, steady_state="replace")]),
}  # fmt: skip


@BOTH
@pytest.mark.parametrize("name", REGIMENS)
def test_derivatives_through_moving_events_are_the_derivatives(model: Model, name: str) -> None:
    wrt = ["CL", "V", "ka", "tlag", "F", "R", "D"]
    at = VALUES | {"tlag": 1.7, "F": 0.9, "CL": 5.0 if model is LINEAR else 16.0, "R": 23.0, "D": 3.1}
    found = sensitivities(model, at, REGIMENS[name], TIMES, wrt, tolerance=1e-10)
    assert not found.failed.any(), found.reasons
    for k, parameter in enumerate(wrt):
        h = 1e-4 * at[parameter]
        sides = [course(model, REGIMENS[name], **(at | {parameter: at[parameter] + d})) for d in (h, -h, 2 * h, -2 * h)]
        slope = (8 * (sides[0] - sides[1]) - (sides[2] - sides[3])) / (12 * h)
        size = np.abs(slope).max() + 1e-3
        assert np.abs(found.derivatives["cp"][0, :, k] - slope).max() < 2e-6 * size, parameter


def test_who_can_have_no_steady_state_is_told_so_and_nobody_else_suffers() -> None:
    regimen = Regimen([Dose(0.0, 100.0, "iv", interval=12.0, steady_state="replace")])
    # CL is the most that can be eliminated [mg/h]: 100 mg in 12 h are too much for the second
    found = simulate(SATURABLE, {"CL": np.array([30.0, 5.0])}, regimen, [1.0])
    assert found.failed.tolist() == [False, True]
    assert found.reason(1) == "no steady state was found for the dose at 0"
    alone = simulate(SATURABLE, {"CL": 30.0}, regimen, [1.0])
    assert np.array_equal(found.outputs["cp"][:1], alone.outputs["cp"])


def test_an_impossible_lag_fails_that_patient_alone() -> None:
    found = simulate(LINEAR, {"tlag": np.array([1.0, -1.0, np.nan])}, Regimen([Dose(0.0, 1.0, "oral")]), [1.0, 2.0])
    assert found.failed.tolist() == [False, True, True]
    assert found.reason(1) == "the lag or bioavailability of the route 'oral' is negative or not a number"
    assert np.isfinite(found.outputs["cp"][0]).all()


def test_what_a_regimen_lacks_is_named() -> None:
    strict = replace(LINEAR, inputs=[*LINEAR.inputs[:2], Input("WT", "kg", "weight", usual=None)])
    with pytest.raises(ModelError) as caught:
        simulate(strict, {}, Regimen([Dose(0.0, 1.0, "oral")], {"to_depot": 1.0}), [1.0])
    assert str(caught.value) == (
        "the regimen lacks WT and has to_depot, which the model does not know [doses]. Covariates and inputs are: WT."
    )
    with pytest.raises(ModelError, match=r"the dose at 0 names no route \[doses\]\. There are: oral, iv\."):
        simulate(LINEAR, {}, Regimen([Dose(0.0, 1.0)]), [1.0])
    with pytest.raises(ModelError, match="states more than one of rate, duration and modelled"):
        Dose(0.0, 1.0, rate=1.0, duration=2.0)
    with pytest.raises(ModelError, match=r"says steady_state 'yes' .*Steady states are replace or add"):
        Dose(0.0, 1.0, interval=12.0, steady_state="yes")  # type: ignore[arg-type]
    with pytest.raises(ModelError, match=r"a dose has text where a number belongs \[regimen\]\. Give numbers\."):
        Dose("8:00", 1.0)  # type: ignore[arg-type]
    with pytest.raises(ModelError, match="the course of 'WT' is not a number or"):
        Regimen([Dose(0.0, 1.0)], {"WT": "heavy"})  # type: ignore[dict-item]


@pytest.mark.parametrize(("way", "parameter"), [("rate", "R"), ("duration", "D")])
def test_a_modelled_rate_or_duration_of_zero_fails_that_patient_alone(way: str, parameter: str) -> None:
    regimen = Regimen([Dose(0.0, 100.0, "iv", modelled=way)])  # type: ignore[arg-type]
    found = simulate(LINEAR, {parameter: np.array([2.0, 0.0, -1.0, np.nan])}, regimen, [1.0])
    assert found.failed.tolist() == [False, True, True, True]
    assert {found.reason(i) for i in (1, 2, 3)} == {"the rate or duration on the route 'iv' is not a number above 0"}
    assert np.isfinite(found.outputs["cp"][0]).all()


def test_a_patient_is_dosed_alike_alone_and_among_others() -> None:
    lags = np.linspace(0.1, 9.0, 23)
    regimen = REGIMENS["lagged infusions"]
    many = simulate(LINEAR, {"tlag": lags}, regimen, TIMES, threads=2)
    for i in (0, 11, 22):
        assert np.array_equal(
            many.outputs["cp"][i], simulate(LINEAR, {"tlag": lags[i]}, regimen, TIMES).outputs["cp"][0]
        )
