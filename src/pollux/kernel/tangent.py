"""Numbers of many patients with their derivatives by some columns: forward differentiation of short formulas."""

from dataclasses import dataclass
from typing import Union

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Tangent:
    """``value (m,)`` of each patient and ``slope (C, m)`` by each column.

    >>> x = Tangent(np.array([3.0]), np.array([[1.0]]))
    >>> ((x * x + 1.0) / x).slope.round(6).tolist()
    [[0.888889]]
    """

    value: Array
    slope: Array

    def like(self, value: "Number") -> "Tangent":
        """A number that depends on nothing, in the shape of this one."""
        if isinstance(value, Tangent):
            return value
        return Tangent(np.full_like(self.value, value), np.zeros_like(self.slope))

    def __add__(self, other: "Number") -> "Tangent":
        o = self.like(other)
        return Tangent(self.value + o.value, self.slope + o.slope)

    def __sub__(self, other: "Number") -> "Tangent":
        o = self.like(other)
        return Tangent(self.value - o.value, self.slope - o.slope)

    def __mul__(self, other: "Number") -> "Tangent":
        o = self.like(other)
        return Tangent(self.value * o.value, self.slope * o.value + self.value * o.slope)

    def __truediv__(self, other: "Number") -> "Tangent":
        o = self.like(other)
        with np.errstate(all="ignore"):  # who divides by nothing is refused by name, not warned of
            ratio = self.value / o.value
            return Tangent(ratio, (self.slope - ratio * o.slope) / o.value)

    def where(self, condition: NDArray[np.bool_], other: "Number") -> "Tangent":
        """This one where the condition holds, the other elsewhere."""
        o = self.like(other)
        return Tangent(np.where(condition, self.value, o.value), np.where(condition, self.slope, o.slope))


Number = Union[Tangent, float]  # noqa: UP007 - a forward reference in an alias
