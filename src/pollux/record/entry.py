"""What a source hands over, one thing at a time: a person, an event, a document as received, or a quarantined row."""

from datetime import datetime

import msgspec

from pollux.record.event import Event, Person
from pollux.record.quality import Quarantined


class Document(msgspec.Struct, frozen=True):
    """A resource exactly as it was received.

    `kind` and `id` name it ("Observation", "o1"); `version` and `updated` are what it says of its own version. `place`
    is where in the file it stood. `understood` is False when nothing in a document of this kind is made into events:
    it is kept and counted.
    """

    kind: str
    id: str
    version: str
    content: bytes
    place: str
    updated: datetime | None = None
    understood: bool = True

    @property
    def name(self) -> str:
        """Kind and id, as events that stem from this document carry it in front of their own id.

        >>> Document("Observation", "o1", "", b"{}", "line 1").name
        'Observation/o1'
        """
        return f"{self.kind}/{self.id}"


class Entry(msgspec.Struct, frozen=True):
    """One thing that came in, and whose it is; `person` is empty when it belongs to nobody (an organisation)."""

    person: str
    item: Person | Event | Document | Quarantined
