"""Where the closed form applies, it and the numerical methods agree; and it is chosen by itself."""

import numpy as np
import pytest

from pollux.equations import Model
from pollux.kernel import Schedule, compile, simulate

TIMES = np.linspace(0.0, 600.0, 241)


def _schedule(model: Model) -> Schedule:
    return Schedule.of(
        model,
        0.0,
        600.0,
        signals={"infusion": [(30.0, 90.0, 2.0)]},
        impulses=[(10.0, "dose", 100.0), (300.0, "dose", 50.0)],
    )


def test_linear_models_are_recognised(linear: Model, curved: Model) -> None:
    assert compile(linear).linear is not None
    assert compile(curved).linear is None
    assert simulate(linear, {}, _schedule(linear), TIMES).method == "closed form"
    assert simulate(linear, {}, _schedule(linear), TIMES, method="adaptive").method == "adaptive, order 5"


@pytest.mark.parametrize("method", ["adaptive", "fixed"])
def test_the_closed_form_equals_the_numerical_solution(linear: Model, method: str) -> None:
    parameters = {"ka": np.array([0.03, 0.2, 0.01]), "k": np.array([0.01, 0.05, 1e-9])}
    closed = simulate(linear, parameters, _schedule(linear), TIMES)
    numerical = simulate(linear, parameters, _schedule(linear), TIMES, method=method, tolerance=1e-10)
    np.testing.assert_allclose(closed.states, numerical.states, atol=1e-7)
    np.testing.assert_allclose(closed.outputs["concentration"], numerical.outputs["concentration"], atol=1e-8)


def test_one_compartment_is_its_exponential(linear: Model) -> None:
    schedule = Schedule.of(linear, 0.0, 600.0, impulses=[(0.0, "A", 20.0)])
    found = simulate(linear, {"k": 0.01, "k12": 0.0}, schedule, TIMES)
    np.testing.assert_allclose(found.outputs["concentration"][0], np.exp(-0.01 * TIMES), rtol=1e-11)


def test_without_elimination_an_infusion_adds_up(linear: Model) -> None:
    """A singular matrix: nothing leaves the body."""
    schedule = Schedule.of(linear, 0.0, 600.0, base={"infusion": 1.5})
    found = simulate(linear, {"k": 0.0}, schedule, TIMES)
    np.testing.assert_allclose(found.states[0].sum(axis=1), 1.5 * TIMES, rtol=1e-11, atol=1e-11)


def test_a_patient_with_impossible_parameters_fails_alone(linear: Model) -> None:
    found = simulate(linear, {"k": np.array([0.01, np.nan])}, _schedule(linear), TIMES)
    assert found.failed.tolist() == [False, True]
    assert found.reason(1) == "a state is no longer a finite number (at 0 min)"
