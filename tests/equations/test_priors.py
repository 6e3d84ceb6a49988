"""Laws of priors: functions of a standard normal number, there and back."""

import numpy as np
import pytest

from pollux.equations import Fixed, LogitNormal, LogNormal, Normal, Prior
from pollux.errors import ModelError

VARYING: list[Prior] = [Normal(5.0, 2.0), LogNormal(1.6, 0.4), LogitNormal(0.2, 0.9, 0.7, 0.8)]
Z = np.linspace(-6.0, 6.0, 121)


@pytest.mark.parametrize("prior", VARYING, ids=repr)
def test_a_value_leads_back_to_its_standard_number(prior: Prior) -> None:
    np.testing.assert_allclose(prior.to_standard(prior.from_standard(Z)), Z, atol=1e-9)


@pytest.mark.parametrize("prior", VARYING, ids=repr)
def test_the_median_stands_at_zero(prior: Prior) -> None:
    assert float(prior.from_standard(0.0)) == pytest.approx(prior.median, rel=1e-15)


@pytest.mark.parametrize("prior", VARYING, ids=repr)
def test_the_slope_is_the_derivative(prior: Prior) -> None:
    h = 1e-5
    numeric = (prior.from_standard(Z + h) - prior.from_standard(Z - h)) / (2 * h)
    np.testing.assert_allclose(prior.slope(Z), numeric, rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("prior", VARYING, ids=repr)
def test_a_prior_rises_strictly(prior: Prior) -> None:
    assert np.all(np.diff(prior.from_standard(Z)) > 0)


def test_a_logit_normal_stays_between_its_ends() -> None:
    values = LogitNormal(0.2, 0.9, 0.7, 0.8).from_standard(np.array([-1e3, 1e3]))
    assert values[0] >= 0.2
    assert values[1] <= 0.9


def test_values_outside_the_support_have_no_standard_number() -> None:
    assert np.isnan(LogNormal(1.0, 0.5).to_standard([-1.0, 0.0])).all()
    assert np.isnan(LogitNormal(0.0, 1.0, 0.5, 1.0).to_standard([0.0, 1.0, 2.0])).all()


def test_a_fixed_value_is_the_same_for_everybody() -> None:
    fixed = Fixed(6000.0)
    assert (fixed.from_standard(Z) == 6000.0).all()
    assert (fixed.slope(Z) == 0.0).all()
    assert (fixed.to_standard(Z) == 0.0).all()


def test_impossible_priors_are_refused() -> None:
    with pytest.raises(ModelError, match=r"the sd of a log-normal prior is -1\. It must be a finite number above 0\."):
        LogNormal(1.0, -1)
    with pytest.raises(ModelError, match=r"a logit-normal prior from 0 to 1 has its median at 2"):
        LogitNormal(0, 1, 2, 1)
