"""Laws of estimated inflation: one where the model is right, else what makes the filter Kalman's again."""

from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from pollux.calibration import inflation
from pollux.calibration.chance import normals
from pollux.calibration.ensemble import assimilate
from tests.calibration.walks import Walk

pytestmark = pytest.mark.slow

Array = NDArray[np.float64]

MEMBERS, LENGTH, SETTLING = 200, 3000, 500
TRUE = Walk(keep=0.95, process=0.4, error=1.0)


@dataclass(frozen=True)
class Followed:
    """After settling: inflation, squared standardised innovations and errors, and squared errors, at each reading."""

    factor: Array
    innovation: Array
    error: Array
    square: Array
    means: Array
    last: inflation.Inflation


def follow(believed: float, adaptive: bool, seed: int = 1) -> Followed:
    """Readings of the true process, filtered by members whose process noise is `believed`; they draw it exactly."""
    course, readings = TRUE.simulate(LENGTH, seed, drift=False)
    rng = normals(seed, "inflation", believed)
    members = rng.standard_normal((MEMBERS, 1))
    known = inflation.init()
    rows = []
    for x, y in zip(course, readings, strict=True):
        noise = rng.standard_normal(MEMBERS)
        noise = (noise - noise.mean()) / noise.std(ddof=1)
        members = TRUE.keep * members + np.sqrt(believed) * noise[:, None]
        factor = known.factor if adaptive else 1.0
        if adaptive:
            known, members, info = inflation.update(known, members, members[:, 0], float(y), TRUE.error)
        else:
            members, info = assimilate(members, members[:, 0], float(y), TRUE.error)
        off, mean = float(x - members.mean()), float(members.mean())
        rows.append((factor, info.standardised**2, off**2 / members.var(ddof=1), off**2, mean))
    factor, innovation, error, square, means = np.array(rows)[SETTLING:].T
    return Followed(factor, innovation, error, square, means, known)


def steady(process: float) -> tuple[float, float]:
    """Kalman's variance before and after a reading, where it has settled."""
    before = 1.0
    for _ in range(1000):
        after = before * TRUE.error / (before + TRUE.error)
        before = TRUE.keep**2 * after + process
    return before, after


def right_factor(believed: float) -> float:
    """λ with which a filter that believes in less noise has Kalman's variances: P / (keep² P_after + believed)."""
    before, after = steady(TRUE.process)
    return before / (TRUE.keep**2 * after + believed)


def test_where_the_model_is_right_inflation_is_about_one_and_the_filter_is_kalmans() -> None:
    found = follow(TRUE.process, adaptive=True)
    assert right_factor(TRUE.process) == pytest.approx(1.0)
    assert found.factor.mean() == pytest.approx(1.0, abs=0.06)
    _, readings = TRUE.simulate(LENGTH, 1, drift=False)
    exact = TRUE.exact(readings, drift=False)[0][SETTLING:, 0]
    _, after = steady(TRUE.process)
    # The estimated factor wavers by some 15 %: the mean strays from Kalman's by a tenth of its standard deviation.
    assert np.sqrt(np.mean((found.means - exact) ** 2)) < 0.1 * np.sqrt(after)
    assert found.error.mean() == pytest.approx(1.0, abs=0.1)
    assert not found.last.advice


@pytest.mark.parametrize("believed", [0.2, 0.1, 0.02])
def test_where_the_model_has_too_little_noise_the_right_inflation_is_found_and_coverage_repaired(
    believed: float,
) -> None:
    found, naive = follow(believed, adaptive=True), follow(believed, adaptive=False)
    assert found.factor.mean() == pytest.approx(right_factor(believed), rel=0.06)
    # Standardised errors and innovations have mean square one again; without inflation they had not.
    assert found.error.mean() == pytest.approx(1.0, abs=0.12)
    assert found.innovation.mean() == pytest.approx(1.0, abs=0.08)
    assert naive.error.mean() > 1.5
    assert np.mean(found.error <= 1.645**2) == pytest.approx(0.9, abs=0.02)
    # It errs no more than the best filter there is.
    assert found.square.mean() == pytest.approx(steady(TRUE.process)[1], rel=0.1)


def test_advice_names_a_model_with_too_little_noise() -> None:
    assert "too little noise" in follow(0.02, adaptive=True).last.advice


def test_a_model_with_too_much_noise_is_told_as_well() -> None:
    found = follow(2.0, adaptive=True)
    assert found.factor.mean() < 0.8
    assert found.innovation.mean() == pytest.approx(1.0, abs=0.1)


def test_the_factor_is_the_posterior_mean_that_numerical_integration_gives() -> None:
    """Without forgetting: Bayes' rule on log λ with a normal prior."""
    rng = np.random.default_rng(2)
    known = inflation.init(memory=1e12)
    spread, variance = rng.uniform(0.5, 2.0, 40), rng.uniform(0.5, 2.0, 40)
    off = rng.standard_normal(40) * np.sqrt(3.0 * spread + variance)
    for d, s, r in zip(off, spread, variance, strict=True):
        known = inflation.learn(known, float(d), float(s), float(r))
    fine = np.linspace(np.log(0.05), np.log(200.0), 20_001)
    total = np.exp(fine)[:, None] * spread + variance
    level = -0.5 * (fine / inflation.PRIOR_SD) ** 2 - 0.5 * (np.log(total) + off**2 / total).sum(axis=1)
    weights = np.exp(level - level.max())
    weights /= weights.sum()
    mean = float(weights @ fine)
    assert np.log(known.factor) == pytest.approx(mean, abs=1e-3)
    assert known.sd == pytest.approx(float(np.sqrt(weights @ (fine - mean) ** 2)), rel=1e-2)


def test_stretching_keeps_means_and_scales_covariances_of_the_named_columns() -> None:
    members = np.random.default_rng(3).multivariate_normal([1.0, 2.0, 3.0], np.eye(3) + 0.5, 100)
    wider = inflation.inflate(members, 2.25, slice(0, 2))
    np.testing.assert_allclose(wider.mean(axis=0), members.mean(axis=0), atol=1e-12)
    scale = np.array([1.5, 1.5, 1.0])
    np.testing.assert_allclose(np.cov(wider.T), np.outer(scale, scale) * np.cov(members.T), atol=1e-12)


def test_before_any_reading_the_update_is_the_plain_one() -> None:
    members = np.random.default_rng(4).standard_normal((50, 2))
    plain, _ = assimilate(members, members[:, 0], 0.7, 0.5)
    _, same, _ = inflation.update(inflation.init(), members, members[:, 0], 0.7, 0.5)
    assert inflation.init().factor == pytest.approx(1.0)
    np.testing.assert_allclose(same, plain, atol=1e-9)
