"""Glucose from a finger against what the sensor showed at the same minute."""

from bisect import bisect_left
from collections.abc import Iterator
from typing import NamedTuple

from pollux.record.event import Event
from pollux.record.quality import Finding
from pollux.record.record import Record, minutes

FINGERS = ("blood_glucose", "calibration_glucose", "plasma_glucose")
TOGETHER = 5.0  # min between the two
# A pair is discordant beyond 30 mg/dL, or 30 % of a finger value above 100, and what glucose that moves may put between
# a finger and a sensor, which sees it some minutes later. All three are Pollux's own choice (unverified).
APART, SHARE, DELAY = 30.0, 0.30, 15.0  # mg/dL, 1, min


class Pair(NamedTuple):
    """A finger's glucose and the sensor's [mg/dL], and how far apart they may be."""

    finger: Event
    value: float
    sensor: float
    allowed: float

    @property
    def discordant(self) -> bool:
        """Whether they contradict each other."""
        return abs(self.value - self.sensor) > self.allowed


def pairs(record: Record) -> Iterator[Pair]:
    """Each finger glucose with the sensor reading nearest to it in time."""
    readings = [(minutes(e.time), e.number()) for e in record.of("cgm_glucose") if not e.comparator]
    if not readings:
        return
    for finger in (e for name in FINGERS for e in record.of(name)):
        if finger.comparator or finger.precision not in ("minute", "second"):
            continue
        at, value = minutes(finger.time), finger.number("mg/dL")
        k = bisect_left(readings, (at, 0.0))
        near = min(readings[max(0, k - 1) : k + 1], key=lambda r: abs(r[0] - at))
        if abs(near[0] - at) <= TOGETHER:
            around = [r for r in readings[max(0, k - 16) : k + 16] if abs(r[0] - at) <= DELAY]
            slope = (around[-1][1] - around[0][1]) / max(around[-1][0] - around[0][0], 5.0)
            yield Pair(finger, value, near[1], max(APART, SHARE * value) + abs(slope) * DELAY)


def finger_rules(record: Record) -> Iterator[Finding]:
    """Pairs that contradict each other; one of the two is wrong, and nobody here knows which."""
    for pair in pairs(record):
        if pair.discordant:
            e = pair.finger
            text = f"finger {pair.value:.0f} mg/dL against sensor {pair.sensor:.0f} mg/dL"
            yield Finding("finger against sensor", "plausibility", "flag", text, e.quantity, e.time, e.where, e.id)
