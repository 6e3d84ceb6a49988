"""Everything held about a person as one FHIR Bundle: what was received, what was derived, from where, and who saw it.

Resources stand in it byte for byte as they were received, every version. Events that came in no resource become
Observations, coded in the vocabulary's own system (`urn:pollux:quantity`) and in LOINC where it has a code; what was
corrected or retracted since is *entered in error*. Quarantined rows are OperationOutcomes with their content as Binary.
One Provenance a source file says where things came from, one AuditEvent a line of the audit who did and saw what.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

import msgspec

from pollux.record.act import Act
from pollux.record.entry import own_id
from pollux.record.event import Code, Event, Person
from pollux.record.held import Held
from pollux.record.quality import Quarantined
from pollux.record.record import Record
from pollux.sources.fhir.observation import UCUM
from pollux.sources.fhir.references import HELD
from pollux.vocabulary import LOINC, QUANTITY, term

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_BASE = "https://pollux.invalid/fhir/"  # so that relative references resolve inside the Bundle; nothing is there
_DATES = {"year": "%Y", "month": "%Y-%m", "day": "%Y-%m-%d"}
_AUDIT_TYPE = "http://terminology.hl7.org/CodeSystem/audit-event-type"
_ACTIONS = {"take": "C", "read": "R", "checkpoint": "C", "erase": "D", "search": "E", "backup": "E", "restore": "E"}
_TARGETS = 1000  # of one Provenance
_JSON = msgspec.json.Encoder()
Resource = dict[str, Any]


def portable(held: Held, at: datetime) -> Iterator[bytes]:
    """The Bundle in pieces, at most one resource each; `at` is when it was asked for."""
    header = {"resourceType": "Bundle", "type": "collection", "timestamp": _instant(at)}
    yield _JSON.encode(header)[:-1] + b',"entry":['
    first = True
    for url, resource in _entries(held):
        yield (b"\n" if first else b",\n") + b'{"fullUrl":' + _JSON.encode(url) + b',"resource":' + resource + b"}"
        first = False
    yield b"\n]}\n"


def _entries(held: Held) -> Iterator[tuple[str, bytes]]:
    id = held.person.id
    sources: dict[tuple[str, datetime], list[str]] = defaultdict(list)
    seen: dict[str, int] = defaultdict(int)
    last = {document.name: i for i, document in enumerate(held.documents)}
    if f"Patient/{id}" not in last:
        yield _url(f"Patient/{id}"), _JSON.encode(_patient(held.person))
    for i, document in enumerate(held.documents):
        seen[document.name] += 1
        older = last[document.name] != i
        yield (
            f"urn:uuid:{own_id(f'{document.name}/{seen[document.name]}')}" if older else _url(document.name),
            document.content,
        )
        if document.learned is not None and not older:
            sources[document.place.rpartition(" line ")[0], document.learned].append(document.name)
    standing = {event.id: event for event in Record(held.person, held.events).current}
    names = last.keys()
    for event in held.events:
        if event.id.partition("#")[0] not in names:
            made = _observation(event, id, standing.get(event.id) == event)
            sources[event.source.name, event.learned].append(f"Observation/{made['id']}")
            yield _url(f"Observation/{made['id']}"), _JSON.encode(made)
    others = [*_quarantined(held.quarantined), *_checkpoints(held.checkpoints), *_provenances(sources)]
    others = [one | {"meta": {"source": f"{HELD}{id}"}} for one in others]
    for resource in (*others, *(audit_event(act, f"Patient/{id}") for act in held.acts)):
        yield _url(f"{resource['resourceType']}/{resource['id']}"), _JSON.encode(resource)


def _url(name: str) -> str:
    id = name.partition("/")[2]
    return f"urn:uuid:{id}" if _UUID.fullmatch(id) else _BASE + name


def _patient(person: Person) -> Resource:
    stated = {"gender": person.gender, "birthDate": person.birth_date}
    return {"resourceType": "Patient", "id": person.id} | {name: value for name, value in stated.items() if value}


def _observation(event: Event, person: str, stands: bool) -> Resource:
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
        "issued": _instant(event.learned),
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


def _quarantined(items: Iterable[Quarantined]) -> Iterator[Resource]:
    for number, item in enumerate(items, 1):
        finding = item.finding
        diagnostics = " · ".join(part for part in (finding.message, finding.where, finding.event) if part)
        issue = {
            "severity": "warning",
            "code": "invalid",
            "details": {"text": finding.rule},
            "diagnostics": diagnostics,
        }
        yield {"resourceType": "OperationOutcome", "id": f"quarantined-{number}", "issue": [issue]}
        content = _JSON.encode(item.event) if item.event is not None else item.document.encode()
        if content:
            yield _binary(f"quarantined-{number}", "application/json" if item.event else "text/plain", content)


def _checkpoints(items: Iterable[tuple[str, str, bytes]]) -> Iterator[Resource]:
    """What was derived: the states of twins."""
    for number, (_, _, content) in enumerate(items, 1):
        yield _binary(f"twin-{number}", "application/octet-stream", content)


def _binary(id: str, kind: str, content: bytes) -> Resource:
    return {"resourceType": "Binary", "id": id, "contentType": kind, "data": content}  # bytes are encoded as base64


def _provenances(sources: dict[tuple[str, datetime], list[str]]) -> Iterator[Resource]:
    for number, ((file, learned), names) in enumerate(sources.items(), 1):
        for start in range(0, len(names), _TARGETS):
            yield {
                "resourceType": "Provenance",
                "id": f"source-{number}-{start // _TARGETS + 1}",
                "target": [{"reference": name} for name in names[start : start + _TARGETS]],
                "recorded": _instant(learned),
                "agent": [{"who": {"display": "Pollux"}}],
                "entity": [{"role": "source", "what": {"display": file or "not stated"}}],
            }


def audit_event(act: Act, patient: str = "") -> Resource:
    """A line of the audit as FHIR AuditEvent; chain and signature stand in the details, so that it can be checked.

    `patient` is the reference to whom it is about, where that may be said; else the pseudonym stands there.
    """
    pseudonym = {"identifier": {"system": "urn:pollux:pseudonym", "value": act.subject}}
    what = {"reference": patient} if patient else pseudonym
    told = {"seq": act.seq, "action": act.action, **act.detail, "link": act.link, "signature": act.signature}
    details = [{"type": name, "valueString": str(value)} for name, value in told.items() if str(value)]
    return {
        "resourceType": "AuditEvent",
        "id": f"act-{act.seq}",
        "type": {"system": _AUDIT_TYPE, "code": "rest"},
        "action": _ACTIONS.get(act.action, "U"),
        "recorded": _instant(act.at),
        "outcome": "0",
        **({"purposeOfEvent": [{"text": act.purpose}]} if act.purpose else {}),
        "agent": [{"who": {"display": act.actor or "unknown"}, "requestor": True}],
        "source": {"observer": {"display": "Pollux"}},
        "entity": [({"what": what} if act.subject or patient else {}) | {"detail": details}],
    }


def _instant(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def _moment(moment: datetime, event: Event) -> str:
    pattern = _DATES.get(event.precision)
    return moment.strftime(pattern) if pattern else _instant(moment)
