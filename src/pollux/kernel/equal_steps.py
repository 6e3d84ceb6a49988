"""Equal steps, halved until the result stands still: the error is measured, not estimated from one step."""

import numpy as np
from numpy.typing import NDArray

from pollux.kernel import fixed
from pollux.kernel.generated import load
from pollux.kernel.lanes import BELOW_LEAST, NOT_FINITE, TOO_MANY_STEPS
from pollux.kernel.simulation import Simulation, finished
from pollux.kernel.task import Task

Array = NDArray[np.float64]

FIRST_STEPS = 64  # of the whole time, before the first halving
HALVINGS = 20


def equal_steps(task: Task, threads: int) -> Simulation:
    """Runge-Kutta of order 4; each patient's step is halved until two results agree within the tolerance.

    The whole difference counts as the error: at kinks the order is lower than 4, and Richardson's fifteenth too little.
    """
    n = task.patients
    code = load("fixed", task.compiled.program.key, lambda: fixed.source(task.compiled.program))
    moments, model = len(task.times), task.compiled.model
    states = np.full((n, moments, len(model.states)), np.nan)
    outputs = np.full((len(model.outputs), n, moments), np.nan)
    steps, error = np.zeros(n, np.int64), np.full(n, np.inf)
    longest = (task.schedules.ends - task.schedules.starts)[task.schedules.which] / FIRST_STEPS
    s = task.schedules
    waiting = np.arange(n)
    for halving in range(HALVINGS):
        coarse = states[waiting].copy()
        code.solve(
            waiting, longest, halving, task.parameters, task.initial, task.given, s.which, s.first, s.times, s.inputs,
            s.jumps, s.keeps, s.ends, task.times, states, outputs, steps,
        )  # fmt: skip
        if halving:
            error[waiting] = _difference(coarse, states[waiting], task.compiled.floors)
        waiting = waiting[~(error[waiting] <= task.tolerance)]
        if len(waiting) == 0:
            break
    status = np.where(error <= task.tolerance, 0, TOO_MANY_STEPS)
    lowest = task.compiled.least - 2.0 * task.tolerance * np.abs(states).max(axis=1, keepdims=True)
    lost, fallen = ~np.isfinite(states).all(axis=2), (states < lowest).any(axis=2)
    status[fallen.any(axis=1)] = BELOW_LEAST
    status[lost.any(axis=1)] = NOT_FINITE
    failed = status != 0
    states[failed], outputs[:, failed] = np.nan, np.nan
    stopped = np.where((lost | fallen).any(axis=1), task.times[(lost | fallen).argmax(axis=1)], task.times[0])
    kept = states if task.keep_states else states[:0]
    return finished(task, kept, outputs, status, error, steps, stopped, "equal steps, order 4, halved")


def _difference(coarse: Array, fine: Array, floors: Array) -> Array:
    """The largest difference of any state at any time, relative to the state's largest value ``(n,)``."""
    with np.errstate(all="ignore"):
        size = np.maximum(np.abs(fine).max(axis=1), floors)
        relative = np.abs(fine - coarse).max(axis=1) / size
    worst: Array = np.where(np.isfinite(relative).all(axis=1), relative.max(axis=1), np.inf)
    return worst
