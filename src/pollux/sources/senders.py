"""Ids of one sender kept apart from those of another: *Patient/1* of two hospitals is two people."""

import re
from collections.abc import Iterable, Iterator

import msgspec

from pollux.errors import RefusedInput
from pollux.record.entry import CREATED, IDENTIFIED, Document, Entry, own_id
from pollux.record.event import Event, Person
from pollux.record.quality import Quarantined

_NAME = re.compile(r"[A-Za-z0-9-]{1,24}")
_LONGEST = 64


def check_sender(sender: str) -> None:
    """Raise `RefusedInput` unless a name can stand in front of ids."""
    if sender and not _NAME.fullmatch(sender):
        raise RefusedInput(
            "a sender's name has letters, digits and hyphens, at most 24", advice="Write for example: clinic-a."
        )


def apart(entries: Iterable[Entry], sender: str) -> Iterator[Entry]:
    """The same entries, the sender's name in front of every id that the sender gave.

    What is named by a business identifier (conditional creates and updates) or by an export of Pollux stays: those are
    the same whoever sends them.
    """
    before, after = "", ""  # the document at hand as the sender calls it, and as it is called here
    exported = False
    for entry in entries:
        item, person = entry.item, entry.person
        if isinstance(item, Document):
            before, exported = item.name, item.apart
            if not (item.unless or item.seeks or item.apart):
                item = item.under(called(sender, item.kind, item.id))
            after = item.name
        given = bool(person) and not person.startswith((IDENTIFIED, CREATED)) and not exported
        if isinstance(item, Person) and given:
            item = msgspec.structs.replace(item, id=called(sender, "Patient", item.id))
        elif isinstance(item, Event | Quarantined):
            item = _renamed(item, before, after)
        yield Entry(called(sender, "Patient", person) if given else person, item)


def called(sender: str, kind: str, id: str) -> str:
    """The id here of what a sender calls so.

    >>> called("clinic-a", "Patient", "1")
    'clinic-a.1'
    """
    name = f"{sender}.{id}"
    return name if len(name) <= _LONGEST else own_id(f"{sender}/{kind}/{id}")


def _renamed(item: Event | Quarantined, before: str, after: str) -> Event | Quarantined:
    def new(id: str) -> str:
        name, mark, rest = id.partition("#")
        return f"{after}{mark}{rest}" if before and name == before else id

    if isinstance(item, Event):
        return item if before == after else msgspec.structs.replace(item, id=new(item.id))
    finding = msgspec.structs.replace(item.finding, event=new(item.finding.event))
    event = None if item.event is None else msgspec.structs.replace(item.event, id=new(item.event.id))
    return msgspec.structs.replace(item, finding=finding, event=event, document=new(item.document))
