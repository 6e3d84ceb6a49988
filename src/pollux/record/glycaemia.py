"""Metrics of sensor glucose over a stretch of time, as the international consensus names them.

Limits: Battelino et al., Diabetes Care 2019;42:1593 (doi:10.2337/dci19-0028). GMI = 3.31 + 0.02392 × mean [mg/dL]:
Bergenstal et al., Diabetes Care 2018;41:2275 (doi:10.2337/dc18-1581); both compared with the reference results of iglu.
"""

from collections.abc import Mapping
from datetime import datetime

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pollux.record.record import Record


def metrics_of(values: ArrayLike) -> Mapping[str, float]:
    """Mean, spread and shares of glucose readings [mg/dL]; shares are per cent of the readings.

    >>> round(metrics_of([100.0, 150.0, 200.0])["in range 70-180"], 1)
    66.7
    """
    glucose = np.asarray(values, dtype=np.float64)
    mean = float(glucose.mean())
    spread = float(glucose.std(ddof=1)) if glucose.size > 1 else 0.0

    def share(inside: NDArray[np.bool_]) -> float:
        return 100.0 * float(np.mean(inside))

    return {
        "mean": mean,
        "standard deviation": spread,
        "coefficient of variation": 100.0 * spread / mean,
        "GMI": 3.31 + 0.02392 * mean,
        "in range 70-180": share((glucose >= 70) & (glucose <= 180)),
        "below 70": share(glucose < 70),
        "below 54": share(glucose < 54),
        "above 180": share(glucose > 180),
        "above 250": share(glucose > 250),
    }


def glucose_metrics(record: Record, start: datetime, end: datetime) -> Mapping[str, float]:
    """The metrics of sensor glucose from `start` to `end`, with the count of readings and the share measured.

    The share measured is that of the stretch's five-minute slots; `days` runs from its first reading to its end. Empty
    when nothing was read.
    """
    events = [e for e in record.once("cgm_glucose") if start <= e.time <= end]
    if not events:
        return {}
    slots = {int(e.time.timestamp() // 300) for e in events}
    possible = max(1, int((end - start).total_seconds() // 300))
    days = (end - events[0].time).total_seconds() / 86400.0
    measured = {"readings": float(len(events)), "measured": 100.0 * min(1.0, len(slots) / possible), "days": days}
    return measured | dict(metrics_of([e.number() for e in events]))
