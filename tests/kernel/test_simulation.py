"""Laws of simulation: tolerance is met, patients do not influence each other, doses come exactly when they come."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import ArrayLike, NDArray
from scipy.integrate import solve_ivp

from pollux.equations import Fixed, Model, Output, Parameter, State
from pollux.equations.model import Named
from pollux.errors import ModelError, UnknownName
from pollux.kernel import Schedule, compile, sensitivities, simulate

Array = NDArray[np.float64]
TIMES = np.linspace(0.0, 500.0, 251)


def _schedule(model: Model, strength: float = 1.0) -> Schedule:
    drive = [(20.0, 50.0, 3.0 * strength), (40.0, 80.0, 1.0), (300.0, 310.0, 6.0)]
    return Schedule.of(model, 0.0, 500.0, signals={"drive": drive}, base={"drive": 0.2}, impulses=[(200.0, "a", 2.0)])


def _tight(model: Model, parameters: dict[str, float], schedule: Schedule) -> Array:
    """The states (T, S) by scipy, far more exactly, segment by segment."""
    values = Named("parameter", model.medians() | parameters)
    edges = [*schedule.times, schedule.end]
    x = np.array([float(v) for v in model.start(values, Named("input", _inputs(model, schedule, 0))).values()])
    result = np.empty((len(TIMES), len(x)))
    for k in range(len(schedule.times)):
        x = x + schedule.jumps[k]
        u = Named("input", _inputs(model, schedule, k))

        def rates(t: float, y: Array, u: Named = u) -> list[Any]:
            return list(
                model.rates(t, Named("state", dict(zip(model.state_names, y, strict=True))), values, u).values()
            )

        here = (edges[k] <= TIMES) & (edges[k + 1] >= TIMES)
        # DOP853 between events; kinks are met with steps of at most a tenth of a minute
        found = solve_ivp(
            rates, (edges[k], edges[k + 1]), x, "DOP853", np.union1d(TIMES[here], edges[k + 1]), rtol=1e-12, atol=1e-13,
            max_step=0.1,
        )  # fmt: skip
        result[here] = found.y.T[: here.sum()]
        x = found.y[:, -1]
    return result


def _inputs(model: Model, schedule: Schedule, segment: int) -> dict[str, float]:
    return dict(zip(model.input_names, schedule.inputs[segment], strict=True))


@pytest.fixture(scope="module")
def truth(curved: Model) -> Array:
    return _tight(curved, {}, _schedule(curved))


@pytest.mark.parametrize("method", ["adaptive", "fixed"])
@pytest.mark.parametrize("tolerance", [1e-3, 1e-5, 1e-7, 1e-9])
def test_the_asked_for_tolerance_is_met(curved: Model, truth: Array, method: str, tolerance: float) -> None:
    found = simulate(curved, {}, _schedule(curved), TIMES, tolerance=tolerance, method=method)
    error = np.abs(found.states[0] - truth).max(axis=0) / np.abs(truth).max(axis=0)
    assert error.max() <= tolerance
    assert found.error_estimate[0] <= tolerance


def test_outputs_are_what_observe_says(curved: Model) -> None:
    found = simulate(curved, {"shift": 0.7}, _schedule(curved), TIMES)
    np.testing.assert_allclose(found.outputs["y"], found.state("a") * np.exp(0.07), rtol=1e-14)
    np.testing.assert_allclose(found.outputs["z"], found.state("c") + found.state("b") ** 1.5, rtol=1e-13)


def _crowd(model: Model, n: int) -> tuple[dict[str, Array], list[Schedule]]:
    rng = np.random.default_rng(5)
    parameters = {p.name: p.prior.from_standard(rng.normal(size=n)) for p in model.parameters}
    return parameters, [_schedule(model, float(s)) for s in rng.uniform(0, 2, n)]


@pytest.mark.parametrize("method", ["adaptive", "fixed"])
def test_a_patient_is_the_same_to_the_last_bit_in_any_company(curved: Model, method: str) -> None:
    parameters, schedules = _crowd(curved, 27)
    together = simulate(curved, parameters, schedules, TIMES, method=method)
    order = np.random.default_rng(6).permutation(27)
    shuffled = simulate(
        curved, {k: v[order] for k, v in parameters.items()}, [schedules[i] for i in order], TIMES, method=method
    )
    np.testing.assert_array_equal(shuffled.states, together.states[order])
    for i in (0, 13, 26):
        alone = simulate(curved, {k: v[i] for k, v in parameters.items()}, schedules[i], TIMES, method=method)
        np.testing.assert_array_equal(alone.states[0], together.states[i])
        np.testing.assert_array_equal(alone.outputs["z"][0], together.outputs["z"][i])


def test_threads_change_nothing(curved: Model) -> None:
    parameters, schedules = _crowd(curved, 27)
    one = simulate(curved, parameters, schedules, TIMES)
    two = simulate(curved, parameters, schedules, TIMES, threads=2)
    np.testing.assert_array_equal(one.states, two.states)


def test_more_output_times_change_no_value(curved: Model) -> None:
    few = simulate(curved, {}, _schedule(curved), TIMES[::50])
    many = simulate(curved, {}, _schedule(curved), TIMES)
    np.testing.assert_array_equal(few.states[0], many.states[0, ::50])


def test_states_need_not_be_kept(curved: Model) -> None:
    kept = simulate(curved, {}, _schedule(curved), TIMES)
    lean = simulate(curved, {}, _schedule(curved), TIMES, keep_states=False)
    assert lean.states.shape[0] == 0
    np.testing.assert_array_equal(lean.outputs["y"], kept.outputs["y"])


@pytest.mark.parametrize("method", ["adaptive", "fixed", "closed form"])
def test_a_bolus_comes_exactly_at_its_time(linear: Model, method: str) -> None:
    moment = 100.0 / 3.0
    schedule = Schedule.of(linear, 0.0, 100.0, impulses=[(moment, "dose", 5.0)])
    times = [moment - 1e-9, moment, moment + 10.0]
    depot = simulate(linear, {"ka": 0.1}, schedule, times, method=method, tolerance=1e-9).state("D")[0]
    assert depot[0] == 0.0
    assert depot[1] == 5.0
    assert depot[2] == pytest.approx(5.0 * np.exp(-1.0), rel=1e-8)


def test_a_bolus_at_the_start_and_at_the_end_counts(linear: Model) -> None:
    schedule = Schedule.of(linear, 0.0, 10.0, impulses=[(0.0, "D", 5.0), (10.0, "B", 1.0), (10.0, "B", 2.0)])
    found = simulate(linear, {"k12": 1e-9}, schedule, [0.0, 10.0], method="adaptive")
    assert found.state("D")[0, 0] == 5.0
    assert found.state("B")[0, 1] == pytest.approx(3.0, rel=1e-6)


def test_a_linear_drugs_dose_doubles_its_exposure(linear: Model) -> None:
    def concentration(dose: float) -> Array:
        schedule = Schedule.of(linear, 0.0, 500.0, impulses=[(3.0, "dose", dose)])
        return simulate(linear, {}, schedule, TIMES, method="adaptive", tolerance=1e-8).outputs["concentration"]

    np.testing.assert_allclose(concentration(20.0), 2.0 * concentration(10.0), rtol=1e-6, atol=1e-9)


def test_without_dose_nothing_happens(linear: Model) -> None:
    found = simulate(linear, {}, Schedule.of(linear, 0.0, 500.0), TIMES, method="adaptive")
    assert not found.states.any()


def test_a_patient_that_explodes_fails_alone_and_says_when(explosive: Model) -> None:
    rates = np.array([-1.0, 0.02, -0.5, np.nan, -1.0, 1e308])
    schedule = Schedule.of(explosive, 0.0, 100.0)
    times = np.linspace(0.0, 100.0, 11)
    found = simulate(explosive, {"r": rates}, schedule, times)
    assert found.failed.tolist() == [False, True, False, True, False, True]
    healthy = simulate(explosive, {"r": rates[[0, 2, 4]]}, schedule, times)
    np.testing.assert_array_equal(found.states[[0, 2, 4]], healthy.states)
    np.testing.assert_allclose(found.outputs["x"][0], 1.0 / (1.0 + times), rtol=1e-6)
    # x = 1 / (1 - 0.02 t): finite until 50 min, and honest until then
    np.testing.assert_allclose(found.outputs["x"][1, :5], 1.0 / (1.0 - 0.02 * times[:5]), rtol=1e-5)
    assert np.isnan(found.outputs["x"][1, 6:]).all()
    assert "(at 50 min)" in found.reason(1)
    assert found.reason(0) == ""
    assert found.reason(3) != ""


def test_an_initial_state_may_be_given_by_name_or_as_an_array(curved: Model) -> None:
    start: dict[str, ArrayLike] = {"a": np.array([1.0, 2.0]), "b": 0.5, "c": 0.0}
    by_name = simulate(curved, {}, _schedule(curved), TIMES, initial=start)
    by_array = simulate(curved, {}, _schedule(curved), TIMES, initial=np.array([[1.0, 0.5, 0.0], [2.0, 0.5, 0.0]]))
    np.testing.assert_array_equal(by_name.states, by_array.states)
    np.testing.assert_array_equal(by_name.states[:, 0], [[1.0, 0.5, 0.0], [2.0, 0.5, 0.0]])


def test_stopping_and_going_on_is_the_same_as_going_through(curved: Model) -> None:
    whole = simulate(curved, {}, _schedule(curved), [500.0], tolerance=1e-9)
    compiled = compile(curved)
    schedule = _schedule(curved)
    x = compiled.start(compiled.parameter_matrix({}), schedule.inputs[0])
    edges = [*schedule.times, schedule.end]
    for k, u in enumerate(schedule.inputs):
        x = compiled.advance(
            x + schedule.jumps[k], compiled.parameter_matrix({}), u, edges[k], edges[k + 1], tolerance=1e-10
        )
    np.testing.assert_allclose(x, whole.states[:, -1], rtol=1e-7)


def test_an_ensemble_member_advances_alone(curved: Model) -> None:
    compiled = compile(curved)
    rng = np.random.default_rng(8)
    x, p = rng.uniform(0.5, 3.0, (30, 3)), compiled.parameter_matrix({}, 30)
    u = rng.uniform(0.0, 2.0, (30, 1))
    together = compiled.advance(x, p, u, 0.0, 5.0)
    for i in (0, 7, 29):
        np.testing.assert_array_equal(compiled.advance(x[i : i + 1], p[i : i + 1], u[i], 0.0, 5.0)[0], together[i])
    x[4, 0] = np.nan
    broken = compiled.advance(x, p, u, 0.0, 5.0)
    assert np.isnan(broken[4]).all()
    others = np.arange(30) != 4
    np.testing.assert_array_equal(broken[others], together[others])


def test_observe_gives_the_outputs_of_members(curved: Model) -> None:
    compiled = compile(curved)
    x = np.array([[1.0, 4.0, 0.5], [2.0, 1.0, 0.1]])
    seen = compiled.observe(x, compiled.parameter_matrix({"shift": 1.0}, 2), np.array([0.0]))
    np.testing.assert_allclose(seen, [[np.exp(0.1), 8.5], [2 * np.exp(0.1), 1.1]], rtol=1e-15)


def test_questions_that_make_no_sense_are_refused_with_advice(curved: Model, linear: Model) -> None:
    schedule = _schedule(curved)
    with pytest.raises(UnknownName, match=r"there is no parameter vmaxx \[curved\]\. There are: vmax, km, base"):
        simulate(curved, {"vmaxx": 1.0}, schedule, TIMES)
    with pytest.raises(ModelError, match=r"times from 0 to 501 reach outside a schedule, 0 to 500"):
        simulate(curved, {}, schedule, [0.0, 501.0])
    with pytest.raises(ModelError, match=r"finite numbers in rising order"):
        simulate(curved, {}, schedule, [1.0, 0.0])
    with pytest.raises(ModelError, match=r"parameters do not agree on the number of patients"):
        simulate(curved, {"vmax": [1.0, 2.0], "km": [1.0, 2.0, 3.0]}, schedule, TIMES)
    with pytest.raises(ModelError, match=r"the tolerance is 0"):
        simulate(curved, {}, schedule, TIMES, tolerance=0)
    with pytest.raises(
        UnknownName, match=r"there is no method 'euler'\. There are: auto, adaptive, rosenbrock, fixed, closed form\."
    ):
        simulate(curved, {}, schedule, TIMES, method="euler")
    with pytest.raises(ModelError, match=r"the model has no closed form"):
        simulate(curved, {}, schedule, TIMES, method="closed form")
    with pytest.raises(ModelError, match=r"Make it with Schedule\.of\(model, …\)"):
        simulate(linear, {}, Schedule(0.0, 9.0, np.zeros(1), np.zeros((1, 2)), np.zeros((1, 3))), [0.0])


@pytest.mark.parametrize("method", ["auto", "adaptive", "rosenbrock", "fixed", "closed form"])
@pytest.mark.parametrize("bent", [0.0, 0.2], ids=["linear", "curved"])
def test_a_negative_amount_is_a_stated_failure_of_that_patient_alone(method: str, bent: float) -> None:
    """Elimination at a constant rate does not end where there is nothing left; whoever computes it has to say so."""
    model = Model(
        "zero-order", "1", "constant elimination", [State("A", "mg", "amount", least=0.0)],
        [Parameter("rate", "mg/min", "", Fixed(1.0), "test")], [], [Output("a", "mg", "")],
        derivative=lambda t, x, p, u: {"A": -p.rate * (1.0 + (bent * np.sin(x.A) if bent else 0.0))},
        observe=lambda t, x, p, u: {"a": x.A}, initial=lambda p, u: {"A": 10.0},
    )  # fmt: skip
    if method == "closed form" and bent:
        pytest.skip("it has none")
    times, rates = np.linspace(0.0, 20.0, 9), {"rate": np.array([0.4, 1.0, 0.1])}
    found = simulate(model, rates, Schedule.of(model, 0.0, 20.0), times, method=method)
    slopes = sensitivities(model, rates, Schedule.of(model, 0.0, 20.0), times, ["rate"])
    for one in (found, slopes):
        assert one.failed.tolist() == [False, True, False]
        assert one.reason(1).startswith("a state fell below its least value: an amount became negative (at ")
        assert np.isfinite(one.outputs["a"][[0, 2]]).all()
        assert np.isnan(one.outputs["a"][1, -1])
        assert not (one.outputs["a"] < -1e-4).any()  # nothing impossible was written before it was noticed


def test_what_is_no_device_no_thread_and_no_number_is_refused(curved: Model) -> None:
    schedule = _schedule(curved)
    with pytest.raises(UnknownName, match=r"there is no device 'tpu'\. There are: cpu, gpu\."):
        simulate(curved, {}, schedule, TIMES, device="tpu")  # type: ignore[arg-type]
    with pytest.raises(ModelError, match=r"0 threads cannot simulate anything\. Give 1 or more\."):
        simulate(curved, {}, schedule, TIMES, threads=0)
    with pytest.raises(ModelError, match=r"a parameter is given something that is not a number \[curved\]"):
        simulate(curved, {"vmax": "fast"}, schedule, TIMES)
