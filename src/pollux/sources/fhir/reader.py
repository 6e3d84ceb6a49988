"""Read FHIR files of any length: cut out each resource as it stands, check it, turn it into events."""

import io
from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from pollux.errors import RefusedInput
from pollux.record.entry import Entry
from pollux.sources.fhir.outline import CREATING, is_resource, learn_bundle, links_of, links_of_lines, outline_of
from pollux.sources.fhir.references import Links, identifier_of, name_in_transaction
from pollux.sources.fhir.resource import kept_raw, note, resource_entries
from pollux.sources.fhir.rules import bundle, bundle_entry
from pollux.sources.fhir.validate import envelope
from pollux.sources.format import Reading
from pollux.sources.lines import Line, line_by_line, lines
from pollux.sources.opening import Opened
from pollux.sources.scan import LARGEST, Scanner, TooLarge, parse


class _Raw(msgspec.Struct):
    resource: msgspec.Raw = msgspec.Raw()


_CUT = msgspec.json.Decoder(_Raw)


def read(opened: Opened, reading: Reading) -> Iterator[Entry]:
    """Every resource of a file as a document, followed by the events that it holds."""
    if line_by_line(opened, is_resource):
        yield from _lines(opened, reading)
        return
    links = links_of(opened)
    with opened.stream() as stream:
        scanner = Scanner(stream, opened.name)
        while scanner.peek() != -1:
            yield from _value(scanner, reading, links)


def _value(scanner: Scanner, reading: Reading, links: deque[Links]) -> Iterator[Entry]:
    """A bundle, with the first of what was learned of bundles, or one resource."""
    if scanner.peek() != ord("{"):
        raise scanner.refuse("a resource in {} should stand here")
    if scanner.kind() == "Bundle":
        yield from _bundle(scanner, reading, links.popleft() if links else Links())
        return
    line = scanner.line
    raw = scanner.value()
    yield from resource_entries(raw, parse(raw, reading.name, line), f"line {line}", None, reading, Links())


def _lines(opened: Opened, reading: Reading) -> Iterator[Entry]:
    """A file of one resource a line. A line that cannot be read is quarantined as it stands; the others come in."""
    links = links_of_lines(opened)
    readable, wrong = False, None
    for line in lines(opened):
        try:
            entries = list(_line(line, reading, links))
        except RefusedInput as error:
            wrong = wrong or error
            place = error.where.removeprefix(reading.name).strip() or f"line {line.number}"
            yield kept_raw(reading, "broken line", error.what, place, line.content)
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
    learn_bundle(outline_of(line.content), own)
    yield from _value(scanner, reading, deque([own]))
    if scanner.peek() != -1:
        raise scanner.refuse("more stands on the line than one resource")


def _bundle(scanner: Scanner, reading: Reading, links: Links) -> Iterator[Entry]:
    start = f"line {scanner.line}"
    header: dict[str, Any] = {}
    seen: set[tuple[str, str]] = set()
    entries = 0
    kind = links.type
    for key in scanner.members():
        if key != "entry" or scanner.peek() != ord("["):
            line = scanner.line
            header[key] = parse(scanner.value(), reading.name, line)
            continue
        for raw in scanner.elements():
            line = scanner.line - raw.count(b"\n")
            place = f"line {line} Bundle.entry[{entries}]"
            entries += 1
            try:
                entry = parse(raw, reading.name, line)
            except TooLarge as error:
                yield kept_raw(reading, "invalid resource", error.what, place, raw)
                continue
            if not isinstance(entry, dict):
                yield note(reading, "invalid bundle", f"Bundle.entry[{entries - 1}] must be an object", place)
                continue
            for text in bundle_entry(kind, entry, _object(entry.get("resource")), entries - 1):
                yield note(reading, "invalid bundle", text, place)
            yield from _entry(entry, raw, place, kind in CREATING, seen, reading, links)
    for text in envelope("Bundle", header) or bundle(header, entries):
        yield note(reading, "invalid bundle", text, start)


def _object(value: object) -> Mapping[str, Any] | None:
    return value if isinstance(value, dict) else None


def _entry(
    entry: dict[str, Any],
    raw: bytes,
    place: str,
    creating: bool,
    seen: set[tuple[str, str]],
    reading: Reading,
    links: Links,
) -> Iterator[Entry]:
    resource = entry.pop("resource", None)
    full_url = entry.get("fullUrl", "")
    request = _object(entry.get("request")) or {}
    method = request.get("method")
    wrong = [text.replace("Bundle", place.split(" ")[-1], 1) for text in envelope("Bundle_Entry", entry)]
    for text in wrong:
        yield note(reading, "invalid bundle", text, place)
    if not isinstance(resource, dict):
        if resource is not None or method in ("DELETE", "PATCH"):
            yield note(
                reading, "not carried out", f"an entry without a resource ({method}) changes nothing here", place
            )
        return
    full_url = full_url if isinstance(full_url, str) else ""
    meta = resource.get("meta")
    version = str(meta.get("versionId", "")) if isinstance(meta, dict) else ""
    if not isinstance(resource.get("resourceType"), str):
        yield kept_raw(reading, "invalid resource", "it has no resourceType", place, bytes(_CUT.decode(raw).resource))
        return
    if full_url:
        if (full_url, version) in seen:
            yield note(reading, "invalid bundle", "its fullUrl stands twice in the bundle", place)
        seen.add((full_url, version))
    id, unless = full_url.rpartition(":")[2] if full_url.startswith("urn:") else "", ""
    id = resource["id"] if isinstance(resource.get("id"), str) else id
    create = creating and method == "POST"
    if create:
        asked = request.get("ifNoneExist")
        unless = identifier_of(asked, resource["resourceType"]) if isinstance(asked, str) else ""
        if asked and not unless:
            text = "ifNoneExist is understood as identifier=system|value alone; it was taken for a plain create"
            yield note(reading, "not carried out", text, place)
        id = name_in_transaction(resource["resourceType"], full_url, unless)
    content = bytes(_CUT.decode(raw).resource)
    yield from resource_entries(content, resource, place, (id, unless, create), reading, links)
