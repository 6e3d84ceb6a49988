"""Which medicine a resource speaks of: stated in it, contained in it, or referred to in the bundle around it."""

from collections.abc import Mapping
from typing import Any

from pollux.sources.fhir.case import Case
from pollux.sources.fhir.references import target


def medication(case: Case) -> Mapping[str, Any] | None:
    """The CodeableConcept of the medicine; where a reference leads nowhere, the reference as its text."""
    concept = case.resource.get("medicationCodeableConcept")
    if isinstance(concept, dict):
        return concept
    reference = case.resource.get("medicationReference")
    return _referred(case, reference) if isinstance(reference, dict) else None


def _referred(case: Case, reference: Mapping[str, Any]) -> Mapping[str, Any] | None:
    name = str(reference.get("reference", ""))
    if name.startswith("#"):
        for inner in case.resource.get("contained", ()):
            if inner.get("id") == name[1:]:
                code = inner.get("code")
                return code if isinstance(code, dict) else None
    named = target(name)
    found = case.links.medications.get(name) or case.links.medications.get("/".join(named) if named else "")
    if found:
        return found
    text = str(reference.get("display", "")) or name
    return {"text": text} if text else None
