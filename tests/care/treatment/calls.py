"""Gene calls by hand."""

from pollux.care.treatment.genes import Diplotype, GeneCall

SHORT = {
    "UM": "Ultrarapid Metabolizer",
    "RM": "Rapid Metabolizer",
    "NM": "Normal Metabolizer",
    "IM": "Intermediate Metabolizer",
    "PM": "Poor Metabolizer",
}


def one(name: str, phenotype: str, score: float | None = None) -> Diplotype:
    """A diplotype from "*1/*2", a phenotype or its short form, and a score."""
    alleles = tuple(name.split("/")) if name else ()
    return Diplotype(alleles, ("",) * len(alleles), SHORT.get(phenotype, phenotype), score)


def call(gene: str, *possible: Diplotype, provisional: bool = False, missing: tuple[str, ...] = ()) -> GeneCall:
    """A call of which the first possible diplotype is the one that was matched."""
    return GeneCall(gene, possible[:1], possible, ("somewhere",) if possible else (), missing, provisional=provisional)
