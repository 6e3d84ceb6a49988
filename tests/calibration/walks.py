"""A linear process with a parameter in it, and Kalman's exact answer about it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Walk:
    """x ← keep · x + drift + w, w ~ N(0, process), read as y = x + e, e ~ N(0, error); x and drift begin as N(0, I)."""

    keep: float = 0.9
    process: float = 0.2
    error: float = 0.5

    def simulate(self, count: int, seed: int, drift: bool = True) -> tuple[Array, Array]:
        """The course of x, and the readings."""
        rng = np.random.default_rng(seed)
        x, pull = rng.standard_normal(2) * [1.0, float(drift)]
        course = np.empty(count)
        for t in range(count):
            x = self.keep * x + pull + np.sqrt(self.process) * rng.standard_normal()
            course[t] = x
        return course, course + np.sqrt(self.error) * rng.standard_normal(count)

    def propagate(self, members: Array, t0: float, t1: float, rng: np.random.Generator) -> Array:
        """Members' x and drift, one step on."""
        moved = members.copy()
        noise = np.sqrt(self.process) * rng.standard_normal(len(members))
        moved[:, 0] = self.keep * members[:, 0] + members[:, 1] + noise
        return moved

    def log_density(self, reading: float, members: Array) -> Array:
        value: Array = -0.5 * ((reading - members[:, 0]) ** 2 / self.error + np.log(2.0 * np.pi * self.error))
        return value

    def exact(self, readings: Array, drift: bool = True) -> tuple[Array, Array, float]:
        """Mean (n, 2) and covariance (n, 2, 2) after each reading, and the log evidence of all."""
        move = np.array([[self.keep, 1.0], [0.0, 1.0]])
        mean, covariance, log_evidence = np.zeros(2), np.diag([1.0, float(drift)]), 0.0
        means, covariances = [], []
        for reading in readings:
            mean = move @ mean
            covariance = move @ covariance @ move.T + np.diag([self.process, 0.0])
            total, off = covariance[0, 0] + self.error, reading - mean[0]
            log_evidence -= 0.5 * (off**2 / total + np.log(2.0 * np.pi * total))
            gain = covariance[:, 0] / total
            mean, covariance = mean + gain * off, covariance - np.outer(gain, covariance[0])
            means.append(mean)
            covariances.append(covariance)
        return np.array(means), np.array(covariances), float(log_evidence)
