"""What a sampler has to know of a posterior, and nothing more.

Samplers work in standardised space: every parameter is a function of a number z, and the vector z has the prior
N(m, R), usually N(0, I). What the model, the doses and the readings are is the business of who provides this.
"""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pollux.calibration.laplace import Gaussian

Array = NDArray[np.float64]


class Density(Protocol):
    """An unnormalised posterior density over z: prior times likelihood."""

    @property
    def names(self) -> tuple[str, ...]:
        """The parameters, P of them, in the order of z."""

    @property
    def prior(self) -> Gaussian:
        """The prior of z."""

    def log_likelihood(self, z: Array) -> Array:
        """log p(data | z) for each row of `z` (n, P): (n,), −inf where the model cannot be run.

        With all its constants, so that a log evidence means something. A row's value depends on no other row.
        """

    def value_and_gradient(self, z: Array) -> tuple[float, Array]:
        """log p(z) + log p(data | z) at one point `z` (P,), and its gradient (P,); −inf and anything where it cannot be
        run.
        """
