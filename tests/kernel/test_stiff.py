"""Stiff equations: the right answer in few steps, chosen by itself, for each patient alone."""

from functools import cache
from typing import Any

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from pollux.equations import Fixed, Model, Output, Parameter, State
from pollux.kernel import compile, simulate
from pollux.kernel.derivatives import Derivatives
from pollux.kernel.program import Program
from pollux.kernel.rosenbrock import elimination
from pollux.plans import Dose, Regimen
from tests.kernel.stiff_models import HIRES, PROBLEMS, ROBERTSON
from tests.kernel.test_dosing import REGIMENS, SATURABLE, TIMES

NOTHING = Regimen([])


@cache
def radau(name: str) -> np.ndarray:
    """The end state by SciPy's Radau IIA with the symbolic Jacobian, at rtol 1e-11."""
    model, end = PROBLEMS[name]
    program = compile(model).program
    p = compile(model).parameter_matrix({})[0]
    d = Derivatives(program)
    entries = d.jacobian(program.rates, [("state", i) for i in range(program.states)])
    whole = Program(program.states, program.parameters, program.inputs, tuple(d.graph.nodes), (), (), ())

    def f(t: float, x: np.ndarray) -> np.ndarray:
        return np.array(program.evaluate(program.rates, t, x, p, []), dtype=float)

    def jacobian(t: float, x: np.ndarray) -> np.ndarray:
        matrix = np.zeros((program.states, program.states))
        for (row, column), value in zip(entries, whole.evaluate(list(entries.values()), t, x, p, []), strict=True):
            matrix[row, column] = value
        return matrix

    start = compile(model).start(p[None, :], np.zeros(0))[0]
    solved = solve_ivp(f, (0.0, end), start, "Radau", rtol=1e-11, atol=1e-16, jac=jacobian)
    return np.asarray(solved.y[:, -1])


@pytest.mark.slow
@pytest.mark.parametrize("name", PROBLEMS)
@pytest.mark.parametrize("tolerance", [1e-4, 1e-7])
def test_the_stiff_test_set_is_solved_within_tolerance_in_few_steps(name: str, tolerance: float) -> None:
    model, end = PROBLEMS[name]
    found = simulate(model, {}, NOTHING, [0.0, end], tolerance=tolerance, method="rosenbrock")
    assert not found.failed.any(), found.reasons
    course = simulate(model, {}, NOTHING, np.linspace(0.0, end, 400), tolerance=tolerance, method="rosenbrock")
    size = np.abs(course.states[0]).max(axis=0)  # the tolerance is relative to the largest value of each state
    assert (np.abs(found.states[0, -1] - radau(name)) < tolerance * size + 1e-12).all()
    assert found.steps[0] < 20_000


def test_mass_is_conserved_in_robertsons_reactions() -> None:
    found = simulate(ROBERTSON, {}, NOTHING, np.geomspace(1e-3, 1e9, 30), method="rosenbrock", tolerance=1e-6)
    assert np.abs(found.states[0].sum(axis=1) - 1.0).max() < 1e-9


def smooth() -> Model:
    """y′ = −λ (y − cos t) − sin t, whose solution from y(0) = 1 is cos t however large λ is."""

    def rates(t: Any, x: Any, p: Any, u: Any) -> dict[str, Any]:
        return {"y": -p.rate * (x.y - np.cos(t)) - np.sin(t)}

    return Model(
        "prothero-robinson", "1", "stiff towards a cosine", [State("y", "1", "")],
        [Parameter("rate", "1/min", "", Fixed(1e6), "test")], [], [Output("y", "1", "")],
        derivative=rates, observe=lambda t, x, p, u: {"y": x.y}, initial=lambda p, u: {"y": 1.0},
    )  # fmt: skip


def test_equations_of_any_stiffness_are_followed_in_few_steps() -> None:
    times = np.linspace(0.0, 10.0, 41)
    for rate in (1.0, 1e3, 1e6, 1e9):
        found = simulate(smooth(), {"rate": rate}, NOTHING, times, method="rosenbrock", tolerance=1e-5)
        assert np.abs(found.outputs["y"][0] - np.cos(times)).max() < 1e-5
        assert found.steps[0] < 4000  # an explicit method has to take λ · 10 / 3.3


def test_the_error_falls_with_the_fourth_power_of_the_step() -> None:
    """With λ = 1 steps grow as tolerance^(1/4): error per step count falls 16-fold when steps double."""
    points = []
    for tolerance in (1e-3, 1e-5, 1e-7):
        found = simulate(smooth(), {"rate": 1.0}, NOTHING, [0.0, 10.0], method="rosenbrock", tolerance=tolerance)
        points.append((found.steps[0], abs(found.outputs["y"][0, -1] - np.cos(10.0))))
    order = np.log(points[0][1] / points[2][1]) / np.log(points[2][0] / points[0][0])
    assert order > 3.5


def test_auto_finds_the_stiff_patients_by_itself_and_says_so() -> None:
    rates = {"k1": np.array([0.04, 1e-4, 0.04]), "k2": np.array([3e7, 1e-3, 3e7]), "k3": np.array([1e4, 1e-3, 1e4])}
    found = simulate(ROBERTSON, rates, NOTHING, [0.0, 1e5], tolerance=1e-5)
    assert not found.failed.any(), found.reasons
    assert found.method == "adaptive, order 5; Rosenbrock, order 4 for 2 of 3"
    stiff = simulate(ROBERTSON, {}, NOTHING, [0.0, 1e5], tolerance=1e-5, method="rosenbrock")
    slow = {"k1": 1e-4, "k2": 1e-3, "k3": 1e-3}
    easy = simulate(ROBERTSON, slow, NOTHING, [0.0, 1e5], tolerance=1e-5, method="adaptive")
    assert np.array_equal(found.states[0], stiff.states[0])
    assert np.array_equal(found.states[2], stiff.states[0])
    assert np.array_equal(found.states[1], easy.states[0])


def test_a_patient_alone_is_the_patient_among_others() -> None:
    k = np.linspace(1.2, 2.4, 21)
    many = simulate(HIRES, {"k": k}, NOTHING, [0.0, 100.0, 321.0], method="rosenbrock", threads=2)
    for i in (0, 9, 20):
        alone = simulate(HIRES, {"k": k[i]}, NOTHING, [0.0, 100.0, 321.0], method="rosenbrock")
        assert np.array_equal(many.states[i], alone.states[0])


@pytest.mark.parametrize("name", REGIMENS)
def test_doses_resets_and_steady_states_are_those_of_other_methods(name: str) -> None:
    values = {"tlag": 1.7, "F": 0.9, "CL": 16.0}
    ours, theirs = (
        simulate(SATURABLE, values, REGIMENS[name], TIMES, tolerance=1e-8, method=m) for m in ("rosenbrock", "adaptive")
    )
    assert ours.method == "Rosenbrock, order 4"
    assert ours.outputs["cp"] == pytest.approx(theirs.outputs["cp"], rel=1e-6, abs=1e-7 * theirs.outputs["cp"].max())


def test_a_failure_stays_with_its_patient() -> None:
    rates = {"k1": np.array([0.04, np.nan, 0.04])}
    found = simulate(ROBERTSON, rates, NOTHING, [0.0, 10.0], method="rosenbrock")
    assert found.failed.tolist() == [False, True, False]
    assert np.array_equal(found.states[0], found.states[2])


def test_the_pattern_of_factors_holds_every_product() -> None:
    pattern = {(0, 3), (3, 0), (1, 3), (3, 1), (2, 3), (3, 2)}
    order, filled = elimination(4, pattern)
    assert order[-1] == 3 or order[-2:] == [2, 3]
    assert filled == pattern | {(i, i) for i in range(4)}  # an arrow pointing down fills nothing


def test_a_dose_given_amid_a_stiff_run_is_seen() -> None:
    before = simulate(SATURABLE, {}, Regimen([]), [0.0, 5.0], method="rosenbrock").outputs["cp"][0]
    after = simulate(SATURABLE, {}, Regimen([Dose(2.0, 50.0, "iv")]), [0.0, 2.0, 5.0], method="rosenbrock")
    assert before.tolist() == [0.0, 0.0]
    assert after.outputs["cp"][0, 1] == 2500.0
