"""Results that state a day and no time: where two of one day differ, nobody knows which came first."""

from collections.abc import Iterator

from pollux.record.event import Event
from pollux.record.quality import Finding
from pollux.record.record import Record
from pollux.record.repeats import ADDED_UP
from pollux.record.when import as_stated
from pollux.vocabulary import term

DIFFER = 0.1  # of the higher value, from which on two results of one day are told; Pollux's own choice (unverified)


def day_rules(record: Record) -> Iterator[Finding]:
    """Several results of one quantity and one day, none with a time, that differ; they may both be true."""
    days: dict[tuple[str, str], list[Event]] = {}
    again = {event.id for event in record.repeats}
    for e in record.current:
        if e.precision == "day" and isinstance(e.value, float) and e.quantity not in ADDED_UP and e.id not in again:
            days.setdefault((e.quantity, as_stated(e.time, "day")), []).append(e)
    contested = {event.id for conflict in record.conflicts for event in conflict.events}
    for (quantity, day), events in days.items():
        values = sorted({e.number() for e in events})
        if len(values) < 2 or values[-1] - values[0] < DIFFER * abs(values[-1]) or events[-1].id in contested:
            continue
        numbers = " and ".join(f"{value:g}" for value in values)
        text = f"{numbers} {term(quantity).unit}, all of {day} without a time of day: nobody knows which came first"
        where, last = "; ".join(e.where for e in events), events[-1]
        yield Finding("results of one day differ", "conformance", "flag", text, quantity, last.time, where, last.id)
