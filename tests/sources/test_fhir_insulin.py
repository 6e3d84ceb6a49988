"""Insulin given is a dose where nothing about it is guessed, and always a coded event."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from pollux.record import Code
from pollux.sources import read
from pollux.store import Store
from pollux.vocabulary import ATC, RXNORM, SNOMED
from tests.sources.conftest import LEARNED, Reads, ReadText
from tests.sources.examples import bundle

GLARGINE, LISPRO = {"system": RXNORM, "code": "274783"}, {"system": ATC, "code": "A10AB04"}
UNITS = {"value": 4.5, "unit": "U", "system": "http://unitsofmeasure.org", "code": "U"}
UNDER_THE_SKIN = {"coding": [{"system": SNOMED, "code": "34206005"}]}


def given(*codings: dict[str, str], text: str = "", **more: Any) -> dict[str, object]:
    concept: dict[str, object] = {"coding": list(codings)} if codings else {}
    if text:
        concept["text"] = text
    resource = {
        "resourceType": "MedicationAdministration",
        "id": "m",
        "status": "completed",
        "subject": {"reference": "Patient/p1"},
        "medicationCodeableConcept": concept,
        "effectiveDateTime": "2026-01-01T12:30:00+01:00",
        "dosage": {"dose": UNITS},
        **more,
    }
    return {name: value for name, value in resource.items() if value is not None}


def dosage(found: Reads) -> list[tuple[str, object, str]]:
    return [(e.quantity, e.value, e.unit) for e in found.events if e.quantity != "medication_administration"]


@pytest.mark.parametrize(
    ("codings", "quantity"),
    [
        ([LISPRO], "insulin_bolus"),
        ([{"system": RXNORM, "code": "86009"}], "insulin_bolus"),
        ([{"system": SNOMED, "code": "325072002", "display": "Insulin aspart"}], "insulin_bolus"),
        ([{"system": ATC, "code": "A10AB01"}], "insulin_bolus"),
        ([GLARGINE], "insulin_long_acting"),
        ([{"system": SNOMED, "code": "411529005"}, {"system": ATC, "code": "A10AE04"}], "insulin_long_acting"),
        ([{"system": ATC, "code": "A10AC01"}], "insulin_long_acting"),
    ],
)
def test_a_coded_insulin_is_a_dose_beside_its_coded_event(
    codings: list[dict[str, str]], quantity: str, reads: ReadText
) -> None:
    found = reads(json.dumps(given(*codings)))
    assert found.reasons == []
    coded, dose = found.events
    assert isinstance(coded.value, Code)
    assert (dose.quantity, dose.value, dose.unit, dose.flags) == (quantity, 4.5, "U", ())
    assert (dose.id, coded.id) == ("MedicationAdministration/m#dose", "MedicationAdministration/m")
    assert f"{dose.time:%Y-%m-%dT%H:%M}" == "2026-01-01T11:30"


def test_an_insulin_known_by_its_text_alone_is_flagged(reads: ReadText) -> None:
    for text, quantity in (("Insulin lispro (HumaLOG)", "insulin_bolus"), ("Tresiba FlexTouch", "insulin_long_acting")):
        found = reads(json.dumps(given(text=text)))
        assert dosage(found) == [(quantity, 4.5, "U")]
        assert found.events[-1].flags == ("insulin known by its text",)


@pytest.mark.parametrize(
    ("resource", "reason"),
    [
        (given(text="Insulin"), "which kind of insulin it is cannot be told, so that it is no dose"),
        (given({"system": "http://example.org", "code": "ins"}, text="Insulin, sliding scale"),
         "which kind of insulin it is cannot be told, so that it is no dose"),
        (given({"system": ATC, "code": "A10AD05"}), "premixed insulin: neither a bolus nor a long-acting dose"),
        (given(text="Novolin 70/30 NPH"),
         "isophane insulin (NPH) and premixed insulin: neither a bolus nor a long-acting dose"),
        (given(LISPRO, text="Lantus"),
         "insulin lispro and insulin glargine: neither a bolus nor a long-acting dose"),
        (given(LISPRO, text="Humalog Mix 75/25"),
         "insulin lispro and premixed insulin: neither a bolus nor a long-acting dose"),
        (given(LISPRO, dosage=None), "how much insulin was given is not stated"),
        (given(LISPRO, dosage={"dose": {"value": 0.1, "unit": "mL"}}),
         "the insulin is stated in mL, not in units of insulin"),
        (given(LISPRO, dosage={"dose": UNITS, "rateQuantity": {"value": 2, "unit": "U/h"}}),
         "the insulin was given at a rate, which is not read as a dose"),
        (given(LISPRO, dosage={"dose": UNITS, "route": {"text": "Intravenous"}}),
         "the insulin was not given under the skin"),
        (given(LISPRO, effectiveDateTime="2026-01-01"),
         "it does not say at what time of day the insulin was given"),
        (given(LISPRO, status="in-progress"), "the insulin is in-progress, and only what is completed is a dose"),
    ],
)  # fmt: skip
def test_what_would_have_to_be_guessed_is_told_and_the_coded_event_stays(
    resource: dict[str, object], reason: str, reads: ReadText
) -> None:
    found = reads(json.dumps(resource))
    assert [event.quantity for event in found.events] == ["medication_administration"]
    assert found.reasons == [reason]
    assert found.quarantined[0].document == "MedicationAdministration/m"
    assert found.quarantined[0].finding.action == "quarantine"


@pytest.mark.parametrize("written", ["U", "[IU]", "[iU]", "units", "Units", "IU"])
def test_units_of_insulin_are_written_in_many_ways(written: str, reads: ReadText) -> None:
    dose = {"dose": {"value": 8, "unit": written}, "route": UNDER_THE_SKIN}
    (_, event) = reads(json.dumps(given(GLARGINE, dosage=dose))).events
    assert event.number() == 8.0


def test_a_dose_over_a_while_keeps_its_end(reads: ReadText) -> None:
    period = {"start": "2026-01-01T12:30:00Z", "end": "2026-01-01T13:00:00Z"}
    event = reads(json.dumps(given(LISPRO, effectiveDateTime=None, effectivePeriod=period))).events[-1]
    assert event.end is not None
    assert (event.end - event.time).seconds == 1800


def test_an_insulin_that_is_referred_to_is_found(reads: ReadText) -> None:
    medication: dict[str, object] = {"resourceType": "Medication", "id": "med", "code": {"coding": [GLARGINE]}}
    referred = given(medicationCodeableConcept=None, medicationReference={"reference": "Medication/med"})
    assert dosage(reads(bundle(referred, medication))) == [("insulin_long_acting", 4.5, "U")]
    assert dosage(reads("\n".join(json.dumps(r) for r in (medication, referred)))) == [
        ("insulin_long_acting", 4.5, "U")
    ]


@pytest.mark.parametrize("status", ["not-done", "entered-in-error"])
def test_what_was_not_given_is_no_dose(status: str, reads: ReadText) -> None:
    found = reads(json.dumps(given(LISPRO, status=status)))
    assert dosage(found) == []
    assert found.events[0].retracted
    assert found.reasons == []


def test_other_medicines_are_no_doses_and_nothing_is_said_of_them(reads: ReadText) -> None:
    for text in ("Metformin 500 mg", "Mecasermin (insulin-like growth factor)"):
        found = reads(json.dumps(given(text=text)))
        assert [event.quantity for event in found.events] == ["medication_administration"]
        assert found.reasons == []


def test_a_dose_that_turns_out_an_error_stands_no_longer(tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    with Store.open(tmp_path / "store.db") as store:
        for day, resource in enumerate((given(LISPRO), given(LISPRO, status="entered-in-error"))):
            path.write_text(json.dumps(resource))
            now = LEARNED + timedelta(days=day)
            store.take(read(path, learned=now), now)
            doses = store.record("p1").of("insulin_bolus")
            assert [event.value for event in doses] == ([4.5] if day == 0 else [])
