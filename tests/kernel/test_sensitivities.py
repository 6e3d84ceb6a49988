"""Sensitivities are the derivatives of the very same simulation."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pollux.equations import Fixed, Model, Output, Parameter, State
from pollux.errors import ModelError, UnknownName
from pollux.kernel import Schedule, Sensitivities, sensitivities, simulate

Array = NDArray[np.float64]
TIMES = np.linspace(0.0, 400.0, 81)
FINE = 1e-13


def _schedule(model: Model) -> Schedule:
    drive = [(20.0, 50.0, 3.0), (300.0, 310.0, 6.0)]
    return Schedule.of(model, 0.0, 400.0, signals={"drive": drive}, base={"drive": 0.2}, impulses=[(200.0, "a", 2.0)])


@pytest.fixture(scope="module")
def answer(curved: Model) -> Sensitivities:
    return sensitivities(curved, {}, _schedule(curved), TIMES, curved.parameter_names, tolerance=FINE)


def test_outputs_and_final_states_are_those_of_the_simulation(curved: Model, answer: Sensitivities) -> None:
    plain = simulate(curved, {}, _schedule(curved), TIMES, tolerance=1e-10)
    for name in curved.output_names:
        np.testing.assert_allclose(answer.outputs[name], plain.outputs[name], rtol=1e-8)
    np.testing.assert_allclose(answer.final_states, plain.states[:, -1], rtol=1e-8)


def _differences(model: Model, name: str, output: str) -> Array:
    """Central differences; with a smaller step the last bits of ``y`` would be a tenth of the allowed difference."""
    value = model.medians()[name]
    h = 2e-5 * max(abs(value), 0.1)
    y = simulate(model, {name: value + np.array([-h, h])}, _schedule(model), TIMES, tolerance=FINE).outputs[output]
    slope: Array = (y[1] - y[0]) / (2.0 * h)
    return slope


@pytest.mark.parametrize("output", ["y", "z"])
def test_sensitivities_equal_finite_differences(curved: Model, answer: Sensitivities, output: str) -> None:
    for j, name in enumerate(curved.parameter_names):
        exact = answer.derivatives[output][0, :, j]
        numeric = _differences(curved, name, output)
        np.testing.assert_allclose(exact, numeric, atol=2e-6 * max(np.abs(numeric).max(), 1e-6))


def test_a_linear_models_sensitivity_is_its_closed_form(linear: Model) -> None:
    """c = dose / V e^(-k t), so dc/dk = -t c and dc/dV = -c / V."""
    schedule = Schedule.of(linear, 0.0, 400.0, impulses=[(0.0, "A", 20.0)])
    found = sensitivities(linear, {"k": 0.01, "k12": 0.0, "V": 4.0}, schedule, TIMES, ["k", "V"], tolerance=1e-10)
    c = 5.0 * np.exp(-0.01 * TIMES)
    np.testing.assert_allclose(found.derivatives["concentration"][0, :, 0], -TIMES * c, rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(found.derivatives["concentration"][0, :, 1], -c / 4.0, rtol=1e-7, atol=1e-9)


def test_at_kinks_the_sensitivities_converge_with_the_tolerance(curved: Model, answer: Sensitivities) -> None:
    """Where J jumps, the columns' error falls with the length of the step across, not with its sixth power.

    How long that step is is chance, which the last digit of a step decides: the law is of the median.
    """

    def error(tolerance: float) -> float:
        rough = sensitivities(curved, {}, _schedule(curved), TIMES, curved.parameter_names, tolerance=tolerance)
        difference = np.abs(rough.derivatives["y"] - answer.derivatives["y"]).max(axis=(0, 1))
        return float((difference / np.abs(answer.derivatives["y"]).max(axis=(0, 1))).max())

    near = np.linspace(0.8, 1.2, 9)
    errors = [np.median([error(tolerance * factor) for factor in near]) for tolerance in (1e-4, 1e-6, 1e-8)]
    assert errors[0] < 1e-2
    assert errors[1] < 1e-3
    assert errors[2] < 1e-4


def test_asking_for_fewer_parameters_changes_no_column(curved: Model, answer: Sensitivities) -> None:
    few = sensitivities(curved, {}, _schedule(curved), TIMES, ["loss", "first"], tolerance=FINE)
    for j, name in enumerate(few.wrt):
        k = curved.parameter_names.index(name)
        whole = answer.derivatives["z"][..., k]
        np.testing.assert_allclose(few.derivatives["z"][..., j], whole, atol=1e-7 * np.abs(whole).max())


def test_a_given_start_is_fixed_unless_it_is_said_how_it_depends(curved: Model, answer: Sensitivities) -> None:
    medians = curved.medians()
    start = np.array([medians["first"], medians["base"] / medians["loss"] * 0.1, np.tanh(medians["first"])])
    fixed = sensitivities(curved, {}, _schedule(curved), TIMES, ["first"], initial=start, tolerance=1e-10)
    assert not fixed.derivatives["y"].any()
    seed = np.array([[1.0], [0.0], [1.0 - start[2] ** 2]])
    seeded = sensitivities(
        curved, {}, _schedule(curved), TIMES, ["first"], initial=start, initial_sensitivity=seed, tolerance=FINE
    )
    k = curved.parameter_names.index("first")
    np.testing.assert_allclose(seeded.derivatives["y"][..., 0], answer.derivatives["y"][..., k], rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(seeded.final_derivatives[..., 0], answer.final_derivatives[..., k], rtol=1e-6, atol=1e-8)


def test_patients_are_differentiated_one_by_one(curved: Model) -> None:
    values = np.array([1.5, 2.0, np.nan, 2.5])
    many = sensitivities(curved, {"vmax": values}, _schedule(curved), TIMES, ["vmax", "km"])
    assert many.failed.tolist() == [False, False, True, False]
    assert "finite" in many.reason(2)
    one = sensitivities(curved, {"vmax": 2.5}, _schedule(curved), TIMES, ["vmax", "km"])
    np.testing.assert_array_equal(many.derivatives["y"][3], one.derivatives["y"][0])


def test_wrong_questions_are_refused_with_advice(curved: Model) -> None:
    with pytest.raises(
        UnknownName, match=r"cannot differentiate by nothing \[curved\]\. Name each parameter once; there are"
    ):
        sensitivities(curved, {}, _schedule(curved), TIMES, ["nothing"])
    with pytest.raises(ModelError, match=r"the initial sensitivity \(3, 1\) does not fit\. Give `initial` too"):
        sensitivities(curved, {}, _schedule(curved), TIMES, ["vmax"], initial_sensitivity=np.zeros((3, 1)))


BRANCHES: dict[str, Callable[[Any, Any, Any], dict[str, Any]]] = {
    "a level": lambda t, x, p: {"x": p.a * np.where(x.x < p.level, 1.0, 0.1)},
    "a time": lambda t, x, p: {"x": np.where(t >= p.until, -p.a * x.x, 1.0)},
    "either": lambda t, x, p: {"x": np.where((x.x > p.level) | (t > 3.0 * p.until), p.a * x.x, 1.0 + x.x)},
    "twice": lambda t, x, p: {"x": np.where(x.x > p.level, 0.3, 1.0) - np.where(x.x > 1.4 * p.level, p.a / 9.0, 0.0)},
    "no jump": lambda t, x, p: {"x": p.a + np.where(x.x > p.level, 0.2 * (x.x - p.level) ** 2, 0.0)},
}


@pytest.mark.parametrize("name", BRANCHES)
def test_a_jump_whose_time_depends_on_parameters_is_differentiated_too(name: str) -> None:
    """What is left out otherwise does not shrink with the tolerance."""

    def rates(t: Any, x: Any, p: Any, u: Any) -> dict[str, Any]:
        return BRANCHES[name](t, x, p)

    values = {"a": 1.1, "level": 0.57, "until": 1.3}
    parameters = [Parameter(n, "1", "", Fixed(v), "test") for n, v in values.items()]
    model = Model(
        "branches", "1", name, [State("x", "1", "")], parameters, [], [Output("y", "1", "")],
        derivative=rates, observe=lambda t, x, p, u: {"y": x.x},
    )  # fmt: skip
    times = np.array([0.2, 1.0, 1.9, 2.4])
    schedule = Schedule.of(model, 0.0, 3.0)
    found = sensitivities(model, {}, schedule, times, list(values), tolerance=1e-8)
    for k, (parameter, value) in enumerate(values.items()):
        y = simulate(model, {parameter: value + np.array([-1e-5, 1e-5])}, schedule, times, tolerance=1e-11).outputs["y"]
        assert found.derivatives["y"][0, :, k] == pytest.approx((y[1] - y[0]) / 2e-5, rel=1e-5, abs=1e-5)
