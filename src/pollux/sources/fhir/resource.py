"""One FHIR resource, checked and turned into a document and the events that it holds."""

import hashlib
from collections.abc import Iterator, Mapping
from datetime import datetime
from itertools import chain
from typing import Any

from pollux.errors import PolluxError, RefusedInput
from pollux.record.entry import CREATED, LONGEST_ID, SIGNS, Document, Entry, is_id, own_id
from pollux.record.quality import Category, Finding, Quarantined
from pollux.sources.clock import zone
from pollux.sources.fhir import patient
from pollux.sources.fhir.case import Case
from pollux.sources.fhir.clinical import KINDS, stated
from pollux.sources.fhir.dates import NoOffset, NoSuchTime, moment
from pollux.sources.fhir.insulin import doses
from pollux.sources.fhir.modifiers import not_understood
from pollux.sources.fhir.observation import observed
from pollux.sources.fhir.references import Links, identifiers, person_of
from pollux.sources.fhir.requests import Named
from pollux.sources.fhir.validate import known, problems
from pollux.sources.format import Reading

UNDERSTOOD = frozenset(KINDS) | {"Patient", "Observation"}
_GENETICS = ("http://terminology.hl7.org/CodeSystem/v2-0074", "GE")
_NOT_ASKED = Named()
_LONGEST = 255  # signs of an id: FHIR allows 64, Epic sends 88 and more; what is longer is named by its digest
_COMPLETENESS = ("no time", "no value", "no code", "no dose", "no offset", "incomplete answer")


def resource_entries(
    raw: bytes, resource: object, place: str, named: Named | None, reading: Reading, links: Links
) -> Iterator[Entry]:
    """The document of a resource and its events; `named` is what a bundle around it asked."""
    if not isinstance(resource, dict) or not isinstance(resource.get("resourceType"), str):
        raise RefusedInput("a resource has no resourceType", where=f"{reading.name} {place}", advice="Export it again.")
    named = named or Named(_text(resource.get("id")))
    if named.id and not is_id(named.id[:LONGEST_ID]):
        yield kept_raw(reading, "invalid id", f"its id has other signs than {SIGNS}", place, raw)
        return
    document = resource_document(raw, resource, place, named.id, reading, named)
    person, astray = person_of(resource, links)
    if document.kind == "Patient":
        criterion = document.unless or document.seeks
        person = f"{CREATED}{criterion}" if criterion else document.id
    yield Entry(person, document)
    if not known(document.kind):
        return
    # its own id may have an underscore, as tables' ids do; what it contains is held to FHIR
    wrong = problems(resource | {"id": named.id.replace("_", "-")} if "_" in named.id else resource, raw)
    if wrong:
        yield note(reading, "invalid resource", "; ".join(wrong), place, person, document.name)
        return
    if not document.understood:
        return
    if not person:
        text = astray or "it does not say whom it is about"
        if document.kind != "Device" or astray:
            yield note(reading, "nobody's", text, place, "", document.name)
        return
    changed = not_understood(resource, raw)
    if changed:
        yield note(reading, "not understood", changed, place, person, document.name)
        return
    if document.kind == "Patient":
        yield Entry(person, patient.person(resource, document.id, reading.timezone or "UTC"))
        links_of_person, overlooked = patient.links(resource, document.id, f"{reading.name} {place}", links)
        yield from (Entry(person, link) for link in links_of_person)
        yield from (note(reading, "not carried out", text, place, person, document.name) for text in overlooked)
    stated_zone = zone(reading.timezone) if reading.timezone else None
    case = Case(resource, document.name, place, reading.name, reading.learned, stated_zone, links)
    for found in _timely(_events(case, document.kind)):
        if isinstance(found, tuple):
            rule, text = found
            yield note(reading, rule, text, place, person, document.name)
        else:
            yield Entry(person, found)


def _timely(events: Iterator[Any]) -> Iterator[Any]:
    """The same; of a resource with a time that cannot be, what comes before it and the problem."""
    try:
        yield from events
    except NoSuchTime as error:
        yield "no time", error.what
    except NoOffset as error:
        yield "no offset", error.what


def _events(case: Case, kind: str) -> Iterator[Any]:
    if kind == "Patient":
        return patient.death(case)
    if kind == "Observation":
        return observed(case)
    if kind == "MedicationAdministration":
        return chain(stated(case, KINDS[kind]), doses(case))
    return stated(case, KINDS[kind])


def resource_document(
    raw: bytes, resource: Mapping[str, Any], place: str, id: str, reading: Reading, named: Named = _NOT_ASKED
) -> Document:
    """The document of a resource. Without a name it is named by its content, under too long a one by its digest."""
    kind = str(resource.get("resourceType", ""))
    id = id or "content-" + hashlib.sha256(raw).hexdigest()[:32]
    id = id if len(id) <= _LONGEST else own_id(id)
    meta = resource.get("meta")
    meta = meta if isinstance(meta, dict) else {}
    return Document(
        kind=kind[:64],
        id=id,
        version=str(meta.get("versionId", named.version))[:64],
        content=raw,
        place=f"{reading.name} {place}",
        updated=updated(meta.get("lastUpdated"), reading) or updated(named.updated, reading),
        understood=kind in UNDERSTOOD and not _genetic(resource),
        identifiers=identifiers(resource),
        unless=named.unless,
        new=named.new,
        seeks=named.seeks,
        within=named.within,
        born=_text(resource.get("birthDate")) if kind == "Patient" else "",
        gender=_text(resource.get("gender")) if kind == "Patient" else "",
        called=_called(resource) if kind == "Patient" else ("", ""),
    )


def _called(resource: Mapping[str, Any]) -> tuple[str, str]:
    """Family and given names of a Patient, who may not be valid yet."""
    try:
        return patient.name_of(resource.get("name", ()))
    except (AttributeError, TypeError):
        return "", ""


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _genetic(resource: Mapping[str, Any]) -> bool:
    """Whether an Observation is of the category "Genetics": what genes mean is not worked out here, so it is kept."""
    categories = resource.get("category")
    codings = [
        coding
        for category in (categories if isinstance(categories, list) else [])
        if isinstance(category, dict) and isinstance(category.get("coding"), list)
        for coding in category["coding"]
    ]
    return any(isinstance(one, dict) and (one.get("system"), one.get("code")) == _GENETICS for one in codings)


def updated(text: object, reading: Reading) -> datetime | None:
    """When a version was made; None where it is not said."""
    try:
        stated_zone = zone(reading.timezone) if reading.timezone else None
        return moment(text, stated_zone).time if isinstance(text, str) and text else None
    except (ValueError, PolluxError, OverflowError):
        return None


def note(reading: Reading, rule: str, text: str, place: str, person: str = "", document: str = "") -> Entry:
    """What is wrong with a document or with what stands around it."""
    category: Category = "completeness" if rule in _COMPLETENESS else "conformance"
    finding = Finding(rule, category, "quarantine", text, "", None, f"{reading.name} {place}", document)
    return Entry(person, Quarantined(finding, None, document))


def kept_raw(reading: Reading, rule: str, text: str, place: str, raw: bytes) -> Entry:
    """What cannot even be a document, as it stood; it is nobody's."""
    finding = Finding(rule, "conformance", "quarantine", text, "", None, f"{reading.name} {place}")
    return Entry("", Quarantined(finding, None, raw.decode("utf-8", "backslashreplace")))
