"""Error models are probability distributions, and say truly how they change with the prediction."""

import numpy as np
import pytest
from scipy.integrate import quad

from pollux.equations import Additive, Combined, ErrorModel, LogNormalError, Proportional, StudentT
from pollux.errors import ModelError

MODELS = [
    Additive(0.7),
    Proportional(0.2),
    Combined(0.5, 0.15),
    Combined(0.5, 0.15, sum="sd"),
    LogNormalError(0.3),
    StudentT(Combined(0.5, 0.1), degrees=4.0),
]
EACH = pytest.mark.parametrize("error", MODELS, ids=repr)
F = 3.7


def below(error: ErrorModel) -> float:
    return 1e-9 if isinstance(error, LogNormalError) else -np.inf


@EACH
def test_density_integrates_to_one_and_to_the_probability_below_a_limit(error: ErrorModel) -> None:
    whole = quad(lambda y: float(np.exp(error.log_density(y, F))), below(error), np.inf)[0]
    under = quad(lambda y: float(np.exp(error.log_density(y, F))), below(error), 3.0)[0]
    assert whole == pytest.approx(1.0, abs=1e-6)
    assert under == pytest.approx(float(np.exp(error.log_below(3.0, F))), abs=1e-6)


@EACH
@pytest.mark.parametrize("y", [0.4, 3.2, 9.0])
def test_slopes_are_the_derivatives(error: ErrorModel, y: float) -> None:
    h = 1e-5
    rise = (error.log_density(y, F + h) - error.log_density(y, F - h)) / (2 * h)
    under = (error.log_below(y, F + h) - error.log_below(y, F - h)) / (2 * h)
    assert error.slope(y, F) == pytest.approx(float(rise), rel=1e-6, abs=1e-8)
    assert error.log_below_slope(y, F) == pytest.approx(float(under), rel=1e-6, abs=1e-8)


@EACH
def test_information_is_the_mean_square_of_the_slope(error: ErrorModel) -> None:
    def weighted(y: float) -> float:
        return float(np.exp(error.log_density(y, F)) * error.slope(y, F) ** 2)

    mean = quad(weighted, below(error), np.inf, limit=200)[0]
    assert error.information(F) == pytest.approx(mean, rel=1e-6)


@EACH
def test_draws_have_the_stated_distribution(error: ErrorModel) -> None:
    drawn = error.draw(np.full(40_000, F), np.random.default_rng(1))
    assert np.mean(drawn < 3.0) == pytest.approx(float(np.exp(error.log_below(3.0, F))), abs=0.01)


def test_a_spread_of_nothing_is_refused() -> None:
    with pytest.raises(ModelError, match="an error model with a = 0, b = 0"):
        Combined(0.0, 0.0)
    with pytest.raises(ModelError, match=r"b = -0\.1"):
        Proportional(-0.1)


def test_student_t_with_many_degrees_is_normal() -> None:
    y = np.linspace(1.0, 6.0, 11)
    assert StudentT(Additive(0.7), 1e9).log_density(y, F) == pytest.approx(Additive(0.7).log_density(y, F), abs=1e-6)
