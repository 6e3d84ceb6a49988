"""Laws of a person known by their sensor alone."""

import numpy as np
import pytest
from numpy.typing import NDArray

from pollux.calibration import sensed
from pollux.calibration.foresight import fit
from pollux.calibration.paths import paths
from pollux.calibration.slots import discretise
from pollux.errors import OutsideDomain
from pollux.models.glucose.sensor_only import sensor_only

Array = NDArray[np.float64]
AHEAD = np.array([5.0, 30.0, 60.0, 120.0])


def simulated(slots: int, seed: int = 1, z: float = 0.0) -> tuple[Array, Array]:
    """Times [min] and readings of somebody who lives by the steady model."""
    model = sensor_only(switching=False)
    s = discretise(model, np.full((1, len(model.parameters)), z))
    rng = np.random.default_rng(seed)
    x = np.linalg.cholesky(s.start[0] + 1e-9 * np.eye(9)) @ rng.standard_normal(9)
    root = np.linalg.cholesky(s.noise[0, 0] + 1e-12 * np.eye(9))
    readings = np.empty(slots)
    for k in range(slots):
        readings[k] = s.level[0] + s.observed[0] @ x + np.sqrt(s.error[0, 0]) * rng.standard_normal()
        x = s.move[0] @ x + root @ rng.standard_normal(9)
    return 5.0 * np.arange(slots, dtype=np.float64), readings


TIMES, READINGS = simulated(600)


@pytest.fixture(scope="module")
def person() -> sensed.Sensed:
    return sensed.learn(TIMES[:500], READINGS[:500])[0]


def test_readings_to_come_do_not_change_a_forecast_by_a_single_bit(person: sensed.Sensed) -> None:
    later = READINGS[500:].copy()
    later[40:] = 400.0 - later[40:]
    _, slots, foreseen = sensed.follow(person, TIMES[500:], READINGS[500:])
    _, _, otherwise = sensed.follow(person, TIMES[500:], later)
    before = slots < 540
    for name in ("mean", "sd", "bounds"):
        np.testing.assert_array_equal(getattr(foreseen, name)[before], getattr(otherwise, name)[before])
    assert not np.array_equal(foreseen.mean[~before], otherwise.mean[~before])


@pytest.mark.slow
def test_the_order_of_arrival_does_not_matter() -> None:
    order = np.random.default_rng(2).permutation(300)
    sorted_, shuffled = sensed.learn(TIMES[:300], READINGS[:300])[0], sensed.learn(TIMES[order], READINGS[order])[0]
    one, other = sensed.forecast(sorted_, AHEAD), sensed.forecast(shuffled, AHEAD)
    np.testing.assert_array_equal(one.bands, other.bands)


def test_one_by_one_is_the_same_as_all_at_once(person: sensed.Sensed) -> None:
    together, _, _ = sensed.follow(person, TIMES[500:], READINGS[500:])
    single = person
    for time, reading in zip(TIMES[500:], READINGS[500:], strict=True):
        single = sensed.update(single, float(time), float(reading))
    one, other = sensed.forecast(single, AHEAD), sensed.forecast(together, AHEAD)
    np.testing.assert_allclose(one.bands, other.bands, atol=1e-9)
    assert single.time == together.time == 5.0 * 599


def test_the_same_reading_twice_changes_nothing(person: sensed.Sensed) -> None:
    once = sensed.update(person, 2500.0, 150.0)
    twice = sensed.update(once, 2500.0, 150.0)
    np.testing.assert_array_equal(sensed.forecast(once, AHEAD).bands, sensed.forecast(twice, AHEAD).bands)


def test_what_was_foreseen_on_the_way_is_what_a_forecast_from_there_says(person: sensed.Sensed) -> None:
    assert person.effective_draws == pytest.approx(sensed.DRAWS)
    after, _, foreseen = sensed.follow(person, TIMES[500:520], READINGS[500:520])
    asked = sensed.forecast(after, np.array([30.0, 60.0, 120.0]))
    np.testing.assert_allclose(foreseen.mean[-1], asked.mean, rtol=1e-9)
    np.testing.assert_allclose(foreseen.sd[-1], asked.sd, rtol=1e-9)
    np.testing.assert_allclose(foreseen.bounds[-1], asked.bands.T, rtol=1e-9)


def test_missing_readings_make_the_steady_forecast_less_sure() -> None:
    # A law for the exact filter alone: with regimes, what a reading says also decides how lively the time ahead is.
    steady, _ = sensed.learn(TIMES[:500], READINGS[:500], models=sensed.HYPOTHESES[1:], draws=0)
    full = sensed.follow(steady, TIMES[500:560], READINGS[500:560])[0]
    kept = np.r_[500:530, 559]
    gappy = sensed.follow(steady, TIMES[kept], READINGS[kept])[0]
    assert full.slot == gappy.slot
    assert (sensed.forecast(gappy, AHEAD).sd > sensed.forecast(full, AHEAD).sd).all()


def test_uncertainty_grows_with_the_horizon(person: sensed.Sensed) -> None:
    assert (np.diff(sensed.forecast(person, AHEAD).sd) > 0).all()


@pytest.mark.slow
def test_futures_have_the_moments_of_the_forecast(person: sensed.Sensed) -> None:
    asked = sensed.forecast(person, 5.0 * np.arange(1, 25, dtype=np.float64))
    _, shown = paths(person, 24, 20000, np.random.default_rng(3))
    np.testing.assert_allclose(shown.mean(axis=0), asked.mean, atol=0.05 * asked.sd.max())
    np.testing.assert_allclose(shown.std(axis=0), asked.sd, rtol=0.05)


@pytest.mark.slow
def test_what_the_data_inform_is_found_again() -> None:
    _, readings = simulated(3000, seed=7, z=0.5)
    posterior, info = fit(sensor_only(switching=False), readings)
    assert info.converged
    informed = posterior.sd < 0.5
    assert informed.sum() >= 4
    # The criterion counts overlapping forecasts, so that its spread is approximate: four of its standard deviations.
    assert (np.abs(posterior.mean - 0.5)[informed] < 4.0 * posterior.sd[informed] + 0.1).all()


def test_two_hours_of_readings_are_the_least_to_learn_from() -> None:
    with pytest.raises(OutsideDomain, match="23 sensor readings are too few"):
        sensed.learn(TIMES[:23], READINGS[:23])
    young, _ = sensed.learn(TIMES[:24], READINGS[:24])
    assert np.isfinite(sensed.forecast(young, AHEAD).bands).all()


@pytest.mark.slow
@pytest.mark.parametrize("every", [1, 3])
def test_a_flat_sensor_or_a_slow_one_still_gives_a_forecast(every: int) -> None:
    flat, _ = sensed.learn(TIMES[:300:every], np.full(300, 118.0)[::every])
    foreseen = sensed.forecast(flat, AHEAD)
    np.testing.assert_allclose(foreseen.mean, 118.0, atol=2.0)
