"""The codes that genomics in FHIR is written with, and where each was read.

Profiles, components and LOINC codes: the sources of HL7's own guide Genomics Reporting (HL7/genomics-reporting on
GitHub, input/fsh, state after STU 2), read 2026-11. The published pages of the guide, and LOINC's
own, were not (*unverified*).
HGNC ids: the same sources and HL7's reference server for genomics operations; a gene without one here is named by its
symbol alone. Categories of DetectedIssue: HL7's value set detectedissue-category as restated for R4B.
"""

from typing import Any

LOINC = "http://loinc.org"
TBD = "http://hl7.org/fhir/uv/genomics-reporting/CodeSystem/tbd-codes-cs"
PROFILES = "http://hl7.org/fhir/uv/genomics-reporting/StructureDefinition/"
GENOTYPE, GENE, DRUG, METABOLISM, EVIDENCE = "84413-4", "48018-6", "51963-7", "53040-2", "93044-6"
IMPLICATION = "therapeutic-implication"
ARTIFACT = "http://hl7.org/fhir/StructureDefinition/workflow-relatedArtifact"
HGNC = "http://www.genenames.org/geneId"
ACT = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
ABSENT = "http://terminology.hl7.org/CodeSystem/data-absent-reason"
CALL = "urn:pollux:gene-call"  # our own extension: everything a call says that the profile has no place for

IDS = {
    "CYP2B6": "HGNC:2615", "CYP2C19": "HGNC:2621", "CYP2C9": "HGNC:2623", "CYP2D6": "HGNC:2625", "CYP3A4": "HGNC:2637",
    "CYP3A5": "HGNC:2638", "DPYD": "HGNC:3012", "HLA-B": "HGNC:4932", "NAT2": "HGNC:7646", "NUDT15": "HGNC:23063",
    "SLCO1B1": "HGNC:10959", "TPMT": "HGNC:12014", "UGT1A1": "HGNC:12530", "VKORC1": "HGNC:23663",
}  # fmt: skip
# LOINC's answers to 53040-2, as the guide's value set of therapeutic implications lists them.
METABOLIZERS = {
    "Ultrarapid Metabolizer": ("LA10315-2", "Ultrarapid metabolizer"),
    "Rapid Metabolizer": ("LA25390-8", "Rapid metabolizer"),
    "Normal Metabolizer": ("LA25391-6", "Normal metabolizer"),
    "Intermediate Metabolizer": ("LA10317-8", "Intermediate metabolizer"),
    "Poor Metabolizer": ("LA9657-3", "Poor metabolizer"),
}
ISSUES = {
    "gene": ("GEN", "Genetic Alert"),
    "interaction": ("DRG", "Drug Interaction Alert"),
    "duplicate": ("DUPTHPY", "Duplicate Therapy Alert"),
    "allergy": ("ALGY", "Allergy Alert"),
    "kidney": ("COND", "Condition Alert"),
    "liver": ("COND", "Condition Alert"),
}

Resource = dict[str, Any]


def concept(system: str, code: str, display: str = "", text: str = "") -> Resource:
    """A CodeableConcept of one coding."""
    coding = {"system": system, "code": code} | ({"display": display} if display else {})
    return {"coding": [coding]} | ({"text": text} if text else {})


def gene_studied(gene: str) -> Resource:
    """The component that names a gene, by its HGNC id where that is known here and by its symbol."""
    named = concept(HGNC, IDS[gene], gene, gene) if gene in IDS else {"text": gene}
    return {"code": concept(LOINC, GENE, "Gene studied [ID]"), "valueCodeableConcept": named}


def clean(text: str) -> str:
    """A text as FHIR's strings may be: no signs that steer, never empty.

    >>> clean("a\\x00b "), clean("")
    ('a?b', '-')
    """
    return "".join(sign if sign.isprintable() else "?" for sign in text).strip() or "-"
