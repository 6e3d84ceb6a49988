"""Laws of the filter for linear models."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.linalg import expm
from scipy.stats import multivariate_normal

from pollux.calibration.kalman import init, update
from pollux.calibration.slots import STEP, discretise, look_ahead
from pollux.equations.linear import LinearSystem
from pollux.models.glucose.sensor_only import sensor_only

Array = NDArray[np.float64]

STEADY = sensor_only(switching=False)
SWITCHING = sensor_only(switching=True)
Z = np.array([0.2, -0.4, 0.3, 0.1, 0.5, -0.2, 0.4, 0.0, 0.3])


def covariance_of_readings(system: LinearSystem, slots: NDArray[np.int64]) -> Array:
    """From the stationary process, without any filter: h e^{A|t−s|} P∞ h, and the error on the diagonal."""
    found = np.empty((slots.size, slots.size))
    for i, s in enumerate(slots):
        for j, t in enumerate(slots):
            moved = expm(system.drift * STEP * abs(int(t) - int(s)))
            found[i, j] = system.observed @ moved @ system.start @ system.observed
    found += system.noise_sd[0] ** 2 * np.eye(slots.size)
    return found


def test_with_one_regime_the_filter_is_the_multivariate_normal_distribution() -> None:
    system = STEADY.at(Z)
    read = np.array([0, 1, 2, 5, 6, 30, 31, 33])
    ahead = np.array([6, 12])
    rng = np.random.default_rng(3)
    whole = covariance_of_readings(system, np.concatenate([read, read[-1] + ahead]))
    n = read.size
    y = system.level + np.linalg.cholesky(whole[:n, :n]) @ rng.standard_normal(n)
    readings = np.full(int(read[-1]) + 1, np.nan)
    readings[read] = y
    slots = discretise(STEADY, Z[None])
    _, course = update(init(slots), slots, readings, look_ahead(slots, ahead.tolist()), moving=False)
    expected_density = multivariate_normal(np.full(n, system.level), whole[:n, :n]).logpdf(y)
    assert course.log_density.sum() == pytest.approx(expected_density, abs=1e-8)
    gain = np.linalg.solve(whole[:n, :n], whole[:n, n:]).T
    np.testing.assert_allclose(course.expected[0, -1], system.level + gain @ (y - system.level), rtol=1e-9)
    left = np.diag(whole[n:, n:] - gain @ whole[:n, n:])
    np.testing.assert_allclose(course.variance[0, -1], left, rtol=1e-8)


def test_regimes_that_do_not_differ_are_one_regime() -> None:
    z = np.concatenate([Z, np.zeros(6)])
    for name, value in (("livelier", 1.0), ("push", 0.0), ("odd_noise", 1e-7)):
        i = SWITCHING.parameter_names.index(name)
        z[i] = SWITCHING.parameters[i].prior.to_standard(value)
    readings = 140.0 + np.cumsum(np.random.default_rng(1).normal(0.0, 5.0, 200))
    readings[40:60] = np.nan
    courses = []
    for model, at in ((STEADY, Z), (SWITCHING, z)):
        slots = discretise(model, at[None])
        courses.append(update(init(slots), slots, readings, look_ahead(slots, (6, 12)), moving=False)[1])
    np.testing.assert_allclose(courses[1].log_density, courses[0].log_density, atol=1e-6)
    np.testing.assert_allclose(courses[1].expected, courses[0].expected, atol=1e-6, equal_nan=True)
    np.testing.assert_allclose(courses[1].variance, courses[0].variance, rtol=1e-6, equal_nan=True)


def test_several_draws_at_once_are_the_same_as_one_by_one() -> None:
    z = np.random.default_rng(2).normal(0.0, 0.5, (3, len(SWITCHING.parameters)))
    readings = np.array([120.0, 125.0, np.nan, 140.0, 160.0])
    together = discretise(SWITCHING, z)
    _, all_three = update(init(together), together, readings, look_ahead(together, (6,)), moving=False)
    for n in range(3):
        alone = discretise(SWITCHING, z[n : n + 1])
        _, one = update(init(alone), alone, readings, look_ahead(alone, (6,)), moving=False)
        np.testing.assert_array_equal(one.expected[0], all_three.expected[n])
        np.testing.assert_array_equal(one.log_density[0], all_three.log_density[n])


def test_stopping_and_going_on_is_the_same_as_going_through() -> None:
    slots = discretise(SWITCHING, np.zeros((2, len(SWITCHING.parameters))))
    ahead = look_ahead(slots, (6, 12))
    readings = np.array([120.0, 125.0, np.nan, 140.0, 160.0, 170.0])
    _, through = update(init(slots), slots, readings, ahead, moving=False)
    half, _ = update(init(slots), slots, readings[:3], ahead, moving=False)
    _, rest = update(half, slots, readings[3:], ahead)
    np.testing.assert_array_equal(rest.expected, through.expected[:, 3:])


def test_a_sudden_rise_makes_activity_more_likely() -> None:
    slots = discretise(SWITCHING, np.zeros((1, len(SWITCHING.parameters))))
    flat = np.full(30, 120.0)
    rising = np.concatenate([flat[:24], 120.0 + 8.0 * np.arange(1, 7)])
    ahead = look_ahead(slots, (6,))
    calm, _ = update(init(slots), slots, flat, ahead, moving=False)
    moved, _ = update(init(slots), slots, rising, ahead, moving=False)
    assert calm.share[0, 1] < slots.share[0, 1] < moved.share[0, 1]


def test_an_odd_reading_moves_the_switching_model_less_than_the_steady_one() -> None:
    readings = np.full(40, 120.0)
    readings[-1] = 60.0
    moved = []
    for model in (STEADY, SWITCHING):
        slots = discretise(model, np.zeros((1, len(model.parameters))))
        _, course = update(init(slots), slots, readings, look_ahead(slots, (6,)), moving=False)
        moved.append(120.0 - course.expected[0, -1, 0])
    assert moved[1] < 0.5 * moved[0]
