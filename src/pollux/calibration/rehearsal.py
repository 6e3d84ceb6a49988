"""Simulate, then calibrate: does a 90 % interval cover the truth 90 % of the time?

Truths are drawn from the model's own prior, a day is simulated with meals, doses, disturbance and sensor error, and the
day is calibrated as if it were a person's. Cook, Gelman & Rubin, J Comput Graph Stat 2006
(doi:10.1198/106186006X136976); Talts et al. 2018 (arXiv:1804.06788).
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from pollux.calibration.chance import normals
from pollux.calibration.course import Course
from pollux.calibration.daily import SLOW, WINDOWS, disturbance_covariance, fit_day, schedule
from pollux.calibration.diagnostics import learned
from pollux.kernel import simulate
from pollux.models.glucose.minimal import with_disturbance
from pollux.models.glucose.sensor import NOISE

Array = NDArray[np.float64]

START, END = 240.0, 1680.0  # a day from 4 o'clock to 4 o'clock, in minutes
MEALS = ((450.0, 45.0), (750.0, 65.0), (1140.0, 75.0))  # minute and g
RATIO = 10.0  # g covered by one unit
RESCUE = 16.0  # g against a low
CORRECTION = 50.0  # mg/dL that one unit takes away
WEIGHT, BASAL = 75.0, 0.9  # kg, U/h
Z90 = float(norm.ppf(0.95))


@dataclass(frozen=True)
class Trial:
    """One truth and what was made of it: standard-normal numbers of the slow parameters, `(P,)` each."""

    truth: Array
    mean: Array
    sd: Array
    informed: NDArray[np.bool_]
    converged: bool

    @property
    def covered(self) -> NDArray[np.bool_]:
        """Which 90 % intervals hold the truth."""
        inside: NDArray[np.bool_] = np.abs(self.truth - self.mean) <= Z90 * self.sd
        return inside


@dataclass(frozen=True)
class Coverage:
    """How often the intervals of one parameter held the truth: where the twin called it informed, and always."""

    name: str
    informed: int
    covered: float
    covered_always: float


def rehearse(count: int, seed: int, spread: float = 0.3) -> Iterator[Trial]:
    """Trials for `count` truths drawn from the prior."""
    for k in range(count):
        rng = normals(seed, "rehearsal", float(k))
        truth = rng.standard_normal(len(SLOW))
        course = _day(truth, spread, rng)
        day = fit_day(course, START, END, spread)
        assert day is not None
        told = learned(day.prior, day.posterior)[: len(SLOW)]
        yield Trial(truth, day.slow.mean, day.slow.sd, np.array([t.informed for t in told]), day.info.converged)


def coverage(trials: list[Trial]) -> tuple[Coverage, ...]:
    """The share of covered truths for each slow parameter."""
    inside = np.array([t.covered for t in trials])
    informed = np.array([t.informed for t in trials])
    return tuple(
        Coverage(
            name,
            int(informed[:, i].sum()),
            float(inside[informed[:, i], i].mean()) if informed[:, i].any() else float("nan"),
            float(inside[:, i].mean()),
        )
        for i, name in enumerate(SLOW)
    )


def _day(truth: Array, spread: float, rng: np.random.Generator) -> Course:
    """A simulated day of a truth, with sensor error, as the record would hold it.

    The person reacts to the sensor and to nothing else, which leaves the likelihood as it is: 16 g against a reading
    below 70 mg/dL, a correction above 250 mg/dL. Without that, truths far from the median would live through days that
    nobody survives.
    """
    times = np.arange(START + 5.0, END + 1.0, 5.0)
    meals, boluses = list(MEALS), [(t, grams / RATIO) for t, grams in MEALS]
    model = with_disturbance(WINDOWS)
    disturbance = np.linalg.cholesky(disturbance_covariance(spread)) @ rng.standard_normal(WINDOWS)
    values = {name: float(model.parameter(name).prior.from_standard(z)) for name, z in zip(SLOW, truth, strict=True)}
    values |= {"G0": float(model.parameter("G0").prior.from_standard(rng.standard_normal()))}
    values |= {f"d{k}": float(d) for k, d in enumerate(disturbance)} | {"BW": WEIGHT, "basal": BASAL}
    error = np.linalg.cholesky(NOISE.covariance(times)) @ rng.standard_normal(times.size)
    acted = START
    while True:
        course = _course(times, meals, boluses)
        answer = simulate(model, values, schedule(course, START, END), times - START, tolerance=1e-6)
        sensed = answer.outputs["cgm_glucose"][0] + error
        low = np.flatnonzero((sensed < 70.0) & (times > acted + 20.0))
        high = np.flatnonzero((sensed > 250.0) & (times > acted + 120.0))
        if not low.size and not high.size:
            return replace(course, readings=np.column_stack([times, sensed]))
        first = min(low[0] if low.size else times.size, high[0] if high.size else times.size)
        acted = float(times[first])
        if low.size and first == low[0]:
            meals.append((acted, RESCUE))
        else:
            boluses.append((acted, float((sensed[first] - 150.0) / CORRECTION)))


def _course(times: Array, meals: list[tuple[float, float]], boluses: list[tuple[float, float]]) -> Course:
    nothing = np.zeros((0, 3))
    return Course(
        readings=np.column_stack([times, np.zeros(times.size)]),
        beyond=np.zeros(times.size, dtype=np.int8),
        fingers=np.zeros((0, 2)),
        meals=np.array(meals),
        boluses=np.array(boluses),
        rates=nothing,
        depots=nothing,
        spread=nothing,
        basal=BASAL,
        weight=WEIGHT,
        timezone="UTC",
    )
