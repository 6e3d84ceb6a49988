"""Where everything stands in the flat buffer ``W[row * L + lane]`` of a generated program, and how often it is
computed.

Constant offsets into one buffer, lanes innermost: the form in which the compiler finds its vector instructions.
"""

from collections.abc import Callable, Iterable, Sequence

from pollux.kernel.program import PATIENT, SEGMENT, STAGE, Program
from pollux.kernel.symbols import LEAVES, Node
from pollux.kernel.writing import lines


class Rows:
    """Hands out rows of the buffer by name."""

    def __init__(self) -> None:
        self.count = 0
        self.first: dict[str, int] = {}

    def reserve(self, name: str, rows: int) -> int:
        """Rows for ``name``; the first of them."""
        self.first[name] = self.count
        self.count += rows
        return self.first[name]

    def at(self, name: str, offset: int = 0) -> int:
        """The row of the ``offset``-th value of ``name``."""
        return self.first[name] + offset


class Layout:
    """Rows for states, parameters, inputs and for what can be computed before the steps.

    Values that depend on parameters only are computed once a patient, those that also depend on inputs once a
    segment; the stages read them from their rows. A division by such a value becomes a product with its reciprocal.
    """

    def __init__(self, program: Program, lanes: int, stages: int) -> None:
        self.program = program
        self.lanes = lanes
        self.nodes: list[Node] = list(program.nodes)
        self.level: list[int] = list(program.level)
        self.rates, self.readings = self._with_reciprocals()
        self.rows = Rows()
        for name in ("y", "x", *(f"k{s}" for s in range(1, stages + 1)), "dense", "largest", "lowest"):
            self.rows.reserve(name, program.states)
        self.rows.reserve("p", program.parameters)
        self.rows.reserve("u", program.inputs)
        for name in (
            "t",
            "time",
            "h",
            "error",
            "growth",
            "accepted",
            "log_error",
            "tolerance",
            "side",
            "new_side",
            "trust",
            "below",
        ):
            self.rows.reserve(name, 1)
        self.hoisted = self._hoisted()
        self.rows.reserve("hoisted", len(self.hoisted))

    def row(self, name: str, offset: int = 0, lane: str = "l") -> str:
        """The element of the buffer, as source."""
        return f"W[{self.rows.at(name, offset) * self.lanes} + {lane}]"

    def _with_reciprocals(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        one = self._append(("const", 1.0), PATIENT)
        moved: dict[int, int] = {}
        for index in range(len(self.program.nodes)):
            node = self.nodes[index]
            if node[0] in LEAVES:
                moved[index] = index
                continue
            args = tuple(moved[a] for a in node[1:])
            if node[0] == "divide" and self.level[args[0]] == STAGE and self._is_early(args[1]):
                reciprocal = self._append(("divide", one, args[1]), self.level[args[1]])
                moved[index] = self._append(("multiply", args[0], reciprocal), STAGE)
            elif args == node[1:]:
                moved[index] = index
            else:
                moved[index] = self._append((node[0], *args), self.level[index])
        return (
            tuple(moved[i] for i in self.program.rates),
            tuple(moved[i] for i in self.program.readings),
        )

    def _is_early(self, index: int) -> bool:
        return self.level[index] != STAGE and self.nodes[index][0] != "const"

    def _append(self, node: Node, level: int) -> int:
        # the same operation appended twice is one node, so that reciprocals are shared
        for index in range(len(self.program.nodes), len(self.nodes)):
            if self.nodes[index] == node:
                return index
        self.nodes.append(node)
        self.level.append(level)
        return len(self.nodes) - 1

    def needed(self, wanted: Iterable[int], stop: Callable[[int], bool] = lambda index: False) -> list[int]:
        """What must be known to compute the wanted nodes, in computing order; not looking behind ``stop``."""
        order: list[int] = []
        seen: set[int] = set()

        def visit(index: int) -> None:
            if index in seen:
                return
            seen.add(index)
            if self.nodes[index][0] not in LEAVES and not stop(index):
                for a in self.nodes[index][1:]:
                    visit(a)
            order.append(index)

        for index in wanted:
            visit(index)
        return order

    def _hoisted(self) -> dict[int, int]:
        """Nodes with a row of their own: computed early, wanted by something that is computed more often."""
        wanted: dict[int, int] = {}
        everything = self.needed((*self.rates, *self.readings))
        for index in everything:
            node = self.nodes[index]
            if node[0] in LEAVES:
                continue
            for a in node[1:]:
                if self.level[a] < self.level[index] and self.nodes[a][0] not in LEAVES:
                    wanted.setdefault(a, len(wanted))
        for index in (*self.rates, *self.readings):
            if self.level[index] != STAGE and self.nodes[index][0] not in LEAVES:
                wanted.setdefault(index, len(wanted))
        return wanted

    def place(self, states: str, time: str, level: int, lane: str = "l") -> Callable[[int], str | None]:
        """For code of this level: where a value stands already. ``states`` names the rows of the states."""

        def find(index: int) -> str | None:
            node = self.nodes[index]
            match node[0]:
                case "state":
                    return states.format(node[1]) if "{" in states else self.row(states, node[1], lane)
                case "parameter":
                    return self.row("p", node[1], lane)
                case "input":
                    return self.row("u", node[1], lane)
                case "time":
                    return time
            if index in self.hoisted and self.level[index] < level:
                text = self.row("hoisted", self.hoisted[index], lane)
                return f"{text} != 0.0" if self._is_condition(index) else text
            return None

        return find

    def _is_condition(self, index: int) -> bool:
        from pollux.kernel.symbols import BOOLEANS

        return self.nodes[index][0] in BOOLEANS

    def code(
        self, wanted: Sequence[int], states: str, time: str, level: int, lane: str = "l"
    ) -> tuple[list[str], Callable[[int], str]]:
        """Source that computes the wanted nodes from states, time and what is hoisted."""
        place = self.place(states, time, level, lane)
        order = self.needed(wanted, lambda index: place(index) is not None)
        return lines(self.nodes, order, place)

    def side(self, name: Callable[[int], str]) -> str:
        """Which branch each kink of the derivative (maximum, where, absolute …) takes, as one number.

        When it changes within a step, the step crossed a kink, where an embedded error estimate cannot be trusted.
        """
        branches: dict[str, None] = {}
        for op, *args in self.kinks():
            if op == "where":
                branches[name(args[0])] = None
            elif op in ("maximum", "minimum"):
                branches[f"{name(args[0])} >= {name(args[1])}"] = None
            else:
                branches[f"{name(args[0])} >= 0.0"] = None
        terms = [f"({2.0**k!r} if {branch} else 0.0)" for k, branch in enumerate(list(branches)[:50])]
        return " + ".join(terms) or "0.0"

    def kinks(self) -> list[Node]:
        """The nodes at which the derivative has a kink or a jump that depends on states or time."""
        found = []
        for index in self.needed(self.rates, lambda i: self.level[i] != STAGE):
            op, *args = self.nodes[index]
            moves = self.level[index] == STAGE and (op != "where" or self.level[args[0]] == STAGE)
            if moves and op in ("where", "maximum", "minimum", "absolute", "sign"):
                found.append(self.nodes[index])
        return found

    def hoisting(self, level: int) -> list[str]:
        """Source that computes, for one lane, the hoisted values of a level and puts them into their rows."""
        wanted = [index for index in self.hoisted if self.level[index] == level]
        source, name = self.code(wanted, "y", "0.0", level)
        for index in wanted:
            value = f"1.0 if {name(index)} else 0.0" if self._is_condition(index) else name(index)
            source.append(f"{self.row('hoisted', self.hoisted[index])} = {value}")
        return source

    def starting(self) -> list[str]:
        """Source that computes, for one lane, the state at the start from parameters and inputs."""
        order = self.program.needed(self.program.start)
        source, name = lines(self.program.nodes, order, self.place("y", "0.0", PATIENT))
        for i, index in enumerate(self.program.start):
            source.append(f"{self.row('y', i)} = {name(index)}")
        return source


def fill(layout: Layout, template: str, **words: str) -> str:
    """Put the numbers of a program into a template: ``@name@`` is where the rows of ``name`` begin, or a word given."""
    text = template
    for name, word in words.items():
        text = text.replace(f"@{name}@", word)
    for name, first in layout.rows.first.items():
        text = text.replace(f"@{name}@", str(first * layout.lanes))
    program = layout.program
    text = text.replace("@HALVINGS@", "8").replace("@AGAIN@", "0.2")
    numbers = {"@L@": layout.lanes, "@S@": program.states, "@P@": program.parameters, "@U@": program.inputs}
    for name, number in (numbers | {"@ROWS@": layout.rows.count}).items():
        text = text.replace(name, str(number))
    return text


__all__ = ["PATIENT", "SEGMENT", "STAGE", "Layout", "Rows", "fill"]
