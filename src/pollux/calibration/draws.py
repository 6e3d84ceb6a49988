"""A posterior as weighted draws: what every sampler hands back."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pollux.calibration.laplace import Gaussian
from pollux.calibration.resampling import effective_size, normalised, systematic
from pollux.errors import ModelError

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Draws:
    """Draws `z` (n, P) of named standardised parameters with `log_weights` (n,), known up to a common constant.

    Their order means nothing.

    >>> draws = Draws(("a",), np.array([[0.0], [1.0]]), np.log([0.25, 0.75]))
    >>> draws.mean, draws.covariance, round(draws.effective_size, 2)
    (array([0.75]), array([[0.1875]]), 1.6)
    """

    names: tuple[str, ...]
    z: Array
    log_weights: Array

    def __post_init__(self) -> None:
        if self.z.ndim != 2 or self.z.shape[1] != len(self.names) or self.log_weights.shape != self.z.shape[:1]:
            raise ModelError("names, draws and weights do not fit together")
        if not len(self.z) or not np.isfinite(self.log_weights.max()):
            raise ModelError(
                "no draw has any weight",
                advice="The model could not be run, or gives the data no probability, anywhere: check doses and units.",
            )

    @classmethod
    def equal(cls, names: Sequence[str], z: Array) -> "Draws":
        """Draws that all count the same."""
        return cls(tuple(names), z, np.zeros(len(z)))

    @property
    def weights(self) -> Array:
        """The weights, (n,), summing to one."""
        return normalised(self.log_weights)[0]

    @property
    def effective_size(self) -> float:
        """How many equally weighted draws the weights are worth; it knows nothing of draws that resemble each other."""
        return effective_size(self.weights)

    @property
    def mean(self) -> Array:
        """The posterior mean, (P,)."""
        mean: Array = np.einsum("i,ij->j", self.weights, self.z)
        return mean

    @property
    def covariance(self) -> Array:
        """The posterior covariance, (P, P)."""
        apart = self.z - self.mean
        covariance: Array = (apart * self.weights[:, None]).T @ apart
        return covariance

    @property
    def sd(self) -> Array:
        """The posterior standard deviations, (P,)."""
        return np.sqrt(np.diag(self.covariance))

    def quantile(self, levels: ArrayLike) -> Array:
        """Marginal quantiles, (levels, P): each draw stands at the middle of its weight, in between by straight lines.

        >>> Draws.equal(("a",), np.array([[3.0], [1.0], [2.0]])).quantile([0.5, 1 / 3])[:, 0]
        array([2. , 1.5])
        """
        wanted, weights = np.atleast_1d(np.asarray(levels, dtype=np.float64)), self.weights
        result = np.empty((wanted.size, len(self.names)))
        for column, values in enumerate(self.z.T):
            order = np.argsort(values, kind="stable")
            sorted_weights = weights[order]
            result[:, column] = np.interp(wanted, np.cumsum(sorted_weights) - 0.5 * sorted_weights, values[order])
        return result

    def marginal(self, names: Sequence[str]) -> "Draws":
        """The draws of some of the parameters."""
        return Draws(tuple(names), self.z[:, [self.names.index(name) for name in names]], self.log_weights)

    def resampled(self, count: int, rng: np.random.Generator) -> Array:
        """As many equal draws, (count, P), in random order; of equal draws none is taken twice."""
        order = rng.permutation(len(self.z))
        z: Array = self.z[order[systematic(self.weights[order], count, rng)]]
        return z

    @property
    def gaussian(self) -> Gaussian:
        """The normal distribution with the same mean and covariance."""
        return Gaussian(self.names, self.mean, self.covariance)
