"""What a genome says for certain enters the record, once, and nothing else does."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from pollux.care.treatment.derived import HOLDING, RULES, derived
from pollux.care.treatment.genes import Diplotype, GeneCall, call, outside, sites
from pollux.equations import Input
from pollux.models.drugs import covariate
from pollux.record import Event, Person, Record, examine
from pollux.record.entry import Entry
from pollux.record.genotype import Genotypes
from pollux.sources.vcf.reader import ASSUMED, CALLABLE
from pollux.store import Store
from pollux.vocabulary import term
from tests.care.treatment.told import AT, seen

WHO = Record(Person("p", birth_date="1990-06-01", sex_at_birth="female"))
LATER = AT + timedelta(days=1)
FEW = ("CYP2C19", "CYP2C9", "VKORC1", "CYP3A5", "TPMT")
NAMES = [site.name for site in sites(FEW)]
POOR = {"rs4244285": ("A", "A"), "rs3758581": ("G", "G"), "rs12769205": ("G", "G")}


def events(genotypes: Genotypes, record: Record = WHO, at: datetime = AT) -> dict[str, Event]:
    calls = call(genotypes, sex="female")
    return {event.quantity: event for event in derived(calls.values(), genotypes, record, at).events}


def test_a_poor_metabolizer_of_cyp2c19_is_one_for_the_models() -> None:
    made = events(seen(others=POOR))
    assert made["cyp2c19_phenotype"].value == "Poor Metabolizer"
    values = [made[f"cyp2c19_{name}"].value for name in ("poor", "intermediate", "loss_of_function")]
    assert values == [1.0, 0.0, 1.0]


def test_the_reference_has_no_variant_alleles_and_expresses_cyp3a5() -> None:
    made = events(seen())
    assert [made[name].value for name in ("cyp2c9_2_alleles", "cyp2c9_3_alleles", "vkorc1_g_alleles")] == [0, 0, 2]
    assert made["cyp3a5_expresser"].value == 1.0
    assert made["dpyd_activity_score"].value == 2.0


@given(untested=some.sets(some.sampled_from(NAMES), max_size=40))
@settings(max_examples=30, deadline=None)
def test_only_what_every_possible_diplotype_has_is_derived(untested: set[str]) -> None:
    genotypes = seen(FEW, untested, POOR)
    calls = call(genotypes, sex="female", genes=FEW)
    found = derived(calls.values(), genotypes, WHO, AT)
    made = {event.quantity: event.value for event in found.events}
    for gene, quantity, _, rule in RULES:
        if gene in calls:
            values = {rule(one) for one in calls[gene].possible}
            assert (made.get(quantity) is not None) == (len(values) == 1 and values != {None})
            assert quantity not in made or values == {made[quantity]}
            assert quantity in made or any(quantity in line for line in found.open_)


def test_a_provisional_call_derives_nothing() -> None:
    assert not any(name.startswith("cyp2d6") for name in events(seen()))
    counted = GeneCall("CYP2D6", (), (Diplotype(("*1", "*4"), ("", ""), "Intermediate Metabolizer", 1.0),))
    made = {e.quantity: e.value for e in derived([counted], seen(()), WHO, AT).events}
    assert made == {"cyp2d6_phenotype": "Intermediate Metabolizer", "cyp2d6_activity_score": 1.0}
    provisional = msgspec.structs.replace(counted, provisional=True)
    assert derived([provisional], seen(()), WHO, AT).events == ()


def test_an_assumption_derives_nothing_and_callable_regions_are_flagged() -> None:
    assert HOLDING == (CALLABLE,)
    assert events(seen(assumptions=(ASSUMED,))) == {}
    made = events(seen(assumptions=(CALLABLE,)))
    assert made["cyp2c19_phenotype"].flags == (CALLABLE,)


def test_a_genotype_holds_from_birth_where_that_is_known() -> None:
    assert events(seen())["cyp2c19_phenotype"].time == datetime(1990, 6, 1, tzinfo=UTC)
    assert events(seen(), Record(Person("p")))["cyp2c19_phenotype"].time == AT


def test_what_stands_is_not_derived_again_and_what_is_no_longer_certain_is_taken_back() -> None:
    known = WHO.add(events(seen(FEW)).values())
    assert events(seen(FEW), known, LATER) == {}
    less = events(seen(FEW, untested=["rs9923231"]), known, LATER)
    assert [(event.quantity, event.retracted) for event in less.values()] == [("vkorc1_g_alleles", True)]
    assert known.add(less.values()).of("vkorc1_g_alleles") == ()


def test_where_two_files_disagree_both_stand_and_it_is_said() -> None:
    known = WHO.add(events(seen(FEW)).values())
    other = msgspec.structs.replace(seen(FEW, others=POOR), source="another.vcf")
    calls = call(other, sex="female", genes=FEW)
    found = derived(calls.values(), other, known, LATER)
    said = "cyp2c19_phenotype is Poor Metabolizer here and Normal Metabolizer in made.vcf: both stand"
    assert said in found.against
    both = known.add(found.events)
    assert {event.value for event in both.of("cyp2c19_phenotype")} == {"Normal Metabolizer", "Poor Metabolizer"}
    assert {conflict.quantity for conflict in both.conflicts} == {"cyp2c19_loss_of_function", "cyp2c19_poor"}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "store.db") as kept:
        kept.take([Entry("p", WHO.person)], AT)
        yield kept


def test_taken_twice_into_a_store_changes_nothing(store: Store) -> None:
    first = events(seen(), store.record("p"))
    receipt = store.take((Entry("p", event) for event in first.values()), AT)
    assert receipt.accepted == len(first)
    assert receipt.quarantined == 0
    again = events(seen(), store.record("p"), LATER)
    assert again == {}
    assert not store.take((Entry("p", event) for event in first.values()), LATER).changed


def test_what_was_taken_back_may_be_said_again(store: Store) -> None:
    for genotypes in (seen(), seen(untested=["rs9923231"]), seen()):
        at = AT + timedelta(hours=len(store.record("p").events))
        store.take((Entry("p", event) for event in events(genotypes, store.record("p"), at).values()), at)
    (standing,) = store.record("p").of("vkorc1_g_alleles")
    assert standing.value == 2.0
    assert examine(store.record("p")).findings == ()


def test_every_genetic_covariate_that_calls_can_tell_is_derived_under_its_own_name() -> None:
    made = {quantity for _, quantity, _, _ in RULES}
    genetic = [
        one for one in vars(covariate).values() if isinstance(one, Input) and one.name.startswith(("CYP", "VKORC1"))
    ]
    assert len(genetic) == 7
    for one in genetic:
        assert one.quantity in made
        assert term(one.quantity).unit == one.unit == "1"
        assert one.usual is None


def test_every_rule_speaks_of_a_quantity_and_a_gene_that_is_called() -> None:
    for gene, quantity, unit, _ in RULES:
        assert sites((gene,))
        assert (term(quantity).kind == "number") == (unit == "1")


def test_where_it_came_from_is_kept() -> None:
    event = events(seen())["cyp2c19_phenotype"]
    assert event.source.kind == "genome"
    assert event.source.name == "made.vcf"
    assert event.source.place.startswith("one, vcf, ClinPGx")


def test_a_call_made_elsewhere_says_so() -> None:
    counted = outside.calls(b"CYP2D6\t*4/*4")
    made = {event.quantity: event for event in derived(counted.values(), seen(()), WHO, AT).events}
    assert made["cyp2d6_activity_score"].value == 0.0
    assert "outside call" in made["cyp2d6_activity_score"].source.place


@pytest.mark.parametrize(("birth", "precision"), [("1990", "year"), ("1990-06", "month"), ("1990-06-01", "day")])
def test_the_day_of_birth_is_as_precise_as_it_was_stated(birth: str, precision: str) -> None:
    assert events(seen(FEW), Record(Person("p", birth_date=birth)))["cyp2c19_phenotype"].precision == precision
