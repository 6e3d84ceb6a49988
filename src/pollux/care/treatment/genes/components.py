"""Genes whose alleles are single variants (DPYD, RYR1): a chromosome may hold several, and the least function decides.

CPIC for DPYD: the two variants with the lowest activity count; two different ones are presumed to lie on different
copies unless the phase is known (PMID 29152729). `matched` says that; `possible` holds every phasing and what
untested sites could hide. There a chromosome is given at most one variant that was not tested: the least function
decides, so that a second one would add no phenotype.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import product

import msgspec

from pollux.care.treatment.genes.call import Diplotype
from pollux.care.treatment.genes.definition import Gene, NamedAllele
from pollux.care.treatment.genes.matching import Strands
from pollux.care.treatment.genes.meaning import natural, order, phenotype

OPEN = 8  # phase sets whose every arrangement is listed: 128 diplotypes
LISTED = 2000  # diplotypes with a hidden variant that are listed; beyond, one for each further phenotype
INTRON, EXON = "rs75017182", "rs56038477"  # DPYD HapB3: the intronic variant does the harm, the exonic one goes with it
_WORST = ("Malignant Hyperthermia associated", "Uncertain function", "Normal function")

Strand = frozenset[tuple[int, str]]  # variants: site and base
Way = tuple[Sequence[NamedAllele], Sequence[NamedAllele]]  # what lies on either chromosome


class Copy(msgspec.Struct, frozen=True):
    """One chromosome: the variants on it, and the one with the least function."""

    name: str
    function: str
    activity: str


def rank(allele: NamedAllele) -> tuple[float, int]:
    """Less function sorts first."""
    value = float(allele.activity) if allele.activity.replace(".", "", 1).isdigit() else 1.0
    return value, _WORST.index(allele.function) if allele.function in _WORST else 1


def parts(gene: Gene, strand: Strand, tested: frozenset[int]) -> tuple[NamedAllele, ...]:
    """The named variants that a chromosome holds: larger definitions first, none sharing a site with another.

    A definition counts at its tested sites; one that was tested whole comes before one that was not.
    """
    found = []
    for allele in gene.alleles[1:]:
        here = {(site, allowed[0]) for site, allowed in allele.defined.items() if site in tested}
        if here and here <= strand:
            found.append((len(here), len(here) == len(allele.defined), allele))
    found.sort(key=lambda one: (-one[0], not one[1], natural(one[2].name)))
    used: set[int] = set()
    kept = []
    for _, _, allele in found:
        sites = set(allele.defined) & tested
        if not sites & used:
            used |= sites
            kept.append(allele)
    return tuple(sorted(kept, key=lambda one: order(gene, one.name)))


def named(gene: Gene, alleles: Sequence[NamedAllele]) -> Copy:
    """One chromosome as it is written: `[c.498G>A + c.2582A>G]`, with the least function on it."""
    if not alleles:
        alleles = (gene.reference,)
    least = min(alleles, key=rank)
    names = [one.name for one in sorted(alleles, key=lambda one: order(gene, one.name))]
    return Copy(names[0] if len(names) == 1 else f"[{' + '.join(names)}]", least.function, least.activity)


def pair(gene: Gene, copies: Iterable[Copy]) -> Diplotype:
    """What two chromosomes mean together."""
    ordered = sorted(copies, key=lambda one: order(gene, one.name))
    functions = tuple(one.function for one in ordered)
    means, score = phenotype(gene, functions, [one.activity for one in ordered])
    return Diplotype(tuple(one.name for one in ordered), functions, means, score)


def _variants(gene: Gene, members: Iterable[tuple[int, str]]) -> Strand:
    return frozenset((site, base) for site, base in members if base != gene.sites[site].grch38.reference)


def arrangements(gene: Gene, seen: Strands) -> Iterator[tuple[Strand, Strand]]:
    """The two chromosomes in every way that the phase sets can lie."""
    both = _variants(gene, seen.same)
    sides = [
        (_variants(gene, ((s[0], s[1]) for s in group)), _variants(gene, ((s[0], s[2]) for s in group)))
        for group in seen.groups
    ]
    turned = [(False, True) if at else (False,) for at in range(len(sides))]
    for turns in product(*turned):
        left, right = set(both), set(both)
        for (first, second), turn in zip(sides, turns, strict=True):
            left |= second if turn else first
            right |= first if turn else second
        yield frozenset(left), frozenset(right)


class Components(msgspec.Struct, frozen=True):
    """The result for a gene by components."""

    matched: tuple[Diplotype, ...]
    possible: tuple[Diplotype, ...]
    reasons: tuple[str, ...] = ()


def call(gene: Gene, seen: Strands, tested: frozenset[int]) -> Components:
    """The diplotypes of a gene by components."""
    reasons: list[str] = []
    if len(seen.groups) > OPEN:
        seen = _fewer(gene, seen)
        reasons.append(f"more than {OPEN} variants are not phased: the least harmful are laid on one chromosome here")
    ways = [(parts(gene, left, tested), parts(gene, right, tested)) for left, right in arrangements(gene, seen)]
    lain = {one.name: one for one in (pair(gene, (named(gene, left), named(gene, right))) for left, right in ways)}
    hidden = [one for one in gene.alleles[1:] if not set(one.defined) <= tested]
    possible = dict(lain)
    if 2 * len(ways) * len(hidden) <= LISTED:
        for left, right in ways:
            for one in hidden:
                for copies in ((_with(left, one), right), (left, _with(right, one))):
                    found = pair(gene, (named(gene, copies[0]), named(gene, copies[1])))
                    possible[found.name] = found
    else:
        reasons.append("of variants that untested sites could hide one is listed for each further phenotype")
    means = {one.phenotype for one in possible.values()}
    for found in _hiding(gene, ways, hidden):
        if found.phenotype not in means:
            means.add(found.phenotype)
            possible[found.name] = found
    reasons += _exon_alone(gene, seen, tested)
    return Components(_matched(gene, seen, ways, lain), tuple(possible.values()), tuple(reasons))


def _matched(
    gene: Gene, seen: Strands, ways: Sequence[Way], lain: dict[str, Diplotype]
) -> tuple[Diplotype, ...]:  # fmt: skip
    """The phased diplotype, or those phasings in which the two variants with the least function lie apart."""
    if seen.phased:
        return tuple(lain.values())
    scored = []
    whole = [way for way in ways if all(_exon_with_intron(gene, side) for side in way)]
    for left, right in whole or ways:
        left_rank, right_rank = (min(rank(one) for one in side or (gene.reference,)) for side in (left, right))
        scored.append((sorted((left_rank, right_rank)), pair(gene, (named(gene, left), named(gene, right)))))
    least = min(ranks for ranks, _ in scored)
    return tuple({one.name: one for ranks, one in scored if ranks == least}.values())


def _exon_with_intron(gene: Gene, side: Sequence[NamedAllele]) -> bool:
    """Whether the intronic variant of HapB3 lies with its exonic one here, as it nearly always does."""
    intron = {one.name for one in side if [gene.sites[site].name for site in one.defined] == [INTRON]}
    return not intron


def _with(side: Sequence[NamedAllele], one: NamedAllele) -> Sequence[NamedAllele]:
    """A chromosome with one more variant, in the place of those that share a site with it."""
    return (*(old for old in side if not set(old.defined) & set(one.defined)), one)


def _hiding(gene: Gene, ways: Sequence[Way], hidden: Sequence[NamedAllele]) -> Iterator[Diplotype]:
    """What untested sites could hold besides, on one chromosome or both: a variant of each kind of function."""
    kinds: list[NamedAllele | None] = [
        None, *{(one.function, one.activity): one for one in reversed(hidden)}.values()
    ]  # fmt: skip
    for left, right in ways:
        for first, second in product(kinds, repeat=2):
            copies = (_with(left, first) if first else left, _with(right, second) if second else right)
            yield pair(gene, (named(gene, copies[0]), named(gene, copies[1])))


def _fewer(gene: Gene, seen: Strands) -> Strands:
    """The same sample with the least harmful phase sets laid on one chromosome, so that few enough stay open."""
    ranks = {
        (site, allowed[0]): rank(one)
        for one in sorted(gene.alleles[1:], key=rank, reverse=True)
        for site, allowed in one.defined.items()
    }

    def harm(group: tuple[tuple[int, str, str], ...]) -> tuple[float, int]:
        held = _variants(gene, ((site, base) for site, *both in group for base in both))
        return min((ranks[one] for one in held if one in ranks), default=rank(gene.reference))

    groups = sorted(seen.groups, key=harm)
    together = tuple(member for group in groups[OPEN - 1 :] for member in group)
    return Strands(seen.copies, seen.same, (together, *groups[: OPEN - 1]))


def _exon_alone(gene: Gene, seen: Strands, tested: frozenset[int]) -> list[str]:
    """Words on HapB3, whose two sites may disagree."""
    names = {site.name: at for at, site in enumerate(gene.sites)}
    if INTRON not in names:
        return []
    holds = {s for s, base in _variants(gene, seen.same)}
    holds |= {s for group in seen.groups for s, _ in _variants(gene, ((s[0], b) for s in group for b in s[1:]))}
    if names[EXON] in holds and names[INTRON] not in tested:
        return [f"HapB3 was called from {EXON} alone; {INTRON}, which does the harm, was not tested"]
    if names[EXON] in holds and names[INTRON] not in holds:
        return [f"{EXON} is there without {INTRON}: not HapB3, which the intronic variant decides"]
    return []
