"""Insulin given, as a dose: what a MedicationAdministration of insulin says for a model of glucose.

Beside the coded event of the administration there is a dose only where nothing about it is guessed: which kind of
insulin, how many units, at what time of day, under the skin. What lacks one of these is told.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from pollux.errors import PolluxError
from pollux.record.event import Event
from pollux.sources.fhir.case import Case
from pollux.sources.fhir.dates import when
from pollux.sources.fhir.medication import medication
from pollux.sources.fhir.quantity import unit_of
from pollux.sources.quoted import unit_named
from pollux.vocabulary import ATC_SYSTEMS, SNOMED, Insulin, insulin_for_code, insulins_in, unit

Problem = tuple[str, str]
TIMES = ("effectiveDateTime", "effectivePeriod")
BY_TEXT = "insulin known by its text"
_SUBCUTANEOUS = (SNOMED, "34206005")


def doses(case: Case) -> Iterator[Event | Problem]:
    """The dose of an administration of insulin; nothing for any other medicine and for what was not given."""
    concept = medication(case)
    if case.status in ("not-done", "entered-in-error") or concept is None or not _is_insulin(concept):
        return
    try:
        yield _dose(case, concept)
    except _NoDoseError as error:
        yield error.problem
    except PolluxError as error:
        yield "broken event", error.what


class _NoDoseError(Exception):
    """Why there is no dose that could be used."""

    def __init__(self, rule: str, text: str) -> None:
        super().__init__(text)
        self.problem = (rule, text)


def _dose(case: Case, concept: Mapping[str, Any]) -> Event:
    quantity, by_text = _kind(concept)
    if case.status != "completed":
        raise _NoDoseError("no dose", f"the insulin is {case.status[:40]}, and only what is completed is a dose")
    value, written = _amount(case.resource.get("dosage"))
    span = when(case.resource, TIMES, case.zone)
    if span is None or span[2] not in ("minute", "second"):
        raise _NoDoseError("no time", "it does not say at what time of day the insulin was given")
    time, end, precision, flags = span
    return case.event(
        time,
        quantity,
        value,
        written,
        end=end if end is not None and end > time else None,
        precision=precision,
        flags=((BY_TEXT,) if by_text else ()) + flags,
        part="dose",
    )


def _kind(concept: Mapping[str, Any]) -> tuple[str, bool]:
    """The quantity that a dose of it is, and whether only its text says so. Codes and texts must agree."""
    coded = [one for system, code, _ in _codings(concept) if (one := insulin_for_code(system, code))]
    named: dict[str, Insulin] = {one.name: one for text in _texts(concept) for one in insulins_in(text)}
    found = {one.name: one for one in (*coded, *named.values())}
    quantities = {one.quantity for one in found.values()}
    if not found:
        raise _NoDoseError("unknown insulin", "which kind of insulin it is cannot be told, so that it is no dose")
    if quantities == {""} or len(quantities) > 1:
        names = " and ".join(found)
        raise _NoDoseError("unknown insulin", f"{names}: neither a bolus nor a long-acting dose")
    return quantities.pop(), not coded


def _amount(dosage: object) -> tuple[float, str]:
    if not isinstance(dosage, dict) or not isinstance(dosage.get("dose"), dict) or "value" not in dosage["dose"]:
        raise _NoDoseError("no dose", "how much insulin was given is not stated")
    if any(name.startswith("rate") for name in dosage):
        raise _NoDoseError("no dose", "the insulin was given at a rate, which is not read as a dose")
    route = dosage.get("route")
    if isinstance(route, dict) and not _under_the_skin(route):
        raise _NoDoseError("no dose", "the insulin was not given under the skin")
    written = unit_of(dosage["dose"])
    try:
        known = unit(written).dimension == "insulin dose"
    except PolluxError:
        known = False
    if not known:
        raise _NoDoseError("no dose", f"the insulin is stated in {unit_named(written)}, not in units of insulin")
    return float(dosage["dose"]["value"]), written


def _under_the_skin(route: Mapping[str, Any]) -> bool:
    codes = [(system, code) for system, code, _ in _codings(route)]
    return _SUBCUTANEOUS in codes or any("subcut" in text.casefold() for text in _texts(route))


def _is_insulin(concept: Mapping[str, Any]) -> bool:
    for system, code, _ in _codings(concept):
        if insulin_for_code(system, code) or (system in ATC_SYSTEMS and code.startswith("A10A")):
            return True
    texts = [text.casefold().replace("insulin-like", "") for text in _texts(concept)]
    return any("insulin" in text or insulins_in(text) for text in texts)


def _codings(concept: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """System, code and display of each coding."""
    names = ("system", "code", "display")
    return [
        (str(coding.get(names[0], "")), str(coding.get(names[1], "")), str(coding.get(names[2], "")))
        for coding in concept.get("coding", ())
    ]


def _texts(concept: Mapping[str, Any]) -> list[str]:
    return [str(concept.get("text", "")), *(display for _, _, display in _codings(concept))]
