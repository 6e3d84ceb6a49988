"""Rules for a course of events, asked of the whole record whenever it is read. All of them only flag."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from pollux.record.event import Event
from pollux.record.quality import Category, Finding, QualityReport, before_birth
from pollux.record.record import Record
from pollux.record.when import day_of
from pollux.vocabulary import term

# What events are flagged with by way of bookkeeping, and nobody has to look into.
_BOOKKEEPING = frozenset(
    ("scheduled", "temporary", "spread", "suspended")
    # how a source says that something has run its course: news of the person, not of the data's quality
    + ("resolved", "inactive", "remission", "active", "stopped", "completed", "finished", "on-hold", "ended")
    + ("as needed", "subpotent")
)

# Thresholds of the rules for a sensor's course. All are Pollux's own choice (unverified): they only flag.
FASTEST_CHANGE = 10.0  # mg/dL/min, twice the 5 mg/dL/min that is seen after fast glucose
FLAT_MINUTES = 60.0  # one value for an hour
COMPRESSION_FALL = 25.0  # mg/dL in at most 20 min, below 70, back within 120 min, at night


def examine(record: Record) -> QualityReport:
    """Ask the rules that need the whole record: rates, flat lines, compressed nights, gaps; conflicts, repeats; flags.

    "Before birth" is asked again here, as the date of birth may have come in after the event.
    """
    findings = [f for name in ("cgm_glucose",) for f in _course(record, name)]
    findings += [
        Finding("sources disagree", "conformance", "flag", " and ".join(f"{e.number():g}" for e in c.events) +
                f" {term(c.quantity).unit}", c.quantity, c.time, "; ".join(e.where for e in c.events))
        for c in record.conflicts
    ]  # fmt: skip
    findings += [
        Finding("said twice", "conformance", "flag", f"{_value(again)}, which {first.where} says too",
                again.quantity, again.time, again.where, again.id)
        for again, first in record.said_again
    ]  # fmt: skip
    findings += _each(record)
    return QualityReport(tuple(findings), accepted=len(record.current))


def _value(event: Event) -> str:
    """The value as a finding may quote it: a number with its unit, no free text."""
    return f"{event.value:g} {event.unit}" if isinstance(event.value, float) else term(event.quantity).label


def _each(record: Record) -> Iterator[Finding]:
    born = record.person.born()
    for e in record.current:
        for flag in e.flags:
            if flag not in _BOOKKEEPING:
                category: Category = "plausibility" if flag == "implausible value" else "conformance"
                yield Finding(flag, category, "flag", _value(e), e.quantity, e.time, e.where, e.id)
        if born and before_birth(e, born):
            text = f"it is dated {day_of(e)}"
            yield Finding("before birth", "plausibility", "flag", text, e.quantity, e.time, e.where, e.id)


def _course(record: Record, name: str) -> list[Finding]:
    events = [e for e in record.of(name) if not e.comparator]
    findings: list[Finding] = []

    def found(rule: str, event: Event, message: str, category: Category = "plausibility") -> None:
        findings.append(Finding(rule, category, "flag", message, name, event.time, event.where, event.id))

    start = 0
    for i in range(1, len(events)):
        a, b = events[i - 1], events[i]
        gap = (b.time - a.time).total_seconds() / 60
        if 0 < gap <= 30 and abs(b.number() - a.number()) / max(gap, 1.0) > FASTEST_CHANGE:
            found("impossible rate of change", b, f"{a.number():g} to {b.number():g} mg/dL in {gap:.0f} min")
        if gap > 60:
            found("gap", b, f"no reading for {gap / 60:.1f} h", "completeness")
        if b.value != a.value or gap > 30:
            start = i
        elif (b.time - events[start].time).total_seconds() / 60 == FLAT_MINUTES:
            found("flat line", b, f"{b.value:g} {b.unit} for an hour or more")
    findings += _compressed_nights(record, events, name)
    return findings


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
