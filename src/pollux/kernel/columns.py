"""Generated code that moves one patient together with the derivatives of its states by its parameters.

The variational equations  dS/dt = J S + B,  J = ∂f/∂x,  B = ∂f/∂p,  are solved beside  dx/dt = f.  The entries of J
and B come from differentiating the trace; the columns of S (one a parameter) stand in the SIMD lanes. Steps are chosen
by the states' errors; S is then the exact derivative of the numerical solution at those steps. Where a kink of f
makes J jump, S is as exact as the short step across the kink, which shrinks with the tolerance.

Columns are assigned when the code runs, so one compilation serves every choice of parameters of about the same number;
parameters that nobody asked for share a last column that nobody reads.

Events may move with the columns: an event at time t_e with ∂t_e, that adds a jump with ∂j and changes the inputs, gives

    S⁺ = S⁻ + f⁻ ∂t_e + ∂j − f⁺ ∂t_e,

f⁻ and f⁺ being the rates just before and after it; rates of infusions that depend on the columns add (∂f/∂u) ∂u to B.
Where f jumps because a condition g(t, x, p) changes its sign (``np.where``), that is an event too, at a time that moves
with x and p: ∂t_e = −(∂g/∂x S + ∂g/∂p) / (∂g/∂x f⁻ + ∂g/∂t).
"""

from dataclasses import dataclass, replace

from pollux.kernel.column_control import SOLVE
from pollux.kernel.derivatives import Derivatives, Leaf
from pollux.kernel.lanes import KINK_CAUTION
from pollux.kernel.layout import PATIENT, SEGMENT, STAGE, Layout
from pollux.kernel.program import Program
from pollux.kernel.symbols import Node
from pollux.kernel.tableau import DORMAND_PRINCE, weighted
from pollux.kernel.writing import HEADER, block

Entries = dict[tuple[int, int], int]
# Blocks of the array of columns, each with one row for every state.
BLOCKS = ("ys", "xs", "k1s", "k2s", "k3s", "k4s", "k5s", "k6s", "k7s", "denses")


@dataclass(frozen=True, eq=False)
class Differentiated:
    """A program that also computes its Jacobians: their nodes stand behind its own, in the order of the keys."""

    program: Program
    rates_by_state: tuple[tuple[int, int], ...]
    rates_by_parameter: tuple[tuple[int, int], ...]
    rates_by_input: tuple[tuple[int, int], ...]
    readings_by_state: tuple[tuple[int, int], ...]
    readings_by_parameter: tuple[tuple[int, int], ...]
    start_by_parameter: tuple[tuple[int, int], ...]
    switches: tuple[Node, ...] = ()  # comparisons (name, a, b) on which branches depend
    switches_by_state: tuple[tuple[int, int], ...] = ()  # of a − b
    switches_by_parameter: tuple[tuple[int, int], ...] = ()
    switches_by_time: tuple[tuple[int, int], ...] = ()


def switches(program: Program) -> tuple[Node, ...]:
    """The comparisons of states or time on which it depends which branch of a ``where`` the rates take."""
    needed = program.needed(program.rates)
    conditions = [program.nodes[n][1] for n in needed if program.nodes[n][0] == "where"]
    found = [program.nodes[n] for n in program.needed(conditions) if program.level[n] == STAGE]
    return tuple(node for node in found if node[0] in ("less", "less_equal", "greater", "greater_equal"))


def differentiate(program: Program, moving: tuple[int, ...] = ()) -> Differentiated:
    """The program with every derivative that is not zero; by inputs only those that are ``moving``."""
    crossed = switches(program)
    apart = tuple(range(len(program.nodes), len(program.nodes) + len(crossed)))
    program = replace(program, nodes=(*program.nodes, *(("subtract", a, b) for _, a, b in crossed)))
    d = Derivatives(program)
    states = [("state", i) for i in range(program.states)]
    parameters = [("parameter", i) for i in range(program.parameters)]
    time: list[Leaf] = [("time",)]  # type: ignore[list-item]
    entries = [
        d.jacobian(wanted, leaves)
        for wanted, leaves in (
            (program.rates, states),
            (program.rates, parameters),
            (program.rates, [("input", k) for k in moving]),
            (program.readings, states),
            (program.readings, parameters),
            (program.start, parameters),
            (apart, states),
            (apart, parameters),
            (apart, time),
        )
    ]
    fx, fp, fu, gx, gp, sp, cx, cp, ct = entries
    by_input = tuple((row, moving[column]) for row, column in fu)
    at = d.at
    whole = replace(
        program,
        nodes=tuple(d.graph.nodes),
        rates=(
            *map(at, program.rates),
            *fx.values(),
            *fp.values(),
            *fu.values(),
            *(at(n) for _, *ab in crossed for n in ab),
            *cx.values(),
            *cp.values(),
            *ct.values(),
        ),
        readings=(*map(at, program.readings), *gx.values(), *gp.values()),
        start=(*map(at, program.start), *sp.values()),
    )
    return Differentiated(
        whole, tuple(fx), tuple(fp), by_input, tuple(gx), tuple(gp), tuple(sp), crossed, tuple(cx), tuple(cp), tuple(ct)
    )


def source(program: Program, width: int, moving: tuple[int, ...] = ()) -> str:
    """The whole generated file, for up to ``width - 1`` columns; ``moving`` inputs may depend on them."""
    writer = _Writer(differentiate(program, moving), len(program.readings), width)
    parts = [HEADER, *writer.before_steps(), writer.rates()]
    parts += [writer.moves(s) for s in range(2, 8)]
    parts += [writer.step_error(), writer.commit(), writer.between(), writer.emit(), writer.crossing()]
    parts += [writer.fill(SOLVE)]
    return "\n\n".join(parts) + "\n"


class _Writer:
    """Writes the functions of one file."""

    def __init__(self, differentiated: Differentiated, outputs: int, width: int) -> None:
        self.d = differentiated
        self.program = differentiated.program
        self.outputs = outputs
        self.width = width
        self.layout = Layout(self.program, lanes=1, stages=7)
        d = differentiated
        counts = (len(d.rates_by_state), len(d.rates_by_parameter), len(d.rates_by_input))
        self.wanted = self.layout.rates[: self.program.states + sum(counts)]
        self.of_switches = self.layout.rates[len(self.wanted) :]

    def row(self, name: str, offset: int = 0) -> str:
        return self.layout.row(name, offset, "0")

    def column(self, name: str, state: int, c: str = "c") -> str:
        """One element of a block of columns."""
        return f"C[{(BLOCKS.index(name) * self.program.states + state) * self.width} + {c}]"

    def before_steps(self) -> list[str]:
        """The start, and what is computed once a patient and once a segment."""
        S = self.program.states
        order = self.program.needed(self.program.start)
        place = self.layout.place("y", "0.0", PATIENT, "0")
        from pollux.kernel.writing import lines

        start, name = lines(self.program.nodes, order, place)
        start += [f"{self.row('y', i)} = {name(n)}" for i, n in enumerate(self.program.start[:S])]
        for (state, parameter), n in zip(self.d.start_by_parameter, self.program.start[S:], strict=True):
            start.append(f"{self.column('ys', state, f'COLUMN[{parameter}]')} = {name(n)}")
        return [
            f"@assembled\ndef starting(W, C, COLUMN):\n{block(start, 4)}",
            f"@assembled\ndef hoist_patient(W):\n    l = 0\n{block(self.layout.hoisting(PATIENT), 4)}",
            f"@assembled\ndef hoist_segment(W):\n    l = 0\n{block(self.layout.hoisting(SEGMENT), 4)}",
        ]

    def rates(self) -> str:
        """F = f(x) and its columns, Fs = J xs + B: written once and called by every stage."""
        S = self.program.states
        code, name = self.layout.code(self.wanted, "x", self.row("time"), STAGE, "0")
        body = [*code, *(f"F[{i}] = {name(n)}" for i, n in enumerate(self.wanted[:S]))]
        body.append(f"{self.row('new_side')} = {self.layout.side(name)}")
        by_state = self.wanted[S : S + len(self.d.rates_by_state)]
        rest = self.wanted[S + len(self.d.rates_by_state) :]
        by_parameter, by_input = rest[: len(self.d.rates_by_parameter)], rest[len(self.d.rates_by_parameter) :]
        body.append(f"for c in range({self.width}):")
        body += [f"    s{i} = {self.column('xs', i)}" for i in range(S)]
        for i in range(S):
            products = [
                f"{name(n)} * s{j}" for (row, j), n in zip(self.d.rates_by_state, by_state, strict=True) if row == i
            ]
            body.append(f"    Fs[{i * self.width} + c] = {' + '.join(products) or '0.0'}")
        for (i, parameter), n in zip(self.d.rates_by_parameter, by_parameter, strict=True):
            body.append(f"Fs[{i * self.width} + COLUMN[{parameter}]] += {name(n)}")
        for (i, k), n in zip(self.d.rates_by_input, by_input, strict=True):
            body += [f"for c in range({self.width}):", f"    Fs[{i * self.width} + c] += {name(n)} * DU[{k}, c]"]
        return f"@assembled\ndef rates(W, C, F, Fs, COLUMN, DU):\n{block(body, 4)}"

    def crossing(self) -> str:
        """Of each condition g: whether it holds (G), its derivatives by the columns (DG) and by time (GT)."""
        d, K = self.d, len(self.d.switches)
        code, name = self.layout.code(self.of_switches, "x", self.row("time"), STAGE, "0")
        sign = {"less": "<", "less_equal": "<=", "greater": ">", "greater_equal": ">="}
        pairs, slopes = self.of_switches[: 2 * K], list(self.of_switches[2 * K :])
        for k, (op, *_) in enumerate(d.switches):
            code.append(f"G[{k}] = 1.0 if {name(pairs[2 * k])} {sign[op]} {name(pairs[2 * k + 1])} else 0.0")
        code += ["DG[:] = 0.0", "GT[:] = 0.0"]
        for k, j in d.switches_by_state:
            slope = name(slopes.pop(0))
            code += [f"GT[{k}] += {slope} * F[{j}]", f"for c in range({self.width}):"]
            code.append(f"    DG[{k}, c] += {slope} * {self.column('xs', j)}")
        for k, parameter in d.switches_by_parameter:
            code.append(f"DG[{k}, COLUMN[{parameter}]] += {name(slopes.pop(0))}")
        for k, _ in d.switches_by_time:
            code.append(f"GT[{k}] += {name(slopes.pop(0))}")
        return f"@assembled\ndef crossing(W, C, F, COLUMN, G, DG, GT):\n{block(code, 4)}"

    def moves(self, s: int) -> str:
        """x = y + h Σ a k for stage ``s`` (7: the step's end), states and columns alike, and the stage's time."""
        tableau = DORMAND_PRINCE
        weights = tableau.weights if s == 7 else tableau.stages[s - 1]
        node = 1.0 if s == 7 else tableau.nodes[s - 1]

        def loop(count: int, array: str, start: str, end: str, suffix: str) -> list[str]:
            first = self.first_column if array == "C" else self.layout.rows.at
            terms = [f"{array}[{first(f'k{j}{suffix}')} + i]" for j in range(1, s)]
            total = weighted(weights, terms)
            return [
                f"for i in range({count}):",
                f"    {array}[{first(end)} + i] = {array}[{first(start)} + i] + h * ({total})",
            ]

        S = self.program.states
        body = [f"h = {self.row('h')}", f"{self.row('time')} = {self.row('t')} + {node!r} * h"]
        body += loop(S, "W", "y", "x", "")
        body += loop(S * self.width, "C", "ys", "xs", "s")
        return f"@assembled\ndef moves{s}(W, C):\n{block(body, 4)}"

    def first_column(self, name: str) -> int:
        """Where a block of columns begins."""
        return BLOCKS.index(name) * self.program.states * self.width

    def step_error(self) -> str:
        """The step's error relative to the largest value of each state."""
        body = [f"h = {self.row('h')}", "worst = 0.0"]
        for i in range(self.program.states):
            terms = [self.row(f"k{j}", i) for j in range(1, 8)]
            body.append(f"size = max(math.fabs({self.row('x', i)}), {self.row('largest', i)})")
            body.append(f"e = math.fabs(h * ({weighted(DORMAND_PRINCE.error, terms)})) / size")
            body.append("worst = worst if worst >= e else e")
        same = f"{self.row('side')} == {self.row('new_side')}"
        body.append(f"return worst if {same} else {KINK_CAUTION!r} * worst")
        return f"@assembled\ndef step_error(W):\n{block(body, 4)}"

    def commit(self) -> str:
        """The new state becomes the state."""
        body = [f"{self.row('side')} = {self.row('new_side')}"]
        for i in range(self.program.states):
            largest = self.row("largest", i)
            body.append(f"{self.row('y', i)} = {self.row('x', i)}")
            body.append(f"{self.row('k1', i)} = {self.row('k7', i)}")
            body.append(f"{largest} = max(math.fabs({self.row('y', i)}), {largest})")
        body.append(f"for i in range({self.program.states * self.width}):")
        body.append(f"    C[{self.first_column('ys')} + i] = C[{self.first_column('xs')} + i]")
        body.append(f"    C[{self.first_column('k1s')} + i] = C[{self.first_column('k7s')} + i]")
        return f"@assembled\ndef commit(W, C):\n{block(body, 4)}"

    def emit(self) -> str:
        """Outputs and their columns at ``theta`` of the present step (0: at its start)."""
        layout, outputs = self.layout, self.outputs
        by_state = self.layout.readings[outputs : outputs + len(self.d.readings_by_state)]
        by_parameter = self.layout.readings[outputs + len(self.d.readings_by_state) :]
        seen = sorted({j for _, j in self.d.readings_by_state})
        body = ["between(W, C, theta)"]
        code, name = layout.code(layout.readings, "dense", "t", STAGE, "0")
        body += code
        body += [f"OUT[{o}, patient, at] = {name(n)}" for o, n in enumerate(layout.readings[:outputs])]
        body.append("for c in range(wanted):")
        body += [f"    s{i} = {self.column('denses', i)}" for i in seen]
        for o in range(outputs):
            products = [
                f"{name(n)} * s{j}" for (row, j), n in zip(self.d.readings_by_state, by_state, strict=True) if row == o
            ]
            body.append(f"    SLOPES[{o}, patient, at, c] = {' + '.join(products) or '0.0'}")
        for (o, parameter), n in zip(self.d.readings_by_parameter, by_parameter, strict=True):
            body.append(f"if COLUMN[{parameter}] < wanted:")
            body.append(f"    SLOPES[{o}, patient, at, COLUMN[{parameter}]] += {name(n)}")
        return f"@assembled\ndef emit(W, C, COLUMN, wanted, theta, t, patient, at, OUT, SLOPES):\n{block(body, 4)}"

    def between(self) -> str:
        """The dense output of order 4 at ``theta``: y + h Σ w_j(θ) k_j, states and columns alike."""
        tableau = DORMAND_PRINCE
        body = [f"h = {self.row('h')}", "a = theta * (1.0 - theta)"]
        for j, (weight, dense) in enumerate(zip((*tableau.weights, 0.0), tableau.dense, strict=True), start=1):
            first, last = float(j == 1), float(j == 7)
            curve = f"{2.0 * weight - first - last!r} + (1.0 - theta) * {dense!r}"
            body.append(f"w{j} = h * (theta * {weight!r} + a * ({first - weight!r} + theta * ({curve})))")

        def loop(count: int, array: str, suffix: str) -> list[str]:
            at = self.first_column if array == "C" else self.layout.rows.at
            total = " + ".join(f"w{j} * {array}[{at(f'k{j}{suffix}')} + i]" for j in (1, 3, 4, 5, 6, 7))
            place, start = f"{array}[{at('dense' + suffix)} + i]", f"{array}[{at('y' + suffix)} + i]"
            return [f"for i in range({count}):", f"    {place} = {start} + ({total}) if theta > 0.0 else {start}"]

        S = self.program.states
        body += loop(S, "W", "") + loop(S * self.width, "C", "s")
        return f"@assembled\ndef between(W, C, theta):\n{block(body, 4)}"

    def fill(self, template: str) -> str:
        """Put the numbers of this program into a template."""
        text = template
        for name, first in self.layout.rows.first.items():
            text = text.replace(f"@{name}@", str(first))
        for name in BLOCKS:
            text = text.replace(f"@{name}@", str(self.first_column(name)))
        numbers = {
            "@S@": self.program.states,
            "@P@": self.program.parameters,
            "@U@": self.program.inputs,
            "@ROWS@": self.layout.rows.count,
            "@WIDTH@": self.width,
            "@BLOCKS@": len(BLOCKS),
            "@SWITCHES@": len(self.d.switches),
        }
        for name, number in numbers.items():
            text = text.replace(name, str(number))
        return text
