"""Walk through a Nightscout export of any length, document by document."""

import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime

from pollux.errors import PolluxError, RefusedInput
from pollux.record.entry import Entry
from pollux.record.event import Event
from pollux.sources.clock import LocalClock, NoZone
from pollux.sources.format import Reading
from pollux.sources.lines import line_by_line, lines
from pollux.sources.nightscout.entries import measured
from pollux.sources.nightscout.equivalents import Equivalents
from pollux.sources.nightscout.item import Item
from pollux.sources.nightscout.schedule import Schedules, is_schedule
from pollux.sources.nightscout.suspension import Suspensions
from pollux.sources.nightscout.temporary import TIMES, Temporaries, is_temporary
from pollux.sources.nightscout.treatments import Gathered, beside_a_schedule, treated
from pollux.sources.opening import Opened
from pollux.sources.quoted import quoted
from pollux.sources.scan import Scanner, TooLarge, parse

_SIGNS = re.compile(rb'"(sgv|mbg|eventType|created_at|dateString|treatments|entries|defaultProfile)"\s*:')
_FOREIGN = re.compile(rb'"resourceType"\s*:')
# `result` is what the API's third version answers with, around documents of one collection.
_COLLECTIONS = ("entries", "treatments", "profile", "profiles", "result")
_TREATED = re.compile(rb'"(eventType|defaultProfile|insulin|carbs)"')
_DATE = re.compile(rb'"date"\s*:\s*(\d{12,13})\b')
_WHOLE = re.compile(rb'"(entries|treatments|profiles?|result)"\s*:\s*\[')


def recognises(head: bytes) -> bool:
    """Whether a file that begins like this is a Nightscout export."""
    start = head.lstrip()
    return start[:1] in (b"{", b"[") and bool(_SIGNS.search(start)) and not _FOREIGN.search(start)


def read(opened: Opened, reading: Reading) -> Iterator[Entry]:
    """Every document of an export as events; what holds no quantity comes out quarantined, as it stood."""
    reading.owner()
    yield reading.person_entry()
    schedules, gathered = _survey(opened, reading)
    clock = LocalClock(reading.timezone, reading.name)
    readable, wrong = False, None
    passed: list[str] = []
    for raw, line, place, alone in _documents(opened, passed):
        kept = raw.decode("utf-8", "backslashreplace")
        try:
            document = parse(raw, reading.name, line)
        except TooLarge as error:
            yield reading.quarantined("broken row", error.what, place, kept)
            continue
        except RefusedInput as error:
            if not alone:
                raise
            wrong = wrong or error
            yield reading.quarantined("broken line", error.what, place, kept)
            continue
        readable = True
        if not isinstance(document, dict):
            yield reading.quarantined("broken row", "it is not an object", place, kept)
            continue
        item = Item(document, place, reading, clock)
        try:
            for event in _events(item, schedules, gathered):
                schedules.saw(event)
                yield Entry(reading.person, event, by="device")
        except NoZone:
            raise
        except PolluxError as error:
            yield reading.quarantined("not used", error.what, place, kept)
    if wrong and not readable:
        raise wrong
    for name in passed:
        text = f"the collection{quoted(name)} holds no quantities that are read here"
        yield reading.told("not read", text, "completeness")
    if doubt := schedules.doubt():
        yield reading.quarantined("schedule without a pump", doubt, "", "", "plausibility", "insulin_basal_rate")
        return
    for event in schedules.events():
        yield Entry(reading.person, event, by="device")


def _survey(opened: Opened, reading: Reading) -> tuple[Schedules, Gathered]:
    """A first pass over the file.

    It learns the basal schedules, when temporary rates begin and are cancelled, when the pump stops and goes on, and
    which carbohydrate stands for fat and protein.
    """
    schedules, suspensions = Schedules(), Suspensions()
    gathered = Gathered(Temporaries(schedules, suspensions.stops_after), suspensions, Equivalents())
    clock = LocalClock(reading.timezone, reading.name)
    for raw, line, place, _ in _documents(opened, []):
        if not _TREATED.search(raw):  # a reading, of which only the time is asked
            if (date := _DATE.search(raw)) is not None:
                suspensions.saw(datetime.fromtimestamp(int(date[1]) / 1000, UTC))
            continue
        try:
            document = parse(raw, reading.name, line)
        except RefusedInput:
            continue  # told in the second pass
        if isinstance(document, dict):
            item = Item(document, place, reading, clock)
            with suppress(PolluxError):  # told when the document is read
                suspensions.saw(item.time(*TIMES)[0])
            schedules.gather(item)
            if not is_schedule(item):
                gathered.suspensions.gather(item)
                gathered.equivalents.gather(item)
            if is_temporary(item):
                gathered.temporaries.gather(item)
    return schedules, gathered


def _documents(opened: Opened, passed: list[str]) -> Iterator[tuple[bytes, int, str, bool]]:
    """Each document as it stands, its line, its place, and whether it has a line to itself.

    The names of collections that are passed over are added to `passed`.
    """
    head = opened.head()
    if head.lstrip()[:1] == b"{" and not _WHOLE.search(head) and line_by_line(opened, _is_document):
        for row in lines(opened):
            if not row.whole:
                raise RefusedInput("a line is too long", where=f"{opened.name} line {row.number}")
            yield row.content, row.number, f"line {row.number} [0]", True
        return
    with opened.stream() as stream:
        scanner = Scanner(stream, opened.name)
        while (first := scanner.peek()) != -1:
            if first == ord("{") and _WHOLE.search(head):
                yield from _collections(scanner, opened.name, passed)
            elif first == ord("{"):
                yield from _placed(scanner, iter([scanner.value()]), "")
            elif first == ord("["):
                yield from _placed(scanner, scanner.elements(), "")
            else:
                raise scanner.refuse("a list or an object should stand here")


def _collections(scanner: Scanner, name: str, passed: list[str]) -> Iterator[tuple[bytes, int, str, bool]]:
    for key in scanner.members():
        if key in _COLLECTIONS and scanner.peek() == ord("["):
            yield from _placed(scanner, scanner.elements(), key)
        else:
            line = scanner.line
            value = parse(scanner.value(), name, line)
            if value and isinstance(value, list) and all(isinstance(one, dict) for one in value):
                passed.append(key)


def _placed(scanner: Scanner, raws: Iterator[bytes], name: str) -> Iterator[tuple[bytes, int, str, bool]]:
    for i, raw in enumerate(raws):
        line = scanner.line - raw.count(b"\n")
        yield raw, line, f"line {line} {name}[{i}]" if name else f"line {line} [{i}]", False


def _is_document(content: bytes) -> bool:
    try:
        return isinstance(parse(content, "", 1), dict) and bool(_SIGNS.search(content))
    except RefusedInput:
        return False


def _events(item: Item, schedules: Schedules, gathered: Gathered) -> Iterator[Event]:
    document = item.document
    if is_schedule(item):
        schedules.switch(item)  # raises what is wrong with it; the rates follow at the end of the file
        yield from beside_a_schedule(item, gathered)
    elif "eventType" in document or "insulin" in document or "carbs" in document:
        yield from treated(item, gathered)
    else:
        yield from measured(item)
