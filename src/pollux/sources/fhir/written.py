"""What an export says in Pollux's own words: the person, events that came in no resource, and who did what."""

import hashlib
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

import msgspec

from pollux.record.act import Act
from pollux.record.entry import Document, own_id
from pollux.record.event import Code, Event, Person
from pollux.record.held import Held
from pollux.record.quality import Quarantined
from pollux.record.when import DATES, as_stated
from pollux.sources.fhir.exported import EXPORT, STATED
from pollux.sources.fhir.quantity import UCUM
from pollux.vocabulary import LOINC, QUANTITY, term

_AUDIT_TYPE = "http://terminology.hl7.org/CodeSystem/audit-event-type"
_ACTIONS = {"take": "C", "read": "R", "checkpoint": "C", "erase": "D", "search": "E", "backup": "E", "restore": "E"}
_READ = ("record", "latest", "series", "quarantine", "documents", "everything", "checkpoint", "audit")
_ASKED = _ACTIONS | dict.fromkeys(_READ, "R")  # by what was asked and refused
_SUCCESS, _REFUSED = "0", "4"  # http://hl7.org/fhir/audit-event-outcome: 4 is like an HTTP 400, 8 like a 500
_TARGETS = 1000  # of one Provenance
_JSON = msgspec.json.Encoder()
Resource = dict[str, Any]


def patient(person: Person) -> Resource:
    """Who has no Patient resource of their own."""
    stated = {"gender": person.gender, "birthDate": person.birth_date}
    return {"resourceType": "Patient", "id": person.id} | {name: value for name, value in stated.items() if value}


def observation(event: Event, person: str, stands: bool) -> Resource:
    """An event that came in no resource; *entered in error* where it was corrected or withdrawn since."""
    known = term(event.quantity)
    loinc = next((code for code in known.loinc if known.stated_in.get(code, event.unit) == event.unit), "")
    codings = [{"system": QUANTITY, "code": known.name, "display": known.label}]
    codings += [{"system": LOINC, "code": loinc}] if loinc else []
    said = {"start": _moment(event.time, event), "end": _moment(event.end, event)} if event.end else None
    return {
        "resourceType": "Observation",
        "id": own_id(event.id if stands else f"{event.id}|{event.content}|{event.learned.isoformat()}"),
        "status": "final" if stands else "entered-in-error",
        "code": {"coding": codings, "text": known.label},
        "subject": {"reference": f"Patient/{person}"},
        **({"effectivePeriod": said} if said else {"effectiveDateTime": _moment(event.time, event)}),
        "issued": instant(event.learned),
        **_value(event),
        **({"device": {"display": event.source.device}} if event.source.device else {}),
    }


def _value(event: Event) -> Resource:
    if isinstance(event.value, Code):
        code = event.value
        coding = {name: text for name, text in (("system", code.system), ("code", code.code)) if text}
        display = {"display": code.display} if code.display and coding else {}
        text = {"text": code.display} if code.display else {}
        return {"valueCodeableConcept": ({"coding": [coding | display]} if coding else {}) | text}
    if isinstance(event.value, str):
        return {"valueString": event.value} if event.value else {}
    comparator = {"comparator": event.comparator} if event.comparator else {}
    return {
        "valueQuantity": {"value": event.value} | comparator | {"unit": event.unit, "system": UCUM, "code": event.unit}
    }


def about(held: Held) -> Resource:
    """What is said of the person beyond FHIR's Patient, legal holds, and whether processing is restricted.

    Holds and the restriction are told for information: who takes this in is under none.
    """
    person = held.person
    told = [_told(STATED + name, value) for name, value in msgspec.structs.asdict(person).items() if value]
    for reason, since, by in held.holds:
        parts = [("reason", reason), ("since", since), ("by", by)]
        told.append({"url": "urn:pollux:hold", "extension": [_told(name, text) for name, text in parts if text]})
    told += [_told("urn:pollux:restricted", held.restricted)] if held.restricted else []
    return _basic("person", person.id, "what is known of the person, legal holds, restriction") | {"extension": told}


def deleted(document: Document, person: str) -> Resource:
    """That a resource was deleted."""
    return _basic("deleted", person, f"{document.name} was deleted")


def _basic(code: str, person: str, text: str) -> Resource:
    coding = {"system": EXPORT, "code": code}
    return {"resourceType": "Basic", "code": {"coding": [coding], "text": text},
            "subject": {"reference": f"Patient/{person}"}}  # fmt: skip


def _told(url: str, value: object) -> Resource:
    return {"url": url, "valueBoolean" if isinstance(value, bool) else "valueString": value}


def quarantined(item: Quarantined, person: str) -> Iterator[Resource]:
    """What is not used, with the reason; before it the content, as a Binary to which the OperationOutcome refers."""
    finding = item.finding
    diagnostics = " · ".join(part for part in (finding.message, finding.where, finding.event) if part)
    issue = {"severity": "warning", "code": "invalid", "details": {"text": finding.rule}, "diagnostics": diagnostics}
    outcome: Resource = {"resourceType": "OperationOutcome", "issue": [issue]}
    content = _JSON.encode(item.event) if item.event is not None else item.document.encode("utf-8", "replace")
    if content:
        kind = "application/json" if item.event else "text/plain"
        binary = named({"resourceType": "Binary", "contentType": kind, "data": content}, person)
        yield binary
        reference = {"reference": f"Binary/{binary['id']}"}
        outcome["extension"] = [{"url": "urn:pollux:content", "valueReference": reference}]
    yield named(outcome, person)


def checkpoints(items: Iterable[tuple[str, str, bytes]], person: str) -> Iterator[Resource]:
    """What was derived: the states of twins, with name and time; the last of a name is current."""
    states = list(items)
    last = {name: number for number, (name, _, _) in enumerate(states)}
    for number, (name, at, content) in enumerate(states):
        when = instant(datetime.fromisoformat(at))
        attachment = {"contentType": "application/octet-stream", "data": content, "title": name, "creation": when}
        yield {
            "resourceType": "DocumentReference",
            "status": "current" if last[name] == number else "superseded",
            "type": {"text": "state of a twin"},
            "subject": {"reference": f"Patient/{person}"},
            "date": when,
            "description": name,
            "content": [{"attachment": attachment}],  # bytes are encoded as base64
        }


def device_files(pieces: Iterable[Document], person: str) -> Iterator[Resource]:
    """Devices' files as they came, byte for byte: a DocumentReference for each piece of a file, in order."""
    for piece in pieces:
        attachment = {"contentType": "application/octet-stream", "data": piece.content, "title": piece.place}
        yield {
            "resourceType": "DocumentReference",
            "status": "current",
            "type": {"text": "file of a device"},
            "subject": {"reference": f"Patient/{person}"},
            "description": f"{piece.place}, piece {piece.version}",
            "content": [{"attachment": attachment}],  # bytes are encoded as base64
        } | ({"date": instant(piece.learned)} if piece.learned else {})


def named(resource: Resource, person: str) -> Resource:
    """A resource of ours with an id that no other export has: told by what it says and of whom."""
    said = msgspec.json.encode([person, resource])
    return resource | {"id": own_id(hashlib.sha256(said).hexdigest())}


def provenances(sources: dict[tuple[str, datetime], list[str]]) -> Iterator[Resource]:
    """Where things came from: the file that each source names, and when it was read."""
    for (file, learned), names in sources.items():
        for start in range(0, len(names), _TARGETS):
            yield {
                "resourceType": "Provenance",
                "target": [{"reference": name} for name in names[start : start + _TARGETS]],
                "recorded": instant(learned),
                "agent": [{"who": {"display": "Pollux"}}],
                "entity": [{"role": "source", "what": {"display": file or "not stated"}}],
            }


def audit_event(act: Act, patient: str = "") -> Resource:
    """A line of the audit as FHIR AuditEvent; chain and signature stand in the details, so that it can be checked.

    What was refused is an action that failed, of the kind that was asked. `patient` is the reference to whom it is
    about, where that may be said; else the pseudonym stands there.
    """
    pseudonym = {"identifier": {"system": "urn:pollux:pseudonym", "value": act.subject}}
    what = {"reference": patient} if patient else pseudonym
    told = {"seq": act.seq, "action": act.action, **act.detail, "link": act.link, "signature": act.signature}
    refused = act.action == "refused"
    action = _ASKED.get(str(act.detail.get("of")), "U") if refused else _ACTIONS.get(act.action, "U")
    details = [{"type": name, "valueString": str(value)} for name, value in told.items() if str(value)]
    return {
        "resourceType": "AuditEvent",
        "id": f"act-{act.seq}",
        "type": {"system": _AUDIT_TYPE, "code": "rest"},
        "action": action,
        "recorded": instant(act.at),
        "outcome": _REFUSED if refused else _SUCCESS,
        **({"outcomeDesc": f"refused: {act.detail.get('why', '')}"} if refused else {}),
        **({"purposeOfEvent": [{"text": act.purpose}]} if act.purpose else {}),
        "agent": [{"who": {"display": act.actor or "unknown"}, "requestor": True}],
        "source": {"observer": {"display": "Pollux"}},
        "entity": [({"what": what} if act.subject or patient else {}) | {"detail": details}],
    }


def instant(moment: datetime) -> str:
    """A moment as FHIR writes it."""
    return moment.isoformat().replace("+00:00", "Z")


def _moment(moment: datetime, event: Event) -> str:
    return as_stated(moment, event.precision) if event.precision in DATES else instant(moment)
