"""How outputs and states change with parameters: forward sensitivities of a simulation."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pollux.equations import Model
from pollux.errors import ModelError, UnknownName
from pollux.kernel.compiled import compile
from pollux.kernel.simulation import Given, Initial, checked, why
from pollux.kernel.tangents import tangents

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
    schedule: Given,
    times: ArrayLike,
    wrt: Sequence[str],
    *,
    initial: Initial | None = None,
    initial_sensitivity: ArrayLike | None = None,
    tolerance: float = 1e-6,
) -> Sensitivities:
    """Simulate, and differentiate every output at ``times`` by the parameters named in ``wrt``.

    Without ``initial`` the model's own start is used and differentiated as well. With it the start is held fixed,
    unless ``initial_sensitivity (S, len(wrt))`` or ``(n, S, len(wrt))`` says how it depends on the parameters.

    >>> from pollux.models.glucose.uva_padova import UVA_PADOVA
    >>> from pollux.kernel import Schedule, sensitivities
    >>> schedule = Schedule.of(UVA_PADOVA, 0.0, 60.0, base={"insulin": 1.2})
    >>> answer = sensitivities(UVA_PADOVA, {"basal_rate": 1.2}, schedule, [0.0, 60.0], ["Gb"])
    >>> answer.derivatives["plasma_glucose"].round(6)[0, :, 0]
    array([1., 1.])
    """
    names = model.parameter_names
    unknown = [name for name in wrt if name not in names]
    if unknown or len(set(wrt)) != len(wrt):
        raise UnknownName(
            f"cannot differentiate by {', '.join(unknown or wrt)}",
            where=model.name,
            advice=f"Name each parameter once; there are: {', '.join(names)}.",
        )
    columns = tuple(names.index(name) for name in wrt)
    task, motion = checked(compile(model), parameters, schedule, times, initial, tolerance, columns=columns)
    seed = _seed(initial_sensitivity, task.given, task.patients, len(model.states), len(wrt))
    found = tangents(task, columns, motion, seed)
    failed, reasons = why(task, found.status, found.stopped)
    return Sensitivities(
        model,
        task.times,
        tuple(wrt),
        dict(zip(model.output_names, found.outputs, strict=True)),
        dict(zip(model.output_names, found.slopes, strict=True)),
        found.final_states,
        found.final_slopes,
        failed,
        reasons,
        found.method,
        found.error,
        found.steps,
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
