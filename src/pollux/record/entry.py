"""What a source hands over, one thing at a time: a person, an event, a document as received, or a quarantined row."""

import re
import uuid
from datetime import datetime
from typing import Literal

import msgspec

from pollux.record.event import Event, Person
from pollux.record.quality import Finding, Quarantined


class Within(msgspec.Struct, frozen=True):
    """Which bundle of its file something stood in: the number of the bundle, from 1, and its type ("transaction")."""

    number: int
    kind: str = ""


class Document(msgspec.Struct, frozen=True):
    """A resource exactly as it was received.

    `kind` and `id` name it ("Observation", "o1"); `version` and `updated` are what it says of its own version. `place`
    is where in the file it stood. `understood` is False when nothing in a document of this kind is made into events:
    it is kept and counted. `identifiers` are its business identifiers, `system|value`; a document with `unless` is not
    taken when one of its kind with that identifier is there (FHIR's conditional create), one that `seeks` is a new
    version of the one that has it, if one has (conditional update). `learned` is when it was taken in, where it was;
    `new` says that the sender creates it (POST): then it never changes what is there. `within` is its bundle. What a
    document states comes right behind it, or else `apart` from it, as a `Course`: then it withdraws nothing itself.
    `born`, `gender` and `called` (family and given names) are what a Patient states.
    """

    kind: str
    id: str
    version: str
    content: bytes
    place: str
    updated: datetime | None = None
    understood: bool = True
    identifiers: tuple[str, ...] = ()
    unless: str = ""
    learned: datetime | None = None
    new: bool = False
    seeks: str = ""
    within: Within | None = None
    apart: bool = False
    born: str = ""
    gender: str = ""
    called: tuple[str, str] = ("", "")  # family and given names

    def under(self, id: str) -> "Document":
        """The same under another id."""
        content = self.content
        if self.gone:
            content = deletion(f"{self.kind}/{id}", _DELETION.decode(content).at)
        return msgspec.structs.replace(self, id=id, content=content)

    @property
    def name(self) -> str:
        """Kind and id, as events that stem from this document carry it in front of their own id.

        >>> Document("Observation", "o1", "", b"{}", "line 1").name
        'Observation/o1'
        """
        return f"{self.kind}/{self.id}"

    @property
    def asked(self) -> bool:
        """Whether its sender asks for something to be done, and does not only tell what was."""
        return self.within is not None and self.within.kind in ("transaction", "batch")

    @property
    def gone(self) -> bool:
        """Whether this version says that the resource was deleted.

        >>> Document("Observation", "o1", "", deletion("Observation/o1"), "line 1").gone
        True
        """
        if not self.content.startswith(_GONE):
            return False
        try:
            return _DELETION.decode(self.content).deleted == self.name
        except msgspec.DecodeError:
            return False


class _Deletion(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What stands in place of a resource from its deletion on. No resource looks like it: it has no resourceType."""

    deleted: str
    at: str = ""


_GONE = b'{"deleted":'
_DELETION = msgspec.json.Decoder(_Deletion)


def deletion(name: str, at: str = "") -> bytes:
    """The content of a version that says that a resource is gone; `at` is when, in the words of whoever says it.

    >>> deletion("Observation/o1", "2026-01-01T00:00:00Z")
    b'{"deleted":"Observation/o1","at":"2026-01-01T00:00:00Z"}'
    """
    return msgspec.json.encode(_Deletion(name, at))


DEVICE_FILE = "DeviceFile"  # the kind of document that a device's file is, in pieces, byte for byte


def file_of(document: Document) -> str:
    """Which device's file a document is a piece of; "" for what is none.

    >>> file_of(Document(DEVICE_FILE, "68ff4b28.2", "2/3", b"", "clarity.csv"))
    '68ff4b28'
    """
    return document.id.rpartition(".")[0] if document.kind == DEVICE_FILE else ""


_ID = re.compile(r"(?=.*[A-Za-z0-9_])[A-Za-z0-9._-]+", re.ASCII)
LONGEST_ID = 280  # signs of an id, a sender's name in front of it included
SIGNS = "letters from A to Z, digits, - . and _"


def is_id(text: str) -> bool:
    """Whether a person or a resource may be called so here: in signs that are one each for everybody who sees them.

    >>> is_id("ada-1"), is_id("../ada"), is_id("ada "), is_id("..")
    (True, False, False, False)
    """
    return len(text) <= LONGEST_ID and _ID.fullmatch(text) is not None


IDENTIFIED = "Patient?identifier="  # a person who is there already
CREATED = "POST Patient?identifier="  # a person who is there, or else is created on the way


def own_id(name: str) -> str:
    """The id that Pollux gives to what it knows by another name: the same for the same name (UUID version 5).

    >>> own_id("http://hospital.example/fhir/Patient/1")
    '68ff4b28-852f-53ff-b618-78da8f4ad19c'
    """
    return str(uuid.uuid5(uuid.NAMESPACE_URL, name))


Rank = Literal["device", "user", "record"]  # of who says who a person is, the weightier later


class Link(msgspec.Struct, frozen=True):
    """What a sender says of two of its own ids: `duplicate` was replaced by `into`, and both are one person."""

    duplicate: str
    into: str
    place: str = ""


class Entry(msgspec.Struct, frozen=True):
    """One thing that came in, and whose it is; `person` is empty when it belongs to nobody (an organisation).

    A finding is news of the file as a whole, for whoever takes it in; it is not kept. `by` says who states it: a
    medical record, whoever takes the file in, or a device's file. Where they contradict each other on who a person is,
    the record holds.

    A person may be named by an identifier, `Patient?identifier=system|value` or, where the Patient comes with it to be
    created if need be, `POST Patient?identifier=system|value`: whoever keeps the entry knows who it is.
    """

    person: str
    item: "Person | Event | Document | Course | Quarantined | Refusal | Ahead | Link | Finding"
    by: Rank = "record"


class Ahead(msgspec.Struct, frozen=True):
    """A Patient who stands further on in the file, told before anything that is said of them.

    It is for whoever keeps the entries to know in time that this is somebody else than the one who is there under the
    same id. Of an export the identifiers of all versions are told at once, without content.
    """

    patient: Document


class Course(msgspec.Struct, frozen=True):
    """All that was ever said under the id of one event, oldest first, as another store held it.

    Corrections and withdrawals are among it. `place` is where it stood, if it is all that stood there.
    """

    events: tuple[Event, ...]
    place: str = ""
    within: Within | None = None


class Refusal(msgspec.Struct, frozen=True):
    """An entry of a bundle, or a line, that comes to nothing: where it stood, why, and the HTTP status for that.

    It is for whoever sent it and is not kept; what it brought is, in quarantine.
    """

    place: str
    status: str
    why: str
    within: Within | None = None


class Answer(msgspec.Struct, frozen=True):
    """What became of one document: where it stood, how it is named here, which version it is.

    `created` says that it is the first of its name. The same document again has the same answer. Where it was refused,
    `status` is the HTTP status, `why` the reason, and it has no name; a `status` without a reason is another success.
    """

    place: str
    name: str = ""
    version: int = 0
    created: bool = False
    status: str = ""
    why: str = ""
    within: Within | None = None
