"""HL7 FHIR R4 as JSON: bundles, newline-delimited resources and single resources."""

import re

from pollux.sources.fhir.reader import read
from pollux.sources.format import Format

__all__ = ["FORMAT"]

_LOOKS = re.compile(rb'"resourceType"\s*:')


def _recognises(head: bytes) -> bool:
    start = head.lstrip()
    return start[:1] == b"{" and bool(_LOOKS.search(start))


FORMAT = Format("fhir r4", "JSON with a resourceType; a Bundle, NDJSON or one resource", _recognises, read)
