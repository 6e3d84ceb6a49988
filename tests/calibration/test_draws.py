"""Laws of weighted draws and of resampling."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pollux.calibration.draws import Draws
from pollux.calibration.resampling import effective_size, normalised, systematic
from pollux.errors import ModelError

WEIGHTS = st.lists(st.floats(0.0, 1.0), min_size=1, max_size=60).filter(lambda w: sum(w) > 1e-3)


@given(WEIGHTS, st.integers(1, 200), st.integers(0, 2**32))
def test_resampling_takes_each_member_as_often_as_its_weight_says_but_for_less_than_one(
    values: list[float], count: int, seed: int
) -> None:
    weights = np.array(values) / np.sum(values)
    taken = np.bincount(systematic(weights, count, np.random.default_rng(seed)), minlength=weights.size)
    assert taken.sum() == count
    assert np.all(np.abs(taken - count * weights) < 1.0 + 1e-9)
    assert np.all(taken[weights == 0.0] == 0)


def test_on_average_resampling_takes_each_member_as_often_as_its_weight_says() -> None:
    weights = np.array([0.05, 0.3, 0.15, 0.5])
    rng = np.random.default_rng(0)
    taken = np.mean([np.bincount(systematic(weights, 3, rng), minlength=4) for _ in range(4000)], axis=0)
    np.testing.assert_allclose(taken, 3 * weights, atol=4.5 * 0.5 / np.sqrt(4000))


@given(WEIGHTS)
def test_the_effective_size_lies_between_one_and_the_number_of_weights_above_zero(values: list[float]) -> None:
    weights = np.array(values) / np.sum(values)
    size = effective_size(weights)
    assert 1.0 - 1e-9 <= size <= np.count_nonzero(weights) + 1e-9


@pytest.mark.parametrize("count", [1, 7, 100])
def test_equal_weights_are_worth_their_number(count: int) -> None:
    assert effective_size(np.full(count, 1.0 / count)) == pytest.approx(count)


def test_weights_too_small_for_a_number_are_normalised_all_the_same() -> None:
    weights, total = normalised(np.array([-2000.0, -2000.0 + np.log(3.0), -np.inf]))
    np.testing.assert_allclose(weights, [0.25, 0.75, 0.0])
    assert total == pytest.approx(-2000.0 + np.log(4.0))


def weighted(seed: int, count: int = 500) -> Draws:
    rng = np.random.default_rng(seed)
    return Draws(("a", "b"), rng.standard_normal((count, 2)), rng.normal(0.0, 1.0, count))


def test_a_draw_of_double_weight_is_two_draws() -> None:
    rng = np.random.default_rng(1)
    z, twice = rng.standard_normal((40, 2)), rng.integers(1, 3, 40)
    one, other = Draws(("a", "b"), z, np.log(twice)), Draws.equal(("a", "b"), np.repeat(z, twice, axis=0))
    np.testing.assert_allclose(one.mean, other.mean, atol=1e-12)
    np.testing.assert_allclose(one.covariance, other.covariance, atol=1e-12)


def test_the_order_of_draws_and_a_factor_of_their_weights_mean_nothing() -> None:
    draws = weighted(2)
    order = np.random.default_rng(3).permutation(len(draws.z))
    other = Draws(draws.names, draws.z[order], draws.log_weights[order] + 123.0)
    np.testing.assert_allclose(other.mean, draws.mean, atol=1e-12)
    np.testing.assert_allclose(other.covariance, draws.covariance, atol=1e-12)
    np.testing.assert_allclose(other.quantile([0.05, 0.5, 0.9]), draws.quantile([0.05, 0.5, 0.9]), atol=1e-12)
    assert other.effective_size == pytest.approx(draws.effective_size)


def test_quantiles_of_equal_draws_are_those_of_hazen() -> None:
    z = np.random.default_rng(4).standard_normal((101, 3))
    levels = [0.05, 0.3, 0.5, 0.95]
    found = Draws.equal(("a", "b", "c"), z).quantile(levels)
    np.testing.assert_allclose(found, np.quantile(z, levels, axis=0, method="hazen"), atol=1e-12)


def test_resampled_draws_have_the_weighted_mean() -> None:
    draws = weighted(5, 2000)
    equal = draws.resampled(100_000, np.random.default_rng(6))
    np.testing.assert_allclose(equal.mean(axis=0), draws.mean, atol=0.02)


def test_of_equal_draws_none_is_taken_twice() -> None:
    draws = Draws.equal(("a",), np.arange(100.0)[:, None])
    assert np.unique(draws.resampled(60, np.random.default_rng(0))).size == 60


def test_draws_without_any_weight_are_refused() -> None:
    with pytest.raises(ModelError, match="no draw has any weight"):
        Draws(("a",), np.zeros((2, 1)), np.full(2, -np.inf))
