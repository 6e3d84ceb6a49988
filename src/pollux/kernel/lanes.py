"""Generated code that moves many patients at once: adaptive steps of order 5, one patient in each SIMD lane.

Each lane keeps its own time, step and events; when its patient is done it takes the next one. No lane reads another,
so a patient's result does not depend on who shares the block.
"""

from pollux.kernel.lane_control import ADVANCE, SOLVE
from pollux.kernel.layout import PATIENT, SEGMENT, STAGE, Layout, fill
from pollux.kernel.program import Program
from pollux.kernel.tableau import DORMAND_PRINCE, weighted
from pollux.kernel.writing import HEADER, block

LANES = 8

# A step across a kink of the derivative must look this many times better than another: there the embedded estimate
# can miss most of the error. If it does not, the crossing is located, and the next step ends just before it.
KINK_CAUTION = 50.0

# How far the region of stability reaches, h |λ| (as in DOPRI5 of Hairer and Wanner; read in ports of it, not in print).
STABLE = 3.25

# Why a patient failed, as the generated code reports it; stiff: better taken up by another method.
FINE, STEP_TOO_SMALL, NOT_FINITE, TOO_MANY_STEPS, BELOW_LEAST, STIFF = 0, 1, 2, 3, 4, 5


def source(program: Program) -> str:
    """The whole generated file for a program."""
    layout = Layout(program, LANES, stages=7)
    parts = [HEADER, *one_lane(layout), _stage_at_step_start(layout)]
    parts += [_stage(layout, s) for s in range(2, 7)]
    parts += [
        _step_end(layout),
        _dense(layout),
        _commit(layout),
        _emit(layout),
        _side_at(layout),
        _stiffness(layout),
        fill(layout, SOLVE, LAND="False", STIFF=f"stiffness(W, l) > {STABLE!r}"),
        fill(layout, ADVANCE),
    ]
    return "\n\n".join(parts) + "\n"


def one_lane(layout: Layout) -> list[str]:
    """Functions for one lane: its start, and what is computed once a patient and once a segment."""
    functions = (
        ("starting", layout.starting()),
        ("hoist_patient", layout.hoisting(PATIENT)),
        ("hoist_segment", layout.hoisting(SEGMENT)),
    )
    return [f"@njit(**FAST)\ndef {name}(W, l):\n{block(body, 4)}" for name, body in functions]


def lane_loop(name: str, body: list[str]) -> str:
    """A function that does the same in every lane."""
    return f"@njit(**FAST)\ndef {name}(W):\n    for l in range({LANES}):\n{block(body, 8)}"


def _stage_at_step_start(layout: Layout) -> str:
    """k7 = f(t, y); it goes to k1 only in lanes that just met an event."""
    body, name = layout.code(layout.rates, "y", layout.row("t"), STAGE)
    body += [f"{layout.row('k7', i)} = {name(n)}" for i, n in enumerate(layout.rates)]
    body.append(f"{layout.row('new_side')} = {layout.side(name)}")
    return lane_loop("stage1", body)


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
    return lane_loop(f"stage{s}", body)


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
    body += step_control(
        layout, layout.side(name), f"0.9 * _exp(0.04 * {layout.row('log_error')} - 0.17 * log_e)", 10.0
    )
    return lane_loop("step_end", [*body, *below_least(layout)])


def step_control(layout: Layout, side: str, growth: str, most: float) -> list[str]:
    """From ``worst``, the largest relative error of a step: whether it is accepted, and the next step's factor."""
    return [
        f"side = {side}",
        f"{layout.row('new_side')} = side",
        f"calm = (side == {layout.row('side')}) | ({layout.row('trust')} != 0.0)",
        f"worst = worst if calm else {KINK_CAUTION!r} * worst",
        f"e = worst / {layout.row('tolerance')}",
        f"{layout.row('error')} = e",
        "bounded = e if e > 1e-10 else 1e-10",
        "bounded = bounded if bounded < 1e10 else 1e10",
        "log_e = _log(bounded)",
        f"growth = {growth}",
        f"growth = growth if growth < {most!r} else {most!r}",
        "growth = growth if growth > 0.2 else 0.2",
        f"{layout.row('growth')} = growth",
        "accepted = e <= 1.0",
        f"{layout.row('accepted')} = 1.0 if accepted else 0.0",
        "log_e = log_e if log_e > -9.210340371976182 else -9.210340371976182",
        f"{layout.row('log_error')} = log_e if accepted else {layout.row('log_error')}",
    ]


def _dense(layout: Layout) -> str:
    """The fifth coefficient of the dense output, in every lane."""
    body = []
    for i in range(layout.program.states):
        terms = [layout.row(f"k{j}", i) for j in range(1, 8)]
        body.append(f"{layout.row('dense', i)} = {layout.row('h')} * ({weighted(DORMAND_PRINCE.dense, terms)})")
    return lane_loop("dense", body)


def _stiffness(layout: Layout) -> str:
    """h |λ| of the fastest change in one lane's step, before it is committed.

    k6 and k7 are taken at the same time from two states, which differ mostly along the fastest direction where
    stability limits the steps: |k7 − k6| / |x7 − x6| is then the size of its eigenvalue λ.
    """
    body = [f"h = {layout.row('h')}", "rates = 0.0", "states = 0.0"]
    for i in range(layout.program.states):
        y, x, k6, k7, largest = (layout.row(n, i) for n in ("y", "x", "k6", "k7", "largest"))
        terms = [layout.row(f"k{j}", i) for j in range(1, 6)]
        body += [
            f"one = 1.0 / {largest}",
            f"d = ({k7} - {k6}) * one",
            "rates = rates + d * d",
            f"d = ({x} - {y} - h * ({weighted(DORMAND_PRINCE.stages[5], terms)})) * one",
            "states = states + d * d",
        ]
    body.append("return h * math.sqrt(rates / states) if states > 0.0 else 0.0")
    return f"@njit(**FAST)\ndef stiffness(W, l):\n{block(body, 4)}"


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
    return lane_loop("commit", body)


def below_least(layout: Layout) -> list[str]:
    """Whether a step brings a state below its least value by more than twice the tolerance of its largest."""
    body = ["below = 0.0"]
    for i in range(layout.program.states):
        largest, lowest = (layout.row(n, i) for n in ("largest", "lowest"))
        body.append(f"below = 1.0 if x{i} < {lowest} - 100.0 * {layout.row('tolerance')} * {largest} else below")
    return [*body, f"{layout.row('below')} = below"]


def _between(layout: Layout) -> list[str]:
    """x0, x1 … at ``theta`` of the present step, by the dense output."""
    body = [f"h = {layout.row('h')}"]
    for i in range(layout.program.states):
        y, x, k1, k7, dense = (layout.row(n, i) for n in ("y", "x", "k1", "k7", "dense"))
        body += [
            f"d = {x} - {y}",
            f"b = h * {k1} - d",
            f"c = d - h * {k7} - b + (1.0 - theta) * {dense}",
            f"x{i} = {y} + theta * (d + (1.0 - theta) * (b + theta * c))",
        ]
    return body


def _side_at(layout: Layout) -> str:
    """On which side of each kink one patient is at ``theta`` of the present step."""
    body = _between(layout)
    wanted = [a for op, *args in layout.kinks() for a in (args[:1] if op == "where" else args)]
    code, name = layout.code(wanted, "x{}", f"{layout.row('t')} + theta * h", STAGE)
    body += [*code, f"return {layout.side(name)}"]
    return f"@njit(**FAST)\ndef side_at(W, l, theta):\n{block(body, 4)}"


def _emit(layout: Layout) -> str:
    """Write one patient's state and outputs at ``theta`` of the present step (0: at its start)."""
    body = ["if theta > 0.0:", *(f"    {line}" for line in _between(layout))]
    body.append("else:")
    body += [f"    x{i} = {layout.row('y', i)}" for i in range(layout.program.states)]
    code, name = layout.code(layout.readings, "x{}", "t", STAGE)
    body += code
    body += [f"OUT[{o}, patient, at] = {name(n)}" for o, n in enumerate(layout.readings)]
    body.append("if STATES.shape[0] > 0:")
    body += [f"    STATES[patient, at, {i}] = x{i}" for i in range(layout.program.states)]
    return f"@njit(**FAST)\ndef emit(W, l, theta, t, patient, at, STATES, OUT):\n{block(body, 4)}"
