"""How well a person's glucose is foreseen from their sensor alone, on outside data, against simple methods.

Protocol: one grid per person, each reading in its nearest slot, nothing interpolated; the first 70 % of grid time
trains, and training targets end before the split; a forecast is made where twelve consecutive readings end, and scored
where a reading follows at the horizon. Every method answers for the same pairs of slots.
"""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from pollux.calibration import sensed
from pollux.calibration.foresight import Criterion
from pollux.calibration.slots import STEP
from pollux.equations.linear import LinearModel
from pollux.errors import RefusedInput
from pollux.models.glucose.sensor_only import sensor_only

Array = NDArray[np.float64]
Slots = NDArray[np.int64]

HORIZONS = (30, 60)  # min
TRAINING = 0.7
WINDOW = 12  # consecutive readings that a forecast stands on
PENALTY = 1.0  # of the ridge, on readings in mg/dL
RESAMPLES = 2000


@dataclass(frozen=True)
class Wearer:
    """One person's sensor: a value for each slot of `step` minutes [mg/dL], NaN where nothing was read."""

    name: str
    values: Array
    step: int

    @property
    def split(self) -> int:
        """The first slot that does not train."""
        return int(TRAINING * self.values.size)

    def pairs(self, minutes: int, first: int, until: int) -> Slots:
        """Slots in [first, …) where twelve readings end and a reading follows `minutes` later, before slot `until`."""
        h = minutes // self.step
        read = np.isfinite(self.values)
        count = np.concatenate([[0], np.cumsum(read)])
        k = np.arange(max(first, WINDOW - 1), max(min(until, read.size) - h, 0))
        found: Slots = k[(count[k + 1] - count[k + 1 - WINDOW] == WINDOW) & read[k + h]]
        return found


@dataclass(frozen=True)
class Candidate:
    """A way to foresee: hypotheses, what they are calibrated on, and how many draws (0: the mode alone)."""

    models: tuple[LinearModel, ...]
    criterion: Criterion = sensed.CRITERION
    draws: int = sensed.DRAWS


@dataclass(frozen=True)
class Score:
    """Errors of one method for one person at one horizon, by pair, and the day that each belongs to."""

    off: Array
    day: Slots
    covered: Array | None = None

    @property
    def rmse(self) -> float:
        """Root of the mean square error [mg/dL]."""
        return float(np.sqrt(np.mean(self.off**2)))

    @property
    def coverage(self) -> float:
        """Part of the readings inside their 90 % interval."""
        return float("nan") if self.covered is None else float(np.mean(self.covered))


Scores = Mapping[tuple[str, int], Score]  # by person and horizon


def candidates() -> dict[str, Candidate]:
    """The twin, what it is made of, and a plain maximum-likelihood Kalman filter, by name."""
    both = sensed.HYPOTHESES
    steps = Criterion(1.0, {6: 0.0})
    bare = tuple(sensor_only(switching=s, harmonics=0) for s in (True, False))
    return {
        "plain Kalman filter": Candidate((bare[1],), steps, 0),
        "twin": Candidate(both),
        "… at the mode only": Candidate(both, draws=0),
        "… steady only": Candidate(both[1:]),
        "… switching only": Candidate(both[:1]),
        "… without habits of the day": Candidate(bare),
        "… calibrated on single steps": Candidate(both, steps),
    }


def read_wearers(path: Path) -> list[Wearer]:
    """People from a table with the columns id, time, gl (glucose in mg/dL)."""
    found: dict[str, list[tuple[datetime, float]]] = {}
    with path.open(newline="", encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            if not {"id", "time", "gl"} <= set(row):
                raise RefusedInput("the table lacks a column", where=path.name, advice="It needs id, time and gl.")
            if row["gl"] not in ("", "NA", "NaN"):
                found.setdefault(row["id"], []).append((datetime.fromisoformat(row["time"]), float(row["gl"])))
    return [wearer(name, rows) for name, rows in found.items()]


def wearer(name: str, rows: Sequence[tuple[datetime, float]]) -> Wearer:
    """A person's readings on their grid: 5 minutes, or the sensor's own interval where that is longer."""
    rows = sorted(rows)
    minutes = np.array([(time - rows[0][0]).total_seconds() / 60.0 for time, _ in rows])
    apart = np.diff(minutes)
    step = max(5, 5 * round(float(np.median(apart[apart > 0])) / 5)) if apart.any() else 5
    slots = np.floor(minutes / step + 0.5).astype(np.int64)
    values, distance = np.full(int(slots[-1]) + 1, np.nan), np.full(int(slots[-1]) + 1, np.inf)
    for slot, minute, (_, glucose) in zip(slots, minutes, rows, strict=True):
        if abs(minute - step * slot) < distance[slot]:
            values[slot], distance[slot] = glucose, abs(minute - step * slot)
    return Wearer(name, values, step)


def ridge(person: Wearer, minutes: int, origins: Slots) -> Array:
    """Forecasts from the last twelve readings by the person's own ridge regression, trained before the split."""
    h = minutes // person.step
    train = person.pairs(minutes, 0, person.split)
    past = np.arange(WINDOW)
    X, target = person.values[train[:, None] - past], person.values[train + h]
    centre, middle = X.mean(axis=0), target.mean()
    X = X - centre
    slope = np.linalg.solve(X.T @ X + PENALTY * np.eye(WINDOW), X.T @ (target - middle))
    forecast: Array = middle + (person.values[origins[:, None] - past] - centre) @ slope
    return forecast


def simple_scores(people: Sequence[Wearer]) -> dict[str, Scores]:
    """Persistence and the ridge."""
    found: dict[str, dict[tuple[str, int], Score]] = {"persistence": {}, "ridge on 12 readings": {}}
    for person in people:
        for minutes in HORIZONS:
            k = person.pairs(minutes, person.split, person.values.size)
            truth = person.values[k + minutes // person.step]
            at = (person.name, minutes)
            day = _days(person, k)
            found["persistence"][at] = Score(truth - person.values[k], day)
            found["ridge on 12 readings"][at] = Score(truth - ridge(person, minutes, k), day)
    return dict(found)


def twin_scores(people: Sequence[Wearer], candidate: Candidate) -> tuple[Scores, float]:
    """A candidate's scores, and the seconds that learning took for the slowest person."""
    found: dict[tuple[str, int], Score] = {}
    slowest = 0.0
    for person in people:
        times = person.step * np.arange(person.values.size, dtype=np.float64)
        began = perf_counter()
        body, _ = sensed.learn(
            times[: person.split], person.values[: person.split],
            models=candidate.models, criterion=candidate.criterion, draws=candidate.draws,
        )  # fmt: skip
        slowest = max(slowest, perf_counter() - began)
        _, slots, foreseen = sensed.follow(body, times[person.split :], person.values[person.split :])
        place = {int(slot): i for i, slot in enumerate(slots + round(body.origin / STEP))}
        for minutes in HORIZONS:
            j = sensed.WATCHED.index(minutes // int(STEP))
            k = person.pairs(minutes, person.split, person.values.size)
            truth = person.values[k + minutes // person.step]
            row = np.array([place[int(slot) * person.step // int(STEP)] for slot in k], dtype=np.int64)
            inside = (truth >= foreseen.bounds[row, j, 0]) & (truth <= foreseen.bounds[row, j, -1])
            found[person.name, minutes] = Score(truth - foreseen.mean[row, j], _days(person, k), inside)
    return found, slowest


def _days(person: Wearer, k: Slots) -> Slots:
    return (k - person.split) * person.step // 1440


def mean_rmse(scores: Scores, minutes: int) -> float:
    """The mean over people of their RMSE at a horizon [mg/dL]."""
    return float(np.mean([s.rmse for (_, m), s in scores.items() if m == minutes]))


def worst_change(scores: Scores, floor: Scores, minutes: int) -> float:
    """The largest relative change of RMSE of any person against another method: 0.03 is 3 % worse."""
    return max(scores[at].rmse / floor[at].rmse - 1.0 for at in scores if at[1] == minutes)


def change_interval(scores: Scores, floor: Scores, minutes: int, seed: int = 0) -> tuple[float, float, float]:
    """The relative change of mean RMSE against another method: estimate, and a 95 % interval over resampled days.

    Days are drawn with replacement within each person, the same ones for both methods.
    """
    rng = np.random.Generator(np.random.Philox(seed))
    sums = [np.zeros(RESAMPLES), np.zeros(RESAMPLES)]
    for at in [at for at in scores if at[1] == minutes]:
        days, place = np.unique(scores[at].day, return_inverse=True)
        drawn = rng.integers(0, days.size, (RESAMPLES, days.size))
        count = np.bincount(place)[drawn].sum(axis=1)
        for i, method in enumerate((scores, floor)):
            square = np.bincount(place, weights=method[at].off ** 2)
            sums[i] += np.sqrt(square[drawn].sum(axis=1) / count)
    change = sums[0] / sums[1] - 1.0
    low, high = np.quantile(change, [0.025, 0.975])
    return mean_rmse(scores, minutes) / mean_rmse(floor, minutes) - 1.0, float(low), float(high)
