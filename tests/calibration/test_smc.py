"""Laws of tempered sequential Monte Carlo: it gives what is known, says how well, and repeats itself."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import chi2

from pollux.calibration import smc
from pollux.calibration.chance import normals
from pollux.calibration.draws import Draws
from pollux.calibration.laplace import Gaussian
from pollux.errors import ModelError
from tests.calibration.densities import (
    Known,
    banana,
    banana_truth,
    linear,
    two_modes,
    two_modes_truth,
)

Array = NDArray[np.float64]
SURE = 4.5  # standard errors allowed: with some fifty comparisons here, one in three thousand seeds would fail


def compare(draws: Draws, effective: Array, exact: Gaussian) -> None:
    """Mean and covariance within Monte-Carlo error."""
    assert np.all(np.abs(draws.mean - exact.mean) < SURE * exact.sd / np.sqrt(effective))
    variances = np.outer(exact.sd**2, exact.sd**2) + exact.covariance**2
    assert np.all(np.abs(draws.covariance - exact.covariance) < SURE * np.sqrt(variances / effective.min()))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("noise", [1.0, 0.1])
def test_from_the_prior_a_linear_problem_is_solved_as_in_closed_form(seed: int, noise: float) -> None:
    problem = linear(seed, noise=noise)
    draws, info = smc.sample(problem.density, normals(seed, "smc", noise))
    compare(draws, info.effective, problem.posterior)
    assert abs(info.log_evidence - problem.log_evidence) < SURE * info.log_evidence_sd
    assert info.effective.min() > 1000.0
    assert not info.advice


@pytest.mark.parametrize("shift", [0.0, 0.7])
def test_a_start_that_is_wrong_changes_nothing_but_the_work(shift: float) -> None:
    """The start's mean is moved by some of its standard deviations, and its covariance is doubled."""
    problem = linear(5, parameters=5)
    exact = problem.posterior
    wrong = Gaussian(exact.names, exact.mean + shift * exact.sd, (1.0 + shift) * exact.covariance)
    draws, info = smc.sample(problem.density, normals(1, "smc", shift), start=wrong)
    compare(draws, info.effective, exact)
    assert abs(info.log_evidence - problem.log_evidence) < SURE * info.log_evidence_sd
    _, long = smc.sample(problem.density, normals(1, "smc", shift))
    assert info.likelihoods < long.likelihoods


def test_a_curved_posterior_is_found() -> None:
    mean, sd, log_evidence = banana_truth()
    draws, info = smc.sample(banana(), normals(3, "smc", 0.0), count=4000)
    assert np.all(np.abs(draws.mean - mean) < SURE * sd / np.sqrt(info.effective))
    np.testing.assert_allclose(draws.sd, sd, rtol=0.1)
    assert abs(info.log_evidence - log_evidence) < SURE * info.log_evidence_sd


@pytest.mark.parametrize("parameters", [1, 2, 4])
def test_both_of_two_modes_are_found_with_their_right_weights(parameters: int) -> None:
    share, log_evidence = two_modes_truth(parameters)
    draws, info = smc.sample(two_modes(parameters), normals(7, "smc", parameters), count=4000)
    first = float(np.mean(draws.z[:, 0] > 0.3))
    assert 0.005 < share < 0.2
    assert abs(first - share) < SURE * np.sqrt(share * (1.0 - share) / info.effective.min())
    assert abs(info.log_evidence - log_evidence) < SURE * info.log_evidence_sd


@pytest.mark.slow
def test_the_stated_effective_size_is_the_spread_of_repeated_runs() -> None:
    """120 runs: the mean squared standardised error of the posterior mean is one, by a χ² test at 1 in 10,000."""
    problem = linear(2, parameters=3, noise=0.5)
    exact, runs = problem.posterior, 120
    errors = []
    for k in range(runs):
        draws, info = smc.sample(problem.density, normals(k, "smc", 0.0), count=300)
        errors.append((draws.mean - exact.mean) / exact.sd * np.sqrt(info.effective))
    squares = np.square(errors).sum(axis=0)
    assert np.all(squares < chi2.isf(0.5e-4, runs)), squares / runs
    assert np.all(squares > 0.5 * chi2.ppf(0.5e-4, runs)), squares / runs  # the safe side is allowed


@pytest.mark.slow
def test_the_evidence_errs_by_as_much_as_it_says() -> None:
    problem = linear(2, parameters=3, noise=0.5)
    runs = 100
    told = [smc.sample(problem.density, normals(k, "smc", 1.0), count=500)[1] for k in range(runs)]
    square = sum(((i.log_evidence - problem.log_evidence) / i.log_evidence_sd) ** 2 for i in told)
    assert chi2.ppf(0.5e-4, runs) < square < chi2.isf(0.5e-4, runs)


def test_the_same_seed_gives_the_same_bits_and_another_does_not() -> None:
    density = linear(0).density
    one, other, third = (smc.sample(density, normals(key, "smc", 0.0), count=500)[0].z for key in (1, 1, 2))
    assert np.array_equal(one, other)
    assert not np.array_equal(one, third)


def test_the_order_of_the_draws_is_irrelevant() -> None:
    density = linear(0).density
    cloud = smc.init(density, normals(1, "smc", 0.0), count=400)
    order = np.random.default_rng(0).permutation(400)
    shuffled = replace(
        cloud, **{name: getattr(cloud, name)[order] for name in ("z", "log_likelihood", "log_prior", "origin")},
        log_start=cloud.log_start[order],
    )  # fmt: skip
    one, told = smc.step(density, normals(2, "smc", 0.0), cloud)
    other, same = smc.step(density, normals(2, "smc", 0.0), shuffled)
    np.testing.assert_allclose(np.sort(one.z, axis=0), np.sort(other.z, axis=0), atol=1e-9)
    assert told.temperature == pytest.approx(same.temperature, rel=1e-9)
    assert one.log_evidence == pytest.approx(other.log_evidence, abs=1e-9)


def test_every_temperature_but_the_last_spends_the_agreed_part_of_the_effective_size() -> None:
    _, info = smc.sample(linear(1, noise=0.03).density, normals(1, "smc", 0.0), count=1000)
    assert len(info.steps) > 3
    assert np.all(np.diff(info.temperatures) > 0.0)
    assert info.temperatures[-1] == 1.0
    for step in info.steps[:-1]:
        assert step.effective_size == pytest.approx(smc.KEPT * 1000, rel=0.02)
    assert info.steps[-1].effective_size >= smc.KEPT * 1000


@pytest.mark.parametrize("failure", [-np.inf, np.nan])
def test_where_the_model_cannot_be_run_there_is_no_posterior(failure: float) -> None:
    """A likelihood of one where it runs: the posterior is the prior cut in half, and the evidence is a half."""
    half = Known(Gaussian.standard(("a", "b")), lambda z: np.where(z[:, 0] > 0.0, 0.0, failure))
    draws, info = smc.sample(half, normals(1, "smc", 0.0))
    assert draws.z[:, 0].min() > 0.0
    assert draws.mean[0] == pytest.approx(np.sqrt(2.0 / np.pi), abs=SURE * 0.6 / np.sqrt(info.effective[0]))
    assert info.log_evidence == pytest.approx(np.log(0.5), abs=SURE * info.log_evidence_sd)
    assert "the model could not be run" in info.advice


def test_a_model_that_runs_nowhere_is_an_error_with_advice() -> None:
    never = Known(Gaussian.standard(("a",)), lambda z: np.full(len(z), -np.inf))
    with pytest.raises(ModelError, match=r"none of the first draws.*Check the doses"):
        smc.sample(never, normals(1, "smc", 0.0))


def test_step_by_step_is_the_whole_way() -> None:
    density = linear(3).density
    rng = normals(4, "smc", 0.0)
    cloud = smc.init(density, rng, count=300)
    while cloud.temperature < 1.0:
        cloud, _ = smc.step(density, rng, cloud)
    whole, info = smc.sample(density, normals(4, "smc", 0.0), count=300)
    assert np.array_equal(cloud.z, whole.z)
    assert cloud.log_evidence == info.log_evidence
