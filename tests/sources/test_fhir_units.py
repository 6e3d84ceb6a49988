"""Laboratory values of a FHIR record: units as they are written, and what kind of value a quantity has."""

import json

import pytest

from pollux.record import Event, Person, admit
from pollux.sources.fhir.quantity import UCUM
from tests.sources.conftest import LEARNED, Reads, ReadText
from tests.sources.examples import observation

LOINC = "http://loinc.org"


def loinc(code: str) -> dict[str, object]:
    return {"coding": [{"system": LOINC, "code": code}]}


def lab(code: str, **stated: object) -> str:
    resource = observation(code=loinc(code))
    del resource["valueQuantity"]
    return json.dumps(resource | stated)


def quantity(value: float, **unit: str) -> dict[str, object]:
    return {"valueQuantity": {"value": value, **unit}}


def at_the_door(found: Reads) -> list[str]:
    """What becomes of the events: the quantity and value in its own unit, or the reason of the quarantine."""
    passed = admit(Person("p1"), found.events, LEARNED)
    return [
        f"{item.quantity} {item.number():.5g}" if isinstance(item, Event) else item.finding.message for item in passed
    ]


@pytest.mark.parametrize(
    ("code", "value", "unit", "read_as"),
    [
        ("6690-2", 7.1, "K/uL", "leukocytes 7.1"),
        ("26464-8", 7.1, "x10(3)/mcL", "leukocytes 7.1"),
        ("789-8", 4.6, "M/uL", "erythrocytes 4.6"),
        ("777-3", 233, "thou/uL", "platelets 233"),
        ("751-8", 4100, "cells/uL", "neutrophils 4.1"),
        ("8867-4", 71, "beats per minute", "heart_rate 71"),
        ("9279-1", 14, "breaths/min", "respiratory_rate 14"),
        ("98979-8", 64, "mL/min/1.73 m2", "egfr 64"),
        ("8302-2", 5.5, "ft", "body_height 167.64"),
        ("8310-5", 98.6, "deg F", "body_temperature 37"),
        ("2571-8", 1.7, "mmol/L", "triglycerides 150.53"),
        ("14927-8", 1.7, "mmol/L", "triglycerides 150.53"),
        ("2823-3", 4.1, "mEq/L", "potassium 4.1"),
        ("17861-6", 5.0, "mEq/L", "calcium 10.02"),
        ("22664-7", 5.2, "mmol/L", "urea 5.2"),
        ("3094-0", 5.2, "mmol/L", "urea_nitrogen 14.567"),
        ("1742-6", 30, "IU/L", "alanine_aminotransferase 30"),
        ("3016-3", 2.1, "uIU/mL", "thyrotropin 2.1"),
        ("32294-1", 3.0, "mg/mmol", "albumin_creatinine_ratio 26.521"),
        ("10230-1", 55, "%", "ejection_fraction 55"),
        ("38265-5", -2.6, "{T-score}", "bone_density_t_score -2.6"),
        ("20447-9", 40, "copies/mL", "hiv_rna 40"),
    ],
)
def test_a_unit_as_laboratories_write_it_is_read(
    code: str, value: float, unit: str, read_as: str, reads: ReadText
) -> None:
    found = reads(lab(code, **quantity(value, unit=unit)))
    assert found.reasons == []
    assert at_the_door(found) == [read_as]


@pytest.mark.parametrize(
    ("code", "unit", "reason"),
    [
        ("6690-2", "m/uL", "Leukocytes in blood has an unknown unit 'm/uL'"),
        ("2160-0", "mg%", "Creatinine in blood serum or plasma has an unknown unit 'mg%'"),
        ("718-7", "G/L", "Haemoglobin in blood has an unknown unit 'G/L'"),
        ("2951-2", "as told by Mrs Miller", "Sodium in blood serum or plasma has an unknown unit"),
        ("2951-2", "mg/dL/h", "Sodium in blood serum or plasma has an unknown unit 'mg/dL/h'"),
        ("8302-2", "kg", "kg (mass) cannot be turned into cm (length)"),
    ],
)
def test_a_refusal_names_the_unit(code: str, unit: str, reason: str, reads: ReadText) -> None:
    assert at_the_door(reads(lab(code, **quantity(7.1, unit=unit)))) == [reason]


def test_a_code_that_is_not_known_is_told_with_its_unit(reads: ReadText) -> None:
    found = reads(lab("99999-9", **quantity(7.1, unit="K/uL")))
    assert found.reasons == ["no quantity has the code http://loinc.org|99999-9 (in 10*3/uL)"]


@pytest.mark.parametrize(
    ("code", "text", "coded", "reason"),
    [
        (
            "2345-7",
            "mg/dL",
            "mmol/L",
            "Blood glucose (finger or laboratory): its unit is written as mg/dL and coded as mmol/L",
        ),
        ("29463-7", "lb", "kg", "Body weight: its unit is written as [lb_av] and coded as kg"),
        ("8310-5", "F", "Cel", "Body temperature: its unit is written as [degF] and coded as Cel"),
        ("789-8", "K/uL", "10*6/uL", "Erythrocytes in blood: its unit is written as 10*3/uL and coded as 10*6/uL"),
    ],
)
def test_a_text_that_contradicts_the_code_is_not_preferred_nor_passed_over(
    code: str, text: str, coded: str, reason: str, reads: ReadText
) -> None:
    found = reads(lab(code, **quantity(7.1, unit=text, system=UCUM, code=coded)))
    assert (found.events, found.reasons) == ([], [reason])


@pytest.mark.parametrize(
    ("code", "text", "coded"),
    [
        ("6690-2", "K/uL", "10*9/L"),
        ("2276-4", "ng/mL", "ug/L"),
        ("8867-4", "beats/min", "/min"),
        ("718-7", "grams per deci", "g/dL"),
    ],
)
def test_a_text_that_says_the_same_or_nothing_known_leaves_the_code(
    code: str, text: str, coded: str, reads: ReadText
) -> None:
    found = reads(lab(code, **quantity(12, unit=text, system=UCUM, code=coded)))
    assert [(event.unit, event.value) for event in found.events] == [(coded, 12.0)]


@pytest.mark.parametrize(
    ("unit", "read_as"),
    [("mL/min/{1.73_m2}", "egfr"), ("mL/min/1.73m2", "egfr"), ("mL/min", "filtration_unsaid_surface")],
)
def test_a_filtration_in_ml_min_is_not_taken_for_one_of_a_surface(unit: str, read_as: str, reads: ReadText) -> None:
    found = reads(lab("33914-3", **quantity(64, unit=unit)))
    assert [event.quantity for event in found.events] == [read_as]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ({"valueCodeableConcept": {"text": "high"}}, "(valueCodeableConcept)"),
        ({"valueString": "4.1"}, "(valueString)"),
        ({"valueBoolean": True}, "(valueBoolean)"),
        ({"valueInteger": 4}, "(valueInteger)"),
        ({"valueRange": {"low": {"value": 3}}}, "(valueRange)"),
    ],
)
def test_a_number_stated_otherwise_is_told(value: dict[str, object], reason: str, reads: ReadText) -> None:
    found = reads(lab("2823-3", **value))
    what = f"Potassium in blood serum or plasma is a number, and its value is stated otherwise {reason}"
    assert (found.events, found.reasons) == ([], [what])


@pytest.mark.parametrize(
    ("code", "value", "quantity_name"),
    [
        ("44261-6", {"valueInteger": 7}, "phq_9_score"),
        ("44261-6", {"valueQuantity": {"value": 7}}, "phq_9_score"),
        ("6301-6", {"valueQuantity": {"value": 2.1}}, "inr"),
        ("2744-1", {"valueQuantity": {"value": 7.38}}, "arterial_ph"),
    ],
)
def test_a_bare_number_is_read_where_it_can_mean_one_thing(
    code: str, value: dict[str, object], quantity_name: str, reads: ReadText
) -> None:
    (said,) = at_the_door(reads(lab(code, **value)))
    assert said.split()[0] == quantity_name


def test_a_bare_number_of_what_has_a_unit_is_no_value(reads: ReadText) -> None:
    said = at_the_door(reads(lab("2823-3", **quantity(4.1))))
    assert said == ["Potassium in blood serum or plasma needs a unit such as mmol/L"]


@pytest.mark.parametrize(
    ("code", "value", "said"),
    [
        ("5802-4", {"valueCodeableConcept": {"text": "Negative"}}, "Negative"),
        (
            "93038-8",
            {"valueCodeableConcept": {"coding": [{"system": LOINC, "code": "LA6752-5", "display": "A little bit"}]}},
            "A little bit",
        ),
        ("5778-6", {"valueString": "yellow"}, "yellow"),
        ("93027-1", {"valueBoolean": False}, "False"),
    ],
)
def test_answers_and_texts_are_events(code: str, value: dict[str, object], said: str, reads: ReadText) -> None:
    found = reads(lab(code, **value))
    (event,) = found.events
    assert getattr(event.value, "display", event.value) == said


def test_two_laboratories_at_one_instant_are_two_events(reads: ReadText) -> None:
    one = json.loads(lab("2823-3", **quantity(4.1, unit="mmol/L"))) | {"id": "k1"}
    other = json.loads(lab("2823-3", **quantity(5.9, unit="mmol/L"))) | {"id": "k2"}
    found = reads(f"{json.dumps(one)}\n{json.dumps(other)}\n")
    assert {event.id: event.value for event in found.events} == {"Observation/k1": 4.1, "Observation/k2": 5.9}
    assert len({event.time for event in found.events}) == 1
