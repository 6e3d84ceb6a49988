"""DPYD and RYR1: several variants on a chromosome, the least function decides."""

import pytest

from pollux.care.treatment.genes.components import LISTED, OPEN
from pollux.care.treatment.genes.definition import gene
from tests.care.treatment.genes.seen import called, names, possible

INTRON, EXON = "rs75017182", "rs56038477"
NO_FUNCTION, HALF = "rs3918290", "rs67376798"  # c.1905+1G>A (*2A), c.2846A>T


def test_two_unphased_harmful_variants_are_presumed_apart_and_may_lie_together() -> None:
    call = called("DPYD", {NO_FUNCTION: "CT", HALF: "TA"})
    assert names(call) == ["c.1905+1G>A (*2A)/c.2846A>T"]
    assert possible(call) == {"c.1905+1G>A (*2A)/c.2846A>T", "Reference/[c.1905+1G>A (*2A) + c.2846A>T]"}
    assert call.matched[0].activity_score == 0.5
    assert set(call.phenotypes) == {"Poor Metabolizer", "Intermediate Metabolizer"}


def test_phase_settles_it() -> None:
    together = called("DPYD", {NO_FUNCTION: "CT", HALF: "TA"}, phase="")
    assert names(together) == ["Reference/[c.1905+1G>A (*2A) + c.2846A>T]"]
    assert together.phenotypes == ("Intermediate Metabolizer",)
    apart = called("DPYD", {NO_FUNCTION: "CT", HALF: "AT"}, phase="")
    assert apart.phenotypes == ("Poor Metabolizer",)


def test_the_least_function_on_a_chromosome_is_its_function() -> None:
    call = called("DPYD", {NO_FUNCTION: "CT", "rs1801159": "TC", "rs1801265": "AG"}, phase="")
    assert call.matched[0].functions == ("Normal function", "No function")
    assert call.matched[0].activity_score == 1.0


def test_the_intronic_variant_decides_hapb3() -> None:
    both = called("DPYD", {INTRON: "GC", EXON: "CT"})
    assert names(both) == ["Reference/c.1129-5923C>G, c.1236G>A (HapB3)"]
    intron = called("DPYD", {INTRON: "GC"})
    assert names(intron) == ["Reference/c.1129-5923C>G"]
    exon = called("DPYD", {EXON: "CT"})
    assert names(exon) == ["Reference/Reference"]
    assert any("not HapB3" in reason for reason in exon.reasons)
    alone = called("DPYD", {EXON: "CT"}, (INTRON,))
    assert names(alone) == ["Reference/c.1129-5923C>G, c.1236G>A (HapB3)"]
    assert any("was not tested" in reason for reason in alone.reasons)
    for call in (both, intron, alone):
        assert call.matched[0].activity_score == 1.5


def test_an_untested_site_of_a_harmful_variant_may_hide_it_on_either_chromosome() -> None:
    call = called("DPYD", {}, (NO_FUNCTION,))
    assert names(call) == ["Reference/Reference"]
    assert set(call.phenotypes) == {"Normal Metabolizer", "Intermediate Metabolizer", "Poor Metabolizer"}


def test_an_untested_site_of_a_harmless_variant_changes_no_phenotype() -> None:
    assert called("DPYD", {}, ("rs1801159",)).phenotypes == ("Normal Metabolizer",)


def unphased(gene_name: str, many: int) -> dict[str, tuple[str, str]]:
    sites = gene(gene_name).sites[:many]
    return {site.name: (site.grch38.reference, site.alternates[0]) for site in sites}


@pytest.mark.parametrize("gene_name", ["DPYD", "RYR1"])
@pytest.mark.parametrize("many", [5, 9, 40])
def test_many_unphased_variants_beside_untested_sites_do_not_explode(gene_name: str, many: int) -> None:
    missing = [site.name for site in gene(gene_name).sites[many:]]
    call = called(gene_name, unphased(gene_name, many), missing)
    assert 0 < len(call.possible) <= LISTED + 2**OPEN
    assert set(names(call)) <= possible(call)


def test_the_harmful_ones_of_many_unphased_variants_stay_apart_and_together() -> None:
    seen = unphased("DPYD", 40) | {NO_FUNCTION: ("C", "T"), HALF: ("T", "A")}
    harmful = [one for one in gene("DPYD").alleles if float(one.activity) < 1]
    for allele in harmful:  # two of them remain, among dozens of harmless ones
        for site in allele.defined:
            name = gene("DPYD").sites[site].name
            if name not in (NO_FUNCTION, HALF):
                seen.pop(name, None)
    call = called("DPYD", seen)
    assert len(seen) > OPEN
    assert set(call.phenotypes) == {"Poor Metabolizer", "Intermediate Metabolizer"}
    assert {one.phenotype for one in call.matched} == {"Poor Metabolizer"}


def test_one_variant_of_malignant_hyperthermia_is_enough() -> None:
    call = called("RYR1", {"rs118192161": "CT"})
    assert call.phenotypes == ("Malignant Hyperthermia Susceptibility",)
    assert called("RYR1").phenotypes == ("Uncertain Susceptibility",)
