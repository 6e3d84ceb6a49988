"""Simulate, then calibrate: 90 % intervals hold the truth about 90 % of the time."""

import os

import numpy as np
import pytest
from scipy.stats import binom

from pollux.calibration.daily import SLOW
from pollux.calibration.rehearsal import Trial, coverage, rehearse

pytestmark = pytest.mark.slow

SOAK = bool(os.environ.get("POLLUX_SOAK"))
COUNT = 400 if SOAK else 60


@pytest.fixture(scope="module")
def trials() -> list[Trial]:
    return list(rehearse(COUNT, seed=1))


def test_intervals_of_informed_parameters_cover_the_truth(trials: list[Trial]) -> None:
    judged = 0
    for result in coverage(trials):
        if result.informed < 0.3 * COUNT:
            continue
        judged += 1
        low, high = binom.interval(0.999, result.informed, 0.9)
        if SOAK:
            low, high = 0.85 * result.informed, 0.95 * result.informed
        held = round(result.covered * result.informed)
        assert low <= held <= high, f"{result.name}: {held} of {result.informed}"
    assert judged >= 6


def test_posterior_means_are_not_biased(trials: list[Trial]) -> None:
    """The standardised error has mean 0: four standard errors allowed, with the spread that it has."""
    errors = np.array([(t.truth - t.mean) / t.sd for t in trials])
    limit = 4.0 * errors.std(axis=0) / np.sqrt(len(trials))
    assert np.all(np.abs(errors.mean(axis=0)) < limit), dict(zip(SLOW, errors.mean(axis=0).round(2), strict=True))


def test_nearly_every_search_settles(trials: list[Trial]) -> None:
    assert np.mean([t.converged for t in trials]) >= 0.95


def test_the_same_seed_gives_the_same_trials() -> None:
    (one,), (other,) = list(rehearse(1, seed=9)), list(rehearse(1, seed=9))
    assert np.array_equal(one.truth, other.truth)
    assert np.array_equal(one.mean, other.mean)
