"""What a drug model is put together from: pieces that each know their own states and add to the rates of others'.

A piece is written in terms of ``v``, the values of one person: individual parameters (CL, V1, ka …), covariates,
inputs, and what earlier pieces give (``v.C`` the concentration in the central compartment, ``v.Ce`` at the site of
effect …).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pollux.equations import Input, Output, State

Names = Any  # states or values by attribute: numbers, arrays or traced symbols
Expressions = Mapping[str, Any]


def _nothing(*_: Any) -> Expressions:
    return {}


@dataclass(frozen=True)
class WayIn:
    """A way in for doses: into ``state`` at once, or through ``input`` over time; kinetics are named values of ``v``.

    ``lag``, ``bioavailability``, ``rate`` and ``duration`` name individual parameters, or are empty.
    """

    name: str
    state: str
    input: str = ""
    lag: str = ""
    bioavailability: str = ""
    rate: str = ""
    duration: str = ""

    @property
    def needs(self) -> tuple[str, ...]:
        """The individual values that it uses."""
        return tuple(n.strip("-") for n in (self.lag, self.bioavailability, self.rate, self.duration) if n)


@dataclass(frozen=True, eq=False)
class Piece:
    """States with their rates, and what they give.

    ``rates(x, v)`` adds to the rate of any state; ``gives(x, v)`` are values for the pieces after it; ``start(v)`` the
    states at rest; ``observe(x, v)`` outputs. ``needs`` are the individual values that it uses.
    """

    meaning: str
    needs: tuple[str, ...] = ()
    states: tuple[State, ...] = ()
    inputs: tuple[Input, ...] = ()
    ways_in: tuple[WayIn, ...] = ()
    outputs: tuple[Output, ...] = ()
    rates: Callable[[Names, Names], Expressions] = _nothing
    gives: Callable[[Names, Names], Expressions] = _nothing
    start: Callable[[Names], Expressions] = _nothing
    observe: Callable[[Names, Names], Expressions] = _nothing
