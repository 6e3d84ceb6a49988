"""A model: its parts, and three functions that read like the published equations."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from keyword import iskeyword
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pollux.equations.domain import Domain
from pollux.equations.parts import Input, Output, Parameter, State
from pollux.equations.reference import Reference
from pollux.equations.residual import ErrorModel
from pollux.equations.route import KINETICS, Route
from pollux.equations.wander import Wander
from pollux.errors import ModelError, UnknownName

# An expression is a number, an array or a traced symbol: whatever NumPy's functions accept.
Expression = Any
Equations = Callable[[Any, Any, Any, Any], Mapping[str, Expression]]
Start = Callable[[Any, Any], Mapping[str, Expression]]
Array = NDArray[np.float64]

TIME_UNITS = {"min": 1.0, "h": 60.0, "d": 1440.0}  # in minutes


class Named:
    """Values by name: ``x.Gp``. An unknown name is answered with the names there are.

    >>> Named("parameter", {"Vg": 1.9}).Vi
    Traceback (most recent call last):
    ...
    pollux.errors.UnknownName: there is no parameter 'Vi'. There are: Vg.
    """

    def __init__(self, kind: str, values: Mapping[str, Expression]) -> None:
        self.__dict__.update(values)
        self._kind = kind
        self._names = tuple(values)

    def __getattr__(self, name: str) -> Expression:
        if name.startswith("_"):
            raise AttributeError(name)
        listed = ", ".join(self._names) or "none"
        raise UnknownName(f"there is no {self._kind} '{name}'", advice=f"There are: {listed}.")


@dataclass(frozen=True, eq=False)
class Model:
    """Physiology as equations.

    ``derivative(t, x, p, u)`` returns the time derivative of every state by name [unit of the state / ``time_unit``];
    ``observe(t, x, p, u)`` every output; ``initial(p, u)`` the state at the start (zeros where there is no function).
    They are written in plain NumPy; ``x``, ``p`` and ``u`` give states, parameters and inputs by name; ``t`` is in
    ``time_unit`` ("min", "h" or "d").
    ``impulses`` names what can be given at once (a bolus) and the state that it is added to; ``routes`` are ways in for
    doses that come late, in part, or as infusions. ``residuals`` is the error of a measurement of an output;
    ``correlations`` are those of the standard-normal numbers behind two parameters. ``between_occasions`` names inputs
    that differ from occasion to occasion (a visit, a cycle) by a normal number of this standard deviation, in the same
    person. ``wandering`` names inputs that wander by themselves: process noise, which filters sample and
    ``calibration.posterior`` estimates slot by slot.

    >>> from pollux.equations import Fixed, Input, Output, Parameter, State
    >>> model = Model(
    ...     name="one-compartment", version="1", title="One compartment, first-order elimination",
    ...     states=[State("A", "mg", "amount in the body")],
    ...     parameters=[Parameter("k", "1/min", "elimination", Fixed(0.1), "example"),
    ...                 Parameter("V", "L", "volume", Fixed(20.0), "example")],
    ...     inputs=[Input("dose", "mg/min", "infusion")],
    ...     outputs=[Output("concentration", "mg/L", "plasma concentration")],
    ...     derivative=lambda t, x, p, u: {"A": u.dose - p.k * x.A},
    ...     observe=lambda t, x, p, u: {"concentration": x.A / p.V},
    ... )
    >>> model.medians()
    {'k': 0.1, 'V': 20.0}
    """

    name: str
    version: str
    title: str
    states: Sequence[State]
    parameters: Sequence[Parameter]
    inputs: Sequence[Input]
    outputs: Sequence[Output]
    derivative: Equations
    observe: Equations
    initial: Start | None = None
    domain: Domain = field(default_factory=Domain)
    references: Sequence[Reference] = ()
    impulses: Mapping[str, str] = field(default_factory=dict)
    routes: Sequence[Route] = ()
    residuals: Mapping[str, ErrorModel] = field(default_factory=dict)
    correlations: Mapping[tuple[str, str], float] = field(default_factory=dict)
    between_occasions: Mapping[str, float] = field(default_factory=dict)
    wandering: Mapping[str, Wander] = field(default_factory=dict)
    time_unit: str = "min"

    def __post_init__(self) -> None:
        for part in ("states", "parameters", "inputs", "outputs", "references", "routes"):
            object.__setattr__(self, part, tuple(getattr(self, part)))
        for part in ("impulses", "residuals", "correlations", "between_occasions", "wandering"):
            object.__setattr__(self, part, dict(getattr(self, part)))
        if not self.states:
            raise ModelError("a model needs at least one state", where=self.name)
        _check_names(self.name, "state", self.state_names)
        _check_names(self.name, "parameter", self.parameter_names)
        _check_names(self.name, "input", self.input_names)
        _check_names(self.name, "output", self.output_names)
        for impulse, state in self.impulses.items():
            if state not in self.state_names:
                raise ModelError(
                    f"the impulse '{impulse}' goes to '{state}', which is not a state",
                    where=self.name,
                    advice=f"There are: {', '.join(self.state_names)}.",
                )
        self._check_ways_in()
        for output in self.residuals:
            self._known("output", output, self.output_names)
        for name in (*self.between_occasions, *self.wandering):
            self._known("input", name, self.input_names)
        if self.time_unit not in TIME_UNITS:
            raise ModelError(f"'{self.time_unit}' is no unit of time", where=self.name, advice="Use min, h or d.")
        self.correlation(self.parameter_names)
        self._try_equations()

    @cached_property
    def state_names(self) -> tuple[str, ...]:
        """The states' names, in order."""
        return tuple(s.name for s in self.states)

    @cached_property
    def parameter_names(self) -> tuple[str, ...]:
        """The parameters' names, in order."""
        return tuple(p.name for p in self.parameters)

    @cached_property
    def input_names(self) -> tuple[str, ...]:
        """The inputs' names, in order."""
        return tuple(i.name for i in self.inputs)

    @cached_property
    def output_names(self) -> tuple[str, ...]:
        """The outputs' names, in order."""
        return tuple(o.name for o in self.outputs)

    @cached_property
    def route_names(self) -> tuple[str, ...]:
        """The routes' names, in order."""
        return tuple(r.name for r in self.routes)

    def route(self, name: str) -> Route:
        """The route of this name."""
        self._known("route", name, self.route_names)
        return self.routes[self.route_names.index(name)]

    def correlation(self, names: Sequence[str]) -> Array:
        """The correlation of the standard-normal numbers behind some parameters, ``(len(names), len(names))``."""
        matrix = np.eye(len(names))
        for (a, b), value in self.correlations.items():
            for name in (a, b):
                self._known("parameter", name, self.parameter_names)
            if a in names and b in names:
                i, j = names.index(a), names.index(b)
                matrix[i, j] = matrix[j, i] = value
        if self.correlations and np.linalg.eigvalsh(matrix).min() <= 0:
            raise ModelError("the correlations of the parameters are not those of any distribution", where=self.name)
        return matrix

    def medians(self) -> dict[str, float]:
        """Every parameter at its prior's median (a fixed one at its value)."""
        return {p.name: p.prior.median for p in self.parameters}

    def parameter(self, name: str) -> Parameter:
        """The parameter of this name."""
        for p in self.parameters:
            if p.name == name:
                return p
        listed = ", ".join(self.parameter_names)
        raise UnknownName(f"there is no parameter '{name}'", where=self.name, advice=f"There are: {listed}.")

    def start(self, p: Any, u: Any) -> dict[str, Expression]:
        """The state at the start, by name, in the order of the states."""
        if self.initial is None:
            return dict.fromkeys(self.state_names, 0.0)
        return self._complete("initial", "state", self.state_names, self.initial(p, u))

    def rates(self, t: Any, x: Any, p: Any, u: Any) -> dict[str, Expression]:
        """The derivative of every state, by name, in the order of the states."""
        return self._complete("derivative", "state", self.state_names, self.derivative(t, x, p, u))

    def readings(self, t: Any, x: Any, p: Any, u: Any) -> dict[str, Expression]:
        """Every output, by name, in the order of the outputs."""
        return self._complete("observe", "output", self.output_names, self.observe(t, x, p, u))

    def kinetics(self, p: Any, u: Any) -> dict[str, dict[str, Expression]]:
        """What each route states about doses on their way: lag, bioavailability, rate, duration."""
        stated = {}
        for route in self.routes:
            given = dict(route.kinetics(p, u)) if route.kinetics else {}
            for name in given:
                self._known(f"kinetics of the route '{route.name}'", name, KINETICS)
            stated[route.name] = given
        return stated

    def _known(self, kind: str, name: str, names: Sequence[str]) -> None:
        if name not in names:
            listed = ", ".join(names) or "none"
            raise UnknownName(f"there is no {kind} '{name}'", where=self.name, advice=f"There are: {listed}.")

    def _check_ways_in(self) -> None:
        _check_names(self.name, "route", self.route_names)
        for route in self.routes:
            self._known("state", route.state, self.state_names)
            if route.input:
                self._known("input", route.input, self.input_names)

    def _complete(
        self, function: str, kind: str, names: Sequence[str], given: Mapping[str, Expression]
    ) -> dict[str, Expression]:
        missing = [n for n in names if n not in given]
        unknown = [n for n in given if n not in names]
        if missing or unknown:
            wrong = [f"leaves out {', '.join(missing)}"] if missing else []
            wrong += [f"returns {', '.join(unknown)}"] if unknown else []
            raise ModelError(
                f"{function} {' and '.join(wrong)}",
                where=self.name,
                advice=f"It must return exactly one value for each {kind}: {', '.join(names)}.",
            )
        return {n: given[n] for n in names}

    def _try_equations(self) -> None:
        """Run the equations once on plain numbers: a wrong name is an error here, not in the middle of a run."""
        one = np.float64(1.0)
        x = Named("state", dict.fromkeys(self.state_names, one))
        p = Named("parameter", {n: np.float64(v) for n, v in self.medians().items()})
        u = Named("input", dict.fromkeys(self.input_names, one))
        with np.errstate(all="ignore"):
            self.start(p, u)
            self.rates(one, x, p, u)
            self.readings(one, x, p, u)
            self.kinetics(p, u)


def _check_names(model: str, kind: str, names: Iterable[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if not name.isidentifier() or iskeyword(name) or name.startswith("_"):
            raise ModelError(
                f"'{name}' cannot name a {kind}",
                where=model,
                advice="Use letters, digits and underscores, as in Gp or basal_rate.",
            )
        if name in seen:
            raise ModelError(f"two {kind}s are called '{name}'", where=model)
        seen.add(name)
