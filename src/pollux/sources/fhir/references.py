"""How resources refer to each other: by type and id, by urn:uuid inside a bundle, by absolute URL, by #contained."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from pollux.record.entry import IDENTIFIED, Within, is_id, own_id

_NAMED = re.compile(r"(?:https?://[^?#]+/)?([A-Z][A-Za-z]{1,63})/([A-Za-z0-9\-._]{1,255})(?:/_history/[^/]+)?")


_MOST = 200
_ALONE = Within(1)
HELD = "urn:pollux:person:"  # what an export of Pollux says of resources that FHIR gives no subject


@dataclass
class Links:
    """What a bundle says about its own resources, gathered in a first pass over the file.

    `patients` maps a full URL, `Patient/id` or `Patient?identifier=…` to the person that stands there (an id, or
    `POST Patient?identifier=…` where the Patient is created only if nobody has that identifier; empty where it has no
    name of its own), `medications` a full URL or `Medication/id` to its code; `within` says which bundle it is,
    `timestamp` when it was put together; `export` whose everything it is, where Pollux exported it. `late` says that a
    Patient stands behind something else, which may be about them.
    """

    patients: dict[str, str] = field(default_factory=dict)
    medications: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    within: Within = _ALONE
    timestamp: str = ""
    export: str = ""
    late: bool = False


def target(reference: str) -> tuple[str, str] | None:
    """Type and id that a literal reference names; None for urns, contained and conditional references.

    >>> target("http://example.org/fhir/Patient/p1/_history/3")
    ('Patient', 'p1')
    """
    found = _NAMED.fullmatch(reference)
    return (found.group(1), found.group(2)) if found and is_id(found.group(2)) else None


def identifier_of(query: str, kind: str = "Patient") -> str:
    """The identifier by which a conditional reference or `ifNoneExist` asks; "" where it asks otherwise.

    >>> identifier_of("Patient?identifier=http%3A%2F%2Fclinic.example|42")
    'http://clinic.example|42'
    """
    asked = unquote(query.removeprefix(kind).removeprefix("?"))
    criterion = asked.removeprefix("identifier=")
    return criterion if criterion != asked and "|" in criterion and "&" not in criterion else ""


def identifiers(resource: Mapping[str, Any]) -> tuple[str, ...]:
    """The business identifiers of a resource that name a system, two hundred at most; none that is out of use ("old").

    >>> identifiers({"identifier": [{"system": "urn:oid:1.2", "value": "42"}, {"value": "no system"}]})
    ('urn:oid:1.2|42',)
    """
    stated = resource.get("identifier")
    some = stated if isinstance(stated, list) else [stated]
    pairs = [(one.get("system"), one.get("value")) for one in some if isinstance(one, dict) and one.get("use") != "old"]
    found = [f"{system}|{value}" for system, value in pairs if isinstance(system, str) and isinstance(value, str)]
    return tuple(dict.fromkeys(found))[:_MOST]


def name_in_transaction(kind: str, full_url: str, criterion: str) -> str:
    """The id that a resource has here which a transaction creates (POST): the resource's own id does not count.

    A `urn:uuid:` names it, any other full URL or the identifier of a conditional create stands for it; "" without any.
    """
    if criterion:
        return own_id(f"{kind}?identifier={criterion}")
    if full_url.startswith("urn:uuid:"):
        return full_url.removeprefix("urn:uuid:")
    return own_id(full_url) if full_url else ""


def person_of(resource: Mapping[str, Any], links: Links) -> tuple[str, str]:
    """The id of the person that a resource is about, and if there is none the reason, empty when it need not have one.

    >>> person_of({"resourceType": "Condition", "subject": {"reference": "Patient/p1"}}, Links())
    ('p1', '')
    """
    for element in ("subject", "patient", "beneficiary", "individual", "for", "participant", "entity"):
        for holder in _holders(resource, element):
            person, astray = _person_in(holder, element, links)
            if person or astray:
                return person, astray
    source = resource["meta"].get("source") if isinstance(resource.get("meta"), dict) else ""
    return (source.removeprefix(HELD), "") if isinstance(source, str) and source.startswith(HELD) else ("", "")


def _holders(resource: Mapping[str, Any], element: str) -> list[Mapping[str, Any]]:
    """The references that an element holds; of participants and of what an audit event is about, just patients."""
    stated = resource.get(element)
    some: list[Mapping[str, Any]] = [
        one for one in (stated if isinstance(stated, list) else [stated]) if isinstance(one, dict)
    ]
    if element not in ("participant", "entity"):
        return some[:1]
    inner: list[Any] = [one.get("actor" if element == "participant" else "what") for one in some]
    named: list[Mapping[str, Any]] = [
        one for one in inner if isinstance(one, dict) and "Patient" in str(one.get("reference", ""))
    ]
    return named if len(named) == 1 else []


def _person_in(holder: Mapping[str, Any], element: str, links: Links) -> tuple[str, str]:
    reference = holder.get("reference")
    identifier = identifiers({"identifier": holder.get("identifier")})
    if not isinstance(reference, str) and identifier and holder.get("type", "Patient") == "Patient":
        reference = f"{IDENTIFIED}{identifier[0]}"
    if not isinstance(reference, str):
        return "", f"its {element} is named without a reference"
    if criterion := identifier_of(reference):
        reference = f"{IDENTIFIED}{criterion}"
    if reference in links.patients:
        person = links.patients[reference]
        return person, "" if person else f"its {element} is a Patient of the bundle that has no name here"
    if criterion:
        return reference, ""
    found = target(reference)
    if found and found[0] == "Patient":
        return found[1], ""
    if found:
        return "", f"its {element} is a {found[0]}"
    if reference.startswith("#"):
        return "", f"its {element} is contained in it and so nobody's record"
    return "", f"its {element} cannot be found"
