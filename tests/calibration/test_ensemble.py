"""Laws of the ensemble filter."""

import numpy as np
import pytest

from pollux.calibration.ensemble import assimilate, assimilate_many


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


def test_many_twins_are_conditioned_to_the_bit_as_each_alone_in_any_number_of_threads() -> None:
    rng = np.random.default_rng(3)
    members, readings, variances = rng.standard_normal((9, 32, 5)), rng.standard_normal(9), rng.uniform(0.1, 2.0, 9)
    expected = members[:, :, 0] + members[:, :, 3]
    for threads in (1, 2, 4):
        many, infos = assimilate_many(
            members, expected, readings, variances, slow=slice(2, 4), relaxation=0.5, threads=threads
        )
        for k in range(9):
            one, info = assimilate(
                members[k], expected[k], float(readings[k]), float(variances[k]), slow=slice(2, 4), relaxation=0.5
            )
            assert np.array_equal(many[k], one)
            assert infos[k] == info


def test_relaxation_multiplies_deviations_by_the_same_number_in_a_column() -> None:
    """1 + α (σ before − σ after) / σ after, as Whitaker and Hamill (2012) have it."""
    members = np.random.default_rng(4).multivariate_normal([1.0, 2.0], [[2.0, 1.2], [1.2, 3.0]], 64)
    none, _ = assimilate(members, members[:, 0], 0.3, 0.5)
    half, _ = assimilate(members, members[:, 0], 0.3, 0.5, slow=slice(1, 2), relaxation=0.5)
    before, after = members[:, 1].std(), none[:, 1].std()
    apart = none[:, 1] - none[:, 1].mean()
    np.testing.assert_allclose(
        half[:, 1] - half[:, 1].mean(), apart * (1.0 + 0.5 * (before - after) / after), atol=1e-12
    )
