"""One resource on its way to becoming events: what every kind of resource needs to know."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from pollux.record.event import Code, Comparator, Event, Precision, Source
from pollux.sources.fhir.references import Links


@dataclass(frozen=True)
class Case:
    """A valid resource with its name, its place in the file and what the bundle around it says.

    `zone` is that of times without an offset; None where nobody has stated it.
    """

    resource: Mapping[str, Any]
    name: str
    place: str
    file: str
    learned: datetime
    zone: ZoneInfo | None
    links: Links

    @property
    def status(self) -> str:
        """What the resource says of its own standing; empty where it does not."""
        return str(self.resource.get("status", ""))

    def event(
        self,
        time: datetime,
        quantity: str,
        value: float | str | Code,
        unit: str,
        *,
        end: datetime | None = None,
        comparator: Comparator = "",
        precision: Precision = "second",
        flags: tuple[str, ...] = (),
        retracted: bool = False,
        part: str = "",
    ) -> Event:
        """An event named after the resource, so that a later version of the resource supersedes it."""
        return Event(
            time=time,
            quantity=quantity,
            value=value,
            unit=unit,
            source=Source("fhir", self.file, self.place),
            learned=self.learned,
            end=end,
            comparator=comparator,
            precision=precision,
            flags=flags,
            id=f"{self.name}#{part}" if part else self.name,
            retracted=retracted,
        )


def code_of(concept: object) -> Code | None:
    """The first coding of a CodeableConcept, or its text alone; None when it says nothing."""
    if not isinstance(concept, dict):
        return None
    text = str(concept.get("text", ""))
    for coding in concept.get("coding", ()):
        if coding.get("code"):
            return Code(str(coding.get("system", "")), str(coding["code"]), str(coding.get("display", text)))
    for coding in concept.get("coding", ()):
        text = text or str(coding.get("display", ""))
    return Code("", "", text) if text else None
