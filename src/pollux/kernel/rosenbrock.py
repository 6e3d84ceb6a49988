"""Generated code for stiff models: an L-stable Rosenbrock method of order 4 in SIMD lanes, patients side by side.

With W = I/(γh) − J, J = ∂f/∂x and ft = ∂f/∂t at the beginning of the step,

    W k_i = f(t + c_i h, y + Σ a_ij k_j) + Σ C_ij k_j / h + h d_i ft,   i = 1 … 6,

y₁ is the last stage's state plus k₆, and k₆ the estimated error (RODAS of Hairer and Wanner, Solving Ordinary
Differential Equations II, IV.7, stiffly accurate; the coefficients were read in the open code of OrdinaryDiffEq.jl, not
in print; the tests check order and L-stability). J comes from the trace; its factors are written out for the pattern of
zeros that the model has, without pivoting, in the order that fills fewest zeros. The control is that of ``lanes``; but
steps end at output times, because the dense output is wrong where the equations are very stiff.
"""

from dataclasses import replace

from pollux.kernel.derivatives import Derivatives
from pollux.kernel.lane_control import SOLVE
from pollux.kernel.lanes import LANES, committed, judged, lane_loop, largest_error, one_lane
from pollux.kernel.layout import STAGE, Layout, fill
from pollux.kernel.program import Program
from pollux.kernel.tableau import weighted
from pollux.kernel.writing import HEADER, block

GAMMA = 0.25
NODES = (0.0, 0.386, 0.21, 0.63, 1.0, 1.0)
A = (
    (),
    (1.544,),
    (0.9466785280815826, 0.2557011698983284),
    (3.314825187068521, 2.896124015972201, 0.9986419139977817),
    (1.221224509226641, 6.019134481288629, 12.53708332932087, -0.6878860361058950),
    (1.221224509226641, 6.019134481288629, 12.53708332932087, -0.6878860361058950, 1.0),
)
C = (
    (),
    (-5.6688,),
    (-2.430093356833875, -0.2063599157091915),
    (-0.1073529058151375, -9.594562251023355, -20.47028614809616),
    (7.496443313967647, -10.24680431464352, -33.99990352819905, 11.70890893206160),
    (8.083246795921522, -7.981132988064893, -31.52159432874371, 16.31930543123136, -6.058818238834054),
)
D = (0.25, -0.1043, 0.1035, -0.0362, 0.0, 0.0)
# Dense output: y(θ) = (1 − θ) y + θ (y₁ + (1 − θ) (Σ h2 k + θ Σ h3 k))
H2 = (10.12623508344586, -7.487995877610167, -34.80091861555747, -7.992771707568823, 1.025137723295662)
H3 = (-0.6762803392801253, 6.087714651680015, 16.43084320892478, 24.76722511418386, -6.594389125716872)

Place = tuple[int, int]


def source(program: Program) -> str:
    """The whole generated file for a program."""
    return _Writer(program).source()


def elimination(size: int, pattern: set[Place]) -> tuple[list[int], set[Place]]:
    """An order of pivots that fills few zeros (fewest products first), and the pattern after the filling.

    >>> elimination(3, {(0, 1), (0, 2), (1, 0), (2, 0)})[0]
    [1, 0, 2]
    """
    filled = pattern | {(i, i) for i in range(size)}
    left, order = set(range(size)), []
    while left:
        products = {
            k: sum((i, k) in filled for i in left if i != k) * sum((k, j) in filled for j in left if j != k)
            for k in left
        }
        k = min(left, key=lambda k, many=products: (many[k], k))  # type: ignore[misc]
        left.remove(k)
        order.append(k)
        filled |= {(i, j) for i in left if (i, k) in filled for j in left if (k, j) in filled}
    return order, filled


class _Writer:
    """Writes the functions of one file."""

    def __init__(self, program: Program) -> None:
        S = program.states
        d = Derivatives(program)
        by_state = d.jacobian(program.rates, [("state", j) for j in range(S)])
        by_time = d.jacobian(program.rates, [("time",)])  # type: ignore[list-item]
        whole = replace(
            program,
            nodes=tuple(d.graph.nodes),
            rates=(*map(d.at, program.rates), *by_state.values(), *by_time.values()),
            readings=tuple(map(d.at, program.readings)),
            start=tuple(map(d.at, program.start)),
            kinetics=(),
        )
        self.layout = Layout(whole, LANES, stages=7)
        everything = self.layout.rates
        self.layout.rates = everything[:S]
        self.jacobian = dict(zip(by_state, everything[S : S + len(by_state)], strict=True))
        self.by_time = {row: n for (row, _), n in zip(by_time, everything[S + len(by_state) :], strict=True)}
        self.order, self.filled = elimination(S, set(by_state))
        self.places = sorted(self.filled)
        self.layout.rows.reserve("lu", len(self.places))
        self.layout.rows.reserve("ft", len(self.by_time))

    def source(self) -> str:
        """The functions that the control of the lanes calls."""
        parts = [HEADER, *one_lane(self.layout), self.fresh(), self.first()]
        parts += [self.stage(s) for s in range(2, 6)]
        parts += [
            self.stage_6(),
            self.step_end(),
            self.dense(),
            committed(self.layout),
            self.side_at(),
            self.emit(),
            fill(self.layout, SOLVE, LAND="True", STIFF="False"),
        ]
        return "\n\n".join(parts) + "\n"

    def fresh(self) -> str:
        """k7 = f(t, y), where a lane has met an event: for the first step, and which side of each kink it is on."""
        layout = self.layout
        body, name = layout.code(layout.rates, "y", layout.row("t"), STAGE)
        body += [f"{layout.row('k7', i)} = {name(n)}" for i, n in enumerate(layout.rates)]
        body.append(f"{layout.row('new_side')} = {layout.side(name)}")
        return lane_loop("stage1", body)

    def first(self) -> str:
        """f, J and ft at the beginning of the step, the factors of W, and k1."""
        layout = self.layout
        wanted = [*layout.rates, *self.jacobian.values(), *self.by_time.values()]
        body = [f"h = {layout.row('h')}", "h = h if h > 0.0 else 1.0"]  # an idle lane divides by nothing
        code, name = layout.code(wanted, "y", layout.row("t"), STAGE)
        body += [*code, f"w = {1.0 / GAMMA!r} / h"]
        for i, j in self.places:
            entry = f"-{name(self.jacobian[i, j])}" if (i, j) in self.jacobian else "0.0"
            body.append(f"m{i}_{j} = " + (f"w + {entry}" if i == j else entry))
        body += self._factors()
        body += [f"{layout.row('lu', k)} = m{i}_{j}" for k, (i, j) in enumerate(self.places)]
        for k, (_, n) in enumerate(self.by_time.items()):
            body.append(f"{layout.row('ft', k)} = {name(n)}")
        for i, n in enumerate(layout.rates):
            moved = f" + h * {D[0]!r} * {name(self.by_time[i])}" if i in self.by_time else ""
            body.append(f"b{i} = {name(n)}{moved}")
        return lane_loop("stage2", [*body, *self._solved(1)])

    def _factors(self) -> list[str]:
        """m becomes L below the pivots and U above, with the reciprocals of the pivots."""
        body = []
        for at, k in enumerate(self.order):
            body.append(f"m{k}_{k} = 1.0 / m{k}_{k}")
            later = self.order[at + 1 :]
            for i in (i for i in later if (i, k) in self.filled):
                body.append(f"m{i}_{k} = m{i}_{k} * m{k}_{k}")
                body += [f"m{i}_{j} = m{i}_{j} - m{i}_{k} * m{k}_{j}" for j in later if (k, j) in self.filled]
        return body

    def _solved(self, s: int) -> list[str]:
        """k_s from the right side b."""
        body = []
        for at, k in enumerate(self.order):
            body += [f"b{i} = b{i} - m{i}_{k} * b{k}" for i in self.order[at + 1 :] if (i, k) in self.filled]
        for at in range(len(self.order) - 1, -1, -1):
            k = self.order[at]
            known = [f"m{k}_{j} * b{j}" for j in self.order[at + 1 :] if (k, j) in self.filled]
            body.append(f"b{k} = (b{k}{''.join(f' - {term}' for term in known)}) * m{k}_{k}")
        return body + [f"{self.layout.row(f'k{s}', i)} = b{i}" for i in range(len(self.order))]

    def _stage(self, s: int) -> list[str]:
        """Stage s from those before it; its state is x0, x1 …"""
        layout = self.layout
        S = layout.program.states
        body = [f"h = {layout.row('h')}", "g = h if h > 0.0 else 1.0"]
        body += [f"m{i}_{j} = {layout.row('lu', k)}" for k, (i, j) in enumerate(self.places)]
        for i in range(S):
            terms = [layout.row(f"k{j}", i) for j in range(1, s)]
            body.append(f"x{i} = {layout.row('y', i)} + {weighted(A[s - 1], terms)}")
        code, name = layout.code(layout.rates, "x{}", f"{layout.row('t')} + {NODES[s - 1]!r} * h", STAGE)
        body += code
        places = {row: k for k, row in enumerate(self.by_time)}
        for i, n in enumerate(layout.rates):
            terms = [layout.row(f"k{j}", i) for j in range(1, s)]
            moved = f" + h * {D[s - 1]!r} * {layout.row('ft', places[i])}" if i in places and D[s - 1] else ""
            body.append(f"b{i} = {name(n)} + ({weighted(C[s - 1], terms)}) / g{moved}")
        return body + self._solved(s)

    def stage(self, s: int) -> str:
        """k2 … k5, in the functions stage3 … stage6."""
        return lane_loop(f"stage{s + 1}", self._stage(s))

    def stage_6(self) -> str:
        """k6, the new state, and the side of each kink that it is on."""
        layout = self.layout
        body = self._stage(6)
        for i in range(layout.program.states):
            body += [f"x{i} = x{i} + b{i}", f"{layout.row('x', i)} = x{i}"]
        code, side = self._side("x{}", f"{layout.row('t')} + h")
        return lane_loop("stage7", [*body, *code, f"{layout.row('new_side')} = {side}"])

    def step_end(self) -> str:
        """The new state's error, which is k6."""
        layout = self.layout

        def estimated(i: int) -> list[str]:
            return [f"x{i} = {layout.row('x', i)}", *largest_error(layout, i, layout.row("k6", i))]

        return judged("step_end", layout, estimated, "0.9 * _about_exp(-0.25 * log_e)", 6.0)

    def _side(self, states: str, time: str) -> tuple[list[str], str]:
        """On which side of each kink a state is; nodes are named anew, so as not to meet those of a stage."""
        layout = self.layout
        wanted = [a for op, *args in layout.kinks() for a in (args[:1] if op == "where" else args)]
        if not wanted:
            return [], "0.0"
        code, name = layout.code(wanted, states, time, STAGE)
        return code, layout.side(name)

    def dense(self) -> str:
        """The two polynomials of the dense output."""
        layout = self.layout
        body = []
        for i in range(layout.program.states):
            terms = [layout.row(f"k{j}", i) for j in range(1, 6)]
            body.append(f"{layout.row('dense', i)} = {weighted(H2, terms)}")
            body.append(f"{layout.row('k7', i)} = {weighted(H3, terms)}")
        return lane_loop("dense", body)

    def _between(self) -> list[str]:
        layout = self.layout
        body = [f"h = {layout.row('h')}"]
        for i in range(layout.program.states):
            y, x, first, second = (layout.row(n, i) for n in ("y", "x", "dense", "k7"))
            body.append(f"x{i} = (1.0 - theta) * {y} + theta * ({x} + (1.0 - theta) * ({first} + theta * {second}))")
        return body

    def side_at(self) -> str:
        """On which side of each kink one patient is at ``theta`` of the present step."""
        code, side = self._side("x{}", f"{self.layout.row('t')} + theta * h")
        body = [*self._between(), *code, f"return {side}"]
        return f"@assembled\ndef side_at(W, l, theta):\n{block(body, 4)}"

    def emit(self) -> str:
        """Write one patient's state and outputs at ``theta`` of the present step (0: at its start)."""
        layout = self.layout
        states = range(layout.program.states)
        body = ["if theta > 0.0:", *(f"    {line}" for line in self._between()), "else:"]
        body += [f"    x{i} = {layout.row('y', i)}" for i in states]
        code, name = layout.code(layout.readings, "x{}", "t", STAGE)
        body += [*code, *(f"OUT[{o}, patient, at] = {name(n)}" for o, n in enumerate(layout.readings))]
        body.append("if STATES.shape[0] > 0:")
        body += [f"    STATES[patient, at, {i}] = x{i}" for i in states]
        return f"@assembled\ndef emit(W, l, theta, t, patient, at, STATES, OUT):\n{block(body, 4)}"
