"""Symbols that answer to NumPy: running a model's equations on them writes down what the equations do.

A ``Graph`` holds operations once each (common sub-expressions are the same node); a ``Symbol`` points at one of them.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from pollux.errors import ModelError

# An operation is a tuple: ("const", 2.0), ("state", 3), ("parameter", 1), ("input", 0), ("time",) or (name, *node
# indices).
Node = tuple[Any, ...]

LEAVES = ("const", "state", "parameter", "input", "time")
COMPARISONS = ("less", "less_equal", "greater", "greater_equal", "equal", "not_equal")
BOOLEANS = (*COMPARISONS, "logical_and", "logical_or", "logical_not")
COMMUTATIVE = ("add", "multiply", "equal", "not_equal", "logical_and", "logical_or")

NUMERIC: dict[str, Callable[..., Any]] = {
    name: getattr(np, name)
    for name in (
        "add subtract multiply divide power negative absolute maximum minimum exp expm1 log log1p sqrt tanh sin cos "
        "floor sign where logical_and logical_or logical_not " + " ".join(COMPARISONS)
    ).split()
} | {"number": lambda condition: np.where(condition, 1.0, 0.0)}


class Graph:
    """Every operation of one model, each once, in an order in which they can be computed."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self._index: dict[Node, int] = {}

    def add(self, *node: Any) -> int:
        """The index of this operation, simplified where that changes no value."""
        simple = self._simplify(node)
        if isinstance(simple, int):
            return simple
        # 0.0 and -0.0 compare equal, and so would share a dictionary key
        key = ("const", simple[1].hex()) if simple[0] == "const" else simple
        if key not in self._index:
            self._index[key] = len(self.nodes)
            self.nodes.append(simple)
        return self._index[key]

    def const(self, value: float) -> int:
        """A literal."""
        return self.add("const", float(value))

    def value_of(self, index: int) -> float | None:
        """The value of a literal; None for anything else."""
        node = self.nodes[index]
        return float(node[1]) if node[0] == "const" else None

    def is_condition(self, index: int) -> bool:
        """Whether the node is true or false rather than a number."""
        return self.nodes[index][0] in BOOLEANS

    def _simplify(self, node: Node) -> Node | int:
        op, args = node[0], node[1:]
        if op in LEAVES:
            return node
        args = self._with_kinds(op, args)
        values = [self.value_of(a) for a in args]
        known = [v for v in values if v is not None]
        if len(known) == len(values) and op not in BOOLEANS:
            with np.errstate(all="ignore"):
                return "const", float(NUMERIC[op](*known))
        same = self._identity(op, args, values)
        if same is not None:
            return same
        return (op, *sorted(args)) if op in COMMUTATIVE else (op, *args)

    def _with_kinds(self, op: str, args: tuple[int, ...]) -> tuple[int, ...]:
        """Make conditions of numbers, and numbers (1 or 0) of conditions, where the operation wants them."""

        def condition(a: int) -> int:
            return a if self.is_condition(a) else self.add("not_equal", a, self.const(0.0))

        def number(a: int) -> int:
            return self.add("number", a) if self.is_condition(a) else a

        if op in ("logical_and", "logical_or", "logical_not", "number"):
            return tuple(condition(a) for a in args)
        if op == "where":
            return condition(args[0]), number(args[1]), number(args[2])
        return tuple(number(a) for a in args)

    def _identity(self, op: str, args: tuple[int, ...], values: list[float | None]) -> int | None:
        """Operations that change nothing, and powers that are products."""
        match op:
            case "add" if 0.0 in values:
                return args[1] if values[0] == 0.0 else args[0]
            case "subtract" if values[1] == 0.0:
                return args[0]
            case "multiply" if 1.0 in values:
                return args[1] if values[0] == 1.0 else args[0]
            case "divide" if values[1] == 1.0:
                return args[0]
            case "negative" if self.nodes[args[0]][0] == "negative":
                return int(self.nodes[args[0]][1])
            case "power" if values[1] is not None:
                return self._constant_power(args[0], values[1])
        return None

    def _constant_power(self, base: int, exponent: float) -> int | None:
        if exponent == 0.5:
            return self.add("sqrt", base)
        if exponent < 0 and exponent == int(exponent) and exponent >= -4:
            return self.add("divide", self.const(1.0), self.add("power", base, self.const(-exponent)))
        if exponent == int(exponent) and 0 <= exponent <= 4:
            return self._product(base, int(exponent))
        return None

    def _product(self, base: int, count: int) -> int:
        if count == 0:
            return self.const(1.0)
        if count == 1:
            return base
        half = self._product(base, count // 2)
        square = self.add("multiply", half, half)
        return self.add("multiply", square, base) if count % 2 else square


_ALIASES = {
    "abs": "absolute",
    "fabs": "absolute",
    "true_divide": "divide",
    "float_power": "power",
    "pow": "power",
    "fmax": "maximum",
    "fmin": "minimum",
    "bitwise_and": "logical_and",
    "bitwise_or": "logical_or",
    "invert": "logical_not",
}


class Symbol(np.lib.mixins.NDArrayOperatorsMixin):
    """A value that will be known when the model runs; arithmetic on it is written into its graph."""

    __hash__ = object.__hash__

    def __init__(self, graph: Graph, index: int) -> None:
        self.graph = graph
        self.index = index

    def __bool__(self) -> bool:
        raise ModelError(
            "an equation asks whether a state, parameter or input is true while it is being compiled",
            advice="Use np.where(condition, a, b), np.maximum or np.minimum in place of `if`, `max` and `min`.",
        )

    def __float__(self) -> float:
        raise ModelError(
            "an equation turns a state, parameter or input into a plain number",
            advice="Use NumPy's functions (np.exp, not math.exp), which are traced.",
        )

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> "Symbol":
        if method != "__call__" or options:
            raise _unknown_function(f"np.{ufunc.__name__}.{method}")
        return apply(self.graph, ufunc.__name__, *inputs)

    def __array_function__(self, function: Any, types: Any, args: Any, options: Any) -> "Symbol":
        if options:
            raise _unknown_function(f"np.{function.__name__} with options")
        if function is np.where and len(args) == 3:
            return apply(self.graph, "where", *args)
        if function is np.clip and len(args) == 3:
            return apply(self.graph, "minimum", apply(self.graph, "maximum", args[0], args[1]), args[2])
        raise _unknown_function(f"np.{function.__name__}")


def _unknown_function(name: str) -> ModelError:
    offered = ", ".join(sorted(set(NUMERIC) - {"number"} | {"clip", "square", "reciprocal", "sinh", "cosh", "log10"}))
    return ModelError(f"an equation uses {name}, which cannot be compiled", advice=f"There are: {offered}.")


def apply(graph: Graph, name: str, *inputs: Any) -> Symbol:
    """Write one NumPy function of symbols and numbers into the graph."""
    args = [_index(graph, value) for value in inputs]
    name = _ALIASES.get(name, name)
    if name in NUMERIC:
        return Symbol(graph, graph.add(name, *args))
    x = Symbol(graph, args[0])
    composed: dict[str, Callable[[], Any]] = {
        "positive": lambda: x,
        "square": lambda: x * x,
        "reciprocal": lambda: 1.0 / x,
        "exp2": lambda: np.exp(x * math.log(2.0)),
        "log2": lambda: np.log(x) / math.log(2.0),
        "log10": lambda: np.log(x) / math.log(10.0),
        "cbrt": lambda: np.sign(x) * np.absolute(x) ** (1.0 / 3.0),
        "sinh": lambda: 0.5 * (np.expm1(x) - np.expm1(-x)),
        "cosh": lambda: 0.5 * (np.exp(x) + np.exp(-x)),
        "heaviside": lambda: apply(graph, "where", x < 0.0, 0.0, apply(graph, "where", x > 0.0, 1.0, inputs[-1])),
    }
    if name not in composed:
        raise _unknown_function(f"np.{name}")
    result: Symbol = composed[name]()
    return result


def _index(graph: Graph, value: Any) -> int:
    if isinstance(value, Symbol):
        return value.index
    if np.ndim(value) != 0:
        raise ModelError(
            f"an equation uses an array of shape {np.shape(value)}",
            advice="Equations are written for one body: every state, parameter and input is one number.",
        )
    return graph.const(float(value))


def as_index(graph: Graph, value: Any) -> int:
    """The node of whatever an equation returned: a symbol or a number; a condition counts as 1 or 0."""
    index = _index(graph, value)
    return graph.add("number", index) if graph.is_condition(index) else index
