"""The error of a continuous glucose sensor: calibration that is off and drifts, and noise that remembers.

Source: the error model of Vettoretti et al., Sensors 2019;19(23):5320 (doi:10.3390/s19235320), with the means and the
covariance of its parameters as coded by the authors of ReplayBG (package py-replay-bg, sensors/Vettoretti19CGM.py); the
printed paper was not compared (*unverified*).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pollux.equations.noise import CorrelatedNoise

Array = NDArray[np.float64]

# gain, gain drift [1/day], gain curvature [1/day²], offset [mg/dL], AR(2) coefficients at 5 min, innovation sd [mg/dL]
_MEAN = np.array([0.942288, 0.00493988, -0.000584875, 6.3826, 1.260407, -0.402223, 3.251636])
# Lower triangle, row by row, of the covariance of the same seven.
_COVARIANCE = (
    (0.0132458,),
    (-0.0039513, 0.0018528),
    (0.000312767, -0.000155803, 0.0000137460),
    (0.157179, -0.102880, 0.00806859, 29.0058),
    (0.00268766, -0.00139023, 0.000120750, 0.124083, 0.0207935),
    (-0.00289046, 0.00115919, -0.000100421, -0.101936, -0.0184311, 0.0187009),
    (-0.00318017, -0.00272849, 0.000111303, 0.600758, -0.0157218, 0.0155233, 0.723568),
)

# What calibration assumes of a sensor. The AR(2) polynomial with the mean coefficients has its roots at modulus
# sqrt(0.402) = 0.634 per 5 min, nearly a double root: a critically damped process of rate −ln(0.634)/5 = 0.091 /min;
# its stationary spread is 8.1 mg/dL. The white part covers rounding to 1 mg/dL and is Pollux's own choice (unverified).
NOISE = CorrelatedNoise(sd=8.1, rate=0.091, white_sd=1.0)


@dataclass(frozen=True)
class SensorError:
    """One sensor's own error: CGM(t) = (gain + drift·d + curvature·d²)·G(t) + offset + e(t), d in days since insertion.

    e is autoregressive of second order at 5-minute steps, with innovations of `noise_sd` [mg/dL].
    """

    gain: float = float(_MEAN[0])
    drift: float = float(_MEAN[1])
    curvature: float = float(_MEAN[2])
    offset: float = float(_MEAN[3])
    first: float = float(_MEAN[4])
    second: float = float(_MEAN[5])
    noise_sd: float = float(_MEAN[6])

    @classmethod
    def draw(cls, rng: np.random.Generator) -> "SensorError":
        """A sensor out of the population.

        Draws whose noise would not be stationary, or larger than 10 mg/dL, are drawn again, as in the source's code.
        """
        lower = np.zeros((7, 7))
        for i, row in enumerate(_COVARIANCE):
            lower[i, : i + 1] = row
        covariance = lower + np.tril(lower, -1).T
        while True:
            sensor = cls(*(float(v) for v in rng.multivariate_normal(_MEAN, covariance)))
            if sensor.noise_sd > 0 and 0.0 < sensor._noise_variance() <= 100.0:
                return sensor

    def _noise_variance(self) -> float:
        a, b = self.first, self.second
        if not (abs(b) < 1.0 and a + b < 1.0 and b - a < 1.0):
            return -1.0
        return (1 - b) * self.noise_sd**2 / ((1 + b) * ((1 - b) ** 2 - a**2))

    def measure(self, glucose: Array, days: Array, rng: np.random.Generator) -> Array:
        """What the sensor shows, at 5-minute steps, of interstitial glucose [mg/dL]; both arrays `(readings,)`.

        >>> exact = SensorError(1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1e-9)
        >>> exact.measure(np.full(3, 100.0), np.zeros(3), np.random.default_rng(0)).round(3)
        array([100., 100., 100.])
        """
        scaled = (self.gain + self.drift * days + self.curvature * days**2) * glucose + self.offset
        error = np.zeros(glucose.size)
        one = two = 0.0
        for i, fresh in enumerate(rng.normal(0.0, self.noise_sd, glucose.size)):
            one, two = self.first * one + self.second * two + fresh, one
            error[i] = one
        return scaled + error
