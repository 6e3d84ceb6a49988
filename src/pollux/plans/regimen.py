"""Doses in the model's own time: the event records of pharmacometrics as values.

What a regimen says is what the field's event records say: doses at once or as infusions of given rate, given duration
or a rate or duration that the model states; additional doses; steady state; resets; covariates that change in time.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal

import numpy as np

from pollux.errors import ModelError

Course = float | Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Dose:
    """An amount given on a route at a time; ``additional`` more follow, ``interval`` apart.

    Without ``rate``, ``duration`` or ``modelled`` it is given at once. ``rate`` is amount per time; an infusion of
    given rate lasts F · amount / rate, one of given ``duration`` has the rate F · amount / duration. ``modelled`` names
    which of the two the route's kinetics state. ``route`` may be left out where the model has one only.

    ``steady_state`` "replace": at this time the body is as if this dose had always been given every ``interval`` (the
    state before is forgotten); "add": that steady state is added to what is there. With ``interval`` 0 and a ``rate``,
    it is the steady state of a constant infusion, which ends at this time.

    >>> Dose(0.0, 100.0, "oral", additional=2, interval=12.0).times
    (0.0, 12.0, 24.0)
    """

    time: float
    amount: float
    route: str = ""
    rate: float | None = None
    duration: float | None = None
    modelled: Literal["", "rate", "duration"] = ""
    additional: int = 0
    interval: float = 0.0
    steady_state: Literal["", "replace", "add"] = ""

    def __post_init__(self) -> None:
        numbers = [self.time, self.amount, self.interval, self.rate or 0.0, self.duration or 0.0]
        if any(isinstance(n, str) for n in numbers):
            raise ModelError("a dose has text where a number belongs", where="regimen", advice="Give numbers.")
        if self.steady_state not in ("", "replace", "add") or self.modelled not in ("", "rate", "duration"):
            raise self._wrong(
                f"says steady_state '{self.steady_state}' and modelled '{self.modelled}'",
                "Steady states are replace or add; modelled is rate or duration.",
            )
        if not np.isfinite(numbers).all() or min(numbers[1:]) < 0 or self.additional < 0:
            raise self._wrong("has a number that is negative or not finite", "Amounts, rates and intervals are ≥ 0.")
        if sum(way is not None for way in (self.rate, self.duration, self.modelled or None)) > 1:
            raise self._wrong("states more than one of rate, duration and modelled", "State at most one.")
        if self.rate == 0 or self.duration == 0:
            raise self._wrong("is an infusion of rate or duration 0", "Leave it out for a dose at once.")
        if self.additional and self.interval <= 0:
            raise self._wrong("has additional doses but no interval", "Give the time between doses.")
        endless = self.steady_state and self.interval == 0
        if endless and (self.rate is None or self.amount > 0):
            raise self._wrong(
                "is at steady state without an interval", "Give the interval; or amount 0 and the rate of an infusion."
            )

    def _wrong(self, what: str, advice: str) -> ModelError:
        return ModelError(f"the dose of {self.amount:g} at {self.time:g} {what}", where="regimen", advice=advice)

    @property
    def times(self) -> tuple[float, ...]:
        """When it is given, additional doses included."""
        return tuple(self.time + k * self.interval for k in range(self.additional + 1))


@dataclass(frozen=True)
class Reset:
    """The body begins anew at this time: states as at the start, infusions stopped, doses still to come forgotten."""

    time: float


@dataclass(frozen=True, eq=False)
class Regimen:
    """What one patient is given, in the time unit of the model, and the covariates meanwhile.

    ``events`` are doses and resets; of those at the same time the earlier in the sequence comes first. ``covariates``
    gives inputs by name: one value, or ``(time, value)`` pairs, each holding from its time until the next (the first
    holds before, too).

    >>> regimen = Regimen(
    ...     [Dose(0.0, 1000.0, duration=1.0, additional=5, interval=12.0)],
    ...     {"WT": 70.0, "CRCL": [(0.0, 90.0), (48.0, 60.0)]},
    ... )
    >>> regimen.value("CRCL", 47.9), regimen.value("CRCL", 48.0)
    (90.0, 60.0)
    """

    events: Sequence[Dose | Reset]
    covariates: Mapping[str, Course] = field(default_factory=dict)
    courses: dict[str, tuple[tuple[float, float], ...]] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "events", tuple(sorted(self.events, key=lambda e: e.time)))
        for name, course in self.covariates.items():
            try:
                pairs = ((0.0, course),) if isinstance(course, int | float | np.number) else tuple(course)
                pairs = tuple((float(t), float(v)) for t, v in pairs)
            except (TypeError, ValueError):
                pairs = ()
            if not pairs or not np.isfinite(pairs).all() or any(a >= b for (a, _), (b, _) in pairwise(pairs)):
                raise ModelError(
                    f"the course of '{name}' is not a number or (time, value) pairs in rising order", where="regimen"
                )
            self.courses[name] = pairs

    def value(self, covariate: str, time: float) -> float:
        """The value of a covariate at a time."""
        pairs = self.courses[covariate]
        later = [v for t, v in pairs if t <= time]
        return later[-1] if later else pairs[0][1]

    @property
    def first(self) -> float:
        """The time of the first event; 0 where there is none."""
        return min((e.time for e in self.events), default=0.0)
