"""What changes the meaning of a resource (FHIR marks it `?!`) and is not understood: it quarantines, never skipped.

`status`, `clinicalStatus`, `verificationStatus`, `intent` and the comparator of a quantity are understood where the
resource is read; here is the rest (hl7.org/fhir/R4/conformance-rules.html#isModifier).
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pollux.vocabulary.negation import says_perhaps_stopped

_MAY_BE = re.compile(rb"modifierExtension|implicitRules|\\u")
_NOT_TAKEN = re.compile(
    r"(?<!if )(?<!when )(?<!unless )\b(?:not|never|no longer|denies|stopped|quit|refus(?:es|ed)|declin(?:es|ed))\s+"
    r"(?:currently\s+|been\s+|actually\s+|yet\s+)*(?:taking|using|taken|started)\b"
    r"|\bnever (?:took|filled|started)\b|\bdid not (?:take|start|fill)\b|\bdoes not take\b",
    re.IGNORECASE,
)
_PRIMITIVE = ("status", "intent", "doNotPerform", "isSubpotent", "active", "deceasedBoolean", "deceasedDateTime")
_NOTED = ("dosage", "dosageInstruction", "note", "statusReason")


def not_understood(resource: Mapping[str, Any], raw: bytes) -> str:
    """What changes the meaning of a resource and is not understood; "" where nothing does.

    >>> not_understood({"resourceType": "Observation", "focus": [{"reference": "Patient/child"}]}, b"{}")
    'it is about somebody or something else than its subject (focus)'
    """
    kind = str(resource.get("resourceType", ""))
    if _MAY_BE.search(raw):
        if "implicitRules" in resource or "_implicitRules" in resource:
            return "it is to be read by rules that are not known here (implicitRules)"
        place = next(_extended(resource, kind), "")
        if place:
            return f"{place} changes its meaning in a way that is not understood"
    if kind == "Observation" and resource.get("focus"):
        return "it is about somebody or something else than its subject (focus)"
    if resource.get("doNotPerform") is True:
        return "it says that this is not to be done (doNotPerform)"
    hidden = next((name for name in _PRIMITIVE if f"_{name}" in resource and name not in resource), "")
    return f"its {hidden} is stated by an extension alone, which is not understood" if hidden else ""


def _extended(value: Any, path: str) -> Iterator[str]:
    """The places of modifier extensions."""
    if isinstance(value, dict):
        for name, part in value.items():
            if name == "modifierExtension" and part:
                yield f"{path}.{name}"
            yield from _extended(part, f"{path}.{name}")
    elif isinstance(value, list):
        for i, part in enumerate(value):
            yield from _extended(part, f"{path}[{i}]")


def said_not_taken(resource: Mapping[str, Any], medicine: Mapping[str, Any] | None) -> bool:
    """Whether a text of a medication says that it is not taken: its name, its dosage, a note, the reason of its status.

    >>> said_not_taken({"note": [{"text": "Patient is not taking this"}]}, {"text": "Metformin"})
    True
    >>> said_not_taken({"dosageInstruction": [{"text": "do not take with milk"}]}, {"text": "Doxycycline"})
    False
    """
    return any(_NOT_TAKEN.search(text) for text in (*texts_of(medicine), *_notes(resource)))


def perhaps_not_taken(resource: Mapping[str, Any], medicine: Mapping[str, Any] | None) -> bool:
    """Whether a text of a medication makes it doubtful that it is taken.

    >>> perhaps_not_taken({"note": [{"text": "discontinued 2020"}]}, {"text": "Metformin"})
    True
    """
    names = texts_of(medicine)
    return any(map(says_perhaps_stopped, (*names, *_notes(resource)))) or any(
        "allerg" in one.casefold() for one in names
    )


def texts_of(concept: object) -> list[str]:
    """The texts of a concept: its own, and those of its codes."""
    if not isinstance(concept, dict):
        return []
    codings = [coding for coding in concept.get("coding", ()) if isinstance(coding, dict)]
    return [
        one for one in (concept.get("text"), *(coding.get("display") for coding in codings)) if isinstance(one, str)
    ]


def _notes(resource: Mapping[str, Any]) -> list[str]:
    """What is written beside a medication: dosages and their instructions, notes, the reason of its status."""
    found: list[str] = []
    for element in _NOTED:
        stated = resource.get(element)
        for part in stated if isinstance(stated, list) else [stated]:
            if isinstance(part, dict):
                found += [text for name in ("text", "patientInstruction") if isinstance(text := part.get(name), str)]
                found += [text for one in part.get("additionalInstruction") or () for text in texts_of(one)]
    return found
