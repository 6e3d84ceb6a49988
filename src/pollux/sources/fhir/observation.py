"""FHIR Observation: measurements, with their components as events of their own."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from pollux.errors import PolluxError
from pollux.record.event import Code, Comparator, Event
from pollux.sources.fhir.case import Case, code_of
from pollux.sources.fhir.dates import Span, when
from pollux.sources.fhir.quantity import UnitsDisagree, canonical, unit_of
from pollux.sources.fhir.sampled import readings
from pollux.sources.quoted import quoted, unit_named
from pollux.vocabulary import Term, term_for_code

TIMES = ("effectiveDateTime", "effectiveInstant", "effectivePeriod", "effectiveTiming")
_STANDS = ("final", "amended", "corrected", "")
_FLAGGED = ("preliminary", "registered", "unknown")
_UNDONE = ("entered-in-error", "cancelled")
_TEXTS = ("valueString", "valueBoolean", "valueInteger", "valueDateTime", "valueTime")
Problem = tuple[str, str]


def observed(case: Case) -> Iterator[Event | Problem]:
    """The events of an Observation: one for its value and one for each component."""
    resource = case.resource
    components = resource.get("component", ())
    if case.status not in _STANDS + _FLAGGED + _UNDONE:
        yield "not understood", f"its status{quoted(case.status)} is none that is known here"
        return
    span = when(resource, TIMES, case.zone)
    if span is None:
        yield "no time", "it does not say when it was measured"
        return
    used: set[str] = set()
    if not components or any(name.startswith("value") for name in resource):
        yield from _measured(case, resource, span, "")
    for i, component in enumerate(components):
        code = code_of(component.get("code"))
        part = (code.code if code else "") or str(i)
        part = f"{part}-{i}" if part in used else part
        used.add(part)
        yield from _measured(case, component, span, part)


def _measured(case: Case, holder: Mapping[str, Any], span: Span, part: str) -> Iterator[Event | Problem]:
    try:
        written = _unit(holder)
    except UnitsDisagree as error:
        named = _term(holder.get("code"), "")
        label = named[0].label if named else f"the code {_codes(holder.get('code'))}"
        yield "wrong unit", f"{label}: {error.what}"
        return
    named = _term(holder.get("code"), canonical(written))
    if named is None:
        yield "unknown code", f"no quantity has the code {_codes(holder.get('code'))}{_in_unit(written)}"
        return
    known, code = named
    only = known.stated_in.get(code)
    if only and written and canonical(written) != only:
        yield (
            "wrong unit",
            f"{known.label} under the code {code} has another scale in {unit_named(written)}; it is read in {only}",
        )
    elif isinstance(holder.get("valueSampledData"), dict):
        yield from _sampled(case, holder["valueSampledData"], written, known, span, part)
    else:
        yield _one(case, holder, written, known, span, part)


def _one(case: Case, holder: Mapping[str, Any], written: str, known: Term, span: Span, part: str) -> Event | Problem:
    found = _value(holder, known, written)
    if found is None and case.status not in _UNDONE:
        return "no value", _no_value(holder, known)
    value, unit, comparator = found or ("", "", "")
    return _event(case, span, known, value, unit, comparator=comparator, part=part)


def _event(
    case: Case,
    span: Span,
    known: Term,
    value: float | str | Code,
    unit: str,
    *,
    comparator: Comparator = "",
    part: str = "",
) -> Event | Problem:
    flags = (case.status,) if case.status in ("unknown",) else ()
    flags = ("preliminary",) if case.status in ("preliminary", "registered") else flags
    try:
        return case.event(
            span.time,
            known.name,
            value,
            unit,
            end=span.end,
            comparator=comparator,
            precision=span.precision,
            flags=flags + span.flags,
            retracted=case.status in _UNDONE,
            part=part,
        )
    except PolluxError as error:
        return "broken event", error.what


def _sampled(
    case: Case, data: Mapping[str, Any], written: str, known: Term, span: Span, part: str
) -> Iterator[Event | Problem]:
    if known.kind != "number":
        yield "no value", f"{known.label} is no number, and its value is stated as sampled data"
        return

    def make(time: datetime, value: float, unit: str, comparator: Comparator, number: int) -> Event | Problem:
        here = Span(time, None, span.precision, span.flags)
        place = f"{part}-sample-{number + 1}" if part else f"sample-{number + 1}"
        return _event(case, here, known, value, _own(known, unit), comparator=comparator, part=place)

    yield from readings(data, written, known, span, make)


def _unit(holder: Mapping[str, Any]) -> str:
    """The unit of the value, as written; "" where it has none."""
    sampled = holder.get("valueSampledData")
    quantity = sampled.get("origin") if isinstance(sampled, dict) else holder.get("valueQuantity")
    return unit_of(quantity) if isinstance(quantity, dict) else ""


def _in_unit(written: str) -> str:
    return f" (in {unit_named(written)})" if written else ""


def _term(concept: object, stated: str) -> tuple[Term, str] | None:
    """The quantity that a concept stands for, and the code that said so; `stated` is the unit of the value."""
    for coding in concept.get("coding", ()) if isinstance(concept, dict) else ():
        known = term_for_code(coding.get("system", ""), coding.get("code", ""), stated)
        if known:
            return known, str(coding["code"])
    return None


def _codes(concept: object) -> str:
    codings = concept.get("coding", ()) if isinstance(concept, dict) else ()
    named = [f"{coding.get('system', '')}|{_token(coding.get('code', ''))}"[:100] for coding in codings[:3]]
    return ", ".join(named) or "(none stated)"


def _token(code: str) -> str:
    return code if quoted(code) else "(another code)"


def _value(holder: Mapping[str, Any], known: Term, written: str) -> tuple[float | str | Code, str, Comparator] | None:
    """Value, unit and comparator; None when there is nothing that can be read."""
    quantity = holder.get("valueQuantity")
    if isinstance(quantity, dict) and "value" in quantity:
        return float(quantity["value"]), _own(known, written), quantity.get("comparator", "")
    if known.kind == "number":
        count = holder.get("valueInteger")
        if count is not None and _counts(known):
            return float(count), known.unit, ""
        return None
    concept = code_of(holder.get("valueCodeableConcept"))
    if concept:
        return concept, "", ""
    for element in _TEXTS:
        if element in holder:
            return str(holder[element]), "", ""
    return None


def _counts(known: Term) -> bool:
    """Whether a bare number can only be meant in the unit of the quantity: scores, counts, ratios, pH."""
    return known.unit.startswith("{") or known.unit in ("1", "[pH]")


def _own(known: Term, written: str) -> str:
    return known.unit if not written and known.kind == "number" and _counts(known) else written


def _no_value(holder: Mapping[str, Any], known: Term) -> str:
    if "dataAbsentReason" in holder:
        reason = code_of(holder["dataAbsentReason"])
        return f"{known.label} is absent: {reason.code[:40] if reason else ''}".rstrip(": ")
    stated = next((name for name in holder if name.startswith("value")), "")
    if stated and known.kind == "number":
        return f"{known.label} is a number, and its value is stated otherwise ({stated})"
    return f"{known.label} has no value that is read here{f' ({stated})' if stated else ''}"
