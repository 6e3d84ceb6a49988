"""What rows hold before they are sealed: documents, quarantined things, and events as the first store kept them.

What was written before is read. JSON has no number that is not finite: what holds one is written with the number as a
text ("inf", "nan"). Earlier versions wrote null in its place, which is read as the text "null".
"""

import hashlib
import zlib
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Protocol, TypeVar

import msgspec

from pollux.record.entry import Document
from pollux.record.event import Event, source_name
from pollux.record.quality import Finding, Quarantined
from pollux.store.columns import Origin, deflated, finite

_ENCODE = msgspec.json.Encoder()
_PACK = msgspec.msgpack.Encoder()
_CHECKPOINT = msgspec.msgpack.Decoder(tuple[str, str, bytes])
_EVENT = msgspec.json.Decoder(Event)
_QUARANTINED = msgspec.json.Decoder(Quarantined)


class Kept(msgspec.Struct, frozen=True):
    """A document as its row holds it, the content compressed."""

    kind: str
    id: str
    version: str
    place: str
    updated: str
    learned: str
    content: bytes
    identifiers: tuple[str, ...] = ()
    number: int = 0  # of the import
    part: int = 0  # which of its documents

    def document(self) -> Document:
        """The document as it came."""
        updated = datetime.fromisoformat(self.updated) if self.updated else None
        return Document(self.kind, self.id, self.version, zlib.decompress(self.content), self.place, updated,
                        identifiers=self.identifiers, learned=datetime.fromisoformat(self.learned))  # fmt: skip

    @classmethod
    def of(cls, document: Document, learned: str, updated: str, origin: Origin) -> "Kept":
        """A document that is to be kept."""
        return cls(document.kind, document.id, document.version, document.place, updated, learned,
                   deflated(document.content, 1), document.identifiers, *origin)  # fmt: skip

    def body(self) -> bytes:
        """What is sealed."""
        return _PACK.encode(self)


KEPT = msgspec.msgpack.Decoder(Kept)


class Version(Protocol):
    """One of the versions of a document."""

    @property
    def updated(self) -> Any:
        """When it was made, as its source says; nothing where it does not."""


V = TypeVar("V", bound=Version)


def standing(versions: Iterable[V]) -> V | None:
    """Of versions in the order of arrival the last, unless one that was updated later was there."""
    found, last = None, None
    for version in versions:
        if version.updated:
            if last is not None and version.updated < last:
                continue
            last = version.updated
        found = version
    return found


class _Aside(msgspec.Struct):
    """Something quarantined as its row holds it; rows of before say nothing of an import."""

    finding: Finding
    event: Event | None
    document: str
    number: int
    part: int


class _Brought(msgspec.Struct):
    """Which import brought it."""

    number: int = 0
    part: int = 0


def quarantined_body(item: Quarantined, origin: Origin) -> bytes:
    """Something quarantined as it is kept."""
    event = None if item.event is None else finite(item.event)
    return _ENCODE.encode(_Aside(item.finding, event, item.document, *origin))


def origin_of(body: bytes) -> Origin:
    """Which import brought something quarantined."""
    brought = _BROUGHT.decode(body)
    return Origin(brought.number, brought.part)


_BROUGHT = msgspec.json.Decoder(_Brought)


def name_of(item: Quarantined) -> set[str]:
    """Under which names something quarantined is found: the id of the event, the document that it stems from."""
    names = {item.finding.event, item.document if item.event is None else item.event.id}
    return {part for name in names if name for part in (name, source_name(name))}


def digest_of(item: Quarantined) -> str:
    """By what it is recognised when it comes again."""
    kept = item.event.content if item.event else item.document
    said = (item.finding.rule, item.finding.message, item.finding.event, kept)
    return hashlib.sha256("\x1f".join(said).encode("utf-8", "surrogatepass")).hexdigest()


def checkpoint_of(body: bytes) -> tuple[str, str, bytes]:
    """Name, time and content of the state of a twin."""
    name, at, content = _CHECKPOINT.decode(body)
    return name, at, zlib.decompress(content)


def checkpoint_body(name: str, at: str, content: bytes) -> bytes:
    """The state of a twin as it is kept."""
    return _PACK.encode((name, at, deflated(content, 1)))


def event_of(body: bytes) -> Event:
    """The event that was kept."""
    try:
        return _EVENT.decode(body)
    except msgspec.ValidationError:
        return msgspec.convert(_said(msgspec.json.decode(body)), Event)


def quarantined_of(body: bytes) -> Quarantined:
    """The quarantined thing that was kept."""
    try:
        return _QUARANTINED.decode(body)
    except msgspec.ValidationError:
        found = msgspec.json.decode(body)
        return msgspec.convert(found | {"event": _said(found["event"])}, Quarantined)


def _said(event: dict[str, object]) -> dict[str, object]:
    return event if event.get("value") is not None else event | {"value": "null"}
