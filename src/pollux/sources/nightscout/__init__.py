"""Nightscout's documents as JSON: `entries` (sensor and finger glucose), `treatments` and `profile`."""

from pollux.sources.format import Format
from pollux.sources.nightscout.reader import read, recognises

__all__ = ["FORMAT"]

FORMAT = Format(
    "nightscout",
    "JSON entries (sgv, mbg) or treatments (eventType), as a list or as {entries, treatments}",
    recognises,
    read,
)
