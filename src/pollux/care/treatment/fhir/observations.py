"""Gene calls as Observations: the genotype with all that is possible, and the phenotype where there is one."""

from collections.abc import Iterable, Sequence

from pollux.care.treatment.account import phenotypes, positions
from pollux.care.treatment.fhir.codes import (
    ABSENT,
    CALL,
    GENOTYPE,
    LOINC,
    METABOLISM,
    METABOLIZERS,
    PROFILES,
    Resource,
    clean,
    concept,
    gene_studied,
)
from pollux.care.treatment.genes import Diplotype, GeneCall
from pollux.care.treatment.guidance.recommendation import recommendations

CATEGORY = [
    concept("http://terminology.hl7.org/CodeSystem/observation-category", "laboratory", "Laboratory"),
    concept("http://terminology.hl7.org/CodeSystem/v2-0074", "GE", "Genetics"),
]
LISTED = 60  # possible diplotypes that are all written; of more, one for each kind that guidance can tell apart


def genotype(call: GeneCall, about: Resource) -> Resource:
    """The genotype of a gene. `about` has what every Observation of the bundle shares: subject and times.

    A gene of which nothing is known has no value but a reason: "not-performed" where nothing was tested. A genotype is
    written as a value alone only where the data allow one phenotype and gene copies are settled; else the value says
    in words that it is the best of several, and the status is preliminary.
    """
    made: Resource = {
        "resourceType": "Observation",
        "meta": {"profile": [f"{PROFILES}genotype"]},
        "extension": [_extension(call)],
        "status": "final" if call.certain or not call.possible else "preliminary",
        "category": CATEGORY,
        "code": concept(LOINC, GENOTYPE, "Genotype display name"),
        **about,
        **_value(call),
        "component": [gene_studied(call.gene)],
    }
    notes = [*call.reasons, *(f"Assumed: {one}" for one in call.assumptions), f"Positions: {positions(call)}"]
    made["note"] = [{"text": clean(line)} for line in notes]
    return made


def phenotype(call: GeneCall, about: Resource, derived_from: str) -> Resource:
    """What the genotype of a gene means: one phenotype, or all that are possible in words, and then preliminary."""
    known = METABOLIZERS.get(call.phenotypes[0]) if call.certain else None
    text = phenotypes(call)
    code: Resource = {"text": f"{call.gene} phenotype"}
    if all(one in METABOLIZERS for one in call.phenotypes):
        code = concept(LOINC, METABOLISM, text=code["text"])
    return {
        "resourceType": "Observation",
        "status": "final" if call.certain else "preliminary",
        "category": CATEGORY,
        "code": code,
        **about,
        "valueCodeableConcept": concept(LOINC, *known, text) if known else {"text": clean(text)},
        "derivedFrom": [{"reference": derived_from}],
        "component": [gene_studied(call.gene)],
    }


def _value(call: GeneCall) -> Resource:
    if not call.possible:
        code, said = ("unknown", "Unknown") if call.tested else ("not-performed", "Not Performed")
        return {"dataAbsentReason": concept(ABSENT, code, said, phenotypes(call))}
    names = list(dict.fromkeys(one.name for one in call.matched if one.name))
    best = " or ".join(names)
    if call.certain:
        text = best if best else f"a diplotype of {call.phenotypes[0]}"
    else:
        state = "provisional" if call.provisional else f"one of {len(call.possible)} possible"
        text = f"{best or 'no single best'} ({state}; {' or '.join(call.phenotypes)})"
    return {"valueCodeableConcept": {"text": clean(text)}}


def _extension(call: GeneCall) -> Resource:
    """Everything a call says, so that whoever reads it back knows as much as we did."""
    parts = [_text("diplotype-count", str(len(call.possible))), _text("source", call.source or "-")]
    parts += [_text("tables", call.tables)] if call.tables else []
    parts += [{"url": "provisional", "valueBoolean": call.provisional}]
    parts += [_text("tested", " ".join(call.tested))] if call.tested else []
    parts += [_text("not-tested", " ".join(call.missing))] if call.missing else []
    parts += [_text("assumption", one) for one in call.assumptions]
    parts += [_text("reason", one) for one in call.reasons]
    parts += [_diplotype("matched", one) for one in _told_apart(call.gene, call.matched)]
    parts += [_diplotype("possible", one) for one in _told_apart(call.gene, call.possible)]
    return {"url": CALL, "extension": parts}


def _text(url: str, text: str) -> Resource:
    return {"url": url, "valueString": clean(text)}


def _diplotype(url: str, one: Diplotype) -> Resource:
    parts = [_text("allele", name) for name in one.alleles]
    parts += [_text("function", name or "-") for name in one.functions]
    parts += [_text("phenotype", one.phenotype)]
    parts += [{"url": "score", "valueDecimal": one.activity_score}] if one.activity_score is not None else []
    return {"url": url, "extension": parts}


def _told_apart(gene: str, all: Sequence[Diplotype]) -> Iterable[Diplotype]:
    if len(all) <= LISTED:
        return all
    asked = [part for one in recommendations() for part in one.when if part.gene == gene]
    kinds: dict[tuple[object, ...], Diplotype] = {}
    for one in all:
        kinds.setdefault((one.phenotype, one.activity_score, *(part.meets(one) for part in asked)), one)
    return kinds.values()
