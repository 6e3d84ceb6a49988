"""Simulated with derivatives by columns: exact where the model is linear, variational equations otherwise."""

from dataclasses import dataclass
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from pollux.kernel import affine_columns, columns
from pollux.kernel.early import Columns
from pollux.kernel.generated import load
from pollux.kernel.schedule import Motion
from pollux.kernel.task import MAX_STEPS, STEP_SHARE, Task

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Tangents:
    """Outputs ``(outputs, n, T)`` and states at the last time ``(n, S)``, each with its derivatives by C columns."""

    outputs: Array
    slopes: Array
    final_states: Array
    final_slopes: Array
    status: NDArray[np.int64]
    stopped: Array
    error: Array
    steps: NDArray[np.int64]
    method: str


def tangents(task: Task, wrt: Columns, motion: Motion, seed: Array | None = None) -> Tangents:
    """Move patients with C columns, of which the first belong to the parameters ``wrt``.

    ``motion`` says how schedules move with the columns (or has none, where they do not); ``seed (n, S, C)`` how given
    starts do.
    """
    n, moments, program = task.patients, len(task.times), task.compiled.program
    C = len(wrt) if seed is None else seed.shape[2]
    S, O = program.states, len(program.readings)  # noqa: E741 - outputs
    outputs, slopes = np.full((O, n, moments), np.nan), np.full((O, n, moments, C), np.nan)
    final, final_slopes = np.full((n, S), np.nan), np.full((n, S, C), np.nan)
    status, steps, error, stopped = np.zeros(n, np.int64), np.zeros(n, np.int64), np.zeros(n), np.zeros(n)
    start = np.zeros((n if task.given else 0, S, C)) if seed is None else seed
    s = task.schedules
    form = task.compiled.linear
    if form is None:
        column, code = _variational(task, wrt, C)
        code.solve(
            task.parameters, task.initial, start, task.given, column, C, s.which, s.first, s.times, s.inputs, s.jumps,
            s.keeps, motion.times, motion.inputs, motion.jumps, task.times, STEP_SHARE * task.tolerance,
            task.compiled.limits, MAX_STEPS, outputs, slopes, final, final_slopes, status, error, steps, stopped,
        )  # fmt: skip
        method = "adaptive, order 5, with variational equations"
    else:
        code = load("affine_columns", program.key, lambda: affine_columns.source(form))
        column = np.full(program.parameters, -1, np.int64)
        column[list(wrt)] = np.arange(len(wrt))
        still = motion.times.shape[1] == 0
        moved = _still(len(s.times), program.inputs, S, C) if still else motion
        code.solve(
            task.parameters, task.initial, start, task.given, column, C, s.which, s.first, s.times, s.inputs, s.jumps,
            s.keeps, moved.times, moved.inputs, moved.jumps, task.times, task.compiled.least, outputs, slopes, final,
            final_slopes, status, stopped,
        )  # fmt: skip
        method = "closed form"
    return Tangents(outputs, slopes, final, final_slopes, status, stopped, error * task.tolerance, steps, method)


def _variational(task: Task, wrt: Columns, count: int) -> tuple[NDArray[np.int64], ModuleType]:
    """The column of each parameter (those not asked for share the last), and the code for that many columns."""
    program, model = task.compiled.program, task.compiled.model
    width = 8 * -(-(count + 1) // 8)
    moving = tuple(sorted({model.input_names.index(r.input) for r in model.routes if r.input}))
    key = f"{program.key} width {width}" + (f" moving {moving}" if moving else "")
    column = np.full(program.parameters, width - 1, np.int64)
    column[list(wrt)] = np.arange(len(wrt))
    return column, load("columns", key, lambda: columns.source(program, width, moving))


def _still(segments: int, inputs: int, states: int, count: int) -> Motion:
    """Nothing moves."""
    zeros = np.zeros
    return Motion(zeros((segments, count)), zeros((segments, inputs, count)), zeros((segments, states, count)))
