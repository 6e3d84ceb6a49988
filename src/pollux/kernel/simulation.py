"""Move patients through time: one call for one body or for ten thousand."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from types import ModuleType
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pollux.equations import Model
from pollux.errors import ModelError, UnknownName
from pollux.kernel.compiled import Compiled, compile
from pollux.kernel.lanes import BELOW_LEAST, NOT_FINITE, STEP_TOO_SMALL, STIFF, TOO_MANY_STEPS
from pollux.kernel.schedule import Motion, Schedule, Schedules, gather
from pollux.kernel.task import MAX_STEPS, STEP_SHARE, STIFF_STEP_SHARE, Task
from pollux.plans.regimen import Regimen

Array = NDArray[np.float64]
Initial = Mapping[str, ArrayLike] | Array
Given = Schedule | Regimen | Sequence[Schedule] | Sequence[Regimen]  # one for all, or one for each

REASONS = {
    STEP_TOO_SMALL: "the step size fell below what the arithmetic can resolve; the equations change too abruptly",
    NOT_FINITE: "a state is no longer a finite number",
    BELOW_LEAST: "a state fell below its least value: an amount became negative",
    STIFF: "the equations are stiff for these parameters",
    TOO_MANY_STEPS: "the largest number of steps was reached; the equations may be stiff for these parameters",
}


@dataclass(frozen=True, eq=False)
class Simulation:
    """What happened to each patient.

    ``times (T,)`` [min]; ``states (n, T, S)``; ``outputs`` by name ``(n, T)``; ``failed (n,)``. A failed patient's
    values after the failure are NaN and ``reason(i)`` says why; nobody else is affected. ``error_estimate (n,)`` is
    the largest relative error that a step was estimated to make, ``steps (n,)`` the steps tried, ``method`` how it
    was computed.
    """

    model: Model
    times: Array
    states: Array
    outputs: dict[str, Array]
    failed: NDArray[np.bool_]
    reasons: dict[int, str]
    method: str
    error_estimate: Array
    steps: NDArray[np.int64]

    def reason(self, patient: int) -> str:
        """Why this patient's simulation failed; empty if it did not."""
        return self.reasons.get(patient, "")

    def state(self, name: str) -> Array:
        """One state by name ``(n, T)``."""
        if name not in self.model.state_names:
            listed = ", ".join(self.model.state_names)
            raise UnknownName(f"there is no state '{name}'", where=self.model.name, advice=f"There are: {listed}.")
        result: Array = self.states[:, :, self.model.state_names.index(name)]
        return result


def simulate(
    model: Model,
    parameters: Mapping[str, ArrayLike],
    schedule: Given,
    times: ArrayLike,
    *,
    initial: Initial | None = None,
    tolerance: float = 1e-6,
    method: str = "auto",
    threads: int = 1,
    keep_states: bool = True,
    device: Literal["cpu", "gpu"] = "cpu",
) -> Simulation:
    """Simulate patients under their schedules and report states and outputs at ``times`` [the model's unit of time].

    ``parameters`` gives by name one number for all or ``(n,)`` numbers; what is left out takes its median.
    ``schedule`` (or a ``Regimen`` of doses) is one for all or one for each. ``initial`` replaces the model's own start:
    by name, or an array
    ``(n, states)``. ``tolerance`` is relative to the largest value each state has had. ``method``: "auto" chooses
    "closed form" for linear models and "adaptive" otherwise; "fixed" takes equal steps and halves them until the
    result stands still. ``keep_states=False`` saves the memory of ``states``. ``device="gpu"`` moves the adaptive
    method to a GPU, one thread a patient.

    >>> from pollux.models.glucose.uva_padova import UVA_PADOVA, virtual_patients
    >>> from pollux.kernel import Schedule, simulate
    >>> patient = virtual_patients()["adult#001"]
    >>> schedule = Schedule.of(UVA_PADOVA, 0.0, 60.0, base={"insulin": patient["basal_rate"]})
    >>> result = simulate(UVA_PADOVA, patient, schedule, [0.0, 60.0])
    >>> result.outputs["plasma_glucose"].round(2)
    array([[138.56, 138.56]])
    """
    from pollux.kernel.methods import choose

    if device not in ("cpu", "gpu"):
        raise UnknownName(f"there is no device '{device}'", advice="There are: cpu, gpu.")
    if threads < 1:
        raise ModelError(f"{threads} threads cannot simulate anything", advice="Give 1 or more.")
    task, _ = checked(compile(model), parameters, schedule, times, initial, tolerance, keep_states)
    if device == "gpu":
        from pollux.kernel.gpu import on_gpu

        return on_gpu(task, method)
    return choose(task, method)(task, threads)


def checked(
    compiled: Compiled,
    parameters: Mapping[str, ArrayLike],
    schedule: Given,
    times: ArrayLike,
    initial: Initial | None,
    tolerance: float,
    keep_states: bool = True,
    columns: tuple[int, ...] = (),
) -> tuple[Task, Motion]:
    """Check what was asked, once, and put it in the shape that the generated code reads.

    The second part says how the schedules move with the parameters that are numbered in ``columns``.
    """
    if not 0 < tolerance < 1:
        raise ModelError(
            f"the tolerance is {tolerance}", advice="It is relative: a number between 0 and 1, such as 1e-6."
        )
    many = None if isinstance(schedule, Schedule | Regimen) else len(schedule)
    asked = _starting_values(compiled.model, initial)
    if asked is not None and asked.ndim == 2 and asked.shape[0] > 1:
        many = asked.shape[0] if many is None else many
    matrix = compiled.parameter_matrix(parameters, many)
    n = len(matrix)
    start = np.empty((0, len(compiled.model.states)))
    if asked is not None:
        try:
            start = np.ascontiguousarray(np.broadcast_to(asked, (n, len(compiled.model.states))))
        except ValueError:
            raise ModelError(f"initial states {asked.shape} do not fit {n} patients") from None
    moments = np.atleast_1d(np.asarray(times, dtype=np.float64))
    _check_times(moments)
    schedules, motion, refused = _given(compiled, schedule, matrix, moments, columns)
    if moments[0] < schedules.starts.max() or moments[-1] > schedules.ends.min():
        raise ModelError(
            f"times from {moments[0]:g} to {moments[-1]:g} reach outside a schedule, "
            f"{schedules.starts.max():g} to {schedules.ends.min():g}",
            advice="Make the schedule long enough.",
        )
    return Task(compiled, matrix, start, asked is not None, schedules, moments, tolerance, keep_states, refused), motion


def _given(
    compiled: Compiled, given: Given, parameters: Array, times: Array, columns: tuple[int, ...]
) -> tuple[Schedules, Motion, dict[int, str]]:
    """What is given as schedules: regimens worked out for each patient's parameters, or schedules as they are."""
    doses = [isinstance(g, Regimen) for g in ([given] if isinstance(given, Schedule | Regimen) else given)]
    if any(doses):
        if not all(doses):
            raise ModelError("schedules and regimens are mixed", advice="Give one kind.")
        from pollux.kernel.dosing import expand

        return expand(compiled, given, parameters, times, columns)  # type: ignore[arg-type]
    schedules = gather(compiled.model, given, len(parameters))  # type: ignore[arg-type]
    return schedules, Motion.none(len(schedules.times)), {}


def _starting_values(model: Model, initial: Initial | None) -> Array | None:
    if initial is None:
        return None
    if not isinstance(initial, Mapping):
        return np.asarray(initial, dtype=np.float64)
    if set(initial) != set(model.state_names):
        raise ModelError(
            "the initial state does not name each state once",
            where=model.name,
            advice=f"Give: {', '.join(model.state_names)}.",
        )
    return np.stack(np.broadcast_arrays(*(np.asarray(initial[n], np.float64) for n in model.state_names)), axis=-1)


def _check_times(times: Array) -> None:
    if times.ndim != 1 or len(times) == 0 or not np.isfinite(times).all() or np.any(np.diff(times) < 0):
        raise ModelError("the times of a simulation must be finite numbers in rising order, at least one")


def adaptive(task: Task, threads: int) -> Simulation:
    """Adaptive steps of order 5, each lane its own."""
    return stepped(task, threads, task.compiled.lanes, "adaptive, order 5")[0]


def rosenbrock(task: Task, threads: int) -> Simulation:
    """Adaptive steps of an L-stable method of order 4, for stiff equations."""
    return stepped(task, threads, task.compiled.stiff, "Rosenbrock, order 4", STIFF_STEP_SHARE)[0]


def stepped(
    task: Task,
    threads: int,
    code: ModuleType,
    method: str,
    share: float = STEP_SHARE,
    patience: float = np.inf,
) -> tuple[Simulation, NDArray[np.bool_]]:
    """By generated code that steps in lanes, each step with its share of the tolerance.

    Says also who was given up as stiff, after no fewer than ``patience`` steps.
    """
    n, s = task.patients, task.schedules
    states, outputs = task.empty()
    status, steps = np.zeros(n, np.int64), np.zeros(n, np.int64)
    error, stopped = np.zeros(n), np.zeros(n)
    allowed = share * task.tolerance

    def solve(first: int, last: int) -> None:
        code.solve(
            first, last, task.parameters, task.initial, task.given, s.which, s.first, s.times, s.inputs, s.jumps,
            s.keeps, s.ends, task.times, allowed, task.compiled.limits, MAX_STEPS, np.inf, patience, states, outputs,
            status, error, steps, stopped,
        )  # fmt: skip

    in_threads(solve, n, threads)
    result = finished(task, states, outputs, status, error * task.tolerance, steps, stopped, method)
    return result, status == STIFF


def in_threads(solve: object, patients: int, threads: int) -> None:
    """Share the patients among threads; the generated code holds no lock while it runs."""
    assert callable(solve)
    if threads <= 1 or patients < 2 * threads:
        solve(0, patients)
        return
    marks = np.linspace(0, patients, threads + 1).astype(int)
    with ThreadPoolExecutor(threads) as pool:
        for done in [pool.submit(solve, int(a), int(b)) for a, b in pairwise(marks)]:
            done.result()


def finished(
    task: Task,
    states: Array,
    outputs: Array,
    status: NDArray[np.int64],
    error: Array,
    steps: NDArray[np.int64],
    stopped: Array,
    method: str,
) -> Simulation:
    """The result, with a sentence for each patient that failed."""
    failed, reasons = why(task, status, stopped)
    _refuse_silent_nan(outputs, failed, reasons)
    named = dict(zip(task.compiled.model.output_names, outputs, strict=True))
    return Simulation(
        task.compiled.model, task.times, states, named, failed, reasons, method, error, steps
    )  # fmt: skip


def why(task: Task, status: NDArray[np.int64], stopped: Array) -> tuple[NDArray[np.bool_], dict[int, str]]:
    """Who failed, and a sentence for each."""
    unit = task.compiled.model.time_unit
    reasons = {int(i): f"{REASONS[int(status[i])]} (at {stopped[i]:g} {unit})" for i in np.flatnonzero(status)}
    failed = status != 0
    failed[list(task.refused)] = True
    return failed, reasons | task.refused


def _refuse_silent_nan(outputs: Array, failed: NDArray[np.bool_], reasons: dict[int, str]) -> None:
    """An output that is not finite while the states are is a failure too."""
    finite = np.isfinite(outputs).all(axis=(0, 2))
    for i in np.flatnonzero(~finite & ~failed):
        failed[i] = True
        reasons[int(i)] = "an output is not a finite number although the states are"
