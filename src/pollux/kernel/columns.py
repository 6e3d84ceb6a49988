"""Generated code that moves one patient together with the derivatives of its states by its parameters.

The variational equations  dS/dt = J S + B,  J = ∂f/∂x,  B = ∂f/∂p,  are solved beside  dx/dt = f.  The entries of J and B
come from differentiating the trace; the columns of S (one a parameter) stand in the SIMD lanes. Steps are chosen by the
states' errors; S is then the exact derivative of the numerical solution at those steps.

Columns are assigned when the code runs, so one compilation serves every choice of parameters of about the same number;
parameters that nobody asked for share a last column that nobody reads.
"""

from dataclasses import dataclass, replace

from pollux.kernel.derivatives import Derivatives
from pollux.kernel.layout import PATIENT, SEGMENT, STAGE, Layout
from pollux.kernel.program import Program
from pollux.kernel.tableau import DORMAND_PRINCE, weighted
from pollux.kernel.writing import HEADER, block

Entries = dict[tuple[int, int], int]
# Blocks of the array of columns, each with one row for every state.
BLOCKS = ("ys", "xs", "k1s", "k2s", "k3s", "k4s", "k5s", "k6s", "k7s")


@dataclass(frozen=True, eq=False)
class Differentiated:
    """A program that also computes its Jacobians: their nodes stand behind the program's own, in the order of the keys."""

    program: Program
    rates_by_state: tuple[tuple[int, int], ...]
    rates_by_parameter: tuple[tuple[int, int], ...]
    readings_by_state: tuple[tuple[int, int], ...]
    readings_by_parameter: tuple[tuple[int, int], ...]
    start_by_parameter: tuple[tuple[int, int], ...]


def differentiate(program: Program) -> Differentiated:
    """The program with every derivative that is not zero."""
    d = Derivatives(program)
    states = [("state", i) for i in range(program.states)]
    parameters = [("parameter", i) for i in range(program.parameters)]
    entries = [
        d.jacobian(wanted, leaves)
        for wanted, leaves in (
            (program.rates, states),
            (program.rates, parameters),
            (program.readings, states),
            (program.readings, parameters),
            (program.start, parameters),
        )
    ]
    fx, fp, gx, gp, sp = entries
    at = d.at
    whole = replace(
        program,
        nodes=tuple(d.graph.nodes),
        rates=(*map(at, program.rates), *fx.values(), *fp.values()),
        readings=(*map(at, program.readings), *gx.values(), *gp.values()),
        start=(*map(at, program.start), *sp.values()),
    )
    return Differentiated(whole, tuple(fx), tuple(fp), tuple(gx), tuple(gp), tuple(sp))


def source(program: Program, width: int) -> str:
    """The whole generated file, for up to ``width - 1`` parameters."""
    writer = _Writer(differentiate(program), len(program.readings), width)
    parts = [HEADER, *writer.before_steps(), writer.stage(1)]
    parts += [writer.stage(s) for s in range(2, 8)]
    parts += [writer.step_error(), writer.commit(), writer.emit(), writer.fill(_SOLVE)]
    return "\n\n".join(parts) + "\n"


class _Writer:
    """Writes the functions of one file."""

    def __init__(self, differentiated: Differentiated, outputs: int, width: int) -> None:
        self.d = differentiated
        self.program = differentiated.program
        self.outputs = outputs
        self.width = width
        self.layout = Layout(self.program, lanes=1, stages=7)

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
            f"@njit(**FAST)\ndef starting(W, C, COLUMN):\n{block(start, 4)}",
            f"@njit(**FAST)\ndef hoist_patient(W):\n    l = 0\n{block(self.layout.hoisting(PATIENT), 4)}",
            f"@njit(**FAST)\ndef hoist_segment(W):\n    l = 0\n{block(self.layout.hoisting(SEGMENT), 4)}",
        ]

    def stage(self, s: int) -> str:
        """k_s and its columns. Stage 1 is at the step's start, stage 7 at its end, where the new state is kept."""
        S = self.program.states
        tableau = DORMAND_PRINCE
        weights = () if s == 1 else tableau.weights if s == 7 else tableau.stages[s - 1]
        node = 0.0 if s == 1 else 1.0 if s == 7 else tableau.nodes[s - 1]
        body = [f"h = {self.row('h')}"]
        for i in range(S):
            body.append(f"x{i} = {self._moved(weights, [self.row(f'k{j}', i) for j in range(1, s)], self.row('y', i))}")
            if s == 7:
                body.append(f"{self.row('x', i)} = x{i}")
        code, name = self.layout.code(self.layout.rates, "x{}", f"{self.row('t')} + {node!r} * h", STAGE, "0")
        body += code
        body += [f"{self.row(f'k{s}', i)} = {name(n)}" for i, n in enumerate(self.layout.rates[:S])]
        by_state = self.layout.rates[S : S + len(self.d.rates_by_state)]
        by_parameter = self.layout.rates[S + len(self.d.rates_by_state) :]
        body.append(f"for c in range({self.width}):")
        for i in range(S):
            terms = [self.column(f"k{j}s", i) for j in range(1, s)]
            body.append(f"    s{i} = {self._moved(weights, terms, self.column('ys', i))}")
            if s == 7:
                body.append(f"    {self.column('xs', i)} = s{i}")
        for i in range(S):
            products = [
                f"{name(n)} * s{j}" for (row, j), n in zip(self.d.rates_by_state, by_state, strict=True) if row == i
            ]
            body.append(f"    {self.column(f'k{s}s', i)} = {' + '.join(products) or '0.0'}")
        for (i, parameter), n in zip(self.d.rates_by_parameter, by_parameter, strict=True):
            body.append(f"{self.column(f'k{s}s', i, f'COLUMN[{parameter}]')} += {name(n)}")
        return f"@njit(**FAST)\ndef stage{s}(W, C, COLUMN):\n{block(body, 4)}"

    @staticmethod
    def _moved(weights: tuple[float, ...], terms: list[str], start: str) -> str:
        return f"{start} + h * ({weighted(weights, terms)})" if weights else start

    def step_error(self) -> str:
        """The step's error relative to the largest value of each state."""
        body = [f"h = {self.row('h')}", "worst = 0.0"]
        for i in range(self.program.states):
            terms = [self.row(f"k{j}", i) for j in range(1, 8)]
            body.append(f"size = max(math.fabs({self.row('x', i)}), {self.row('largest', i)})")
            body.append(f"e = math.fabs(h * ({weighted(DORMAND_PRINCE.error, terms)})) / size")
            body.append("worst = worst if worst >= e else e")
        return f"@njit(**FAST)\ndef step_error(W):\n{block([*body, 'return worst'], 4)}"

    def commit(self) -> str:
        """The new state becomes the state."""
        body = []
        for i in range(self.program.states):
            largest = self.row("largest", i)
            body.append(f"{self.row('y', i)} = {self.row('x', i)}")
            body.append(f"{self.row('k1', i)} = {self.row('k7', i)}")
            body.append(f"{largest} = max(math.fabs({self.row('y', i)}), {largest})")
        body.append(f"for c in range({self.width}):")
        for i in range(self.program.states):
            body.append(f"    {self.column('ys', i)} = {self.column('xs', i)}")
            body.append(f"    {self.column('k1s', i)} = {self.column('k7s', i)}")
        return f"@njit(**FAST)\ndef commit(W, C):\n{block(body, 4)}"

    def emit(self) -> str:
        """Outputs and their columns at ``theta`` of the present step (0: at its start)."""
        S, program, O = self.program.states, self.layout, self.outputs
        by_state = self.layout.readings[O : O + len(self.d.readings_by_state)]
        by_parameter = self.layout.readings[O + len(self.d.readings_by_state) :]
        seen = sorted({j for _, j in self.d.readings_by_state})
        body = [f"h = {self.row('h')}", "a1 = theta * (1.0 - theta)"]
        body.append("inside = theta > 0.0")
        for i in range(S):
            terms = [self.row(f"k{j}", i) for j in range(1, 8)]
            moved = self._between(
                self.row("y", i), self.row("x", i), self.row("k1", i), self.row("k7", i), terms
            )
            body.append(f"x{i} = {moved} if inside else {self.row('y', i)}")
        code, name = program.code(program.readings, "x{}", "t", STAGE, "0")
        body += code
        body += [f"OUT[{o}, patient, at] = {name(n)}" for o, n in enumerate(program.readings[:O])]
        body.append("for c in range(wanted):")
        for i in seen:
            terms = [self.column(f"k{j}s", i) for j in range(1, 8)]
            column = {n: self.column(n, i) for n in ("ys", "xs", "k1s", "k7s")}
            moved = self._between(column["ys"], column["xs"], column["k1s"], column["k7s"], terms)
            body.append(f"    s{i} = {moved} if inside else {column['ys']}")
        for o in range(O):
            products = [
                f"{name(n)} * s{j}" for (row, j), n in zip(self.d.readings_by_state, by_state, strict=True) if row == o
            ]
            body.append(f"    SLOPES[{o}, patient, at, c] = {' + '.join(products) or '0.0'}")
        for (o, parameter), n in zip(self.d.readings_by_parameter, by_parameter, strict=True):
            body.append(f"if COLUMN[{parameter}] < wanted:")
            body.append(f"    SLOPES[{o}, patient, at, COLUMN[{parameter}]] += {name(n)}")
        return f"@njit(**FAST)\ndef emit(W, C, COLUMN, wanted, theta, t, patient, at, OUT, SLOPES):\n{block(body, 4)}"

    @staticmethod
    def _between(y: str, x: str, k1: str, k7: str, terms: list[str]) -> str:
        """The dense output of order 4, written out in the stages."""
        fifth = f"h * ({weighted(DORMAND_PRINCE.dense, terms)})"
        b = f"(h * {k1} - ({x} - {y}))"
        c = f"(({x} - {y}) - h * {k7} - {b} + (1.0 - theta) * {fifth})"
        return f"{y} + theta * ({x} - {y}) + a1 * ({b} + theta * {c})"

    def fill(self, template: str) -> str:
        """Put the numbers of this program into a template."""
        text = template
        for name in ("largest", "y", "k1", "p", "u", "t", "h"):
            text = text.replace(f"@{name}@", str(self.layout.rows.first[name]))
        numbers = {
            "@S@": self.program.states,
            "@P@": self.program.parameters,
            "@U@": self.program.inputs,
            "@ROWS@": self.layout.rows.count,
            "@WIDTH@": self.width,
            "@BLOCKS@": len(BLOCKS),
        }
        for name, number in numbers.items():
            text = text.replace(name, str(number))
        return text


_SOLVE = '''
@njit(**FAST)
def begin_segment(W, inputs, jumps):
    for j in range(@U@):
        W[@u@ + j] = inputs[j]
    hoist_segment(W)
    for j in range(@S@):
        W[@y@ + j] += jumps[j]


@njit(**FAST)
def first_step(W, limit):
    h = limit
    for j in range(@S@):
        rate = math.fabs(W[@k1@ + j])
        if rate > 0.0:
            h = min(h, 0.01 * W[@largest@ + j] / rate)
    return max(h, 1e-6)


@njit(**FAST)
def finite(W):
    for j in range(@S@):
        if not math.fabs(W[@y@ + j]) < np.inf:
            return False
    return True


@njit(**FAST)
def grow(e, log_error):
    growth = 0.9 * math.exp(0.04 * log_error - 0.17 * math.log(min(max(e, 1e-10), 1e10)))
    return min(max(growth, 0.2), 10.0)


@njit(**FAST)
def solve(P, X0, S0, given, COLUMN, wanted, which, seg_first, seg_time, seg_inputs, seg_jump, times,
          tolerance, floors, max_steps, OUT, SLOPES, FINAL, FINAL_SLOPES, status, error, steps, stopped):
    T = times.shape[0]
    end = times[T - 1]
    for i in range(P.shape[0]):
        W = np.zeros(@ROWS@)
        C = np.zeros(@BLOCKS@ * @S@ * @WIDTH@)
        s = seg_first[which[i]]
        final = seg_first[which[i] + 1] - 1
        now = seg_time[s]
        for j in range(@P@):
            W[@p@ + j] = P[i, j]
        hoist_patient(W)
        for j in range(@U@):
            W[@u@ + j] = seg_inputs[s, j]
        if given:
            for j in range(@S@):
                W[@y@ + j] = X0[i, j]
                for c in range(wanted):
                    C[j * @WIDTH@ + c] = S0[i, j, c]
        else:
            starting(W, C, COLUMN)
        for j in range(@S@):
            W[@largest@ + j] = max(math.fabs(W[@y@ + j]), floors[j])
        begin_segment(W, seg_inputs[s], seg_jump[s])
        at = 0
        step = 0.0
        log_error = -9.210340371976182
        fresh = True
        while True:
            while at < T and times[at] <= now:
                emit(W, C, COLUMN, wanted, 0.0, times[at], i, at, OUT, SLOPES)
                at += 1
            if not finite(W):
                status[i] = 2
            if status[i] != 0:
                stopped[i] = now
                break
            if at >= T:
                for j in range(@S@):
                    FINAL[i, j] = W[@y@ + j]
                    for c in range(wanted):
                        FINAL_SLOPES[i, j, c] = C[j * @WIDTH@ + c]
                break
            if fresh:
                W[@t@] = now
                stage1(W, C, COLUMN)
                if step == 0.0:
                    step = first_step(W, end - now)
                fresh = False
            due = seg_time[s + 1] if s < final and seg_time[s + 1] < end else end
            left = due - now
            hit = step >= 0.999999 * left
            h = left if hit else min(step, 0.5 * left)
            W[@h@] = h
            stage2(W, C, COLUMN)
            stage3(W, C, COLUMN)
            stage4(W, C, COLUMN)
            stage5(W, C, COLUMN)
            stage6(W, C, COLUMN)
            stage7(W, C, COLUMN)
            e = step_error(W) / tolerance
            steps[i] += 1
            if e <= 1.0:
                error[i] = max(error[i], e)
                growth = grow(e, log_error)
                log_error = math.log(max(e, 1e-4))
                then = due if hit else now + h
                while at < T and times[at] < then:
                    emit(W, C, COLUMN, wanted, (times[at] - now) / h, times[at], i, at, OUT, SLOPES)
                    at += 1
                commit(W, C)
                grown = h * growth
                step = step if h < step and grown < step else grown
                now = then
                W[@t@] = now
                if hit and s < final and seg_time[s + 1] <= now:
                    s += 1
                    begin_segment(W, seg_inputs[s], seg_jump[s])
                    fresh = True
            else:
                step = h * (grow(e, log_error) if e < 1e10 else 0.1)
                if step < 1e-12 * (1.0 + math.fabs(now)):
                    status[i] = 1 if e <= 1e300 else 2
            if steps[i] >= max_steps and at < T and status[i] == 0:
                status[i] = 3
'''
