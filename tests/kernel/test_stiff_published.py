"""The published end values of the stiff test set, and what the coefficients of the method promise.

The values are those of the Test Set for IVP Solvers (Bari; CWI before), read as the open R package deTestSet repeats
them (R/reference.R) and, for the pollution problem, in public copies of pollu.f ("true double precision RADAU5 on Cray
C90, rtol 1.1d-18").
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from pollux.equations import Fixed, Model, Output, Parameter, State
from pollux.kernel import compile, simulate
from pollux.kernel.rosenbrock import GAMMA, H2, H3, NODES, A, C, D
from pollux.plans import Regimen
from tests.kernel.stiff_models import HIRES, OREGONATOR, POLLUTION, ROBERTSON, VANDERPOL

NOTHING = Regimen([])
PUBLISHED = {
    "robertson": (ROBERTSON, 1e11, [0.2083340149701255e-7, 0.8333360770334713e-13, 0.9999999791665050]),
    "oregonator": (OREGONATOR, 360.0, [0.1000814870318523e1, 0.1228178521549917e4, 0.1320554942846706e3]),
    # the test set writes the second state as dy/dt with t and y' of size 1000
    "vanderpol": (VANDERPOL, 2.0, [0.1706167732170469e1, -0.8928097010248125e-3 * 1000.0]),
    "hires": (HIRES, 321.8122, [
        0.7371312573325668e-3, 0.1442485726316185e-3, 0.5888729740967575e-4, 0.1175651343283149e-2,
        0.2386356198831331e-2, 0.6238968252742796e-2, 0.2849998395185769e-2, 0.2850001604814231e-2,
    ]),
    "pollution": (POLLUTION, 60.0, [
        0.5646255480022769e-1, 0.1342484130422339, 0.4139734331099427e-8, 0.5523140207484359e-2, 0.2018977262302196e-6,
        0.1464541863493966e-6, 0.7784249118997964e-1, 0.3245075353396018, 0.7494013383880406e-2, 0.1622293157301561e-7,
        0.1135863833257075e-7, 0.2230505975721359e-2, 0.2087162882798630e-3, 0.1396921016840158e-4,
        0.8964884856898295e-2, 0.4352846369330103e-17, 0.6899219696263405e-2, 0.1007803037365946e-3,
        0.1772146513969984e-5, 0.5682943292316392e-4,
    ]),
}  # fmt: skip


@pytest.mark.parametrize("name", PUBLISHED)
@pytest.mark.parametrize("tolerance", [1e-3, 1e-6])
def test_the_published_end_values_are_met_within_the_tolerance(name: str, tolerance: float) -> None:
    model, end, published = PUBLISHED[name]
    times = np.concatenate([[0.0], np.geomspace(1e-6 * end, end, 200)])
    found = simulate(model, {}, NOTHING, times, tolerance=tolerance, method="rosenbrock")
    assert not found.failed.any(), found.reasons
    # relative to the largest value that each state had, but for what is too small to matter by the model's own word
    size = np.maximum(np.abs(found.states[0]).max(axis=0), compile(model).floors)
    assert (np.abs(found.states[0, -1] - published) < tolerance * size).all()


Rates = Callable[[float, np.ndarray], np.ndarray]


def step(f: Rates, J: Rates, ft: Rates, t: float, y: np.ndarray, h: float) -> tuple[np.ndarray, list[np.ndarray]]:
    """One step as the module's text says it, in plain NumPy: the new state and the stages."""
    W = np.eye(len(y)) / (GAMMA * h) - J(t, y)
    k: list[np.ndarray] = []
    at = y
    for i in range(6):
        at = y + sum((a * s for a, s in zip(A[i], k, strict=True)), np.zeros_like(y))
        carried = sum((c * s for c, s in zip(C[i], k, strict=True)), np.zeros_like(y)) / h
        k.append(np.linalg.solve(W, f(t + NODES[i] * h, at) + carried + h * D[i] * ft(t, y)))
    return np.asarray(at + k[5]), k


# a forced, saturable pair whose solution is (exp(sin t), exp(−sin t))
def pair(t: float, y: np.ndarray) -> np.ndarray:
    return np.array([y[0] * np.cos(t) + y[0] * y[1] - 1.0, -y[1] * np.cos(t) + (y[0] * y[1] - 1.0) * y[1]])


def pair_by_state(t: float, y: np.ndarray) -> np.ndarray:
    return np.array([[np.cos(t) + y[1], y[0]], [y[1] ** 2, -np.cos(t) + 2.0 * y[0] * y[1] - 1.0]])


def pair_by_time(t: float, y: np.ndarray) -> np.ndarray:
    return np.array([-y[0] * np.sin(t), y[1] * np.sin(t)])


def solution(t: float) -> np.ndarray:
    return np.array([np.exp(np.sin(t)), np.exp(-np.sin(t))])


def slope(errors: list[float]) -> float:
    """Of log error over log step, where steps are halved."""
    return float(np.log2(errors[0] / errors[-1]) / (len(errors) - 1))


def test_the_coefficients_are_of_order_four_with_an_estimate_and_a_dense_output_of_order_three() -> None:
    """In one step the error of order p is of size h^(p+1)."""
    t, steps = 0.3, [0.1 / 2**k for k in range(4)]
    whole, embedded, between = [], [], []
    for h in steps:
        y, k = step(pair, pair_by_state, pair_by_time, t, solution(t), h)
        whole.append(np.abs(y - solution(t + h)).max())
        embedded.append(np.abs(y - k[5] - solution(t + h)).max())
        first, second = (sum(c * s for c, s in zip(H, k, strict=False)) for H in (H2, H3))
        theta = 0.4
        inside = (1.0 - theta) * solution(t) + theta * (y + (1.0 - theta) * (first + theta * second))
        between.append(np.abs(inside - solution(t + theta * h)).max())
    assert slope(whole) == pytest.approx(5.0, abs=0.2)
    assert slope(embedded) == pytest.approx(4.0, abs=0.2)
    assert slope(between) == pytest.approx(4.0, abs=0.2)


def growth(z: complex) -> complex:
    """R(z): what one step makes of y = 1 when y′ = z y and h = 1."""
    k: list[complex] = []
    for i in range(6):
        at = 1.0 + sum(a * s for a, s in zip(A[i], k, strict=True))
        k.append((z * at + sum(c * s for c, s in zip(C[i], k, strict=True))) / (1.0 / GAMMA - z))
    return at + k[5]


def test_the_method_is_l_stable() -> None:
    """Nothing that decays grows, whatever the step; what decays at once is gone after one step."""
    sizes = np.geomspace(1e-3, 1e6, 200)
    for angle in np.linspace(0.5 * np.pi, np.pi, 31):
        assert max(abs(growth(r * np.exp(1j * angle))) for r in sizes) <= 1.0 + 1e-9
    assert abs(growth(-1e6)) < 1e-4
    assert abs(growth(-1e8)) < 1e-6


def towards_cosine() -> Model:
    def rates(t: Any, x: Any, p: Any, u: Any) -> dict[str, Any]:
        return {"y": -p.rate * (x.y - np.cos(t))}

    return Model(
        "towards-cosine", "1", "drawn to a cosine", [State("y", "1", "")],
        [Parameter("rate", "1/min", "", Fixed(1e6), "test")], [], [Output("y", "1", "")],
        derivative=rates, observe=lambda t, x, p, u: {"y": x.y}, initial=lambda p, u: {"y": 0.0},
    )  # fmt: skip


@pytest.mark.parametrize("rate", [10.0, 1e3, 1e6, 1e9])
def test_what_is_drawn_to_a_cosine_follows_it_after_its_transient(rate: float) -> None:
    """y′ = −λ (y − cos t) from 0: y = (λ² cos t + λ sin t − λ² exp(−λ t)) / (1 + λ²)."""
    times = np.linspace(0.0, 10.0, 41)
    found = simulate(towards_cosine(), {"rate": rate}, NOTHING, times, method="rosenbrock", tolerance=1e-5)
    exact = (rate**2 * (np.cos(times) - np.exp(-rate * times)) + rate * np.sin(times)) / (1.0 + rate**2)
    assert np.abs(found.outputs["y"][0] - exact).max() < 1e-5
    assert found.steps[0] < 4000  # an explicit method takes λ · 10 / 3.3
