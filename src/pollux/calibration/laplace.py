"""The most probable parameters and a normal distribution around them.

With every parameter a function of a standard-normal number z, prior z ~ N(m, S), data y = h(z) + e, e ~ N(0, R):

    z* = argmin ½ (y − h(z))ᵀ R⁻¹ (y − h(z)) + ½ (z − m)ᵀ S⁻¹ (z − m)
    posterior ≈ N(z*, (Jᵀ R⁻¹ J + S⁻¹)⁻¹),  J = ∂h/∂z at z*

found by Gauss–Newton with Levenberg's damping on forward sensitivities (Nocedal & Wright, Numerical Optimization,
ch. 10; MacKay, Information Theory, Inference, and Learning Algorithms, ch. 27, for Laplace's approximation).
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve, cholesky, solve_triangular
from threadpoolctl import ThreadpoolController

from pollux.errors import ModelError

Array = NDArray[np.float64]
# The search has settled when a step promises less than this in log-posterior: far below what a person could notice.
SETTLED = 1e-3
Forward = Callable[[Array], tuple[Array, Array]]  # z (P,) → prediction (N,), jacobian (N, P)


@dataclass(frozen=True)
class Gaussian:
    """A normal distribution over named standardised parameters: `mean` (P,), `covariance` (P, P)."""

    names: tuple[str, ...]
    mean: Array
    covariance: Array

    def __post_init__(self) -> None:
        if self.mean.shape != (len(self.names),) or self.covariance.shape != (len(self.names),) * 2:
            raise ModelError("names, mean and covariance of a distribution do not fit together")

    @property
    def sd(self) -> Array:
        """The standard deviations, `(P,)`."""
        return np.sqrt(np.diag(self.covariance))

    def draw(self, count: int, rng: np.random.Generator) -> Array:
        """Draws of shape `(count, P)`."""
        lower = cholesky(self.covariance + 1e-12 * np.eye(self.mean.size), lower=True)
        return self.mean + rng.standard_normal((count, self.mean.size)) @ lower.T

    def marginal(self, names: Sequence[str]) -> "Gaussian":
        """The distribution of some of the parameters."""
        keep = [self.names.index(name) for name in names]
        return Gaussian(tuple(names), self.mean[keep], self.covariance[np.ix_(keep, keep)])

    @classmethod
    def standard(cls, names: Sequence[str]) -> "Gaussian":
        """Independent standard normals: what every prior is before a record is read."""
        return cls(tuple(names), np.zeros(len(names)), np.eye(len(names)))


@dataclass(frozen=True)
class FitInfo:
    """How the fit went, for people.

    `misfit` is the mean square of the whitened residuals, about 1 when the model fits.
    """

    iterations: int
    converged: bool
    misfit: float
    log_evidence: float
    residuals: Array
    jacobian: Array  # whitened, (N, P): what diagnostics look at

    @property
    def advice(self) -> str:
        """What a person should make of it."""
        if not self.converged:
            return "The search did not settle: trust the intervals less, and look at the data for a wrong dose or meal."
        if self.misfit > 2.0:
            return "The model leaves more unexplained than its sensor error allows: look for unlogged meals or doses."
        return ""


@cache
def _linear_algebra() -> ThreadpoolController:
    return ThreadpoolController()


def one_thread() -> AbstractContextManager[object]:
    """Within this, linear algebra runs on one thread.

    The matrices are small: more threads would wait for each other, and the last bit of an answer must not depend on how
    busy the machine is.
    """
    limited: AbstractContextManager[object] = _linear_algebra().limit(limits=1)
    return limited


def fit(
    forward: Forward,
    observed: Array,
    noise: Array,
    prior: Gaussian,
    *,
    start: Array | None = None,
    skewed: int = 0,
    most: int = 60,
) -> tuple[Gaussian, FitInfo]:
    """Find the posterior of z given readings.

    `observed` (N,), `noise` the covariance of their errors (N, N). The search begins at `start`, or
    at the prior's mean. A step that the forward model cannot make (not-a-number in its prediction) is shortened.

    The `skewed` first parameters have their means moved from the mode to the centre of mass, to first order, by at most
    one standard deviation:

        E[z] ≈ z* − ½ Σ ∇ log det H(z*),  H = Jᵀ R⁻¹ J + S⁻¹,  Σ = H⁻¹

    (Tierney & Kadane, J Am Stat Assoc 1986, doi:10.1080/01621459.1986.10478240). Without it a parameter that damps
    what many nuisance parameters can do is found too small: the mode does not see how much room they have.
    """
    with one_thread():
        return _search(forward, observed, noise, prior, prior.mean if start is None else start, skewed, most)


def _search(
    forward: Forward, observed: Array, noise: Array, prior: Gaussian, start: Array, skewed: int, most: int
) -> tuple[Gaussian, FitInfo]:
    whiten = solve_triangular(cholesky(noise, lower=True), np.eye(observed.size), lower=True)
    prior_factor = cho_factor(prior.covariance, lower=True)
    precision = cho_solve(prior_factor, np.eye(prior.mean.size))

    def look(z: Array) -> tuple[float, Array, Array]:
        predicted, jacobian = forward(z)
        if not (np.all(np.isfinite(predicted)) and np.all(np.isfinite(jacobian))):
            return np.inf, np.zeros(0), np.zeros((0, 0))
        both = whiten @ np.column_stack([observed - predicted, jacobian])
        r, w = both[:, 0], both[:, 1:]
        d = z - prior.mean
        return 0.5 * float(r @ r) + 0.5 * float(d @ precision @ d), r, w

    z = start.copy()
    cost, r, w = look(z)
    if not np.isfinite(cost):
        raise ModelError("the model cannot be run at its prior's centre", advice="Check the doses and the body weight.")
    damping, harder, converged, iterations = 1e-3, 2.0, False, 0
    while iterations < most and damping < 1e9 and not converged:
        iterations += 1
        hessian = w.T @ w + precision
        gradient = w.T @ r - precision @ (z - prior.mean)
        step, gain = _step(hessian, gradient, damping)
        if gain < SETTLED:
            converged = True
            step = cho_solve(cho_factor(hessian, lower=True), gradient)
        trial_cost, trial_r, trial_w = look(z + step)
        if trial_cost < cost or (converged and trial_cost < cost + SETTLED):
            # Nielsen's rule: the damping follows how much of the promised gain was kept.
            kept = (cost - trial_cost) / max(gain, 1e-300)
            damping = max(damping * max(1.0 / 3.0, 1.0 - (2.0 * kept - 1.0) ** 3), 1e-9)
            z, cost, r, w, harder = z + step, trial_cost, trial_r, trial_w, 2.0
        else:
            damping, harder = damping * harder, 2.0 * harder
    posterior_factor = cho_factor(w.T @ w + precision, lower=True)
    covariance = cho_solve(posterior_factor, np.eye(z.size))
    log_evidence = (
        -cost
        - 0.5 * observed.size * np.log(2 * np.pi)
        + np.log(np.diag(whiten)).sum()
        - np.log(np.diag(prior_factor[0])).sum()
        - np.log(np.diag(posterior_factor[0])).sum()
    )
    info = FitInfo(iterations, converged, float(np.mean(r**2)), float(log_evidence), r, w)
    covariance = 0.5 * (covariance + covariance.T)
    slope = np.zeros(z.size)
    for i in range(skewed):
        reach = np.zeros(z.size)
        reach[i] = 0.5 * np.sqrt(covariance[i, i])
        sides = [look(z + reach)[2], look(z - reach)[2]]
        if all(side.size for side in sides):
            up, down = (np.linalg.slogdet(side.T @ side + precision)[1] for side in sides)
            slope[i] = (up - down) / (2.0 * reach[i])
    sd = np.sqrt(np.diag(covariance))
    return Gaussian(prior.names, z + np.clip(-0.5 * covariance @ slope, -sd, sd), covariance), info


def _step(hessian: Array, gradient: Array, damping: float) -> tuple[Array, float]:
    """A damped Gauss–Newton step, at most 3 long in any parameter, and the gain that it promises."""
    damped = hessian + damping * np.diag(np.diag(hessian))
    step = cho_solve(cho_factor(damped, lower=True), gradient)
    step = step * min(1.0, 3.0 / max(float(np.abs(step).max()), 1e-300))
    return step, float(gradient @ step - 0.5 * step @ hessian @ step)
