"""How resources refer to each other: by type and id, by urn:uuid inside a bundle, by absolute URL, by #contained."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_NAMED = re.compile(r"(?:https?://[^?#]+/)?([A-Z][A-Za-z]{1,63})/([A-Za-z0-9\-.]{1,64})(?:/_history/[^/]+)?")


@dataclass
class Links:
    """What a bundle says about its own resources, gathered in a first pass over the file.

    `patients` maps a full URL to the id of the Patient that stands there, `medications` a full URL or `Medication/id`
    to its code, `types` holds the type of each bundle in turn.
    """

    patients: dict[str, str] = field(default_factory=dict)
    medications: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    types: list[str] = field(default_factory=list)


def target(reference: str) -> tuple[str, str] | None:
    """Type and id that a literal reference names; None for urns, contained and conditional references.

    >>> target("http://example.org/fhir/Patient/p1/_history/3")
    ('Patient', 'p1')
    """
    found = _NAMED.fullmatch(reference)
    return (found.group(1), found.group(2)) if found else None


def person_of(resource: Mapping[str, Any], links: Links) -> tuple[str, str]:
    """The id of the person that a resource is about, and if there is none the reason, empty when it need not have one.

    >>> person_of({"resourceType": "Condition", "subject": {"reference": "Patient/p1"}}, Links())
    ('p1', '')
    """
    for element in ("subject", "patient", "beneficiary", "individual"):
        holder = resource.get(element)
        if not isinstance(holder, dict):
            continue
        reference = holder.get("reference")
        if not isinstance(reference, str):
            return "", f"its {element} is named without a reference"
        if reference in links.patients:
            return links.patients[reference], ""
        found = target(reference)
        if found and found[0] == "Patient":
            return found[1], ""
        if found:
            return "", f"its {element} is a {found[0]}"
        if reference.startswith("#"):
            return "", f"its {element} is contained in it and so nobody's record"
        return "", f"its {element} cannot be found"
    return "", ""
