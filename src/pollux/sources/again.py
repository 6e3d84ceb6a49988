"""Files and resources that were kept, read again; and device's files in the pieces in which they are kept."""

import hashlib
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from pollux.record.entry import DEVICE_FILE, Document, Entry
from pollux.sources.fhir.references import Links
from pollux.sources.fhir.requests import Named
from pollux.sources.fhir.resource import resource_entries
from pollux.sources.format import Part, Reading
from pollux.sources.opening import Opened
from pollux.sources.scan import parse

PIECE = 4 << 20  # bytes of a file in one document
_ALL_HELD = 8 * PIECE  # bytes of the parts of many people at hand at once
_LINE = "\x1d"  # in front of the number of the line that follows: no file of a known format begins with it
_MARK = re.compile(rb"\x1d(\d+)\n")


def as_received(opened: Opened, person: str) -> Iterator[Entry]:
    """A device's file as documents of a person, byte for byte, in pieces; the same bytes have the same names."""
    digest, size = hashlib.sha256(person.encode() + b"\0"), 0
    for piece in _pieces(opened):
        digest.update(piece)
        size += len(piece)
    id, count = digest.hexdigest()[:32], -(-size // PIECE)
    names: tuple[str, ...] = (bytes_named(_digest(opened).hex()),)
    for number, content in enumerate(_pieces(opened), 1):
        place = f"{number}/{count}"
        document = Document(DEVICE_FILE, f"{id}.{number}", place, content, opened.name, identifiers=names, apart=True)
        yield Entry(person, document)
        names = ()


def _pieces(opened: Opened) -> Iterator[bytes]:
    with opened.received() as file:
        yield from iter(partial(file.read, PIECE), b"")


def _digest(opened: Opened) -> bytes:
    whole = hashlib.sha256()
    for piece in _pieces(opened):
        whole.update(piece)
    return whole.digest()


def bytes_named(digest: str) -> str:
    """The identifier that a device's file has by its bytes, whoever's it is."""
    return f"urn:hash:sha256|{digest}"


def theirs_of_each(opened: Opened, parts: Iterable[Part]) -> Iterator[Entry]:
    """A file of many people as documents of each of them; what is nobody's (the header) stands in front of each part.

    Where lines of others are left out, a mark says the number of the next one, so that a reader can name it.
    """
    digest = _digest(opened)
    head = ""
    everyone: dict[str, _Held] = {}
    size = 0
    for part in parts:
        if not part.person:
            head += f"{_LINE}{part.line}\n{part.content}\n"
            continue
        if part.person not in everyone:
            everyone[part.person] = _Held(head)
        size += everyone[part.person].add(part)
        if size > _ALL_HELD:
            yield from _documents(everyone, digest, opened.name)
            size = 0
    yield from _documents(everyone, digest, opened.name)


def _documents(everyone: "dict[str, _Held]", digest: bytes, name: str) -> Iterator[Entry]:
    for person, held in everyone.items():
        if held.content:
            yield held.document(person, digest, name)


class _Held:
    """What is still to be kept of somebody's part."""

    def __init__(self, head: str) -> None:
        self.content = bytearray(head.encode("utf-8", "backslashreplace"))
        self._next = -1  # the number of the line that needs no mark
        self._count = 0  # documents so far

    def add(self, part: Part) -> int:
        """Add a line; gives by how much that is more."""
        before = len(self.content)
        mark = "" if part.line == self._next else f"{_LINE}{part.line}\n"
        self.content += f"{mark}{part.content}\n".encode("utf-8", "backslashreplace")
        self._next = part.line + 1
        return len(self.content) - before

    def document(self, person: str, digest: bytes, name: str) -> Entry:
        """What is held, as the next document of the part."""
        self._count += 1
        id = hashlib.sha256(person.encode() + b"\0" + digest).hexdigest()[:32]
        content = bytes(self.content)
        self.content.clear()
        return Entry(person, Document(DEVICE_FILE, f"{id}.{self._count}", str(self._count), content, name, apart=True))


@dataclass(frozen=True)
class KeptFile(Opened):
    """A device's file put together from its pieces."""

    pieces: Sequence[Document] = ()

    def received(self) -> BinaryIO:
        """The bytes as they were."""
        return io.BytesIO(b"".join(piece.content for piece in self.pieces))


class KeptRows(KeptFile):
    """Somebody's part of a file of many people."""

    def received(self) -> BinaryIO:
        """The header and the lines of one person."""
        return io.BytesIO(b"".join(content for _, content in self._lines))

    def line(self, read: int) -> int:
        """The number that a line had in the whole file."""
        return self._lines[read - 1][0]

    @cached_property
    def _lines(self) -> list[tuple[int, bytes]]:
        found: list[tuple[int, bytes]] = []
        number = 0
        for line in io.BytesIO(b"".join(piece.content for piece in self.pieces)):
            if mark := _MARK.fullmatch(line):
                number = int(mark[1])
            else:
                found.append((number, line))
                number += 1
        return found


def kept_file(pieces: Sequence[Document], name: str) -> KeptFile:
    """A device's file that was kept."""
    kind = KeptRows if pieces[0].content.startswith(_LINE.encode()) else KeptFile
    return kind(Path(name or "kept"), name or pieces[0].place, pieces=pieces)


def resource_again(document: Document, reading: Reading, codes: dict[str, Any]) -> Iterator[Entry]:
    """What a kept FHIR resource says, of the person with whom it lies and under the name that it has here."""
    place = document.place.removeprefix(reading.name).strip()
    resource = parse(document.content, reading.name, 1)
    links = Links(patients=dict.fromkeys(_named(resource), reading.person), medications=codes)
    yield from resource_entries(document.content, resource, place, Named(document.id), reading, links)


def medication_codes(medications: Iterable[Document]) -> dict[str, Any]:
    """Of FHIR Medications that are kept the codes, by the names under which each may be referred to."""
    return dict(chain.from_iterable(map(_code_of, medications)))


def _code_of(medication: Document) -> Iterator[tuple[str, Any]]:
    known = msgspec.json.decode(medication.content)
    own = str(known.get("id", "")) if isinstance(known, dict) else ""
    if own and isinstance(known.get("code"), dict):
        for id in (own, medication.id):
            yield from ((name, known["code"]) for name in (f"Medication/{id}", f"urn:uuid:{id}"))


def _named(resource: object) -> list[str]:
    """The references by which a resource says whom it is about."""
    held = [resource.get(name) for name in ("subject", "patient")] if isinstance(resource, dict) else []
    return [str(one["reference"]) for one in held if isinstance(one, dict) and "reference" in one]


def is_device_file(document: Document) -> bool:
    """Whether a document is a piece of a device's file."""
    return document.kind == DEVICE_FILE
