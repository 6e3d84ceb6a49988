"""A particle filter: state, slow parameters and unknown inputs together, without assuming that anything is normal.

Members (n, V) carry states and parameters in the columns of one row. Between readings each lives by the model with its
own process noise; a reading multiplies each one's weight by how probable it finds it. When the weights are worth few
members, equal ones are made of them (the bootstrap filter; Gordon, Salmond & Smith, IEE Proc F 1993,
doi:10.1049/ip-f-2.1993.0015, *unverified*). The product of the mean weights estimates the evidence without bias.

Parameters have no noise of their own: resampling alone would soon leave a handful of values. Liu & West (in *Sequential
Monte Carlo Methods in Practice*, 2001, doi:10.1007/978-1-4757-3437-9_10, *unverified*) shrink each value towards the
mean and add noise, which keeps mean and variance, but weakens at every resampling what binds parameters to states.
Here each value is shrunk towards what the states of its member let expect of it, by linear regression on all members:

    θ' = E[θ | x] + a (θ − E[θ | x]) + √(1 − a²) C^½ ξ,   C = cov(θ | x),

which keeps the means, variances and covariances of parameters and states, all of them (Pollux's own choice). Only when
members are resampled, and states are not touched.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from pollux.calibration.laplace import one_thread
from pollux.calibration.resampling import effective_size, normalised, systematic
from pollux.errors import ModelError

Array = NDArray[np.float64]
Columns = slice | Sequence[int]

RESAMPLED_BELOW = 0.5  # share of the members that the weights must be worth
# a: Liu & West's (3δ − 1)/(2δ) at the discount δ = 0.98 of the range 0.95 to 0.99 that is usually named (*unverified*).
SHRINKAGE = (3 * 0.98 - 1) / (2 * 0.98)
FEW = 30.0  # effective members, after which a reading has told more than the filter can hold


class System(Protocol):
    """A model as a particle filter sees it."""

    def propagate(self, members: Array, t0: float, t1: float, rng: np.random.Generator) -> Array:
        """Members (n, V) moved from `t0` to `t1`, each with process noise of its own, as a new array."""

    def log_density(self, reading: Any, members: Array) -> Array:
        """log p(reading | member) for each member, (n,); −inf where it is impossible."""


@dataclass(frozen=True)
class Particles:
    """Members (n, V) at a time with `log_weights` (n,), and the log evidence of the readings so far."""

    time: float
    members: Array
    log_weights: Array
    log_evidence: float = 0.0

    @property
    def weights(self) -> Array:
        """The weights, (n,), summing to one."""
        return normalised(self.log_weights)[0]

    @property
    def mean(self) -> Array:
        """The mean of each column, (V,)."""
        mean: Array = np.einsum("i,ij->j", self.weights, self.members)
        return mean

    @property
    def covariance(self) -> Array:
        """The covariance of the columns, (V, V)."""
        apart = self.members - self.mean
        covariance: Array = (apart * self.weights[:, None]).T @ apart
        return covariance


@dataclass(frozen=True)
class UpdateInfo:
    """How one reading fitted: its log density given those before, effective members after it, whether resampled."""

    log_density: float
    effective_size: float
    resampled: bool

    @property
    def advice(self) -> str:
        """What a person should make of it; nothing where all is well."""
        if self.effective_size >= FEW:
            return ""
        return (
            f"Only {self.effective_size:.0f} members still count: the reading is far from what was expected, "
            "or so precise that more members are needed."
        )


def init(members: Array, time: float) -> Particles:
    """Equal members (n, V) at the start."""
    return Particles(time, members, np.full(len(members), -np.log(len(members))))


def step(
    system: System,
    rng: np.random.Generator,
    particles: Particles,
    time: float,
    reading: Any = None,
    *,
    slow: Columns = (),
) -> tuple[Particles, UpdateInfo]:
    """Move to `time`, take in its reading (none: just move), and make equal members where too few count.

    `slow` names the columns of parameters that have no noise of their own.
    """
    moved = replace(particles, time=time, members=system.propagate(particles.members, particles.time, time, rng))
    if reading is None:
        return moved, UpdateInfo(0.0, effective_size(moved.weights), False)
    told = system.log_density(reading, moved.members)
    log_weights = moved.log_weights + np.where(told < np.inf, told, -np.inf)
    weights, total = normalised(log_weights)
    if not np.isfinite(total):
        raise ModelError(
            "no member of the filter can explain a reading",
            where=f"minute {time:g}",
            advice="Give the readings an error model with heavier tails, or the filter more members.",
        )
    told_size = effective_size(weights)
    known = replace(moved, log_weights=log_weights - total, log_evidence=moved.log_evidence + total)
    if told_size >= RESAMPLED_BELOW * len(weights):
        return known, UpdateInfo(total, told_size, False)
    with one_thread():
        return _resampled(known, weights, rng, slow), UpdateInfo(total, told_size, True)


def _resampled(particles: Particles, weights: Array, rng: np.random.Generator, slow: Columns) -> Particles:
    count = len(weights)
    # Sorted before the comb is laid, so that the result does not depend on how members were numbered.
    order = np.argsort(particles.members[:, 0], kind="stable")
    members = particles.members[order[systematic(weights[order], count, rng)]]
    columns = np.arange(members.shape[1])[slow if isinstance(slow, slice) else list(slow)]
    if columns.size:
        members[:, columns] = smoothed(members, columns, particles.mean, particles.covariance, rng)
    return replace(particles, members=members, log_weights=np.full(count, -np.log(count)))


def smoothed(
    members: Array, columns: NDArray[np.intp], mean: Array, covariance: Array, rng: np.random.Generator
) -> Array:
    """New values of some columns, (n, columns), with the same mean and covariance with all columns, on average.

    `mean` (V,) and `covariance` (V, V) of the members (n, V).
    """
    others = np.setdiff1d(np.arange(members.shape[1]), columns)
    inside, across = covariance[np.ix_(columns, columns)], covariance[np.ix_(columns, others)]
    slope = across @ np.linalg.pinv(covariance[np.ix_(others, others)], rcond=1e-12, hermitian=True)
    expected = mean[columns] + (members[:, others] - mean[others]) @ slope.T
    # What the states leave open; rounding may make a variance of nothing negative.
    variance, directions = np.linalg.eigh(inside - slope @ across.T)
    noise = rng.standard_normal(expected.shape) * np.sqrt(np.maximum(variance, 0.0))
    fresh = np.sqrt(1.0 - SHRINKAGE**2) * noise @ directions.T
    new: Array = expected + SHRINKAGE * (members[:, columns] - expected) + fresh
    return new
