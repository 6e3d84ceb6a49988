"""Linear models exactly: between events, x' = A x + b has a closed form (``affine`` has the mathematics)."""

import numpy as np

from pollux.kernel import affine
from pollux.kernel.generated import load
from pollux.kernel.simulation import Simulation, finished, in_threads
from pollux.kernel.task import Task


def closed_form(task: Task, threads: int) -> Simulation:
    """Every patient by its own matrix exponentials from event to event."""
    form = task.compiled.linear
    assert form is not None
    n, s = task.patients, task.schedules
    states, outputs = task.empty()
    status, stopped = np.zeros(n, np.int64), np.zeros(n)
    code = load("affine", task.compiled.program.key, lambda: affine.source(form))

    def solve(first: int, last: int) -> None:
        code.solve(
            first, last, task.parameters, task.initial, task.given, s.which, s.first, s.times, s.inputs, s.jumps,
            s.keeps, task.times, task.compiled.least, states, outputs, status, stopped,
        )  # fmt: skip

    in_threads(solve, n, threads)
    return finished(task, states, outputs, status, np.zeros(n), np.zeros(n, np.int64), stopped, "closed form")
