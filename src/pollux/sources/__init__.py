"""Files of any known format, turned into entries for the record. A format is recognised by content, never by name."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from pollux.errors import RefusedInput
from pollux.record.budget import Budget, Limits
from pollux.record.budget import limits as limits_in_force
from pollux.record.entry import SIGNS, Document, Entry, is_id
from pollux.sources import clarity, fhir, nightscout, plain_csv
from pollux.sources.again import (
    KeptRows,
    as_received,
    is_device_file,
    kept_file,
    medication_codes,
    resource_again,
    theirs_of_each,
)
from pollux.sources.clock import zone
from pollux.sources.format import Format, Reading
from pollux.sources.opening import Opened

__all__ = [
    "FORMATS", "Format", "format_of", "is_device", "kept", "medication_codes", "read", "read_again", "recognise",
    "says_whose", "version_of",
]  # fmt: skip

FORMATS: tuple[Format, ...] = (fhir.FORMAT, nightscout.FORMAT, clarity.FORMAT, plain_csv.FORMAT)


def recognise(head: bytes) -> str:
    """The name of the format that a file beginning with these bytes has.

    Raises `RefusedInput`, which lists the formats known, for any other.

    >>> recognise(b"time,quantity,value,unit\\n")
    'plain table'
    """
    return _format(head, "").name


def format_of(path: Path) -> str:
    """The name of a file's format, by its content and through gzip and any text encoding, as `read` sees it.

    Raises `RefusedInput` for a file that cannot be opened, is empty, or has no known format.
    """
    opened = _opened(path)
    return _format(opened.head(), opened.name).name


def says_whose(path: Path) -> bool:
    """Whether a file names itself whose everything in it is, as medical records and tables of many people do.

    Raises `RefusedInput` as `format_of` does.
    """
    opened = _opened(path)
    head = opened.head()
    return _format(head, opened.name).says_whose(head)


def _opened(path: Path, name: str = "") -> Opened:
    return Opened(path, (name or path.name).encode("utf-8", "replace").decode())


def _format(head: bytes, name: str) -> Format:
    if b"\0" not in head:
        for known in FORMATS:
            if known.recognises(head):
                return known
    looks = "; ".join(f"{known.name} ({known.looks})" for known in FORMATS)
    raise RefusedInput("this is no format that Pollux knows", where=name, advice=f"Known are: {looks}.")


def is_device(format: str) -> bool:
    """Whether files of a format come from a device or an app, by the format's name: all but medical records do.

    >>> is_device("plain table")
    True
    """
    return format != fhir.FORMAT.name


def version_of(format: str) -> int:
    """The version of the reader of a format, by the format's name; 0 for none."""
    return next((known.version for known in FORMATS if known.name == format), 0)


def kept(path: Path, person: str) -> Iterator[Entry]:
    """A device's file itself as documents that stand in front of what is read from it.

    It is kept byte for byte; a table that says itself whose its rows are is kept in parts, everyone's rows with them.
    """
    opened = _opened(path)
    head = opened.head()
    found = _format(head, opened.name)
    return theirs_of_each(opened, found.theirs(opened)) if found.says_whose(head) else as_received(opened, person)


def read_again(
    pieces: Sequence[Document],
    person: str,
    *,
    learned: datetime,
    timezone: str = "",
    name: str = "",
    codes: dict[str, Any] | None = None,
) -> Iterator[Entry]:
    """What a document that was kept says when it is read now: one FHIR resource, or the pieces of a device's file.

    `codes` are those of the FHIR Medications that it may refer to (`medication_codes`).
    """
    if not is_device_file(pieces[0]):
        reading = Reading(learned, person, timezone, name)
        for document in pieces:
            yield from resource_again(document, reading, codes or {})
        return
    opened = kept_file(pieces, name)
    found = _format(opened.head(), opened.name)
    in_parts = isinstance(opened, KeptRows)
    yield from found.read(opened, Reading(learned, person, timezone, opened.name, insist=True, kept=in_parts))


def read(
    path: Path,
    *,
    learned: datetime,
    person: str = "",
    timezone: str = "",
    name: str = "",
    sender: str = "",
    insist: bool = False,
    limits: Limits | None = None,
) -> Iterator[Entry]:
    """Read a file of any known format as a stream of entries.

    `learned` is when Pollux comes to know what is in it. `person` says whose device file this is; a medical record
    says so itself. `timezone` is the IANA name of the zone that local times without an offset are in; without it a
    device file with such times is refused, and dates in a medical record are taken as UTC. `name` stands for the file
    in findings and errors (its file name if not given). `sender` is put in front of the ids in a medical record, so
    that those of two hospitals are not taken for each other's. A broken row or resource comes out quarantined; a file
    that cannot be read at all raises `RefusedInput`, which may happen after the first entries. `insist` takes what
    would be asked about first. What costs more than `limits` allow (by default the usual ones and ``POLLUX_LIMITS``) is
    refused, a bomb that unpacks to too much at once.
    """
    if learned.tzinfo is None:
        raise RefusedInput("the time of learning has no time zone", advice="Give it in UTC or with an offset.")
    if timezone:
        zone(timezone)
    if person and not is_id(person):
        raise RefusedInput("the person's id has signs that cannot be kept", advice=f"Use {SIGNS}.")
    opened = _opened(path, name)
    found = _format(opened.head(), opened.name)
    budget = Budget(limits or limits_in_force(), opened.name)
    opened = replace(opened, budget=budget)
    opened.weigh()
    return budget.watch(found.read(opened, Reading(learned, person, timezone, opened.name, sender, insist)))
