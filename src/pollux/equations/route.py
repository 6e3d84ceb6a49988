"""A way in for doses: where they go, how much of them arrives, and when."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

# What a route may state about a dose on its way, as functions of parameters and inputs.
KINETICS = ("lag", "bioavailability", "rate", "duration")


@dataclass(frozen=True, eq=False)
class Route:
    """A way in for doses.

    What is given at once is added to ``state``; an infusion raises the input ``input`` by its rate for as long as it
    runs (a route without an input takes no infusions). ``kinetics(p, u)`` may return by name, in the model's units:

    - ``lag``: the time by which every dose on this route comes later (0 where not stated),
    - ``bioavailability``: the share F of a dose that arrives (1 where not stated). An infusion of given rate R lasts
      F · amount / R; one of given duration D has the rate F · amount / D;
    - ``rate`` or ``duration``: of infusions whose rate or duration the model states (``Dose.modelled``).

    They are evaluated with the parameters and covariates at the time the dose is given.

    >>> Route("oral", "depot", kinetics=lambda p, u: {"lag": p.tlag, "bioavailability": p.F}).name
    'oral'
    """

    name: str
    state: str
    meaning: str = ""
    input: str = ""
    quantity: str = ""
    kinetics: Callable[[Any, Any], Mapping[str, Any]] | None = None
