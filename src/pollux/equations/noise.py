"""Measurement error that remembers itself from one reading to the next."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class CorrelatedNoise:
    """A smooth, stationary, zero-mean error of a sensor, and a white one on top.

    The smooth part e is critically damped, e″ + 2κ e′ + κ² e = white noise, with stationary spread `sd`:

        cov(e(t), e(t + Δ)) = sd² (1 + κ|Δ|) exp(−κ|Δ|)

    `sd` and `white_sd` have the unit of the measurement, `rate` κ is per minute.

    >>> noise = CorrelatedNoise(sd=8.0, rate=0.09, white_sd=1.0)
    >>> noise.covariance(np.array([0.0, 5.0])).round(2)
    array([[65.  , 59.17],
           [59.17, 65.  ]])
    """

    sd: float
    rate: float
    white_sd: float = 0.0

    def covariance(self, times: Array) -> Array:
        """The covariance of the errors of readings at `times` [min], of shape `(readings, readings)`."""
        lag = self.rate * np.abs(times[:, None] - times[None, :])
        return self.sd**2 * (1.0 + lag) * np.exp(-lag) + self.white_sd**2 * np.eye(times.size)

    def stationary(self) -> Array:
        """The covariance of (e, e′) at any one time, `(2, 2)`."""
        return np.diag([self.sd**2, (self.rate * self.sd) ** 2])

    def step(self, minutes: float) -> tuple[Array, Array]:
        """How (e, e′) moves over some minutes: the transition and the covariance of what is added, both `(2, 2)`."""
        k, d = self.rate, minutes
        transition = np.exp(-k * d) * np.array([[1.0 + k * d, d], [-k * k * d, 1.0 - k * d]])
        stationary = self.stationary()
        added = stationary - transition @ stationary @ transition.T
        return transition, 0.5 * (added + added.T)
