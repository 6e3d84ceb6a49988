"""From regimens to schedules: when each dose arrives and how much of it, and how that depends on parameters.

Lag, bioavailability, modelled rates and durations are functions of parameters and covariates, so that every patient may
have breakpoints of its own. Everything is carried as ``Tangent``: with columns (parameters) asked for, a schedule says
how its times, inputs and jumps move with them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pollux.errors import ModelError
from pollux.kernel.compiled import Compiled
from pollux.kernel.early import Columns
from pollux.kernel.schedule import Motion, Schedules
from pollux.kernel.steady import settle
from pollux.kernel.tangent import Tangent
from pollux.plans.regimen import Dose, Regimen, Reset

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Way:
    """What becomes of one dose on its route: at once into ``state``, or at ``rate`` into the input ``column``."""

    state: int
    column: int  # -1: at once
    lag: Tangent
    amount: Tangent  # that arrives
    rate: Tangent
    lasts: Tangent


@dataclass(frozen=True, eq=False)
class _Arrival:
    time: Tangent
    amounts: dict[int, Tangent]
    keep: float


@dataclass(frozen=True, eq=False)
class _Infusion:
    column: int
    begin: Tangent
    end: Tangent
    rate: Tangent


class Timeline:
    """Everything that one regimen brings to ``m`` patients, gathered event by event."""

    def __init__(self, compiled: Compiled, regimen: Regimen, parameters: Array, columns: Columns = ()) -> None:
        self.compiled = compiled
        self.model = compiled.model
        self.regimen = regimen
        self.columns = columns
        self.parameters = parameters
        m = len(parameters)
        self.zero = Tangent(np.zeros(m), np.zeros((len(columns), m)))
        self.refused: dict[int, str] = {}
        self._arrivals: list[_Arrival] = []
        self._infusions: list[_Infusion] = []
        self._check()
        for k, event in enumerate(regimen.events):
            if isinstance(event, Reset):
                self.stop(event.time)
                self.arrives(self.zero + event.time, dict(enumerate(self.start(event.time))), keep=0.0)
            else:
                self._give(event, regimen.events[k + 1 :])

    def inputs_at(self, time: float) -> Array:
        """Covariates and other inputs at a time, infusions aside ``(U,)``."""
        u = np.array([i.usual or 0.0 for i in self.model.inputs], dtype=np.float64)
        for name in self.regimen.covariates:
            u[self.model.input_names.index(name)] = self.regimen.value(name, time)
        return u

    def start(self, time: float) -> list[Tangent]:
        """The state as at the start, under the covariates of a time."""
        return self.compiled.early_start.at(self.parameters, self.inputs_at(time), self.columns)

    def arrives(self, time: Tangent, amounts: dict[int, Tangent], keep: float = 1.0) -> None:
        """Amounts are added to states, after forgetting these where ``keep`` is 0."""
        self._arrivals.append(_Arrival(time, amounts, keep))

    def infuses(self, way: Way, begin: Tangent, end: Tangent) -> None:
        """An infusion runs."""
        self._infusions.append(_Infusion(way.column, begin, end, way.rate))

    def stop(self, time: float) -> None:
        """Forget everything that would arrive later, and end what runs."""
        for k, a in enumerate(self._arrivals):
            before = a.time.value <= time
            amounts = {s: v.where(before, 0.0) for s, v in a.amounts.items()}
            self._arrivals[k] = _Arrival(a.time.where(before, time), amounts, a.keep)
        for k, i in enumerate(self._infusions):
            begin, end = (t.where(t.value <= time, time) for t in (i.begin, i.end))
            self._infusions[k] = _Infusion(i.column, begin, end, i.rate)

    def _give(self, dose: Dose, later: Sequence[Dose | Reset]) -> None:
        anew = (e.time for e in later if isinstance(e, Reset) or e.steady_state == "replace")
        cancelled = next(anew, np.inf)
        if dose.steady_state:
            settle(self, dose, self.way(dose, dose.time))
            if dose.interval == 0.0:
                return
        for time in dose.times:
            if time == dose.time or time < cancelled:
                way = self.way(dose, time)
                begin = way.lag + time
                if way.column < 0:
                    self.arrives(begin, {way.state: way.amount})
                else:
                    self.infuses(way, begin, begin + way.lasts)

    def way(self, dose: Dose, time: float) -> Way:
        """What becomes of a dose that is given at a time."""
        if not dose.route and len(self.model.routes) != 1:
            listed = ", ".join(self.model.route_names) or "none"
            raise ModelError(
                f"the dose at {dose.time:g} names no route", where=self.model.name, advice=f"There are: {listed}."
            )
        route = self.model.route(dose.route) if dose.route else self.model.routes[0]
        k = 4 * self.model.route_names.index(route.name)
        stated = self.compiled.early_kinetics.at(self.parameters, self.inputs_at(time), self.columns)
        lag, share, rate, duration = stated[k : k + 4]
        for i in np.flatnonzero(~(lag.value >= 0.0) | ~(share.value >= 0.0)):
            self.refused[int(i)] = f"the lag or bioavailability of the route '{route.name}' is negative or not a number"
        arriving = share * dose.amount
        state = self.model.state_names.index(route.state)
        if dose.rate is None and dose.duration is None and not dose.modelled:
            return Way(state, -1, lag, arriving, self.zero, self.zero)
        if not route.input:
            raise ModelError(f"the route '{route.name}' takes no infusions", where=self.model.name)
        if dose.modelled == "duration" or dose.duration is not None:
            lasts = duration if dose.duration is None else self.zero + dose.duration
            rate = arriving / lasts
        else:
            rate = rate if dose.rate is None else self.zero + dose.rate
            lasts = arriving / rate
        possible = (rate.value >= 0.0) & (rate.value < np.inf) & (lasts.value >= 0.0) & (lasts.value < np.inf)
        for i in np.flatnonzero(~possible):
            self.refused[int(i)] = f"the rate or duration on the route '{route.name}' is not a number above 0"
        return Way(state, self.model.input_names.index(route.input), lag, arriving, rate, lasts)

    def schedules(self, start: float, end: float) -> tuple[Schedules, Motion]:
        """The patients' schedules, one for each, end to end, and how they move."""
        m, C, S = len(self.parameters), len(self.columns), len(self.model.states)
        moments = [self.zero + t for t in (start, *self._changes(start))]
        moments += [t for i in self._infusions for t in (i.begin, i.end)]
        moments += [a.time for a in self._arrivals]
        values = np.array([t.value for t in moments])
        for i in np.flatnonzero(~np.isfinite(values).all(axis=0)):
            self.refused.setdefault(int(i), "the time at which a dose arrives is not a finite number")
        values[:, list(self.refused)] = start
        K = len(moments)
        order = np.argsort(values, axis=0, kind="stable").T  # (m, K)
        place = np.argsort(order, axis=1)  # where each moment came to stand
        times = np.take_along_axis(values.T, order, axis=1)
        slopes = np.array([t.slope for t in moments]).transpose(2, 0, 1)
        d_times = np.take_along_axis(slopes, order[:, :, None], axis=1)
        inputs, d_inputs = self._inputs(times)
        jumps, d_jumps, keeps = np.zeros((m, K, S)), np.zeros((m, K, S, C)), np.ones((m, K))
        rows = np.arange(m)
        for k, arrival in enumerate(self._arrivals, start=K - len(self._arrivals)):
            at = place[:, k]
            keeps[rows, at] = arrival.keep
            for state, amount in arrival.amounts.items():
                jumps[rows, at, state] = amount.value
                d_jumps[rows, at, state] = amount.slope.T
        jumps[list(self.refused), 0, 0] = np.nan
        schedules = Schedules(
            rows, K * np.arange(m + 1), times.ravel(), inputs.reshape(m * K, inputs.shape[2]), jumps.reshape(m * K, S),
            keeps.ravel(), np.full(m, start), np.maximum(times[:, -1], end),
        )  # fmt: skip
        U = inputs.shape[2]
        return schedules, Motion(d_times.reshape(m * K, C), d_inputs.reshape(m * K, U, C), d_jumps.reshape(m * K, S, C))

    def _changes(self, start: float) -> list[float]:
        """When covariates change."""
        return [t for course in self.regimen.courses.values() for t, _ in course if t > start]

    def _inputs(self, times: Array) -> tuple[Array, Array]:
        """Inputs in each segment ``(m, K, U)`` and their derivatives ``(m, K, U, C)``."""
        u = np.empty((*times.shape, len(self.model.inputs)))
        du = np.zeros((*u.shape, len(self.columns)))
        u[:] = [i.usual or 0.0 for i in self.model.inputs]
        for name, course in self.regimen.courses.items():
            pairs = np.array(course)
            which = np.maximum(np.searchsorted(pairs[:, 0], times, side="right") - 1, 0)
            u[:, :, self.model.input_names.index(name)] = pairs[which, 1]
        for i in self._infusions:
            on = (times >= i.begin.value[:, None]) & (times < i.end.value[:, None])
            u[:, :, i.column] += np.where(on, i.rate.value[:, None], 0.0)
            if self.columns:
                du[:, :, i.column] += np.where(on[:, :, None], i.rate.slope.T[:, None, :], 0.0)
        return u, du

    def _check(self) -> None:
        """Covariates that are missing, unknown, or really rates of infusions."""
        rates = {r.input for r in self.model.routes}
        given = self.regimen.covariates
        unknown = [n for n in given if n not in self.model.input_names or n in rates]
        missing = [i.name for i in self.model.inputs if i.usual is None and i.name not in given]
        if unknown or missing:
            said = [f"lacks {', '.join(missing)}"] if missing else []
            said += [f"has {', '.join(unknown)}, which the model does not know"] if unknown else []
            known = ", ".join(n for n in self.model.input_names if n not in rates) or "none"
            raise ModelError(
                f"the regimen {' and '.join(said)}",
                where=self.model.name,
                advice=f"Covariates and inputs are: {known}.",
            )


def expand(
    compiled: Compiled, regimens: Regimen | Sequence[Regimen], parameters: Array, times: Array, columns: Columns = ()
) -> tuple[Schedules, Motion, dict[int, str]]:
    """Schedules of patients around some times, how they move with columns, and who cannot be dosed, and why.

    Patients of the same regimen are treated together; where parameters do not bear on it, they share one schedule.
    """
    n = len(parameters)
    each = [regimens] * n if isinstance(regimens, Regimen) else list(regimens)
    if len(each) != n:
        raise ModelError(f"there are {n} patients and {len(each)} regimens", advice="Give one, or one for each.")
    groups: dict[int, list[int]] = {}
    for i, regimen in enumerate(each):
        groups.setdefault(id(regimen), []).append(i)
    which = np.empty(n, np.int64)
    parts: list[Schedules] = []
    motions: list[Motion] = []
    refused: dict[int, str] = {}
    count = 0
    for members in groups.values():
        regimen = each[members[0]]
        own = compiled.early_kinetics.by_patient or any(
            isinstance(e, Reset) or bool(e.steady_state) for e in regimen.events
        )
        rows = np.array(members)
        timeline = Timeline(compiled, regimen, parameters[rows if own else rows[:1]], columns)
        schedules, motion = timeline.schedules(min(regimen.first, times[0]), times[-1])
        which[rows] = count + (np.arange(len(rows)) if own else 0)
        count += len(schedules.starts)
        refused |= {members[i]: why for i, why in timeline.refused.items()}
        parts.append(schedules)
        motions.append(motion)
    lengths = np.concatenate([np.diff(s.first) for s in parts])
    whole = Schedules(
        which,
        np.concatenate([[0], np.cumsum(lengths)]),
        *(
            np.concatenate([getattr(s, k) for s in parts])
            for k in ("times", "inputs", "jumps", "keeps", "starts", "ends")
        ),
    )
    moved = Motion(*(np.concatenate([getattr(m, k) for m in motions]) for k in ("times", "inputs", "jumps")))
    return whole, moved, refused
