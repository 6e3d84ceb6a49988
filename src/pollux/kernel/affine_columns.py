"""Generated code for one patient of a linear model together with derivatives: exact solution, exact tangents.

Everything that ``affine`` computes is carried with its derivatives by C columns: parameters, the start, or any column
in which the caller says how events move (their times, amounts and rates). The series and squarings of E are
differentiated by the product rule, so that the tangents are those of the very numbers that are computed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import factorial

from pollux.kernel.affine import DEGREE, LARGEST, coefficients, evaluated, series, written
from pollux.kernel.derivatives import Derivatives
from pollux.kernel.linear import LinearForm
from pollux.kernel.program import Program
from pollux.kernel.writing import HEADER, block

Entries = Mapping[tuple[int, int], int]


@dataclass(frozen=True, eq=False)
class Tangents:
    """A linear form with the derivatives of what it computes, as nodes of one program."""

    form: LinearForm
    matrix: Entries  # of (entry of A, parameter)
    push: Entries  # of (row of b, parameter)
    push_by_input: Entries
    readings_by_state: Entries
    readings_by_parameter: Entries
    start: Entries


def tangents(form: LinearForm) -> Tangents:
    """Differentiate a linear form."""
    program = form.program
    d = Derivatives(program)
    states = [("state", i) for i in range(program.states)]
    parameters = [("parameter", i) for i in range(program.parameters)]
    inputs = [("input", i) for i in range(program.inputs)]
    entries = tuple(form.entries.values())
    found = [
        d.jacobian(entries, parameters),
        d.jacobian(program.rates, parameters),
        d.jacobian(program.rates, inputs),
        d.jacobian(program.readings, states),
        d.jacobian(program.readings, parameters),
        d.jacobian(program.start, parameters),
    ]

    def at(nodes: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(map(d.at, nodes))

    whole = Program(
        program.states, program.parameters, program.inputs, tuple(d.graph.nodes), at(program.rates),
        at(program.readings), at(program.start),
    )  # fmt: skip
    return Tangents(LinearForm(whole, {k: d.at(n) for k, n in form.entries.items()}), *found)


def source(form: LinearForm) -> str:
    """The whole generated file for a linear model."""
    t = tangents(form)
    S = form.program.states
    parts = [HEADER, coefficients(t.form, "A[{}, {}]", "B[{}]", "C")]
    parts += [_coefficient_tangents(t), _starting(t), _emit(t)]
    template = _SOLVE
    for name, number in {"@S@": S, "@N@": S + 1, "@U@": form.program.inputs, "@LARGEST@": LARGEST}.items():
        template = template.replace(name, repr(number))
    return "\n\n".join([*parts, template]) + "\n"


def _coefficient_tangents(t: Tangents) -> str:
    """∂A/∂p and ∂b/∂p into the parameters' columns; ∂b/∂u · du into all."""
    code, name = evaluated(t.form, [*t.matrix.values(), *t.push.values(), *t.push_by_input.values()], "0.0", "0.0")
    places = tuple(t.form.entries)
    for (entry, parameter), n in t.matrix.items():
        row, column = places[entry]
        code += [f"if COLUMN[{parameter}] >= 0:", f"    DA[{row}, {column}, COLUMN[{parameter}]] += {name[n]}"]
    for (row, parameter), n in t.push.items():
        code += [f"if COLUMN[{parameter}] >= 0:", f"    DB[{row}, COLUMN[{parameter}]] += {name[n]}"]
    for (row, k), n in t.push_by_input.items():
        code += ["for c in range(C):", f"    DB[{row}, c] += {name[n]} * du[{k}, c]"]
    return f"@assembled\ndef coefficient_tangents(P, i, u, du, COLUMN, C, DA, DB):\n{block(code, 4)}"


def _starting(t: Tangents) -> str:
    body = written(t.form, t.form.program.start, "X[{}]", "0.0")
    code, name = evaluated(t.form, [*t.start.values()], "0.0", "0.0")
    body += code
    for (state, parameter), n in t.start.items():
        body += [f"if COLUMN[{parameter}] >= 0:", f"    DX[{state}, COLUMN[{parameter}]] = {name[n]}"]
    return f"@assembled\ndef starting(P, i, u, COLUMN, X, DX):\n{block(body, 4)}"


def _emit(t: Tangents) -> str:
    """Outputs and their tangents at a time that may coincide with an event that moves."""
    program = t.form.program
    wanted = [*program.readings, *t.readings_by_state.values(), *t.readings_by_parameter.values()]
    body, name = evaluated(t.form, wanted, "X[{}]", "t")
    body += [f"OUT[{o}, i, at] = {name[n]}" for o, n in enumerate(program.readings)]
    body.append("for c in range(C):")
    for o in range(len(program.readings)):
        terms = [f"{name[n]} * DX[{j}, c]" for (row, j), n in t.readings_by_state.items() if row == o]
        body.append(f"    SLOPES[{o}, i, at, c] = {' + '.join(terms) or '0.0'}")
    for (o, parameter), n in t.readings_by_parameter.items():
        body.append(f"if COLUMN[{parameter}] >= 0:")
        body.append(f"    SLOPES[{o}, i, at, COLUMN[{parameter}]] += {name[n]}")
    return f"@assembled\ndef emit(P, i, u, COLUMN, C, X, DX, t, at, OUT, SLOPES):\n{block(body, 4)}"


_SOLVE = f"""
@assembled
def cleared(X):
    X[:] = 0.0


@assembled
def product(X, DX, Y, DY, Z, DZ, C):
    # of [X b] and [Y c] with zeros below: [XY Xc]
    for i in range(@S@):
        for j in range(@N@):
            total = 0.0
            for c in range(C):
                DZ[i, j, c] = 0.0
            for k in range(@S@):
                x = X[i, k]
                y = Y[k, j]
                total += x * y
                for c in range(C):
                    DZ[i, j, c] += DX[i, k, c] * y + x * DY[k, j, c]
            Z[i, j] = total


@assembled
def combine(M1, D1, M2, D2, c0, c1, c2, Z, DZ, C):
    # Z += c0 I + c1 M1 + c2 M2
    for i in range(@S@):
        for j in range(@N@):
            Z[i, j] += c1 * M1[i, j] + c2 * M2[i, j]
            for c in range(C):
                DZ[i, j, c] += c1 * D1[i, j, c] + c2 * D2[i, j, c]
        Z[i, i] += c0


@assembled
def taken(X, DX, Z, DZ, C):
    # Z = X
    for i in range(Z.shape[0]):
        Z[i] = X[i]
        for c in range(C):
            DZ[i, c] = DX[i, c]


@assembled
def exponential(A, DA, B, DB, tau, dtau, C, M1, D1, M2, D2, M3, D3, E, DE, Z, DZ):
    norm = 0.0
    for j in range(@S@):
        total = 0.0
        for i in range(@S@):
            total += math.fabs(A[i, j])
        norm = total if total > norm else norm
    norm *= tau
    squarings = 0
    if norm > @LARGEST@ and norm < np.inf:
        squarings = int(np.ceil(np.log2(norm / @LARGEST@)))
    half = squarings >> 1
    part = _float((1023 - half) << 52) * _float((1023 - squarings + half) << 52)  # 2 to the power of -squarings
    for i in range(@S@):
        for j in range(@N@):
            a = B[i] if j == @S@ else A[i, j]
            M1[i, j] = a * tau * part
            for c in range(C):
                da = DB[i, c] if j == @S@ else DA[i, j, c]
                D1[i, j, c] = (da * tau + a * dtau[c]) * part
    product(M1, D1, M1, D1, M2, D2, C)
    product(M2, D2, M1, D1, M3, D3, C)
    for i in range(@S@):
        for j in range(@N@):
            E[i, j] = {1.0 / factorial(DEGREE)!r} * M3[i, j]
            for c in range(C):
                DE[i, j, c] = {1.0 / factorial(DEGREE)!r} * D3[i, j, c]
    combine(M1, D1, M2, D2, {series(9)}, E, DE, C)
    product(E, DE, M3, D3, Z, DZ, C)
    combine(M1, D1, M2, D2, {series(6)}, Z, DZ, C)
    product(Z, DZ, M3, D3, E, DE, C)
    combine(M1, D1, M2, D2, {series(3)}, E, DE, C)
    product(E, DE, M3, D3, Z, DZ, C)
    combine(M1, D1, M2, D2, {series(0)}, Z, DZ, C)
    E[:] = Z
    DE[:] = DZ
    for _ in range(squarings):
        product(E, DE, E, DE, Z, DZ, C)
        for i in range(@S@):
            Z[i, @S@] += E[i, @S@]
            for c in range(C):
                DZ[i, @S@, c] += DE[i, @S@, c]
        E[:] = Z
        DE[:] = DZ


@njit(**FAST)
def solve(P, X0, S0, given, COLUMN, C, which, seg_first, seg_time, seg_inputs, seg_jump, seg_keep, d_time, d_inputs,
          d_jump, times, least, OUT, SLOPES, FINAL, FINAL_SLOPES, status, stopped):
    M1, M2, M3 = np.zeros((@S@, @N@)), np.zeros((@S@, @N@)), np.zeros((@S@, @N@))
    E, Z = np.zeros((@S@, @N@)), np.zeros((@S@, @N@))
    D1, D2, D3 = np.zeros((@S@, @N@, C)), np.zeros((@S@, @N@, C)), np.zeros((@S@, @N@, C))
    DE, DZ = np.zeros((@S@, @N@, C)), np.zeros((@S@, @N@, C))
    A, B, X, Y = np.zeros((@S@, @S@)), np.zeros(@S@), np.zeros(@S@), np.zeros(@S@)
    DA, DB, DX, DY = np.zeros((@S@, @S@, C)), np.zeros((@S@, C)), np.zeros((@S@, C)), np.zeros((@S@, C))
    T = times.shape[0]
    dnow, dtau, big = np.zeros(C), np.zeros(C), np.zeros(@S@)
    for i in range(P.shape[0]):
        s = seg_first[which[i]]
        final = seg_first[which[i] + 1] - 1
        cleared(big)
        cleared(DX)
        if given:
            taken(X0[i], S0[i], X, DX, S0.shape[2])
        else:
            starting(P, i, seg_inputs[s], COLUMN, X, DX)
        s -= 1
        at = 0
        then = seg_time[s + 1]
        stale = True
        known = -1.0
        moved = False
        while True:
            now = then
            while s < final and seg_time[s + 1] <= now:
                s += 1
                same = s > seg_first[which[i]]
                moved = False
                for c in range(C):
                    dnow[c] = d_time[s, c]
                    moved = moved or dnow[c] != 0.0
                for j in range(@U@):
                    same = same and seg_inputs[s, j] == seg_inputs[s - 1, j]
                    for c in range(C):
                        same = same and d_inputs[s, j, c] == d_inputs[s - 1, j, c]
                for j in range(@S@):
                    X[j] = (X[j] if seg_keep[s] != 0.0 else 0.0) + seg_jump[s, j]
                    for c in range(C):
                        DX[j, c] = (DX[j, c] if seg_keep[s] != 0.0 else 0.0) + d_jump[s, j, c]
                if not same:
                    cleared(A)
                    cleared(DA)
                    cleared(DB)
                    coefficients(P, i, seg_inputs[s], A, B, C)
                    coefficient_tangents(P, i, seg_inputs[s], d_inputs[s], COLUMN, C, DA, DB)
                    stale = True
            for j in range(@S@):
                if not math.fabs(X[j]) < np.inf:
                    status[i] = 2
                    stopped[i] = now
                big[j] = max(math.fabs(X[j]), big[j])
                if X[j] < least[j] - 1e-9 * big[j]:
                    status[i] = 4
                    stopped[i] = now
            if status[i] != 0:
                break
            while at < T and times[at] <= now:
                taken(X, DX, Y, DY, C)
                if moved:  # the event moves, the time of the reading does not
                    for j in range(@S@):
                        rate = B[j]
                        for k in range(@S@):
                            rate += A[j, k] * X[k]
                        for c in range(C):
                            DY[j, c] -= rate * dnow[c]
                emit(P, i, seg_inputs[s], COLUMN, C, X, DY, times[at], at, OUT, SLOPES)
                at += 1
            if at >= T:
                taken(X, DY, FINAL[i], FINAL_SLOPES[i], C)
                break
            then = times[at]
            event = s < final and seg_time[s + 1] < then
            if event:
                then = seg_time[s + 1]
            tau = then - now
            still = not moved
            for c in range(C):
                dtau[c] = (d_time[s + 1, c] if event else 0.0) - dnow[c]
                still = still and dtau[c] == 0.0
                dnow[c] = 0.0
            moved = False
            if math.fabs(tau - known) <= 1e-13 * (math.fabs(now) + tau):
                tau = known
            if stale or tau != known or not still:
                exponential(A, DA, B, DB, tau, dtau, C, M1, D1, M2, D2, M3, D3, E, DE, Z, DZ)
                known = tau if still else -1.0
                stale = False
            for j in range(@S@):
                Y[j] = E[j, @S@]
                for c in range(C):
                    DY[j, c] = DE[j, @S@, c]
                for k in range(@S@):
                    Y[j] += E[j, k] * X[k]
                    for c in range(C):
                        DY[j, c] += DE[j, k, c] * X[k] + E[j, k] * DX[k, c]
            taken(Y, DY, X, DX, C)
"""
