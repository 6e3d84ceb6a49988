"""Laws of effects and responses: what holds without drug, where they settle, and special cases of the general."""

from typing import Any, Literal

import numpy as np
import pytest

from pollux.equations.model import Named
from pollux.models.drugs.disposition import compartments
from pollux.models.drugs.response import (
    direct,
    effect_compartment,
    emax,
    indirect,
    myelosuppression,
    operational,
    proportional,
    turnover,
)
from tests.models.drugs.courses import TIMES, Array, course, model

pytestmark = pytest.mark.slow


def size(effect: Any, C: float, **values: float) -> float:
    return float(effect.size(C, Named("value", values)))


def test_half_of_the_effect_comes_at_its_concentration_whatever_the_steepness() -> None:
    for hill in (0.5, 1.0, 4.0):
        assert size(emax(hill="h"), 3.0, Emax=8.0, EC50=3.0, h=hill) == pytest.approx(4.0)
    assert size(emax(hill="h"), 5.0, Emax=8.0, EC50=3.0, h=1.0) == pytest.approx(size(emax(), 5.0, Emax=8.0, EC50=3.0))


def test_the_operational_model_of_slope_one_is_an_emax_model() -> None:
    for C in (0.1, 2.0, 50.0):
        told = size(operational(), C, Em=10.0, KA=6.0, tau=3.0, n=1.0)
        assert told == pytest.approx(size(emax(), C, Emax=10.0 * 3.0 / 4.0, EC50=6.0 / 4.0))


@pytest.mark.parametrize(
    ("effect", "values"),
    [
        (proportional(), {"slope": 2.0}),
        (emax(), {"Emax": 2.0, "EC50": 1.0}),
        (emax(hill="h"), {"Emax": 2.0, "EC50": 1.0, "h": 3.0}),
        (operational(), {"Em": 2.0, "KA": 1.0, "tau": 2.0, "n": 1.5}),
    ],
)
def test_there_is_no_effect_without_drug(effect: Any, values: dict[str, float]) -> None:
    assert size(effect, 0.0, **values) == 0.0


def test_a_fast_site_of_effect_sees_the_concentration_and_a_slow_one_lags_behind() -> None:
    def at_site(ke0: float) -> dict[str, Array]:
        pieces = [compartments(1), effect_compartment(), direct(proportional(), baseline="", driver="Ce")]
        return course(model(pieces, {"CL": 4.0, "V": 20.0, "ke0": ke0, "slope": 1.0}), {"central": 100.0})

    fast, slow = at_site(1e4), at_site(0.3)
    assert fast["out_E"][1:] == pytest.approx(fast["out_C"][1:], rel=1e-4)
    expected = 5.0 * 0.3 / (0.3 - 0.2) * (np.exp(-0.2 * TIMES) - np.exp(-0.3 * TIMES))
    assert slow["out_E"] == pytest.approx(expected, rel=1e-6, abs=1e-10)


Kind = Literal[1, 2, 3, 4]
KINDS: tuple[Kind, ...] = (1, 2, 3, 4)


@pytest.mark.parametrize("kind", KINDS)
def test_the_baseline_of_an_indirect_response_holds_without_drug(kind: Kind) -> None:
    pieces = [compartments(1), indirect(kind, emax("Emax", "EC50"))]
    made = model(pieces, {"CL": 4.0, "V": 20.0, "kin": 10.0, "kout": 0.2, "Emax": 0.9, "EC50": 1.0})
    assert course(made, {})["out_R"] == pytest.approx(50.0, rel=1e-10)


@pytest.mark.parametrize(("kind", "level"), [(1, 0.4), (2, 1 / 0.4), (3, 1.6), (4, 1 / 1.6)])
def test_an_indirect_response_settles_where_its_equation_says(kind: Kind, level: float) -> None:
    """At a constant concentration that makes the effect 0.6: R = kin/kout · (1 − I), 1/(1 − I), 1 + S, 1/(1 + S)."""
    pieces = [compartments(1), indirect(kind, proportional(), baseline="base")]
    made = model(pieces, {"CL": 4.0, "V": 20.0, "base": 50.0, "kout": 0.2, "slope": 0.3})
    found = course(made, {"central": 40.0}, np.array([0.0, 400.0]), inputs={"rate_central": 8.0})
    assert found["out_R"][-1] == pytest.approx(50.0 * level, rel=1e-8)


def test_production_and_baseline_are_two_ways_to_say_the_same() -> None:
    values = {"CL": 4.0, "V": 20.0, "kout": 0.2, "slope": 0.1}
    said = model([compartments(1), indirect(3, proportional(), baseline="base")], values | {"base": 50.0})
    made = model([compartments(1), indirect(3, proportional())], values | {"kin": 10.0})
    a, b = (course(m, {"central": 40.0})["out_R"] for m in (said, made))
    assert a == pytest.approx(b, rel=1e-10)


def test_what_turns_over_returns_exponentially() -> None:
    found = course(model([compartments(1), turnover()], {"CL": 4.0, "V": 20.0, "kin": 10.0, "kout": 0.2}), {"R": 30.0})
    assert found["out_R"] == pytest.approx(50.0 + 30.0 * np.exp(-0.2 * TIMES), rel=1e-9)


FRIBERG = {"CL": 4.0, "V": 20.0, "CIRC0": 7.2, "MTT": 120.0, "gamma": 0.24, "slope": 0.1}


def test_blood_cells_rest_without_drug() -> None:
    found = course(model([compartments(1), myelosuppression(proportional())], FRIBERG), {})
    assert found["out_cells"] == pytest.approx(7.2, rel=1e-10)


def test_blood_cells_fall_and_come_back() -> None:
    times = np.linspace(0.0, 3000.0, 3001)
    made = model([compartments(1), myelosuppression(proportional())], FRIBERG | {"slope": 3.0})
    found = course(made, {"central": 100.0}, times)["out_cells"]
    assert 24.0 * 4 < times[found.argmin()] < 24.0 * 14
    assert found.min() < 0.8 * 7.2 < 7.2 < found.max()
    assert found[-1] == pytest.approx(7.2, rel=1e-3)


def test_blood_cells_under_a_constant_effect_settle_where_feedback_balances_it() -> None:
    """(1 − E) (CIRC0/N)^γ = 1 at rest."""
    made = model([compartments(1), myelosuppression(proportional())], FRIBERG)
    found = course(made, {"central": 20.0}, np.array([0.0, 8000.0]), inputs={"rate_central": 4.0})
    assert found["out_cells"][-1] == pytest.approx(7.2 * 0.9 ** (1 / 0.24), rel=1e-6)


@pytest.mark.parametrize("transits", [1, 3, 5])
def test_the_mean_transit_time_is_what_it_is_called(transits: int) -> None:
    """Without feedback the cells see a step of the first pool after Erlang-distributed times of mean MTT."""
    values = FRIBERG | {"gamma": 0.0, "slope": 0.5}
    made = model([compartments(1), myelosuppression(proportional(), transits=transits)], values)
    times = np.linspace(0.0, 3000.0, 60001)
    extra = course(made, {"prolif": 1.0}, times)["out_cells"] - 7.2  # one more in the first pool, which keeps itself up
    assert np.trapezoid(1.0 - extra, times) == pytest.approx(120.0, rel=1e-6)
