"""A model made ready to run: its program, its generated code, and the short way that filters take."""

import weakref
from collections.abc import Mapping
from functools import cached_property
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pollux.equations import Model
from pollux.errors import ModelError, UnknownName
from pollux.kernel import lanes, rosenbrock
from pollux.kernel.early import Early
from pollux.kernel.generated import load
from pollux.kernel.linear import LinearForm, linear_form
from pollux.kernel.program import Program, trace

Array = NDArray[np.float64]

# Errors below this part of a state's scale do not hold up a step.
FLOOR = 1e-6


class Compiled:
    """A model and the code made from it. Code is made when first needed and kept on disk."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.program: Program = trace(model)
        self.floors: Array = FLOOR * np.array([s.scale for s in model.states])
        # smallest values of interest, and behind them the lowest that mean anything
        self.least: Array = np.array([s.least for s in model.states], dtype=np.float64)
        self.limits: Array = np.concatenate([self.floors, self.least])

    @cached_property
    def lanes(self) -> ModuleType:
        """Generated code: many patients, adaptive steps."""
        return load("lanes", self.program.key, lambda: lanes.source(self.program))

    @cached_property
    def stiff(self) -> ModuleType:
        """Generated code: many patients, steps for stiff equations."""
        return load("rosenbrock", self.program.key, lambda: rosenbrock.source(self.program))

    @cached_property
    def linear(self) -> LinearForm | None:
        """The model as ``x' = A x + b``, where its equations are that."""
        return linear_form(self.program)

    @cached_property
    def early_kinetics(self) -> Early:
        """What the routes state about doses on their way."""
        return Early(self.program, self.program.kinetics)

    @cached_property
    def early_start(self) -> Early:
        """The states at the start."""
        return Early(self.program, self.program.start)

    def parameter_matrix(self, parameters: Mapping[str, ArrayLike], patients: int | None = None) -> Array:
        """Parameters ``(patients, parameters)`` in the model's order; medians where none is given."""
        names = self.model.parameter_names
        unknown = [n for n in parameters if n not in names]
        if unknown:
            raise UnknownName(
                f"there is no parameter {', '.join(unknown)}",
                where=self.model.name,
                advice=f"There are: {', '.join(names)}.",
            )
        try:
            given = {n: np.asarray(v, dtype=np.float64) for n, v in parameters.items()}
        except (TypeError, ValueError):
            raise ModelError(
                "a parameter is given something that is not a number",
                where=self.model.name,
                advice="Give each parameter one number, or one for each patient.",
            ) from None
        sizes = {v.shape[0] for v in given.values() if v.ndim == 1 and v.shape[0] != 1}
        if patients is not None:
            sizes.add(patients)
        if len(sizes - {1}) > 1 or any(v.ndim > 1 for v in given.values()):
            shapes = ", ".join(f"{n} {v.shape}" for n, v in given.items() if v.ndim)
            raise ModelError(
                f"parameters do not agree on the number of patients ({patients}): {shapes}",
                advice="Give each parameter one number, or one for each patient.",
            )
        matrix = np.empty((max(sizes, default=1), len(names)))
        for column, parameter in enumerate(self.model.parameters):
            matrix[:, column] = given.get(parameter.name, np.asarray(parameter.prior.median))
        return matrix

    def advance(
        self,
        states: Array,
        parameters: Array,
        inputs: Array,
        t0: float,
        t1: float,
        *,
        tolerance: float = 1e-4,
        max_steps: int = 1000,
    ) -> Array:
        """Members' states ``(n, states)`` moved from ``t0`` to ``t1`` minutes under constant inputs.

        ``parameters`` is ``(n, parameters)``, ``inputs`` ``(inputs,)`` for all or ``(n, inputs)``. A member that
        cannot be moved comes back as NaN, alone.
        """
        x = np.ascontiguousarray(states, dtype=np.float64)
        p = np.ascontiguousarray(parameters, dtype=np.float64)
        u = np.ascontiguousarray(inputs, dtype=np.float64)
        n = len(x)
        u = u.reshape(1, -1) if u.ndim == 1 else u
        self._check_shapes(x, p, u)
        result = np.empty_like(x)
        status = np.zeros(n, np.int64)
        self.lanes.advance(0, n, p, u, x, float(t0), float(t1), tolerance, self.limits, max_steps, result, status)
        if status.any():
            result[status != 0] = np.nan
        return result

    def observe(self, states: Array, parameters: Array, inputs: Array, t: float = 0.0) -> Array:
        """Outputs ``(n, outputs)`` of members' states, in the model's order."""
        x = np.asarray(states, dtype=np.float64)
        p = np.asarray(parameters, dtype=np.float64)
        u = np.asarray(inputs, dtype=np.float64)
        u = u.reshape(1, -1) if u.ndim == 1 else u
        self._check_shapes(x, p, u)
        result = np.empty((len(x), len(self.model.outputs)))
        with np.errstate(all="ignore"):
            values = self.program.evaluate(self.program.readings, t, x.T, p.T, u.T)
        for column, value in enumerate(values):
            result[:, column] = value
        return result

    def start(self, parameters: Array, inputs: Array) -> Array:
        """The members' states at the start ``(n, states)``, from the model's own initial equations."""
        p = np.asarray(parameters, dtype=np.float64)
        u = np.asarray(inputs, dtype=np.float64)
        u = u.reshape(1, -1) if u.ndim == 1 else u
        result = np.empty((len(p), len(self.model.states)))
        nothing: list[Any] = [0.0] * self.program.states
        with np.errstate(all="ignore"):
            values = self.program.evaluate(self.program.start, 0.0, nothing, p.T, u.T)
        for column, value in enumerate(values):
            result[:, column] = value
        return result

    def _check_shapes(self, x: Array, p: Array, u: Array) -> None:
        n = len(x)
        m = self.program
        if x.shape != (n, m.states) or p.shape != (n, m.parameters) or u.shape not in ((1, m.inputs), (n, m.inputs)):
            raise ModelError(
                f"states {x.shape}, parameters {p.shape} and inputs {u.shape} do not fit together",
                where=self.model.name,
                advice=f"They are (n, {m.states}), (n, {m.parameters}) and ({m.inputs},) or (n, {m.inputs}).",
            )


_known: "weakref.WeakKeyDictionary[Model, Compiled]" = weakref.WeakKeyDictionary()


def compile(model: Model) -> Compiled:
    """The model made ready to run; the same object for the same model."""
    found = _known.get(model)
    if found is None:
        found = _known[model] = Compiled(model)
    return found
