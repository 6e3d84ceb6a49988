"""An account as one Bundle: genotypes and phenotypes, what they mean for drugs, and every finding as an issue."""

import json
import uuid
from collections.abc import Sequence
from typing import Any

from pollux.care.treatment.account import NOTICE, Account, references, settled
from pollux.care.treatment.fhir.codes import (
    ACT,
    ARTIFACT,
    DRUG,
    EVIDENCE,
    IMPLICATION,
    ISSUES,
    LOINC,
    PROFILES,
    TBD,
    Resource,
    clean,
    concept,
)
from pollux.care.treatment.fhir.observations import CATEGORY, genotype, phenotype
from pollux.care.treatment.finding import Finding, Reference
from pollux.errors import UnknownName
from pollux.vocabulary import RXNORM, drug

_SEVERITY = {"contraindicated": "high", "serious": "high", "moderate": "moderate"}
_NAMES = uuid.UUID("6c1f3b0e-6b55-5d0c-9f60-9d1c5f0a7a11")  # our own namespace for names of resources
_PUBMED = "https://pubmed.ncbi.nlm.nih.gov/"


def as_json(told: Account) -> str:
    """The bundle as text."""
    return json.dumps(as_bundle(told), indent=1, ensure_ascii=False) + "\n"


def as_bundle(told: Account) -> dict[str, Any]:
    """A collection of Observations (genotype, phenotype, therapeutic implication) and DetectedIssues.

    The same account gives the same bundle to the last sign. When the sample was taken is not known: the time is that
    of the account. Without a person the bundle has a Patient of its own that carries the sample's name.
    """
    return _Writing(told).bundle()


class _Writing:
    """One account on its way: the entries so far, and under which name each gene stands."""

    def __init__(self, told: Account) -> None:
        self.told = told
        self.entries: list[Resource] = []
        moment = told.at.isoformat(timespec="seconds")
        self.subject = {"reference": f"Patient/{told.person}", "display": told.person}
        if not told.person:
            identifier = {"system": "urn:pollux:sample", "value": clean(told.sample)}
            self.subject = {"reference": self.add("patient", {"resourceType": "Patient", "identifier": [identifier]})}
        self.about = {"subject": self.subject, "effectiveDateTime": moment, "issued": moment}
        self.genes: dict[str, list[str]] = {}

    def add(self, name: str, resource: Resource) -> str:
        """Put a resource into the bundle; gives back how others refer to it."""
        told = self.told
        key = "\x1f".join((told.person, told.file, told.sample, told.at.isoformat(), name))
        full = f"urn:uuid:{uuid.uuid5(_NAMES, key)}"
        self.entries.append({"fullUrl": full, "resource": resource})
        return full

    def bundle(self) -> Resource:
        """Everything, in the order of the account."""
        for call in self.told.calls:
            full = self.add(f"genotype {call.gene}", genotype(call, self.about))
            self.genes[call.gene] = [full]
            if call.possible:
                self.genes[call.gene].append(self.add(f"phenotype {call.gene}", phenotype(call, self.about, full)))
        for at, one in enumerate(self.told.review.findings):
            implied = self._implication(at, one) if one.kind == "gene" else ""
            if one.action != "standard" or not implied:
                self._issue(at, one, implied)
        return {
            "resourceType": "Bundle",
            "type": "collection",
            "timestamp": self.told.at.isoformat(timespec="seconds"),
            "entry": self.entries,
        }

    def _evidence(self, one: Finding) -> list[str]:
        """The Observations of the genes that a finding names."""
        said = " ".join((*one.because, *one.unknown)).replace(",", " ").replace(":", " ").split()
        return [full for gene, names in self.genes.items() if gene in said for full in names]

    def _implication(self, at: int, one: Finding) -> str:
        observed = self._evidence(one)
        if not observed:
            return ""
        effect = {"code": concept(TBD, IMPLICATION, "Therapeutic Implication"),
                  "valueCodeableConcept": {"text": clean(one.advice)}}  # fmt: skip
        parts = [{"code": concept(LOINC, DRUG, "Medication assessed [ID]"), "valueCodeableConcept": _drug(name)}
                 for name in one.drugs]  # fmt: skip
        parts.append(effect)
        if one.strength:
            parts.append({"code": concept(LOINC, EVIDENCE), "valueCodeableConcept": {"text": clean(one.strength)}})
        return self.add(
            f"implication {at}",
            {
                "resourceType": "Observation",
                "meta": {"profile": [f"{PROFILES}{IMPLICATION}"]},
                "extension": [_artifact(source) for source in references(one)],
                "status": "final" if one.certain else "preliminary",
                "category": CATEGORY,
                "code": concept(TBD, IMPLICATION, "Therapeutic Implication"),
                **self.about,
                "note": [{"text": clean(line)} for line in _notes(one)],
                "derivedFrom": [{"reference": full} for full in observed],
                "component": parts,
            },
        )

    def _issue(self, at: int, one: Finding, implied: str) -> None:
        evidence: list[Resource] = [{"code": [{"text": clean("; ".join(one.because))}]}]
        details = [implied, *self._evidence(one)] if implied else []
        if details:
            evidence[0]["detail"] = [{"reference": full} for full in details]
        evidence += [{"code": [{"text": clean(f"Source: {source.text}")}]} for source in references(one)]
        medications = [
            {"resourceType": "Medication", "id": f"drug{number}", "code": _drug(name)}
            for number, name in enumerate(one.drugs)
        ]
        issue: Resource = {
            "resourceType": "DetectedIssue",
            "contained": medications,
            "status": "final" if one.certain else "preliminary",
            "code": concept(ACT, *ISSUES[one.kind], one.kind) if one.kind in ISSUES else {"text": one.kind},
            "severity": _SEVERITY.get(one.severity, "low"),
            "patient": self.subject,
            "identifiedDateTime": self.told.at.isoformat(timespec="seconds"),
            "implicated": [{"reference": f"#{medication['id']}"} for medication in medications],
            "evidence": evidence,
            "detail": clean("\n".join([one.advice, *_notes(one)]).replace("\n", " | ")),
        }
        named = next((source for source in one.sources if source.pmid), None)
        if named is not None:
            issue["reference"] = f"{_PUBMED}{named.pmid}/"
        self.add(f"issue {at}", issue)


def _notes(one: Finding) -> Sequence[str]:
    lines = [f"Severity here: {one.severity}. {settled(one).capitalize()}."]
    lines += [f"For: {one.population}"] if one.population else []
    lines += [f"Strength: {one.strength}"] if one.strength else []
    lines += [f"Not known: {line}" for line in one.unknown]
    return [*lines, NOTICE]


def _drug(name: str) -> Resource:
    """A drug by its RxNorm ingredient where that is known, and by its name."""
    try:
        code = drug(name).rxnorm
    except UnknownName:
        code = ""
    return concept(RXNORM, code, name, name) if code else {"text": clean(name)}


def _artifact(source: Reference) -> Resource:
    cited: Resource = {"type": "citation", "citation": clean(source.text)}
    if source.pmid:
        cited["url"] = f"{_PUBMED}{source.pmid}/"
    return {"url": ARTIFACT, "valueRelatedArtifact": cited}
