"""Tempered sequential Monte Carlo: a cloud of draws led from a known distribution to the posterior.

From a start q (the prior, or a heavy-tailed distribution around a Laplace fit) to prior × likelihood along

    π_t(z) ∝ q(z)^(1 − t) [p(z) p(data | z)]^t,   t from 0 to 1.

Each step takes t as far as the weights allow, makes equal draws of weighted ones, and moves every draw by Metropolis
steps that leave π_t as it is, until the draws have forgotten where they stood (resample–move; Del Moral, Doucet &
Jasra, J R Stat Soc B 2006, doi:10.1111/j.1467-9868.2006.00553.x, *unverified*). The product of the mean weights
estimates the evidence p(data), whatever the start.

A move is a step of the preconditioned Crank–Nicolson kind around a Student-t distribution T that has the cloud's mean m
and covariance LLᵀ: with y = L⁻¹(z − m), 1/v ~ Gamma((P + ν)/2, rate (ν + |y|²)/2), ξ standard normal,

    y' = √(1 − s²) y + s √v ξ,   accepted with probability min(1, π_t(z') T(z) / π_t(z) T(z')).

The step leaves T itself as it is (given v it is an autoregression that leaves N(0, v) as it is, and v is drawn given
y). So s = 1 is nearly an independent draw where the posterior resembles T, and a short s is a random walk where it does
not; each draw chances its own, the longest or a quarter of it, and the longest follows the acceptance.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from pollux.calibration.density import Density
from pollux.calibration.draws import Draws
from pollux.calibration.laplace import Gaussian, one_thread
from pollux.calibration.resampling import effective_size, normalised, systematic
from pollux.calibration.student import StudentT, squared
from pollux.errors import ModelError

Array = NDArray[np.float64]

COUNT = 2000
# What follows are Pollux's own choices, the best of some on a one-compartment posterior, a banana and two modes.
KEPT = 0.5  # what the effective share of the draws may fall to in one step of the temperature
START_TAILS, START_WIDENED = 5.0, 1.2  # degrees of freedom of the start around a fit, and its covariance over the fit's
MOVE_TAILS = 6.0  # ν
# Moving ends when no direction has more correlation with where the draws stood: on the way, and at t = 1.
REMEMBERED, REMEMBERED_AT_LAST = 0.3, 0.1
MOST_MOVES = 50  # for one temperature
LONG_SHARE, SHORT = 2.0 / 3.0, 0.25  # share of draws that try the longest step, and what the others try of it
ACCEPTED = 0.35  # the acceptance that the longest step is set for; it is never above 1
SHORTEST = 0.02
MOST_STEPS = 200  # temperatures
TOO_FEW = 200.0  # effective draws


@dataclass(frozen=True)
class Cloud:
    """Equal draws `z` (n, P) at a temperature, and what is known at each: logarithms of likelihood, prior and start.

    `log_evidence` and its variance so far; `stride`, the longest step s; `origin` (n,), which of the first draws each
    one descends from, after how many `resamplings`.
    """

    names: tuple[str, ...]
    z: Array
    log_likelihood: Array
    log_prior: Array
    log_start: Array
    prior: StudentT
    start: StudentT
    temperature: float
    log_evidence: float
    evidence_variance: float
    stride: float
    origin: NDArray[np.intp]
    resamplings: int

    @property
    def effective(self) -> Array:
        """For each parameter how many independent draws its mean is worth, (P,).

        var(z) / var(mean), the latter from how unlike the families of draws with one origin are,
        (n/(n−1))^(r+1) Σ_families (Σ_members (z − mean))² / n² after r resamplings (Lee & Whiteley, Biometrika 2018,
        doi:10.1093/biomet/asy028, *unverified*; the abstract of arXiv:1509.00394 was read). Meant for
        resampling with independent draws, it errs on the safe side for systematic resampling.
        """
        count = len(self.z)
        apart = self.z - self.z.mean(axis=0)
        families = np.stack([np.bincount(self.origin, column, minlength=count) for column in apart.T], axis=1)
        variance = (families**2).sum(axis=0) / count**2 * (count / (count - 1.0)) ** (self.resamplings + 1)
        effective: Array = apart.var(axis=0) / np.maximum(variance, 1e-300)
        return np.minimum(effective, count)


@dataclass(frozen=True)
class StepInfo:
    """One temperature: effective size of the weights that led to it, moves, share accepted, correlation that is left.

    `runnable` is the share of draws at which the model could be run when the step began.
    """

    temperature: float
    effective_size: float
    moves: int
    acceptance: float
    remembered: float
    runnable: float


@dataclass(frozen=True)
class Info:
    """How the run went, for people: a row for each temperature, and what the draws are worth."""

    steps: tuple[StepInfo, ...]
    effective: Array  # (P,)
    log_evidence: float
    log_evidence_sd: float
    likelihoods: int  # evaluations, of all draws together

    @property
    def temperatures(self) -> tuple[float, ...]:
        """The temperatures after 0, up to 1."""
        return tuple(step.temperature for step in self.steps)

    @property
    def advice(self) -> str:
        """What a person should make of it; nothing where all is well."""
        told = []
        if self.steps[0].runnable < 0.9:
            share = f"{100.0 * (1.0 - self.steps[0].runnable):.0f} %"
            told.append(f"At {share} of the first draws the model could not be run: look at the widest priors.")
        if self.steps[-1].remembered > 3.0 * REMEMBERED_AT_LAST:
            told.append("The draws moved little at the end: the posterior is curved, or in pieces. Compare with NUTS.")
        if float(self.effective.min()) < TOO_FEW:
            told.append(f"Only {self.effective.min():.0f} effective draws: ask for more draws.")
        if self.log_evidence_sd > 0.5:
            told.append("The evidence is uncertain: do not choose between models by it.")
        return " ".join(told)


def init(density: Density, rng: np.random.Generator, *, count: int = COUNT, start: Gaussian | None = None) -> Cloud:
    """The first draws: from the prior, or from a Student-t around `start`, a Laplace fit of the same density.

    A start is much faster, and as right: the weights mend what is wrong with it, as long as it reaches every region
    that matters. It does not find a second mode far away; the prior does.
    """
    with one_thread():
        return _begun(density, rng, count, start)


def _begun(density: Density, rng: np.random.Generator, count: int, start: Gaussian | None) -> Cloud:
    prior = StudentT.around(density.prior)
    first = prior if start is None else StudentT.around(start, widened=START_WIDENED, tails=START_TAILS)
    z = first.draw(count, rng)
    log_likelihood = _likelihood(density, z)
    if not np.any(log_likelihood > -np.inf):
        raise ModelError(
            "the model could be run at none of the first draws, or gives the data no probability there",
            advice="Check the doses, the units of the readings, and the error model.",
        )
    log_prior = prior.log_density(z)
    log_start = log_prior if first is prior else first.log_density(z)
    return Cloud(
        density.names, z, log_likelihood, log_prior, log_start, prior, first, 0.0, 0.0, 0.0, 1.0, np.arange(count), 0
    )


def step(density: Density, rng: np.random.Generator, cloud: Cloud) -> tuple[Cloud, StepInfo]:
    """Go on to the next temperature: weigh, resample, move."""
    with one_thread():
        return _step(density, rng, cloud)


def _step(density: Density, rng: np.random.Generator, cloud: Cloud) -> tuple[Cloud, StepInfo]:
    count, gain = len(cloud.z), cloud.log_prior + cloud.log_likelihood - cloud.log_start
    rise = _rise(gain, 1.0 - cloud.temperature)
    temperature = cloud.temperature + rise
    temperature = 1.0 if temperature > 1.0 - 1e-9 else temperature
    weights, total = normalised(rise * gain)
    size = effective_size(weights)
    # Sorted before the comb is laid, so that the result does not depend on how the draws were numbered.
    order = np.argsort(cloud.z[:, 0], kind="stable")
    taken = order[systematic(weights[order], count, rng)]
    weighed = replace(
        cloud,
        z=cloud.z[taken],
        log_likelihood=cloud.log_likelihood[taken],
        log_prior=cloud.log_prior[taken],
        log_start=cloud.log_start[taken],
        temperature=temperature,
        log_evidence=cloud.log_evidence + total - float(np.log(count)),
        origin=cloud.origin[taken],
        resamplings=cloud.resamplings + 1,
    )
    moved, moves, acceptance, remembered = _move(density, rng, weighed, _bell(cloud.z, weights))
    # That of a mean of `count` weights; what the draws remember adds to the error of the weights to come. The form
    # is our own and fits 200 runs each at correlations of 0.05 to 0.3 (tests/calibration/test_smc.py checks one).
    carried = (1.0 + remembered) ** 2 if temperature < 1.0 else 1.0
    variance = cloud.evidence_variance + carried * max(1.0 / size - 1.0 / count, 0.0)
    moved = replace(moved, evidence_variance=variance)
    runnable = float(np.mean(cloud.log_likelihood > -np.inf))
    return moved, StepInfo(temperature, size, moves, acceptance, remembered, runnable)


def sample(
    density: Density, rng: np.random.Generator, *, count: int = COUNT, start: Gaussian | None = None
) -> tuple[Draws, Info]:
    """The whole way to the posterior.

    >>> from pollux.calibration.chance import normals
    >>> class Known:  # one reading 1.0 of z, with error 1: the posterior is N(0.5, 0.5)
    ...     names, prior = ("z",), Gaussian.standard(("z",))
    ...     def log_likelihood(self, z): return -0.5 * (1.0 - z[:, 0]) ** 2 - 0.5 * np.log(2 * np.pi)
    >>> draws, info = sample(Known(), normals(1, "doctest", 0.0))
    >>> draws.mean.round(1), draws.covariance.round(1), info.temperatures
    (array([0.5]), array([[0.5]]), (1.0,))
    """
    cloud, steps = init(density, rng, count=count, start=start), list[StepInfo]()
    while cloud.temperature < 1.0:
        if len(steps) == MOST_STEPS:
            raise ModelError(
                f"the draws are on their way after {MOST_STEPS} temperatures, at {cloud.temperature:.2g}",
                advice="The data are many or their error is tiny: start from a Laplace fit.",
            )
        cloud, info = step(density, rng, cloud)
        steps.append(info)
    return Draws.equal(cloud.names, cloud.z), _told(cloud, steps)


def _told(cloud: Cloud, steps: Sequence[StepInfo]) -> Info:
    evaluated = len(cloud.z) * (1 + sum(info.moves for info in steps))
    sd = float(np.sqrt(cloud.evidence_variance))
    return Info(tuple(steps), cloud.effective, cloud.log_evidence, sd, evaluated)


def _likelihood(density: Density, z: Array) -> Array:
    """The log likelihood of each draw, −inf where it is not a number below infinity."""
    value = density.log_likelihood(z)
    return np.where(value < np.inf, value, -np.inf)


def _rise(gain: Array, left: float) -> float:
    """How far the temperature may rise: until the effective size of the runnable draws falls to their share `KEPT`."""
    goal = KEPT * np.count_nonzero(gain > -np.inf)

    def holds(rise: float) -> bool:
        return bool(effective_size(normalised(rise * gain)[0]) >= goal)

    if holds(left):
        return left
    high, low = left, 0.5 * left
    while not holds(low):
        high, low = low, 0.5 * low
    while high - low > 1e-3 * high:
        middle = 0.5 * (low + high)
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low


def _bell(z: Array, weights: Array) -> StudentT:
    """T: what the moves stand on, fitted to weighted draws."""
    mean = weights @ z
    apart = z - mean
    covariance = (apart * weights[:, None]).T @ apart
    ridge = np.diag(1e-9 * np.diag(covariance) + 1e-18)  # few draws may lie in a plane
    return StudentT(mean, np.asarray(np.linalg.cholesky(covariance + ridge), dtype=np.float64), MOVE_TAILS)


def _move(density: Density, rng: np.random.Generator, cloud: Cloud, bell: StudentT) -> tuple[Cloud, int, float, float]:
    """Metropolis moves of every draw until they have forgotten: the cloud, their number, acceptance, what is left."""
    count, size = cloud.z.shape
    t, half, stride = cloud.temperature, 0.5 * (size + bell.tails), cloud.stride
    enough = REMEMBERED_AT_LAST if t == 1.0 else REMEMBERED
    z, likelihood, prior, begun = (
        a.copy() for a in (cloud.z, cloud.log_likelihood, cloud.log_prior, cloud.log_start)
    )  # resampling made copies already, but a frozen value is not written to
    y = bell.standardise(z)
    square = squared(y)
    level = (1.0 - t) * begun + t * (prior + likelihood) - bell.log_shape(square)
    stood = y - y.mean(axis=0)
    stood /= np.maximum(np.sqrt(squared(stood.T)), 1e-300)
    accepted, moves, left = 0.0, 0, 1.0
    while moves < MOST_MOVES and left > enough:
        s = stride * np.where(rng.random(count) < LONG_SHARE, 1.0, SHORT)
        v = 0.5 * (bell.tails + square) / rng.standard_gamma(half, count)
        tried = y * np.sqrt(1.0 - s * s)[:, None]
        tried += rng.standard_normal((count, size)) * (s * np.sqrt(v))[:, None]
        tried_z, tried_square = bell.place(tried), squared(tried)
        tried_likelihood = _likelihood(density, tried_z)
        tried_prior = cloud.prior.log_density(tried_z)
        tried_begun = tried_prior if cloud.start is cloud.prior else cloud.start.log_density(tried_z)
        tried_level = (1.0 - t) * tried_begun + t * (tried_prior + tried_likelihood) - bell.log_shape(tried_square)
        taken = -rng.standard_exponential(count) < tried_level - level
        for old, new in (
            (y, tried), (z, tried_z), (square, tried_square), (level, tried_level), (likelihood, tried_likelihood),
            (prior, tried_prior), (begun, tried_begun),
        ):  # fmt: skip
            old[taken] = new[taken]
        share = int(np.count_nonzero(taken)) / count
        stride = min(1.0, max(SHORTEST, stride * float(np.exp(1.5 * (share - ACCEPTED)))))
        apart = y - y.mean(axis=0)
        left = float(np.max(np.abs(np.einsum("ij,ij->j", apart, stood)) / np.sqrt(squared(apart.T))))
        accepted, moves = accepted + share, moves + 1
    moved = replace(cloud, z=z, log_likelihood=likelihood, log_prior=prior, log_start=begun, stride=stride)
    return moved, moves, accepted / moves, left
