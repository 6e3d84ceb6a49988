"""Symbolic differentiation of a traced program: its Jacobians by state and by parameter, as further nodes."""

from collections.abc import Sequence

from pollux.kernel.program import Program
from pollux.kernel.symbols import LEAVES, Graph

Leaf = tuple[str, int]


class Derivatives:
    """Adds derivative nodes to a copy of a program's graph.

    At a kink (``maximum``, ``where``, ``absolute``) the derivative is that of the branch which gives the value.
    """

    def __init__(self, program: Program) -> None:
        self.program = program
        self.graph = Graph()
        self._moved: list[int] = []
        for node in program.nodes:
            self._moved.append(self.graph.add(*(node if node[0] in LEAVES else (node[0], *map(self.at, node[1:])))))

    def at(self, index: int) -> int:
        """Where a node of the program stands in this graph."""
        return self._moved[index]

    def jacobian(self, wanted: Sequence[int], leaves: Sequence[Leaf]) -> dict[tuple[int, int], int]:
        """The non-zero derivatives of the wanted nodes: ``{(row, column): node}``."""
        result = {}
        for column, leaf in enumerate(leaves):
            slopes = self._forward(leaf)
            for row, index in enumerate(wanted):
                slope = slopes.get(self.at(index))
                if slope is not None:
                    result[row, column] = slope
        return result

    def _forward(self, leaf: Leaf) -> dict[int, int]:
        """The derivative of every node that depends on this leaf."""
        slopes: dict[int, int] = {}
        for index in sorted(set(self._moved)):
            node = self.graph.nodes[index]
            if node == leaf:
                slopes[index] = self.graph.const(1.0)
            elif node[0] not in LEAVES and any(a in slopes for a in node[1:]):
                slope = self._slope(index, node[0], node[1:], slopes)
                if slope is not None and self.graph.value_of(slope) != 0.0:
                    slopes[index] = slope
        return slopes

    def _slope(self, index: int, op: str, args: tuple[int, ...], slopes: dict[int, int]) -> int | None:
        add = self.graph.add
        zero, one = self.graph.const(0.0), self.graph.const(1.0)
        da = slopes.get(args[0])
        db = slopes.get(args[1]) if len(args) > 1 else None
        a, b = args[0], args[-1]
        match op:
            case "add":
                return self._sum(da, db)
            case "subtract":
                return self._sum(da, None if db is None else add("negative", db))
            case "multiply":
                return self._sum(self._times(da, b), self._times(db, a))
            case "divide":
                first = None if da is None else add("divide", da, b)
                second = None if db is None else add("negative", add("divide", add("multiply", db, index), b))
                return self._sum(first, second)
            case "power":
                lower = add("power", a, add("subtract", b, one))
                by_base = self._times(da, add("multiply", b, lower))
                # x^n ln x is 0 at x = 0: a Hill function's exponent is asked about there
                by_exponent = add("where", add("greater", a, zero), add("multiply", index, add("log", a)), zero)
                return self._sum(by_base, self._times(db, by_exponent))
            case "maximum" | "minimum":
                first_wins = add("greater_equal" if op == "maximum" else "less_equal", a, b)
                return add("where", first_wins, zero if da is None else da, zero if db is None else db)
            case "where":
                dc = slopes.get(args[2])
                if db is None and dc is None:
                    return None
                return add("where", a, zero if db is None else db, zero if dc is None else dc)
        return None if da is None else self._slope_of_one(index, op, a, da)

    def _slope_of_one(self, index: int, op: str, a: int, da: int) -> int | None:
        add = self.graph.add
        one = self.graph.const(1.0)
        match op:
            case "negative":
                return add("negative", da)
            case "absolute":
                return add("multiply", add("sign", a), da)
            case "exp":
                return add("multiply", index, da)
            case "expm1":
                return add("multiply", add("add", index, one), da)
            case "log":
                return add("divide", da, a)
            case "log1p":
                return add("divide", da, add("add", one, a))
            case "sqrt":
                return add("divide", da, add("multiply", self.graph.const(2.0), index))
            case "tanh":
                return add("multiply", add("subtract", one, add("multiply", index, index)), da)
            case "sin":
                return add("multiply", add("cos", a), da)
            case "cos":
                return add("negative", add("multiply", add("sin", a), da))
        return None  # conditions, sign and floor are constant wherever they have a derivative

    def _sum(self, a: int | None, b: int | None) -> int | None:
        if a is None or b is None:
            return b if a is None else a
        return self.graph.add("add", a, b)

    def _times(self, slope: int | None, factor: int) -> int | None:
        return None if slope is None else self.graph.add("multiply", slope, factor)
