"""HL7 FHIR R4 as JSON: bundles, newline-delimited resources and single resources."""

import re
from collections.abc import Iterator

from pollux.record.entry import Entry
from pollux.sources.fhir.answers import Responses
from pollux.sources.fhir.portable import portable
from pollux.sources.fhir.reader import read
from pollux.sources.fhir.senders import apart, check_sender
from pollux.sources.fhir.written import audit_event
from pollux.sources.format import Format, Reading
from pollux.sources.opening import Opened

__all__ = ["FORMAT", "Responses", "audit_event", "portable"]

_LOOKS = re.compile(rb'"resourceType"\s*:')
_LINE = re.compile(rb'^\{[^\n]*"resourceType"\s*:', re.MULTILINE)


def _recognises(head: bytes) -> bool:
    start = head.lstrip()
    if start[:1] == b"{":
        return bool(_LOOKS.search(start))
    return start[:1] != b"[" and bool(_LINE.search(start))  # the first line may be broken


def _read(opened: Opened, reading: Reading) -> Iterator[Entry]:
    check_sender(reading.sender)
    entries = read(opened, reading)
    return apart(entries, reading.sender) if reading.sender else entries


FORMAT = Format(
    "fhir r4",
    "JSON with a resourceType; a Bundle, NDJSON or one resource",
    _recognises,
    _read,
    lambda _: True,
    version=2,
)
