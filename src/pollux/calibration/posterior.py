"""One person's posterior: a model, what was given, what was measured.

Every parameter that varies is a function of a standard-normal number; the vector z of them has the prior N(0, R), R
being the model's correlations. With predictions f_k(z) of the readings and the model's error models,

    ln p(z | y) = Σ_k ln p(y_k | f_k(z)) − ½ zᵀ R⁻¹ z + constant,
    gradient    = Σ_k (∂ ln p / ∂f_k) J_k − R⁻¹ z,   J_k = ∂f_k / ∂z,

with J from the kernel's sensitivities. A reading below the limit of quantification contributes its probability.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from pollux.calibration.laplace import Gaussian
from pollux.equations import ErrorModel, Fixed, Model
from pollux.equations.occasions import with_occasions, with_slots
from pollux.errors import ModelError, UnknownName
from pollux.kernel.compiled import compile
from pollux.kernel.dosing import expand
from pollux.kernel.methods import choose
from pollux.kernel.schedule import Motion, Schedules
from pollux.kernel.tangents import tangents
from pollux.kernel.task import Task
from pollux.plans import Regimen

Array = NDArray[np.float64]
_LOG_2PI = float(np.log(2.0 * np.pi))
MOST_SLOTS = 100  # of process noise; beyond, a search over so many coefficients is slower than a filter


@dataclass(frozen=True)
class Reading:
    """One measurement of an output at a time, in the model's units; ``below``: it was less than ``value``, no more."""

    time: float
    value: float
    output: str = ""
    below: bool = False


@dataclass(frozen=True, eq=False)
class _Readings:
    """The readings of one output, and where they stand among the times of the simulation."""

    output: int
    error: ErrorModel
    at: NDArray[np.int64]
    value: Array
    below: NDArray[np.bool_]

    def log_density(self, f: Array) -> Array:
        """Of predictions ``(…, readings)``, summed over readings."""
        told = self.error.log_density(self.value, f)
        if self.below.any():
            told = np.where(self.below, self.error.log_below(self.value, f), told)
        total: Array = told.sum(axis=-1)
        return total

    def slope(self, f: Array) -> Array:
        """∂ ln p / ∂f of each reading."""
        told = self.error.slope(self.value, f)
        return np.where(self.below, self.error.log_below_slope(self.value, f), told) if self.below.any() else told

    def information(self, f: Array) -> Array:
        """What each reading tells about f; of one below the limit the square of its slope."""
        told = self.error.information(f)
        return np.where(self.below, self.error.log_below_slope(self.value, f) ** 2, told) if self.below.any() else told


@dataclass(frozen=True, eq=False)
class Look:
    """The posterior seen from one point; readings output by output, N in all.

    ``predicted (N,)``, ``jacobian (N, P)`` by z, ``slope`` and ``information (N,)`` of each reading.
    """

    log_likelihood: float
    predicted: Array
    jacobian: Array
    slope: Array
    information: Array


class Posterior:
    """What is known of one person's parameters; a ``Density`` for the samplers.

    ``varying`` names the parameters to learn (all whose prior is not fixed, if not given); ``values`` holds others at
    values of their own. ``occasions`` are the times at which occasions begin, for models with parameters that differ
    between them.

    Inputs that wander by themselves (``model.wandering``, process noise) become coefficients to be learned, one for
    each of their slots from the first dose or reading to the last reading, or to ``until``; ``process_noise`` says so.
    """

    # One setting more than eight, for those who forecast with process noise.
    def __init__(
        self,
        model: Model,
        regimen: Regimen,
        readings: Sequence[Reading],
        *,
        varying: Sequence[str] | None = None,
        values: Mapping[str, float] | None = None,
        occasions: Sequence[float] = (),
        until: float | None = None,
        tolerance: float = 1e-6,
    ) -> None:
        if occasions and model.between_occasions:
            regimen = _during(regimen, "occasion", occasions)
            model = with_occasions(model, len(occasions))
        model, regimen, self.process_noise = _in_slots(model, regimen, [r.time for r in readings], until)
        self.model = model
        self.regimen = regimen
        self.tolerance = tolerance
        self.readings = tuple(readings)
        held = dict(values or {})
        self.names = learned(model, varying, held)
        self._priors = [model.parameter(name).prior for name in self.names]
        self._columns = tuple(model.parameter_names.index(name) for name in self.names)
        self.prior = Gaussian(self.names, np.zeros(len(self.names)), model.correlation(self.names))
        self._precision = np.linalg.inv(self.prior.covariance)
        self._log_prior_constant = -0.5 * (
            len(self.names) * _LOG_2PI + float(np.linalg.slogdet(self.prior.covariance)[1])
        )
        self._compiled = compile(model)
        self._base = self._compiled.parameter_matrix(held)
        self.times, self._groups = _grouped(model, self.readings)
        self._shared: tuple[Schedules, Motion] | None = None
        if not self._compiled.early_kinetics.by_patient and not any(
            getattr(e, "steady_state", True) for e in regimen.events
        ):
            self._shared = expand(self._compiled, regimen, self._base, self.times)[:2]

    def values(self, z: Array) -> Array:
        """All parameters ``(n, parameters)`` in the model's order at ``z (n, P)``."""
        matrix = np.repeat(self._base, len(z), axis=0)
        for k, (column, prior) in enumerate(zip(self._columns, self._priors, strict=True)):
            matrix[:, column] = prior.from_standard(z[:, k])
        return matrix

    def individual(self, z: Array) -> dict[str, float]:
        """The varying parameters in their units at one ``z (P,)``."""
        return {n: float(p.from_standard(v)) for n, p, v in zip(self.names, self._priors, z, strict=True)}

    def log_prior(self, z: Array) -> Array:
        """Ln N(z; 0, R) of each row."""
        density: Array = self._log_prior_constant - 0.5 * np.einsum("ni,ij,nj->n", z, self._precision, z)
        return density

    def log_likelihood(self, z: Array) -> Array:
        """Ln p(readings | z) of each row of ``z (n, P)``; −inf where the model cannot be run."""
        task = self._task(self.values(np.atleast_2d(z)))[0]
        found = choose(task, "auto")(task, 1)
        total = np.zeros(task.patients)
        with np.errstate(all="ignore"):
            for group in self._groups:
                total += group.log_density(found.outputs[self.model.output_names[group.output]][:, group.at])
        total[found.failed | np.isnan(total)] = -np.inf
        return total

    def look(self, z: Array) -> Look:
        """The likelihood and its derivatives at one point ``z (P,)``."""
        task, motion = self._task(self.values(z[None, :]), self._columns)
        seen = tangents(task, self._columns, motion)
        scale = np.array([float(p.slope(v)) for p, v in zip(self._priors, z, strict=True)])
        ok = not seen.status[0] and not task.refused
        total, predicted, jacobian, slope, information = 0.0, [], [], [], []
        with np.errstate(all="ignore"):
            for group in self._groups:
                f = seen.outputs[group.output, 0, group.at]
                total += float(group.log_density(f))
                predicted.append(f)
                jacobian.append(seen.slopes[group.output, 0, group.at] * scale)
                slope.append(group.slope(f))
                information.append(group.information(f))
        parts = [np.concatenate(part) for part in (predicted, jacobian, slope, information)]
        ok = ok and bool(np.isfinite(total)) and all(np.isfinite(part).all() for part in parts)
        return Look(total if ok else -np.inf, *parts)

    def value_and_gradient(self, z: Array) -> tuple[float, Array]:
        """Ln p(z) + ln p(readings | z) at one point, and its gradient."""
        seen = self.look(z)
        pull = self._precision @ z
        if seen.log_likelihood == -np.inf:
            return -np.inf, -pull
        value = seen.log_likelihood + self._log_prior_constant - 0.5 * float(z @ pull)
        return value, seen.slope @ seen.jacobian - pull

    def predictions(self, z: Array, times: Array, output: str = "") -> Array:
        """An output at other times ``(n, T)`` for each row of ``z``; NaN where the model cannot be run."""
        matrix = self.values(np.atleast_2d(z))
        moments = np.asarray(times, dtype=np.float64)
        schedules, _, refused = expand(self._compiled, self.regimen, matrix, moments)
        initial = np.empty((0, len(self.model.states)))
        task = Task(self._compiled, matrix, initial, False, schedules, moments, self.tolerance, False, refused)
        return choose(task, "auto")(task, 1).outputs[output or self.model.output_names[0]]

    def _task(self, matrix: Array, columns: tuple[int, ...] = ()) -> tuple[Task, Motion]:
        refused: dict[int, str] = {}
        if self._shared is not None:
            schedules, motion = self._shared
            if len(matrix) != len(schedules.which):
                same = Schedules(np.zeros(len(matrix), np.int64), *_but_which(schedules))
                schedules = same
        else:
            schedules, motion, refused = expand(self._compiled, self.regimen, matrix, self.times, columns)
        initial = np.empty((0, len(self.model.states)))
        return Task(
            self._compiled, matrix, initial, False, schedules, self.times, self.tolerance, False, refused
        ), motion


def _but_which(s: Schedules) -> tuple[NDArray[np.int64], Array, Array, Array, Array, Array, Array]:
    return s.first, s.times, s.inputs, s.jumps, s.keeps, s.starts, s.ends


def _grouped(model: Model, readings: Sequence[Reading]) -> tuple[Array, list[_Readings]]:
    """The distinct times of the readings, and the readings by output."""
    if not readings:
        raise ModelError("there is no reading to learn from", where=model.name, advice="Give at least one.")
    times, places = np.unique([r.time for r in readings], return_inverse=True)
    if not np.isfinite(times).all() or not np.isfinite([r.value for r in readings]).all():
        raise ModelError("a reading has a time or value that is not a finite number", where=model.name)
    only = next(iter(model.residuals)) if len(model.residuals) == 1 else ""
    named = [r.output or only for r in readings]
    groups = []
    for output in dict.fromkeys(named):
        if output not in model.residuals:
            raise UnknownName(
                f"there is no error model for readings of '{output}'",
                where=model.name,
                advice=f"There is one for: {', '.join(model.residuals) or 'none'}.",
            )
        rows = [k for k, name in enumerate(named) if name == output]
        groups.append(
            _Readings(
                model.output_names.index(output),
                model.residuals[output],
                places[rows],
                np.array([readings[k].value for k in rows]),
                np.array([readings[k].below for k in rows]),
            )
        )
    return times, groups


def learned(model: Model, varying: Sequence[str] | None, held: Mapping[str, float]) -> tuple[str, ...]:
    """The parameters to learn: those named, or all that differ between people and are not held."""
    if varying is not None:
        return tuple(varying)
    return tuple(p.name for p in model.parameters if not isinstance(p.prior, Fixed) and p.name not in held)


def _during(regimen: Regimen, window: str, begins: Sequence[float]) -> Regimen:
    """The regimen with windows of time as inputs: 1 from the beginning of each to that of the next."""
    if any(a >= b for a, b in pairwise(begins)):
        raise ModelError(f"each {window} begins after the one before it", where="regimen")
    windows: dict[str, list[tuple[float, float]]] = {}
    for k in range(len(begins)):
        # only where it changes: a course has as many breakpoints as pairs
        pairs = [(begins[j], float(j == k)) for j in range(len(begins)) if j in (0, k, k + 1)]
        windows[f"{window}_{k + 1}"] = pairs
    return Regimen(regimen.events, {**regimen.courses, **windows})


def _in_slots(
    model: Model, regimen: Regimen, times: Sequence[float], until: float | None
) -> tuple[Model, Regimen, str]:
    """Process noise written out in slots, and a sentence that says so."""
    said = []
    for name, wander in model.wandering.items():
        first, last = min([regimen.first, *times]), max([*times, until if until is not None else -np.inf])
        begin = np.floor(first / wander.every + 1e-9)
        count = max(int(np.ceil(last / wander.every - 1e-9) - begin), 1)
        if count > MOST_SLOTS:
            raise ModelError(
                f"the process noise '{name}' has {count} slots of {wander.every:g} {model.time_unit} to be learned",
                where=model.name,
                advice=f"{MOST_SLOTS} at most: take longer slots, fewer readings, or a filter (calibration.following).",
            )
        regimen = _during(regimen, f"{name}_slot", [float((begin + k) * wander.every) for k in range(count)])
        model = with_slots(model, name, count)
        said.append(f"{name} by {count} coefficients, one for each {wander.every:g} {model.time_unit}")
    return model, regimen, "; ".join(said)
