"""Any model followed in time, reading by reading: state, parameters and what wanders, as rows of one ensemble.

A member is a row: the model's states, the standard-normal numbers behind the parameters that are learned (which stay as
they are between readings), and the inputs that wander (``Model.wandering``), which take one step of their process at
the end of each of their slots. ``particle.step`` and ``update`` here move members through the doses of a regimen.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from pollux.calibration import ensemble, inflation
from pollux.calibration.ensemble import UpdateInfo
from pollux.calibration.laplace import Gaussian
from pollux.calibration.posterior import Reading, learned
from pollux.equations import Model
from pollux.errors import ModelError, UnknownName
from pollux.kernel.compiled import compile
from pollux.kernel.dosing import expand
from pollux.kernel.methods import choose
from pollux.kernel.schedule import Schedules
from pollux.kernel.task import Task
from pollux.plans import Regimen

Array = NDArray[np.float64]


class Following:
    """A model under a regimen as filters see it (``particle.System``).

    ``varying`` names the parameters to learn (all whose prior is not fixed, if not given); ``values`` holds others.
    """

    def __init__(
        self,
        model: Model,
        regimen: Regimen,
        *,
        varying: Sequence[str] | None = None,
        values: Mapping[str, float] | None = None,
        tolerance: float = 1e-4,
    ) -> None:
        self.model = model
        self.regimen = regimen
        self.tolerance = tolerance
        held = dict(values or {})
        self.names = learned(model, varying, held)
        self.prior = Gaussian(self.names, np.zeros(len(self.names)), model.correlation(self.names))
        self._compiled = compile(model)
        self._base = self._compiled.parameter_matrix(held)
        self._columns = [model.parameter_names.index(name) for name in self.names]
        self._noise = [(model.input_names.index(name), wander) for name, wander in model.wandering.items()]
        S, P = len(model.states), len(self.names)
        self.states = slice(0, S)
        self.slow = slice(S, S + P)
        self.wandering = slice(S + P, S + P + len(self._noise))

    def begin(self, count: int, time: float, rng: np.random.Generator) -> Array:
        """Members ``(count, V)`` of whom nothing is known but the prior, at a time not after the first dose."""
        if time > self.regimen.first:
            raise ModelError(
                f"following begins at {time:g}, after the first dose at {self.regimen.first:g}",
                where=self.model.name,
                advice="Begin at the first dose or before it.",
            )
        members = np.zeros((count, self.wandering.stop))
        members[:, self.slow] = self.prior.draw(count, rng)
        for column, (_, wander) in enumerate(self._noise, start=self.wandering.start):
            members[:, column] = wander.sd * rng.standard_normal(count)
        self._move(members, time, time, anew=True)
        return members

    def propagate(self, members: Array, t0: float, t1: float, rng: np.random.Generator) -> Array:
        """Members moved from ``t0`` to ``t1`` through what is given in between, each with process noise of its own.

        One that cannot be moved takes the row of one that can.
        """
        moved = members.copy()
        time = t0
        for following in self._ends_of_slots(t0, t1):
            self._move(moved, time, following)
            for column, (_, wander) in enumerate(self._noise, start=self.wandering.start):
                if _whole(following / wander.every):
                    moved[:, column] = wander.keep * moved[:, column] + wander.push * rng.standard_normal(len(moved))
            time = following
        return moved

    def predicted(self, members: Array, reading: Reading) -> Array:
        """What each member expects a reading to be, ``(n,)``, its own error aside."""
        values = self._compiled.observe(
            members[:, self.states], self._values(members), self._inputs(members, reading.time), reading.time
        )
        found: Array = values[:, self.model.output_names.index(self._output(reading))]
        return found

    def log_density(self, reading: Reading, members: Array) -> Array:
        """ln p(reading | member), ``(n,)``; of one below the limit of quantification the probability of that."""
        error, f = self.model.residuals[self._output(reading)], self.predicted(members, reading)
        with np.errstate(all="ignore"):
            told = error.log_below(reading.value, f) if reading.below else error.log_density(reading.value, f)
        return np.where(np.isnan(told), -np.inf, told)

    def known(self, members: Array) -> Gaussian:
        """Mean and covariance of what is learned."""
        z = members[:, self.slow]
        return Gaussian(self.names, z.mean(axis=0), np.cov(z.T).reshape(z.shape[1], z.shape[1]))

    def _output(self, reading: Reading) -> str:
        residuals = self.model.residuals
        output = reading.output or (next(iter(residuals)) if len(residuals) == 1 else "")
        if output not in residuals:
            raise UnknownName(
                f"there is no error model for readings of '{output}'",
                where=self.model.name,
                advice=f"There is one for: {', '.join(residuals) or 'none'}.",
            )
        return output

    def _ends_of_slots(self, t0: float, t1: float) -> list[float]:
        ends = {t1} if t1 > t0 else set()
        for _, wander in self._noise:
            first, last = np.floor(t0 / wander.every + 1e-9) + 1.0, np.floor(t1 / wander.every + 1e-9)
            ends |= {float(k * wander.every) for k in np.arange(first, last + 1.0)}
        return sorted(ends)

    def _values(self, members: Array) -> Array:
        matrix = np.repeat(self._base, len(members), axis=0)
        for k, (column, name) in enumerate(zip(self._columns, self.names, strict=True), start=self.slow.start):
            matrix[:, column] = self.model.parameter(name).prior.from_standard(members[:, k])
        return matrix

    def _inputs(self, members: Array, time: float) -> Array:
        u = np.repeat([[i.usual or 0.0 for i in self.model.inputs]], len(members), axis=0)
        for name in self.regimen.covariates:
            u[:, self.model.input_names.index(name)] = self.regimen.value(name, time)
        for column, (place, _) in enumerate(self._noise, start=self.wandering.start):
            u[:, place] = members[:, column]
        return u

    def _move(self, members: Array, a: float, b: float, anew: bool = False) -> None:
        """Let every member live from ``a`` to ``b``, in place; ``anew``: from the model's own start."""
        values, moments = self._values(members), np.array([b])
        whole, _, refused = expand(self._compiled, self.regimen, values, np.array([a, b]))
        schedules = whole if anew else _from(whole, a, len(members))
        for column, (place, _) in enumerate(self._noise, start=self.wandering.start):
            schedules = _own(schedules, len(members))
            rows = np.repeat(np.arange(len(members)), np.diff(schedules.first))
            schedules.inputs[:, place] = members[rows, column]
        initial = np.ascontiguousarray(members[:, self.states])
        task = Task(self._compiled, values, initial, not anew, schedules, moments, self.tolerance, True, refused)
        found = choose(task, "auto")(task, 1)
        members[:, self.states] = found.states[:, 0]
        alive = np.flatnonzero(~found.failed)
        if not len(alive):
            raise ModelError(
                "no member of the ensemble can be moved",
                where=f"{self.model.name}, {a:g} to {b:g} {self.model.time_unit}",
                advice="Check doses, units and priors: the equations have no solution for any of them.",
            )
        failed = np.flatnonzero(found.failed)
        members[failed] = members[alive[np.arange(len(failed)) % len(alive)]]


def update(
    system: Following,
    members: Array,
    since: float,
    reading: Reading,
    rng: np.random.Generator,
    inflated: inflation.Inflation | None = None,
) -> tuple[Array, UpdateInfo, inflation.Inflation | None]:
    """Move an ensemble from ``since`` to a reading and condition it on that (Kalman's update of ``ensemble``).

    The error's variance is that at the mean of what members expect. With ``inflated`` the members are widened by a
    factor that is learned from the readings (``inflation``). A reading below the limit of quantification has no place
    in a Kalman update.
    """
    if reading.below:
        raise ModelError(
            "an ensemble filter cannot take in a reading below the limit of quantification",
            where=f"{reading.time:g} {system.model.time_unit}",
            advice="Use particle.step, which can.",
        )
    moved = system.propagate(members, since, reading.time, rng)
    f = system.predicted(moved, reading)
    error = system.model.residuals[system._output(reading)]
    variance = 1.0 / float(error.information(np.array(f.mean())))
    if inflated is None:
        known, info = ensemble.assimilate(moved, f, reading.value, variance)
    else:
        inflated, known, info = inflation.update(inflated, moved, f, reading.value, variance)
    least = np.array([s.least for s in system.model.states])
    np.maximum(known[:, system.states], least, out=known[:, system.states])  # amounts stay amounts
    return known, info, inflated


def _whole(number: float) -> bool:
    return abs(number - round(number)) < 1e-9


def _own(s: Schedules, count: int) -> Schedules:
    """The schedules written out, one for each of ``count`` members."""
    if len(s.starts) == count and np.array_equal(s.which, np.arange(count)):
        return replace(s, inputs=s.inputs.copy())
    rows = np.concatenate([np.arange(s.first[k], s.first[k + 1]) for k in s.which])
    first = np.concatenate([[0], np.cumsum(np.diff(s.first)[s.which])])
    return Schedules(
        np.arange(count), first, s.times[rows], s.inputs[rows], s.jumps[rows], s.keeps[rows], s.starts[s.which],
        s.ends[s.which],
    )  # fmt: skip


def _from(s: Schedules, a: float, count: int) -> Schedules:
    """The same schedules from a time on: what was given up to then has been given."""
    past = s.times <= a
    return replace(
        s,
        times=np.maximum(s.times, a),
        jumps=np.where(past[:, None], 0.0, s.jumps),
        keeps=np.where(past, 1.0, s.keeps),
        starts=np.full_like(s.starts, a),
    )
