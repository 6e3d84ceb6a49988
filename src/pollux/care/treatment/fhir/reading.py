"""Gene calls from the genotype Observations that another system sends: our own, and those of anybody else.

Our own carry everything a call says. Of others the genotype is read as a call made elsewhere. What cannot be read, was
not performed, or is of somebody else never becomes a call: the gene then counts as not tested.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from pollux.care.treatment.fhir.codes import CALL, GENE, GENOTYPE, IDS, LOINC
from pollux.care.treatment.genes import Diplotype, GeneCall, outside
from pollux.errors import PolluxError

_SYMBOLS = {code: gene for gene, code in IDS.items()}
_UNDONE = ("entered-in-error", "cancelled", "registered")
_UNREADABLE = "a genotype was sent that could not be read"
Part = Mapping[str, Any]


def gene_calls(resources: Iterable[Part], patient: str = "") -> dict[str, GeneCall]:
    """The calls among resources, by gene; of one gene sent twice, what differs is all possible.

    `patient` is an id: Observations that name another one are passed over.
    """
    found: dict[str, GeneCall] = {}
    for one in resources:
        call = _call(one, patient)
        if call is not None:
            found[call.gene] = both(found[call.gene], call) if call.gene in found else call
    return found


def _call(one: Part, patient: str) -> GeneCall | None:
    if one.get("resourceType") != "Observation" or not _has(one.get("code"), GENOTYPE):
        return None
    if one.get("status") in _UNDONE or not _about(one.get("subject"), patient):
        return None
    gene = _gene(one)
    if not gene:
        return None
    try:
        # Whoever amended a result of ours changed its value and not what stands in our extension.
        as_written = one.get("status") in ("final", "preliminary")
        own = next((part for part in _parts(one.get("extension")) if part.get("url") == CALL and as_written), None)
        return _own(gene, own) if own is not None else _foreign(gene, one)
    except (PolluxError, LookupError, TypeError, ValueError, AttributeError):
        return GeneCall(gene, (), (), reasons=(_UNREADABLE,), source=outside.SOURCE)


def both(first: GeneCall, second: GeneCall) -> GeneCall:
    """Two statements about one gene: what either allows is possible, and neither is the point call if they differ."""
    if not first.possible or not second.possible or set(first.possible) == set(second.possible):
        return first if first.possible else second
    return GeneCall(
        first.gene,
        (),
        tuple(dict.fromkeys((*first.possible, *second.possible))),
        first.tested,
        first.missing,
        (*first.reasons, *second.reasons, "two results were sent, and they differ"),
        first.provisional or second.provisional,
        tuple(dict.fromkeys((*first.assumptions, *second.assumptions))),
        first.source,
        first.tables,
    )


def _own(gene: str, extension: Part) -> GeneCall:
    parts = _parts(extension["extension"])
    if not any(part.get("url") == "diplotype-count" for part in parts):
        raise ValueError("this is no gene call of ours")

    def texts(url: str) -> tuple[str, ...]:
        return tuple(str(part["valueString"]) for part in parts if part.get("url") == url)

    def diplotypes(url: str) -> tuple[Diplotype, ...]:
        return tuple(_diplotype(_parts(part["extension"])) for part in parts if part.get("url") == url)

    return GeneCall(
        gene,
        diplotypes("matched"),
        diplotypes("possible"),
        tuple(" ".join(texts("tested")).split()),
        tuple(" ".join(texts("not-tested")).split()),
        texts("reason"),
        any(part.get("valueBoolean") is True for part in parts if part.get("url") == "provisional"),
        texts("assumption"),
        next(iter(texts("source")), outside.SOURCE),
        next(iter(texts("tables")), ""),
    )


def _diplotype(parts: list[Part]) -> Diplotype:
    def texts(url: str) -> tuple[str, ...]:
        return tuple(str(part["valueString"]) for part in parts if part.get("url") == url)

    score = next((float(part["valueDecimal"]) for part in parts if part.get("url") == "score"), None)
    functions = tuple("" if one == "-" else one for one in texts("function"))
    return Diplotype(texts("allele"), functions, texts("phenotype")[0], score)


def _foreign(gene: str, one: Part) -> GeneCall:
    """A genotype as it was written ("CYP2C19 *1/*2"), read as a call made elsewhere."""
    if "dataAbsentReason" in one or "valueCodeableConcept" not in one:
        return GeneCall(gene, (), (), reasons=("no genotype was sent",), source=outside.SOURCE)
    value = one["valueCodeableConcept"]
    codings = _parts(value.get("coding"))
    said = [str(value.get("text") or ""), *(str(part.get("display") or part.get("code") or "") for part in codings)]
    written = next((text for text in said if text.strip()), "")
    written = written.strip().removeprefix(gene).strip()
    made = outside.calls(f"{gene}\t{written}".encode(), "a genotype in FHIR")[gene]
    return GeneCall(
        gene,
        made.matched,
        made.possible,
        reasons=made.reasons,
        provisional=one.get("status") == "preliminary",
        source=outside.SOURCE,
        tables=made.tables,
    )


def _gene(one: Part) -> str:
    for component in _parts(one.get("component")):
        value = component.get("valueCodeableConcept")
        if not _has(component.get("code"), GENE) or not isinstance(value, Mapping):
            continue
        for coding in _parts(value.get("coding")):
            symbol = _SYMBOLS.get(str(coding.get("code"))) or str(coding.get("display") or "")
            if symbol in outside.KNOWN:
                return symbol
        if value.get("text") in outside.KNOWN:
            return str(value["text"])
    return ""


def _has(concept: object, code: str) -> bool:
    codings = _parts(concept.get("coding")) if isinstance(concept, Mapping) else []
    return any(part.get("system") == LOINC and part.get("code") == code for part in codings)


def _parts(value: object) -> list[Part]:
    return [part for part in value if isinstance(part, Mapping)] if isinstance(value, list) else []


def _about(subject: object, patient: str) -> bool:
    """Whether an Observation may be of this patient: it says so, or it names no Patient by id."""
    reference = subject.get("reference") if isinstance(subject, Mapping) else None
    if not patient or not isinstance(reference, str) or "Patient/" not in reference:
        return True
    return reference.split("Patient/")[-1].split("/")[0] == patient
