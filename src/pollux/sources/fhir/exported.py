"""Read an export of Pollux itself: it is all one person's, under the names and with the events that it had there.

An export (`portable`) is a Bundle with the tag `urn:pollux:export|<id of the person>`. A link `self` of an entry says
as which version of which document its resource is kept; an entry without one only shows to other
readers what stands in its extensions.
Events are not made from the resources anew: that would need the time zone and the other resources that were known when
they came. Their versions stand in extensions, and so come in as they were.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote, unquote

import msgspec

from pollux.errors import PolluxError
from pollux.record.entry import Course, Document, Entry, Refusal, Within
from pollux.record.event import Event, Person
from pollux.record.quality import Quarantined
from pollux.sources.clock import zone
from pollux.sources.fhir.dates import check_time
from pollux.sources.fhir.references import Links
from pollux.sources.fhir.requests import INVALID
from pollux.sources.fhir.resource import kept_raw, resource_document, updated
from pollux.sources.format import Reading

EXPORT = "urn:pollux:export"
COURSE = "urn:pollux:event"  # all versions of one event, oldest first, as JSON
DELETED = "urn:pollux:deleted"  # what is kept in place of a resource from its deletion on
QUARANTINED = "urn:pollux:quarantined"  # what is not used and why, as JSON
UPDATED = "urn:pollux:updated"  # when a version was made, where the resource does not say so itself
STATED = "urn:pollux:person:"  # in front of a field of `Person`
_SELF = re.compile(r"([^/]+)/([^/]+)/_history/\d+")
_QUARANTINED = msgspec.json.Decoder(Quarantined)
_COURSE = msgspec.json.Decoder(tuple[Event, ...])
Object = Mapping[str, Any]


def version_url(name: str, number: int) -> str:
    """Where a version of a document is, relative to nothing.

    >>> version_url("Observation/o1", 2)
    'Observation/o1/_history/2'
    """
    kind, _, id = name.partition("/")
    return f"{quote(kind, safe='')}/{quote(id, safe='')}/_history/{number}"


def kept_as(entry: Object) -> tuple[str, str] | None:
    """Kind and id under which an export says that it keeps a resource; None where it only shows it."""
    stated = entry.get("link", ())
    links = [one for one in (stated if isinstance(stated, list) else ()) if isinstance(one, dict)]
    own = next((str(one.get("url")) for one in links if one.get("relation") == "self"), "")
    found = _SELF.fullmatch(own)
    return (unquote(found.group(1)), unquote(found.group(2))) if found else None


def exported_entries(
    entry: Object, resource: Object, content: bytes, place: str, reading: Reading, links: Links
) -> Iterator[Entry]:
    """What an entry of an export holds: a document as it was kept, courses of events, what is said of the person."""
    where, within = f"{reading.name} {place}", links.within
    try:
        document = _document(entry, resource, content, place, reading, within)
        courses = [
            Course(_learned(text, reading), "" if document else where, within) for text in _extensions(entry, COURSE)
        ]
        quarantined = [_not_used(text) for text in _extensions(entry, QUARANTINED)]
        person = _person(resource, links.export) if document else None
    except (msgspec.DecodeError, PolluxError, ValueError, OverflowError) as error:
        why = f"this is not as Pollux exports it ({str(error)[:200]})"
        raw = msgspec.json.encode({**entry, "resource": resource})
        yield Entry(links.export, kept_raw(reading, "not carried out", why, place, raw).item)
        yield Entry(links.export, Refusal(where, INVALID, why, within))
        return
    if document is not None:
        yield Entry(links.export, document)
        if person:
            yield Entry(links.export, person)
    for item in quarantined:
        yield Entry(links.export, item)
    for course in courses or ([] if document else [Course((), where, within)]):
        yield Entry(links.export, course)


def _learned(text: str, reading: Reading) -> tuple[Event, ...]:
    """The versions of an event; here they are learned by this reading."""
    events = tuple(msgspec.structs.replace(_timely(event), learned=reading.learned) for event in _COURSE.decode(text))
    if len({event.id for event in events}) != 1:
        raise ValueError("the versions of one event have one id")
    return events


def _not_used(text: str) -> Quarantined:
    """What was in quarantine."""
    item = _QUARANTINED.decode(text)
    if item.finding.time is not None:
        check_time(item.finding.time)
    return item if item.event is None else msgspec.structs.replace(item, event=_timely(item.event))


def _timely(event: Event) -> Event:
    """An event whose times were checked; raises `RefusedInput` where one of them cannot be reckoned with."""
    for moment in (event.time, event.end, event.modified, event.learned):
        if moment is not None:
            check_time(moment)
    return event


def _document(
    entry: Object, resource: Object, content: bytes, place: str, reading: Reading, within: Within
) -> Document | None:
    named = kept_as(entry)
    if named is None:
        return None
    kind, id = named
    made = resource_document(content, resource, place, id, reading)
    when = next((updated(text, reading) for text in _extensions(entry, UPDATED)), made.updated)
    made = msgspec.structs.replace(made, kind=kind, id=id, updated=when, within=within, apart=True)
    for text in _extensions(entry, DELETED):
        gone = msgspec.structs.replace(made, content=text.encode(), version="", identifiers=())
        if not gone.gone:
            raise ValueError("what is said to be deleted is something else")
        return gone
    return made


def _person(resource: Object, id: str) -> Person | None:
    """What the export says of the person, in its Basic resource of the code "person"."""
    code = resource.get("code")
    codings = code.get("coding", ()) if isinstance(code, dict) else ()
    if resource.get("resourceType") != "Basic" or {"system": EXPORT, "code": "person"} not in codings:
        return None
    said = {url.removeprefix(STATED): value for url, value in _values(resource) if url.startswith(STATED)}
    fields = {name: said[name] for name in Person.__struct_fields__ if name in said}
    person = msgspec.convert(fields | {"id": id}, Person)
    person.born()  # raises ValueError where that is no date
    zone(person.timezone)
    return person


def _extensions(holder: Object, url: str) -> list[str]:
    return [str(value) for named, value in _values(holder) if named == url]


def _values(holder: Object) -> Iterator[tuple[str, object]]:
    stated = holder.get("extension", ())
    for one in stated if isinstance(stated, list) else ():
        if isinstance(one, dict):
            yield str(one.get("url")), one.get("valueString", one.get("valueBoolean", one.get("valueInstant")))
