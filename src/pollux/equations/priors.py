"""How a parameter varies between people: each prior is a function of one standard normal number.

A calibrator works with ``z ~ N(0, 1)`` for every parameter; the prior turns ``z`` into the value in its unit and back.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pollux.errors import ModelError

Array = NDArray[np.float64]


class Prior(Protocol):
    """A parameter's distribution in the population, as a strictly increasing function of a standard normal ``z``."""

    @property
    def median(self) -> float:
        """The value at ``z = 0``."""

    def from_standard(self, z: ArrayLike) -> Array:
        """The parameter's value at ``z``."""

    def to_standard(self, value: ArrayLike) -> Array:
        """The ``z`` that gives this value; NaN where no ``z`` does."""

    def slope(self, z: ArrayLike) -> Array:
        """d value / d z."""


def _array(value: ArrayLike) -> Array:
    return np.asarray(value, dtype=np.float64)


def _must_be_positive(what: str, value: float) -> None:
    if not (np.isfinite(value) and value > 0):
        raise ModelError(f"{what} is {value}", advice="It must be a finite number above 0.")


def _must_be_finite(what: str, value: float) -> None:
    if not np.isfinite(value):
        raise ModelError(f"{what} is {value}", advice="It must be a finite number.")


@dataclass(frozen=True)
class Fixed:
    """The same value for everybody.

    >>> float(Fixed(6000.0).from_standard(1.3))
    6000.0
    """

    value: float

    def __post_init__(self) -> None:
        _must_be_finite("a fixed value", self.value)

    @property
    def median(self) -> float:
        """The value."""
        return self.value

    def from_standard(self, z: ArrayLike) -> Array:
        """The value, whatever ``z`` is."""
        return np.full_like(_array(z), self.value)

    def to_standard(self, value: ArrayLike) -> Array:
        """0: nothing about ``z`` can be learned from a fixed value."""
        return np.zeros_like(_array(value))

    def slope(self, z: ArrayLike) -> Array:
        """0."""
        return np.zeros_like(_array(z))


@dataclass(frozen=True)
class Normal:
    """value = mean + sd · z.

    >>> float(Normal(10.0, 2.0).from_standard(1.5))
    13.0
    """

    mean: float
    sd: float

    def __post_init__(self) -> None:
        _must_be_finite("the mean of a normal prior", self.mean)
        _must_be_positive("the sd of a normal prior", self.sd)

    @property
    def median(self) -> float:
        """The mean."""
        return self.mean

    def from_standard(self, z: ArrayLike) -> Array:
        """Mean + sd · z."""
        return self.mean + self.sd * _array(z)

    def to_standard(self, value: ArrayLike) -> Array:
        """(value - mean) / sd."""
        return (_array(value) - self.mean) / self.sd

    def slope(self, z: ArrayLike) -> Array:
        """The sd."""
        return np.full_like(_array(z), self.sd)


@dataclass(frozen=True)
class LogNormal:
    """value = median · exp(sd · z): positive, ``sd`` on the log scale (about the coefficient of variation).

    >>> float(LogNormal(1.6, 0.3).from_standard(0.0))
    1.6
    """

    center: float
    sd: float

    def __init__(self, median: float, sd: float) -> None:
        _must_be_positive("the median of a log-normal prior", median)
        _must_be_positive("the sd of a log-normal prior", sd)
        object.__setattr__(self, "center", median)
        object.__setattr__(self, "sd", sd)

    @property
    def median(self) -> float:
        """The value at ``z = 0``."""
        return self.center

    def from_standard(self, z: ArrayLike) -> Array:
        """Median · exp(sd · z)."""
        value: Array = self.center * np.exp(self.sd * _array(z))
        return value

    def to_standard(self, value: ArrayLike) -> Array:
        """ln(value / median) / sd; NaN for values that are not positive."""
        v = _array(value)
        z: Array = np.log(np.where(v > 0, v, np.nan) / self.center) / self.sd
        return z

    def slope(self, z: ArrayLike) -> Array:
        """Sd · value."""
        return self.sd * self.from_standard(z)


@dataclass(frozen=True)
class LogitNormal:
    """value = low + (high - low) / (1 + exp(-(m + sd · z))), where ``m`` puts the median at ``z = 0``.

    For fractions and other quantities with two ends.

    >>> prior = LogitNormal(0.0, 1.0, median=0.9, sd=0.5)
    >>> round(float(prior.from_standard(0.0)), 12), round(float(prior.to_standard(prior.from_standard(1.2))), 12)
    (0.9, 1.2)
    """

    low: float
    high: float
    center: float
    sd: float

    def __init__(self, low: float, high: float, median: float, sd: float) -> None:
        if not (np.isfinite(low) and np.isfinite(high) and low < median < high):
            raise ModelError(
                f"a logit-normal prior from {low} to {high} has its median at {median}",
                advice="The median must lie strictly between two finite ends.",
            )
        _must_be_positive("the sd of a logit-normal prior", sd)
        for name, value in (("low", low), ("high", high), ("center", median), ("sd", sd)):
            object.__setattr__(self, name, value)

    @property
    def median(self) -> float:
        """The value at ``z = 0``."""
        return self.center

    @property
    def _shift(self) -> float:
        return float(np.log((self.center - self.low) / (self.high - self.center)))

    def _fraction(self, z: ArrayLike) -> Array:
        # tanh form: finite for every z, where exp would overflow
        fraction: Array = 0.5 * (1.0 + np.tanh(0.5 * (self._shift + self.sd * _array(z))))
        return fraction

    def from_standard(self, z: ArrayLike) -> Array:
        """The value at ``z``."""
        return self.low + (self.high - self.low) * self._fraction(z)

    def to_standard(self, value: ArrayLike) -> Array:
        """The ``z`` of a value strictly between the ends; NaN elsewhere."""
        v = _array(value)
        inside = np.where((v > self.low) & (v < self.high), v, np.nan)
        z: Array = (np.log((inside - self.low) / (self.high - inside)) - self._shift) / self.sd
        return z

    def slope(self, z: ArrayLike) -> Array:
        """Sd · (high - low) · fraction · (1 - fraction)."""
        fraction = self._fraction(z)
        return self.sd * (self.high - self.low) * fraction * (1.0 - fraction)
