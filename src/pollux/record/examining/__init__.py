"""Rules for a course of events, asked of the whole record whenever it is read. All of them only flag.

What a finding means for a forecast (a caution, wider intervals, silence) is said in `twins`; here nobody forecasts.
"""

from collections.abc import Iterator

from pollux.record.examining.clock import clock_rules
from pollux.record.examining.days import day_rules
from pollux.record.examining.doses import dose_rules
from pollux.record.examining.fingers import finger_rules
from pollux.record.examining.flags import BOOKKEEPING, flagged, value_of
from pollux.record.examining.sensor import sensor_rules
from pollux.record.examining.shifts import shift_rules
from pollux.record.quality import Finding, QualityReport, before_birth
from pollux.record.record import Record
from pollux.record.when import day_of
from pollux.vocabulary import term


def examine(record: Record) -> QualityReport:
    """Ask the rules that need the whole record, once for a record: the answer is kept with it.

    Rates, flat lines, compressed nights, gaps and units of a sensor; finger against sensor; doses and meals against the
    person's own and their weight; the clock; results of one day; files under two zones; conflicts, repeats; flags.
    "Before birth" is asked again here, as the date of birth may have come in after the event. Time: linear in the
    number of events.
    """
    known: QualityReport | None = record.__dict__.get("_examined")
    if known is None:
        known = record.__dict__["_examined"] = _examined(record)  # as a cached property keeps what it found
    return known


def _examined(record: Record) -> QualityReport:
    findings = [*sensor_rules(record), *finger_rules(record), *dose_rules(record), *clock_rules(record),
                *day_rules(record), *shift_rules(record)]  # fmt: skip
    findings += [
        Finding("sources disagree", "conformance", "flag", " and ".join(f"{e.number():g}" for e in c.events) +
                f" {term(c.quantity).unit}", c.quantity, c.time, "; ".join(e.where for e in c.events))
        for c in record.conflicts
    ]  # fmt: skip
    findings += [
        Finding("said twice", "conformance", "flag", f"{value_of(again)}, which {first.where} says too",
                again.quantity, again.time, again.where, again.id)
        for again, first in record.said_again
    ]  # fmt: skip
    findings += _each(record)
    return QualityReport(tuple(findings), accepted=len(record.current))


def _each(record: Record) -> Iterator[Finding]:
    born = record.person.born()
    for e in record.current:
        for flag in e.flags:
            if flag not in BOOKKEEPING:
                yield flagged(e, flag)
        if born and before_birth(e, born):
            text = f"it is dated {day_of(e)}"
            yield Finding("before birth", "plausibility", "flag", text, e.quantity, e.time, e.where, e.id)
