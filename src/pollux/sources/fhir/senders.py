"""Ids of one sender kept apart from those of another: *Patient/1* of two hospitals is two people."""

import re
from collections.abc import Callable, Iterable, Iterator

import msgspec

from pollux.errors import RefusedInput
from pollux.record.entry import CREATED, IDENTIFIED, Ahead, Course, Document, Entry, Link, own_id
from pollux.record.event import Event, Person, source_name
from pollux.record.quality import Quarantined
from pollux.sources.fhir.validate import known

_NAME = re.compile(r"[A-Za-z0-9-]{1,24}")
_LONGEST = 64  # signs of an id as FHIR has it
Names = Callable[[str], str]


def check_sender(sender: str) -> None:
    """Raise `RefusedInput` unless a name can stand in front of ids."""
    if sender and not _NAME.fullmatch(sender):
        raise RefusedInput(
            "a sender's name has letters, digits and hyphens, at most 24", advice="Write for example: clinic-a."
        )


def apart(entries: Iterable[Entry], sender: str) -> Iterator[Entry]:
    """The same entries, the sender's name in front of every id that the sender gave, those in an export included.

    What is named by a business identifier (conditional creates and updates) stays: that is the same whoever sends it.
    So do events of an export that stem from no document: they are named by their own content or by a device.
    """
    before, after = "", ""  # the document at hand as the sender calls it, and as it is called here
    exported = False
    for entry in entries:
        item, person = entry.item, entry.person
        if isinstance(item, Document):
            before, exported = item.name, item.apart
            item = item if item.unless or item.seeks else item.under(called(sender, item.kind, item.id))
            after = item.name
        given = bool(person) and not person.startswith((IDENTIFIED, CREATED))
        match item:
            case Ahead(patient) if given:
                item = Ahead(patient.under(called(sender, "Patient", patient.id)))
            case Person() if given:
                item = msgspec.structs.replace(item, id=called(sender, "Patient", item.id))
            case Link() if given:
                duplicate, into = (called(sender, "Patient", id) for id in (item.duplicate, item.into))
                item = Link(duplicate, into, item.place)
            case Course(events):
                item = msgspec.structs.replace(item, events=tuple(_renamed(one, _all(sender)) for one in events))
            case Event():
                item = _renamed(item, _one(before, after))
            case Quarantined():
                item = _set_aside(item, _all(sender) if exported else _one(before, after))
        yield Entry(called(sender, "Patient", person) if given else person, item)


def called(sender: str, kind: str, id: str) -> str:
    """The id here of what a sender calls so.

    >>> called("clinic-a", "Patient", "1")
    'clinic-a.1'

    Together they have at most 64 signs, or a digest stands for them; what is longer by itself stays as it is.
    """
    name = f"{sender}.{id}"
    return name if len(name) <= _LONGEST or len(id) > _LONGEST else own_id(f"{sender}/{kind}/{id}")


def _one(before: str, after: str) -> Names:
    """Names after the document at hand."""
    return lambda name: after if before and name == before else name


def _all(sender: str) -> Names:
    """Names after any document: a kind of FHIR and an id."""

    def new(name: str) -> str:
        kind, _, id = name.partition("/")
        return f"{kind}/{called(sender, kind, id)}" if id and known(kind) else name

    return new


def _renamed(event: Event, names: Names) -> Event:
    return msgspec.structs.replace(event, id=_id(event.id, names))


def _set_aside(item: Quarantined, names: Names) -> Quarantined:
    finding = msgspec.structs.replace(item.finding, event=_id(item.finding.event, names))
    event = None if item.event is None else _renamed(item.event, names)
    document = names(item.document) if item.document == item.finding.event else item.document
    return msgspec.structs.replace(item, finding=finding, event=event, document=document)


def _id(id: str, names: Names) -> str:
    name = source_name(id)
    return names(name) + id.removeprefix(name)
