"""Walk through a Nightscout export of any length, document by document."""

import re
from collections.abc import Iterator

from pollux.errors import PolluxError
from pollux.record.entry import Entry
from pollux.record.event import Event
from pollux.sources.clock import LocalClock
from pollux.sources.format import Reading
from pollux.sources.nightscout.entries import measured
from pollux.sources.nightscout.item import Item
from pollux.sources.nightscout.schedule import Schedules
from pollux.sources.nightscout.treatments import treated
from pollux.sources.opening import Opened
from pollux.sources.scan import Scanner, parse

_SIGNS = re.compile(rb'"(sgv|mbg|eventType|dateString|treatments|entries|defaultProfile)"\s*:')
_FOREIGN = re.compile(rb'"resourceType"\s*:')
_COLLECTIONS = ("entries", "treatments", "profile", "profiles")
_WHOLE = re.compile(rb'"(entries|treatments|profiles?)"\s*:\s*\[')


def recognises(head: bytes) -> bool:
    """Whether a file that begins like this is a Nightscout export."""
    start = head.lstrip()
    return start[:1] in (b"{", b"[") and bool(_SIGNS.search(start)) and not _FOREIGN.search(start)


def read(opened: Opened, reading: Reading) -> Iterator[Entry]:
    """Every document of an export as events; what holds no quantity comes out quarantined, as it stood."""
    reading.owner()
    yield reading.person_entry()
    clock, schedules = LocalClock(reading.timezone), Schedules()
    whole = bool(_WHOLE.search(opened.head()))
    with opened.stream() as stream:
        scanner = Scanner(stream, opened.name)
        while (first := scanner.peek()) != -1:
            if first == ord("{") and whole:
                for key in scanner.members():
                    if key in _COLLECTIONS and scanner.peek() == ord("["):
                        yield from _documents(scanner, scanner.elements(), key, reading, clock, schedules)
                    else:
                        line = scanner.line
                        parse(scanner.value(), opened.name, line)
            elif first == ord("{"):
                yield from _documents(scanner, iter([scanner.value()]), "", reading, clock, schedules)
            elif first == ord("["):
                yield from _documents(scanner, scanner.elements(), "", reading, clock, schedules)
            else:
                raise scanner.refuse("a list or an object should stand here")
    for event in schedules.events():
        yield Entry(reading.person, event)


def _documents(
    scanner: Scanner, raws: Iterator[bytes], name: str, reading: Reading, clock: LocalClock, schedules: Schedules
) -> Iterator[Entry]:
    for i, raw in enumerate(raws):
        line = scanner.line - raw.count(b"\n")
        place = f"line {line} {name}[{i}]" if name else f"line {line} [{i}]"
        document = parse(raw, reading.name, line)
        kept = raw.decode("utf-8", "replace")
        if not isinstance(document, dict):
            yield reading.quarantined("broken row", "it is not an object", place, kept)
            continue
        item = Item(document, place, reading, clock)
        try:
            for event in _events(item, schedules):
                schedules.saw(event)
                yield Entry(reading.person, event)
        except PolluxError as error:
            yield reading.quarantined("broken row", error.what, place, kept)


def _events(item: Item, schedules: Schedules) -> Iterator[Event]:
    document = item.document
    if item.text("eventType") == "Profile Switch" or "defaultProfile" in document:
        schedules.switch(item)
    elif "eventType" in document or "insulin" in document or "carbs" in document:
        yield from treated(item)
    else:
        yield from measured(item)
