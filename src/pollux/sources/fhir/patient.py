"""FHIR Patient: who the record is about, and which other ids of the same sender are the same person."""

from collections.abc import Iterator, Mapping
from typing import Any

from pollux.record.entry import CREATED, IDENTIFIED, Link
from pollux.record.event import Code, Event, Person
from pollux.sources.fhir.case import Case
from pollux.sources.fhir.dates import moment
from pollux.sources.fhir.references import Links, target

_US_CORE = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-"
_BIRTH_SEX = {"F": "female", "M": "male"}
_SYNTHEA = "https://github.com/synthetichealth/synthea"
_NOTHING = Links()
_USES = ("official", "usual", "")  # of a name, the weightiest first; "old", "maiden", "nickname" name nobody today


def person(resource: Mapping[str, Any], id: str, timezone: str) -> Person:
    """The person that a Patient resource describes; what US Core states of birth sex and race is taken with it."""
    extensions = {part.get("url"): part for part in resource.get("extension", ())}
    sex = extensions.get(_US_CORE + "birthsex", {}).get("valueCode", "")
    race = extensions.get(_US_CORE + "race", {}).get("extension", ())
    tags = [tag.get("code") for tag in resource.get("meta", {}).get("tag", ())]
    systems = [identifier.get("system") for identifier in resource.get("identifier", ())]
    family, given = name_of(resource.get("name", ()))
    return Person(
        id=id,
        birth_date=str(resource.get("birthDate", "")),
        sex_at_birth=_BIRTH_SEX.get(sex, ""),
        gender=str(resource.get("gender", "")),
        ancestry=next((str(part["valueString"]) for part in race if "valueString" in part), ""),
        timezone=timezone,
        synthetic="HTEST" in tags or _SYNTHEA in systems,
        family=family,
        given=given,
    )


def name_of(names: Any) -> tuple[str, str]:
    """Family and given names: of the official name, else of the usual one; one that has an end comes last."""
    current = [name for name in names if name.get("use", "") in _USES]
    for name in sorted(current, key=lambda name: ("end" in name.get("period", {}), _USES.index(name.get("use", "")))):
        given = " ".join(part for part in name.get("given", ()) if isinstance(part, str))
        if name.get("family") or given:
            return str(name.get("family", "")), given
    return "", ""


def links(resource: Mapping[str, Any], id: str, place: str, around: Links = _NOTHING) -> tuple[list[Link], list[str]]:
    """What a Patient says of other ids of its sender, and what of it is not followed.

    `replaced-by` and `replaces` say from both sides that two ids are one person. `refer` and `seealso` do not.
    `around` is what the bundle says of the Patients in it.

    >>> replaced = {"link": [{"type": "replaced-by", "other": {"reference": "Patient/new"}}]}
    >>> links(replaced, "old", "line 1")[0]
    [Link(duplicate='old', into='new', place='line 1')]
    """
    found, overlooked = [], []
    for link in resource.get("link", ()):
        kind, reference = link.get("type"), str(link.get("other", {}).get("reference", ""))
        if kind not in ("replaced-by", "replaces"):
            continue
        other = _of_same_sender(reference, id, around)
        if not other:
            overlooked.append(f"its link ({kind}) names no Patient of the same sender by its id")
        elif other == id:
            overlooked.append(f"its link ({kind}) names the patient itself")
        else:
            found.append(Link(id, other, place) if kind == "replaced-by" else Link(other, id, place))
    if resource.get("active") is False and not any(link.duplicate == id for link in found):
        overlooked.append("the record of this patient is said not to be in use (active: false)")
    return list(dict.fromkeys(found)), overlooked


def _of_same_sender(reference: str, id: str, around: Links) -> str:
    """The id of the other Patient; "" where it is none, has no id of its own, or stands on another server."""
    if reference in around.patients:
        person = around.patients[reference]
        return "" if person.startswith((CREATED, IDENTIFIED)) else person
    named = target(reference)
    if named is None or named[0] != "Patient":
        return ""
    server, _, _ = reference.rpartition("/Patient/")
    own = {url.rpartition("/Patient/")[0] for url, person in around.patients.items() if person == id}
    return named[1] if not server or server in own else ""


def death(case: Case) -> Iterator[Event | tuple[str, str]]:
    """The person's death, where the resource states it; a death without a date is told as a problem."""
    if "deceasedDateTime" in case.resource:
        time, precision, flags = moment(case.resource["deceasedDateTime"], case.zone)
        dead = Code("", "", "death")
        yield case.event(time, "death", dead, "", precision=precision, flags=flags, part="death")
    elif case.resource.get("deceasedBoolean") is True:
        yield "no time", "the person has died, but no date is stated"
