"""Generated code that moves many patients at once: adaptive steps of order 5, one patient in each SIMD lane.

Each lane keeps its own time, step and events; when its patient is done it takes the next one. No lane reads another,
so a patient's result does not depend on who shares the block.
"""

from collections.abc import Callable

from pollux.kernel.lane_control import ADVANCE, SOLVE
from pollux.kernel.layout import PATIENT, SEGMENT, STAGE, Layout, fill
from pollux.kernel.program import Program
from pollux.kernel.tableau import DORMAND_PRINCE, weighted
from pollux.kernel.writing import HEADER, block

LANES = 8
FEW = 4  # states that are done together where nothing binds one state to another

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
        _step_judged(layout),
        _dense(layout),
        _commit(layout),
        _emit(layout),
        _side_at(layout),
        _stiffness(layout),
        fill(layout, SOLVE, LAND="False", STIFF=f"stiffness(W, l) > {STABLE!r}"),
        lane_loop("hoist_all", layout.hoisting(PATIENT), layout.hoisting(SEGMENT)),
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
    return [f"@assembled\ndef {name}(W, l):\n{block(body, 4)}" for name, body in functions]


def lane_loop(name: str, *bodies: list[str]) -> str:
    """A function that does the same in every lane; several bodies are done one after the other, in all lanes each."""
    loops = "\n".join(f"    for l in range({LANES}):\n{block(body, 8)}" for body in bodies)
    return f"@assembled\ndef {name}(W):\n{loops}"


def in_parts(states: int, written: Callable[[int], list[str]], before: list[str], after: list[str]) -> list[list[str]]:
    """Bodies of ``lane_loop`` for a few states each: what compiling one costs grows with the square of its length."""
    parts = [range(first, min(first + FEW, states)) for first in range(0, states, FEW)]
    return [[*before, *(line for i in part for line in written(i)), *after] for part in parts]


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
    """x = the new state, k7 = its derivative, and the side of each kink that it is on."""
    tableau = DORMAND_PRINCE
    body = [f"h = {layout.row('h')}"]
    for i in range(layout.program.states):
        terms = [layout.row(f"k{j}", i) for j in range(1, 7)]
        body.append(f"x{i} = {layout.row('y', i)} + h * ({weighted(tableau.weights, terms)})")
        body.append(f"{layout.row('x', i)} = x{i}")
    code, name = layout.code(layout.rates, "x{}", f"{layout.row('t')} + h", STAGE)
    body += code
    body += [f"{layout.row('k7', i)} = {name(n)}" for i, n in enumerate(layout.rates)]
    body.append(f"{layout.row('new_side')} = {layout.side(name)}")
    return lane_loop("stage7", body)


def _step_judged(layout: Layout) -> str:
    """The error relative to what is allowed, and the next step's factor.

    Step control: Hairer, Nørsett, Wanner, Solving Ordinary Differential Equations I, IV.2 (PI controller, β = 0.04).
    """

    def estimated(i: int) -> list[str]:
        terms = [layout.row(f"k{j}", i) for j in range(1, 8)]
        return [
            f"x{i} = {layout.row('x', i)}",
            *largest_error(layout, i, f"h * ({weighted(DORMAND_PRINCE.error, terms)})"),
        ]

    growth = f"0.9 * _about_exp(0.04 * {layout.row('log_error')} - 0.17 * log_e)"
    return judged("step_end", layout, estimated, growth, 10.0)


def largest_error(layout: Layout, i: int, error: str) -> list[str]:
    """Source that takes one state's error and whether it has fallen into ``worst`` and ``below``."""
    largest, lowest = layout.row("largest", i), layout.row("lowest", i)
    return [
        f"size = math.fabs(x{i})",
        f"size = size if size > {largest} else {largest}",
        f"e = math.fabs({error}) / size",
        "worst = worst if worst >= e else e",  # a NaN stays
        # by more than twice the tolerance of its largest value
        f"below = 1.0 if x{i} < {lowest} - 100.0 * {layout.row('tolerance')} * {largest} else below",
    ]


def judged(name: str, layout: Layout, estimated: Callable[[int], list[str]], growth: str, most: float) -> str:
    """A function that finds each lane's largest error, state by state, and decides on the step."""
    error, below = layout.row("error"), layout.row("below")
    taken = [f"h = {layout.row('h')}", f"worst = {error}", f"below = {below}"]
    parts = in_parts(layout.program.states, estimated, taken, [f"{error} = worst", f"{below} = below"])
    return lane_loop(name, [f"{error} = 0.0", f"{below} = 0.0"], *parts, step_control(layout, growth, most))


def step_control(layout: Layout, growth: str, most: float) -> list[str]:
    """From the largest relative error of a step: whether it is accepted, and the next step's factor."""
    return [
        f"worst = {layout.row('error')}",
        f"calm = ({layout.row('new_side')} == {layout.row('side')}) | ({layout.row('trust')} != 0.0)",
        f"worst = worst if calm else {KINK_CAUTION!r} * worst",
        f"e = worst / {layout.row('tolerance')}",
        f"{layout.row('error')} = e",
        "bounded = e if e > 1e-10 else 1e-10",
        "bounded = bounded if bounded < 1e10 else 1e10",
        "log_e = _about_log(bounded)",
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

    def written(i: int) -> list[str]:
        terms = [layout.row(f"k{j}", i) for j in range(1, 8)]
        return [f"{layout.row('dense', i)} = h * ({weighted(DORMAND_PRINCE.dense, terms)})"]

    return lane_loop("dense", *in_parts(layout.program.states, written, [f"h = {layout.row('h')}"], []))


def _stiffness(layout: Layout) -> str:
    """h |λ| of the fastest change in one lane's step, before it is committed.

    k6 and k7 are taken at the same time from two states, which differ mostly along the fastest direction where
    stability limits the steps: |k7 − k6| / |x7 − x6| is then the size of its eigenvalue λ.
    """
    one = weighted(DORMAND_PRINCE.stages[5], [f"W[@k{j}@ + at]" for j in range(1, 6)])
    return fill(layout, _STIFFNESS, SIXTH=one)


_STIFFNESS = """
@assembled
def stiffness(W, l):
    h = W[@h@ + l]
    rates = 0.0
    states = 0.0
    for i in range(@S@):
        at = i * @L@ + l
        one = 1.0 / W[@largest@ + at]
        d = (W[@k7@ + at] - W[@k6@ + at]) * one
        rates = rates + d * d
        d = (W[@x@ + at] - W[@y@ + at] - h * (@SIXTH@)) * one
        states = states + d * d
    return h * math.sqrt(rates / states) if states > 0.0 else 0.0
"""


def _commit(layout: Layout) -> str:
    """In lanes whose step was accepted: the new state becomes the state."""
    return committed(layout, ("k1", "k7"))


def committed(layout: Layout, *also: tuple[str, str]) -> str:
    """The function ``commit``: y and the side are taken over where the step was accepted, and rows ``also``."""
    accepted = f"accepted = {layout.row('accepted')} != 0.0"

    def written(i: int) -> list[str]:
        pairs = [(layout.row(to, i), layout.row(source, i)) for to, source in (("y", "x"), *also)]
        largest = layout.row("largest", i)
        return [
            *(f"{to} = {source} if accepted else {to}" for to, source in pairs),
            f"size = math.fabs({layout.row('y', i)})",
            f"{largest} = size if size > {largest} else {largest}",
        ]

    side = f"{layout.row('side')} = {layout.row('new_side')} if accepted else {layout.row('side')}"
    return lane_loop("commit", [accepted, side], *in_parts(layout.program.states, written, [accepted], []))


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
    return f"@assembled\ndef side_at(W, l, theta):\n{block(body, 4)}"


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
    return f"@assembled\ndef emit(W, l, theta, t, patient, at, STATES, OUT):\n{block(body, 4)}"
