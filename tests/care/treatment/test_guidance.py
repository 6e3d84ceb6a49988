from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as some

from pollux.care.treatment.finding import Finding
from pollux.care.treatment.genes import GeneCall
from pollux.care.treatment.guidance import (
    advise,
    conversion,
    converted,
    drugs_covered,
    held_for,
    recommendations,
    warfarin,
)
from pollux.care.treatment.guidance.phenoconversion import Conversion, phenotype
from pollux.vocabulary import drug
from tests.care.treatment.calls import call, one

AT = datetime(2026, 5, 1, tzinfo=UTC)
D6 = {
    "UM": one("*1x2/*1", "UM", 3.0),
    "NM": one("*1/*1", "NM", 2.0),
    "IM": one("*1/*4", "IM", 1.0),
    "PM": one("*4/*4", "PM", 0.0),
}


def said(drug_name: str, *calls: GeneCall, age: float | None = 50, by: Conversion | None = None) -> tuple[Finding, ...]:
    return advise([drug_name], {c.gene: c for c in calls}, age=age, inhibitor=by)


def only(findings: Sequence[Finding]) -> Finding:
    assert len(findings) == 1
    return findings[0]


@pytest.mark.parametrize(("name", "action"), [("UM", "avoid"), ("NM", "standard"), ("IM", "standard"), ("PM", "avoid")])
def test_codeine_by_cyp2d6(name: str, action: str) -> None:
    found = only(said("codeine", call("CYP2D6", D6[name])))
    assert (found.action, found.certain) == (action, True)
    assert found.sources[0].pmid == "33387367"


def test_clopidogrel_is_advised_apart_for_each_of_the_guideline_s_indications() -> None:
    found = {f.population: f for f in said("clopidogrel", call("CYP2C19", one("*1/*2", "IM")))}
    assert found["acute coronary syndrome or PCI"].action == "avoid"
    assert found["acute coronary syndrome or PCI"].strength == "Strong"
    assert found["cardiovascular, neither ACS nor PCI"].action == "none"
    assert found["neurovascular"].action == "alternative"


def test_simvastatin_by_slco1b1() -> None:
    found = only(said("simvastatin", call("SLCO1B1", one("*1/*5", "Decreased Function"))))
    assert found.action == "alternative"
    assert "less than 20 mg/day" in found.advice


@pytest.mark.parametrize("name", drugs_covered())
def test_not_tested_is_never_taken_for_normal(name: str) -> None:
    for found in said(name, age=None):
        assert found.action == "none"
        assert not found.certain
        assert "not tested" in found.advice
        assert any("was not tested" in line for line in found.unknown)


@pytest.mark.parametrize("name", drugs_covered())
def test_a_gene_that_was_looked_at_without_result_is_as_not_tested(name: str) -> None:
    genes = {gene for row in held_for(name) for gene in row.genes}
    assert said(name, *(call(gene) for gene in genes)) == said(name)


def test_what_all_possible_results_agree_on_is_one_clear_advice() -> None:
    found = only(said("codeine", call("CYP2D6", one("*1/*1", "NM", 2.0), one("*1/*35", "NM", 2.0))))
    assert (found.action, found.certain, found.unknown) == ("standard", True, ())


def test_what_they_do_not_agree_on_is_a_range_with_what_would_settle_it() -> None:
    found = only(said("codeine", call("CYP2D6", D6["NM"], D6["PM"], missing=("rs3892097",))))
    assert found.action == "depends"
    assert found.severity == "serious"  # as the worst that is possible
    assert not found.certain
    assert "if CYP2D6 Normal Metabolizer, usual dose" in found.advice
    assert "if CYP2D6 Poor Metabolizer, avoid" in found.advice
    assert "CYP2D6 may be Normal Metabolizer or Poor Metabolizer; not tested: rs3892097" in found.unknown


def test_the_order_of_what_is_possible_changes_no_conclusion() -> None:
    ways = [only(said("codeine", call("CYP2D6", *order))) for order in ((D6["NM"], D6["PM"]), (D6["PM"], D6["NM"]))]
    assert len({(f.action, f.severity, f.certain, f.unknown) for f in ways}) == 1


def test_a_provisional_point_call_carries_no_advice() -> None:
    found = only(said("codeine", call("CYP2D6", D6["NM"], provisional=True)))
    assert found.action == "none"
    assert not found.certain
    assert any("provisional" in line for line in found.unknown)


def test_a_provisional_call_is_advised_on_by_everything_its_copies_allow() -> None:
    found = only(said("codeine", call("CYP2D6", D6["NM"], D6["UM"], provisional=True)))
    assert found.action == "depends"
    assert found.severity == "serious"


@given(some.lists(some.sampled_from(sorted(D6)), min_size=1, max_size=4, unique=True))
def test_more_possible_results_never_make_a_finding_less_grave(names: list[str]) -> None:
    order = ["serious", "moderate", "minor", "information"]
    together = only(said("codeine", call("CYP2D6", *(D6[name] for name in names))))
    alone = [only(said("codeine", call("CYP2D6", D6[name]))) for name in names]
    assert order.index(together.severity) == min(order.index(one_.severity) for one_ in alone)


def test_assumptions_of_a_call_stand_beside_its_advice() -> None:
    assumed = GeneCall(
        "CYP2D6", (D6["NM"],), (D6["NM"],), ("x",), assumptions=("absent positions were taken for reference",)
    )
    found = only(said("codeine", assumed))
    assert found.unknown == ("CYP2D6: absent positions were taken for reference",)
    assert not found.certain


def test_of_two_genes_the_untested_one_leaves_the_advice_uncertain() -> None:
    found = only(said("amitriptyline", call("CYP2D6", D6["PM"])))
    assert found.action == "avoid"
    assert not found.certain
    assert found.unknown == ("CYP2C19 was not tested",)


@pytest.mark.parametrize(("score", "action", "factor"), [(1.5, "standard", ""), (1.0, "dose", "50 %")])
def test_one_phenotype_with_two_scores_is_told_apart(score: float, action: str, factor: str) -> None:
    found = only(said("meloxicam", call("CYP2C9", one("*1/*x", "IM", score))))
    assert found.action == action
    assert factor in found.advice


def test_a_phenotype_without_the_score_that_decides_is_not_decided() -> None:
    assert only(said("meloxicam", call("CYP2C9", one("*1/*x", "IM")))).action == "none"


def test_siponimod_goes_by_genotype_where_one_phenotype_hides_two_doses() -> None:
    usual = only(said("siponimod", call("CYP2C9", one("*2/*2", "IM", 1.0))))
    half = only(said("siponimod", call("CYP2C9", one("*3/*1", "IM", 1.0))))
    assert (usual.action, half.action) == ("standard", "dose")
    assert only(said("siponimod", call("CYP2C9", one("*1/*5", "IM", 1.0)))).action == "none"


def test_an_hla_result_is_read_by_its_alleles_for_each_drug_s_own() -> None:
    typed = call("HLA-B", one("*57:01/*15:02", "*57:01 positive"))
    assert only(said("abacavir", typed)).action == "avoid"
    assert only(said("allopurinol", typed)).action == "standard"
    assert only(said("oxcarbazepine", typed)).population == "never taken before"
    status = call("HLA-B", one("", "*57:01 positive"))
    assert only(said("abacavir", status)).action == "avoid"
    assert only(said("allopurinol", status)).action == "none"


@pytest.mark.parametrize(("age", "populations"), [(9, {"children"}), (50, {"adults"}), (None, {"adults", "children"})])
def test_age_decides_which_population_is_meant_and_an_unknown_age_leaves_both(
    age: float | None, populations: set[str]
) -> None:
    assert {f.population for f in said("atomoxetine", call("CYP2D6", D6["PM"]), age=age)} == populations


def test_malignant_hyperthermia_by_either_gene_is_enough() -> None:
    for gene in ("RYR1", "CACNA1S"):
        found = only(said("succinylcholine", call(gene, one("", "Malignant Hyperthermia Susceptibility"))))
        assert found.action == "avoid"


def test_a_guideline_that_changed_without_being_read_says_so() -> None:
    genes = call("TPMT", one("*1/*1", "NM")), call("NUDT15", one("*1/*1", "NM"))
    found = only(said("azathioprine", *genes))
    assert found.unknown == ("the guideline was changed on 2026-02-04, and the change was not read",)


def test_every_row_has_a_source_and_every_drug_a_place_in_the_vocabulary() -> None:
    for row in recommendations():
        assert row.source.body
        assert row.source.read
        assert [drug(name).name for name in row.drugs] == list(row.drugs)
        assert row.strength in ("", "Strong", "Moderate", "Optional", "No recommendation", "labelling")


# Phenoconversion


def test_a_strong_inhibitor_makes_a_poor_metabolizer_of_anyone() -> None:
    by = conversion(["paroxetine"], {}, None)
    assert by is not None
    for name in D6:
        found = only(said("codeine", call("CYP2D6", D6[name]), by=by))
        assert found.action == "avoid"
        assert "no effect" in found.advice
        assert any("paroxetine" in reason for reason in found.because)


def test_a_strong_inhibitor_leaves_nothing_for_a_test_to_tell() -> None:
    by = conversion(["fluoxetine"], {}, None)
    assert only(said("codeine", by=by)).certain
    provisional = call("CYP2D6", D6["NM"], D6["UM"], provisional=True)
    assert only(said("codeine", provisional, by=by)).action == "avoid"


@given(some.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0, 2.25, 2.5, 3.0, 4.0]))
def test_a_moderate_inhibitor_halves_the_score(score: float) -> None:
    by = Conversion("duloxetine", "moderate", 0.5)
    after = converted(call("CYP2D6", one("a/b", phenotype(score), score)), by)
    assert after is not None
    assert after.possible[0].activity_score == pytest.approx(score / 2)
    assert after.possible[0].phenotype == phenotype(score / 2)


def test_a_weak_inhibitor_changes_nothing() -> None:
    assert conversion(["sertraline"], {}, None) is None


def test_several_inhibitors_count_once_by_the_strongest() -> None:
    assert conversion(["duloxetine", "paroxetine"], {}, None) == conversion(["paroxetine"], {}, None)


def test_a_moderate_inhibitor_tells_nothing_of_a_gene_that_was_not_tested() -> None:
    found = only(said("codeine", by=conversion(["duloxetine"], {}, None)))
    assert found.action == "none"


@pytest.mark.parametrize(("name", "days", "works"), [("fluoxetine", 34, True), ("fluoxetine", 36, False)])
def test_fluoxetine_counts_for_five_weeks_after_it_was_stopped(name: str, days: int, works: bool) -> None:
    by = conversion([], {name: AT - timedelta(days=days)}, AT)
    assert (by is not None) is works
    assert by is None or by.certain


def test_where_no_wash_out_was_read_both_states_are_possible_for_a_while() -> None:
    by = conversion([], {"paroxetine": AT - timedelta(days=10)}, AT)
    assert by is not None
    assert not by.certain
    found = only(said("codeine", call("CYP2D6", D6["NM"]), by=by))
    assert found.action == "depends"
    assert conversion([], {"paroxetine": AT - timedelta(days=40)}, AT) is None


def test_the_rule_stays_with_the_guideline_that_states_it() -> None:
    by = conversion(["paroxetine"], {}, None)
    calls = call("CYP2D6", D6["NM"]), call("CYP2C19", one("*1/*1", "NM"))
    found = only(said("amitriptyline", *calls, by=by))
    assert found.action == "monitor"  # not re-scored as a poor metabolizer, and not called usual either
    assert any("no rule for changing the score is agreed upon" in line for line in found.unknown)


# Warfarin


def test_warfarin_is_never_given_a_dose() -> None:
    genes = {g: call(g, one("*1/*1", "NM", 2.0)) for g in ("CYP2C9", "VKORC1", "CYP4F2")}
    found = warfarin(genes, "European")
    assert "none is worked out here" in found.advice
    assert found.certain


@pytest.mark.parametrize("ancestry", ["African American", "Black or African American", ""])
def test_warfarin_names_what_was_not_tested_where_african_ancestry_is_possible(ancestry: str) -> None:
    tested = GeneCall("CYP2C9", (D6["NM"],), (one("*1/*1", "NM", 2.0),), ("rs1799853", "rs1057910", "rs28371686"))
    found = warfarin({"CYP2C9": tested}, ancestry)
    for named in ("CYP2C9*6 (rs9332131)", "CYP2C9*8 (rs7900194)", "CYP2C9*11 (rs28371685)", "rs12777823"):
        assert f"{named} was not tested" in found.unknown
    assert not any("CYP2C9*5" in line for line in found.unknown)
    assert not found.certain


def test_warfarin_in_poor_metabolizers_of_cyp2c9() -> None:
    assert warfarin({"CYP2C9": call("CYP2C9", one("*3/*3", "PM", 0.0))}, "European").action == "alternative"
