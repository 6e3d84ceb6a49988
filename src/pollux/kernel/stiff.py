"""Who needs the method for stiff equations: those whom explicit steps do not carry through in reasonable number."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from pollux.kernel.simulation import Simulation, rosenbrock, stepped
from pollux.kernel.task import MAX_STEPS, Task

# Steps after which a patient is tried with the other method: far more than smooth equations take from event to event
# and output to output.
PATIENCE = 1_000
PATIENCE_FOR_EACH = 40


def by_need(task: Task, threads: int) -> Simulation:
    """Explicit steps for all; who is not through after many of them is moved by Rosenbrock steps, alone.

    Each patient's steps are counted for itself, so that nobody's method depends on others. If neither is through, the
    explicit steps go on to their end.
    """
    s = task.schedules
    segments = int(np.diff(s.first).max())
    most = PATIENCE + PATIENCE_FOR_EACH * (len(task.times) + segments)
    first = stepped(task, threads, task.compiled.lanes, most, "adaptive, order 5")
    slow = np.array([i for i in np.flatnonzero(first.failed) if first.steps[i] >= most], np.int64)
    if len(slow) == 0 or most >= MAX_STEPS:
        return first
    second = rosenbrock(_some(task, slow), threads)
    both = _merged(first, second, slow, "Rosenbrock, order 4")
    still = slow[second.failed]
    if len(still) == 0:
        return both
    return _merged(both, stepped(_some(task, still), threads, task.compiled.lanes, MAX_STEPS, "adaptive"), still, "")


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
    reasons = {i: why for i, why in first.reasons.items() if i not in set(chosen.tolist())}
    reasons |= {int(chosen[k]): why for k, why in second.reasons.items()}
    told = f"{first.method}; {method} for {len(chosen)} of {len(first.failed)}" if method else first.method
    return replace(first, reasons=reasons, method=told)
