"""The record of one person: checked at the door, frozen afterwards."""

from pollux.record.entry import Document, Entry
from pollux.record.event import Code, Comparator, Event, Person, Precision, Quantity, Source
from pollux.record.examining import examine
from pollux.record.quality import Finding, QualityReport, Quarantined, admit
from pollux.record.record import EPOCH, Conflict, Record, minutes

__all__ = [
    "EPOCH",
    "Code",
    "Comparator",
    "Conflict",
    "Document",
    "Entry",
    "Event",
    "Finding",
    "Person",
    "Precision",
    "QualityReport",
    "Quantity",
    "Quarantined",
    "Record",
    "Source",
    "admit",
    "examine",
    "minutes",
]
