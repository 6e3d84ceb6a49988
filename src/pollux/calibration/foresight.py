"""Calibrating a linear model on what it is for: the next reading, and those half an hour, one and two hours on.

The posterior is a generalised one (Bissiri, Holmes & Walker, J R Stat Soc B 2016, doi:10.1111/rssb.12158,
*unverified*):

    log p(z | y) = −½ zᵀz + w₁ Σ log p(y_k | y_<k) + Σ_h w_h Σ log N(y_{k+h}; forecast at k)

A likelihood of single steps alone is won by describing the sensor's noise; the forecasts, which overlap and therefore
count for less than one each, hold the slower physiology in place. Its mode is found by Gauss–Newton with Levenberg's
damping, its spread is taken from the curvature there (Laplace).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from pollux.calibration.kalman import init, update
from pollux.calibration.laplace import Gaussian
from pollux.calibration.slots import discretise, look_ahead
from pollux.equations.linear import LinearModel

Array = NDArray[np.float64]

NUDGE = 1e-3  # of a standard normal number, for one-sided derivatives
FARTHEST = 4.0  # standard normal numbers are kept within ± this
STRIDE = 1.5  # the longest step in any parameter
SETTLED = 0.1  # a gain in log posterior that nobody could notice
PATIENCE = 6  # dampings tried before the search gives up


@dataclass(frozen=True)
class Criterion:
    """What one step counts, and what a forecast `steps` ahead counts (Pollux's own choice).

    The default was chosen on the first 70 % of the reference people, see docs/models/sensor-only.md.
    """

    one_step: float = 0.2
    ahead: Mapping[int, float] = field(default_factory=lambda: MappingProxyType({6: 0.1, 12: 0.1, 24: 0.1}))


@dataclass(frozen=True)
class FitInfo:
    """How the search went: iterations, whether it settled, and minus the log posterior (up to a constant)."""

    iterations: int
    converged: bool
    cost: float


@dataclass(frozen=True)
class _Look:
    cost: float
    density: Array  # (n,)
    off: tuple[Array, ...]  # for each horizon: errors of the forecasts
    variance: tuple[Array, ...]


def fit(
    model: LinearModel, readings: Array, criterion: Criterion | None = None, *, most: int = 20
) -> tuple[Gaussian, FitInfo]:
    """The posterior of z given a value for each slot, NaN where nothing was read."""
    problem = _Problem(model, readings, criterion or Criterion())
    # One thread: the last bit of the answer must not depend on how busy the machine is.
    with threadpool_limits(limits=1):
        return _search(problem, problem.start(), most)


class _Problem:
    """The criterion for one person, looked at in several places at once."""

    def __init__(self, model: LinearModel, readings: Array, criterion: Criterion) -> None:
        self.model, self.readings, self.criterion = model, readings, criterion
        self.steps = tuple(criterion.ahead)
        read = np.isfinite(readings)
        self.read = read
        self.origins = [np.flatnonzero(read[:-h] & read[h:]) for h in self.steps]

    def start(self) -> Array:
        """The priors' medians, except that the usual glucose starts at the mean of what was read."""
        z = np.zeros(len(self.model.parameters))
        if self.read.any() and "usual" in self.model.parameter_names:
            i = self.model.parameter_names.index("usual")
            z[i] = np.clip(self.model.parameters[i].prior.to_standard(self.readings[self.read].mean()), -3.0, 3.0)
        return z

    def look(self, z: Array) -> list[_Look]:
        """One look for each row of `z` (N, P)."""
        slots = discretise(self.model, z)
        _, course = update(init(slots), slots, self.readings, look_ahead(slots, self.steps), moving=False)
        found = []
        for n, row in enumerate(z):
            density = course.log_density[n, self.read]
            cost = 0.5 * float(row @ row) - self.criterion.one_step * float(density.sum())
            off, variance = [], []
            for j, (h, k) in enumerate(zip(self.steps, self.origins, strict=True)):
                off.append(self.readings[k + h] - course.expected[n, k, j])
                variance.append(course.variance[n, k, j])
                misfit = np.log(variance[-1]) + off[-1] ** 2 / variance[-1]
                cost += 0.5 * self.criterion.ahead[h] * float(misfit.sum())
            cost = cost if np.isfinite(cost) else np.inf
            found.append(_Look(cost, density, tuple(off), tuple(variance)))
        return found

    def slope(self, z: Array, here: _Look) -> tuple[Array, Array]:
        """Gradient (P,) of the cost, and its expected curvature (P, P)."""
        size = z.size
        beside = self.look(z + NUDGE * np.eye(size))
        c = self.criterion
        jl = np.stack([(b.density - here.density) / NUDGE for b in beside])
        gradient, curvature = z - c.one_step * jl.sum(axis=1), np.eye(size) + c.one_step * jl @ jl.T
        for j, h in enumerate(self.steps):
            e, v = here.off[j], here.variance[j]
            je = np.stack([(b.off[j] - e) / NUDGE for b in beside])
            jv = np.stack([(b.variance[j] - v) / NUDGE for b in beside]) / v
            gradient = gradient + c.ahead[h] * (je @ (e / v) + 0.5 * jv @ (1.0 - e * e / v))
            curvature = curvature + c.ahead[h] * ((je / v) @ je.T + 0.5 * jv @ jv.T)
        return gradient, curvature


def _search(problem: _Problem, z: Array, most: int) -> tuple[Gaussian, FitInfo]:
    here, damping, iterations, converged = problem.look(z[None])[0], 1e-2, 0, False
    gradient, curvature = problem.slope(z, here)
    while iterations < most and not converged:
        iterations += 1
        for _ in range(PATIENCE):
            step = -np.linalg.solve(curvature + damping * np.diag(np.diag(curvature)), gradient)
            step *= min(1.0, STRIDE / float(np.abs(step).max()))
            there = np.clip(z + step, -FARTHEST, FARTHEST)
            seen = problem.look(there[None])[0]
            if seen.cost < here.cost:
                break
            damping *= 5.0
        else:
            converged = True  # no step in this direction gains anything
            break
        converged = here.cost - seen.cost < SETTLED
        z, here, damping = there, seen, max(damping / 5.0, 1e-4)
        gradient, curvature = problem.slope(z, here)
    covariance = np.linalg.inv(curvature)
    posterior = Gaussian(problem.model.parameter_names, z, 0.5 * (covariance + covariance.T))
    return posterior, FitInfo(iterations, converged, here.cost)
