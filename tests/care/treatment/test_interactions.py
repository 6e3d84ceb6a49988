from datetime import UTC, datetime
from itertools import combinations, permutations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from pollux.care.treatment.finding import SEVERITIES, Finding
from pollux.care.treatment.interactions import allergies, by_mechanism, duplicates, interactions, labelled
from pollux.care.treatment.interactions.exposure import Way, range_of, ratio, reversible
from pollux.care.treatment.interactions.labelled import pairs
from pollux.care.treatment.interactions.mechanism import effects, victims
from pollux.care.treatment.interactions.source import rows, sources
from pollux.care.treatment.medication import Medication, medication
from pollux.care.treatment.review import review
from pollux.errors import RefusedInput
from pollux.record import Code
from pollux.vocabulary import RXNORM, Drug, drug, drugs

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
        ("apixaban", "ibuprofen", "serious"),  # its box names them
        ("naltrexone", "oxycodone", "contraindicated"),
        ("tamoxifen", "paroxetine", "serious"),
    ],
)
def test_labelled_pairs_stand_as_their_label_says(one: str, other: str, severity: str) -> None:
    assert pair(one, other).severity == severity


# What clinicians look for first: each pair by names, brands and codes as a list may have them, and how grave it is at
# least. That they interact is in any textbook; which label says it stands in `pairs.csv`.
LOOKED_FOR = [
    ("warfarin 5 mg", "aspirin 75 mg", "serious", "bleeding"),
    ("Coumadin", "Advil", "serious", "bleeding"),
    ("warfarin", "sertraline", "moderate", "bleeding"),
    ("warfarin", "venlafaxine", "moderate", "bleeding"),
    ("warfarin", "Diflucan 150 mg", "serious", "INR rises"),
    ("warfarin", "amiodarone", "serious", "third to a half"),
    ("warfarin", "Flagyl", "serious", "INR rises"),
    ("warfarin", "trimethoprim-sulfamethoxazole 800 mg/160 mg", "serious", "INR rises"),
    ("warfarin", "rifampin", "serious", "INR falls"),
    ("warfarin", "carbamazepine", "serious", "INR falls"),
    ("warfarin", "Dilantin", "serious", "INR falls"),
    ("warfarin", "apixaban", "serious", "bleeding"),
    ("Eliquis", "clopidogrel", "serious", "bleeding"),
    ("apixaban", "itraconazole", "moderate", "half the dose"),
    ("rivaroxaban", "naproxen", "moderate", "bleeding"),
    ("rivaroxaban", "phenytoin", "serious", "clots"),
    ("dabigatran", "rifampicin", "serious", "clots"),
    ("dabigatran", "verapamil", "moderate", "30 mL/min"),
    ("edoxaban", "diclofenac", "serious", "bleeding"),
    ("sertraline", "ibuprofen", "moderate", "bleeding"),
    ("duloxetine", "aspirin", "moderate", "bleeding"),
    ("azathioprine", "allopurinol", "serious", "a third or a quarter"),
    ("mercaptopurine", "allopurinol", "serious", "a third or a quarter"),
    ("Imuran", "Uloric", "contraindicated", "bone marrow"),
    ("methotrexate", "naproxen", "serious", "methotrexate toxicity"),
    ("methotrexate", "co-trimoxazole", "serious", "bone marrow"),
    ("lithium carbonate 400 mg", "ibuprofen", "serious", "lithium toxicity"),
    ("lithium", "hydrochlorothiazide", "serious", "lithium toxicity"),
    ("lithium", "lisinopril", "serious", "lithium toxicity"),
    ("lithium", "losartan potassium 50 mg", "serious", "lithium toxicity"),
    ("digoxin", "amiodarone", "serious", "70 %"),
    ("digoxin", "verapamil", "serious", "50 to 75 %"),
    ("digoxin", "clarithromycin", "serious", "70 %"),
    ("digoxin", "quinidine", "serious", "100 %"),
    ("lisinopril", "spironolactone", "serious", "high potassium"),
    ("valsartan", "eplerenone", "moderate", "high potassium"),
    ("ramipril", "Bactrim", "serious", "high potassium"),
    ("nitroglycerin", "Viagra", "contraindicated", "low blood pressure"),
    ("isosorbide mononitrate", "tadalafil", "contraindicated", "low blood pressure"),
    ("clozapine", "fluvoxamine", "serious", "a third"),
    ("clozapine", "ciprofloxacin", "serious", "a third"),
    ("theophylline", "ciprofloxacin", "serious", "theophylline toxicity"),
    ("colchicine", "clarithromycin", "serious", "colchicine toxicity"),
    ("colchicine", "cyclosporine", "serious", "colchicine toxicity"),
    ("olanzapine", "fluvoxamine", "moderate", "52 to 108 %"),
    ("Zyprexa", "Cipro", "moderate", "less olanzapine"),
    ("simvastatin", "gemfibrozil", "contraindicated", "muscle breakdown"),
    ("simvastatin", "cyclosporine", "contraindicated", "muscle breakdown"),
    ("rosuvastatin", "ciclosporin", "serious", "at most 5 mg"),
    ("tacrolimus", "voriconazole", "serious", "more tacrolimus"),
    ("tacrolimus", "erythromycin", "moderate", "more tacrolimus"),
    ("tacrolimus", "rifampicin", "serious", "rejection"),
    ("ciclosporin", "ketoconazole", "serious", "rises"),
    ("divalproex", "meropenem", "serious", "seizures"),
    ("ethinyl estradiol", "carbamazepine", "serious", "unintended pregnancy"),
    ("oral contraceptive", "St John's wort", "serious", "unintended pregnancy"),
    ("tramadol", "fluoxetine", "serious", "serotonin syndrome"),
    ("sumatriptan", "escitalopram", "moderate", "serotonin syndrome"),
    ("linezolid", "sertraline", "serious", "serotonin syndrome"),
    ("glyburide", "fluconazole", "serious", "low blood sugar"),
    ("glipizide", "clarithromycin", "serious", "low blood sugar"),
]


@pytest.mark.parametrize(("one", "other", "severity", "word"), LOOKED_FOR)
def test_what_is_looked_for_first_is_found_both_ways(one: str, other: str, severity: str, word: str) -> None:
    first, second = (medication(text).drugs for text in (one, other))
    assert len(first) == len(second) == 1
    found = pair(*first, *second)
    assert interactions([*second, *first]) == (found,)
    assert SEVERITIES.index(found.severity) <= SEVERITIES.index(severity)
    assert word in found.advice
    assert found.sources


def test_a_pair_is_found_by_code_as_by_name() -> None:
    warfarin, aspirin = (medication(Code(RXNORM, code)).drugs for code in ("11289", "1191"))
    assert interactions([*warfarin, *aspirin]) == interactions(["warfarin", "aspirin"])
    for one, other in {(p.drug, partner) for p in pairs() for partner in p.partners}:
        a, b = drug(one), drug(other)
        if a.rxnorm and b.rxnorm:
            assert interactions([drug_named(a), drug_named(b)]) == interactions([one, other])


def drug_named(one: Drug) -> str:
    """The name that its RxNorm code leads to."""
    (name,) = medication(Code(RXNORM, one.rxnorm)).drugs
    return name


def test_a_plain_list_gives_what_a_pharmacist_would_list_first() -> None:
    names = [
        "warfarin 5 mg", "ibuprofen 400 mg", "simvastatin 40 mg", "clarithromycin 500 mg", "lisinopril 10 mg",
        "spironolactone 25 mg", "metformin 500 mg", "omeprazole 20 mg",
    ]  # fmt: skip
    found = [f for f in review([medication(name) for name in names], ()).findings if f.kind == "interaction"]
    at_most = {"contraindicated": 0, "serious": 1, "moderate": 2}
    ranked = {frozenset(f.drugs): at_most[f.severity] for f in found}
    assert ranked.pop(frozenset({"simvastatin", "clarithromycin"})) == 0
    serious = {key for key, rank in ranked.items() if rank == 1}
    assert serious == {
        frozenset({"warfarin", "ibuprofen"}),
        frozenset({"warfarin", "clarithromycin"}),
        frozenset({"lisinopril", "spironolactone"}),
    }
    assert set(ranked) - serious == {frozenset({"lisinopril", "ibuprofen"})}


@pytest.mark.parametrize("pairing", [("apixaban", "clarithromycin"), ("rivaroxaban", "clarithromycin")])
def test_where_a_label_says_that_nothing_needs_to_be_done_nothing_is_said(pairing: tuple[str, str]) -> None:
    assert interactions(pairing) == ()  # Eliquis, 7.1; Xarelto, 7.2: no change of dose, no precaution


# QT


RHYTHM = sorted(one.name for one in drugs() if "QT prolongation" in one.groups)


def test_any_two_that_prolong_qt_are_found_with_what_the_label_of_each_says() -> None:
    assert {"citalopram", "haloperidol", "ondansetron", "methadone", "amiodarone", "clarithromycin"} <= set(RHYTHM)
    for one, other in combinations(RHYTHM, 2):
        found = pair(one, other)
        assert any("heart rhythm" in line for line in found.because)
        for name, partner in ((one, other), (other, one)):
            own = [p for p in pairs() if p.drug == name and partner in p.partners and "QT" in p.mechanism]
            assert own, (one, other)
            assert all(row.advice in found.advice for row in own)
            assert {sources()[row.source] for row in own} <= set(found.sources)


def test_a_drug_prolongs_qt_only_with_a_source_of_its_own() -> None:
    for name in RHYTHM:
        assert any(p.drug == name and p.asked == "group:QT prolongation" and p.advice for p in pairs()), name


# Transporters: none has a strength, so that no size is given


def test_a_transporter_gives_no_size() -> None:
    for one in by_mechanism(["digoxin", "itraconazole"]) + by_mechanism(["rosuvastatin", "gemfibrozil"]):
        assert "by how much its source does not say" in one.advice
        assert one.severity == "moderate"
    assert all(not e.strength for e in effects() if not e.enzyme.startswith("CYP"))
    assert all(e.strength in ("strong", "moderate", "weak") for e in effects() if e.enzyme.startswith("CYP"))
    assert all((v.sensitivity == "transported") is not v.enzyme.startswith("CYP") for v in victims())


def test_joined_findings_are_as_grave_as_the_gravest() -> None:
    label, mechanism = labelled(["atorvastatin", "clarithromycin"]), by_mechanism(["atorvastatin", "clarithromycin"])
    found = pair("atorvastatin", "clarithromycin")
    assert {f.severity for f in (*label, *mechanism)} == {"moderate", "serious"}
    assert found.severity == "serious"


# Every row


def test_every_row_has_a_source_that_says_what_was_read_and_known_drugs() -> None:
    said = {"contraindicated", "avoid", "boxed warning", "serious warning", "warning"}
    rows_ = list(rows("pairs.csv"))
    assert len(rows_) == len({tuple(row.values()) for row in rows_})
    for row in rows_:
        assert row["says"] in said
        assert row["mechanism"]
        assert row["effect"]
    for held in pairs():
        assert held.partners, held
        assert {drug(name).name for name in (held.drug, *held.partners)} == {held.drug, *held.partners}
    used = {table: {row["source"] for row in rows(table)} for table in ("pairs.csv", "effects.csv", "victims.csv")}
    assert set().union(*used.values()) == set(sources())  # none missing, and none that nothing rests on
    for key, source in sources().items():
        assert source.body, key
        assert source.about, key
        assert source.read, key


def test_a_drug_has_one_strength_at_an_enzyme() -> None:
    assert len(effects()) == len({(e.drug, e.enzyme, e.kind) for e in effects()})


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
