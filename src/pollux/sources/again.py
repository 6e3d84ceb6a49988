"""Files and resources that were kept, read again; and device's files in the pieces in which they are kept."""

import hashlib
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from pollux.record.entry import DEVICE_FILE, Document, Entry
from pollux.sources.fhir.references import Links
from pollux.sources.fhir.requests import Named
from pollux.sources.fhir.resource import resource_entries
from pollux.sources.format import Reading
from pollux.sources.opening import Opened
from pollux.sources.scan import parse

PIECE = 4 << 20  # bytes of a file in one document


def as_received(opened: Opened, person: str) -> Iterator[Entry]:
    """A device's file as documents of a person, byte for byte, in pieces; the same bytes have the same names."""
    digest, size = hashlib.sha256(person.encode() + b"\0"), 0
    with opened.received() as file:
        while piece := file.read(PIECE):
            digest.update(piece)
            size += len(piece)
    id, count = digest.hexdigest()[:32], -(-size // PIECE)
    with opened.received() as file:
        for number in range(1, count + 1):
            content = file.read(PIECE)
            document = Document(DEVICE_FILE, f"{id}.{number}", f"{number}/{count}", content, opened.name, apart=True)
            yield Entry(person, document)


@dataclass(frozen=True)
class KeptFile(Opened):
    """A device's file put together from its pieces."""

    pieces: Sequence[Document] = ()

    def received(self) -> BinaryIO:
        """The bytes as they were."""
        return io.BytesIO(b"".join(piece.content for piece in self.pieces))


def kept_file(pieces: Sequence[Document], name: str) -> KeptFile:
    """A device's file that was kept."""
    return KeptFile(Path(name or "kept"), name or pieces[0].place, pieces)


def resource_again(document: Document, reading: Reading, medications: Sequence[Document]) -> Iterator[Entry]:
    """What a kept FHIR resource says, of the person with whom it lies and under the name that it has here."""
    place = document.place.removeprefix(reading.name).strip()
    resource = parse(document.content, reading.name, 1)
    codes: dict[str, Any] = {}
    for one in medications:
        known = msgspec.json.decode(one.content)
        own = str(known.get("id", "")) if isinstance(known, dict) else ""
        if own and isinstance(known.get("code"), dict):
            codes |= {name: known["code"] for id in (own, one.id) for name in (f"Medication/{id}", f"urn:uuid:{id}")}
    patients = dict.fromkeys(_named(resource), reading.person)
    yield from resource_entries(
        document.content, resource, place, Named(document.id), reading, Links(patients=patients, medications=codes)
    )


def _named(resource: object) -> list[str]:
    """The references by which a resource says whom it is about."""
    held = [resource.get(name) for name in ("subject", "patient")] if isinstance(resource, dict) else []
    return [str(one["reference"]) for one in held if isinstance(one, dict) and "reference" in one]


def is_device_file(document: Document) -> bool:
    """Whether a document is a piece of a device's file."""
    return document.kind == DEVICE_FILE
