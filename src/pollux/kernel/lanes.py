"""Generated code that moves many patients at once: adaptive steps of order 5, one patient in each SIMD lane.

Each lane keeps its own time, step and events; when its patient is done it takes the next one. No lane reads another,
so a patient's result does not depend on who shares the block.
"""

from pollux.kernel.layout import PATIENT, SEGMENT, STAGE, Layout, fill
from pollux.kernel.program import Program
from pollux.kernel.tableau import DORMAND_PRINCE, weighted
from pollux.kernel.writing import HEADER, block

LANES = 8

# A step across a kink of the derivative must look this many times better than another: there the embedded estimate
# can miss most of the error.
KINK_CAUTION = 50.0

# Why a patient failed, as the generated code reports it.
FINE, STEP_TOO_SMALL, NOT_FINITE, TOO_MANY_STEPS = 0, 1, 2, 3


def source(program: Program) -> str:
    """The whole generated file for a program."""
    layout = Layout(program, LANES, stages=7)
    parts = [HEADER, *_one_lane(layout), _stage_at_step_start(layout)]
    parts += [_stage(layout, s) for s in range(2, 7)]
    parts += [
        _step_end(layout),
        _dense(layout),
        _commit(layout),
        _emit(layout),
        fill(layout, _SOLVE),
        fill(layout, _ADVANCE),
    ]
    return "\n\n".join(parts) + "\n"


def _one_lane(layout: Layout) -> list[str]:
    """Functions for one lane: its start, and what is computed once a patient and once a segment."""
    functions = (
        ("starting", layout.starting()),
        ("hoist_patient", layout.hoisting(PATIENT)),
        ("hoist_segment", layout.hoisting(SEGMENT)),
    )
    return [f"@njit(**FAST)\ndef {name}(W, l):\n{block(body, 4)}" for name, body in functions]


def _lane_loop(name: str, body: list[str]) -> str:
    return f"@njit(**FAST)\ndef {name}(W):\n    for l in range({LANES}):\n{block(body, 8)}"


def _stage_at_step_start(layout: Layout) -> str:
    """k7 = f(t, y); it goes to k1 only in lanes that just met an event."""
    body, name = layout.code(layout.rates, "y", layout.row("t"), STAGE)
    body += [f"{layout.row('k7', i)} = {name(n)}" for i, n in enumerate(layout.rates)]
    body.append(f"{layout.row('new_side')} = {layout.side(name)}")
    return _lane_loop("stage1", body)


def _stage(layout: Layout, s: int) -> str:
    """k_s = f(t + c h, y + h Σ a k)."""
    tableau = DORMAND_PRINCE
    body = [f"h = {layout.row('h')}"]
    for i in range(layout.program.states):
        terms = [layout.row(f"k{j}", i) for j in range(1, s)]
        body.append(f"x{i} = {layout.row('y', i)} + h * ({weighted(tableau.stages[s - 1], terms)})")
    code, name = layout.code(layout.rates, "x{}", f"{layout.row('t')} + {tableau.nodes[s - 1]!r} * h", STAGE)
    body += code
    body += [f"{layout.row(f'k{s}', i)} = {name(n)}" for i, n in enumerate(layout.rates)]
    return _lane_loop(f"stage{s}", body)


def _step_end(layout: Layout) -> str:
    """x = the new state, k7 = its derivative, the error relative to what is allowed, and the next step's factor.

    Step control: Hairer, Nørsett, Wanner, Solving Ordinary Differential Equations I, IV.2 (PI controller, β = 0.04).
    """
    tableau = DORMAND_PRINCE
    states = range(layout.program.states)
    body = [f"h = {layout.row('h')}"]
    for i in states:
        terms = [layout.row(f"k{j}", i) for j in range(1, 7)]
        body.append(f"x{i} = {layout.row('y', i)} + h * ({weighted(tableau.weights, terms)})")
        body.append(f"{layout.row('x', i)} = x{i}")
    code, name = layout.code(layout.rates, "x{}", f"{layout.row('t')} + h", STAGE)
    body += code
    body.append("worst = 0.0")
    for i, n in enumerate(layout.rates):
        body.append(f"{layout.row('k7', i)} = {name(n)}")
        terms = [*(layout.row(f"k{j}", i) for j in range(1, 7)), name(n)]
        body.append(f"size = math.fabs(x{i})")
        body.append(f"size = size if size > {layout.row('largest', i)} else {layout.row('largest', i)}")
        body.append(f"e = math.fabs(h * ({weighted(tableau.error, terms)})) / size")
        body.append("worst = worst if worst >= e else e")  # a NaN stays
    body += [
        f"side = {layout.side(name)}",
        f"{layout.row('new_side')} = side",
        f"worst = worst if side == {layout.row('side')} else {KINK_CAUTION!r} * worst",
        f"e = worst / {layout.row('tolerance')}",
        f"{layout.row('error')} = e",
        "bounded = e if e > 1e-10 else 1e-10",
        "bounded = bounded if bounded < 1e10 else 1e10",
        "log_e = _log(bounded)",
        f"growth = 0.9 * _exp(0.04 * {layout.row('log_error')} - 0.17 * log_e)",
        "growth = growth if growth < 10.0 else 10.0",
        "growth = growth if growth > 0.2 else 0.2",
        f"{layout.row('growth')} = growth",
        "accepted = e <= 1.0",
        f"{layout.row('accepted')} = 1.0 if accepted else 0.0",
        "log_e = log_e if log_e > -9.210340371976182 else -9.210340371976182",
        f"{layout.row('log_error')} = log_e if accepted else {layout.row('log_error')}",
    ]
    return _lane_loop("step_end", body)


def _dense(layout: Layout) -> str:
    """The fifth coefficient of the dense output, in every lane."""
    body = []
    for i in range(layout.program.states):
        terms = [layout.row(f"k{j}", i) for j in range(1, 8)]
        body.append(f"{layout.row('dense', i)} = {layout.row('h')} * ({weighted(DORMAND_PRINCE.dense, terms)})")
    return _lane_loop("dense", body)


def _commit(layout: Layout) -> str:
    """In lanes whose step was accepted: the new state becomes the state."""
    body = [f"accepted = {layout.row('accepted')} != 0.0"]
    body.append(f"{layout.row('side')} = {layout.row('new_side')} if accepted else {layout.row('side')}")
    for i in range(layout.program.states):
        y, x, k1, k7 = (layout.row(n, i) for n in ("y", "x", "k1", "k7"))
        largest = layout.row("largest", i)
        body += [
            f"{y} = {x} if accepted else {y}",
            f"{k1} = {k7} if accepted else {k1}",
            f"size = math.fabs({y})",
            f"{largest} = size if size > {largest} else {largest}",
        ]
    return _lane_loop("commit", body)


def _emit(layout: Layout) -> str:
    """Write one patient's state and outputs at ``theta`` of the present step (0: at its start)."""
    body = ["if theta > 0.0:", f"    h = {layout.row('h')}"]
    for i in range(layout.program.states):
        y, x, k1, k7, dense = (layout.row(n, i) for n in ("y", "x", "k1", "k7", "dense"))
        body += [
            f"    d = {x} - {y}",
            f"    b = h * {k1} - d",
            f"    c = d - h * {k7} - b + (1.0 - theta) * {dense}",
            f"    x{i} = {y} + theta * (d + (1.0 - theta) * (b + theta * c))",
        ]
    body.append("else:")
    body += [f"    x{i} = {layout.row('y', i)}" for i in range(layout.program.states)]
    code, name = layout.code(layout.readings, "x{}", "t", STAGE)
    body += code
    body += [f"OUT[{o}, patient, at] = {name(n)}" for o, n in enumerate(layout.readings)]
    body.append("if STATES.shape[0] > 0:")
    body += [f"    STATES[patient, at, {i}] = x{i}" for i in range(layout.program.states)]
    return f"@njit(**FAST)\ndef emit(W, l, theta, t, patient, at, STATES, OUT):\n{block(body, 4)}"


# The control of the lanes. Times: `reached` where the lane is, `due` its next event, both exact.
_SOLVE = """
@njit(**FAST)
def set_inputs(W, l, inputs):
    for i in range(@U@):
        W[@u@ + i * @L@ + l] = inputs[i]
    hoist_segment(W, l)


@njit(**FAST)
def set_sizes(W, l, floors):
    for i in range(@S@):
        size = math.fabs(W[@y@ + i * @L@ + l])
        W[@largest@ + i * @L@ + l] = size if size > floors[i] else floors[i]
    W[@log_error@ + l] = -9.210340371976182


@njit(**FAST)
def first_step(W, l, limit):
    # a hundredth of the time in which the fastest state would change by its own size
    h = limit
    for i in range(@S@):
        rate = math.fabs(W[@k1@ + i * @L@ + l])
        if rate > 0.0:
            one = 0.01 * W[@largest@ + i * @L@ + l] / rate
            h = one if one < h else h
    return h if h > 1e-6 else 1e-6


@njit(**FAST)
def finite(W, l):
    for i in range(@S@):
        if not math.fabs(W[@y@ + i * @L@ + l]) < np.inf:
            return False
    return True


@njit(**FAST)
def solve(first, last, P, X0, given, which, seg_first, seg_time, seg_inputs, seg_jump, ends, times,
          tolerance, floors, max_steps, max_step, STATES, OUT, status, error, steps, stopped):
    W = np.zeros(@ROWS@ * @L@)
    T = times.shape[0]
    patient = np.empty(@L@, np.int64)
    segment = np.zeros(@L@, np.int64)
    at = np.zeros(@L@, np.int64)
    new = np.zeros(@L@, np.int64)
    reached = np.zeros(@L@)
    due = np.zeros(@L@)
    step = np.zeros(@L@)
    hits = np.zeros(@L@, np.bool_)
    upcoming = first
    for l in range(@L@):
        patient[l] = -1
        W[@tolerance@ + l] = tolerance
    while True:
        running = 0
        fresh = False
        for l in range(@L@):
            # an event is due in this lane, or the lane is free for the next patient
            while new[l] != 0 or patient[l] < 0:
                if patient[l] < 0:
                    if upcoming >= last:
                        break
                    patient[l] = upcoming
                    upcoming += 1
                    for i in range(@P@):
                        W[@p@ + i * @L@ + l] = P[patient[l], i]
                    hoist_patient(W, l)
                    segment[l] = seg_first[which[patient[l]]]
                    reached[l] = seg_time[segment[l]]
                    at[l] = 0
                    new[l] = 2
                i = patient[l]
                s = segment[l]
                if new[l] != 3:
                    set_inputs(W, l, seg_inputs[s])
                    if new[l] == 2:
                        if given:
                            for j in range(@S@):
                                W[@y@ + j * @L@ + l] = X0[i, j]
                        else:
                            starting(W, l)
                        set_sizes(W, l, floors)
                    for j in range(@S@):
                        W[@y@ + j * @L@ + l] += seg_jump[s, j]
                    final = s + 1 == seg_first[which[i] + 1]
                    due[l] = ends[which[i]] if final else seg_time[s + 1]
                while at[l] < T and times[at[l]] <= reached[l]:
                    emit(W, l, 0.0, times[at[l]], i, at[l], STATES, OUT)
                    at[l] += 1
                if at[l] >= T:
                    patient[l] = -1
                    new[l] = 0
                    W[@h@ + l] = 0.0
                elif not finite(W, l):
                    status[i] = 2
                    stopped[i] = reached[l]
                    patient[l] = -1
                    new[l] = 0
                    W[@h@ + l] = 0.0
                else:
                    W[@t@ + l] = reached[l]
                    break
            if patient[l] >= 0:
                running += 1
                if new[l] != 0:
                    fresh = True
        if running == 0:
            return
        if fresh:
            stage1(W)
            for l in range(@L@):
                if new[l] != 0:
                    W[@side@ + l] = W[@new_side@ + l]
                    for i in range(@S@):
                        W[@k1@ + i * @L@ + l] = W[@k7@ + i * @L@ + l]
                    if new[l] == 2:
                        step[l] = first_step(W, l, max_step)
                    new[l] = 0
        for l in range(@L@):
            if patient[l] >= 0:
                left = due[l] - reached[l]
                h = step[l] if step[l] < max_step else max_step
                hits[l] = h >= left * 0.999999
                if hits[l]:
                    h = left
                elif h > 0.5 * left:
                    h = 0.5 * left
                W[@h@ + l] = h
        stage2(W)
        stage3(W)
        stage4(W)
        stage5(W)
        stage6(W)
        step_end(W)
        wanted = False
        for l in range(@L@):
            if patient[l] >= 0 and W[@accepted@ + l] != 0.0 and times[at[l]] < reached[l] + W[@h@ + l]:
                wanted = True
        if wanted:
            dense(W)
        for l in range(@L@):
            i = patient[l]
            if i < 0:
                W[@accepted@ + l] = 0.0
                continue
            h = W[@h@ + l]
            e = W[@error@ + l]
            steps[i] += 1
            if e <= 1.0:
                error[i] = e if e > error[i] else error[i]
                now = due[l] if hits[l] else reached[l] + h
                while at[l] < T and times[at[l]] < now:
                    emit(W, l, (times[at[l]] - reached[l]) / h, times[at[l]], i, at[l], STATES, OUT)
                    at[l] += 1
                grown = h * W[@growth@ + l]
                # a step cut short by an event says nothing against the step before it
                step[l] = step[l] if h < step[l] and grown < step[l] else grown
                reached[l] = now
                W[@t@ + l] = now
                if hits[l]:
                    final = segment[l] + 1 == seg_first[which[i] + 1]
                    new[l] = 3 if final else 1
                    segment[l] += 0 if final else 1
                elif at[l] >= T:
                    new[l] = 3
            else:
                step[l] = h * (W[@growth@ + l] if e < 1e10 else 0.1)
            if step[l] < 1e-12 * (1.0 + math.fabs(reached[l])):
                status[i] = 1 if e <= 1e300 else 2
            elif steps[i] >= max_steps and at[l] < T:
                status[i] = 3
            if status[i] != 0:
                stopped[i] = reached[l]
                patient[l] = -1
                new[l] = 0
                W[@accepted@ + l] = 0.0
        commit(W)
"""

# A short way for filters: everybody from t0 to t1 under constant inputs, nothing written on the way.
_ADVANCE = """
@njit(**FAST)
def advance(first, last, P, U, X, t0, t1, tolerance, floors, max_steps, RESULT, status):
    W = np.zeros(@ROWS@ * @L@)
    reached = np.zeros(@L@)
    step = np.zeros(@L@)
    open_ = np.zeros(@L@, np.bool_)
    for l in range(@L@):
        W[@tolerance@ + l] = tolerance
    shared = U.shape[0] == 1
    for start in range(first, last, @L@):
        count = min(@L@, last - start)
        for l in range(count):
            i = start + l
            for j in range(@P@):
                W[@p@ + j * @L@ + l] = P[i, j]
            for j in range(@S@):
                W[@y@ + j * @L@ + l] = X[i, j]
            hoist_patient(W, l)
            set_inputs(W, l, U[0 if shared else i])
            set_sizes(W, l, floors)
            W[@t@ + l] = t0
            reached[l] = t0
            open_[l] = True
            status[i] = 0
        running = count
        stage1(W)
        for l in range(count):
            W[@side@ + l] = W[@new_side@ + l]
            for j in range(@S@):
                W[@k1@ + j * @L@ + l] = W[@k7@ + j * @L@ + l]
            step[l] = t1 - t0
        tries = 0
        while running > 0:
            tries += 1
            for l in range(count):
                left = t1 - reached[l]
                h = step[l] if step[l] < 0.999999 * left else left
                W[@h@ + l] = h if open_[l] else 0.0
            stage2(W)
            stage3(W)
            stage4(W)
            stage5(W)
            stage6(W)
            step_end(W)
            for l in range(count):
                if not open_[l]:
                    W[@accepted@ + l] = 0.0
                    continue
                h = W[@h@ + l]
                e = W[@error@ + l]
                if e <= 1.0:
                    done = h >= t1 - reached[l]
                    reached[l] = t1 if done else reached[l] + h
                    W[@t@ + l] = reached[l]
                    step[l] = h * W[@growth@ + l]
                    if done:
                        open_[l] = False
                        running -= 1
                else:
                    step[l] = h * (W[@growth@ + l] if e < 1e10 else 0.1)
                    if step[l] < 1e-12 * (1.0 + math.fabs(reached[l])):
                        status[start + l] = 1 if e <= 1e300 else 2
                if open_[l] and tries >= max_steps and status[start + l] == 0:
                    status[start + l] = 3
                if open_[l] and status[start + l] != 0:
                    open_[l] = False
                    running -= 1
            commit(W)
        for l in range(count):
            for j in range(@S@):
                RESULT[start + l, j] = W[@y@ + j * @L@ + l]
"""
