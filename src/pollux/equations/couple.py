"""Models wired together through the quantities that they share.

An output of one part that speaks of a quantity drives every input of another part that speaks of the same, converted to
its unit. The whole is a model like any other: one derivative, traced as one program. Parts may have units of time of
their own; the whole runs in that of the first.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np

from pollux.equations.model import TIME_UNITS, Model, Named
from pollux.equations.parts import Input, Parameter
from pollux.equations.route import Route
from pollux.equations.wander import Wander
from pollux.errors import ModelError, UnknownName
from pollux.vocabulary.terms import convert, terms


@dataclass(frozen=True)
class Wire:
    """An output of one part (by the names of both) drives an input of another:  input = factor · output + offset."""

    source: str
    output: str
    target: str
    input: str
    factor: float = 1.0
    offset: float = 0.0

    def __str__(self) -> str:
        return f"{self.source}.{self.output} → {self.target}.{self.input}"


@dataclass(frozen=True)
class Pace:
    """How a part keeps its own time when the whole is moved in windows (``kernel.multirate``).

    With ``period`` 0 the part is moved through the whole window. With the ``period`` of a beat or a breath [time unit
    of the whole] only ``settle`` periods are lived through and thrown away, and ``cycles`` more give the averages that
    the other parts see: the part is then taken to be in its quasi-steady state for the rest of the window.
    """

    period: float = 0.0
    settle: int = 5
    cycles: int = 1

    def __post_init__(self) -> None:
        if not (np.isfinite(self.period) and self.period >= 0 and self.settle >= 0 and self.cycles >= 1):
            raise ModelError("a pace needs a period ≥ 0, settle ≥ 0 and at least one cycle")


@dataclass(frozen=True, eq=False)
class Coupled(Model):
    """A model made of others: ``parts`` by name, the ``wires`` between them, and the pace of those that have their own.

    State ``x`` of the part ``heart`` is ``heart_x``; parameters, outputs, inputs, impulses and routes likewise.
    """

    parts: Mapping[str, Model] = field(default_factory=dict)
    wires: tuple[Wire, ...] = ()
    paces: Mapping[str, Pace] = field(default_factory=dict)


def couple(
    name: str,
    parts: Mapping[str, Model],
    *,
    wires: Sequence[Wire] | None = None,
    paces: Mapping[str, Pace] | None = None,
    shared: Sequence[str] = (),
) -> Coupled:
    """Wire parts together.

    Without ``wires`` they are found: each input whose quantity some other part gives as an output. ``shared`` names
    parameters that are one and the same in all parts that have them (a body weight); they keep their plain name.
    Inputs that nothing drives stay inputs of the whole.

    An output that depends on an input at once, without a state between, passes it on; a ring of such would have no
    beginning, and is refused with the names that form it.

    >>> from pollux.equations import Fixed, Output, Parameter, State
    >>> clock = Model("clock", "1", "a clock", [State("x", "1", "time")], [], [], [Output("y", "g/min", "", "meal")],
    ...     derivative=lambda t, x, p, u: {"x": 1.0}, observe=lambda t, x, p, u: {"y": x.x})
    >>> eater = Model("eater", "1", "who eats", [State("m", "g", "eaten")], [], [Input("meal", "g/min", "", "meal")],
    ...     [Output("m", "g", "")], derivative=lambda t, x, p, u: {"m": u.meal}, observe=lambda t, x, p, u: {"m": x.m})
    >>> both = couple("both", {"clock": clock, "eater": eater})
    >>> both.state_names, [str(w) for w in both.wires], both.input_names
    (('clock_x', 'eater_m'), ['clock.y → eater.meal'], ())
    """
    if len(parts) < 2:
        raise ModelError("a coupled model needs at least two parts", where=name)
    found = tuple(wires) if wires is not None else _find_wires(parts)
    found = tuple(_checked(parts, wire) for wire in found)
    driven = {(w.target, w.input): w for w in found}
    if len(driven) < len(found):
        twice = next(w for w in found if driven[w.target, w.input] is not w)
        raise ModelError(
            f"two outputs drive {twice.target}.{twice.input}", where=name, advice="Say with `wires` which one shall."
        )
    for part in paces or {}:
        if part not in parts:
            raise UnknownName(f"there is no part '{part}'", where=name, advice=f"There are: {', '.join(parts)}.")
    order = _order(name, parts, found)
    whole = _Whole(parts, order, driven, tuple(shared))
    _check_shared(name, parts, shared)
    first = next(iter(parts.values()))
    return Coupled(
        name=name,
        version="+".join(f"{part}-{m.name}-{m.version}" for part, m in parts.items()),
        title=" with ".join(m.title for m in parts.values()),
        states=[replace(s, name=f"{part}_{s.name}") for part, m in parts.items() for s in m.states],
        parameters=_parameters(parts, shared),
        inputs=[
            replace(i, name=f"{part}_{i.name}")
            for part, m in parts.items()
            for i in m.inputs
            if (part, i.name) not in driven
        ],
        outputs=[replace(o, name=f"{part}_{o.name}") for part, m in parts.items() for o in m.outputs],
        derivative=whole.derivative,
        observe=whole.observe,
        initial=whole.initial,
        references=tuple(dict.fromkeys(r for m in parts.values() for r in m.references)),
        impulses={f"{part}_{k}": f"{part}_{s}" for part, m in parts.items() for k, s in m.impulses.items()},
        routes=[whole.route(part, r) for part, m in parts.items() for r in m.routes],
        residuals={f"{part}_{o}": e for part, m in parts.items() for o, e in m.residuals.items()},
        correlations={
            (whole.parameter(part, a), whole.parameter(part, b)): v
            for part, m in parts.items()
            for (a, b), v in m.correlations.items()
        },
        between_occasions={f"{part}_{k}": v for part, m in parts.items() for k, v in m.between_occasions.items()},
        wandering={
            f"{part}_{k}": _in_time_of(first, m, wander)
            for part, m in parts.items()
            for k, wander in m.wandering.items()
            if (part, k) not in driven
        },
        time_unit=first.time_unit,
        parts=dict(parts),
        wires=found,
        paces=dict(paces or {}),
    )


def _in_time_of(whole: Model, part: Model, wander: Wander) -> Wander:
    """Process noise of a part in the unit of time of the whole."""
    factor = TIME_UNITS[part.time_unit] / TIME_UNITS[whole.time_unit]
    return replace(wander, memory=factor * wander.memory, every=factor * wander.every)


class _Whole:
    """The equations of the parts as equations of the whole."""

    def __init__(
        self,
        parts: Mapping[str, Model],
        order: Sequence[tuple[str, str]],
        driven: Mapping[tuple[str, str], Wire],
        shared: tuple[str, ...],
    ) -> None:
        self.parts = parts
        self.order = order  # outputs in the order in which they can be computed
        self.driven = driven
        self.shared = shared
        first = next(iter(parts.values()))
        # how many units of a part's time pass in one of the whole's
        self.clock = {n: TIME_UNITS[first.time_unit] / TIME_UNITS[m.time_unit] for n, m in parts.items()}

    def parameter(self, part: str, name: str) -> str:
        """The name of a part's parameter in the whole."""
        return name if name in self.shared else f"{part}_{name}"

    def _parts_of(self, t: Any, x: Any, p: Any, u: Any) -> dict[str, tuple[Any, Named, Named, Named]]:
        """Time, states, parameters and inputs of each part, wires resolved."""
        seen = {}
        for part, m in self.parts.items():
            states = Named("state", {n: getattr(x, f"{part}_{n}") for n in m.state_names} if x is not None else {})
            values = Named("parameter", {n: getattr(p, self.parameter(part, n)) for n in m.parameter_names})
            own = {n: getattr(u, f"{part}_{n}") for n in m.input_names if (part, n) not in self.driven}
            clock = self.clock[part]
            seen[part] = (t if clock == 1.0 else t * clock, states, values, own)
        given: dict[str, dict[str, Any]] = {part: dict(own) for part, (_, _, _, own) in seen.items()}
        if x is not None:
            for part, output in self.order:
                now, states, values, _ = seen[part]
                inputs = Named("input", {n: given[part].get(n, 0.0) for n in self.parts[part].input_names})
                value = self.parts[part].observe(now, states, values, inputs)[output]
                for wire in self.driven.values():
                    if (wire.source, wire.output) == (part, output):
                        given[wire.target][wire.input] = wire.factor * value + wire.offset
        return {
            part: (
                now,
                states,
                values,
                Named("input", {n: given[part].get(n, 0.0) for n in self.parts[part].input_names}),
            )
            for part, (now, states, values, _) in seen.items()
        }

    def derivative(self, t: Any, x: Any, p: Any, u: Any) -> dict[str, Any]:
        """The rates of all parts, per time of the whole."""
        change = {}
        for part, (now, states, values, inputs) in self._parts_of(t, x, p, u).items():
            clock = self.clock[part]
            for name, rate in self.parts[part].rates(now, states, values, inputs).items():
                change[f"{part}_{name}"] = rate if clock == 1.0 else clock * rate
        return change

    def observe(self, t: Any, x: Any, p: Any, u: Any) -> dict[str, Any]:
        """The outputs of all parts."""
        seen = self._parts_of(t, x, p, u)
        return {
            f"{part}_{name}": value for part, m in self.parts.items() for name, value in m.readings(*seen[part]).items()
        }

    def initial(self, p: Any, u: Any) -> dict[str, Any]:
        """Where all parts start; inputs that come from other parts are 0 there."""
        start: dict[str, Any] = {}
        for part, (_, _, values, inputs) in self._parts_of(0.0, None, p, u).items():
            start |= {f"{part}_{name}": value for name, value in self.parts[part].start(values, inputs).items()}
        return start

    def route(self, part: str, route: Route) -> Route:
        """A part's route as one of the whole; its lag and duration in the whole's time."""
        return replace(
            route,
            name=f"{part}_{route.name}",
            state=f"{part}_{route.state}",
            input=f"{part}_{route.input}" if route.input else "",
            kinetics=partial(self._kinetics, part, route.kinetics) if route.kinetics else None,
        )

    def _kinetics(self, part: str, stated: Callable[[Any, Any], Mapping[str, Any]], p: Any, u: Any) -> dict[str, Any]:
        _, _, values, inputs = self._parts_of(0.0, None, p, u)[part]
        clock = self.clock[part]
        scale = {"lag": 1.0 / clock, "duration": 1.0 / clock, "rate": clock, "bioavailability": 1.0}
        return {name: value * scale[name] for name, value in stated(values, inputs).items()}


def _parameters(parts: Mapping[str, Model], shared: Sequence[str]) -> list[Parameter]:
    found: dict[str, Parameter] = {}
    for part, m in parts.items():
        for p in m.parameters:
            name = p.name if p.name in shared else f"{part}_{p.name}"
            found.setdefault(name, replace(p, name=name))
    return list(found.values())


def _check_shared(name: str, parts: Mapping[str, Model], shared: Sequence[str]) -> None:
    for parameter in shared:
        units = {part: m.parameter(parameter).unit for part, m in parts.items() if parameter in m.parameter_names}
        if len(units) < 2 or len(set(units.values())) > 1:
            said = ", ".join(f"{part} [{unit}]" for part, unit in units.items()) or "no part"
            raise ModelError(
                f"'{parameter}' cannot be shared by {said}",
                where=name,
                advice="A shared parameter stands in two parts or more, in one unit.",
            )


def _find_wires(parts: Mapping[str, Model]) -> tuple[Wire, ...]:
    return tuple(
        Wire(source, o.name, target, i.name)
        for target, m in parts.items()
        for i in m.inputs
        for source, other in parts.items()
        for o in other.outputs
        if i.quantity and o.quantity == i.quantity and source != target
    )


def _checked(parts: Mapping[str, Model], wire: Wire) -> Wire:
    """The wire with the conversion from the output's unit to the input's."""
    for part in (wire.source, wire.target):
        if part not in parts:
            raise UnknownName(f"there is no part '{part}'", advice=f"There are: {', '.join(parts)}.")
    source, target = parts[wire.source], parts[wire.target]
    source._known("output", wire.output, source.output_names)
    target._known("input", wire.input, target.input_names)
    given: Any = source.outputs[source.output_names.index(wire.output)]
    wanted: Input = target.inputs[target.input_names.index(wire.input)]
    if given.unit == wanted.unit or wire.factor != 1.0 or wire.offset != 0.0:
        return wire
    if given.quantity not in terms():
        raise ModelError(
            f"{wire} would pass {given.unit} as {wanted.unit}",
            advice="Give both the same unit, or a quantity that the vocabulary knows, or say the factor in a Wire.",
        )
    zero, one = (convert(v, given.unit, wanted.unit, given.quantity) for v in (0.0, 1.0))
    return replace(wire, factor=one - zero, offset=zero)


class _Traced(np.lib.mixins.NDArrayOperatorsMixin):
    """A number that remembers which inputs it came from."""

    def __init__(self, names: frozenset[str]) -> None:
        self.names = names

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> "_Traced":
        return _Traced(frozenset().union(*(v.names for v in inputs if isinstance(v, _Traced))))

    def __array_function__(self, function: Any, types: Any, args: Any, options: Any) -> "_Traced":
        return _Traced(frozenset().union(*(v.names for v in args if isinstance(v, _Traced))))


def _passed_on(model: Model) -> dict[str, frozenset[str]]:
    """For each output, the inputs that it depends on at once."""
    nothing = frozenset[str]()
    x = Named("state", {n: _Traced(nothing) for n in model.state_names})
    p = Named("parameter", {n: _Traced(nothing) for n in model.parameter_names})
    u = Named("input", {n: _Traced(frozenset({n})) for n in model.input_names})
    seen = model.observe(_Traced(nothing), x, p, u)
    return {name: v.names if isinstance(v, _Traced) else nothing for name, v in seen.items()}


def _order(name: str, parts: Mapping[str, Model], wires: Sequence[Wire]) -> list[tuple[str, str]]:
    """The wired outputs, each after those that it passes on."""
    through = {part: _passed_on(m) for part, m in parts.items()}
    done: list[tuple[str, str]] = []
    path: list[tuple[str, str]] = []

    def visit(part: str, output: str) -> None:
        if (part, output) in done:
            return
        if (part, output) in path:
            ring = [*path[path.index((part, output)) :], (part, output)]
            said = " → ".join(f"{a}.{b}" for a, b in ring)
            raise ModelError(
                f"the parts drive each other in a ring without delay: {said}",
                where=name,
                advice="Let one of these outputs come from a state.",
            )
        path.append((part, output))
        for wire in wires:
            if wire.target == part and wire.input in through[part][output]:
                visit(wire.source, wire.output)
        path.pop()
        done.append((part, output))

    for wire in wires:
        visit(wire.source, wire.output)
    return done
