"""HL7 FHIR R4 as JSON: bundles, newline-delimited resources and single resources."""

import re

from pollux.sources.fhir.accounts import audit_event
from pollux.sources.fhir.answers import Responses
from pollux.sources.fhir.portable import portable
from pollux.sources.fhir.reader import read
from pollux.sources.format import Format

__all__ = ["FORMAT", "Responses", "audit_event", "portable"]

_LOOKS = re.compile(rb'"resourceType"\s*:')
_LINE = re.compile(rb'^\{[^\n]*"resourceType"\s*:', re.MULTILINE)


def _recognises(head: bytes) -> bool:
    start = head.lstrip()
    if start[:1] == b"{":
        return bool(_LOOKS.search(start))
    return start[:1] != b"[" and bool(_LINE.search(start))  # the first line may be broken


FORMAT = Format("fhir r4", "JSON with a resourceType; a Bundle, NDJSON or one resource", _recognises, read)
