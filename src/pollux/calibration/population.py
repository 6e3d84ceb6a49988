"""The marginal likelihood of a population at given parameters: FOCE with interaction.

For each person i with readings y_i, the integral over what is individual is taken by Laplace's method with the expected
information in place of the Hessian (Lindstrom and Bates, Biometrics 1990, doi:10.2307/2532087; Wang, J Pharmacokinet
Pharmacodyn 2007, doi:10.1007/s10928-007-9060-6; both unverified):

    O_i = −2 ln p(y_i) ≈ −2 ln p(y_i | η̂) + η̂ᵀ Ω⁻¹ η̂ + ln det Ω + ln det (Σ_k I_k g_k g_kᵀ + Ω⁻¹) − n_i ln 2π,

I_k = 1/σ² + 2 σ′²/σ² and g_k = ∂f_k/∂η. As NONMEM does, n_i ln 2π is left out, so that objectives can be compared with
its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pollux.calibration.individual import Estimate, estimate
from pollux.calibration.posterior import Posterior

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Objective:
    """−2 ln likelihood without its constant: of the population, and of each person ``(people,)`` with their fits."""

    value: float
    each: Array
    fits: tuple[Estimate, ...]


def objective(people: Sequence[Posterior]) -> Objective:
    """The FOCE-I objective at the parameters that the people's models state."""
    fits = tuple(estimate(person) for person in people)
    counts = np.array([len(person.readings) for person in people])
    each = np.array([-2.0 * fit.log_evidence for fit in fits]) - counts * np.log(2.0 * np.pi)
    return Objective(float(each.sum()), each, fits)
