"""Process noise: an input of a model that wanders by itself, from one slot of time to the next."""

from dataclasses import dataclass
from math import exp, isfinite, sqrt

from pollux.errors import ModelError


@dataclass(frozen=True)
class Wander:
    """Ornstein and Uhlenbeck's process, held constant within slots of ``every`` [time unit of the model]:

        d ← φ d + sd √(1 − φ²) ξ,   φ = exp(−every / memory),   ξ ~ N(0, 1),

    at each whole multiple of ``every``, with the stationary spread ``sd`` (in the unit of the input) at the start.

    >>> round(Wander(sd=0.2, memory=24.0, every=6.0).keep, 3)
    0.779
    """

    sd: float
    memory: float
    every: float

    def __post_init__(self) -> None:
        numbers = {"sd": self.sd, "memory": self.memory, "every": self.every}
        for name, value in numbers.items():
            if not (isfinite(value) and value > 0):
                raise ModelError(f"process noise with {name} = {value:g}", advice="All three are finite and above 0.")

    @property
    def keep(self) -> float:
        """φ: what is left of a deviation after one slot."""
        return exp(-self.every / self.memory)

    @property
    def push(self) -> float:
        """The standard deviation of what one slot adds."""
        return self.sd * sqrt(1.0 - self.keep**2)
