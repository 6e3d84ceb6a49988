"""Small models that the kernel's laws are tested on."""

from typing import Any

import numpy as np
import pytest

from pollux.equations import Fixed, Input, LogNormal, Model, Normal, Output, Parameter, State


def _parameter(name: str, median: float) -> Parameter:
    return Parameter(name, "1", "", LogNormal(median, 0.3), "example")


@pytest.fixture(scope="session")
def linear() -> Model:
    """Oral dose, two compartments: linear, so that it has a closed form."""
    return Model(
        name="two-compartments",
        version="1",
        title="Oral dose, two compartments",
        states=[State("D", "mg", "depot"), State("A", "mg", "central"), State("B", "mg", "peripheral")],
        parameters=[_parameter("ka", 0.03), _parameter("k", 0.01), _parameter("k12", 0.02), _parameter("V", 20.0)],
        inputs=[Input("infusion", "mg/min", "")],
        outputs=[Output("concentration", "mg/L", "")],
        derivative=lambda t, x, p, u: {
            "D": -p.ka * x.D,
            "A": p.ka * x.D - (p.k + p.k12) * x.A + p.k12 * x.B + u.infusion,
            "B": p.k12 * (x.A - x.B),
        },
        observe=lambda t, x, p, u: {"concentration": x.A / p.V},
        impulses={"dose": "D"},
    )


def _swing(t: Any, x: Any, p: Any, u: Any) -> dict[str, Any]:
    saturated = p.vmax * x.a / (p.km + x.a)
    return {
        "a": u.drive + p.base - saturated - p.link * x.a * x.b,
        "b": np.where(x.a > p.threshold, p.gain * (x.a - p.threshold), 0.0) - p.loss * x.b,
        "c": p.link * (np.tanh(x.a) - x.c) + 0.01 * np.sin(0.01 * t) * np.exp(-x.b),
    }


@pytest.fixture(scope="session")
def curved() -> Model:
    """Saturation, a threshold, time and a product of states: everything that is not linear; starts at p.first."""
    medians = {
        "vmax": 2.0,
        "km": 3.0,
        "base": 0.5,
        "link": 0.05,
        "threshold": 1.5,
        "gain": 0.1,
        "loss": 0.04,
        "first": 2.0,
    }
    return Model(
        name="curved",
        version="1",
        title="Curved",
        states=[State("a", "1", ""), State("b", "1", ""), State("c", "1", "")],
        parameters=[*(_parameter(n, v) for n, v in medians.items()), Parameter("shift", "1", "", Normal(0, 1), "x")],
        inputs=[Input("drive", "1", "")],
        outputs=[Output("y", "1", ""), Output("z", "1", "")],
        derivative=_swing,
        observe=lambda t, x, p, u: {"y": x.a * np.exp(0.1 * p.shift), "z": x.c + x.b**1.5},
        initial=lambda p, u: {"a": p.first, "b": p.base / p.loss * 0.1, "c": np.tanh(p.first)},
    )


@pytest.fixture(scope="session")
def explosive() -> Model:
    """x' = r x²: from x₀ it reaches infinity at t = 1 / (r x₀); a negative rate is harmless."""
    return Model(
        name="explosive",
        version="1",
        title="Explosive",
        states=[State("x", "1", "")],
        parameters=[Parameter("r", "1", "", Fixed(-1.0), "example")],
        inputs=[],
        outputs=[Output("x", "1", "")],
        derivative=lambda t, x, p, u: {"x": p.r * x.x * x.x},
        observe=lambda t, x, p, u: {"x": x.x},
        initial=lambda p, u: {"x": 1.0},
    )
