"""Laws of calling that hold for every gene: what was simulated is possible, less testing never narrows."""

import random
from collections.abc import Sequence

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pollux.care.treatment import genes
from pollux.care.treatment.genes.definition import GENES, Gene
from pollux.care.treatment.genes.definition import gene as table
from pollux.care.treatment.genes.matching import expected
from pollux.record.genotype import Genotypes, Observation
from tests.care.treatment.genes.seen import names, possible

some = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
ALL = st.sampled_from(GENES)


def simulated(gene: Gene, pair: Sequence[int], chance: random.Random, *, phased: bool) -> list[Observation]:
    """What a perfect test sees of a person with these two alleles (one, where the gene is there once)."""
    copies = pair[:1] if gene.chromosome == "MT" else pair
    found = []
    for at, site in enumerate(gene.sites):
        bases = [chance.choice(expected(gene, gene.alleles[one], at)) for one in copies]
        if not phased and chance.random() < 0.5:
            bases.reverse()
        found.append(Observation(site.name, tuple(bases), "" if phased and len(bases) == 2 else None))
    return found


def call(gene: Gene, observations: Sequence[Observation]) -> genes.GeneCall:
    return genes.call(Genotypes("one", "GRCh38", "simulated", tuple(observations)), genes=(gene.name,))[gene.name]


@st.composite
def people(draw: st.DrawFn) -> tuple[Gene, tuple[int, int], random.Random, bool]:
    gene = table(draw(ALL))
    known = [at for at, one in enumerate(gene.alleles) if one.defined or at == 0]
    pair = draw(st.tuples(st.sampled_from(known), st.sampled_from(known)))
    return gene, pair, random.Random(draw(st.integers(0, 1 << 30))), draw(st.booleans())


def named(gene: Gene, pair: Sequence[int]) -> str:
    """The diplotype as `possible` writes it."""
    from pollux.care.treatment.genes.meaning import diplotype

    copies = pair[:1] if gene.chromosome == "MT" else pair
    return diplotype(gene, [gene.alleles[one] for one in copies]).name


@some
@given(people())
def test_the_alleles_that_a_person_has_are_possible(person: tuple[Gene, tuple[int, int], random.Random, bool]) -> None:
    gene, pair, chance, phased = person
    found = call(gene, simulated(gene, pair, chance, phased=phased))
    assert named(gene, pair) in possible(found)
    assert set(names(found)) <= possible(found)


@some
@given(people())
def test_phased_and_complete_data_give_the_alleles_back(
    person: tuple[Gene, tuple[int, int], random.Random, bool],
) -> None:
    gene, pair, chance, _ = person
    found = call(gene, simulated(gene, pair, chance, phased=True))
    whole = {one.name for one in found.matched}
    if any(len(allowed) > 1 for one in gene.alleles for allowed in one.defined.values()):
        assert whole  # an open base may be read as another allele too
    else:
        assert named(gene, pair) in whole


@some
@given(people(), st.data())
def test_a_position_that_was_not_tested_only_widens_what_is_possible(
    person: tuple[Gene, tuple[int, int], random.Random, bool], data: st.DataObject
) -> None:
    """For genes by component this holds of phenotypes: what an untested site could hold is named once a chromosome."""
    gene, pair, chance, phased = person
    seen = simulated(gene, pair, chance, phased=phased)
    lost = data.draw(st.sets(st.sampled_from(range(len(seen))), max_size=min(6, len(seen) - 1)))
    less = [Observation(one.site, untested="lost") if at in lost else one for at, one in enumerate(seen)]
    before, after = call(gene, seen), call(gene, less)
    if not after.tested:
        assert not after.possible
    elif gene.by_component:
        assert set(before.phenotypes) <= set(after.phenotypes)
    elif gene.name != "CYP2D6" or len(after.possible) <= 400:
        assert possible(before) <= possible(after)
    else:
        assert set(before.phenotypes) <= set(after.phenotypes)


@some
@given(people())
def test_neither_the_order_of_alleles_nor_that_of_observations_matters(
    person: tuple[Gene, tuple[int, int], random.Random, bool],
) -> None:
    gene, pair, chance, phased = person
    seen = simulated(gene, pair, chance, phased=phased)
    turned = [Observation(one.site, one.alleles[::-1], one.phase) for one in seen]
    chance.shuffle(turned)
    before, after = call(gene, seen), call(gene, turned)
    assert set(before.possible) == set(after.possible)
    assert set(before.matched) == set(after.matched)


@some
@given(people())
def test_phase_that_is_not_known_only_widens_what_is_possible(
    person: tuple[Gene, tuple[int, int], random.Random, bool],
) -> None:
    gene, pair, chance, _ = person
    seen = simulated(gene, pair, chance, phased=True)
    unphased = [Observation(one.site, one.alleles) for one in seen]
    assert possible(call(gene, seen)) <= possible(call(gene, unphased))


def test_absent_is_not_reference() -> None:
    """A gene of which one common position was tested is not called *1/*1 alone."""
    for name in ("CYP2C19", "CYP2C9", "TPMT", "SLCO1B1", "NUDT15", "CYP2B6"):
        gene = table(name)
        one = Observation(gene.sites[0].name, (gene.sites[0].grch38.reference,) * 2)
        found = call(gene, [one])
        assert len(found.phenotypes) > 1
        assert len(found.missing) == len(gene.sites) - 1


def test_where_nothing_was_tested_nothing_is_called() -> None:
    for name in GENES:
        found = call(table(name), [])
        assert (found.matched, found.possible, found.tested) == ((), (), ())
        assert found.reasons
