"""Which pairs of named alleles explain what was seen: PharmCAT's rule, on sets of alleles kept as bits.

A strand of the sample must hold, at every tested site, a base that the allele's definition allows there; where the
definition says nothing, the reference allele's base. Two strands must add up to what was seen: the same base at
homozygous sites, one each at heterozygous ones, in the same order within a phase set. PharmCAT enumerates strands
(2^n of them for n unphased sites); here each allele's possible partners are an intersection of bit sets, one for each
phase set, so that 171 alleles at 156 sites take milliseconds.

Method: PharmCAT, "Named Allele Matcher" (Sangkuhl et al., doi:10.1002/cpt.1568 — *unverified*: read in PharmCAT's own
documentation and source). What differs is said in docs/genome.md.
"""

from collections.abc import Iterator, Mapping
from functools import cache

import msgspec

from pollux.care.treatment.genes.definition import Gene, NamedAllele
from pollux.care.treatment.genes.definition import gene as table
from pollux.record.genotype import Observation

Pair = tuple[int, ...]  # indices of alleles, rising; one where the gene is there once


def bits(mask: int) -> Iterator[int]:
    """The numbers of the bits that are set."""
    while mask:
        lowest = mask & -mask
        yield lowest.bit_length() - 1
        mask ^= lowest


class Fits(msgspec.Struct, frozen=True):
    """For each site and base, the alleles that may hold that base there, as bits."""

    sites: tuple[dict[str, int], ...]
    said: tuple[int, ...]  # for each site, the alleles that the definition says something about

    def at(self, site: int, base: str) -> int:
        """The alleles that may hold this base at this site."""
        return self.sites[site].get(base, 0)


def expected(gene: Gene, allele: NamedAllele, site: int) -> tuple[str, ...]:
    """The bases that an allele may hold at a site."""
    own = allele.defined.get(site)
    if own is not None:
        return own
    base = (gene.sites[site].grch38.reference,)
    reference = gene.reference.defined.get(site, base)
    return reference if allele is gene.reference or len(reference) == 1 else base


@cache
def fits(name: str) -> Fits:
    """The table of a gene, turned into bits."""
    gene = table(name)
    rows: list[dict[str, int]] = [{} for _ in gene.sites]
    said = [1] * len(gene.sites)
    for number, allele in enumerate(gene.alleles):
        if number and not allele.defined:  # written by its structure (CYP2D6 *5): no site says that it is there
            continue
        for site in range(len(gene.sites)):
            for base in expected(gene, allele, site):
                rows[site][base] = rows[site].get(base, 0) | 1 << number
        for site in allele.defined:
            said[site] |= 1 << number
    return Fits(tuple(rows), tuple(said))


class Strands(msgspec.Struct, frozen=True):
    """What was seen of a gene, arranged for matching: by site where both strands agree, else by phase set.

    `same` holds (site, base); each of `groups` holds (site, base of one strand, base of the other), and which strand is
    which is open for each group on its own.
    """

    copies: int
    same: tuple[tuple[int, str], ...]
    groups: tuple[tuple[tuple[int, str, str], ...], ...]

    @property
    def phased(self) -> bool:
        """Whether the two strands are known (or do not differ in more than one way)."""
        return len(self.groups) <= 1


def strands(gene: Gene, seen: Mapping[str, Observation], copies: int = 2) -> Strands:
    """Arrange the tested observations of a gene."""
    same: list[tuple[int, str]] = []
    groups: dict[str, list[tuple[int, str, str]]] = {}
    for number, site in enumerate(gene.sites):
        one = seen.get(site.name)
        if one is None or not one.tested:
            continue
        if not one.heterozygous:
            same.append((number, one.alleles[0]))
        else:
            name = f"site {number}" if one.phase is None else f"set {one.phase}"
            groups.setdefault(name, []).append((number, one.alleles[0], one.alleles[1]))
    return Strands(copies, tuple(same), tuple(tuple(group) for group in groups.values()))


def explained(gene: Gene, seen: Strands) -> tuple[Pair, ...]:
    """Every pair of alleles (or allele, where there is one copy) that what was seen allows."""
    known = fits(gene.name)
    everywhere = (1 << len(gene.alleles)) - 1
    for site, base in seen.same:
        everywhere &= known.at(site, base)
    if seen.copies == 1:
        return tuple((one,) for one in bits(everywhere)) if not seen.groups else ()
    sides = []
    for group in seen.groups:
        left = right = everywhere
        for site, first, second in group:
            left &= known.at(site, first)
            right &= known.at(site, second)
        sides.append((left, right))
    found = []
    for one in bits(everywhere):
        partners = everywhere
        for left, right in sides:
            partners &= (right if left >> one & 1 else 0) | (left if right >> one & 1 else 0)
        found += [(one, other) for other in bits(partners >> one << one)]
    return tuple(found)


def tested_alleles(gene: Gene, sites: frozenset[int]) -> int:
    """The alleles whose definition says something about at least one of these sites, as bits."""
    said = fits(gene.name).said
    mask = 0
    for site in sites:
        mask |= said[site]
    return mask


def score(gene: Gene, seen: Strands, pair: Pair) -> int:
    """PharmCAT's score: how many tested sites the definitions of the alleles say something about.

    The reference allele's says something about all of them. A site that a definition leaves open counts where a base
    other than the reference was seen.
    """
    sites = {site for site, _ in seen.same} | {site for group in seen.groups for site, *_ in group}
    total = 0
    for at, number in enumerate(pair):
        fixed = {site for site, allowed in gene.alleles[number].defined.items() if len(allowed) == 1}
        total += len(sites if number == 0 else sites & fixed) + _read(gene, seen, pair, at)
    return total


def _read(gene: Gene, seen: Strands, pair: Pair, at: int) -> int:
    """At how many sites that its definition leaves open the allele `pair[at]` holds a base other than the reference.

    For two copies of one allele the copy with fewer counts.
    """
    allele, other = gene.alleles[pair[at]], pair[-1 - at]
    known = fits(gene.name)
    open_sites = {site for site, allowed in allele.defined.items() if len(allowed) > 1}
    if not open_sites:
        return 0
    count = sum(site in open_sites and base != gene.sites[site].grch38.reference for site, base in seen.same)
    for group in seen.groups:
        ways = []
        for turned in (group, tuple((site, second, first) for site, first, second in group)):
            if all(known.at(s, mine) >> pair[at] & 1 and known.at(s, its) >> other & 1 for s, mine, its in turned):
                held = [(site, mine) for site, mine, _ in turned if site in open_sites]
                ways.append(sum(mine != gene.sites[site].grch38.reference for site, mine in held))
        count += min(ways) if pair[0] == pair[-1] else max(ways)
    return count


def best(gene: Gene, seen: Strands, pairs: tuple[Pair, ...]) -> tuple[Pair, ...]:
    """The pairs that match best: all that explain what was seen, or where that is decided by score, the highest.

    Score decides where an allele is read in two ways: a definition may leave a base open (CYP2C19 *4 holds C or T at
    rs12248560), and a pair that finds it there with the variant base explains more than one that needs the reference
    base for it. It also decides for a gene without phenotypes (CYP4F2), where nothing hangs on the other pairs.
    """
    if len(pairs) < 2 or len(pairs[0]) == 1:
        return pairs
    if not gene.top_score and not _read_in_two_ways(gene, seen, pairs):
        return pairs
    scores = {pair: score(gene, seen, pair) for pair in pairs}
    highest = max(scores.values())
    return tuple(pair for pair in pairs if scores[pair] == highest)


def _read_in_two_ways(gene: Gene, seen: Strands, pairs: tuple[Pair, ...]) -> bool:
    found: dict[int, int] = {}
    for pair in pairs:
        for at, number in enumerate(pair):
            if any(len(allowed) > 1 for allowed in gene.alleles[number].defined.values()):
                count = _read(gene, seen, pair, at)
                if found.setdefault(number, count) != count:
                    return True
    return False
