"""The traced program of a model: a flat list of operations, each assigned once."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from pollux.equations import Model
from pollux.equations.model import Named
from pollux.equations.route import KINETICS
from pollux.kernel.symbols import LEAVES, NUMERIC, Graph, Node, Symbol, as_index

# How often a value changes: once for each patient, at each change of an input, at each stage of each step.
PATIENT, SEGMENT, STAGE = 0, 1, 2


@dataclass(frozen=True, eq=False)
class Program:
    """What the equations of a model compute; ``rates``, ``readings``, ``start`` and ``kinetics`` index into ``nodes``.

    ``kinetics`` are lag, bioavailability, rate and duration of each route, in that order.

    Node ``(name, a, b)`` applies ``name`` to nodes ``a`` and ``b``, which stand before it.
    """

    states: int
    parameters: int
    inputs: int
    nodes: tuple[Node, ...]
    rates: tuple[int, ...]
    readings: tuple[int, ...]
    start: tuple[int, ...]
    kinetics: tuple[int, ...] = ()

    @cached_property
    def key(self) -> str:
        """A hash of everything that generated code computes: all but what becomes of doses before they arrive."""
        parts = (self.states, self.parameters, self.inputs, self.nodes, self.rates, self.readings, self.start)
        return hashlib.sha256(repr(parts).encode()).hexdigest()

    @cached_property
    def level(self) -> tuple[int, ...]:
        """For each node, how often its value changes: ``PATIENT``, ``SEGMENT`` or ``STAGE``."""
        levels: list[int] = []
        leaf = {"const": PATIENT, "parameter": PATIENT, "input": SEGMENT, "state": STAGE, "time": STAGE}
        for node in self.nodes:
            if node[0] in LEAVES:
                levels.append(leaf[node[0]])
            else:
                levels.append(max(levels[a] for a in node[1:]))
        return tuple(levels)

    @cached_property
    def uses_time(self) -> bool:
        """Whether the derivative depends on time other than through the inputs."""
        return any(self.nodes[n][0] == "time" for n in self.needed(self.rates))

    def needed(self, wanted: Iterable[int]) -> list[int]:
        """Every node that these depend on, themselves included, in computing order."""
        seen: set[int] = set()
        open_ = list(wanted)
        while open_:
            index = open_.pop()
            if index in seen:
                continue
            seen.add(index)
            node = self.nodes[index]
            if node[0] not in LEAVES:
                open_.extend(node[1:])
        return sorted(seen)

    def evaluate(self, wanted: Sequence[int], t: Any, x: Any, p: Any, u: Any) -> list[Any]:
        """Compute nodes with NumPy: the slow, plain meaning of the program.

        ``x``, ``p`` and ``u`` give the value (a number or an array) of each state, parameter and input in order.
        """
        value: dict[int, Any] = {}
        leaf = {"state": x, "parameter": p, "input": u}
        for index in self.needed(wanted):
            op, *args = self.nodes[index]
            if op == "const":
                value[index] = np.float64(args[0])
            elif op == "time":
                value[index] = t
            elif op in leaf:
                value[index] = leaf[op][args[0]]
            else:
                value[index] = NUMERIC[op](*(value[a] for a in args))
        return [value[w] for w in wanted]


def trace(model: Model) -> Program:
    """Run a model's equations on symbols and keep what they did.

    The same equations always give the same program.

    >>> from pollux.equations import Fixed, Input, Output, Parameter, State
    >>> model = Model("decay", "1", "Decay", [State("A", "mg", "amount")],
    ...     [Parameter("k", "1/min", "rate", Fixed(0.1), "example")], [], [Output("a", "mg", "amount")],
    ...     derivative=lambda t, x, p, u: {"A": -p.k * x.A}, observe=lambda t, x, p, u: {"a": x.A})
    >>> trace(model).nodes
    (('state', 0), ('parameter', 0), ('negative', 1), ('multiply', 0, 2), ('const', 0.0))
    """
    graph = Graph()

    def named(kind: str, names: Sequence[str]) -> Named:
        return Named(kind, {n: Symbol(graph, graph.add(kind, i)) for i, n in enumerate(names)})

    x = named("state", model.state_names)
    p = named("parameter", model.parameter_names)
    u = named("input", model.input_names)
    t = Symbol(graph, graph.add("time"))
    rates = tuple(as_index(graph, v) for v in model.rates(t, x, p, u).values())
    readings = tuple(as_index(graph, v) for v in model.readings(t, x, p, u).values())
    start = tuple(as_index(graph, v) for v in model.start(p, u).values())
    stated = model.kinetics(p, u)
    nothing = {"lag": 0.0, "bioavailability": 1.0, "rate": np.nan, "duration": np.nan}
    kinetics = tuple(as_index(graph, stated[r].get(name, nothing[name])) for r in stated for name in KINETICS)
    sizes = len(model.states), len(model.parameters), len(model.inputs)
    return without_unused(Program(*sizes, tuple(graph.nodes), rates, readings, start, kinetics))


def without_unused(program: Program) -> Program:
    """The same program without the nodes that nothing asks for."""
    kept = program.needed((*program.rates, *program.readings, *program.start, *program.kinetics))
    new = {old: i for i, old in enumerate(kept)}

    def moved(node: Node) -> Node:
        return node if node[0] in LEAVES else (node[0], *(new[a] for a in node[1:]))

    return Program(
        program.states,
        program.parameters,
        program.inputs,
        tuple(moved(program.nodes[i]) for i in kept),
        tuple(new[i] for i in program.rates),
        tuple(new[i] for i in program.readings),
        tuple(new[i] for i in program.start),
        tuple(new[i] for i in program.kinetics),
    )
