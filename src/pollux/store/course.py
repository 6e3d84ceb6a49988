"""The versions of one event: what a new one adds, and those that another store held put behind those here."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import msgspec

from pollux.record.event import Event
from pollux.record.quality import Finding, Quarantined
from pollux.store.columns import Origin
from pollux.store.filing import Filing
from pollux.store.open_chart import LONG_AGO, Versions

FUTURE = timedelta(minutes=5)  # by which clocks may differ, as at the door (`admit`)


def believed(event: Event, now: datetime) -> Event:
    """A change that another store says is still to come would make every real one outdated: it is left out."""
    future = event.modified is not None and event.modified > now + FUTURE
    return msgspec.structs.replace(event, modified=None) if future else event


def go_on(filing: Filing, person: str, events: list[Event], origin: Origin) -> Iterator[Event]:
    """Add what is not known here yet of the versions of one event, each learned after the one before; what was."""
    known = [e for chart in filing.merged(person) for e in chart.versions(events[0], events[0].content)]
    known.sort(key=lambda version: (version.learned, version.content))
    for event in unsaid([version.content for version in known], events):
        after = known[-1].learned + timedelta(microseconds=1) if known else event.learned
        new = msgspec.structs.replace(event, learned=max(event.learned, after))
        filing.chart(person).add(new, known, origin)
        known.append(new)
        yield new


def added(event: Event, known: list[Event], of_document: bool) -> Event | Quarantined | None:
    """What an event adds to the versions that are there under its id; None when it adds nothing.

    What an earlier version said already is old, whatever stands now, unless the source says that it changed it
    after all of them: then it is said anew even where it stands, since what it changed in between may come later.
    An unknown version that the source changed before one of them comes too late.
    """
    if not known:
        return event
    many = known if isinstance(known, Versions) else Versions(known)
    was_said = event.content in many.contents
    if of_document or event.modified is None:  # the earlier state of the same document tells what is new
        return None if was_said else event
    last = many.modified if many.modified > LONG_AGO else None
    if was_said and last is not None and event.modified <= last:
        return None
    if last and event.modified < last:
        text = "the source changed it later than this, and that version is known"
        return Quarantined(Finding("outdated", "conformance", "quarantine", text, event.quantity, event.time,
                                   event.where, event.id), event)  # fmt: skip
    after = many.learned + timedelta(microseconds=1)
    return msgspec.structs.replace(event, learned=max(event.learned, after))


def unsaid(said: list[str], events: list[Event]) -> list[Event]:
    """Of the versions of one event those that come after what is here, given as the contents said here, in order.

    Nothing, where all were said here in this order and perhaps more since; what is longer than here, where both begin
    alike; and where each store has gone its own way, what was never said here.
    """
    wanted = [event.content for event in events]
    if any(said[i : i + len(wanted)] == wanted for i in range(len(said) - len(wanted) + 1)):
        return []
    if wanted[: len(said)] == said:
        return events[len(said) :]
    return [event for event, content in zip(events, wanted, strict=True) if content not in said]
