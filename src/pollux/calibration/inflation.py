"""How much wider an ensemble should be than its model makes it, learned from the readings.

A filter that knows too little of the noise in its model becomes sure of itself and stops listening. Before each reading
the members' deviations from their mean are stretched by √λ, so that the innovation d, the reading less what was
expected of it, has the variance

    E d² = λ s + r,   s the members' variance before they are stretched, r the reading's own.

λ is estimated by what the innovations say of it, log N(d; 0, λ s + r), on a grid of log λ; what was said fades towards
a prior around 1, so that λ may change:

    log p(λ) ← ρ log p(λ) + (1 − ρ) log p₀(λ) + log N(d; 0, λ s + r).

As in Anderson's adaptive inflation (Tellus A 2009; its abstract was read; doi:10.1111/j.1600-0870.2008.00361.x is
*unverified*) λ is a random variable with Bayes' rule; he takes it to be normal, here it is what the readings make it.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from pollux.calibration.ensemble import UpdateInfo, assimilate

Array = NDArray[np.float64]

# Pollux's own choices.
GRID = np.linspace(-np.log(64.0), np.log(64.0), 121)  # log λ
PRIOR_SD = 1.0  # of log λ around 0: a factor of e either way
MEMORY = 200.0  # readings: 1/(1 − ρ)
TELLING = 1.5  # a factor that a person should hear of


@dataclass(frozen=True)
class Inflation:
    """What is known of λ: its log density on `GRID`, (121,), up to a constant."""

    log_density: Array
    memory: float = MEMORY

    @property
    def _weights(self) -> Array:
        weights = np.exp(self.log_density - self.log_density.max())
        normalised: Array = weights / weights.sum()
        return normalised

    @property
    def factor(self) -> float:
        """λ: e to the mean of log λ."""
        return float(np.exp((self._weights * GRID).sum()))

    @property
    def sd(self) -> float:
        """The standard deviation of log λ: about how many parts of itself λ is uncertain by."""
        weights = self._weights
        return float(np.sqrt((weights * (GRID - (weights * GRID).sum()) ** 2).sum()))

    @property
    def advice(self) -> str:
        """What a person should make of it; nothing where all is well."""
        sure = abs(np.log(self.factor)) > 2.0 * self.sd
        if sure and self.factor > TELLING:
            return f"Readings stray further than the model allows (λ {self.factor:.1f}): it has too little noise."
        if sure and self.factor < 1.0 / TELLING:
            return f"Readings stray less than the model allows (λ {self.factor:.1f}): it has too much noise."
        return ""


def init(memory: float = MEMORY) -> Inflation:
    """Before any reading: λ about 1, within a factor of e."""
    return Inflation(_prior(), memory)


def _prior() -> Array:
    return -0.5 * np.square(GRID / PRIOR_SD)


def learn(inflation: Inflation, innovation: float, spread: float, variance: float) -> Inflation:
    """Take in one innovation d; `spread` is s, the variance of what the members expected, `variance` is r."""
    keep = 1.0 - 1.0 / inflation.memory
    total = np.exp(GRID) * spread + variance
    told = -0.5 * (np.log(total) + innovation**2 / total)
    log_density = keep * inflation.log_density + (1.0 - keep) * _prior() + told
    return replace(inflation, log_density=log_density - log_density.max())


def inflate(members: Array, factor: float, columns: slice = slice(None)) -> Array:
    """Members (n, V) with the variance of some columns multiplied by a factor, their means and the others left.

    >>> inflate(np.array([[1.0, 5.0], [3.0, 7.0]]), 4.0, slice(0, 1))
    array([[0., 5.],
           [4., 7.]])
    """
    wider = members.copy()
    centre = members[:, columns].mean(axis=0)
    wider[:, columns] = centre + np.sqrt(factor) * (members[:, columns] - centre)
    return wider


def update(
    inflation: Inflation,
    members: Array,
    predicted: Array,
    reading: float,
    variance: float,
    *,
    columns: slice = slice(None),
) -> tuple[Inflation, Array, UpdateInfo]:
    """Stretch the members, condition them on one scalar reading, and learn from it how much to stretch the next time.

    `members` (n, V), `predicted` (n,) what each expected to read, from columns that are stretched; `variance` of the
    reading's own error. Members are stretched by what was known before the reading, so that its innovation stays a fair
    test of the filter.
    """
    factor, centre = inflation.factor, float(predicted.mean())
    apart = predicted - centre
    known, info = assimilate(inflate(members, factor, columns), centre + np.sqrt(factor) * apart, reading, variance)
    spread = float(apart @ apart) / (predicted.size - 1)
    return learn(inflation, reading - centre, spread, variance), known, info
