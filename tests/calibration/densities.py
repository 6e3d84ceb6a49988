"""Posteriors whose moments and evidence are known."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pollux.calibration.laplace import Gaussian

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Known:
    """A density for the samplers, from its log likelihood and the gradient of that."""

    prior: Gaussian
    likelihood: Callable[[Array], Array]
    slope: Callable[[Array], Array] | None = None

    @property
    def names(self) -> tuple[str, ...]:
        return self.prior.names

    def log_likelihood(self, z: Array) -> Array:
        return self.likelihood(z)

    def value_and_gradient(self, z: Array) -> tuple[float, Array]:
        assert self.slope is not None
        apart = z - self.prior.mean
        pull = np.linalg.solve(self.prior.covariance, apart)
        return float(self.likelihood(z[None, :])[0] - 0.5 * apart @ pull), self.slope(z) - pull


@dataclass(frozen=True)
class Linear:
    """y = D z + e, e ~ N(0, R): everything about it in closed form."""

    prior: Gaussian
    design: Array
    observed: Array
    noise: Array

    @property
    def density(self) -> Known:
        inverse = np.linalg.inv(self.noise)
        constant = -0.5 * np.linalg.slogdet(2.0 * np.pi * self.noise)[1]

        def likelihood(z: Array) -> Array:
            off = self.observed - z @ self.design.T
            value: Array = constant - 0.5 * np.einsum("ni,ij,nj->n", off, inverse, off)
            return value

        return Known(self.prior, likelihood, lambda z: self.design.T @ inverse @ (self.observed - self.design @ z))

    @property
    def posterior(self) -> Gaussian:
        total = self.design @ self.prior.covariance @ self.design.T + self.noise
        gain = self.prior.covariance @ self.design.T @ np.linalg.inv(total)
        mean = self.prior.mean + gain @ (self.observed - self.design @ self.prior.mean)
        return Gaussian(self.prior.names, mean, self.prior.covariance - gain @ self.design @ self.prior.covariance)

    @property
    def log_evidence(self) -> float:
        total = self.design @ self.prior.covariance @ self.design.T + self.noise
        off = self.observed - self.design @ self.prior.mean
        return float(-0.5 * (off @ np.linalg.solve(total, off) + np.linalg.slogdet(2.0 * np.pi * total)[1]))


def linear(seed: int, parameters: int = 4, readings: int = 8, noise: float = 0.3) -> Linear:
    """A linear problem with correlated errors and a correlated prior, and data that it gave."""
    rng = np.random.default_rng(seed)
    spread = 0.4 * rng.standard_normal((parameters, parameters))
    names = tuple("abcdefgh"[:parameters])
    prior = Gaussian(names, 0.3 * rng.standard_normal(parameters), spread @ spread.T + np.eye(parameters))
    design = rng.standard_normal((readings, parameters))
    lags = np.abs(np.subtract.outer(np.arange(readings), np.arange(readings)))
    error = noise**2 * np.exp(-lags / 2.0)
    truth = rng.multivariate_normal(prior.mean, prior.covariance)
    return Linear(prior, design, rng.multivariate_normal(design @ truth, error), error)


BANANA_WIDTH = 0.25


def banana() -> Known:
    """b lies on the parabola a² − 1, within a narrow error."""

    def likelihood(z: Array) -> Array:
        off = (z[:, 1] - z[:, 0] ** 2 + 1.0) / BANANA_WIDTH
        value: Array = -0.5 * off**2 - np.log(BANANA_WIDTH * np.sqrt(2.0 * np.pi))
        return value

    def slope(z: Array) -> Array:
        off = (z[1] - z[0] ** 2 + 1.0) / BANANA_WIDTH**2
        return np.array([2.0 * z[0] * off, -off])

    return Known(Gaussian.standard(("a", "b")), likelihood, slope)


def banana_truth() -> tuple[Array, Array, float]:
    """Mean and standard deviation of a and b, and the log evidence: b integrated by hand, a on a fine grid."""
    a = np.linspace(-8.0, 8.0, 200_001)
    total = 1.0 + BANANA_WIDTH**2
    weight = np.exp(-0.5 * a**2 - 0.5 * (a**2 - 1.0) ** 2 / total) / (2.0 * np.pi * np.sqrt(total))
    evidence = weight.sum() * (a[1] - a[0])
    weight /= weight.sum()
    mean_b = (a**2 - 1.0) / total
    mean = np.array([weight @ a, weight @ mean_b])
    variance = np.array([weight @ a**2, weight @ (mean_b**2 + BANANA_WIDTH**2 / total)]) - mean**2
    return mean, np.sqrt(variance), float(np.log(evidence))


MODE_WIDTH = 0.4
MODES = ((2.0, 0.2), (-1.5, 0.8))  # where, in every parameter, and the likelihood's height there


def two_modes(parameters: int) -> Known:
    def likelihood(z: Array) -> Array:
        parts = [np.log(height) - 0.5 * ((z - at) ** 2).sum(axis=1) / MODE_WIDTH**2 for at, height in MODES]
        value: Array = np.logaddexp(*parts)
        return value

    return Known(Gaussian.standard(tuple("abcdefgh"[:parameters])), likelihood)


def two_modes_truth(parameters: int) -> tuple[float, float]:
    """The posterior share of the first mode, and the log evidence: each part is a product of normal densities."""
    total = 1.0 + MODE_WIDTH**2
    parts = [
        height * (MODE_WIDTH / np.sqrt(total) * np.exp(-0.5 * at**2 / total)) ** parameters for at, height in MODES
    ]
    return parts[0] / sum(parts), float(np.log(sum(parts)))
