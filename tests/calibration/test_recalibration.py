"""Laws of intervals recalibrated by how forecasts turned out."""

import numpy as np
import pytest

from pollux.calibration import recalibration
from pollux.calibration.recalibration import LEVELS, Bounds, reshape

pytestmark = pytest.mark.slow


def run(readings: np.ndarray, sd: float) -> tuple[Bounds, float]:
    """Forecast 0 ± sd for every reading one step ahead; how many fell inside the 90 % bounds in the second half."""
    bounds, inside = recalibration.init((1,)), []
    for y in readings:
        low, high = bounds.at(np.array([1.0]))[0, [0, -1]] * sd
        inside.append(low <= y <= high)
        bounds = recalibration.update(bounds, float(y), np.zeros(1), np.full(1, sd))
    return bounds, float(np.mean(inside[len(inside) // 2 :]))


@pytest.mark.parametrize("sd", [0.4, 1.0, 2.5])
def test_a_forecaster_too_sure_or_too_timid_ends_up_covering_nine_in_ten(sd: float) -> None:
    _, covered = run(np.random.default_rng(4).standard_normal(8000), sd)
    assert covered == pytest.approx(0.9, abs=0.02)


def test_a_skewed_world_gets_skewed_bounds() -> None:
    bounds, _ = run(np.random.default_rng(5).exponential(1.0, 8000) - 1.0, 1.0)
    assert bounds.q[0, -1] > 1.5 * -bounds.q[0, 0]


def test_without_readings_nothing_is_learned() -> None:
    bounds = recalibration.init((6, 12))
    for _ in range(50):
        bounds = recalibration.update(bounds, np.nan, np.full(2, np.nan), np.full(2, np.nan))
    np.testing.assert_array_equal(bounds.q, recalibration.init((6, 12)).q)
    assert bounds.scored == 0


def test_a_forecast_counts_only_once_its_reading_has_come() -> None:
    bounds = recalibration.init((3,))
    seen = []
    for y in (0.0, 9.0, 9.0, 9.0, 9.0):
        bounds = recalibration.update(bounds, y, np.zeros(1), np.ones(1))
        seen.append(bounds.scored)
    assert seen == [0, 0, 0, 1, 2]


def test_reshaping_puts_the_normal_quantiles_on_the_bounds() -> None:
    q = np.array([[-3.0, -0.5, 0.1, 1.0, 2.0]])
    moved = reshape(recalibration.init((1,)).q.T, np.repeat(q, 1, axis=0))
    np.testing.assert_allclose(moved[:, 0], q[0])
    assert len(LEVELS) == q.size
