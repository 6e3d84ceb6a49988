"""FHIR Observation: measurements, with their components as events of their own."""

from collections.abc import Iterator, Mapping
from typing import Any

from pollux.errors import PolluxError
from pollux.record.event import Code, Comparator, Event
from pollux.sources.fhir.case import Case, code_of
from pollux.sources.fhir.dates import when
from pollux.sources.quoted import quoted, unit_named
from pollux.vocabulary import Term, term_for_code

UCUM = "http://unitsofmeasure.org"
TIMES = ("effectiveDateTime", "effectiveInstant", "effectivePeriod", "effectiveTiming")
Problem = tuple[str, str]


def observed(case: Case) -> Iterator[Event | Problem]:
    """The events of an Observation: one for its value and one for each component."""
    resource = case.resource
    components = resource.get("component", ())
    span = when(resource, TIMES, case.zone)
    if span is None:
        yield "no time", "it does not say when it was measured"
        return
    used: set[str] = set()
    if not components or any(name.startswith("value") for name in resource):
        yield _measured(case, resource, span, "")
    for i, component in enumerate(components):
        code = code_of(component.get("code"))
        part = (code.code if code else "") or str(i)
        part = f"{part}-{i}" if part in used else part
        used.add(part)
        yield _measured(case, component, span, part)


def _measured(case: Case, holder: Mapping[str, Any], span: Any, part: str) -> Event | Problem:
    named = _term(holder.get("code"))
    if named is None:
        return "unknown code", f"no quantity has the code {_codes(holder.get('code'))}"
    known, code = named
    time, end, precision = span
    retracted = case.status in ("entered-in-error", "cancelled")
    found = _value(holder, known)
    if found is None:
        if "dataAbsentReason" in holder:
            reason = code_of(holder["dataAbsentReason"])
            return "no value", f"{known.label} is absent: {reason.code[:40] if reason else ''}".rstrip(": ")
        if not retracted:
            return "no value", f"{known.label} has no value that is read here"
    value, unit, comparator = found or ("", "", "")
    only = known.stated_in.get(code, unit)
    if unit and unit != only:
        return (
            "wrong unit",
            f"{known.label} under the code {code} has another scale in {unit_named(unit)}; it is read in {only}",
        )
    flags = ("preliminary",) if case.status in ("preliminary", "registered") else ()
    try:
        return case.event(
            time,
            known.name,
            value,
            unit,
            end=end,
            comparator=comparator,
            precision=precision,
            flags=flags,
            retracted=retracted,
            part=part,
        )
    except PolluxError as error:
        return "broken event", error.what


def _term(concept: object) -> tuple[Term, str] | None:
    """The quantity that a concept stands for, and the code that said so."""
    for coding in concept.get("coding", ()) if isinstance(concept, dict) else ():
        known = term_for_code(coding.get("system", ""), coding.get("code", ""))
        if known:
            return known, str(coding["code"])
    return None


def _codes(concept: object) -> str:
    codings = concept.get("coding", ()) if isinstance(concept, dict) else ()
    named = [f"{coding.get('system', '')}|{_token(coding.get('code', ''))}"[:100] for coding in codings[:3]]
    return ", ".join(named) or "(none stated)"


def _token(code: str) -> str:
    return code if quoted(code) else "(another code)"


def _value(holder: Mapping[str, Any], known: Term) -> tuple[float | str | Code, str, Comparator] | None:
    """Value, unit and comparator; None when there is nothing that can be read."""
    quantity = holder.get("valueQuantity")
    if isinstance(quantity, dict) and "value" in quantity:
        return float(quantity["value"]), unit_of(quantity), quantity.get("comparator", "")
    if known.kind == "number":
        count = holder.get("valueInteger")
        if count is not None and known.unit.startswith("{"):
            return float(count), known.unit, ""
        return None
    concept = code_of(holder.get("valueCodeableConcept"))
    if concept:
        return concept, "", ""
    for element in ("valueString", "valueBoolean", "valueInteger", "valueDateTime", "valueTime"):
        if element in holder:
            return str(holder[element]), "", ""
    return None


def unit_of(quantity: Mapping[str, Any]) -> str:
    """The UCUM code where there is one, else the unit as written."""
    if quantity.get("system") == UCUM and quantity.get("code"):
        return str(quantity["code"])
    return str(quantity.get("unit") or quantity.get("code") or "")
