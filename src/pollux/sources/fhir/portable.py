"""Everything held about a person as one FHIR Bundle: what was received, what was derived, from where, and who saw it.

Resources stand in it byte for byte as they were received, every version; what was deleted is a Basic. Events that came
in no resource become Observations, coded in the vocabulary's own system (`urn:pollux:quantity`) and in LOINC where it
has a code; what was corrected or retracted since is *entered in error*. Quarantined rows are OperationOutcomes with
their content as Binary, states of twins DocumentReferences. A Basic says what FHIR's Patient has no place for. One
Provenance a source file says where things came from, one AuditEvent a line of the audit who did and saw what.

Taken in elsewhere it gives the same record (`exported.py` reads it): a link says which version of which document an
entry is, extensions what each event was through all its versions.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import chain
from typing import Any
from urllib.parse import quote

import msgspec

from pollux.record.entry import own_id
from pollux.record.event import Event, source_name
from pollux.record.held import Held
from pollux.record.record import Record
from pollux.sources.fhir.exported import COURSE, DELETED, EXPORT, QUARANTINED, UPDATED, version_url
from pollux.sources.fhir.references import HELD
from pollux.sources.fhir.written import (
    Resource,
    about,
    audit_event,
    checkpoints,
    deleted,
    device_files,
    instant,
    named,
    observation,
    patient,
    provenances,
    quarantined,
)

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_BASE = "https://pollux.invalid/fhir/"  # so that relative references resolve inside the Bundle; nothing is there
_JSON = msgspec.json.Encoder()
Sources = dict[tuple[str, datetime], list[str]]


class _Entry(msgspec.Struct, omit_defaults=True):
    fullUrl: str
    link: list[dict[str, str]] = []
    extension: list[dict[str, Any]] = []
    resource: msgspec.Raw = msgspec.Raw()


def portable(held: Held, at: datetime) -> Iterator[bytes]:
    """The Bundle in pieces, at most one resource each; `at` is when it was asked for."""
    tag = {"system": EXPORT, "code": quote(held.person.id, safe="")}
    header = {"resourceType": "Bundle", "meta": {"tag": [tag]}, "type": "collection", "timestamp": instant(at)}
    yield _JSON.encode(header)[:-1] + b',"entry":['
    first = True
    for entry in _entries(held):
        yield (b"\n" if first else b",\n") + _JSON.encode(entry)
        first = False
    yield b"\n]}\n"


def _entries(held: Held) -> Iterator[_Entry]:
    id = held.person.id
    sources: Sources = defaultdict(list)
    courses: dict[str, list[Event]] = defaultdict(list)  # of each event all versions
    for event in sorted(held.events, key=lambda e: (e.learned, e.content)):
        courses[event.id].append(event)
    names = {document.name for document in held.documents}
    if f"Patient/{id}" not in names:
        yield _Entry(_url(f"Patient/{id}"), resource=_raw(patient(held.person)))
    yield from _documents(held, courses, sources)
    standing = {event.id for event in Record(held.person, held.events).current}
    for course in courses.values():
        if source_name(course[0].id) not in names:
            yield from _observations(course, id, course[0].id in standing, sources)
    yield from _not_used(held)
    told = [about(held), *checkpoints(held.checkpoints, id), *device_files(held.files, id), *provenances(sources)]
    acts = (audit_event(act, f"Patient/{id}") | {"id": ""} for act in held.acts)
    ours = (named(resource | {"meta": {"source": f"{HELD}{id}"}}, id) for resource in chain(told, acts))
    for name, resource in _once(ours):
        yield _Entry(_url(name), _self(name, 1), resource=_raw(resource))


def _not_used(held: Held) -> Iterator[_Entry]:
    """What is in quarantine; the same content may be there for several reasons."""
    both = [(item, resource) for item in held.quarantined for resource in quarantined(item, held.person.id)]
    items = {resource["id"]: item for item, resource in both if resource["resourceType"] == "OperationOutcome"}
    for name, resource in _once(resource for _, resource in both):
        item = items.get(resource["id"])
        known = [_extension(QUARANTINED, _JSON.encode(item).decode())] if item else []
        yield _Entry(_url(name), extension=known, resource=_raw(resource))


def _once(resources: Iterable[Resource]) -> Iterator[tuple[str, Resource]]:
    """Each resource with its name, one that says the same as another left out."""
    seen: set[str] = set()
    for resource in resources:
        name = f"{resource['resourceType']}/{resource['id']}"
        if name not in seen:
            yield name, resource
        seen.add(name)


def _documents(held: Held, courses: dict[str, list[Event]], sources: Sources) -> Iterator[_Entry]:
    """Every version of every document, in the order of arrival; with the last of each the events that stem from it."""
    stated: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for id, course in courses.items():
        stated[source_name(id)].append(_extension(COURSE, _JSON.encode(course).decode()))
    last = {document.name: number for number, document in enumerate(held.documents)}
    seen: dict[str, int] = defaultdict(int)
    for number, document in enumerate(held.documents):
        name = document.name
        seen[name] += 1
        newest = last[name] == number
        extensions = [{"url": UPDATED, "valueInstant": instant(document.updated)}] if document.updated else []
        extensions += stated[name] if newest else []
        content = document.content
        if document.gone:
            extensions.append(_extension(DELETED, content.decode()))
            content = _JSON.encode(named(deleted(document, held.person.id), f"{held.person.id} {seen[name]}"))
        own = newest and _own_id(content) == document.id
        url = _url(name) if own else f"urn:uuid:{own_id(f'{name}/{seen[name]}')}"
        yield _Entry(url, _self(name, seen[name]), extensions, msgspec.Raw(content))
        if document.learned is not None and newest:
            sources[document.place.rpartition(" line ")[0], document.learned].append(name)


def _observations(course: list[Event], person: str, stands: bool, sources: Sources) -> Iterator[_Entry]:
    """Every version of an event that came in no resource."""
    for event in course:
        newest = event is course[-1]
        made = observation(event, person, stands and newest)
        name = f"Observation/{made['id']}"
        sources[event.source.name, event.learned].append(name)
        extensions = [_extension(COURSE, _JSON.encode(course).decode())] if newest else []
        yield _Entry(_url(name), extension=extensions, resource=_raw(made))


class _Named(msgspec.Struct):
    id: object = None


def _own_id(content: bytes) -> object:
    """The id that a resource says of itself."""
    try:
        return msgspec.json.decode(content, type=_Named).id
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _raw(resource: Resource) -> msgspec.Raw:
    return msgspec.Raw(_JSON.encode(resource))


def _self(name: str, number: int) -> list[dict[str, str]]:
    return [{"relation": "self", "url": version_url(name, number)}]


def _extension(url: str, value: str) -> dict[str, str]:
    return {"url": url, "valueString": value}


def _url(name: str) -> str:
    kind, _, id = name.partition("/")
    return f"urn:uuid:{id}" if _UUID.fullmatch(id) else f"{_BASE}{quote(kind, safe='')}/{quote(id, safe='')}"
