"""Parts that keep their own time agree with the whole moved together, within the error that is stated."""

import numpy as np
import pytest

from pollux.equations import Fixed, Input, Model, Output, Parameter, State
from pollux.equations.couple import Coupled, Pace, couple
from pollux.errors import ModelError
from pollux.kernel import simulate
from pollux.kernel.multirate import in_windows
from pollux.plans import Regimen

PERIOD = 0.01  # h

BEAT = Model(
    "beat", "1", "A fast oscillation about a level that follows its load",
    [State("a", "1", "cosine"), State("b", "1", "sine"), State("level", "1", "level")],
    [Parameter("omega", "1/h", "frequency", Fixed(2.0 * np.pi / PERIOD), "test")],
    [Input("load", "1", "load", "load")], [Output("flow", "1", "flow", "flow")],
    derivative=lambda t, x, p, u: {"a": -p.omega * x.b, "b": p.omega * x.a, "level": 400.0 * (u.load - x.level)},
    observe=lambda t, x, p, u: {"flow": x.level * (1.0 + x.a)}, initial=lambda p, u: {"a": 1.0, "b": 0.0, "level": 1.0},
    time_unit="h",
)  # fmt: skip

GROWTH = Model(
    "growth", "1", "A load that adapts to the mean flow",
    [State("load", "1", "load")], [Parameter("k", "1/h", "speed", Fixed(0.05), "test")],
    [Input("flow", "1", "flow", "flow"), Input("push", "1/h", "from outside")], [Output("load", "1", "load", "load")],
    derivative=lambda t, x, p, u: {"load": p.k * (2.0 - u.flow * x.load) + u.push},
    observe=lambda t, x, p, u: {"load": x.load}, initial=lambda p, u: {"load": 1.0}, time_unit="h",
)  # fmt: skip

TIMES = np.linspace(0.0, 20.0, 41)


def body(pace: Pace) -> Coupled:
    return couple("body", {"beat": BEAT, "growth": GROWTH}, paces={"beat": pace})


def truth(**given: float) -> np.ndarray:
    found: np.ndarray = simulate(body(Pace()), {}, Regimen([], given), TIMES, tolerance=1e-7).outputs["growth_load"]
    return found


@pytest.mark.parametrize("pace", [Pace(), Pace(PERIOD, settle=3, cycles=2)], ids=["in full", "quasi-steady"])
def test_windows_agree_with_the_whole_within_the_stated_error(pace: Pace) -> None:
    expected = truth(growth_push=0.01)
    errors = []
    for window in (4.0, 2.0):
        found = in_windows(body(pace), {}, Regimen([], {"growth_push": 0.01}), TIMES, window)
        assert not found.failed.any()
        off = float(np.abs(found.outputs["growth_load"] - expected).max() / expected.max())
        assert off <= found.splitting_error["growth_load"]
        errors.append(off)
    assert errors[1] < 0.4 * errors[0]  # of order 2: a quarter
    assert errors[1] < 2e-3


def test_patients_in_windows_do_not_see_each_other() -> None:
    speeds = np.array([0.02, 0.05, 0.1])
    many = in_windows(body(Pace(PERIOD)), {"growth_k": speeds}, Regimen([]), TIMES, 2.0)
    one = in_windows(body(Pace(PERIOD)), {"growth_k": speeds[1]}, Regimen([]), TIMES, 2.0)
    assert np.array_equal(many.outputs["growth_load"][1], one.outputs["growth_load"][0])


def test_windows_without_a_pace_are_refused() -> None:
    plain = couple("body", {"beat": BEAT, "growth": GROWTH})
    with pytest.raises(ModelError, match="moving in windows needs parts with a pace of their own and parts without"):
        in_windows(plain, {}, Regimen([]), TIMES, 1.0)
