"""How a tracked body's forecasts turned out, day by day: what makes its intervals honest.

Each fitted day is lived through once more with the ensemble that stood at its beginning (which had not seen that day).
Every hour it forecasts, given the meals and doses that did follow, and is scored when the reading comes:
u = (reading − mean) / spread. The bounds of later forecasts are the empirical quantiles of the scores of the last days,
in place of those of a normal distribution (split conformal prediction on standardised errors; Lei et al., J Am Stat
Assoc 2018, doi:10.1080/01621459.2017.1307116).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri

from pollux.calibration.course import Course
from pollux.calibration.daily import Day
from pollux.calibration.recalibration import LEVELS, reshape
from pollux.calibration.tracking import Ensemble, advance, parameters, resume, update

Array = NDArray[np.float64]

HORIZONS = (30.0, 60.0, 120.0)  # min
EVERY = 60.0  # min between scored forecasts
REMEMBERED = 5  # days whose scores count
FEWEST = 40  # scores below which a normal distribution is assumed
LEAST, MOST = 20.0, 600.0  # mg/dL: what a forecast may say at all
SILENT = 180.0  # min without a reading after which a twin forecasts nothing, so that nothing is scored
MATCH = 2.5  # min by which a reading may miss the horizon


@dataclass(frozen=True)
class Scores:
    """Standardised errors of one day's forecasts, `(n, horizons)`; NaN where no reading came."""

    end: float
    errors: Array


def live_through(course: Course, before: Day, day_end: float, key: int) -> Scores:
    """Score the forecasts of the day after `before`, up to its end, from what stood at its beginning."""
    ensemble = resume(course, before, key)
    later = course.readings[:, 0] > ensemble.time
    readings, beyond = course.readings[later], course.beyond[later]
    rows = []
    following = np.ceil((ensemble.time + EVERY) / EVERY) * EVERY
    for (time, reading), outside in zip(readings, beyond, strict=True):
        while following < time and following + HORIZONS[0] <= day_end:
            if following - ensemble.time <= SILENT:
                rows.append(_score(ensemble, course, following, readings, beyond))
            following += EVERY
        ensemble, _ = update(ensemble, course, float(time), float(reading), int(outside))
    errors = np.array(rows).reshape(len(rows), len(HORIZONS))
    return Scores(day_end, errors)


def _score(ensemble: Ensemble, course: Course, start: float, readings: Array, beyond: NDArray[np.int8]) -> list[float]:
    now = advance(ensemble, course, start)
    values = parameters(now.slow, course)
    errors = []
    for horizon in HORIZONS:
        now = advance(now, course, start + horizon, values)
        near = np.flatnonzero((np.abs(readings[:, 0] - start - horizon) <= MATCH) & (beyond == 0))
        reading = readings[near[0], 1] if near.size else np.nan
        errors.append(float((reading - now.sensed.mean()) / now.sensed.std()))
    return errors


def bounds(scores: tuple[Scores, ...]) -> Array:
    """The levels' bounds in units of the spread, `(horizons, levels)`, from the scores of the last days.

    The bound of a central interval of probability c is the ⌈(n + 1) c⌉-th smallest |u|, on both sides of the mean.
    """
    lately = [s.errors for s in scores[-REMEMBERED:]]
    errors = np.abs(np.vstack(lately)) if lately else np.zeros((0, len(HORIZONS)))
    rows: list[ArrayLike] = []
    for column in errors.T:
        known = np.sort(column[np.isfinite(column)])
        if known.size < FEWEST:
            rows.append(ndtri(LEVELS))
            continue
        ranks = [int(np.ceil((known.size + 1) * abs(2.0 * p - 1.0))) for p in LEVELS]
        rows.append([np.sign(p - 0.5) * known[min(r, known.size) - 1] for p, r in zip(LEVELS, ranks, strict=True)])
    return np.array(rows)


def honest(draws: Array, ahead: Array, at: Array) -> Array:
    """Draws (n, T) `ahead` minutes (T,), moved so that their quantiles lie on the bounds `at` (horizons, levels).

    What would then lie beyond what a living body or a sensor shows is put at that end.
    """
    q = np.stack([np.interp(ahead, HORIZONS, column) for column in at.T], axis=1)
    mean, sd = draws.mean(axis=0), draws.std(axis=0)
    moved: Array = np.clip(mean + sd * reshape((draws - mean) / sd, np.sort(q, axis=1)), LEAST, MOST)
    return moved
