"""What changes the meaning of a resource (FHIR marks it `?!`) and is not understood: it quarantines, never skipped.

`status`, `clinicalStatus`, `verificationStatus`, `intent` and the comparator of a quantity are understood where the
resource is read; here is the rest (hl7.org/fhir/R4/conformance-rules.html#isModifier).
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

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
    concept = medicine or {}
    texts = [concept.get("text"), *(coding.get("display") for coding in concept.get("coding", ()))]
    for element in _NOTED:
        stated = resource.get(element)
        parts = [stated] if isinstance(stated, dict) else stated if isinstance(stated, list) else []
        for part in parts:
            texts += [part.get(name) for name in ("text", "patientInstruction")] if isinstance(part, dict) else []
    return any(isinstance(text, str) and _NOT_TAKEN.search(text) for text in texts)
