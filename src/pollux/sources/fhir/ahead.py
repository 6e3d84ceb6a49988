"""The Patients of a bundle before the rest of it, so that nothing is filed under somebody else of the same id."""

from collections.abc import Iterator
from typing import Any

import msgspec

from pollux.errors import PolluxError
from pollux.record.entry import Ahead, Document, Entry
from pollux.sources.fhir.exported import kept_as
from pollux.sources.fhir.outline import is_patient
from pollux.sources.fhir.references import Links, identifiers
from pollux.sources.fhir.requests import asked
from pollux.sources.fhir.resource import resource_document
from pollux.sources.format import Reading
from pollux.sources.scan import Scanner, parse


class _Entry(msgspec.Struct):
    resource: msgspec.Raw = msgspec.Raw()


_CUT = msgspec.json.Decoder(_Entry)


def ahead_of_bundle(scanner: Scanner, reading: Reading, links: Links) -> Iterator[Entry]:
    """The Patients of the bundle that comes next; of an export whose it is, as all versions together state it."""
    exported = Document("Patient", links.export, "", b"", reading.name, within=links.within, apart=True)
    stated: dict[str, None] = {}
    for entry, content in _patients(scanner, reading):
        resource = entry["resource"]
        if not links.export:
            wanted = asked(entry, resource, links.within)
            if not wanted.why:
                yield _ahead(content, resource, wanted.named.id, reading, wanted.named)
        elif (kept_as(entry) or ("Patient", resource.get("id"))) == ("Patient", links.export):
            born, gender = resource.get("birthDate"), resource.get("gender")
            stated |= dict.fromkeys(identifiers(resource))
            exported = msgspec.structs.replace(
                exported,
                born=born if isinstance(born, str) else exported.born,
                gender=gender if isinstance(gender, str) else exported.gender,
            )
    if links.export:
        yield Entry(links.export, Ahead(msgspec.structs.replace(exported, identifiers=tuple(stated))))


def ahead_of_resource(raw: bytes, reading: Reading) -> Iterator[Entry]:
    """A Patient who stands alone, on a line or between other resources."""
    resource = _parsed(raw, reading)
    if resource is not None and resource.get("resourceType") == "Patient":
        id = resource.get("id")
        yield _ahead(raw, resource, id if isinstance(id, str) else "", reading)


def _ahead(content: bytes, resource: dict[str, Any], id: str, reading: Reading, *named: Any) -> Entry:
    document = resource_document(content, resource, "", id, reading, *named)
    return Entry(document.id, Ahead(document))


def _patients(scanner: Scanner, reading: Reading) -> Iterator[tuple[dict[str, Any], bytes]]:
    for key in scanner.members():
        if key != "entry" or scanner.peek() != ord("["):
            scanner.value()
            continue
        for raw in scanner.elements():
            entry = _parsed(raw, reading) if is_patient(raw) else None
            if entry is not None and isinstance(entry.get("resource"), dict):
                yield entry, bytes(_CUT.decode(raw).resource)


def _parsed(raw: bytes, reading: Reading) -> dict[str, Any] | None:
    """The object; None where something is wrong with it, which is told when it is read."""
    try:
        found = parse(raw, reading.name, 0)
    except PolluxError:
        return None
    return found if isinstance(found, dict) else None
