"""Laws of MAP with Laplace: on a linear model it is exact."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import multivariate_normal

from pollux.calibration.diagnostics import learned, local_rank, profile
from pollux.calibration.laplace import Gaussian, fit
from pollux.errors import ModelError

Array = NDArray[np.float64]
NAMES = ("a", "b", "c")


def problem(seed: int = 3, readings: int = 20) -> tuple[Array, Array, Array, Gaussian]:
    rng = np.random.default_rng(seed)
    design = rng.standard_normal((readings, 3))
    lags = np.abs(np.subtract.outer(np.arange(readings), np.arange(readings)))
    noise = 0.3 * np.exp(-lags / 2.0) + 0.1 * np.eye(readings)
    spread = rng.standard_normal((3, 3))
    prior = Gaussian(NAMES, rng.standard_normal(3), spread @ spread.T + 0.5 * np.eye(3))
    observed = design @ rng.multivariate_normal(prior.mean, prior.covariance) + rng.multivariate_normal(
        np.zeros(readings), noise
    )
    return design, observed, noise, prior


def test_the_posterior_of_a_linear_model_is_gaussian_conditioning() -> None:
    design, observed, noise, prior = problem()
    posterior, info = fit(lambda z: (design @ z, design), observed, noise, prior)
    total = design @ prior.covariance @ design.T + noise
    gain = prior.covariance @ design.T @ np.linalg.inv(total)
    np.testing.assert_allclose(posterior.mean, prior.mean + gain @ (observed - design @ prior.mean), atol=1e-8)
    np.testing.assert_allclose(posterior.covariance, prior.covariance - gain @ design @ prior.covariance, atol=1e-10)
    assert info.converged


def test_the_evidence_of_a_linear_model_is_the_density_of_its_data() -> None:
    design, observed, noise, prior = problem()
    _, info = fit(lambda z: (design @ z, design), observed, noise, prior)
    density = multivariate_normal(design @ prior.mean, design @ prior.covariance @ design.T + noise)
    assert info.log_evidence == pytest.approx(density.logpdf(observed), abs=1e-8)


def test_the_most_probable_point_of_a_curved_model_has_no_slope() -> None:
    times = np.linspace(0.1, 5.0, 30)

    def forward(z: Array) -> tuple[Array, Array]:
        size, rate = np.exp(z[0]), np.exp(z[1])
        value = size * np.exp(-rate * times)
        return value, np.stack([value, -rate * times * value], axis=1)

    rng = np.random.default_rng(0)
    observed = forward(np.array([1.0, -0.5]))[0] + 0.05 * rng.standard_normal(30)
    prior = Gaussian.standard(("size", "rate"))
    posterior, info = fit(forward, observed, 0.05**2 * np.eye(30), prior)

    def minus_log_posterior(z: Array) -> float:
        misfit = (observed - forward(z)[0]) / 0.05
        return 0.5 * float(misfit @ misfit) + 0.5 * float(z @ z)

    for step in (np.array([1e-5, 0.0]), np.array([0.0, 1e-5])):
        slope = (minus_log_posterior(posterior.mean + step) - minus_log_posterior(posterior.mean - step)) / 2e-5
        assert abs(slope) < 0.05
    assert info.converged
    np.testing.assert_allclose(posterior.mean, [1.0, -0.5], atol=4 * posterior.sd.max())


def test_a_parameter_that_nothing_depends_on_keeps_its_prior() -> None:
    design, observed, noise, _ = problem()
    design[:, 1] = 0.0
    prior = Gaussian.standard(NAMES)
    posterior, _ = fit(lambda z: (design @ z, design), observed, noise, prior)
    story = {entry.name: entry for entry in learned(prior, posterior)}
    assert story["b"].contraction == pytest.approx(0.0, abs=1e-12)
    assert story["b"].moved == pytest.approx(0.0, abs=1e-12)
    assert not story["b"].informed
    assert story["a"].informed


def test_parameters_that_only_act_as_a_sum_are_named_together() -> None:
    design, observed, noise, _ = problem()
    design[:, 2] = design[:, 0]
    prior = Gaussian.standard(NAMES)
    _, info = fit(lambda z: (design @ z, design), observed, noise, prior)
    rank, weak = local_rank(info, prior)
    assert rank == 2
    assert {name for name, _ in weak[0].parts} == {"a", "c"}
    assert weak[0].parts[0][1] == pytest.approx(-weak[0].parts[1][1], abs=1e-6)


def test_projecting_a_twin_parameter_out_leaves_nothing_of_the_other() -> None:
    design, observed, noise, _ = problem()
    design[:, 2] = design[:, 0]
    prior = Gaussian.standard(NAMES)
    _, info = fit(lambda z: (design @ z, design), observed, noise, prior)
    rank, weak = local_rank(info, prior, ["a", "b"])
    assert rank == 1
    assert weak[0].parts[0][0] == "a"


def test_the_profile_of_an_unidentified_parameter_is_flat_where_the_other_can_follow() -> None:
    design, observed, noise, _ = problem()
    design[:, 2] = design[:, 0]
    wide = Gaussian(NAMES, np.zeros(3), 1e6 * np.eye(3))
    values = np.array([-2.0, 0.0, 2.0])
    flat, _ = profile(lambda z: (design @ z, design), observed, noise, wide, "a", values)
    sharp, _ = profile(lambda z: (design @ z, design), observed, noise, wide, "b", values)
    assert np.ptp(flat) < 1e-3
    assert np.ptp(sharp) > 1.0


def test_a_model_that_cannot_be_run_is_an_error_with_advice() -> None:
    prior = Gaussian.standard(("a",))
    with pytest.raises(ModelError, match="cannot be run at its prior's centre"):
        fit(lambda z: (np.array([np.nan]), np.ones((1, 1))), np.zeros(1), np.eye(1), prior)


def test_a_model_that_fails_far_away_is_fitted_all_the_same() -> None:
    def forward(z: Array) -> tuple[Array, Array]:
        if abs(z[0]) > 1.5:
            return np.array([np.nan]), np.ones((1, 1))
        return np.array([10.0 * z[0]]), np.full((1, 1), 10.0)

    posterior, _ = fit(forward, np.array([30.0]), np.eye(1), Gaussian.standard(("a",)))
    assert 1.0 < posterior.mean[0] <= 1.5
