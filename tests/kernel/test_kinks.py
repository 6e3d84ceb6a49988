"""Thresholds and valves: crossings are located, so that a step either ends at them or does not see them."""

from typing import Any

import numpy as np
import pytest

from pollux.equations import Fixed, Model, Output, Parameter, State
from pollux.kernel import compile, simulate
from pollux.plans import Regimen

TIMES = np.linspace(0.0, 4.0, 33)


def crossing(kind: str) -> Model:
    """x′ = 1 up to the threshold; beyond it half as fast (a jump), or slowing by its distance (a kink)."""

    def rate(t: Any, x: Any, p: Any, u: Any) -> dict[str, Any]:
        over = x.x - p.threshold
        return {"x": np.where(over > 0.0, 0.5, 1.0) if kind == "jump" else 1.0 - np.maximum(over, 0.0)}

    return Model(
        kind, "1", kind, [State("x", "1", "")], [Parameter("threshold", "1", "", Fixed(1.0), "test")], [],
        [Output("y", "1", "")], derivative=rate, observe=lambda t, x, p, u: {"y": x.x},
    )  # fmt: skip


def exact(kind: str, threshold: np.ndarray) -> np.ndarray:
    late = np.maximum(TIMES - threshold[:, None], 0.0)
    course: np.ndarray = np.minimum(TIMES, threshold[:, None]) + (0.5 * late if kind == "jump" else 1.0 - np.exp(-late))
    return course


@pytest.mark.parametrize("kind", ["jump", "kink"])
@pytest.mark.parametrize("tolerance", [1e-3, 1e-6, 1e-9])
def test_the_tolerance_is_met_across_a_threshold(kind: str, tolerance: float) -> None:
    threshold = np.linspace(0.37, 2.9, 41)
    found = simulate(crossing(kind), {"threshold": threshold}, Regimen([]), TIMES, tolerance=tolerance)
    truth = exact(kind, threshold)
    assert np.abs(found.outputs["y"] - truth).max() < tolerance * truth.max()


def test_a_model_with_branches_is_not_taken_for_linear() -> None:
    """Its slopes are constant on both sides of the threshold; no closed form may be made of one side."""
    assert compile(crossing("jump")).linear is None
    assert simulate(crossing("jump"), {}, Regimen([]), TIMES).method.startswith("adaptive")
