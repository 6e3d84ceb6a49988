"""Keeping the oral minimal model true, reading by reading.

The ensemble holds state, slow parameters (as standard-normal numbers), the disturbance now, and the sensor's own error
now. Between readings each member moves by the model; every five minutes its disturbance takes a step of an
Ornstein–Uhlenbeck process, d ← φ d + s √(1 − φ²) ξ, φ = exp(−5 min / τ). The ξ belong to the five-minute slot and the
twin, not to the order in which readings arrive.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from numpy.typing import NDArray

from pollux.calibration.chance import normals, standard_normals
from pollux.calibration.course import Course
from pollux.calibration.daily import DEPOT, DISTURBANCE_MEMORY, DISTURBANCE_SPREADS, SLOW, Day, end_states, last_window
from pollux.calibration.ensemble import UpdateInfo, assimilate, assimilate_many
from pollux.calibration.laplace import Gaussian
from pollux.equations import LogNormal
from pollux.kernel import Compiled, compile
from pollux.kernel.simulation import in_threads
from pollux.models.glucose.minimal import MINIMAL
from pollux.models.glucose.sensor import NOISE

Array = NDArray[np.float64]

MEMBERS = 128
SLOT = 5.0  # min
RELAXATION = 0.5  # share of the slow parameters' spread that each reading gives back: Pollux's own choice (unverified)
FINGER_ERROR = 0.05  # relative error of a finger-stick meter, one standard deviation (unverified)
TOGETHER = 16  # twins that are moved at once: their members fit a processor's own memory

STATES = len(MINIMAL.states)
GLUCOSE, INTERSTITIAL = MINIMAL.state_names.index("G"), MINIMAL.state_names.index("IG")
_Z = slice(STATES, STATES + len(SLOW))
_DISTURBANCE = STATES + len(SLOW)
_ERROR = slice(_DISTURBANCE + 1, _DISTURBANCE + 3)
_WEIGHT, _BASAL = (MINIMAL.parameter_names.index(name) for name in ("BW", "basal"))
_READING_ERROR = max(NOISE.white_sd, 1e-3) ** 2  # (mg/dL)²
_LEAST = np.array([{"G": 20.0, "IG": 20.0, "X": -np.inf}.get(name, 0.0) for name in MINIMAL.state_names])


@dataclass(frozen=True)
class Ensemble:
    """A body at a time: `members` (n, states + slow parameters + disturbance + sensor error and its slope)."""

    time: float
    members: Array
    spread: float
    key: int

    @property
    def states(self) -> Array:
        """The model's states, `(n, S)`."""
        return self.members[:, :STATES]

    @property
    def slow(self) -> Array:
        """The slow parameters as standard-normal numbers, `(n, P)`."""
        return self.members[:, _Z]

    @property
    def glucose(self) -> Array:
        """Plasma glucose [mg/dL], `(n,)`."""
        return self.members[:, GLUCOSE]

    @property
    def sensed(self) -> Array:
        """What the sensor would show, without its white error [mg/dL], `(n,)`."""
        return self.members[:, INTERSTITIAL] + self.members[:, _ERROR.start]


@cache
def _body() -> Compiled:
    return compile(MINIMAL)


def parameters(slow: Array, course: Course) -> Array:
    """The model's parameters in their units, `(n, P)`, from the slow ones as standard-normal numbers."""
    values: Array = _parameters_of_many(slow[None], [course])[0]
    return values


def _parameters_of_many(slow: Array, courses: Sequence[Course]) -> Array:
    """The same of several twins: `slow` (T, n, P) with a course each."""
    usual, columns, centers, sds = _forms()
    rows = np.tile(usual, (len(courses), 1))
    rows[:, _WEIGHT], rows[:, _BASAL] = [c.weight for c in courses], [c.basal for c in courses]
    values = np.repeat(rows[:, None], slow.shape[1], axis=1)
    values[:, :, columns] = centers * np.exp(sds * slow)
    return values


@cache
def _forms() -> tuple[Array, NDArray[np.intp], Array, Array]:
    """Every parameter's median; where the slow ones stand, and their medians and spreads: all are log-normal."""
    priors = [MINIMAL.parameter(name).prior for name in SLOW]
    assert all(isinstance(prior, LogNormal) for prior in priors)
    columns = np.array([MINIMAL.parameter_names.index(name) for name in SLOW])
    usual = np.array([parameter.prior.median for parameter in MINIMAL.parameters])
    return usual, columns, usual[columns], np.array([p.sd for p in priors if isinstance(p, LogNormal)])


def begin(course: Course, time: float, key: int, count: int = MEMBERS) -> Ensemble:
    """A body of which nothing is known but one reading: everything else as in the population."""
    rng = normals(key, "begin", time)
    slow = rng.standard_normal((count, len(SLOW)))
    at = course.readings[course.readings[:, 0] <= time]
    glucose = float(at[-1, 1]) if len(at) else MINIMAL.parameter("G0").prior.median
    values = parameters(slow, course)
    named = dict(zip(MINIMAL.parameter_names, values.T, strict=True))
    rate = course.basal * 1000.0 / 60.0 / course.weight
    members = np.zeros((count, _ERROR.stop))
    members[:, DEPOT] = rate / (named["ka2"] + named["kd_more"])
    members[:, DEPOT + 1] = rate / named["ka2"]
    members[:, DEPOT + 2] = rate / named["ke"]
    error = rng.standard_normal((count, 2)) * np.sqrt(np.diag(NOISE.stationary()))
    members[:, GLUCOSE] = members[:, INTERSTITIAL] = np.maximum(glucose - error[:, 0], 20.0)
    members[:, _Z] = slow
    spread = DISTURBANCE_SPREADS[-2]
    members[:, _DISTURBANCE] = spread * rng.standard_normal(count)
    members[:, _ERROR] = error
    return Ensemble(time, members, spread, key)


def resume(course: Course, day: Day, key: int, count: int = MEMBERS) -> Ensemble:
    """The ensemble at the end of a fitted day: draws from its posterior, each carried through that day again."""
    rng = normals(key, "resume", day.end)
    z = day.posterior.draw(count, rng)
    states = end_states(course, day.start, day.end, day.posterior.names, z, day.start_state)
    good = np.all(np.isfinite(states), axis=1)
    z[~good], states[~good] = day.posterior.mean, day.end_state
    members = np.empty((count, _ERROR.stop))
    members[:, :STATES], members[:, _Z] = states, z[:, : len(SLOW)]
    members[:, _DISTURBANCE] = z[:, len(SLOW) + 1 + last_window(day.start, day.end)]
    members[:, _ERROR] = _error_now(day, states, rng)
    return Ensemble(day.end, members, day.spread, key)


def _error_now(day: Day, states: Array, rng: np.random.Generator) -> Array:
    """The sensor's error at the end of a day given the fit's last residuals: a conditional normal draw, `(n, 2)`."""
    used, residuals = day.late
    lag = day.end - used
    decay = NOISE.sd**2 * np.exp(-NOISE.rate * lag)
    cross = np.vstack([decay * (1.0 + NOISE.rate * lag), -decay * NOISE.rate**2 * lag])
    covariance = NOISE.covariance(used)
    weights = np.linalg.solve(covariance, cross.T).T
    left = NOISE.stationary() - weights @ cross.T
    # Where a member ends off the fit, its sensor error is off by as much the other way.
    draws = rng.standard_normal((len(states), 2)) @ np.linalg.cholesky(left + 1e-12 * np.eye(2)).T
    error: Array = weights @ residuals + draws
    fresh = weights[0].sum()
    error[:, 0] -= fresh * (states[:, INTERSTITIAL] - day.end_state[INTERSTITIAL])
    return error


def advance(ensemble: Ensemble, course: Course, until: float, values: Array | None = None) -> Ensemble:
    """Move the ensemble to a later time along the course's inputs."""
    members = ensemble.members.copy()
    values = parameters(ensemble.slow, course) if values is None else values
    for start, end in _slots(ensemble.time, until):
        _move(members, values, course, start, end)
        _wander(members[None], [ensemble], start, end)
    return Ensemble(until, members, ensemble.spread, ensemble.key)


def _slots(time: float, until: float) -> list[tuple[float, float]]:
    """The parts of the way in which no slot ends."""
    parts = []
    while time < until - 1e-9:
        following = min((math.floor(time / SLOT + 1e-9) + 1.0) * SLOT, until)
        parts.append((time, following))
        time = following
    return parts


def _wander(members: Array, ensembles: Sequence[Ensemble], start: float, end: float) -> None:
    """Sensor errors `(T, n, V)` of several twins and, where a slot ends, their disturbances one part on, in place."""
    from pollux.calibration.wandering import wander

    whole = abs(end / SLOT - round(end / SLOT)) < 1e-9
    shape = (members.shape[1], 3)
    shocks = np.empty((len(members), *shape))
    for row, twin in zip(shocks, ensembles, strict=True):
        row[:] = standard_normals(twin.key, "slot", end if whole else -end, shape)
    keep = math.exp(-SLOT / DISTURBANCE_MEMORY) if whole else 1.0
    push = np.array([twin.spread for twin in ensembles]) * math.sqrt(1.0 - keep**2)
    wander(members, shocks, _DISTURBANCE, keep, push, _ERROR.start, *_error_step(round(end - start, 6)))


@cache
def _error_step(minutes: float) -> tuple[Array, Array]:
    transition, added = NOISE.step(minutes)
    return transition, np.asarray(np.linalg.cholesky(added + 1e-14 * np.eye(2)), dtype=np.float64)


def _move(members: Array, values: Array, course: Course, start: float, end: float) -> None:
    """Let every member live from `start` to `end`, in place."""
    segments = course.segments(start, end)
    states = members[:, :STATES]
    inputs = np.empty((len(members), 5))
    inputs[:, 4] = members[:, _DISTURBANCE]
    for k in range(len(segments.values)):
        a, b = float(segments.breaks[k]), float(segments.breaks[k + 1])
        for t, dose in segments.boluses:
            if a <= t < b:
                states[:, DEPOT] += dose * 1000.0 / course.weight
        inputs[:, :4] = segments.values[k]
        # From 0, as the model does not look at the clock: minutes since 1970 would cost digits.
        states = _body().advance(states, values, inputs, 0.0, b - a)
    members[:, :STATES] = states


def update(
    ensemble: Ensemble, course: Course, time: float, reading: float, beyond: int = 0
) -> tuple[Ensemble, UpdateInfo]:
    """Take in one reading: move to its time, then condition on it.

    A reading beyond the sensor's range (`beyond` −1 or +1) tells only those members something that expected otherwise:
    where the ensemble's mean already lies beyond the limit, it changes nothing.
    """
    moved = advance(ensemble, course, time)
    expected = moved.sensed
    if beyond and (expected.mean() - reading) * beyond >= 0:
        return moved, UpdateInfo(0.0, float(expected.std()))
    members, info = assimilate(moved.members, expected, reading, _READING_ERROR, slow=_Z, relaxation=RELAXATION)
    _keep_possible(members)
    return Ensemble(time, members, ensemble.spread, ensemble.key), info


def update_many(
    ensembles: Sequence[Ensemble],
    courses: Sequence[Course],
    times: Sequence[float],
    readings: Sequence[float],
    threads: int = 1,
) -> list[tuple[Ensemble, UpdateInfo]]:
    """Take in one reading of each of many twins, within the sensor's range: to the bit what `update` makes of each.

    Twins whose way to the reading is alike (within one slot, as long, with inputs that do not change) go together.
    """
    done: dict[int, tuple[Ensemble, UpdateInfo]] = {}
    alike: dict[tuple[float, float, int], list[int]] = {}
    inputs: dict[int, Array] = {}
    for i, (twin, course) in enumerate(zip(ensembles, courses, strict=True)):
        parts = _slots(twin.time, times[i])
        segments = course.segments(*parts[0]) if len(parts) == 1 else None
        if segments is None or len(segments.values) > 1 or segments.boluses:
            done[i] = update(twin, course, times[i], readings[i])
        else:
            inputs[i] = segments.values[0]
            alike.setdefault((*parts[0], len(twin.members)), []).append(i)
    for (start, end, _), which in alike.items():
        groups = [which[k : k + TOGETHER] for k in range(0, len(which), TOGETHER)]

        def some(
            first: int, last: int, groups: list[list[int]] = groups, slot: tuple[float, float] = (start, end)
        ) -> None:
            for part in groups[first:last]:
                group, own = [ensembles[i] for i in part], [courses[i] for i in part]
                given, read = np.array([inputs[i] for i in part]), np.array([readings[i] for i in part])
                told = _updated(group, own, given, slot, [times[i] for i in part], read)
                done.update(zip(part, told, strict=True))

        in_threads(some, len(groups), threads)
    return [done[i] for i in range(len(ensembles))]


def _updated(
    group: list[Ensemble],
    courses: list[Course],
    inputs: Array,
    slot: tuple[float, float],
    times: list[float],
    readings: Array,
) -> list[tuple[Ensemble, UpdateInfo]]:
    """Some twins that lived through the same time, `inputs` (T, 4), and what each makes of its reading (T,)."""
    start, end = slot
    members = _moved(group, courses, inputs, end - start)
    _wander(members, group, start, end)
    expected = members[:, :, INTERSTITIAL] + members[:, :, _ERROR.start]
    error = np.full(len(group), _READING_ERROR)
    known, infos = assimilate_many(members, expected, readings, error, slow=_Z, relaxation=RELAXATION)
    _keep_possible(known)
    return [
        (Ensemble(at, one, twin.spread, twin.key), info)
        for at, twin, one, info in zip(times, group, known, infos, strict=True)
    ]


def _moved(group: list[Ensemble], courses: list[Course], inputs: Array, span: float) -> Array:
    """The members of several twins, `(T, n, V)`, after living for `span` minutes, each with its own constant inputs."""
    members = np.stack([twin.members for twin in group])
    count = members.shape[1]
    values = _parameters_of_many(members[:, :, _Z], courses).reshape(-1, len(MINIMAL.parameters))
    given = np.empty((len(group), count, 5))
    given[:, :, :4] = inputs[:, None]
    given[:, :, 4] = members[:, :, _DISTURBANCE]
    states = members[:, :, :STATES].reshape(-1, STATES)
    after = _body().advance(states, values, given.reshape(-1, 5), 0.0, span)
    members[:, :, :STATES] = after.reshape(len(group), count, STATES)
    return members


def update_finger(ensemble: Ensemble, course: Course, time: float, reading: float) -> tuple[Ensemble, UpdateInfo]:
    """Take in one glucose by meter: a measurement of plasma glucose with an error of its own."""
    moved = advance(ensemble, course, time)
    variance = (FINGER_ERROR * reading) ** 2
    members, info = assimilate(moved.members, moved.glucose, reading, variance, slow=_Z, relaxation=RELAXATION)
    _keep_possible(members)
    return replace(moved, members=members), info


def _keep_possible(members: Array) -> None:
    """Amounts are not negative, and glucose not below what a living body has; `(…, n, V)`, in place."""
    states = members[..., :STATES]
    np.maximum(states, _LEAST, out=states)


def slow_now(ensemble: Ensemble) -> Gaussian:
    """Mean and covariance of the slow parameters in the ensemble."""
    return Gaussian(SLOW, ensemble.slow.mean(axis=0), np.cov(ensemble.slow.T))
