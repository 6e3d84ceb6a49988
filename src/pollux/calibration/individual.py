"""The most probable parameters of one person, and a normal distribution around them.

Fisher scoring with Levenberg's damping on the posterior of ``posterior``:

    H = Σ_k I_k J_k J_kᵀ + R⁻¹,   z ← z + (H + λ diag H)⁻¹ ∇ ln p(z | y),

I_k being the information of reading k. At the mode the posterior is taken for N(z*, H⁻¹) (Laplace), and

    ln p(y) ≈ ln p(y | z*) + ln N(z*; 0, R) + ½ P ln 2π − ½ ln det H.

With many people that is what NONMEM calls FOCE with interaction (``population``).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.lapack import dpotrf, dpotri, dpotrs

from pollux.calibration.laplace import Gaussian
from pollux.calibration.posterior import Look, Posterior
from pollux.errors import ModelError

Array = NDArray[np.float64]

SETTLED = 1e-10  # of the log-posterior that one more step would promise
MOST = 100
LONGEST = 2.0  # step in any z


@dataclass(frozen=True, eq=False)
class Estimate:
    """One person's fit.

    ``posterior`` is the normal approximation over z, ``values`` the parameters in their units at the mode, ``look`` the
    readings as seen from there, ``log_evidence`` ≈ ln p(y). ``advice`` is for people.
    """

    posterior: Gaussian
    values: dict[str, float]
    look: Look
    log_posterior: float
    log_evidence: float
    iterations: int
    converged: bool

    @property
    def advice(self) -> str:
        """What a person should make of it; empty if all is well."""
        if not self.converged:
            return "The search did not settle: check doses, times and units, or use a sampler."
        return ""


def estimate(posterior: Posterior, start: Array | None = None) -> Estimate:
    """Find the mode and the curvature there; the search begins at ``start``, or at the prior's mean."""
    P = len(posterior.names)
    z = np.zeros(P) if start is None else np.array(start, dtype=np.float64)
    precision = np.linalg.inv(posterior.prior.covariance)
    constant = -0.5 * (P * np.log(2.0 * np.pi) - float(np.linalg.slogdet(precision)[1]))

    def seen(at: Array) -> tuple[float, Look]:
        look = posterior.look(at)
        return look.log_likelihood - 0.5 * float(at @ precision @ at), look

    value, look = seen(z)
    if not np.isfinite(value):
        raise ModelError(
            "the readings have no probability where the search begins",
            where=posterior.model.name,
            advice="Check the doses, the covariates, the units, and that the model can be run.",
        )
    damping, harder, converged, iterations = 1e-4, 2.0, False, 0
    while iterations < MOST and not converged and damping < 1e12:
        iterations += 1
        hessian = (look.jacobian.T * look.information) @ look.jacobian + precision
        gradient = look.slope @ look.jacobian - precision @ z
        factor, _ = dpotrf(hessian + damping * np.diag(np.diag(hessian)), lower=1)
        step, _ = dpotrs(factor, gradient, lower=1)
        step *= min(1.0, LONGEST / max(float(np.abs(step).max()), 1e-300))
        gain = float(gradient @ step) - 0.5 * float(step @ hessian @ step)
        trial, there = seen(z + step)
        if gain < SETTLED:
            converged = True
            if trial >= value:
                z, value, look = z + step, trial, there
        elif trial > value:
            kept = (trial - value) / gain
            damping = max(damping * max(1.0 / 3.0, 1.0 - (2.0 * kept - 1.0) ** 3), 1e-12)
            z, value, look, harder = z + step, trial, there, 2.0
        else:
            damping, harder = damping * harder, 2.0 * harder
    hessian = (look.jacobian.T * look.information) @ look.jacobian + precision
    factor, _ = dpotrf(hessian, lower=1)
    half, _ = dpotri(factor, lower=1)
    covariance = np.tril(half) + np.tril(half, -1).T
    log_det = 2.0 * float(np.log(np.diag(factor)).sum())
    evidence = value + constant + 0.5 * P * float(np.log(2.0 * np.pi)) - 0.5 * log_det
    return Estimate(
        Gaussian(posterior.names, z, covariance),
        posterior.individual(z),
        look,
        value + constant,
        evidence,
        iterations,
        converged,
    )
