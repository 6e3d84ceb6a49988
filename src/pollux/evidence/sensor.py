"""Published and own numbers about forecasts from a sensor alone, on the five example people of iglu."""

import os
from functools import cache, partial
from pathlib import Path

import numpy as np

from pollux.evidence import forecasting
from pollux.evidence.claim import Claim

FLOORS = "reference computation of the project on iglu's five example people (5-minute grid, 70/30 in time)"
OWN = "Pollux's own study on iglu's five example people: the last 30 % of their time"
MODEL = "sensor-only"
NEEDS = "needs the outside data"

# Mean RMSE [mg/dL] at 30 and 60 min.
EXPECTED = {"persistence": (20.4, 33.6), "ridge on 12 readings": (17.0, 28.6), "plain Kalman filter": (16.8, 28.3)}


def claims() -> list[Claim]:
    """The floors that a forecast must beat, and how honest the twin's intervals are."""
    found = []
    for method, numbers in EXPECTED.items():
        for minutes, expected in zip(forecasting.HORIZONS, numbers, strict=True):
            said = f"{method}, {minutes} min ahead: mean RMSE over five people, mg/dL"
            found.append(Claim(said, FLOORS, expected, 0.1, partial(_rmse, method, minutes), MODEL, NEEDS))
    for minutes in forecasting.HORIZONS:
        said = f"the twin's 90 % intervals, {minutes} min ahead: mean share of readings inside"
        found.append(Claim(said, OWN, 0.90, 0.03, partial(_covered, minutes), MODEL, NEEDS))
    return found


@cache
def _people() -> tuple[forecasting.Wearer, ...]:
    root = os.environ.get("POLLUX_REFERENCE")
    path = Path(root or "") / "glucose" / "example_data_5_subject.csv"
    return tuple(forecasting.read_wearers(path)) if root and path.exists() else ()


@cache
def _scores(method: str) -> forecasting.Scores:
    simple = forecasting.simple_scores(_people())
    if method in simple:
        return simple[method]
    return forecasting.twin_scores(_people(), forecasting.candidates()[method])[0]


def _rmse(method: str, minutes: int) -> float | None:
    return forecasting.mean_rmse(_scores(method), minutes) if _people() else None


def _covered(minutes: int) -> float | None:
    if not _people():
        return None
    return float(np.mean([score.coverage for (_, at), score in _scores("twin").items() if at == minutes]))
