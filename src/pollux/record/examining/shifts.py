"""A file that was taken in beside the same one read under another time zone: all of it stands twice, hours apart."""

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta

from pollux.record.event import Event
from pollux.record.quality import Finding
from pollux.record.record import Record
from pollux.record.shifted import FARTHEST, FEWEST, TELLING, shifted

Take = tuple[datetime, str, str]


def shift_rules(record: Record) -> Iterator[Finding]:
    """Each take of a file nearly all of which is in the record already, a constant time apart.

    Time: linear in the number of events that takes share the time with.
    """
    events = [e for e in record.current if e.quantity in TELLING and isinstance(e.value, float)]
    takes: dict[Take, list[Event]] = {}
    for e in events:
        takes.setdefault(_take(e), []).append(e)
    if len(takes) < 2:
        return
    again = {e.id for e in record.repeats}  # what repeats another at its own time is in its place
    times, reach = [e.time for e in events], timedelta(minutes=FARTHEST)
    for take, some in sorted(takes.items()):
        new = [e for e in some if e.id not in again]
        if len(new) < FEWEST:
            continue
        around = events[bisect_left(times, new[0].time - reach) : bisect_right(times, new[-1].time + reach)]
        before = [e for e in around if _take(e) < take]
        shift = shifted(before, new) if len(before) >= FEWEST else None
        if shift is not None:
            text = f"{shift.alike} of {shift.asked} entries of {take[2]} stand in the record already, {shift.text} here"
            quantity = Counter(e.quantity for e in new).most_common(1)[0][0]
            yield Finding("same entries hours apart", "conformance", "flag", text, quantity, new[-1].time,
                          new[-1].where)  # fmt: skip


def _take(event: Event) -> Take:
    return event.learned, event.source.kind, event.source.name
