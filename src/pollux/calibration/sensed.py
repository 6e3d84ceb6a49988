"""A person known by their sensor alone: learned, kept true reading by reading, and asked what comes.

Two hypotheses about what nobody logged (see `pollux.models.glucose.sensor_only`) are each calibrated, each as several
draws of its parameters, and every draw keeps its own filter. The draws begin with equal weights, being draws from the
posterior; readings that come after calibration reweight them (tempered as in calibration). The two hypotheses count
equally and are averaged (a linear opinion pool): neither is true, their errors differ, and a likelihood of single steps
would wrongly rule one of them out.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from pollux.calibration import foresight, kalman, recalibration
from pollux.calibration.chance import normals
from pollux.calibration.kalman import Belief
from pollux.calibration.laplace import Gaussian
from pollux.calibration.recalibration import Bounds
from pollux.calibration.slots import STEP, Ahead, Slots, discretise, look_ahead
from pollux.equations.linear import LinearModel
from pollux.errors import OutsideDomain
from pollux.models.glucose.sensor_only import sensor_only

Array = NDArray[np.float64]

HYPOTHESES = (sensor_only(switching=True), sensor_only(switching=False))
DRAWS = 16  # parameter draws for each hypothesis, in pairs on either side of the mode
WATCHED = (6, 12, 24)  # steps ahead at which intervals are recalibrated: 30, 60 and 120 min
FEWEST = 24  # readings below which there is nothing to learn from: two hours
CRITERION = foresight.Criterion()


@dataclass(frozen=True)
class Hypothesis:
    """One model, calibrated: the posterior of its standard-normal parameters, and each draw's filter now.

    `weight` (N,) are the draws' weights, with sum 1.
    """

    model: LinearModel
    posterior: Gaussian
    draws: Array
    slots: Slots
    ahead: Ahead
    belief: Belief
    weight: Array


@dataclass(frozen=True)
class Foreseen:
    """What was foreseen at each of n slots for the `WATCHED` horizons, from the readings up to that slot [mg/dL].

    `mean` and `sd` (n, J); `bounds` (n, J, L) for the levels of recalibration; NaN at slots without a reading.
    """

    mean: Array
    sd: Array
    bounds: Array


@dataclass(frozen=True)
class Forecast:
    """Readings to come: `mean` and `sd` (T,), `bands` (L, T) the 5, 25, 50, 75 and 95 % quantiles [mg/dL]."""

    ahead: Array
    mean: Array
    sd: Array
    bands: Array


@dataclass(frozen=True)
class Sensed:
    """The person at the time of a slot: slot s is at `origin` + 5 s [min]."""

    origin: float
    slot: int
    hypotheses: tuple[Hypothesis, ...]
    bounds: Bounds

    @property
    def time(self) -> float:
        """The time [min] up to which readings were taken in, on the clock of slots."""
        return self.origin + STEP * self.slot

    @property
    def effective_draws(self) -> float:
        """How many draws still carry weight, the fewest of any hypothesis: 1 / Σ weight²."""
        return min(1.0 / float(h.weight @ h.weight) for h in self.hypotheses)


def gridded(times: Array, glucose: Array, origin: float) -> tuple[NDArray[np.int64], Array]:
    """Readings in the nearest slots, in order of time; of several in a slot the first one counts.

    >>> slots, values = gridded(np.array([11.0, 0.0, 1.0]), np.array([130.0, 120.0, 99.0]), 0.0)
    >>> slots.tolist(), values.tolist()
    ([0, 2], [120.0, 130.0])
    """
    order = np.lexsort((glucose, times))
    order = order[np.isfinite(glucose[order])]
    slots = np.floor((times[order] - origin) / STEP + 0.5).astype(np.int64)
    kept, first = np.unique(slots, return_index=True)
    return kept, glucose[order][first]


def learn(
    times: Array,
    glucose: Array,
    *,
    key: int = 0,
    models: Sequence[LinearModel] = HYPOTHESES,
    criterion: foresight.Criterion = CRITERION,
    draws: int = DRAWS,
) -> tuple[Sensed, tuple[foresight.FitInfo, ...]]:
    """Calibrate on readings [mg/dL] at `times` [min], both (n,), in any order, and stand at the last of them.

    `draws` is even, or 0 for the mode alone. Raises OutsideDomain where there are fewer than two hours of readings.
    """
    times, glucose = np.asarray(times, dtype=np.float64), np.asarray(glucose, dtype=np.float64)
    read = np.isfinite(glucose)
    if read.sum() < FEWEST:
        raise OutsideDomain(
            f"{int(read.sum())} sensor readings are too few to learn from",
            advice=f"Wait until there are {FEWEST} (two hours at one reading in 5 minutes).",
        )
    origin = float(times[read].min())
    slots, values = gridded(times, glucose, origin)
    readings = np.full(int(slots[-1]) + 1, np.nan)
    readings[slots] = values
    hypotheses, infos = [], []
    for model in models:
        posterior, info = foresight.fit(model, readings, criterion)
        hypotheses.append(_spread_out(model, posterior, key, draws))
        infos.append(info)
    before = Sensed(origin, -1, tuple(hypotheses), recalibration.init(WATCHED))
    return _through(before, readings)[0], tuple(infos)


def _spread_out(model: LinearModel, posterior: Gaussian, key: int, draws: int) -> Hypothesis:
    z = posterior.mean[None]
    if draws:
        apart = posterior.draw(draws // 2, normals(key, model.name, 0.0)) - posterior.mean
        z = np.clip(posterior.mean + np.concatenate([apart, -apart]), -foresight.FARTHEST, foresight.FARTHEST)
    slots = discretise(model, z)
    weight = np.full(len(z), 1.0 / len(z))
    return Hypothesis(model, posterior, z, slots, look_ahead(slots, WATCHED), kalman.init(slots), weight)


def follow(sensed: Sensed, times: Array, glucose: Array) -> tuple[Sensed, NDArray[np.int64], Foreseen]:
    """Take in later readings; what was foreseen on the way, and at which slots after the last one known.

    Readings in slots already passed are left out (late ones are for the caller to replay).
    """
    slots, values = gridded(np.asarray(times, np.float64), np.asarray(glucose, np.float64), sensed.origin)
    new = slots > sensed.slot
    if not new.any():
        none = np.zeros((0, len(WATCHED)))
        return sensed, np.zeros(0, np.int64), Foreseen(none, none, np.zeros((*none.shape, len(recalibration.LEVELS))))
    readings = np.full(int(slots[-1]) - sensed.slot, np.nan)
    readings[slots[new] - sensed.slot - 1] = values[new]
    numbers = sensed.slot + 1 + np.arange(readings.size)
    after, foreseen = _through(sensed, readings)
    return after, numbers, foreseen


def update(sensed: Sensed, time: float, glucose: float) -> Sensed:
    """The person after one more reading [mg/dL] at a time [min]."""
    return follow(sensed, np.array([time]), np.array([glucose]))[0]


def _through(sensed: Sensed, readings: Array) -> tuple[Sensed, Foreseen]:
    """One value for each following slot."""
    hypotheses, means, squares = [], [], []
    for h in sensed.hypotheses:
        moved, mean, square = _advance(h, readings, first=sensed.slot < 0)
        hypotheses.append(moved)
        means.append(mean)
        squares.append(square)
    mean = np.mean(means, axis=0)
    sd = np.sqrt(np.mean(squares, axis=0) - mean**2)
    bounds, levels = sensed.bounds, np.empty((*mean.shape, len(recalibration.LEVELS)))
    for k, reading in enumerate(readings):
        bounds = recalibration.update(bounds, float(reading), mean[k], sd[k])
        levels[k] = mean[k, :, None] + np.sort(bounds.q, axis=1) * sd[k, :, None]
    after = Sensed(sensed.origin, sensed.slot + readings.size, tuple(hypotheses), bounds)
    return after, Foreseen(mean, sd, levels)


def _advance(h: Hypothesis, readings: Array, *, first: bool) -> tuple[Hypothesis, Array, Array]:
    """The hypothesis after the readings, and the mean and mean square of what it foresaw, (n, J)."""
    belief, course = kalman.update(h.belief, h.slots, readings, h.ahead, moving=not first)
    # Readings that the draws were calibrated on have been counted already.
    tempered = 0.0 if first else CRITERION.one_step
    log_weight = np.log(h.weight)[:, None] + tempered * np.cumsum(course.log_density, axis=1)
    weight = np.exp(log_weight - log_weight.max(axis=0))
    weight /= weight.sum(axis=0)
    mean = np.einsum("nk,nkj->kj", weight, course.expected)
    square = np.einsum("nk,nkj->kj", weight, course.variance + course.expected**2)
    return replace(h, belief=belief, weight=weight[:, -1]), mean, square


def forecast(sensed: Sensed, ahead: Array) -> Forecast:
    """Readings `ahead` minutes after the person's time (T,), recalibrated; between slots by interpolation."""
    steps = np.asarray(ahead, dtype=np.float64) / STEP
    grid = np.arange(1, max(2, int(np.ceil(steps.max()))) + 1)
    means, squares = [], []
    for h in sensed.hypotheses:
        mean, variance = _moments(h, grid.tolist())
        means.append(h.weight @ mean)
        squares.append(h.weight @ (variance + mean**2))
    mean = np.mean(means, axis=0)
    sd = np.sqrt(np.mean(squares, axis=0) - mean**2)
    mean, sd = np.interp(steps, grid, mean), np.interp(steps, grid, sd)
    return Forecast(np.asarray(ahead, np.float64), mean, sd, (mean[:, None] + sensed.bounds.at(steps) * sd[:, None]).T)


def _moments(h: Hypothesis, steps: list[int]) -> tuple[Array, Array]:
    """Mean and variance (N, T) of each draw's readings so many steps on."""
    far = look_ahead(h.slots, steps)
    each = h.slots.level[:, None, None] + far.push + np.einsum("njs,nms->njm", far.look, h.belief.mean)
    share = h.belief.share[:, None, :]
    mean = (share * each).sum(axis=2)
    inside = np.einsum("njs,nmst,njt->njm", far.look, h.belief.covariance, far.look) + far.noise
    variance = (share * (inside + (each - mean[..., None]) ** 2)).sum(axis=2) + far.error[:, None]
    return mean, variance
