"""For whom a model may speak, and why not for others."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from pollux.errors import ModelError


@dataclass(frozen=True)
class Range:
    """The values of one quantity for which the model was made, ends included."""

    name: str
    low: float
    high: float
    unit: str
    reason: str

    def __post_init__(self) -> None:
        if not self.low <= self.high:
            raise ModelError(f"the range of {self.name} runs from {self.low} to {self.high}")


@dataclass(frozen=True)
class Domain:
    """The ranges within which a model was made and tested.

    >>> domain = Domain(Range("age", 18, 80, "a", "the studied adults"))
    >>> domain.outside({"age": 12.0})
    ['age is 12 a, outside 18 to 80 a: the studied adults']
    >>> domain.outside({"age": 30.0, "body_weight": 70.0})
    []
    """

    ranges: tuple[Range, ...]

    def __init__(self, *ranges: Range) -> None:
        names = [r.name for r in ranges]
        if len(set(names)) != len(names):
            raise ModelError(f"a domain names a quantity twice: {', '.join(names)}")
        object.__setattr__(self, "ranges", tuple(ranges))

    def outside(self, values: Mapping[str, float]) -> list[str]:
        """Say, for each given value that lies outside its range, why the model abstains."""
        reasons = []
        for r in self.ranges:
            value = values.get(r.name)
            if value is None:
                continue
            if math.isnan(value) or not r.low <= value <= r.high:
                reasons.append(f"{r.name} is {value:g} {r.unit}, outside {r.low:g} to {r.high:g} {r.unit}: {r.reason}")
        return reasons
