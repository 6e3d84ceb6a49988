"""Steady state: the body as if a dose had always been given.

Over one interval τ the body is moved by Φ: the dose, and all that runs on from those before it. Its state just before a
dose is the fixed point x = Φ(x), found by Newton's method,

    x ← x + (I − M)⁻¹ (Φ(x) − x),   M = ∂Φ/∂x,

exact in one step where the model is linear. M and ∂Φ/∂p come from the kernel's sensitivities, and so does

    ∂x/∂p = (I − M)⁻¹ ∂Φ/∂p.
"""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pollux.errors import ModelError
from pollux.kernel.schedule import Motion, Schedules
from pollux.kernel.tangent import Tangent
from pollux.kernel.tangents import tangents
from pollux.kernel.task import Task
from pollux.plans.regimen import Dose

if TYPE_CHECKING:
    from pollux.kernel.dosing import Timeline, Way

Array = NDArray[np.float64]

PLAIN = 3  # intervals lived through before Newton's method begins
MOST = 40
SETTLED = 1e-9  # of the largest value of a state
TOLERANCE = 1e-10  # of the kernel, over one interval; linear models are exact anyway
CONSTANT = 24.0  # time over which the body under a constant infusion is compared with itself


def settle(timeline: "Timeline", dose: Dose, way: "Way") -> None:
    """Put the steady state of a dose into a timeline, with all that is still to come of the doses before it."""
    if timeline.compiled.program.uses_time:
        raise ModelError(
            "a steady state is asked for, but the equations depend on the time itself",
            where=timeline.model.name,
            advice="Write out the doses that came before.",
        )
    state = _Cycle(timeline, dose, way).state()
    if dose.steady_state == "replace":
        timeline.stop(dose.time)
        timeline.arrives(timeline.zero + dose.time, dict(enumerate(state)), keep=0.0)
    else:
        start = timeline.start(dose.time)
        timeline.arrives(timeline.zero + dose.time, {k: v - start[k] for k, v in enumerate(state)})
    if dose.interval > 0.0:
        _still_to_come(timeline, dose, way)


def _still_to_come(timeline: "Timeline", dose: Dose, way: "Way") -> None:
    """Doses given before that have not arrived, and infusions that still run."""
    reach = (way.lag.value + way.lasts.value) / dose.interval
    most = float(np.max(reach[np.isfinite(reach)], initial=0.0))
    for i in range(1, int(np.ceil(most)) + 1):
        begin = way.lag + (dose.time - i * dose.interval)
        later = begin.value > dose.time
        if way.column < 0:
            timeline.arrives(begin.where(later, dose.time), {way.state: way.amount.where(later, 0.0)})
        else:
            end = begin + way.lasts
            running = end.value > dose.time
            timeline.infuses(way, begin.where(later, dose.time), end.where(running, dose.time))


class _Cycle:
    """One interval of a dose that is given for ever."""

    def __init__(self, timeline: "Timeline", dose: Dose, way: "Way") -> None:
        self.timeline = timeline
        self.dose = dose
        self.way = way
        endless = dose.interval == 0.0
        self.interval = CONSTANT if endless else dose.interval
        self.given = way.amount.value if not endless else way.rate.value * CONSTANT
        # infusions that run through the whole interval, and how long one more does
        through = np.ones_like(way.lag.value) if endless else np.floor(way.lasts.value / self.interval)
        self.through = through
        self.rest = timeline.zero if endless else way.lasts - Tangent(through * self.interval, 0.0 * way.lag.slope)

    def state(self) -> list[Tangent]:
        """The state at the time of the dose: before it, or amid it where doses come late."""
        x = self._fixed_point()
        lag = self.way.lag
        late = lag.value > 0.0
        if not late.any() or self.dose.interval == 0.0:
            return x
        given = np.ceil(lag.value / self.interval) * self.interval
        since = Tangent(given, 0.0 * lag.slope) - lag
        values, slopes = np.array([t.value for t in x]).T, np.array([t.slope for t in x]).transpose(2, 0, 1)
        values, slopes = self._move(values, slopes, since)
        return [Tangent(values[:, s], slopes[:, s].T).where(late, before) for s, before in enumerate(x)]

    def _fixed_point(self) -> list[Tangent]:
        """The state just before a dose."""
        tl = self.timeline
        x = np.array([t.value for t in tl.start(self.dose.time)]).T
        m, S, C = len(x), x.shape[1], len(tl.columns)
        still, one = np.zeros((m, S, C)), np.broadcast_to(np.eye(S), (m, S, S))
        whole = tl.zero + self.interval
        for _ in range(PLAIN):
            x, _slopes = self._move(x, still, whole)
        open_, slopes = np.ones(m, np.bool_), np.zeros((m, S, C + S))
        for _ in range(MOST):
            after, found = self._move(x, np.concatenate([still, one], axis=2), whole)
            slopes[open_] = found[open_]
            step = _solve(one - slopes[:, :, C:], (after - x)[:, :, None])[:, :, 0]
            size = np.maximum(np.abs(after), tl.compiled.floors)
            size[:, self.way.state] += self.given
            # who has settled is left alone: nobody's digits may depend on how long others take
            x[open_] += step[open_]
            open_ &= ~(np.abs(step) <= SETTLED * size).all(axis=1)
            if not (open_ & np.isfinite(x).all(axis=1)).any():
                break
        for i in np.flatnonzero(open_):
            tl.refused[int(i)] = f"no steady state was found for the dose at {self.dose.time:g}"
        dx = _solve(one - slopes[:, :, C:], slopes[:, :, :C])
        return [Tangent(x[:, s], dx[:, s].T) for s in range(S)]

    def _move(self, x: Array, dx: Array, length: Tangent) -> tuple[Array, Array]:
        """Φ over some time: states ``(m, S)`` and their derivatives by all columns that ``dx`` has."""
        tl, way = self.timeline, self.way
        m, S, columns = dx.shape
        C, U = len(tl.columns), len(tl.model.inputs)
        begin = tl.zero - length
        ends = begin + self.rest
        ends = ends.where(ends.value < 0.0, 0.0)
        times, d_times = np.empty((m, 2)), np.zeros((m, 2, columns))
        inputs, d_inputs = np.empty((m, 2, U)), np.zeros((m, 2, U, columns))
        jumps, d_jumps = np.zeros((m, 2, S)), np.zeros((m, 2, S, columns))
        inputs[:] = tl.inputs_at(self.dose.time)
        for k, moment in enumerate((begin, ends)):
            times[:, k], d_times[:, k, :C] = moment.value, moment.slope.T
            if way.column >= 0:
                running = self.through + (1.0 if k == 0 and self.dose.interval > 0.0 else 0.0)
                inputs[:, k, way.column] += running * way.rate.value
                d_inputs[:, k, way.column, :C] = (running * way.rate.slope).T
        if way.column < 0:
            jumps[:, 0, way.state], d_jumps[:, 0, way.state, :C] = way.amount.value, way.amount.slope.T
        schedules = Schedules(
            np.arange(m), 2 * np.arange(m + 1), times.ravel(), inputs.reshape(2 * m, U), jumps.reshape(2 * m, S),
            np.ones(2 * m), times[:, 0], np.zeros(m),
        )  # fmt: skip
        motion = Motion(
            d_times.reshape(2 * m, columns), d_inputs.reshape(2 * m, U, columns), d_jumps.reshape(2 * m, S, columns)
        )
        task = Task(tl.compiled, tl.parameters, x, True, schedules, np.zeros(1), TOLERANCE, False)
        moved = tangents(task, tl.columns, motion, np.ascontiguousarray(dx))
        return moved.final_states, moved.final_slopes


def _solve(matrix: Array, right: Array) -> Array:
    """Solve for each patient; NaN for one whose matrix is singular."""
    good: NDArray[np.bool_] = np.asarray(np.isfinite(matrix).all(axis=(1, 2)))
    good[good] = np.linalg.cond(matrix[good]) < 1e14
    solved = np.full(right.shape, np.nan)
    solved[good] = np.linalg.solve(matrix[good], right[good])
    return solved
