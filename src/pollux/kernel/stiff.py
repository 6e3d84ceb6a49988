"""Who needs the method for stiff equations: those whose explicit steps are limited by stability, and who need many."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from pollux.kernel.simulation import Simulation, adaptive, rosenbrock, stepped
from pollux.kernel.task import Task

# Steps that nobody questions, besides 30 for each event and 2 for each output, which the other method needs as well and
# whose steps cost two to four times as much. After these, steps limited by stability are counted (lane_control).
PATIENCE = 200.0


def by_need(task: Task, threads: int) -> Simulation:
    """Explicit steps for all; whose steps stability limits, not exactness, is moved by Rosenbrock steps instead.

    Each patient's steps are judged for itself, so that nobody's method depends on others. Who is not through either way
    is moved by explicit steps to their end.
    """
    first, given_up = stepped(task, threads, task.compiled.lanes, "adaptive, order 5", patience=PATIENCE)
    slow = np.array([i for i in np.flatnonzero(given_up) if i not in task.refused], np.int64)
    if len(slow) == 0:
        return first
    second = rosenbrock(_some(task, slow), threads)
    both = _merged(first, second, slow, "Rosenbrock, order 4")
    still = slow[second.failed]
    if len(still) == 0:
        return both
    return _merged(both, adaptive(_some(task, still), threads), still, "")


def _some(task: Task, chosen: NDArray[np.int64]) -> Task:
    """The same question for some of the patients."""
    given = np.ascontiguousarray(task.initial[chosen]) if task.given else task.initial
    schedules = replace(task.schedules, which=task.schedules.which[chosen])
    parameters = np.ascontiguousarray(task.parameters[chosen])
    return replace(task, parameters=parameters, initial=given, schedules=schedules, refused={})


def _merged(first: Simulation, second: Simulation, chosen: NDArray[np.int64], method: str) -> Simulation:
    """The first simulation with the chosen patients taken from the second."""
    for name, values in first.outputs.items():
        values[chosen] = second.outputs[name]
    if len(first.states):
        first.states[chosen] = second.states
    first.failed[chosen] = second.failed
    first.error_estimate[chosen] = second.error_estimate
    first.steps[chosen] += second.steps
    taken = set(chosen.tolist())
    reasons = {i: why for i, why in first.reasons.items() if i not in taken}
    reasons |= {int(chosen[k]): why for k, why in second.reasons.items()}
    told = f"{first.method}; {method} for {len(chosen)} of {len(first.failed)}" if method else first.method
    return replace(first, reasons=reasons, method=told)
