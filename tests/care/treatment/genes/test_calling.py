"""What a call says beside its diplotypes: sex, copies, what was missing, what was assumed."""

import msgspec
import pytest

from pollux.care.treatment import genes
from pollux.errors import RefusedInput, UnknownName
from pollux.record.genotype import Genotypes, Observation
from tests.care.treatment.genes.seen import called, genotypes, names, possible

MEDITERRANEAN = "rs5030868"


def test_a_male_has_one_copy_of_g6pd_whether_the_file_says_one_allele_or_two() -> None:
    for alleles in (("A",), ("A", "A")):
        call = called("G6PD", {MEDITERRANEAN: alleles}, sex="male")
        assert call.matched[0].alleles == ("Mediterranean, Dallas, Panama, Sassari, Cagliari, Birmingham",)
        assert call.phenotypes == ("Deficient",)


def test_two_alleles_on_the_x_of_a_male_are_not_tested_and_said_so() -> None:
    call = called("G6PD", {MEDITERRANEAN: "GA"}, sex="male")
    assert MEDITERRANEAN in call.missing
    assert any("the one X chromosome of a male" in reason for reason in call.reasons)
    assert {"Normal", "Deficient"} <= set(call.phenotypes)


def test_a_female_with_one_deficient_allele_is_variable() -> None:
    assert called("G6PD", {MEDITERRANEAN: "GA"}, sex="female").phenotypes == ("Variable",)


def test_one_allele_in_a_female_is_not_tested() -> None:
    call = called("G6PD", {MEDITERRANEAN: ("A",)}, sex="female")
    assert MEDITERRANEAN in call.missing


def test_where_sex_is_not_said_single_alleles_throughout_mean_one_copy() -> None:
    gene = genes.definition.gene("G6PD")
    seen = [Observation(site.name, (site.grch38.reference,)) for site in gene.sites]
    call = genes.call(Genotypes("one", "GRCh38", "made up", tuple(seen)), genes=("G6PD",))["G6PD"]
    assert call.matched[0].alleles == ("B (reference)",)
    mixed = [msgspec.structs.replace(seen[0], alleles=seen[0].alleles * 2), *seen[1:]]
    call = genes.call(Genotypes("one", "GRCh38", "made up", tuple(mixed)), genes=("G6PD",))["G6PD"]
    assert len(call.tested) == 1


def test_a_mitochondrial_gene_has_one_allele_and_two_are_not_tested() -> None:
    call = called("MT-RNR1", {"m.1555A": ("G",)})
    assert (names(call), call.phenotypes) == (
        ["m.1555A>G"],
        ("increased risk of aminoglycoside-induced hearing loss",),
    )
    mixed = called("MT-RNR1", {"m.1555A": ("A", "G")})
    assert possible(mixed) == {"Reference", "m.1555A>G"}
    assert any("heteroplasmy" in reason for reason in mixed.reasons)


def test_one_allele_of_an_autosomal_gene_is_not_tested() -> None:
    assert "rs9923231" in called("VKORC1", {"rs9923231": ("T",)}).missing


def test_an_allele_that_no_definition_has_is_no_call_for_most_genes() -> None:
    call = called("CYP2C9", {"rs1799853": "CG"})
    assert (call.matched, call.possible) == ((), ())
    assert "no definition has the alleles seen at rs1799853 C/G" in call.reasons


@pytest.mark.parametrize(
    ("gene", "site", "bases"),
    [("TPMT", "rs1800462", "CT"), ("NUDT15", "rs116855232", "CA"), ("DPYD", "rs3918290", "CA")],
)
def test_for_genes_of_toxicity_it_is_taken_for_reference_and_that_is_an_assumption(
    gene: str, site: str, bases: str
) -> None:
    call = called(gene, {site: bases})
    assert names(call) in (["*1/*1"], ["Reference/Reference"])
    assert call.assumptions == ("alleles that no definition has were taken for reference",)


def test_a_required_site_that_is_missing_leaves_what_is_possible_and_matches_nothing() -> None:
    call = called("NAT2", {"rs1801280": "TC"}, ("rs1208",))
    assert call.matched == ()
    assert call.possible
    assert "not matched: rs1208 must be tested for this gene" in call.reasons


def test_unphased_nat2_names_the_pair_that_is_by_far_the_most_frequent() -> None:
    call = called("NAT2", {"rs1801280": "TC", "rs1208": "AG"})
    assert names(call) == ["*1/*5"] or len(names(call)) == 1
    assert len(possible(call)) > 1
    assert set(names(call)) <= possible(call)


def test_each_reason_stands_once_with_how_many_sites_it_holds_for() -> None:
    call = called("TPMT", {}, [site.name for site in genes.definition.gene("TPMT").sites[1:6]])
    (reason,) = call.reasons
    assert reason.startswith("not tested: ")
    assert reason.endswith("and 2 more (absent from the file)")


def test_assumptions_of_the_reading_stand_on_every_call() -> None:
    given = msgspec.structs.replace(genotypes("VKORC1", {}), assumptions=("absent was taken for reference",))
    calls = genes.call(given)
    assert all(call.assumptions == ("absent was taken for reference",) for call in calls.values())


def test_every_gene_that_is_asked_for_gets_a_call_and_no_other() -> None:
    calls = genes.call(genotypes("VKORC1", {}), genes=("VKORC1", "CYP2C9"))
    assert list(calls) == ["VKORC1", "CYP2C9"]
    assert calls["CYP2C9"].possible == ()
    with pytest.raises(UnknownName, match="'TPMT' was not called"):
        calls["TPMT"]


def test_a_sex_that_is_not_known_here_is_refused() -> None:
    with pytest.raises(RefusedInput, match="the sex 'm' is none that is known here"):
        genes.call(genotypes("VKORC1", {}), sex="m")


def test_warfarin_in_african_ancestry_can_see_that_its_positions_are_untested() -> None:
    calls = genes.call(genotypes("CYP2C9", {}, ("rs28371686", "rs9332131", "rs7900194", "rs28371685")))
    assert {"rs28371686", "rs9332131", "rs7900194", "rs28371685"} <= set(calls["CYP2C9"].missing)
    assert calls["rs12777823"].possible == ()
    assert {"*1/*5", "*1/*6", "*1/*8", "*1/*11"} <= possible(calls["CYP2C9"])


def test_the_calls_of_all_genes_name_the_version_of_their_tables() -> None:
    for call in genes.call(genotypes("VKORC1", {})).values():
        assert call.tables.startswith("ClinPGx 202")
        assert call.source == "vcf"
