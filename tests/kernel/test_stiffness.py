"""Whom method="auto" takes for stiff: those whose steps stability limits, nobody else, each judged alone."""

from typing import Any

import numpy as np
import pytest

from pollux.equations import Fixed, Model, Output, Parameter, State
from pollux.kernel import simulate
from pollux.plans import Regimen
from tests.kernel.stiff_models import HIRES, PROBLEMS, VANDERPOL

NOTHING = Regimen([])
EXPLICIT = "adaptive, order 5"


def of_one(name: str, rate: Any, start: float = 1.0) -> Model:
    return Model(
        name, "1", name, [State("y", "1", "")], [Parameter("k", "1/min", "", Fixed(1.0), "test")], [],
        [Output("y", "1", "")], derivative=lambda t, x, p, u: {"y": rate(t, x.y, p.k)},
        observe=lambda t, x, p, u: {"y": x.y}, initial=lambda p, u: {"y": start},
    )  # fmt: skip


DRAWN = of_one("drawn", lambda t, y, k: -k * (y - np.cos(t)) - np.sin(t))
BLOWING_UP = of_one("blowing-up", lambda t, y, k: k * y * y)


def pendulum() -> Model:
    """Swings with energy cos(1): the period is about 6.7."""
    return Model(
        "pendulum", "1", "pendulum", [State("angle", "1", ""), State("speed", "1", "")], [], [],
        [Output("angle", "1", "")], derivative=lambda t, x, p, u: {"angle": x.speed, "speed": -np.sin(x.angle)},
        observe=lambda t, x, p, u: {"angle": x.angle}, initial=lambda p, u: {"angle": 1.0, "speed": 0.0},
    )  # fmt: skip


@pytest.mark.parametrize("name", PROBLEMS)
def test_the_stiff_test_set_costs_auto_few_steps_besides_those_of_rosenbrock(name: str) -> None:
    model, end = PROBLEMS[name]
    alone = simulate(model, {}, NOTHING, [0.0, end], tolerance=1e-4, method="rosenbrock")
    found = simulate(model, {}, NOTHING, [0.0, end], tolerance=1e-4)
    assert found.method == f"{EXPLICIT}; Rosenbrock, order 4 for 1 of 1"
    assert np.array_equal(found.states, alone.states)
    assert found.steps[0] - alone.steps[0] < 1000  # van der Pol's equation would take hundreds of thousands


def test_many_steps_alone_do_not_make_a_patient_stiff() -> None:
    """Three hundred swings of a pendulum take thousands of explicit steps and nothing would be gained by others."""
    found = simulate(pendulum(), {}, NOTHING, [0.0, 2000.0], tolerance=1e-6)
    assert found.method == EXPLICIT
    assert found.steps[0] > 5000
    energy = 0.5 * found.states[0, -1, 1] ** 2 - np.cos(found.states[0, -1, 0])
    assert energy == pytest.approx(-np.cos(1.0), abs=1e-4)


def test_each_patient_is_judged_alone() -> None:
    """From hardly stiff to very stiff, in any order, with any number of threads: the same bits."""
    rates = np.geomspace(0.1, 1e7, 30)
    times = np.linspace(0.0, 30.0, 7)
    many = simulate(DRAWN, {"k": rates}, NOTHING, times, tolerance=1e-5)
    back = simulate(DRAWN, {"k": rates[::-1]}, NOTHING, times, tolerance=1e-5, threads=2)
    assert np.array_equal(many.states, back.states[::-1])
    methods = set()
    for i in range(0, 30, 3):
        alone = simulate(DRAWN, {"k": rates[i]}, NOTHING, times, tolerance=1e-5)
        methods.add(alone.method)
        assert np.array_equal(alone.states[0], many.states[i])
        assert alone.steps[0] == many.steps[i]
    assert methods == {EXPLICIT, f"{EXPLICIT}; Rosenbrock, order 4 for 1 of 1"}
    assert np.abs(many.states[:, :, 0] - np.cos(times)).max() < 1e-5


def test_so_stiff_that_explicit_steps_vanish_is_stiff_and_not_a_failure() -> None:
    found = simulate(DRAWN, {"k": 1e15}, NOTHING, [0.0, 1.0, 2.0], tolerance=1e-5)
    assert not found.failed.any(), found.reasons
    assert found.outputs["y"][0] == pytest.approx(np.cos([0.0, 1.0, 2.0]), abs=1e-5)


def test_what_goes_to_infinity_is_a_failure_and_not_stiff() -> None:
    """y′ = y² from 1 ends at t = 1."""
    found = simulate(BLOWING_UP, {"k": np.array([0.1, 1.0])}, NOTHING, [0.0, 0.5, 2.0])
    assert found.failed.tolist() == [False, True]
    assert "at 1 min" in found.reason(1)
    assert found.outputs["y"][1, 1] == pytest.approx(2.0, rel=1e-5)
    assert np.isnan(found.outputs["y"][1, 2])


def test_who_asks_for_explicit_steps_gets_them() -> None:
    found = simulate(HIRES, {}, NOTHING, [0.0, 321.8122], tolerance=1e-4, method="adaptive")
    assert found.method == EXPLICIT
    assert not found.failed.any()


def test_outputs_that_are_not_kept_need_no_states_of_stiff_patients_either() -> None:
    kept = simulate(VANDERPOL, {}, NOTHING, [0.0, 1.0], tolerance=1e-4)
    bare = simulate(VANDERPOL, {}, NOTHING, [0.0, 1.0], tolerance=1e-4, keep_states=False)
    assert np.array_equal(kept.outputs["y"], bare.outputs["y"])
