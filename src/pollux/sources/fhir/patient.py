"""FHIR Patient: who the record is about."""

from collections.abc import Iterator, Mapping
from typing import Any

from pollux.record.event import Code, Event, Person
from pollux.sources.fhir.case import Case
from pollux.sources.fhir.dates import moment

_US_CORE = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-"
_BIRTH_SEX = {"F": "female", "M": "male"}
_SYNTHEA = "https://github.com/synthetichealth/synthea"


def person(resource: Mapping[str, Any], id: str, timezone: str) -> Person:
    """The person that a Patient resource describes; what US Core states of birth sex and race is taken with it."""
    extensions = {part.get("url"): part for part in resource.get("extension", ())}
    sex = extensions.get(_US_CORE + "birthsex", {}).get("valueCode", "")
    race = extensions.get(_US_CORE + "race", {}).get("extension", ())
    tags = [tag.get("code") for tag in resource.get("meta", {}).get("tag", ())]
    systems = [identifier.get("system") for identifier in resource.get("identifier", ())]
    return Person(
        id=id,
        birth_date=str(resource.get("birthDate", "")),
        sex_at_birth=_BIRTH_SEX.get(sex, ""),
        gender=str(resource.get("gender", "")),
        ancestry=next((str(part["valueString"]) for part in race if "valueString" in part), ""),
        timezone=timezone,
        synthetic="HTEST" in tags or _SYNTHEA in systems,
    )


def death(case: Case) -> Iterator[Event | tuple[str, str]]:
    """The person's death, where the resource states it; a death without a date is told as a problem."""
    if "deceasedDateTime" in case.resource:
        time, precision = moment(case.resource["deceasedDateTime"], case.zone)
        yield case.event(time, "death", Code("", "", "death"), "", precision=precision, part="death")
    elif case.resource.get("deceasedBoolean") is True:
        yield "no time", "the person has died, but no date is stated"
