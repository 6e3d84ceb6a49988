"""Walk through a FHIR Bundle of any length: every entry becomes a document with its events, or is refused."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec

from pollux.record.entry import Document, Entry, Refusal, Within, deletion
from pollux.sources.fhir.exported import exported_entries
from pollux.sources.fhir.history import Element, oldest_first
from pollux.sources.fhir.modifiers import not_understood
from pollux.sources.fhir.references import Links
from pollux.sources.fhir.requests import (
    BAD,
    CREATING,
    INVALID,
    Asked,
    asked,
    deleted,
    stated_in_history,
    without_resource,
)
from pollux.sources.fhir.resource import kept_raw, note, resource_entries, updated
from pollux.sources.fhir.rules import bundle, bundle_entry, not_all
from pollux.sources.fhir.validate import envelope
from pollux.sources.format import Reading
from pollux.sources.scan import Scanner, TooLarge, parse


class _Raw(msgspec.Struct):
    resource: msgspec.Raw = msgspec.Raw()


_CUT = msgspec.json.Decoder(_Raw)


@dataclass
class _Around:
    """The bundle around the entries: how it is read, what it says of itself, which full URLs stood in it already."""

    reading: Reading
    links: Links
    seen: set[tuple[str, str]] = field(default_factory=set)
    matches: int = 0

    @property
    def within(self) -> Within:
        return self.links.within

    def refused(self, place: str, status: str, why: str) -> Entry:
        return Entry("", Refusal(f"{self.reading.name} {place}", status, why, self.within))


def bundle_entries(scanner: Scanner, reading: Reading, links: Links) -> Iterator[Entry]:
    """What the entries of the bundle that comes next hold; `links` is what the first pass learned of it."""
    start = f"line {scanner.line}"
    header: dict[str, Any] = {}
    around = _Around(reading, links)
    entries = 0
    for key in scanner.members():
        if key != "entry" or scanner.peek() != ord("["):
            line = scanner.line
            header[key] = parse(scanner.value(), reading.name, line)
            continue
        numbered = enumerate(scanner.elements())
        elements = (Element(raw, scanner.line - raw.count(b"\n"), number) for number, raw in numbered)
        for element in oldest_first(elements) if around.within.kind == "history" else elements:
            yield from _element(element, around)
            entries += 1
    for text in envelope("Bundle", header) or bundle(header, entries):
        yield note(reading, "invalid bundle", text, start)
    if header.get("type") == "searchset":
        missing = not_all(header, around.matches)
        yield from (note(reading, "incomplete answer", text, start) for text in missing)


def _element(element: Element, around: _Around) -> Iterator[Entry]:
    """One entry of a bundle, from whatever stands there: it has one document or one refusal, never both."""
    raw, line, index, _ = element
    reading, place = around.reading, f"line {line} Bundle.entry[{index}]"
    try:
        entry = parse(raw, reading.name, line)
    except TooLarge as error:
        yield kept_raw(reading, "invalid resource", error.what, place, raw)
        yield around.refused(place, INVALID, error.what)
        return
    if not isinstance(entry, dict):
        why = f"Bundle.entry[{index}] must be an object"
        yield note(reading, "invalid bundle", why, place)
        yield around.refused(place, BAD, why)
        return
    around.matches += _mode(entry) in ("", "match")
    resource = entry.pop("resource", None)
    told = resource if isinstance(resource, dict) else None
    for text in bundle_entry(around.within.kind, entry, told, index):
        yield note(reading, "invalid bundle", text, place)
    for text in envelope("Bundle_Entry", entry):
        yield note(reading, "invalid bundle", text.replace("Bundle", f"Bundle.entry[{index}]", 1), place)
    if not element.sorted and not _dated(entry, told):
        why = "so long a history is not put in order, and this version does not say when it was (meta.lastUpdated)"
        yield kept_raw(reading, "not carried out", why, place, raw)
        yield around.refused(place, INVALID, why)
    elif around.links.export and told is not None:
        content = bytes(_CUT.decode(raw).resource)
        yield from exported_entries(entry, told, content, place, reading, around.links)
    elif _method(entry) == "DELETE" and around.within.kind in (*CREATING, "history"):
        yield from _deletion(entry, place, around)
    elif told is None:
        yield from _nothing(entry, resource, place, around)
    else:
        yield from _with_resource(entry, told, raw, place, around)


def _mode(entry: dict[str, Any]) -> object:
    search = entry.get("search")
    return search.get("mode", "") if isinstance(search, dict) else ""


def _method(entry: dict[str, Any]) -> object:
    request = entry.get("request")
    return request.get("method") if isinstance(request, dict) else None


def _dated(entry: dict[str, Any], resource: dict[str, Any] | None) -> bool:
    meta = resource.get("meta") if resource else None
    return bool(isinstance(meta, dict) and meta.get("lastUpdated")) or bool(stated_in_history(entry)[1])


def _deletion(entry: dict[str, Any], place: str, around: _Around) -> Iterator[Entry]:
    """The version of a resource that says that it is gone. Whose it was the store knows."""
    found = deleted(entry, around.within)
    if isinstance(found, Asked):
        yield note(around.reading, "not carried out", found.why, place)
        yield around.refused(place, found.status, found.why)
        return
    kind, id, at = found
    version, _ = stated_in_history(entry)
    said = at or version if around.within.kind == "history" else around.links.timestamp
    content = deletion(f"{kind}/{id}", said)
    when = updated(at, around.reading)
    where = f"{around.reading.name} {place}"
    yield Entry("", Document(kind, id, version[:64], content, where, when, within=around.within))


def _nothing(entry: dict[str, Any], resource: object, place: str, around: _Around) -> Iterator[Entry]:
    """An entry that brings no resource."""
    method = _method(entry)
    status, why = without_resource(method)
    if resource is not None or method is not None:
        yield note(around.reading, "not carried out", why, place)
    yield around.refused(place, status, why)


def _with_resource(
    entry: dict[str, Any], resource: dict[str, Any], raw: bytes, place: str, around: _Around
) -> Iterator[Entry]:
    reading, content = around.reading, bytes(_CUT.decode(raw).resource)
    if not isinstance(resource.get("resourceType"), str):
        why = "it has no resourceType"
        yield kept_raw(reading, "invalid resource", why, place, content)
        yield around.refused(place, INVALID, why)
        return
    if _stood_already(entry, resource, around.seen):
        yield note(reading, "invalid bundle", "its fullUrl stands twice in the bundle", place)
    changed = not_understood({"resourceType": "Bundle.entry", **entry}, raw)
    if changed:
        yield kept_raw(reading, "not understood", changed, place, content)
        yield around.refused(place, INVALID, changed)
        return
    wanted = asked(entry, resource, around.within)
    if wanted.overlooked:
        yield note(reading, "not carried out", wanted.overlooked, place)
    if wanted.why:
        yield kept_raw(reading, "not carried out", wanted.why, place, content)
        yield around.refused(place, wanted.status, wanted.why)
        return
    yield from resource_entries(content, resource, place, wanted.named, reading, around.links)


def _stood_already(entry: dict[str, Any], resource: dict[str, Any], seen: set[tuple[str, str]]) -> bool:
    meta, full_url = resource.get("meta"), entry.get("fullUrl")
    if not isinstance(full_url, str) or not full_url:
        return False
    this = full_url, str(meta.get("versionId", "")) if isinstance(meta, dict) else ""
    there = this in seen
    seen.add(this)
    return there
