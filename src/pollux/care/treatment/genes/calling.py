"""From observations to gene calls: which pairs of alleles match best, which are possible, and what was never tested."""

from collections.abc import Iterator, Mapping

import msgspec

from pollux.care.treatment.genes import components, copies
from pollux.care.treatment.genes.call import Diplotype, GeneCall
from pollux.care.treatment.genes.definition import GENES, Gene
from pollux.care.treatment.genes.definition import gene as table
from pollux.care.treatment.genes.matching import (
    Pair,
    Strands,
    best,
    explained,
    strands,
    tested_alleles,
)
from pollux.care.treatment.genes.meaning import diplotype, natural
from pollux.errors import RefusedInput, UnknownName
from pollux.record.genotype import Genotypes, Observation

SEXES = ("", "female", "male")
LENIENCE = "alleles that no definition has were taken for reference"


class Calls(Mapping[str, GeneCall]):
    """Gene calls by the name of the gene, in the order of the tables."""

    def __init__(self, calls: Mapping[str, GeneCall]) -> None:
        self._calls = dict(calls)

    def __getitem__(self, gene: str) -> GeneCall:
        if gene not in self._calls:
            raise UnknownName(f"{gene!r} was not called", advice=f"There are: {', '.join(self._calls)}.")
        return self._calls[gene]

    def __iter__(self) -> Iterator[str]:
        return iter(self._calls)

    def __len__(self) -> int:
        return len(self._calls)

    def __contains__(self, gene: object) -> bool:
        return gene in self._calls

    def with_outside(self, outside: Mapping[str, GeneCall]) -> "Calls":
        """The same calls, those made elsewhere in the place of our own."""
        return Calls({**self._calls, **outside})


def call(genotypes: Genotypes, *, sex: str = "", genes: tuple[str, ...] = GENES) -> Calls:
    """Call genes from what was seen of a genome.

    `sex` is "female", "male" or "" (not said); it says how many copies of the X chromosome to expect. Observations that
    do not fit it count as not tested. Every gene asked for gets a call, if only one that says that nothing was tested.

    >>> from pollux.record.genotype import Observation
    >>> seen = Genotypes("one", "GRCh38", "made up", (Observation("rs9923231", ("C", "T")),))
    >>> call(seen)["VKORC1"].matched[0].phenotype
    '-1639 AG'
    """
    if sex not in SEXES:
        raise RefusedInput(f"the sex {sex!r} is none that is known here", advice='Say "female", "male" or "".')
    seen = genotypes.by_site()
    return Calls({name: call_gene(table(name), seen, genotypes, sex) for name in genes})


class _Evidence(msgspec.Struct, frozen=True):
    """What is known of one gene's sites: usable observations, and why others are not."""

    usable: dict[str, Observation]
    missing: dict[str, str]
    undocumented: tuple[str, ...]
    copies: int


def call_gene(gene: Gene, seen: Mapping[str, Observation], genotypes: Genotypes, sex: str) -> GeneCall:
    """The call of one gene."""
    evidence = _evidence(gene, seen, sex)
    lenient = gene.lenient and bool(evidence.undocumented)
    plain = GeneCall(
        gene.name,
        (),
        (),
        tested=tuple(site.name for site in gene.sites if site.name in evidence.usable),
        missing=tuple(site.name for site in gene.sites if site.name in evidence.missing),
        reasons=tuple(_because(evidence)),
        assumptions=(*genotypes.assumptions, *((LENIENCE,) if lenient else ())),
        source="vcf",
        tables=gene.version,
    )
    if not evidence.usable:
        return plain
    arranged = strands(gene, evidence.usable, evidence.copies)
    tested = frozenset(at for at, site in enumerate(gene.sites) if site.name in evidence.usable)
    if gene.by_component:
        found = components.call(gene, arranged, tested)
        return _with(plain, found.matched, found.possible, found.reasons)
    return _by_pairs(gene, arranged, tested, plain)


def _by_pairs(gene: Gene, arranged: Strands, tested: frozenset[int], plain: GeneCall) -> GeneCall:
    pairs = explained(gene, arranged)
    defined = tested_alleles(gene, tested)
    pairs_with_evidence = tuple(pair for pair in pairs if all(defined >> one & 1 for one in pair))
    possible = _diplotypes(gene, pairs)
    matched = _diplotypes(gene, best(gene, arranged, pairs_with_evidence))
    reasons: tuple[str, ...] = ()
    if not pairs:
        reasons = ("no pair of named alleles explains what was seen",)
    elif missing := sorted(gene.required & set(plain.missing), key=natural):
        matched, reasons = (), (f"not matched: {', '.join(missing)} must be tested for this gene",)
    elif not arranged.phased:
        matched = _picked(gene, matched)
    call = _with(plain, matched, possible, reasons)
    return copies.provisional(gene, call, arranged) if gene.name == copies.GENE else call


def _with(
    call: GeneCall, matched: tuple[Diplotype, ...], possible: tuple[Diplotype, ...], reasons: tuple[str, ...]
) -> GeneCall:
    return msgspec.structs.replace(call, matched=matched, possible=possible, reasons=reasons + call.reasons)


def _diplotypes(gene: Gene, pairs: tuple[Pair, ...]) -> tuple[Diplotype, ...]:
    found = (diplotype(gene, [gene.alleles[one] for one in pair]) for pair in pairs)
    return tuple({one.alleles: one for one in found}.values())


def _picked(gene: Gene, matched: tuple[Diplotype, ...]) -> tuple[Diplotype, ...]:
    """Where unphased data allow all pairs of a known set, the one that is by far the most frequent."""
    names = {one.name for one in matched}
    for pick, together in gene.picks:
        if together <= names:
            return tuple(one for one in matched if one.name == pick)
    return matched


def _evidence(gene: Gene, seen: Mapping[str, Observation], sex: str) -> _Evidence:
    usable: dict[str, Observation] = {}
    missing: dict[str, str] = {}
    undocumented = []
    for site in gene.sites:
        one = seen.get(site.name)
        if one is None or not one.tested:
            missing[site.name] = one.untested if one else "not asked for"
            continue
        why = _misfit(gene, one, sex)
        if why:
            missing[site.name] = why
            continue
        known = {site.grch38.reference, *site.alternates}
        if not set(one.alleles) <= known:
            undocumented.append(f"{site.name} {'/'.join(one.alleles)}")
            if gene.lenient:
                alleles = tuple(base if base in known else site.grch38.reference for base in one.alleles)
                one = msgspec.structs.replace(one, alleles=alleles)
        usable[site.name] = one
    return _one_copy(gene, usable, missing, tuple(undocumented), sex)


def _misfit(gene: Gene, one: Observation, sex: str) -> str:
    """Why an observation cannot be used for a chromosome that is there once (or twice)."""
    if gene.chromosome == "MT" and one.heterozygous:
        return "two alleles where there is one copy (heteroplasmy, or a mixture)"
    if gene.chromosome == "X" and sex == "male" and one.heterozygous:
        return "two alleles on the one X chromosome of a male"
    if gene.chromosome == "X" and sex == "female" and len(one.alleles) == 1:
        return "one allele where a female has two X chromosomes"
    if gene.chromosome not in ("X", "MT") and len(one.alleles) == 1:
        return "one allele where there are two copies"
    return ""


def _one_copy(
    gene: Gene, usable: dict[str, Observation], missing: dict[str, str], undocumented: tuple[str, ...], sex: str
) -> _Evidence:
    """Settle how many copies there are, and leave out what does not fit that."""
    single = gene.chromosome == "MT" or (gene.chromosome == "X" and sex == "male")
    if gene.chromosome == "X" and not sex and usable:
        single = all(len(one.alleles) == 1 for one in usable.values())
        if not single:
            for name in [name for name, one in usable.items() if len(one.alleles) == 1]:
                missing[name] = "one allele where others have two"
                del usable[name]
    if single:
        usable = {name: msgspec.structs.replace(one, alleles=one.alleles[:1]) for name, one in usable.items()}
    return _Evidence(usable, missing, undocumented, 1 if single else 2)


def _because(evidence: _Evidence) -> Iterator[str]:
    """Why sites were not tested, each reason once with how many sites it holds for, and what was not documented."""
    sites: dict[str, list[str]] = {}
    for name, why in evidence.missing.items():
        sites.setdefault(why, []).append(name)
    for why, names in sites.items():
        shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
        yield f"not tested: {shown} ({why})"
    if evidence.undocumented:
        yield f"no definition has the alleles seen at {', '.join(evidence.undocumented)}"
