"""The same questions to every calibrator, on models of the catalogue: simulate, then calibrate.

Three models always; all of them, with more truths, with POLLUX_SOAK set. Exact samplers must give uniform ranks; the
normal approximation reports its coverage, within a bound that is stated per level.
"""

import os
from collections.abc import Callable

import numpy as np
import pytest

from pollux.calibration import smc
from pollux.calibration.chance import normals
from pollux.calibration.draws import Draws
from pollux.calibration.following import Following, update
from pollux.calibration.individual import estimate
from pollux.calibration.laplace import Gaussian
from pollux.calibration.posterior import Posterior, Reading
from pollux.calibration.ranks import coverage_error, ranks
from tests.battery.designs import design, learnable

pytestmark = pytest.mark.slow

SOAK = bool(os.environ.get("POLLUX_SOAK"))
CI = ["phenobarbital", "vancomycin-goti-2018", "paclitaxel-friberg-2002"]
MODELS = pytest.mark.parametrize("name", learnable() if SOAK else CI)
TRUTHS = 320 if SOAK else 128
BOUND = 0.08  # of the coverage of 90 % intervals of the normal approximation
ENSEMBLE_BOUND = 0.1  # of the same of an ensemble filter, which takes readings for linear in what is learned
MEMBERS = 400
Calibrate = Callable[[list[Reading], np.random.Generator], Draws | Gaussian]


def posterior(name: str, data: list[Reading]) -> Posterior:
    return design(name).posterior(data)


def by_smc(name: str) -> Calibrate:
    return lambda data, rng: smc.sample(posterior(name, data), rng, count=500)[0]


def by_nuts(name: str) -> Calibrate:
    from pollux.calibration import nuts

    def run(data: list[Reading], rng: np.random.Generator) -> Draws:
        asked = posterior(name, data)
        # ranks are of independent draws: of these, 63 are taken, eight steps of the chain apart
        return nuts.sample(asked, rng, draws=500, tuning=250, chains=1, start=estimate(asked).posterior)[0]

    return run


@MODELS
def test_ranks_of_tempered_particles_are_uniform(name: str) -> None:
    plan = design(name)
    truths = TRUTHS if SOAK or not name.startswith("paclitaxel") else 64  # which takes most of the time
    found = ranks(lambda rng: rng.standard_normal(len(plan.varying)), plan.simulated, by_smc(name), truths, key=11)
    assert found.uniform(), (found.chi_square(), found.curve())


@MODELS
def test_ranks_of_nuts_are_uniform(name: str) -> None:
    pytest.importorskip("nutpie", reason="needs pollux[nuts]")
    plan = design(name)
    truths = TRUTHS if SOAK else 64
    found = ranks(lambda rng: rng.standard_normal(len(plan.varying)), plan.simulated, by_nuts(name), truths, key=12)
    assert found.uniform(), (found.chi_square(), found.curve())


@MODELS
def test_the_normal_approximation_covers_within_its_bound(name: str) -> None:
    plan = design(name)
    truths, fits = [], []
    for i in range(2 * TRUTHS):
        truth = normals(13, "truth", i).standard_normal(len(plan.varying))
        truths.append(truth)
        fits.append(estimate(posterior(name, plan.simulated(truth, normals(13, "data", i)))).posterior)
    found = coverage_error(np.array(truths), fits)
    assert found.within(BOUND).all(), dict(zip(plan.varying, found.error.round(3), strict=True))


@MODELS
def test_an_ensemble_filter_covers_within_its_bound(name: str) -> None:
    plan = design(name)
    system = Following(plan.model, plan.regimen, varying=plan.varying)
    truths, fits = [], []
    for i in range(TRUTHS):
        rng = normals(15, "ensemble", i)
        truth = rng.standard_normal(len(plan.varying))
        begin = min(plan.regimen.first, plan.times[0])
        members, time = system.begin(MEMBERS, begin, rng), begin
        for reading in plan.simulated(truth, rng):
            members, _, _ = update(system, members, time, reading, rng)
            time = reading.time
        truths.append(truth)
        fits.append(system.known(members))
    found = coverage_error(np.array(truths), fits)
    assert found.within(ENSEMBLE_BOUND).all(), dict(zip(plan.varying, found.error.round(3), strict=True))


@MODELS
def test_the_fast_posterior_agrees_with_nuts(name: str) -> None:
    """Means of the particles within a fifth of a standard deviation of NUTS's, spreads within a fifth."""
    nuts = pytest.importorskip("pollux.calibration.nuts")
    pytest.importorskip("nutpie", reason="needs pollux[nuts]")
    plan = design(name)
    truth = normals(14, "truth", 0.0).standard_normal(len(plan.varying))
    asked = posterior(name, plan.simulated(truth, normals(14, "data", 0.0)))
    slow, info = nuts.sample(asked, normals(14, "nuts", 0.0), start=estimate(asked).posterior)
    fast, _ = smc.sample(asked, normals(14, "smc", 0.0))
    sd = np.sqrt(np.diag(slow.covariance))
    assert float(info.r_hat.max()) < 1.02
    assert np.abs(fast.mean - slow.mean).max() < 0.2 * sd.max()
    assert np.abs(np.sqrt(np.diag(fast.covariance)) / sd - 1.0).max() < 0.2
