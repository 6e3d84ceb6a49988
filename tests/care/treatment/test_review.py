from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as some

from pollux.care.treatment.finding import SEVERITIES
from pollux.care.treatment.guidance import drugs_covered
from pollux.care.treatment.medication import listed, medication
from pollux.care.treatment.organs import apixaban, kidney_findings, liver_findings
from pollux.care.treatment.review import Facts, Review, review, review_record
from pollux.record import Code, Event, Person, Record, Source
from pollux.record.kidney import Filtration
from pollux.record.liver import ChildPugh, Liver
from pollux.vocabulary import RXNORM
from tests.care.treatment.calls import call, one

AT = datetime(2026, 5, 1, tzinfo=UTC)
NORMAL = call("CYP2D6", one("*1/*1", "NM", 2.0))


def of(*names: str, facts: Facts | None = None, calls: tuple[object, ...] = ()) -> Review:
    return review([medication(name) for name in names], calls, facts, at=AT)  # type: ignore[arg-type]


def kidneys(formula: str, value: float | None, reason: str = "") -> dict[str, Filtration]:
    unit = "mL/min" if formula == "Cockcroft-Gault" else "mL/min/{1.73_m2}"
    return {formula: Filtration(formula, unit, value, reason)}  # type: ignore[arg-type]


def test_the_thin_way_through_gene_inhibitor_and_interaction() -> None:
    found = review(
        [medication(x) for x in ("codeine 30 mg", "paroxetine 20 mg", "simvastatin 40 mg", "clarithromycin", "Plavix")],
        [NORMAL, call("CYP2C19", one("*2/*2", "PM")), call("SLCO1B1", one("*1/*5", "Decreased Function"))],
        at=AT,
    )
    assert found.findings[0].severity == "contraindicated"
    assert set(found.findings[0].drugs) == {"simvastatin", "clarithromycin"}
    gene = [f for f in found.of("codeine") if f.kind == "gene"]
    assert [f.action for f in gene] == ["avoid"]
    assert any(f.action == "avoid" for f in found.of("clopidogrel"))


@pytest.mark.parametrize("others", [("paroxetine",), ("paroxetine", "duloxetine"), ("fluoxetine", "sertraline")])
def test_an_inhibitor_of_cyp2d6_counts_once_for_a_drug_whose_score_it_changed(others: tuple[str, ...]) -> None:
    found = of("codeine", *others, calls=(NORMAL,))
    of_codeine = found.of("codeine")
    assert len([f for f in of_codeine if any("CYP2D6" in reason for reason in f.because)]) == 1
    assert of_codeine[0].kind == "gene"


def test_a_drug_does_not_stand_against_its_own_advice() -> None:
    alone = of("paroxetine", calls=(NORMAL,)).of("paroxetine")
    assert not any("no rule for changing the score" in line for f in alone for line in f.unknown)
    beside = of("paroxetine", "quinidine", calls=(NORMAL,)).of("paroxetine")
    assert any("quinidine is a strong inhibitor" in line for f in beside for line in f.unknown)


def test_without_a_score_to_change_the_mechanism_speaks() -> None:
    found = of("codeine", "duloxetine")
    assert {f.kind for f in found.of("codeine")} == {"gene", "interaction"}


def test_what_is_not_recognised_is_shown_and_never_dropped() -> None:
    found = of("Wundermittel forte", "simvastatin")
    shown = [f for f in found.findings if f.kind == "not recognised"]
    assert [f.drugs for f in shown] == [("Wundermittel forte",)]
    assert len(found.medications) == 2


@pytest.mark.parametrize(
    ("medications", "said"),
    [(None, "medications are unknown: there is no list"), ([], "medications are unknown: the list is empty")],
)
def test_no_list_and_an_empty_list_are_unknown_and_not_none(medications: list[object] | None, said: str) -> None:
    assert said in review(medications, ()).unknown  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        (Facts(), "allergies are unknown: there is no list"),
        (Facts(allergies=()), "allergies are unknown: the list is empty"),
    ],
)
def test_allergies_nobody_wrote_down_are_unknown(facts: Facts, said: str) -> None:
    assert said in of("simvastatin", facts=facts).unknown


def test_only_a_statement_that_there_are_none_makes_allergies_none() -> None:
    said = of("simvastatin", facts=Facts(allergies=(), no_known_allergies=True)).unknown
    assert not any("allerg" in line for line in said)


@pytest.mark.parametrize(
    ("sex", "age", "unknown"), [("female", 30, True), ("", 30, True), ("male", 30, False), ("female", 70, False)]
)
def test_a_pregnancy_nobody_asked_for_is_unknown_in_whoever_may_bear_a_child(
    sex: str, age: float, unknown: bool
) -> None:
    lines = of("simvastatin", facts=Facts(sex=sex, age=age)).unknown
    assert any("pregnancy is unknown" in line for line in lines) is unknown


def test_drugs_of_which_no_guidance_is_held_are_named() -> None:
    assert of("ciprofloxacin", "codeine").silent == ("ciprofloxacin",)


@given(some.lists(some.sampled_from(drugs_covered()), min_size=1, max_size=8, unique=True), some.randoms())
def test_findings_come_gravest_first_in_an_order_that_the_list_does_not_decide(
    names: list[str], chance: object
) -> None:
    first = of(*names)
    ranks = [SEVERITIES.index(f.severity) for f in first.findings]
    assert ranks == sorted(ranks)
    chance.shuffle(names)  # type: ignore[attr-defined]
    assert set(of(*names).findings) == set(first.findings)


# Kidneys and liver


@pytest.mark.parametrize(
    ("value", "severity"), [(29.9, ["contraindicated"]), (30, ["serious"]), (44.9, ["serious"]), (45, [])]
)
def test_metformin_by_filtration_at_the_label_s_limits(value: float, severity: list[str]) -> None:
    found = kidney_findings(["metformin"], kidneys("CKD-EPI 2021", value))
    assert [f.severity for f in found] == severity
    assert all("CKD-EPI 2021" in f.because[0] for f in found)


def test_a_rule_asks_for_its_own_formula_and_takes_no_other() -> None:
    found = kidney_findings(["dabigatran"], kidneys("CKD-EPI 2021", 20))
    assert [f.action for f in found] == ["none"]
    assert found[0].unknown == ("Cockcroft-Gault: not worked out",)


def test_where_the_formula_abstains_the_rule_is_open_with_its_reason() -> None:
    found = kidney_findings(["dabigatran"], kidneys("Cockcroft-Gault", None, "not in steady state"))
    assert (found[0].action, found[0].certain) == ("none", False)
    assert "not in steady state" in found[0].unknown[0]


def test_liver_by_class_and_open_without_one() -> None:
    bad = Liver(ChildPugh(10, "C"), None)
    assert [f.action for f in liver_findings(["citalopram"], bad)] == ["dose"]
    assert [f.action for f in liver_findings(["citalopram"], Liver(ChildPugh(5, "A"), None))] == []
    assert not liver_findings(["citalopram"], None)[0].certain


@pytest.mark.parametrize(
    ("values", "action"),
    [((80, 60, 1.0), "dose"), ((79, 60, 1.4), "standard"), ((80, None, 1.0), "depends"), ((50, None, 1.0), "standard")],
)
def test_apixaban_needs_two_of_three(values: tuple[float | None, ...], action: str) -> None:
    assert apixaban(*values).action == action


# From a record


def record(*events: Event, sex: str = "female") -> Record:
    return Record(Person("p", birth_date="1990-01-01", sex_at_birth=sex), events)


def event(quantity: str, value: object, days: float = 10, end: float | None = None) -> Event:
    at = AT - timedelta(days=days)
    stop = AT - timedelta(days=end) if end is not None else None
    return Event(at, quantity, value, "", Source("fhir", "r"), learned=AT, end=stop)  # type: ignore[arg-type]


def test_a_record_s_list_is_read_by_code_and_by_name_and_what_ended_is_stopped() -> None:
    known = record(
        event("medication_request", Code(RXNORM, "36567", "Simvastatin 20 MG Oral Tablet")),
        event("medication_statement", "paroxetine", days=60, end=5),
        event("medication_request", Code("http://local", "77", "Geheimtropfen")),
    )
    entries = listed(known, AT)
    assert entries is not None
    assert {one_.drugs for one_ in entries} == {("simvastatin",), ("paroxetine",), ()}
    assert [bool(one_.stopped) for one_ in entries if one_.drugs == ("paroxetine",)] == [True]
    assert listed(record(), AT) is None


def test_a_stopped_inhibitor_may_still_work() -> None:
    known = record(event("medication_request", "codeine"), event("medication_statement", "paroxetine", days=60, end=5))
    found = review_record(known, [NORMAL], AT)
    assert [f.action for f in found.of("codeine") if f.kind == "gene"] == ["depends"]


def test_a_stated_absence_of_allergies_is_read_from_a_record() -> None:
    known = record(event("medication_request", "codeine"), event("allergy", Code("s", "1", "No known allergies")))
    assert not any("allergies" in line for line in review_record(known, (), AT).unknown)
    assert "allergies are unknown: there is no list" in review_record(record(), (), AT).unknown


@pytest.mark.parametrize("status", ["stopped", "completed"])
def test_what_was_stopped_without_saying_when_is_taken_no_more(status: str) -> None:
    source = Source("test", "file")
    said = Event(AT, "medication_request", Code("", "", "fluoxetine"), "", source, learned=AT, flags=(status,))
    (entry,) = listed(record(said), AT) or ()
    assert entry.drugs == ("fluoxetine",)
    assert entry.stopped == AT
