"""How outputs and states change with parameters: forward sensitivities of a simulation."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pollux.equations import Model
from pollux.errors import ModelError, UnknownName
from pollux.kernel import columns
from pollux.kernel.compiled import compile
from pollux.kernel.generated import load
from pollux.kernel.schedule import Schedule
from pollux.kernel.simulation import MAX_STEPS, REASONS, STEP_SHARE, Initial, checked

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Sensitivities:
    """Outputs and their derivatives by parameters.

    ``outputs`` by name ``(n, T)``; ``derivatives`` by name ``(n, T, len(wrt))``: d output / d parameter in their units;
    ``final_states (n, S)`` at the last time and ``final_derivatives (n, S, len(wrt))``.
    """

    model: Model
    times: Array
    wrt: tuple[str, ...]
    outputs: dict[str, Array]
    derivatives: dict[str, Array]
    final_states: Array
    final_derivatives: Array
    failed: NDArray[np.bool_]
    reasons: dict[int, str]
    method: str
    error_estimate: Array
    steps: NDArray[np.int64]

    def reason(self, patient: int) -> str:
        """Why this patient failed; empty if it did not."""
        return self.reasons.get(patient, "")


def sensitivities(
    model: Model,
    parameters: Mapping[str, ArrayLike],
    schedule: Schedule | Sequence[Schedule],
    times: ArrayLike,
    wrt: Sequence[str],
    *,
    initial: Initial | None = None,
    initial_sensitivity: ArrayLike | None = None,
    tolerance: float = 1e-6,
) -> Sensitivities:
    """Simulate, and differentiate every output at ``times`` [min] by the parameters named in ``wrt``.

    Without ``initial`` the model's own start is used and differentiated as well. With it the start is held fixed,
    unless ``initial_sensitivity (S, len(wrt))`` or ``(n, S, len(wrt))`` says how it depends on the parameters.

    >>> from pollux.models.glucose.uva_padova import UVA_PADOVA
    >>> from pollux.kernel import Schedule, sensitivities
    >>> schedule = Schedule.of(UVA_PADOVA, 0.0, 60.0, base={"insulin": 1.2})
    >>> answer = sensitivities(UVA_PADOVA, {"basal_rate": 1.2}, schedule, [0.0, 60.0], ["Gb"])
    >>> answer.derivatives["plasma_glucose"].round(6)[0, :, 0]
    array([1., 1.])
    """
    task = checked(compile(model), parameters, schedule, times, initial, tolerance)
    names = model.parameter_names
    unknown = [name for name in wrt if name not in names]
    if unknown or len(set(wrt)) != len(wrt):
        raise UnknownName(
            f"cannot differentiate by {', '.join(unknown or wrt)}",
            where=model.name,
            advice=f"Name each parameter once; there are: {', '.join(names)}.",
        )
    n, moments, count = task.patients, len(task.times), len(wrt)
    seed = _seed(initial_sensitivity, task.given, n, len(model.states), count)
    width = 8 * -(-(count + 1) // 8)
    program = task.compiled.program
    code = load("columns", f"{program.key} width {width}", lambda: columns.source(program, width))
    column = np.full(len(names), width - 1, np.int64)
    column[[names.index(name) for name in wrt]] = np.arange(count)
    outputs = np.full((len(model.outputs), n, moments), np.nan)
    slopes = np.full((len(model.outputs), n, moments, count), np.nan)
    final, final_slopes = np.full((n, program.states), np.nan), np.full((n, program.states, count), np.nan)
    status, steps, error, stopped = np.zeros(n, np.int64), np.zeros(n, np.int64), np.zeros(n), np.zeros(n)
    s = task.schedules
    segments = len(s.times)
    still = np.zeros((segments, 0)), np.zeros((segments, 0, 0)), np.zeros((segments, 0, 0))
    code.solve(
        task.parameters, task.initial, seed, task.given, column, count, s.which, s.first, s.times, s.inputs, s.jumps,
        s.keeps, *still, task.times, STEP_SHARE * tolerance, task.compiled.floors, MAX_STEPS, outputs, slopes, final,
        final_slopes, status, error, steps, stopped,
    )  # fmt: skip
    reasons = {int(i): f"{REASONS[int(status[i])]} (at {stopped[i]:g} min)" for i in np.flatnonzero(status)}
    return Sensitivities(
        model,
        task.times,
        tuple(wrt),
        dict(zip(model.output_names, outputs, strict=True)),
        dict(zip(model.output_names, slopes, strict=True)),
        final,
        final_slopes,
        status != 0,
        reasons,
        "adaptive, order 5, with variational equations",
        error * tolerance,
        steps,
    )


def _seed(given: ArrayLike | None, has_initial: bool, patients: int, states: int, count: int) -> Array:
    """The derivatives of the given start by the parameters; zeros where it is fixed."""
    if given is None:
        return np.zeros((patients if has_initial else 0, states, count))
    seed = np.asarray(given, dtype=np.float64)
    if not has_initial or seed.shape not in ((states, count), (patients, states, count)):
        raise ModelError(
            f"the initial sensitivity {seed.shape} does not fit",
            advice=f"Give `initial` too, and an array ({states}, {count}) or ({patients}, {states}, {count}).",
        )
    return np.ascontiguousarray(np.broadcast_to(seed, (patients, states, count)))
