"""The multivariate Student-t distribution: a normal one with tails that forgive being placed a little wrong."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_triangular
from scipy.special import gammaln

from pollux.calibration.laplace import Gaussian

Array = NDArray[np.float64]


@dataclass(frozen=True)
class StudentT:
    """z = mean + lower · y / √(χ²_ν / ν), y standard normal, with ν = `tails` degrees of freedom, in P dimensions.

    Infinite `tails` make it the normal distribution with covariance lower · lowerᵀ.

    >>> cauchy = StudentT(np.zeros(1), np.eye(1), tails=1.0)
    >>> round(float(np.exp(cauchy.log_density(np.array([[1.0]]))[0])), 6) == round(1 / (2 * np.pi), 6)
    True
    """

    mean: Array
    lower: Array
    tails: float = np.inf

    @classmethod
    def around(cls, gaussian: Gaussian, *, widened: float = 1.0, tails: float = np.inf) -> "StudentT":
        """The one with a normal distribution's mean, and its covariance times `widened` for scale."""
        lower = np.linalg.cholesky(widened * gaussian.covariance)
        return cls(gaussian.mean, np.asarray(lower, dtype=np.float64), tails)

    @cached_property
    def _inverse(self) -> Array:
        """The inverse of `lower`, transposed."""
        return np.ascontiguousarray(solve_triangular(self.lower, np.eye(self.mean.size), lower=True).T)

    @cached_property
    def _constant(self) -> float:
        size, tails = self.mean.size, self.tails
        volume = -float(np.log(np.diag(self.lower)).sum())
        if np.isinf(tails):
            return volume - 0.5 * size * float(np.log(2.0 * np.pi))
        return volume + float(gammaln(0.5 * (tails + size)) - gammaln(0.5 * tails) - 0.5 * size * np.log(tails * np.pi))

    def standardise(self, z: Array) -> Array:
        """lower⁻¹ (z − mean) for each row of `z` (n, P)."""
        y: Array = (z - self.mean) @ self._inverse
        return y

    def place(self, y: Array) -> Array:
        """Mean + lower · y for each row of `y` (n, P)."""
        z: Array = y @ self.lower.T + self.mean
        return z

    def log_density(self, z: Array) -> Array:
        """The logarithm of the density at each row of `z` (n, P): (n,)."""
        return self._constant + self.log_shape(squared(self.standardise(z)))

    def log_shape(self, square: Array) -> Array:
        """The log density less its constant, of squared standardised distances (n,)."""
        if np.isinf(self.tails):
            return -0.5 * square
        value: Array = -0.5 * (self.tails + self.mean.size) * np.log1p(square / self.tails)
        return value

    def draw(self, count: int, rng: np.random.Generator) -> Array:
        """Draws, (count, P)."""
        y = rng.standard_normal((count, self.mean.size))
        if np.isfinite(self.tails):
            y *= np.sqrt(self.tails / rng.chisquare(self.tails, count))[:, None]
        return self.place(y)


def squared(y: Array) -> Array:
    """The squared length of each row, (n,)."""
    square: Array = np.einsum("ij,ij->i", y, y)
    return square
