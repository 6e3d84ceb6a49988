"""The same questions to every model of the catalogue, which the battery finds by itself."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from pollux.equations import Fixed, Model
from pollux.kernel import compile, simulate, trace
from pollux.kernel.derivatives import Derivatives
from pollux.kernel.program import Program
from pollux.kernel.simulation import checked
from pollux.models import catalogue
from pollux.plans import Regimen
from pollux.vocabulary.compound import compound
from tests.battery.designs import basal, covariates, design, dosing, learnable, names, speeds

EVERY = pytest.mark.parametrize("name", names())
DRUGS = pytest.mark.parametrize("name", [n for n, m in catalogue().items() if m.routes])


def span(model: Model) -> float:
    return design(model.name).times[-1] if model.name in learnable() else min(4.0 / speeds(model.name)[0], 1440.0)


def course(model: Model, regimen: Regimen, times: np.ndarray, **values: object) -> dict[str, np.ndarray]:
    found = simulate(model, values, regimen, times, tolerance=1e-8)  # type: ignore[arg-type]
    assert not found.failed.any(), found.reasons
    return found.outputs


@EVERY
def test_units_resolve(name: str) -> None:
    model = catalogue()[name]
    units = [p.unit for kind in (model.states, model.parameters, model.inputs, model.outputs) for p in kind]
    assert units
    for unit in units:
        compound(unit)  # raises for one that is not known


@EVERY
def test_the_same_equations_give_the_same_program(name: str) -> None:
    assert trace(catalogue()[name]).key == trace(catalogue()[name]).key


@EVERY
def test_the_symbolic_jacobian_is_the_jacobian(name: str) -> None:
    """Against a complex step where the equations allow one, differences of order 6 elsewhere."""
    model = catalogue()[name]
    program = compile(model).program
    d = Derivatives(program)
    leaves = [("state", i) for i in range(program.states)]
    entries = d.jacobian(program.rates, leaves)
    whole = Program(program.states, program.parameters, program.inputs, tuple(d.graph.nodes), (), (), ())
    p = compile(model).parameter_matrix({})[0]
    given = covariates(model) | basal(model)
    u = np.array([given.get(i.name, i.usual or 0.0) for i in model.inputs])
    start = compile(model).start(p[None, :], u)[0]
    x = start + 0.37 * (1.0 + np.abs(start))

    def f(x: np.ndarray) -> np.ndarray:
        return np.array(program.evaluate(program.rates, 3.7, x, p, u), dtype=float)

    numeric = np.zeros((program.states, program.states))
    for j in range(program.states):
        h = 1e-3 * (1.0 + abs(x[j])) * np.eye(program.states)[j]
        sides = [w * (f(x + k * h) - f(x - k * h)) for k, w in ((1, 3 / 4), (2, -3 / 20), (3, 1 / 60))]
        numeric[:, j] = sum(sides) / h[j]
    symbolic = np.zeros_like(numeric)
    for (row, column), value in zip(entries, whole.evaluate(list(entries.values()), 3.7, x, p, u), strict=True):
        symbolic[row, column] = value
    assert symbolic == pytest.approx(numeric, rel=1e-6, abs=1e-8 * np.abs(numeric).max())


@DRUGS
def test_a_dose_of_zero_changes_nothing(name: str) -> None:
    model = catalogue()[name]
    times = np.linspace(0.0, span(model), 20)
    nothing = course(model, Regimen([], covariates(model)), times)
    zero = course(model, Regimen(dosing(model, 0.0, times[-1]), covariates(model)), times)
    for output, values in zero.items():
        assert values == pytest.approx(nothing[output], rel=1e-7, abs=1e-12)


@pytest.mark.slow
@DRUGS
def test_linear_means_linear(name: str) -> None:
    """Twice the dose is twice the change, and the closed form is what SciPy finds; saturable models are neither."""
    model = catalogue()[name]
    times = np.linspace(0.0, span(model), 20)
    amount = design(name).regimen.events[0].amount if name in learnable() else 1.0  # type: ignore[union-attr]
    nothing, one, two = (
        course(model, Regimen(dosing(model, a * amount, times[-1]), covariates(model)), times) for a in (0.0, 1.0, 2.0)
    )
    output = next(iter(model.residuals), model.output_names[0])
    change, twice = one[output] - nothing[output], two[output] - nothing[output]
    if compile(model).linear is None:
        return
    assert twice == pytest.approx(2.0 * change, rel=1e-9, abs=1e-9 * np.abs(change).max())
    found = by_scipy(model, Regimen(dosing(model, amount, times[-1]), covariates(model)), times)
    assert found[output] == pytest.approx(one[output][0], rel=1e-6, abs=1e-8 * np.abs(one[output]).max())


def by_scipy(model: Model, regimen: Regimen, times: np.ndarray) -> dict[str, np.ndarray]:
    """The equations as NumPy evaluates them, moved by SciPy from event to event."""
    task = checked(compile(model), {}, regimen, times, None, 1e-6)[0]
    program, s, p = task.compiled.program, task.schedules, task.parameters[0]
    x, states, inputs = task.starts()[0], np.empty((len(times), program.states)), np.empty((len(times), program.inputs))
    for begin, end, u, jump in zip(s.times, [*s.times[1:], times[-1]], s.inputs, s.jumps, strict=True):
        x = x + jump
        at = np.flatnonzero((times >= begin) & (times <= end))
        states[at], inputs[at] = x, u

        def rates(t: float, x: np.ndarray, u: np.ndarray = u) -> np.ndarray:
            return np.array(program.evaluate(program.rates, t, x, p, u), dtype=float)

        if end > begin:
            scale = np.abs(x) + 1e-3
            moved = solve_ivp(rates, (begin, end), x, "Radau", dense_output=True, rtol=1e-9, atol=1e-11 * scale)
            assert moved.sol is not None
            states[at] = moved.sol(times[at]).T if len(at) else states[at]
            x = moved.y[:, -1]
    values = [program.evaluate(program.readings, t, x, p, u) for t, x, u in zip(times, states, inputs, strict=True)]
    return dict(zip(model.output_names, np.array(values, dtype=float).T, strict=True))


@pytest.mark.parametrize("name", learnable())
def test_draws_from_the_prior_stay_finite_and_do_not_see_each_other(name: str) -> None:
    plan = design(name)
    z = np.random.default_rng(1).standard_normal((64, len(plan.varying)))
    blank = plan.posterior(plan.simulated(z[0], np.random.default_rng(2)))
    times = np.array(plan.times)
    found = blank.predictions(z, times, plan.output)
    assert np.isfinite(found).all()
    for i in (0, 31, 63):
        assert np.array_equal(blank.predictions(z[i : i + 1], times, plan.output)[0], found[i])


@EVERY
def test_every_number_has_a_source(name: str) -> None:
    model = catalogue()[name]
    assert model.title
    for parameter in model.parameters:
        assert str(parameter.source).strip(), parameter.name
        assert parameter.meaning.strip(), parameter.name


def test_a_model_that_differs_has_another_program() -> None:
    first = catalogue()["oral-minimal-t1"]
    other = replace(first, parameters=[replace(p, prior=Fixed(2.0)) if p.name == "SG" else p for p in first.parameters])
    assert trace(first).key == trace(other).key  # a prior is no part of what is computed
    changed = replace(first, derivative=lambda t, x, p, u: {**first.derivative(t, x, p, u), "IG": 0.0})
    assert trace(changed).key != trace(first).key
