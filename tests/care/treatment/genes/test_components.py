"""DPYD and RYR1: several variants on a chromosome, the least function decides."""

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


def test_many_unphased_variants_of_normal_function_do_not_explode() -> None:
    common = ["rs1801265", "rs1801159", "rs1801158", "rs1801160", "rs17376848", "rs2297595", "rs56293913", "rs61622928",
              "rs72549303", "rs150036960", "rs45589337", "rs142619737", "rs199469530"]  # fmt: skip
    from pollux.care.treatment.genes.definition import gene

    sites = {site.name: site for site in gene("DPYD").sites}
    seen = {name: (sites[name].grch38.reference, sites[name].alternates[0]) for name in common if name in sites}
    assert len(seen) > 10
    call = called("DPYD", seen)
    assert 0 < len(call.possible) < 5000
    assert set(names(call)) <= possible(call)


def test_one_variant_of_malignant_hyperthermia_is_enough() -> None:
    call = called("RYR1", {"rs118192161": "CT"})
    assert call.phenotypes == ("Malignant Hyperthermia Susceptibility",)
    assert called("RYR1").phenotypes == ("Uncertain Susceptibility",)
