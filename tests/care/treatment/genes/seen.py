"""Observations made in the tests."""

from collections.abc import Collection, Mapping, Sequence

from pollux.care.treatment import genes
from pollux.care.treatment.genes import GeneCall
from pollux.care.treatment.genes.definition import gene as table
from pollux.record.genotype import Genotypes, Observation


def genotypes(
    gene: str, variations: Mapping[str, Sequence[str]], missing: Collection[str] = (), phase: str | None = None
) -> Genotypes:
    """The reference everywhere, but for these variations; nothing at the missing sites."""
    found = []
    for site in table(gene).sites:
        if site.name in missing:
            found.append(Observation(site.name, untested="absent from the file"))
        else:
            copies = 1 if site.chromosome == "MT" else 2
            alleles = tuple(variations.get(site.name, (site.grch38.reference,) * copies))
            found.append(Observation(site.name, alleles, phase))
    unknown = set(variations) | set(missing)
    assert unknown <= {site.name for site in table(gene).sites}, unknown
    return Genotypes("one", "GRCh38", "made up", tuple(found))


def called(
    gene: str, variations: Mapping[str, Sequence[str]] = {}, missing: Collection[str] = (), phase: str | None = None,
    sex: str = "",
) -> GeneCall:  # fmt: skip
    """The call of one gene."""
    return genes.call(genotypes(gene, variations, missing, phase), sex=sex, genes=(gene,))[gene]


def names(call: GeneCall) -> list[str]:
    """The matched diplotypes, as they are written."""
    return [one.name for one in call.matched]


def possible(call: GeneCall) -> set[str]:
    """The possible diplotypes, as they are written."""
    return {one.name for one in call.possible}
