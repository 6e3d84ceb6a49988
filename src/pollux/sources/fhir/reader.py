"""Read FHIR files of any length: a bundle, several, one resource, or one a line."""

import io
from collections import deque
from collections.abc import Iterator

from pollux.errors import RefusedInput
from pollux.record.entry import Entry, Refusal
from pollux.sources.fhir.ahead import ahead_of_bundle, ahead_of_resource
from pollux.sources.fhir.bundle import bundle_entries
from pollux.sources.fhir.outline import is_resource, learn_bundle, links_of, links_of_lines, outline_of
from pollux.sources.fhir.references import Links
from pollux.sources.fhir.requests import BAD
from pollux.sources.fhir.resource import kept_raw, resource_entries
from pollux.sources.format import Reading
from pollux.sources.lines import Line, line_by_line, lines
from pollux.sources.opening import Opened
from pollux.sources.scan import LARGEST, Scanner, parse


def read(opened: Opened, reading: Reading) -> Iterator[Entry]:
    """Every resource of a file as a document, followed by the events that it holds.

    Where a Patient stands behind what may be about them, they are told `Ahead` of it.
    """
    if line_by_line(opened, is_resource):
        yield from _lines(opened, reading)
        return
    links = links_of(opened)
    with opened.stream() as stream, opened.stream() as further:
        scanner, ahead = Scanner(stream, opened.name), Scanner(further, opened.name)
        if scanner.peek() != -1 and scanner.kind() != "Bundle":
            yield from _ahead_of_values(opened, reading)
        twice = any(one.late or one.export for one in links)
        while scanner.peek() != -1:
            if twice and links and scanner.kind() == "Bundle":
                yield from ahead_of_bundle(ahead, reading, links[0])
            elif twice:
                ahead.value()
            yield from _value(scanner, reading, links)


def _ahead_of_values(opened: Opened, reading: Reading) -> Iterator[Entry]:
    """The Patients among resources that stand one after the other; what is wrong with the file is told later."""
    with opened.stream() as stream:
        scanner = Scanner(stream, opened.name)
        try:
            while scanner.peek() == ord("{"):
                if scanner.kind() == "Bundle":
                    deque(ahead_of_bundle(scanner, reading, Links()), 0)  # it speaks for itself
                else:
                    yield from ahead_of_resource(scanner.value(), reading)
        except RefusedInput:
            return


def _value(scanner: Scanner, reading: Reading, links: deque[Links]) -> Iterator[Entry]:
    """A bundle, with the first of what was learned of bundles, or one resource."""
    if scanner.peek() != ord("{"):
        raise scanner.refuse("a resource in {} should stand here")
    if scanner.kind() == "Bundle":
        yield from bundle_entries(scanner, reading, links.popleft() if links else Links())
        return
    line = scanner.line
    raw = scanner.value()
    yield from resource_entries(raw, parse(raw, reading.name, line), f"line {line}", None, reading, Links())


def _lines(opened: Opened, reading: Reading) -> Iterator[Entry]:
    """A file of one resource a line. A line that cannot be read is quarantined as it stands; the others come in."""
    links = links_of_lines(opened)
    if links.late:
        for line in lines(opened):
            if line.whole and b'"Patient"' in line.content and b'"Bundle"' not in line.content:
                yield from ahead_of_resource(line.content, reading)
    readable, wrong = False, None
    for line in lines(opened):
        try:
            entries = list(_line(line, reading, links))
        except RefusedInput as error:
            wrong = wrong or error
            place = error.where.removeprefix(reading.name).strip() or f"line {line.number}"
            yield kept_raw(reading, "broken line", error.what, place, line.content)
            yield Entry("", Refusal(f"{reading.name} {place}", BAD, error.what))
            continue
        readable = True
        yield from entries
    if wrong and not readable:
        raise wrong


def _line(line: Line, reading: Reading, links: Links) -> Iterator[Entry]:
    if not line.whole:
        raise RefusedInput(f"the line is longer than {LARGEST >> 20} MB; only its beginning is kept here")
    if b'"Bundle"' not in line.content:
        resource = parse(line.content, reading.name, line.number)
        yield from resource_entries(line.content, resource, f"line {line.number}", None, reading, links)
        return
    scanner = Scanner(io.BufferedReader(io.BytesIO(line.content)), reading.name, line.number)
    own = Links(medications=links.medications)
    learn_bundle(outline_of(line.content), own, line.number)
    if own.late or own.export:
        ahead = Scanner(io.BufferedReader(io.BytesIO(line.content)), reading.name, line.number)
        if ahead.kind() == "Bundle":
            yield from ahead_of_bundle(ahead, reading, own)
    yield from _value(scanner, reading, deque([own]))
    if scanner.peek() != -1:
        raise scanner.refuse("more stands on the line than one resource")
