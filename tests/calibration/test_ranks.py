"""Simulate, then calibrate: exact posteriors have uniform ranks, wrong ones do not, and samplers do as exact ones."""

import os
from collections.abc import Callable
from importlib.util import find_spec

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import binom

from pollux.calibration import nuts, smc
from pollux.calibration.draws import Draws
from pollux.calibration.laplace import Gaussian
from pollux.calibration.ranks import Ranks, coverage_error, ranks
from pollux.errors import ModelError
from tests.calibration.densities import Linear, linear

Array = NDArray[np.float64]
SOAK = bool(os.environ.get("POLLUX_SOAK"))
PROBLEM = linear(4, parameters=3, readings=6, noise=0.5)


def draw_truth(rng: np.random.Generator) -> Array:
    return rng.multivariate_normal(PROBLEM.prior.mean, PROBLEM.prior.covariance)


def simulate(truth: Array, rng: np.random.Generator) -> Linear:
    observed = rng.multivariate_normal(PROBLEM.design @ truth, PROBLEM.noise)
    return Linear(PROBLEM.prior, PROBLEM.design, observed, PROBLEM.noise)


def exact(problem: Linear, rng: np.random.Generator) -> Gaussian:
    return problem.posterior


def exact_draws(problem: Linear, rng: np.random.Generator) -> Draws:
    return Draws.equal(problem.prior.names, problem.posterior.draw(500, rng))


def by_smc(problem: Linear, rng: np.random.Generator) -> Draws:
    return smc.sample(problem.density, rng, count=500)[0]


def by_smc_from_a_fit(problem: Linear, rng: np.random.Generator) -> Draws:
    return smc.sample(problem.density, rng, count=500, start=problem.posterior)[0]


def by_nuts(problem: Linear, rng: np.random.Generator) -> Draws:
    return nuts.sample(problem.density, rng, draws=150, tuning=150, chains=2, start=problem.posterior)[0]


@pytest.mark.slow
@pytest.mark.parametrize("calibrate", [exact, exact_draws, by_smc, by_smc_from_a_fit])
def test_the_ranks_of_truths_are_uniform(calibrate: Callable[[Linear, np.random.Generator], Draws | Gaussian]) -> None:
    """Neither test refuses it at 1 in 1000 for three parameters together."""
    found = ranks(draw_truth, simulate, calibrate, 2000 if SOAK else 200, key=1)
    assert found.uniform(0.001), (found.chi_square(), found.curve())


@pytest.mark.skipif(find_spec("nutpie") is None, reason="nutpie is not installed: pollux[nuts]")
def test_the_ranks_of_truths_are_uniform_under_nuts() -> None:
    found = ranks(draw_truth, simulate, by_nuts, 1000 if SOAK else 100, key=2)
    assert found.uniform(0.001), (found.chi_square(), found.curve())


@pytest.mark.slow
@pytest.mark.parametrize("wrong", ["narrow", "wide", "biased"])
def test_a_posterior_that_is_wrong_is_told(wrong: str) -> None:
    def calibrate(problem: Linear, rng: np.random.Generator) -> Gaussian:
        right = problem.posterior
        factor = {"narrow": 0.7, "wide": 1.4, "biased": 1.0}[wrong]
        shift = 0.4 if wrong == "biased" else 0.0
        return Gaussian(right.names, right.mean + shift * right.sd, factor**2 * right.covariance)

    found = ranks(draw_truth, simulate, calibrate, 300, key=3)
    assert not found.uniform(0.001)
    assert found.curve().min() < 0.001
    lowest, highest = (found.ranks[:, 0] < 16).mean(), (found.ranks[:, 0] >= 48).mean()  # a quarter each, were it right
    assert (lowest > 0.25, highest > 0.25) == {
        "narrow": (True, True), "wide": (False, False), "biased": (True, False),
    }[wrong]  # fmt: skip


def test_both_tests_refuse_uniform_ranks_as_often_as_they_say() -> None:
    """400 sets of uniform ranks at the level 0.1: within the 99.9 % interval of the binomial distribution."""
    rng = np.random.default_rng(8)
    sets = [Ranks(("a",), rng.integers(0, 64, (200, 1)), 63) for _ in range(400)]
    for test in (Ranks.chi_square, Ranks.curve):
        refused = sum(float(test(s)[0]) < 0.1 for s in sets)
        assert binom.ppf(0.0005, 400, 0.1) <= refused <= binom.ppf(0.9995, 400, 0.1)


@pytest.mark.slow
def test_the_band_holds_the_whole_curve_as_often_as_it_says() -> None:
    rng = np.random.default_rng(9)
    drawn = rng.integers(0, 64, (400, 150))
    low, high = Ranks(("a",), drawn[0][:, None], 63).band(0.9)
    curves = np.stack([np.cumsum(np.bincount(row, minlength=64))[:63] for row in drawn]) / 150
    inside = int(np.all((curves >= low - 1e-12) & (curves <= high + 1e-12), axis=1).sum())
    assert binom.ppf(0.0005, 400, 0.9) <= inside <= 400


def test_a_truth_has_its_rank_whoever_else_is_rehearsed() -> None:
    few, many = (ranks(draw_truth, simulate, by_smc, count, key=5).ranks for count in (3, 6))
    assert np.array_equal(few, many[:3])


def test_too_few_truths_are_refused() -> None:
    with pytest.raises(ModelError, match="12 truths are too few"):
        Ranks(("a",), np.zeros((12, 1), np.int64), 63).chi_square()


def test_the_coverage_of_an_exact_posterior_has_no_error_and_of_a_narrow_one_has_one() -> None:
    rng = np.random.default_rng(10)
    truth = rng.standard_normal((1000, 2))
    right = coverage_error(truth, [Gaussian.standard(("a", "b"))] * 1000)
    narrow = coverage_error(truth, [Gaussian(("a", "b"), np.zeros(2), np.diag([1.0, 0.25]))] * 1000)
    assert np.all(right.within(0.0))
    assert narrow.within(0.05).tolist() == [True, False]
    # Intervals of half the width hold 59 % where 90 % was said.
    assert narrow.error[1] == pytest.approx(0.589 - 0.9, abs=0.05)
