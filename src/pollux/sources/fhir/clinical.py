"""FHIR's clinical statements (conditions, medications, encounters …): when, what, and whether it holds."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pollux.errors import PolluxError
from pollux.record.event import Code, Event
from pollux.sources.fhir.case import Case, code_of
from pollux.sources.fhir.dates import Span, closing, moment, when
from pollux.sources.fhir.medication import medication
from pollux.sources.fhir.modifiers import perhaps_not_taken, said_not_taken, texts_of
from pollux.sources.quoted import quoted
from pollux.vocabulary.negation import NEGATED, PERHAPS_STOPPED, none_known, says_no_allergy, says_not_so

Problem = tuple[str, str]


@dataclass(frozen=True)
class Kind:
    """Where a resource type keeps its time, end and code, and what its statuses say.

    `stands` are the statuses under which it holds as it is; one in `flagged` is kept as a flag; what is `undone` did
    not happen and leaves no standing event, as what was entered in error. Any other status is not understood. What is
    `undated` and holds all the same (nobody's allergy is none for want of a date) holds from when it was learned.
    """

    quantity: str
    times: tuple[str, ...]
    codes: tuple[str, ...]
    ends: tuple[str, ...] = ()
    stands: tuple[str, ...] = ("completed",)
    undone: tuple[str, ...] = ()
    flagged: tuple[str, ...] = ()
    undated: bool = False


NO_DATE = "date not stated"
_MEDICATION = ("medicationCodeableConcept", "medicationReference")

KINDS: Mapping[str, Kind] = {
    "Condition": Kind(
        "condition",
        ("onsetDateTime", "onsetPeriod", "recordedDate"),
        ("code",),
        ("abatementDateTime",),
        stands=(),
        undated=True,
    ),
    "MedicationRequest": Kind(
        "medication_request",
        ("authoredOn",),
        _MEDICATION,
        stands=("active",),
        undone=("cancelled",),
        flagged=("draft", "stopped", "completed", "on-hold", "unknown"),
    ),
    "MedicationStatement": Kind(
        "medication_statement",
        ("effectiveDateTime", "effectivePeriod", "dateAsserted"),
        _MEDICATION,
        stands=("active",),
        undone=("not-taken",),
        flagged=("intended", "stopped", "completed", "on-hold", "unknown"),
        undated=True,
    ),
    "MedicationAdministration": Kind(
        "medication_administration",
        ("effectiveDateTime", "effectivePeriod"),
        _MEDICATION,
        undone=("not-done",),
        flagged=("in-progress", "stopped", "on-hold", "unknown"),
    ),
    "MedicationDispense": Kind(
        "medication_dispense",
        ("whenHandedOver", "whenPrepared"),
        _MEDICATION,
        undone=("cancelled", "declined"),
        flagged=("preparation", "in-progress", "on-hold", "stopped", "unknown"),
    ),
    "AllergyIntolerance": Kind(
        "allergy",
        ("onsetDateTime", "onsetPeriod", "recordedDate", "lastOccurrence"),
        ("code",),
        stands=(),
        undated=True,
    ),
    "Procedure": Kind(
        "procedure",
        ("performedDateTime", "performedPeriod"),
        ("code",),
        undone=("not-done",),
        flagged=("preparation", "in-progress", "stopped", "on-hold", "unknown"),
    ),
    "Encounter": Kind(
        "encounter",
        ("period",),
        ("type", "class"),
        stands=("arrived", "triaged", "onleave", "finished"),
        undone=("cancelled",),
        flagged=("planned", "in-progress", "unknown"),
    ),
    "Immunization": Kind("immunization", ("occurrenceDateTime",), ("vaccineCode",), undone=("not-done",)),
    "DiagnosticReport": Kind(
        "diagnostic_report",
        ("effectiveDateTime", "effectivePeriod"),
        ("code",),
        stands=("final", "amended", "corrected", "appended"),
        undone=("cancelled",),
        flagged=("registered", "partial", "preliminary", "unknown"),
    ),
    "Device": Kind(
        "device",
        ("manufactureDate",),
        ("type", "deviceName"),
        ("expirationDate",),
        stands=("active",),
        flagged=("inactive", "unknown"),
    ),
    "Consent": Kind(
        "consent",
        ("dateTime",),
        ("category", "scope"),
        stands=("active",),
        undone=("rejected",),
        flagged=("draft", "inactive", "proposed"),
    ),
    "CarePlan": Kind(
        "care_plan",
        ("period", "created"),
        ("category", "title"),
        stands=("active", "completed"),
        undone=("revoked",),
        flagged=("draft", "on-hold", "unknown"),
    ),
}

_INTENTS = ("order", "original-order", "reflex-order", "filler-order", "instance-order")
_NOT_ORDERED = ("proposal", "plan", "option")
_CLINICAL = ("active", "recurrence", "relapse", "inactive", "remission", "resolved")
_VERIFIED = ("confirmed", "unconfirmed", "provisional", "differential", "refuted", "entered-in-error")


def stated(case: Case, kind: Kind) -> Iterator[Event | Problem]:
    """The one event of a clinical statement."""
    resource = case.resource
    standing = _standing(case, kind)
    if isinstance(standing, str):
        yield "not understood", standing
        return
    if kind.codes == _MEDICATION and said_not_taken(resource, medication(case)):
        yield "not taken", "its text says that it is not taken, and its status does not"
        return
    span = when(resource, kind.times, case.zone)
    if span is None and kind.undated:
        span = Span(case.learned, None, "second", (NO_DATE,))
    if span is None:
        yield "no time", f"none of {', '.join(kind.times)} is stated"
        return
    value = _code(case, kind)
    if value is None:
        yield "no code", f"none of {', '.join(kind.codes)} says what it is"
        return
    time, end, precision, known = span
    for element in kind.ends:
        if end is None and isinstance(resource.get(element), str):
            ends = moment(resource[element], case.zone)
            end, known = closing(time, ends), known + ends.flags
    flags = [status for status in standing if status not in (*kind.stands, "active", "confirmed")]
    flags += [*known, *_said_otherwise(case, kind), *(["ends before it begins"] if end and end < time else [])]
    try:
        yield case.event(
            time,
            kind.quantity,
            value,
            "",
            end=end if end is None or end >= time else None,
            precision=precision,
            flags=tuple(dict.fromkeys(flags)),
            retracted=not {"entered-in-error", "refuted", *kind.undone}.isdisjoint(standing),
        )
    except PolluxError as error:
        yield "broken event", error.what


def _said_otherwise(case: Case, kind: Kind) -> list[str]:
    """What the texts of a statement say against what its elements say: it holds, flagged, and is counted by nobody."""
    if kind.codes == _MEDICATION:
        return [PERHAPS_STOPPED] if perhaps_not_taken(case.resource, medication(case)) else []
    texts = texts_of(case.resource.get("code"))
    if kind.quantity == "allergy":
        negated = any(says_no_allergy(text) and not none_known(text) for text in texts)
        return [NEGATED] if negated else []
    if kind.quantity == "condition":
        return list(dict.fromkeys(said for text in texts if (said := says_not_so(text))))
    return []


def _standing(case: Case, kind: Kind) -> list[str] | str:
    """Everything that the resource says of its own standing; a sentence where something of it is not understood."""
    resource, found = case.resource, []
    if case.status:
        found.append(case.status)
        if case.status not in (*kind.stands, *kind.flagged, *kind.undone, "entered-in-error"):
            return f"its status{quoted(case.status)} is none that is known here"
    intent = resource.get("intent")
    if kind.quantity in ("medication_request", "care_plan") and isinstance(intent, str):
        if intent not in _INTENTS + _NOT_ORDERED:
            return f"its intent{quoted(intent)} is none that is known here"
        found += [intent] if intent in _NOT_ORDERED and kind.quantity == "medication_request" else []
    for element, known in (("clinicalStatus", _CLINICAL), ("verificationStatus", _VERIFIED)):
        if element in resource:
            status = _one_of(resource[element], known)
            if not status:
                return f"its {element} is none that is known here"
            found.append(status)
    if resource.get("isSubpotent") is True:
        found.append("subpotent")
    if any(_as_needed(dosage) for dosage in resource.get("dosageInstruction", resource.get("dosage", ())) or ()):
        found.append("as needed")
    return found


def _one_of(concept: object, known: tuple[str, ...]) -> str:
    """The one status that a concept states; "" where it states none that is known, or several."""
    codings = concept.get("coding", ()) if isinstance(concept, dict) else ()
    stated = {coding.get("code") for coding in codings if coding.get("code") in known}
    if not codings and isinstance(concept, dict):
        stated = {str(concept.get("text", "")).strip().casefold()} & set(known)
    return stated.pop() if len(stated) == 1 else ""


def _as_needed(dosage: object) -> bool:
    return isinstance(dosage, dict) and (dosage.get("asNeededBoolean") is True or "asNeededCodeableConcept" in dosage)


def _code(case: Case, kind: Kind) -> Code | None:
    if kind.codes == _MEDICATION:
        return code_of(medication(case))
    for element in kind.codes:
        value: Any = case.resource.get(element)
        if isinstance(value, list):
            value = value[0] if value else None
        if isinstance(value, str):
            return Code("", "", value)
        if not isinstance(value, dict):
            continue
        if element == "class":
            return Code(str(value.get("system", "")), str(value.get("code", "")), str(value.get("display", "")))
        if element == "deviceName":
            return Code("", "", str(value.get("name", "")))
        code = code_of(value)
        if code:
            return code
    return None
