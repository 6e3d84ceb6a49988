"""Generated code for linear models, x' = A x + b: exact between events, one patient in each SIMD lane.

From event to event, with A and b constant,

    x(t + τ) = E x(t) + f,   E = e^{Aτ},   f = ∫₀^τ e^{As} b ds,

both by scaling and squaring: for τ/2^s the Taylor series of degree 12 (in powers of the cube: Paterson and Stockmeyer,
SIAM J Comput 1973, doi:10.1137/0202007, unverified), then s times E ← E², f ← E f + f. With ‖Aτ‖₁ / 2^s ≤ 0.4 what is
left out is below 0.4¹³/13! = 1e-15. Every lane has its own s, so that no patient's digits depend on another.
"""

from collections.abc import Sequence
from math import factorial

from pollux.kernel.linear import LinearForm
from pollux.kernel.writing import HEADER, block, lines

LANES = 8
DEGREE = 12  # a multiple of 3
LARGEST = 0.4  # norm of the matrix that the series is used for


def source(form: LinearForm) -> str:
    """The whole generated file for a linear model."""
    S = form.program.states
    parts = [HEADER, coefficients(form, f"A[({{}} * {S} + {{}}) * {LANES} + l]", f"B[{{}} * {LANES} + l]", "l")]
    start = written(form, form.program.start, f"X[{{}} * {LANES} + l]", "0.0")
    parts.append(f"@assembled\ndef starting(P, i, u, X, l):\n{block(start, 4)}")
    body, name = evaluated(form, form.program.readings, f"X[{{}} * {LANES} + l]", "t")
    body += [f"OUT[{o}, i, at] = {name[n]}" for o, n in enumerate(form.program.readings)]
    parts.append(f"@assembled\ndef emit(P, i, u, X, l, t, at, OUT):\n{block(body, 4)}")
    return "\n\n".join([*parts, _filled(_LANES, S)]) + "\n"


def evaluated(form: LinearForm, wanted: Sequence[int], states: str, time: str) -> tuple[list[str], dict[int, str]]:
    """Source that computes nodes from row ``i`` of ``P`` and the inputs ``u``, and under which name each is known."""
    nodes = form.program.nodes
    places = {"parameter": "P[i, {}]", "input": "u[{}]", "state": states, "time": time}

    def find(index: int) -> str | None:
        return places[nodes[index][0]].format(*nodes[index][1:]) if nodes[index][0] in places else None

    code, name = lines(nodes, form.program.needed(wanted), find)
    return code, {n: name(n) for n in wanted}


def written(form: LinearForm, wanted: Sequence[int], target: str, states: str) -> list[str]:
    """Source that computes nodes and writes them to ``target`` by their number in the sequence."""
    code, name = evaluated(form, wanted, states, "0.0")
    return code + [f"{target.format(k)} = {name[n]}" for k, n in enumerate(wanted)]


def coefficients(form: LinearForm, matrix: str, push: str, lane: str) -> str:
    """A function that writes A and b of one patient under one segment's inputs."""
    wanted = [*form.entries.values(), *form.program.rates]
    code, name = evaluated(form, wanted, "0.0", "0.0")
    code += [f"{matrix.format(row, column)} = {name[n]}" for (row, column), n in form.entries.items()]
    code += [f"{push.format(row)} = {name[n]}" for row, n in enumerate(form.program.rates)]
    return f"@assembled\ndef coefficients(P, i, u, A, B, {lane}):\n{block(code, 4)}"


def series(first: int) -> str:
    """Coefficients of the Taylor series as source, from ``first`` on, three of them: 1/k!."""
    return ", ".join(repr(1.0 / factorial(k)) for k in range(first, first + 3))


def _filled(template: str, states: int) -> str:
    numbers = {"@S@": states, "@N@": states + 1, "@L@": LANES, "@LARGEST@": LARGEST}
    for name, number in numbers.items():
        template = template.replace(name, repr(number))
    return template


_LANES = f"""
@assembled
def product(X, Y, Z):
    # of [X b] and [Y c] with zeros below: [XY Xc]
    for i in range(@S@):
        for j in range(@N@):
            to = (i * @N@ + j) * @L@
            for l in range(@L@):
                Z[to + l] = X[i * @N@ * @L@ + l] * Y[j * @L@ + l]
            for k in range(1, @S@):
                for l in range(@L@):
                    Z[to + l] += X[(i * @N@ + k) * @L@ + l] * Y[(k * @N@ + j) * @L@ + l]


@assembled
def combine(M1, M2, c0, c1, c2, Z):
    # Z += c0 I + c1 M1 + c2 M2
    for k in range(@S@ * @N@ * @L@):
        Z[k] += c1 * M1[k] + c2 * M2[k]
    for i in range(@S@):
        for l in range(@L@):
            Z[(i * @N@ + i) * @L@ + l] += c0


@assembled
def exponential(A, B, tau, scale, squarings, M1, M2, M3, E, Z):
    # E = [e^(A tau)  f] in every lane
    most = 0
    for l in range(@L@):
        norm = 0.0
        for j in range(@S@):
            total = 0.0
            for i in range(@S@):
                total += math.fabs(A[(i * @S@ + j) * @L@ + l])
            norm = total if total > norm else norm
        norm *= tau[l]
        s = 0
        if norm > @LARGEST@ and norm < np.inf:
            s = int(np.ceil(np.log2(norm / @LARGEST@)))
        squarings[l] = s
        most = s if s > most else most
        half = s >> 1
        scale[l] = tau[l] * (_float((1023 - half) << 52) * _float((1023 - s + half) << 52))
    for i in range(@S@):
        for j in range(@S@):
            for l in range(@L@):
                M1[(i * @N@ + j) * @L@ + l] = A[(i * @S@ + j) * @L@ + l] * scale[l]
        for l in range(@L@):
            M1[(i * @N@ + @S@) * @L@ + l] = B[i * @L@ + l] * scale[l]
    product(M1, M1, M2)
    product(M2, M1, M3)
    for k in range(@S@ * @N@ * @L@):
        E[k] = {1.0 / factorial(DEGREE)!r} * M3[k]
    combine(M1, M2, {series(9)}, E)
    product(E, M3, Z)
    combine(M1, M2, {series(6)}, Z)
    product(Z, M3, E)
    combine(M1, M2, {series(3)}, E)
    product(E, M3, Z)
    combine(M1, M2, {series(0)}, Z)
    for k in range(@S@ * @N@ * @L@):
        E[k] = Z[k]
    for s in range(most):
        product(E, E, Z)
        for i in range(@S@):
            for l in range(@L@):
                Z[(i * @N@ + @S@) * @L@ + l] += E[(i * @N@ + @S@) * @L@ + l]
        for k in range(@S@ * @N@):
            for l in range(@L@):
                E[k * @L@ + l] = Z[k * @L@ + l] if s < squarings[l] else E[k * @L@ + l]


@njit(**FAST)
def solve(first, last, P, X0, given, which, seg_first, seg_time, seg_inputs, seg_jump, seg_keep, times, least,
          STATES, OUT, status, stopped):
    size = @S@ * @N@ * @L@
    M1, M2, M3, E, Z = np.zeros(size), np.zeros(size), np.zeros(size), np.zeros(size), np.zeros(size)
    A, B, X, Y = np.zeros(@S@ * @S@ * @L@), np.zeros(@S@ * @L@), np.zeros(@S@ * @L@), np.zeros(@S@ * @L@)
    T = times.shape[0]
    big = np.zeros(@S@ * @L@)
    tau, known = np.zeros(@L@), np.zeros(@L@)
    scale, squarings = np.zeros(@L@), np.zeros(@L@, np.int64)
    now, then = np.zeros(@L@), np.zeros(@L@)
    segment, at = np.zeros(@L@, np.int64), np.zeros(@L@, np.int64)
    running = np.zeros(@L@, np.bool_)
    for start in range(first, last, @L@):
        count = min(@L@, last - start)
        stale = True
        open_ = count
        for l in range(@L@):
            running[l] = l < count
            tau[l] = 0.0
            known[l] = -1.0
        for l in range(count):
            i = start + l
            s = seg_first[which[i]]
            if given:
                for j in range(@S@):
                    X[j * @L@ + l] = X0[i, j]
            else:
                starting(P, i, seg_inputs[s], X, l)
            for j in range(@S@):
                big[j * @L@ + l] = 0.0
            segment[l] = s - 1
            at[l] = 0
            then[l] = seg_time[s]
        while open_ > 0:
            for l in range(count):
                if not running[l]:
                    continue
                i = start + l
                final = seg_first[which[i] + 1] - 1
                now[l] = then[l]
                while segment[l] < final and seg_time[segment[l] + 1] <= now[l]:
                    s = segment[l] + 1
                    same = segment[l] >= seg_first[which[i]]
                    if same:
                        for j in range(seg_inputs.shape[1]):
                            same = same and seg_inputs[s, j] == seg_inputs[s - 1, j]
                    for j in range(@S@):
                        kept = X[j * @L@ + l] if seg_keep[s] != 0.0 else 0.0
                        X[j * @L@ + l] = kept + seg_jump[s, j]
                    segment[l] = s
                    if not same:
                        coefficients(P, i, seg_inputs[s], A, B, l)
                        stale = True
                        for j in range(@S@):
                            rate = B[j * @L@ + l]
                            for k in range(@S@):
                                rate += math.fabs(A[(j * @S@ + k) * @L@ + l])
                            if not math.fabs(rate) < np.inf:
                                X[j * @L@ + l] = np.nan
                fine = True
                for j in range(@S@):
                    fine = fine and math.fabs(X[j * @L@ + l]) < np.inf
                if not fine:
                    status[i] = 2
                    stopped[i] = now[l]
                for j in range(@S@):
                    x = X[j * @L@ + l]
                    big[j * @L@ + l] = max(math.fabs(x), big[j * @L@ + l])
                    if fine and x < least[j] - 1e-9 * big[j * @L@ + l]:
                        status[i] = 4
                        stopped[i] = now[l]
                        fine = False
                while fine and at[l] < T and times[at[l]] <= now[l]:
                    emit(P, i, seg_inputs[segment[l]], X, l, times[at[l]], at[l], OUT)
                    if STATES.shape[0] > 0:
                        for j in range(@S@):
                            STATES[i, at[l], j] = X[j * @L@ + l]
                    at[l] += 1
                if at[l] >= T or not fine:
                    running[l] = False
                    open_ -= 1
                    tau[l] = 0.0
                    continue
                then[l] = times[at[l]]
                if segment[l] < final and seg_time[segment[l] + 1] < then[l]:
                    then[l] = seg_time[segment[l] + 1]
                # without the last digits of the difference, equal stretches share an exponential
                tau[l] = then[l] - now[l]
                if math.fabs(tau[l] - known[l]) <= 1e-13 * (math.fabs(now[l]) + tau[l]):
                    tau[l] = known[l]
            if open_ == 0:
                break
            for l in range(@L@):
                if tau[l] != known[l] and running[l]:
                    stale = True
            if stale:
                for l in range(@L@):
                    known[l] = tau[l]
                exponential(A, B, tau, scale, squarings, M1, M2, M3, E, Z)
                stale = False
            for i in range(@S@):
                for l in range(@L@):
                    Y[i * @L@ + l] = E[(i * @N@ + @S@) * @L@ + l]
                for k in range(@S@):
                    for l in range(@L@):
                        Y[i * @L@ + l] += E[(i * @N@ + k) * @L@ + l] * X[k * @L@ + l]
            for k in range(@S@ * @L@):
                X[k] = Y[k]
"""
