from datetime import UTC, datetime
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from pollux.care.treatment.finding import SEVERITIES, Finding
from pollux.care.treatment.interactions import allergies, by_mechanism, duplicates, interactions, labelled
from pollux.care.treatment.interactions.exposure import Way, range_of, ratio, reversible
from pollux.care.treatment.interactions.labelled import pairs
from pollux.care.treatment.interactions.mechanism import effects, victims
from pollux.care.treatment.interactions.source import sources
from pollux.care.treatment.medication import Medication, medication
from pollux.errors import RefusedInput
from pollux.vocabulary import drug

SHARE = some.floats(0, 1)


def pair(*names: str) -> Finding:
    found = interactions(names)
    assert len(found) == 1
    return found[0]


# Exposure


@given(SHARE, some.floats(0, 0.99))
def test_reversible_inhibition_is_the_static_form_with_its_own_inhibition_ratio(fm: float, ir: float) -> None:
    assert reversible(fm, ir / (1 - ir)) == pytest.approx(ratio([Way(fm, inhibition=ir)]), rel=1e-9)


@given(SHARE, SHARE)
def test_inhibition_never_lowers_and_induction_never_raises_exposure(share: float, by: float) -> None:
    assert ratio([Way(share, inhibition=by)]) >= 1
    assert ratio([Way(share, induction=by)]) <= 1


@given(some.floats(0, 0.5), some.floats(0, 0.5))
def test_two_ways_inhibited_together_are_one_way_of_their_sum(one: float, other: float) -> None:
    together = ratio([Way(one, inhibition=0.9), Way(other, inhibition=0.9)])
    assert together == pytest.approx(ratio([Way(one + other, inhibition=0.9)]))


def test_ways_out_that_are_more_than_the_whole_are_refused() -> None:
    with pytest.raises(RefusedInput, match="more than the whole"):
        ratio([Way(0.7), Way(0.7)])


# Observed ratios of areas under the curve. Of midazolam: Olkkola 1994 and 1996, Chung 2006, Lam 2003, McCrea 1999,
# Majumdar 2003, as a table in Drug Metab Dispos restates them; of triazolam: Pharmacol Rev 1998, table 9; under
# rifampicin: University of Washington database, in a table in Drug Metab Dispos.
OBSERVED = [
    ("ketoconazole", "midazolam", 15.9),
    ("ketoconazole", "midazolam", 9.51),
    ("ketoconazole", "midazolam", 7.72),
    ("ketoconazole", "midazolam", 6.45),
    ("fluconazole", "midazolam", 3.51),
    ("fluconazole", "midazolam", 3.60),
    ("aprepitant", "midazolam", 2.27),
    ("aprepitant", "midazolam", 3.30),
    ("ketoconazole", "triazolam", 8.3),
    ("erythromycin", "triazolam", 2.1),
    ("rifampicin", "midazolam", 0.02),
    ("rifampicin", "simvastatin", 0.09),
    ("rifampicin", "nifedipine", 0.08),
]


@pytest.mark.parametrize(("perpetrator", "victim", "observed"), OBSERVED)
def test_observed_changes_in_exposure_lie_in_the_range_of_their_classes(
    perpetrator: str, victim: str, observed: float
) -> None:
    effect = next(e for e in effects() if e.drug == perpetrator and e.enzyme == "CYP3A")
    held = next(v for v in victims() if v.drug == victim)
    low, high = range_of(effect.kind, effect.strength, held.sensitivity)
    assert low <= observed <= high


# Labels


def test_simvastatin_with_clarithromycin_is_contraindicated_with_the_change_in_exposure_in_one_finding() -> None:
    found = pair("simvastatin", "clarithromycin")
    assert found.severity == "contraindicated"
    assert "exposure to simvastatin rises × 5 or more" in found.advice
    assert any("8f55d5de" in source.about for source in found.sources)


@pytest.mark.parametrize(
    ("one", "other", "severity"),
    [
        ("tizanidine", "ciprofloxacin", "contraindicated"),
        ("pimozide", "paroxetine", "contraindicated"),
        ("clopidogrel", "omeprazole", "serious"),
        ("apixaban", "rifampicin", "serious"),
        ("phenelzine", "pethidine", "contraindicated"),
        ("fluoxetine", "linezolid", "contraindicated"),
        ("methadone", "alprazolam", "serious"),
        ("erythromycin", "sotalol", "serious"),
        ("apixaban", "ibuprofen", "moderate"),
        ("naltrexone", "oxycodone", "contraindicated"),
        ("tamoxifen", "paroxetine", "serious"),
    ],
)
def test_labelled_pairs_stand_as_their_label_says(one: str, other: str, severity: str) -> None:
    assert pair(one, other).severity == severity


@given(some.lists(some.sampled_from(sorted({p.drug for p in pairs()})), min_size=2, max_size=5, unique=True))
def test_the_order_of_a_list_changes_nothing(names: list[str]) -> None:
    ways = [frozenset(interactions(order)) for order in list(permutations(names))[:6]]
    assert len(set(ways)) == 1


@given(some.lists(some.sampled_from(sorted({p.drug for p in pairs()})), min_size=2, max_size=6, unique=True))
def test_one_more_drug_takes_no_finding_away(names: list[str]) -> None:
    fewer = {frozenset(f.drugs): f for f in interactions(names[:-1])}
    more = {frozenset(f.drugs): f for f in interactions(names)}
    assert all(more[key] == found for key, found in fewer.items())


def test_a_drug_does_not_interact_with_itself() -> None:
    for one in {e.drug for e in effects()} | {p.drug for p in pairs()}:
        assert interactions([one]) == ()


def test_there_are_at_least_forty_pairs_and_each_row_has_a_source_and_known_drugs() -> None:
    assert len(pairs()) >= 40
    for held in pairs():
        assert drug(held.drug).name == held.drug
        assert held.partners
        assert sources()[held.source].body
    for name, key in [(e.drug, e.source) for e in effects()] + [(v.drug, v.source) for v in victims()]:
        assert drug(name).name == name
        assert sources()[key].body


def test_what_is_counted_in_a_gene_s_advice_is_not_counted_again() -> None:
    assert by_mechanism(["codeine", "paroxetine"])
    assert by_mechanism(["codeine", "paroxetine"], {("codeine", "paroxetine", "CYP2D6")}) == ()


def test_of_two_statements_on_one_pair_the_graver_stands() -> None:
    assert pair("methadone", "sotalol").severity == "serious"
    for found in labelled([p.drug for p in pairs()]):
        assert found.severity in SEVERITIES


# Duplicates


def test_two_of_one_class_and_one_listed_twice_are_found_and_different_ones_are_not() -> None:
    def of(*texts: str) -> set[tuple[str, ...]]:
        return {f.drugs for f in duplicates([medication(text) for text in texts])}

    assert of("simvastatin 20 mg", "atorvastatin 10 mg") == {("atorvastatin", "simvastatin")}
    assert of("simvastatin 20 mg", "Zocor 40 mg") == {("simvastatin",)}
    assert of("simvastatin", "clopidogrel") == set()


def test_what_shares_only_a_fixed_combination_or_a_subgroup_of_others_is_no_class() -> None:
    for first, second in (("abacavir", "atazanavir"), ("aspirin", "simvastatin"), ("celecoxib", "irinotecan")):
        assert set(drug(first).classes) & set(drug(second).classes)  # ATC has them in one subgroup
        assert duplicates([medication(first), medication(second)]) == ()


def test_what_was_stopped_duplicates_nothing() -> None:
    before = Medication("simvastatin", ("simvastatin",), datetime(2026, 1, 1, tzinfo=UTC))
    assert duplicates([before, medication("atorvastatin")]) == ()


# Allergies


@pytest.mark.parametrize(
    ("allergy", "given_", "severity"),
    [
        ("amoxicillin", "amoxicillin", "contraindicated"),
        ("Penicillin", "amoxicillin", "serious"),
        ("amoxicillin", "cefadroxil", "serious"),
        ("ampicillin", "cefalexin", "serious"),
        ("penicillin", "ceftriaxone", "minor"),
        ("penicillin", "cefazolin", "minor"),
        ("amoxicillin", "meropenem", "minor"),
        ("ceftazidime", "aztreonam", "serious"),
        ("aztreonam", "ceftazidime", "serious"),
        ("penicillin", "aztreonam", "minor"),
        ("codeine", "codeine", "contraindicated"),
    ],
)
def test_allergies_reach_as_far_as_the_side_chain(allergy: str, given_: str, severity: str) -> None:
    found = allergies([given_], [allergy])
    assert [f.severity for f in found] == [severity]
    assert not found[0].certain  # what the reaction was is never known from the name alone


@pytest.mark.parametrize(("allergy", "given_"), [("peanut", "amoxicillin"), ("penicillin", "simvastatin")])
def test_allergies_reach_no_further(allergy: str, given_: str) -> None:
    assert allergies([given_], [allergy]) == ()
