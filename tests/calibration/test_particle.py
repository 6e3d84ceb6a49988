"""Laws of the particle filter: on a linear process it is Kalman's, evidence included."""

import numpy as np
import pytest
from numpy.typing import NDArray

from pollux.calibration import particle
from pollux.calibration.chance import normals
from pollux.calibration.particle import Particles
from pollux.errors import ModelError
from tests.calibration.walks import Walk

Array = NDArray[np.float64]
WALK = Walk()
SURE = 4.5  # standard errors allowed


def follow(walk: Walk, readings: Array, seed: int, count: int, slow: tuple[int, ...] = (1,)) -> Particles:
    rng = normals(seed, "particles", 0.0)
    now = particle.init(rng.standard_normal((count, 2)), 0.0)
    for k, reading in enumerate(readings):
        now, _ = particle.step(walk, rng, now, k + 1.0, float(reading), slow=slow)
    return now


@pytest.mark.slow
@pytest.mark.parametrize("length", [1, 5, 40])
def test_a_linear_process_and_its_parameter_are_tracked_as_by_kalman(length: int) -> None:
    """The mean of 25 runs, against the spread that these runs have; 1 % of a standard deviation of bias is allowed for.

    The filter has a bias of the order 1/n in ratios of its sums, and log of an unbiased evidence is biased by half its
    variance.
    """
    _, readings = WALK.simulate(length, seed=3)
    mean, covariance, log_evidence = (v[-1] if isinstance(v, np.ndarray) else v for v in WALK.exact(readings))
    runs = [follow(WALK, readings, seed, 3000) for seed in range(25)]
    sd = np.sqrt(np.diag(covariance))
    means = np.array([r.mean for r in runs])
    assert np.all(np.abs(means.mean(axis=0) - mean) < SURE * means.std(axis=0) / 5.0 + 0.01 * sd)
    spreads = np.array([r.covariance for r in runs])
    apart = np.abs(spreads.mean(axis=0) - covariance)
    assert np.all(apart < SURE * spreads.std(axis=0) / 5.0 + 0.03 * np.outer(sd, sd))
    ratios = np.exp([r.log_evidence - log_evidence for r in runs])
    assert abs(ratios.mean() - 1.0) < SURE * ratios.std() / 5.0


def test_smoothing_keeps_every_mean_and_covariance() -> None:
    """Liu and West's would shrink the covariances with the states by a; here all stay, within Monte-Carlo error."""
    rng = np.random.default_rng(1)
    spread = rng.standard_normal((4, 4))
    members = rng.standard_normal((400_000, 4)) @ spread.T
    mean, covariance = members.mean(axis=0), np.cov(members.T)
    new = members.copy()
    columns = np.array([1, 3])
    new[:, columns] = particle.smoothed(members, columns, mean, covariance, rng)
    sd = np.sqrt(np.diag(covariance))
    np.testing.assert_array_less(np.abs(new.mean(axis=0) - mean), 5.0 * sd / np.sqrt(400_000))
    np.testing.assert_array_less(np.abs(np.cov(new.T) - covariance), 8.0 * np.outer(sd, sd) / np.sqrt(400_000))
    assert np.array_equal(new[:, [0, 2]], members[:, [0, 2]])
    assert np.abs(new[:, columns] - members[:, columns]).min() > 0.0


def test_without_smoothing_few_values_of_a_parameter_are_left_and_with_it_all_differ() -> None:
    _, readings = WALK.simulate(60, seed=4)
    left = [np.unique(follow(WALK, readings, 1, 500, slow).members[:, 1]).size for slow in ((), (1,))]
    assert left[0] < 50
    assert left[1] > 250


def test_members_are_made_equal_only_when_too_few_count() -> None:
    _, readings = WALK.simulate(30, seed=5)
    rng = normals(1, "particles", 0.0)
    now = particle.init(rng.standard_normal((400, 2)), 0.0)
    for k, reading in enumerate(readings):
        now, info = particle.step(WALK, rng, now, k + 1.0, float(reading), slow=(1,))
        assert info.resampled == (info.effective_size < 200.0)
        assert np.exp(now.log_weights).sum() == pytest.approx(1.0)
        assert bool(np.ptp(now.log_weights) == 0.0) == info.resampled


def test_an_evidence_is_the_sum_of_what_each_reading_told() -> None:
    _, readings = WALK.simulate(10, seed=6)
    rng = normals(1, "particles", 0.0)
    now, told = particle.init(rng.standard_normal((200, 2)), 0.0), 0.0
    for k, reading in enumerate(readings):
        now, info = particle.step(WALK, rng, now, k + 1.0, float(reading))
        told += info.log_density
    assert now.log_evidence == pytest.approx(told)


def test_a_time_without_a_reading_only_moves() -> None:
    start = particle.init(np.random.default_rng(0).standard_normal((100, 2)), 0.0)
    moved, info = particle.step(WALK, normals(1, "particles", 0.0), start, 1.0)
    assert np.array_equal(moved.members, WALK.propagate(start.members, 0.0, 1.0, normals(1, "particles", 0.0)))
    assert np.array_equal(moved.log_weights, start.log_weights)
    assert moved.log_evidence == 0.0
    assert not info.resampled


def test_the_order_of_members_is_irrelevant() -> None:
    """Of a process without noise, whose members do not take numbers from the generator in turn."""
    still = Walk(process=0.0)
    members = np.random.default_rng(0).standard_normal((300, 2))
    order = np.random.default_rng(1).permutation(300)
    one, other = (
        particle.step(still, normals(1, "particles", 0.0), particle.init(m, 0.0), 1.0, 2.5, slow=(1,))[0]
        for m in (members, members[order])
    )
    np.testing.assert_allclose(np.sort(one.members, axis=0), np.sort(other.members, axis=0), atol=1e-12)


def test_the_same_seed_gives_the_same_bits() -> None:
    _, readings = WALK.simulate(20, seed=7)
    one, other, third = (follow(WALK, readings, seed, 200).members for seed in (1, 1, 2))
    assert np.array_equal(one, other)
    assert not np.array_equal(one, third)


def test_a_reading_that_no_member_can_explain_is_an_error_with_advice() -> None:
    class Never(Walk):
        def log_density(self, reading: float, members: Array) -> Array:
            return np.full(len(members), -np.inf)

    with pytest.raises(ModelError, match=r"no member.*minute 1\].*heavier tails"):
        particle.step(Never(), normals(1, "p", 0.0), particle.init(np.zeros((10, 2)), 0.0), 1.0, 0.0)


def test_a_reading_far_away_gives_advice() -> None:
    members = np.random.default_rng(0).standard_normal((100, 2))
    _, info = particle.step(Walk(error=1e-4), normals(1, "p", 0.0), particle.init(members, 0.0), 1.0, 4.0)
    assert "more members are needed" in info.advice
