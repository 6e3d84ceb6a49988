"""FHIR's clinical statements (conditions, medications, encounters …): when, what, and whether it holds."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pollux.errors import PolluxError
from pollux.record.event import Code, Event
from pollux.sources.fhir.case import Case, code_of
from pollux.sources.fhir.dates import moment, when
from pollux.sources.fhir.medication import medication

Problem = tuple[str, str]


@dataclass(frozen=True)
class Kind:
    """Where a resource type keeps its time, end and code, and which statuses say that it did not happen.

    What did not happen, or was entered in error, leaves no standing event. A status in `flagged` is kept as a flag.
    """

    quantity: str
    times: tuple[str, ...]
    codes: tuple[str, ...]
    ends: tuple[str, ...] = ()
    undone: tuple[str, ...] = ()
    flagged: tuple[str, ...] = ()


_MEDICATION = ("medicationCodeableConcept", "medicationReference")

KINDS: Mapping[str, Kind] = {
    "Condition": Kind("condition", ("onsetDateTime", "onsetPeriod", "recordedDate"), ("code",), ("abatementDateTime",)),
    "MedicationRequest": Kind(
        "medication_request",
        ("authoredOn",),
        _MEDICATION,
        undone=("cancelled",),
        flagged=("draft", "stopped", "completed", "on-hold"),
    ),
    "MedicationStatement": Kind(
        "medication_statement",
        ("effectiveDateTime", "effectivePeriod", "dateAsserted"),
        _MEDICATION,
        undone=("not-taken",),
        flagged=("intended", "stopped", "completed", "on-hold"),
    ),
    "MedicationAdministration": Kind(
        "medication_administration",
        ("effectiveDateTime", "effectivePeriod"),
        _MEDICATION,
        undone=("not-done",),
        flagged=("in-progress", "stopped", "on-hold"),
    ),
    "MedicationDispense": Kind(
        "medication_dispense",
        ("whenHandedOver", "whenPrepared"),
        _MEDICATION,
        undone=("cancelled", "declined"),
        flagged=("preparation", "on-hold"),
    ),
    "AllergyIntolerance": Kind(
        "allergy", ("onsetDateTime", "onsetPeriod", "recordedDate", "lastOccurrence"), ("code",)
    ),
    "Procedure": Kind(
        "procedure",
        ("performedDateTime", "performedPeriod"),
        ("code",),
        undone=("not-done",),
        flagged=("preparation", "in-progress", "stopped", "on-hold"),
    ),
    "Encounter": Kind(
        "encounter", ("period",), ("type", "class"), undone=("cancelled",), flagged=("planned", "in-progress")
    ),
    "Immunization": Kind("immunization", ("occurrenceDateTime",), ("vaccineCode",), undone=("not-done",)),
    "DiagnosticReport": Kind(
        "diagnostic_report",
        ("effectiveDateTime", "effectivePeriod"),
        ("code",),
        undone=("cancelled",),
        flagged=("registered", "partial", "preliminary"),
    ),
    "Device": Kind("device", ("manufactureDate",), ("type", "deviceName"), ("expirationDate",), flagged=("inactive",)),
    "Consent": Kind(
        "consent", ("dateTime",), ("category", "scope"), undone=("rejected",), flagged=("draft", "inactive")
    ),
    "CarePlan": Kind(
        "care_plan", ("period", "created"), ("category", "title"), undone=("revoked",), flagged=("draft",)
    ),
}


def stated(case: Case, kind: Kind) -> Iterator[Event | Problem]:
    """The one event of a clinical statement."""
    resource = case.resource
    span = when(resource, kind.times, case.zone)
    if span is None:
        yield "no time", f"none of {', '.join(kind.times)} is stated"
        return
    value = _code(case, kind)
    if value is None:
        yield "no code", f"none of {', '.join(kind.codes)} says what it is"
        return
    time, end, precision = span
    for element in kind.ends:
        if end is None and isinstance(resource.get(element), str):
            end = moment(resource[element], case.zone)[0]
    clinical, verification = (code_of(resource.get(name)) for name in ("clinicalStatus", "verificationStatus"))
    statuses = [case.status] + [code.code for code in (clinical, verification) if code]
    retracted = any(status in ("entered-in-error", "refuted", *kind.undone) for status in statuses)
    flags = [status for status in statuses if status in kind.flagged]
    flags += [code.code for code in (clinical, verification) if code and code.code not in ("active", "confirmed")]
    try:
        yield case.event(
            time,
            kind.quantity,
            value,
            "",
            end=end if end is None or end >= time else None,
            precision=precision,
            flags=tuple(dict.fromkeys(flags + (["ends before it begins"] if end and end < time else []))),
            retracted=retracted,
        )
    except PolluxError as error:
        yield "broken event", error.what


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
