"""The adaptive method on a GPU: the same question, one thread a patient, transfers included."""

import warnings

import numpy as np

from pollux.errors import ModelError
from pollux.kernel import cuda
from pollux.kernel.generated import load
from pollux.kernel.simulation import Simulation, finished
from pollux.kernel.task import MAX_STEPS, STEP_SHARE, Task


def on_gpu(task: Task, method: str = "adaptive") -> Simulation:
    """Adaptive steps of order 5 on the GPU that numba finds."""
    if method not in ("auto", "adaptive"):
        raise ModelError(f"on a GPU there is no method '{method}'", advice="There is: adaptive.")
    from numba import cuda as driver

    if not driver.is_available():  # type: ignore[no-untyped-call]
        raise ModelError(
            "there is no GPU that can be used",
            advice='Install a CUDA driver and "pip install numba-cuda", or leave out device="gpu".',
        )
    n, s, model = task.patients, task.schedules, task.compiled.model
    code = load("cuda", task.compiled.program.key, lambda: cuda.source(task.compiled.program))
    moments = len(task.times)
    kept = (len(model.states), moments, n) if task.keep_states else (1, 1, 1)  # a GPU has no empty arrays
    states = np.full(kept, np.nan)
    outputs = np.full((len(model.outputs), moments, n), np.nan)
    status, steps = np.zeros(n, np.int64), np.zeros(n, np.int64)
    error, stopped = np.zeros(n), np.zeros(n)
    results = (states, outputs, status, error, steps, stopped)
    given = (s.which, s.first, s.times, s.inputs, s.jumps, s.keeps, s.ends, task.times)
    initial = task.initial if task.given else np.zeros((1, len(model.states)))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Grid size", category=Warning)  # few patients leave a GPU idle
        there = [driver.to_device(a) for a in results]
        code.solve[-(-n // cuda.THREADS), cuda.THREADS](
            driver.to_device(task.parameters), driver.to_device(initial), task.given,
            *(driver.to_device(np.ascontiguousarray(a)) for a in given), STEP_SHARE * task.tolerance,
            driver.to_device(task.compiled.limits), MAX_STEPS, task.keep_states, *there,
        )  # fmt: skip
        for here, array in zip(results, there, strict=True):
            array.copy_to_host(here)
    whole = states.transpose(2, 1, 0) if task.keep_states else np.empty((0, moments, len(model.states)))
    named = outputs.transpose(0, 2, 1)
    return finished(task, whole, named, status, error * task.tolerance, steps, stopped, "adaptive, order 5, on a GPU")
