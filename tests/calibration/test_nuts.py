"""Laws of NUTS by nutpie: it gives what is known, agrees with sequential Monte Carlo, and its failures are stated."""

import sys
from dataclasses import replace
from importlib.util import find_spec

import numpy as np
import pytest
from numpy.typing import NDArray

from pollux.calibration import nuts, smc
from pollux.calibration.chance import normals
from pollux.calibration.laplace import Gaussian
from pollux.errors import ModelError, PolluxError
from tests.calibration.densities import Known, banana, banana_truth, linear

Array = NDArray[np.float64]
SURE = 4.5  # standard errors allowed

needs_nutpie = pytest.mark.skipif(find_spec("nutpie") is None, reason="nutpie is not installed: pollux[nuts]")


def test_without_nutpie_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "nutpie", None)
    monkeypatch.setitem(sys.modules, "nutpie.compiled_pyfunc", None)
    with pytest.raises(PolluxError, match=r"nutpie, which is not installed\. Install it: pip install 'pollux\[nuts\]'"):
        nuts.sample(linear(0).density, normals(1, "nuts", 0.0))


@needs_nutpie
@pytest.mark.parametrize("started", [False, True])
def test_a_linear_problem_is_solved_as_in_closed_form(started: bool) -> None:
    problem = linear(1)
    exact = problem.posterior
    draws, info = nuts.sample(problem.density, normals(1, "nuts", 0.0), start=exact if started else None)
    assert np.all(np.abs(draws.mean - exact.mean) < SURE * exact.sd / np.sqrt(info.bulk))
    variances = np.outer(exact.sd**2, exact.sd**2) + exact.covariance**2
    assert np.all(np.abs(draws.covariance - exact.covariance) < SURE * np.sqrt(variances / info.effective.min()))
    assert info.r_hat.max() < 1.01
    assert not info.advice
    assert draws.z.shape == (nuts.CHAINS * nuts.DRAWS, 4)


@needs_nutpie
def test_a_start_makes_an_effective_draw_cheap() -> None:
    """In the coordinates of the exact posterior paths are short and go far."""
    problem = linear(1, noise=0.1)
    _, plain = nuts.sample(problem.density, normals(1, "nuts", 0.0))
    _, round_ = nuts.sample(problem.density, normals(1, "nuts", 0.0), start=problem.posterior)
    assert round_.gradients / round_.effective.min() < 0.5 * plain.gradients / plain.effective.min()


@needs_nutpie
def test_sequential_monte_carlo_agrees_on_a_curved_posterior() -> None:
    mean, sd, _ = banana_truth()
    slow, told = nuts.sample(banana(), normals(2, "nuts", 0.0), draws=2000, accept=0.95)
    fast, info = smc.sample(banana(), normals(2, "smc", 0.0), count=4000)
    error = sd * np.sqrt(1.0 / told.effective + 1.0 / info.effective)
    assert np.all(np.abs(slow.mean - mean) < SURE * sd / np.sqrt(told.effective))
    assert np.all(np.abs(slow.mean - fast.mean) < SURE * error)


@needs_nutpie
def test_the_same_seed_gives_the_same_bits_and_another_does_not() -> None:
    density = linear(0).density
    one, other, third = (
        nuts.sample(density, normals(key, "nuts", 0.0), draws=100, tuning=100)[0].z for key in (1, 1, 2)
    )
    assert np.array_equal(one, other)
    assert not np.array_equal(one, third)


@needs_nutpie
def test_chains_that_cannot_meet_are_told() -> None:
    """Two narrow modes: chains stay where they began, and R̂ says that nothing may be used."""

    def likelihood(z: Array) -> Array:
        return np.logaddexp(*(-0.5 * ((z[:, 0] - at) / 0.1) ** 2 for at in (-2.0, 2.0)))

    def slope(z: Array) -> Array:
        apart = np.array([z[0] + 2.0, z[0] - 2.0]) / 0.1
        weights = np.exp(-0.5 * apart**2 + 0.5 * np.min(apart**2))
        return np.array([-(weights @ apart) / weights.sum() / 0.1])

    _, info = nuts.sample(
        Known(Gaussian.standard(("a",)), likelihood, slope), normals(5, "nuts", 0.0), draws=200, tuning=200, chains=6
    )
    assert "The chains disagree" in info.advice


@needs_nutpie
def test_where_the_model_cannot_be_run_paths_break_off_and_draws_stay_out() -> None:
    half = Known(
        Gaussian.standard(("a",)), lambda z: np.where(z[:, 0] < 1.0, 0.0, -np.inf), lambda z: np.zeros(1)
    )  # fmt: skip
    draws, info = nuts.sample(half, normals(1, "nuts", 0.0), draws=300)
    assert draws.z.max() < 1.0
    assert info.divergences > 0
    assert "paths broke off" in info.advice


@needs_nutpie
def test_an_error_of_the_model_reaches_who_asked() -> None:
    def broken(z: Array) -> Array:
        raise ModelError("a dose has no time")

    with pytest.raises(ModelError, match="a dose has no time"):
        nuts.sample(replace(linear(0).density, slope=broken), normals(1, "nuts", 0.0))


@needs_nutpie
def test_a_model_that_runs_nowhere_is_an_error_with_advice() -> None:
    never = Known(Gaussian.standard(("a",)), lambda z: np.full(len(z), -np.inf), lambda z: np.zeros(1))
    with pytest.raises(ModelError, match=r"NUTS could not begin.*Laplace fit"):
        nuts.sample(never, normals(1, "nuts", 0.0))
