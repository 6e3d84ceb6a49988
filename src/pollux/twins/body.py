"""What a twin asks of a calibrated model, whichever it is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from pollux.plans import Plan
from pollux.record import Event, Record
from pollux.twins.answers import Measurement, ParameterStory

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Future:
    """Draws of what comes: `glucose` and `sensed` (n, T) [mg/dL], and the sensor's 5 … 95 % `bands` (5, T)."""

    glucose: Array
    sensed: Array
    bands: Array
    calibrated: str


class Body(Protocol):
    """A calibrated model of one person at a time [min since 1970]: a frozen value."""

    @property
    def model(self) -> str:
        """The model's name."""

    @property
    def version(self) -> str:
        """The model's version."""

    @property
    def time(self) -> float:
        """The time of the last reading taken in."""

    @property
    def since(self) -> float:
        """From when on the body looks at the record: nothing before tells it anything but body weight."""

    def learn(self, record: Record, until: float, changed: Sequence[Event]) -> "Body":
        """The body after everything in the record up to a time, earlier or later than its own.

        `changed` are the events, old and new, in which the record differs from the one that the body was made of.
        """

    def forecast(self, record: Record, plan: Plan, start: float, ahead: Array) -> Future:
        """What comes from `start` on under a plan, `ahead` minutes later (T,)."""

    def parameters(self) -> tuple[ParameterStory, ...]:
        """What became of each parameter."""

    def unidentified(self) -> tuple[str, ...]:
        """Combinations of parameters that the data could not tell apart."""

    def fit(self) -> Mapping[str, float]:
        """How well the model has followed the data lately."""

    def next_measurement(self, record: Record, start: float) -> tuple[Measurement, ...]:
        """What would narrow the forecast most, best first."""

    def covariates(self, record: Record) -> Mapping[str, float]:
        """The numbers that the model's domain of validity is asked about."""

    def kept(self) -> Any:
        """What of the body goes into a checkpoint: a frozen value whose `restored()` is the body again."""
