"""CDS Hooks: from a request (`patient-view`, `order-select`, `order-sign`) to cards. No network, no state.

The request is checked for the fields that CDS Hooks 2.0 asks for, as HL7's test cases show them (the specification
itself was not read: *unverified*); a bad one is refused with everything that is wrong in it.
Genes come beside the request, or in it as the genotype Observations of HL7's Genomics Reporting.
"""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any

from pollux.care.treatment.fhir import both, gene_calls
from pollux.care.treatment.finding import Finding
from pollux.care.treatment.genes import GeneCall
from pollux.care.treatment.hook_request import check, resources
from pollux.care.treatment.medication import Medication, medication
from pollux.care.treatment.review import Facts, Review, allergies_among, review
from pollux.record import Code
from pollux.vocabulary import ATC_SYSTEMS, RXNORM
from pollux.vocabulary.negation import NO_ALLERGY

_INDICATOR = {"contraindicated": "critical", "serious": "warning", "moderate": "warning"}
_ACTIVE = ("active", "draft", "on-hold", "unknown", "intended", "")
_SUMMARY = 140  # characters at most, by the specification
REASONS = (
    ("known-and-monitored", "Known, and being monitored"),
    ("benefit-outweighs", "Benefit outweighs the risk here"),
    ("no-alternative", "No suitable alternative"),
    ("tolerated", "Taken before and tolerated"),
    ("does-not-apply", "Does not apply to this person"),
)
_SYSTEM = "urn:pollux:override-reason"
_FOOT = "Research software, not a medical device. It advises to look again and decides nothing."


def services() -> dict[str, Any]:
    """The services to be found at the discovery endpoint, with what they would have sent along."""
    prefetch = {
        "patient": "Patient/{{context.patientId}}",
        "medications": "MedicationRequest?patient={{context.patientId}}&status=active",
        "allergies": "AllergyIntolerance?patient={{context.patientId}}",
        "genotypes": "Observation?patient={{context.patientId}}&code=http://loinc.org|84413-4",
    }
    text = "Genes, other drugs and allergies: what to think again about, with sources and with what is not known."
    return {
        "services": [
            {"hook": hook, "id": f"pollux-{hook}", "title": "Pollux", "description": text, "prefetch": prefetch}
            for hook in ("patient-view", "order-select", "order-sign")
        ]
    }


def answer(request: object, calls: Iterable[GeneCall] = (), *, at: datetime) -> dict[str, Any]:
    """The cards for a request. `order-select` speaks of what was selected, `order-sign` of what is to be signed,
    `patient-view` of everything that matters. Of a gene that is both in `calls` and in the request, and differs, all
    that either allows is possible.

    Raises `RefusedInput` for a request that is not one, saying what is wrong.
    """
    sent = check(request)
    known = resources(sent.get("prefetch") or {})
    drafts = resources({"drafts": sent["context"].get("draftOrders")})
    chosen = [one for one in drafts if _selected(one, sent)]
    medications = [_medication(one) for one in (*known, *drafts) if one["resourceType"] in _MEDICATIONS]
    sent_calls = gene_calls(known, str(sent["context"].get("patientId", "")))
    for call in calls:
        sent_calls[call.gene] = both(call, sent_calls[call.gene]) if call.gene in sent_calls else call
    found = review(medications or None, sent_calls.values(), _facts(known, at), at=at)
    asked = {name for one in chosen for name in _medication(one).drugs}
    said = {_medication(one).said for one in chosen}
    cards = [
        _card(one)
        for one in found.findings
        if (not drafts and one.severity in _INDICATOR)
        or (drafts and (one.severity != "information" or not one.certain) and (asked | said) & set(one.drugs))
    ]
    return {"cards": cards + _unknown(found)}


_MEDICATIONS = ("MedicationRequest", "MedicationStatement", "MedicationAdministration", "MedicationDispense")


def _selected(resource: Mapping[str, Any], request: Mapping[str, Any]) -> bool:
    if resource["resourceType"] not in _MEDICATIONS:
        return False
    if request["hook"] != "order-select":
        return True
    return f"{resource['resourceType']}/{resource.get('id')}" in request["context"]["selections"]


def _medication(resource: Mapping[str, Any]) -> Medication:
    concept = resource.get("medicationCodeableConcept") or {}
    codings = [one for one in concept.get("coding", ()) if isinstance(one, Mapping)]
    codings.sort(key=lambda one: one.get("system") not in (RXNORM, *ATC_SYSTEMS))
    text = str(concept.get("text") or "")
    entries = [
        medication(Code(str(one.get("system", "")), str(one.get("code", "")), str(one.get("display") or text)))
        for one in codings
    ]
    if text:
        entries.append(medication(text))
    best = next(
        (one for one in entries if one.drugs), entries[0] if entries else Medication("a medication without name")
    )
    ended = resource.get("status", "") not in _ACTIVE
    return Medication(
        best.said, () if ended else best.drugs, datetime.min if ended else None, str(resource.get("id", ""))
    )


def _facts(known: Iterable[Mapping[str, Any]], at: datetime) -> Facts:
    patient = next((one for one in known if one["resourceType"] == "Patient"), {})
    stated = [one for one in known if one["resourceType"] == "AllergyIntolerance" and not _refuted(one)]
    texts, none, doubts = allergies_among(_said(one.get("code") or {}) for one in stated)
    return Facts(
        age=_age(str(patient.get("birthDate", "")), at),
        sex=str(patient.get("gender", "")),
        allergies=texts,
        no_known_allergies=none,
        doubts=tuple(doubts),
    )


def _refuted(allergy: Mapping[str, Any]) -> bool:
    concept = allergy.get("verificationStatus")
    codings = (concept.get("coding") if isinstance(concept, Mapping) else None) or ()
    return any(isinstance(one, Mapping) and one.get("code") in ("refuted", "entered-in-error") for one in codings)


def _said(concept: Mapping[str, Any]) -> tuple[str, str]:
    codes = [str(one.get("code", "")) for one in concept.get("coding", ())]
    return _text(concept), next((code for code in codes if code in NO_ALLERGY), "")


def _text(concept: Mapping[str, Any]) -> str:
    shown = [str(one.get("display", "")) for one in concept.get("coding", ())]
    return str(concept.get("text") or next((text for text in shown if text), "an allergy without name"))


def _age(born: str, at: datetime) -> float | None:
    try:
        parts = [int(part) for part in born.split("-")]
        return (at.date() - date(*(parts + [1, 1])[:3])).days / 365.25
    except ValueError:
        return None


def _card(one: Finding) -> dict[str, Any]:
    summary = f"{' + '.join(one.drugs)}: {one.advice}"
    lines = [f"**{one.advice}**", f"Because: {'; '.join(one.because)}"]
    lines += [f"For: {one.population}"] if one.population else []
    lines += [f"Strength: {one.strength}"] if one.strength else []
    lines += [f"Not known: {'; '.join(one.unknown)}"] if one.unknown else []
    lines += [f"Source: {source.text}" for source in one.sources]
    label = one.sources[0].text if one.sources else "Pollux"
    return {
        "summary": summary if len(summary) <= _SUMMARY else summary[: _SUMMARY - 1] + "…",
        "indicator": _INDICATOR.get(one.severity, "info"),
        "detail": "\n\n".join([*lines, _FOOT]),
        "source": {"label": label},
        "overrideReasons": [{"system": _SYSTEM, "code": code, "display": text} for code, text in REASONS],
    }


def _unknown(found: Review) -> list[dict[str, Any]]:
    if not found.unknown:
        return []
    detail = "\n".join(f"- {line}" for line in found.unknown)
    return [
        {
            "summary": f"{len(found.unknown)} things were not known when this was looked at",
            "indicator": "info",
            "detail": f"{detail}\n\n{_FOOT}",
            "source": {"label": "Pollux"},
        }
    ]
