"""Generated code that moves patients in equal steps of order 4 between events and output times."""

from pollux.kernel.lanes import LANES
from pollux.kernel.layout import PATIENT, SEGMENT, STAGE, Layout, fill
from pollux.kernel.program import Program
from pollux.kernel.tableau import CLASSICAL, weighted
from pollux.kernel.writing import HEADER, block


def source(program: Program) -> str:
    """The whole generated file for a program."""
    layout = Layout(program, LANES, stages=4)
    parts = [HEADER]
    for name, body in (
        ("starting", layout.starting()),
        ("hoist_patient", layout.hoisting(PATIENT)),
        ("hoist_segment", layout.hoisting(SEGMENT)),
    ):
        parts.append(f"@assembled\ndef {name}(W, l):\n{block(body, 4)}")
    parts += [_stage(layout, s) for s in range(1, 5)]
    parts += [_step(layout), _emit(layout), fill(layout, _SOLVE)]
    return "\n\n".join(parts) + "\n"


def _stage(layout: Layout, s: int) -> str:
    body = [f"h = {layout.row('h')}"]
    for i in range(layout.program.states):
        moved = weighted(CLASSICAL.stages[s - 1], [layout.row(f"k{j}", i) for j in range(1, s)])
        body.append(f"x{i} = {layout.row('y', i)}" + (f" + h * ({moved})" if moved else ""))
    time = f"{layout.row('t')} + {CLASSICAL.nodes[s - 1]!r} * h"
    code, name = layout.code(layout.rates, "x{}", time, STAGE)
    body += code
    body += [f"{layout.row(f'k{s}', i)} = {name(n)}" for i, n in enumerate(layout.rates)]
    return f"@assembled\ndef stage{s}(W):\n    for l in range({LANES}):\n{block(body, 8)}"


def _step(layout: Layout) -> str:
    body = [f"h = {layout.row('h')}"]
    for i in range(layout.program.states):
        y, x = layout.row("y", i), layout.row("x", i)
        total = weighted(CLASSICAL.weights, [layout.row(f"k{j}", i) for j in range(1, 5)])
        body += [f"{x} = {y} + h * ({total})", f"{y} = {x} if h > 0.0 else {y}"]
    return f"@assembled\ndef step(W):\n    for l in range({LANES}):\n{block(body, 8)}"


def _emit(layout: Layout) -> str:
    states = range(layout.program.states)
    code, name = layout.code(layout.readings, "y", "t", STAGE)
    body = [*code, *(f"OUT[{o}, patient, at] = {name(n)}" for o, n in enumerate(layout.readings))]
    body += [f"STATES[patient, at, {i}] = {layout.row('y', i)}" for i in states]
    return f"@assembled\ndef emit(W, l, t, patient, at, STATES, OUT):\n{block(body, 4)}"


_SOLVE = """
@assembled
def begin_segment(W, l, inputs, jumps, keep):
    for j in range(@U@):
        W[@u@ + j * @L@ + l] = inputs[j]
    hoist_segment(W, l)
    for j in range(@S@):
        W[@y@ + j * @L@ + l] = (W[@y@ + j * @L@ + l] if keep != 0.0 else 0.0) + jumps[j]


@njit(**FAST)
def solve(chosen, longest, halvings, P, X0, given, which, seg_first, seg_time, seg_inputs, seg_jump, seg_keep, ends,
          times, STATES, OUT, steps):
    W = np.zeros(@ROWS@ * @L@)
    T = times.shape[0]
    segment = np.zeros(@L@, np.int64)
    at = np.zeros(@L@, np.int64)
    left = np.zeros(@L@, np.int64)
    now = np.zeros(@L@)
    target = np.zeros(@L@)
    begun = np.zeros(@L@)
    taken = np.zeros(@L@, np.int64)
    for start in range(0, chosen.shape[0], @L@):
        count = min(@L@, chosen.shape[0] - start)
        for l in range(count):
            i = chosen[start + l]
            for j in range(@P@):
                W[@p@ + j * @L@ + l] = P[i, j]
            hoist_patient(W, l)
            s = seg_first[which[i]]
            segment[l] = s
            now[l] = seg_time[s]
            at[l] = 0
            left[l] = 0
            for j in range(@U@):
                W[@u@ + j * @L@ + l] = seg_inputs[s, j]
            if given:
                for j in range(@S@):
                    W[@y@ + j * @L@ + l] = X0[i, j]
            else:
                starting(W, l)
            begin_segment(W, l, seg_inputs[s], seg_jump[s], seg_keep[s])
        running = True
        while running:
            running = False
            for l in range(count):
                i = chosen[start + l]
                if left[l] == 0:
                    final = seg_first[which[i] + 1] - 1
                    while segment[l] < final and seg_time[segment[l] + 1] <= now[l]:
                        segment[l] += 1
                        k = segment[l]
                        begin_segment(W, l, seg_inputs[k], seg_jump[k], seg_keep[k])
                    while at[l] < T and times[at[l]] <= now[l]:
                        emit(W, l, now[l], i, at[l], STATES, OUT)
                        at[l] += 1
                    W[@h@ + l] = 0.0
                    if at[l] < T:
                        due = seg_time[segment[l] + 1] if segment[l] < final else ends[which[i]]
                        target[l] = min(due, times[at[l]])
                        left[l] = np.int64(np.ceil((target[l] - now[l]) / longest[i])) << halvings
                        W[@h@ + l] = (target[l] - now[l]) / left[l]
                        begun[l] = now[l]
                        taken[l] = 0
                if left[l] > 0:
                    running = True
                    W[@t@ + l] = begun[l] + taken[l] * W[@h@ + l]
            if running:
                stage1(W)
                stage2(W)
                stage3(W)
                stage4(W)
                step(W)
                for l in range(count):
                    if left[l] > 0:
                        steps[chosen[start + l]] += 1
                        taken[l] += 1
                        left[l] -= 1
                        if left[l] == 0:
                            now[l] = target[l]
"""
