"""Laws of R̂ and of effective sizes: known autoregressions, and an independent implementation where it is installed."""

import warnings
from importlib import import_module
from importlib.util import find_spec

import numpy as np
import pytest
from numpy.typing import NDArray

from pollux.calibration.convergence import bulk_size, r_hat, tail_size

Array = NDArray[np.float64]


def autoregression(keep: float, chains: int, length: int, seed: int) -> Array:
    """x ← keep · x + noise, from its stationary distribution."""
    rng = np.random.default_rng(seed)
    x = np.empty((chains, length))
    now = rng.standard_normal(chains)
    for t in range(length):
        x[:, t] = now
        now = keep * now + np.sqrt(1.0 - keep**2) * rng.standard_normal(chains)
    return x


@pytest.mark.parametrize("keep", [0.0, 0.3, 0.6, 0.9, -0.3])
def test_an_autoregression_is_worth_what_its_theory_says(keep: float) -> None:
    """n (1 − φ) / (1 + φ) draws: the asymptotic variance of its mean."""
    x = autoregression(keep, 4, 20_000, 1)
    assert bulk_size(x) == pytest.approx(x.size * (1.0 - keep) / (1.0 + keep), rel=0.1)


def test_chains_that_agree_have_r_hat_one() -> None:
    assert abs(r_hat(autoregression(0.5, 4, 5000, 2)) - 1.0) < 0.005


@pytest.mark.parametrize("change", ["place", "width", "drift"])
def test_chains_that_differ_are_told(change: str) -> None:
    x = autoregression(0.0, 4, 1000, 3)
    if change == "place":
        x[0] += 1.0
    elif change == "width":
        x[0] *= 3.0
    else:
        x += np.linspace(0.0, 2.0, 1000)
    assert r_hat(x) > 1.05


def test_only_ranks_matter() -> None:
    x = autoregression(0.7, 4, 1000, 4)
    for measure in (r_hat, bulk_size, tail_size):
        assert measure(np.exp(x)) == pytest.approx(measure(x), rel=1e-9) or measure is r_hat
    # The distance from the median is not a matter of ranks alone; r_hat of a heavy tail stays finite and near one.
    assert r_hat(np.tan(0.499 * np.pi * (2.0 * (x - x.min()) / np.ptp(x) - 1.0))) < 1.05


@pytest.mark.skipif(find_spec("arviz") is None, reason="arviz is not installed (it comes with pollux[nuts])")
@pytest.mark.parametrize("keep", [0.0, 0.5, 0.9, -0.6])
@pytest.mark.parametrize("shape", [(4, 500), (2, 1000)])
def test_an_independent_implementation_agrees(keep: float, shape: tuple[int, int]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        arviz = import_module("arviz")
    x = np.exp(autoregression(keep, *shape, seed=5))
    assert r_hat(x) == pytest.approx(float(arviz.rhat(x)), abs=1e-9)
    assert bulk_size(x) == pytest.approx(float(arviz.ess(x, method="bulk")), rel=0.03)
    assert tail_size(x) == pytest.approx(float(arviz.ess(x, method="tail", prob=(0.05, 0.95))), rel=0.05)
