"""Rules for the course of a sensor's readings: what no body does, no sensor shows, and what a sleeper's weight does."""

import math
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from pollux.record.event import Event
from pollux.record.quality import Category, Finding
from pollux.record.record import Record

# Thresholds of the rules for a sensor's course. All are Pollux's own choice (unverified): they only flag.
FASTEST_CHANGE = 10.0  # mg/dL/min, twice the 5 mg/dL/min that is seen after fast glucose
FLAT_MINUTES, ABOUT = 60.0, 1.0  # one value for an hour; what the clock of a reading may be off
COMPRESSION_FALL = 25.0  # mg/dL in at most 20 min, below 70, back within 120 min, at night
MOLAR = 18.016  # mg/dL in 1 mmol/L of glucose, from its molar mass
MOLAR_NEAR = 1.25  # a value this near to 18 times its neighbour, or an eighteenth, is taken for one in the other unit


def sensor_rules(record: Record, name: str = "cgm_glucose") -> list[Finding]:
    """Jumps, gaps, flat lines, compressed nights, and values in another unit."""
    events = [e for e in record.once(name) if not e.comparator]
    findings: list[Finding] = []

    def found(rule: str, event: Event, message: str, category: Category = "plausibility") -> None:
        findings.append(Finding(rule, category, "flag", message, name, event.time, event.where, event.id))

    since: datetime | None = None  # when the stretch of one value began; None once it was told
    for i in range(1, len(events)):
        a, b = events[i - 1], events[i]
        gap = (b.time - a.time).total_seconds() / 60
        if 0 < gap <= 30 and abs(b.number() - a.number()) / max(gap, 1.0) > FASTEST_CHANGE:
            found("impossible rate of change", b, f"{a.number():g} to {b.number():g} mg/dL in {gap:.0f} min")
        if gap > 60:
            found("gap", b, f"no reading for {gap / 60:.1f} h", "completeness")
        since = a.time if i == 1 else since
        if b.number() != a.number() or gap > 30:
            since = b.time
        elif since and (b.time - since).total_seconds() / 60 >= FLAT_MINUTES - ABOUT:
            found("flat line", b, f"{b.value:g} {b.unit} for an hour or more")
            since = None
    return findings + _compressed_nights(record, events, name) + _slips(events, name)


def _compressed_nights(record: Record, events: list[Event], name: str) -> list[Finding]:
    """Lows at night that come and go as when a sleeper lies on the sensor."""
    zone = ZoneInfo(record.person.timezone)
    findings: list[Finding] = []
    until: datetime | None = None
    for i, low in enumerate(events):
        if low.number() >= 70 or (until and low.time <= until) or 7 <= low.time.astimezone(zone).hour < 23:
            continue
        before = [e.number() for e in events[max(0, i - 5) : i] if low.time - e.time <= timedelta(minutes=20)]
        after = [e for e in events[i + 1 : i + 26] if timedelta(0) < e.time - low.time <= timedelta(minutes=120)]
        back = next((e for e in after if e.number() >= low.number() + COMPRESSION_FALL), None)
        if before and max(before) - low.number() >= COMPRESSION_FALL and back:
            until = back.time
            text = f"fell to {low.number():g} mg/dL and was back within {(back.time - low.time).seconds // 60} min"
            findings.append(
                Finding(
                    "compressed night-time low",
                    "plausibility",
                    "flag",
                    text,
                    name,
                    low.time,
                    low.where,
                    low.id,
                )
            )
    return findings


def _slips(events: list[Event], name: str) -> list[Finding]:
    """Readings that are eighteen times their neighbour, or an eighteenth of it, and come back: the other unit."""
    values = [e.number() for e in events]
    findings = []
    usual = values[0] if values else 0.0
    for event, value in zip(events, values, strict=True):
        factor = max(value, 1e-9) / max(usual, 1e-9)
        if abs(abs(math.log(factor)) - math.log(MOLAR)) < math.log(MOLAR_NEAR):
            unit = "mmol/L" if factor < 1 else "mg/dL taken for mmol/L"
            text = f"{value:.3g} mg/dL beside {usual:.0f} mg/dL: that would be usual in {unit}"
            findings.append(Finding("level in the other unit", "conformance", "flag", text, name, event.time,
                                    event.where, event.id))  # fmt: skip
        else:
            usual = value
    return findings
