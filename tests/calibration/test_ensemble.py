"""Laws of the ensemble filter."""

import numpy as np
import pytest

from pollux.calibration.ensemble import assimilate


def test_one_reading_gives_the_sample_kalman_update_exactly() -> None:
    rng = np.random.default_rng(5)
    members = rng.multivariate_normal([1.0, 2.0], [[2.0, 1.2], [1.2, 3.0]], 64)
    updated, info = assimilate(members, members[:, 0], 3.0, 0.5)
    covariance = np.cov(members.T)
    gain = covariance[:, 0] / (covariance[0, 0] + 0.5)
    np.testing.assert_allclose(
        updated.mean(axis=0), members.mean(axis=0) + gain * (3.0 - members[:, 0].mean()), atol=1e-12
    )
    np.testing.assert_allclose(np.cov(updated.T), covariance - np.outer(gain, covariance[0]), atol=1e-12)
    assert info.innovation == pytest.approx(3.0 - members[:, 0].mean())
    assert info.expected_sd == pytest.approx(np.sqrt(covariance[0, 0] + 0.5))


def test_a_worthless_reading_changes_nothing() -> None:
    members = np.random.default_rng(1).standard_normal((32, 3))
    updated, _ = assimilate(members, members[:, 0], 100.0, 1e18)
    np.testing.assert_allclose(updated, members, atol=1e-12)


def test_relaxation_gives_back_the_spread_of_slow_columns_only() -> None:
    members = np.random.default_rng(2).standard_normal((64, 2))
    members[:, 1] += members[:, 0]
    full, _ = assimilate(members, members[:, 0], 0.0, 0.1, slow=slice(1, 2), relaxation=1.0)
    none, _ = assimilate(members, members[:, 0], 0.0, 0.1)
    assert full[:, 1].std() == pytest.approx(members[:, 1].std())
    np.testing.assert_allclose(full[:, 0], none[:, 0])
    assert full[:, 1].mean() == pytest.approx(none[:, 1].mean())
