"""The named parts of a model, each said once: name, unit, meaning."""

from dataclasses import dataclass
from math import inf

from pollux.equations.priors import Prior
from pollux.equations.reference import Reference


@dataclass(frozen=True)
class State:
    """A quantity that the equations move through time.

    ``scale`` is its order of magnitude in its unit. The solver measures errors relative to the largest value that the
    state has had; a millionth of ``scale`` is the smallest value it cares about. The default suits values above 1e-6.
    ``least`` is the value below which it means nothing: 0 for an amount. A patient whose state falls below it by more
    than the tolerance explains has failed.
    """

    name: str
    unit: str
    meaning: str
    scale: float = 1.0
    least: float = -inf


@dataclass(frozen=True)
class Parameter:
    """A number that differs between people (or is a stated constant), with its prior and where that comes from."""

    name: str
    unit: str
    meaning: str
    prior: Prior
    source: Reference | str


@dataclass(frozen=True)
class Input:
    """A signal from outside, constant between breakpoints: a meal's rate, an infusion, a window that is open or shut.

    ``quantity`` is the vocabulary's name of what is given, where there is one. ``usual`` holds where nothing is said;
    ``None`` means that it must be said, as a body weight must.
    """

    name: str
    unit: str
    meaning: str
    quantity: str = ""
    usual: float | None = 0.0


@dataclass(frozen=True)
class Output:
    """Something that could be measured, as a function of states, parameters and inputs."""

    name: str
    unit: str
    meaning: str
    quantity: str = ""
