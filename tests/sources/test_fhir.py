"""FHIR R4: resources as events, references, partial dates, what is not valid."""

import json
from collections import Counter
from typing import Any

import pytest

from pollux.errors import RefusedInput
from pollux.record import Code, Event, Person
from pollux.sources.fhir.references import Links, person_of
from tests.sources.conftest import Reads, ReadText
from tests.sources.examples import bundle, observation, patient

SUBJECT = {"reference": "Patient/p1"}
SNOMED = "http://snomed.info/sct"


def coded(code: str, system: str = SNOMED) -> dict[str, object]:
    return {"coding": [{"system": system, "code": code, "display": "shown"}]}


def one(found: Reads) -> Event:
    assert found.reasons == []
    (event,) = found.events
    return event


def read_one(reads: ReadText, **resource: object) -> Reads:
    return reads(json.dumps({"id": "x", **resource}))


def test_a_patient_becomes_a_person(reads: ReadText) -> None:
    us_core = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-"
    race = {"url": us_core + "race", "extension": [{"url": "text", "valueString": "Asian"}]}
    sex = {"url": us_core + "birthsex", "valueCode": "F"}
    found = reads(json.dumps(patient(extension=[race, sex], deceasedDateTime="2020-03")), timezone="Europe/Berlin")
    people = [entry.item for entry in found.entries if isinstance(entry.item, Person)]
    assert people == [Person("p1", "1964-06-15", "female", "female", "Asian", "Europe/Berlin")]
    death = one(found)
    assert (death.quantity, death.precision, death.id) == ("death", "month", "Patient/p1#death")


def test_a_measurement_takes_the_ucum_code_before_the_text_and_its_time_in_utc(reads: ReadText) -> None:
    event = one(reads(json.dumps(observation())))
    assert (event.quantity, event.value, event.unit) == ("body_weight", 70.5, "kg")
    assert event.time.isoformat() == "2025-05-01T08:00:00+00:00"
    assert (event.id, event.source.place) == ("Observation/o1", "line 1")


def test_a_comparator_is_kept(reads: ReadText) -> None:
    value = {"value": 15, "unit": "%", "comparator": ">"}
    event = one(reads(json.dumps(observation(code=coded("4548-4", "http://loinc.org"), valueQuantity=value))))
    assert (event.quantity, event.comparator, event.unit) == ("hba1c", ">", "%")


def hba1c(code: str, value: float, unit: str) -> str:
    quantity = {"value": value, "unit": unit, "system": "http://unitsofmeasure.org", "code": unit}
    return json.dumps(observation(code=coded(code, "http://loinc.org"), valueQuantity=quantity))


@pytest.mark.parametrize("code", ["4548-4", "59261-8"])
def test_hba1c_in_mmol_per_mol_is_the_same_quantity(code: str, reads: ReadText) -> None:
    event = one(reads(hba1c(code, 48, "mmol/mol")))
    assert (event.quantity, event.value, event.unit) == ("hba1c", 48.0, "mmol/mol")
    assert event.number() == pytest.approx(6.54304, rel=1e-12)


def test_a_percentage_on_the_other_scale_has_two_readings_and_is_quarantined(reads: ReadText) -> None:
    found = reads(hba1c("59261-8", 4.8, "%"))
    assert found.events == []
    assert found.reasons == ["Haemoglobin A1c under the code 59261-8 has another scale in %; it is read in mmol/mol"]


@pytest.mark.parametrize(
    ("code", "unit"),
    [("14749-6", "mmol/L"), ("14743-9", "mmol/L"), ("15074-8", "mmol/L"), ("77145-1", "mmol/L"), ("2341-6", "mg/dL"),
     ("1558-6", "mg/dL")],
)  # fmt: skip
def test_glucose_has_many_codes_and_two_units(code: str, unit: str, reads: ReadText) -> None:
    event = one(reads(hba1c(code, 90 if unit == "mg/dL" else 5, unit)))
    assert event.quantity == "blood_glucose"
    assert event.number() == pytest.approx(90, abs=0.1)


def test_components_are_events_of_their_own(reads: ReadText) -> None:
    loinc = "http://loinc.org"
    pressure = observation(
        code=coded("85354-9", loinc),
        component=[
            {"code": coded("8480-6", loinc), "valueQuantity": {"value": 120, "unit": "mm[Hg]"}},
            {"code": coded("8462-4", loinc), "valueQuantity": {"value": 80, "unit": "mm[Hg]"}},
        ],
    )
    del pressure["valueQuantity"]
    found = reads(json.dumps(pressure))
    assert {event.id: event.value for event in found.events} == {
        "Observation/o1#8480-6": 120.0,
        "Observation/o1#8462-4": 80.0,
    }


@pytest.mark.parametrize(
    ("stated", "time", "precision"),
    [
        ("2019", "2019-01-01T00:00", "year"),
        ("2019-03", "2019-03-01T00:00", "month"),
        ("2019-03-01", "2019-03-01T00:00", "day"),
        ("2019-03-01T10:00:00Z", "2019-03-01T10:00", "second"),
        ("2019-03-01T10:00:00.123456789+02:00", "2019-03-01T08:00", "second"),
        ("2016-12-31T23:59:60Z", "2017-01-01T00:00", "second"),
    ],
)
def test_partial_dates_keep_what_was_stated(stated: str, time: str, precision: str, reads: ReadText) -> None:
    event = one(reads(json.dumps(observation(effectiveDateTime=stated)), timezone="Europe/Berlin"))
    assert (f"{event.time:%Y-%m-%dT%H:%M}", event.precision) == (time, precision)


@pytest.mark.parametrize(
    ("resource", "quantity", "time"),
    [
        ({"resourceType": "Condition", "code": coded("44054006"), "subject": SUBJECT, "onsetDateTime": "2020-01-01",
          "clinicalStatus": coded("active", "x")}, "condition", "2020-01-01"),
        ({"resourceType": "MedicationRequest", "status": "active", "intent": "order", "subject": SUBJECT,
          "medicationCodeableConcept": coded("1"), "authoredOn": "2020-01-02"}, "medication_request", "2020-01-02"),
        ({"resourceType": "MedicationStatement", "status": "active", "subject": SUBJECT,
          "medicationCodeableConcept": coded("1"), "effectivePeriod": {"start": "2020-01-03"}},
         "medication_statement", "2020-01-03"),
        ({"resourceType": "MedicationAdministration", "status": "completed", "subject": SUBJECT,
          "medicationCodeableConcept": coded("1"), "effectiveDateTime": "2020-01-04"},
         "medication_administration", "2020-01-04"),
        ({"resourceType": "MedicationDispense", "status": "completed", "subject": SUBJECT,
          "medicationCodeableConcept": coded("1"), "whenHandedOver": "2020-01-05"},
         "medication_dispense", "2020-01-05"),
        ({"resourceType": "AllergyIntolerance", "patient": SUBJECT, "code": coded("1"), "recordedDate": "2020-01-06"},
         "allergy", "2020-01-06"),
        ({"resourceType": "Procedure", "status": "completed", "subject": SUBJECT, "code": coded("1"),
          "performedPeriod": {"start": "2020-01-07", "end": "2020-01-08"}}, "procedure", "2020-01-07"),
        ({"resourceType": "Encounter", "status": "finished", "subject": SUBJECT, "class": {"code": "AMB"},
          "period": {"start": "2020-01-08"}}, "encounter", "2020-01-08"),
        ({"resourceType": "Immunization", "status": "completed", "patient": SUBJECT, "vaccineCode": coded("1"),
          "occurrenceDateTime": "2020-01-09"}, "immunization", "2020-01-09"),
        ({"resourceType": "DiagnosticReport", "status": "final", "subject": SUBJECT, "code": coded("1"),
          "effectiveDateTime": "2020-01-10"}, "diagnostic_report", "2020-01-10"),
        ({"resourceType": "Device", "patient": SUBJECT, "type": coded("1"), "manufactureDate": "2020-01-11"},
         "device", "2020-01-11"),
        ({"resourceType": "Consent", "status": "active", "patient": SUBJECT, "scope": coded("1"),
          "category": [coded("2")], "dateTime": "2020-01-12"}, "consent", "2020-01-12"),
        ({"resourceType": "CarePlan", "status": "active", "intent": "plan", "subject": SUBJECT, "title": "walk",
          "period": {"start": "2020-01-13"}}, "care_plan", "2020-01-13"),
    ],
    ids=lambda value: value if isinstance(value, str) and value[0].isalpha() else "",
)  # fmt: skip
def test_each_kind_of_statement_becomes_an_event(
    resource: dict[str, object], quantity: str, time: str, reads: ReadText
) -> None:
    event = one(read_one(reads, **resource))
    assert (event.quantity, f"{event.time:%Y-%m-%d}") == (quantity, time)
    assert isinstance(event.value, Code)
    assert event.id == f"{resource['resourceType']}/x"


@pytest.mark.parametrize("status", ["entered-in-error", "cancelled"])
def test_a_measurement_entered_in_error_is_taken_back(status: str, reads: ReadText) -> None:
    assert one(reads(json.dumps(observation(status=status)))).retracted


def test_a_preliminary_value_is_flagged(reads: ReadText) -> None:
    assert one(reads(json.dumps(observation(status="preliminary")))).flags == ("preliminary",)


def test_what_was_not_done_or_was_refuted_leaves_no_standing_event(reads: ReadText) -> None:
    refuted = {"resourceType": "Condition", "code": coded("1"), "subject": SUBJECT, "onsetDateTime": "2020",
               "verificationStatus": coded("refuted", "x")}  # fmt: skip
    assert one(read_one(reads, **refuted)).retracted
    undone = {"resourceType": "Immunization", "status": "not-done", "patient": SUBJECT, "vaccineCode": coded("1"),
              "occurrenceDateTime": "2020"}  # fmt: skip
    assert one(read_one(reads, **undone)).retracted


def whose(found: Reads) -> set[str]:
    return {entry.person for entry in found.entries if isinstance(entry.item, Event)}


@pytest.mark.parametrize(
    "reference",
    ["Patient/p1", "Patient/p1/_history/2", "http://example.org/Patient/p1", "https://elsewhere.org/fhir/Patient/p1"],
)
def test_a_subject_is_found_by_type_and_id(reference: str, reads: ReadText) -> None:
    assert whose(reads(bundle(patient(), observation(subject={"reference": reference})))) == {"p1"}


def test_a_subject_is_found_by_its_urn_even_when_the_patient_comes_last(reads: ReadText) -> None:
    urn = "urn:uuid:0b0c4ad5-6f0e-4d9b-8b5e-0d9f6f6f6f6f"
    entries = [
        {
            "fullUrl": "urn:uuid:1b0c4ad5-6f0e-4d9b-8b5e-0d9f6f6f6f6f",
            "resource": observation(subject={"reference": urn}),
        },
        {"fullUrl": urn, "resource": patient(id="other-name")},
    ]
    found = reads(json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries}))
    assert whose(found) == {"other-name"}


def test_a_resource_without_an_id_is_named_by_its_urn(reads: ReadText) -> None:
    urn = "urn:uuid:0b0c4ad5-6f0e-4d9b-8b5e-0d9f6f6f6f6f"
    weight = observation()
    del weight["id"]
    entries = [{"fullUrl": urn, "resource": weight}]
    found = reads(json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries}))
    assert found.documents[0].id == urn[9:]


def test_a_medication_is_looked_up_in_the_resource_and_in_the_bundle(reads: ReadText) -> None:
    request = {"resourceType": "MedicationRequest", "id": "m", "status": "active", "intent": "order",
               "subject": SUBJECT, "authoredOn": "2020"}  # fmt: skip
    medication: dict[str, object] = {"resourceType": "Medication", "id": "med", "code": coded("860975")}
    contained = {**request, "contained": [medication], "medicationReference": {"reference": "#med"}}
    referred = {**request, "medicationReference": {"reference": "Medication/med"}}
    for found in (reads(json.dumps(contained)), reads(bundle(referred, medication))):
        assert one(found).value == Code(SNOMED, "860975", "shown")


@pytest.mark.parametrize(
    ("subject", "reason"),
    [
        ({"reference": "urn:uuid:00000000-0000-0000-0000-000000000000"}, "its subject cannot be found"),
        ({"reference": "Patient?identifier=1"}, "its subject cannot be found"),
        ({"reference": "Group/1"}, "its subject is a Group"),
        ({"identifier": {"value": "1"}}, "its subject is named without a reference"),
    ],
)
def test_what_is_nobodys_is_kept_and_said(subject: dict[str, object], reason: str, reads: ReadText) -> None:
    found = reads(json.dumps(observation(subject=subject)))
    assert found.reasons == [reason]
    assert len(found.documents) == 1


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"code": coded("0-0", "http://loinc.org")}, "no quantity has the code http://loinc.org|0-0 (in kg)"),
        ({"effectiveDateTime": None}, "it does not say when it was measured"),
        ({"valueQuantity": None, "dataAbsentReason": coded("unknown", "x")}, "Body weight is absent: unknown"),
    ],
)
def test_what_cannot_be_an_event_is_quarantined_beside_its_document(
    change: dict[str, object], reason: str, reads: ReadText
) -> None:
    resource = {name: value for name, value in observation(**change).items() if value is not None}
    found = reads(json.dumps(resource))
    assert found.reasons == [reason]
    assert found.quarantined[0].document == "Observation/o1"
    assert found.documents[0].content == json.dumps(resource).encode()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"status": "finished"}, "Observation.status must be one of registered, preliminary, final, amended, "
         "corrected, cancelled, entered-in-error, unknown"),
        ({"status": None}, "Observation.status is required"),
        ({"colour": "blue"}, "Observation has no element colour"),
        ({"effectiveDateTime": "2019-02-30"}, "Observation states a day that no calendar has"),
        ({"category": []}, "Observation.category is empty; leave it out"),
        ({"valueQuantity": {"value": "70"}}, "Observation.valueQuantity.value must be of type number"),
        ({"text": {"status": "generated", "div": "<div><script>1</script></div>"}},
         "Observation.text.div must not have the element script"),
        ({"effectiveDateTime": None, "effectivePeriod": {"start": "2020-01-02", "end": "2020-01-01"}},
         "Observation.effectivePeriod ends before it begins (per-1)"),
        ({"contained": [{"resourceType": "Device", "id": "d"}]},
         "Observation.contained[0] is not referred to by the resource around it"),
        ({"extension": [{"url": "http://example.org/x"}]},
         "Observation.extension[0] must have a value or extensions (ext-1)"),
    ],
)  # fmt: skip
def test_an_invalid_resource_is_quarantined_with_one_clear_sentence(
    change: dict[str, object], reason: str, reads: ReadText
) -> None:
    resource = {name: value for name, value in observation(**change).items() if value is not None}
    found = reads(bundle(patient(), resource))
    assert reason in found.reasons
    assert found.quarantined[-1].finding.rule == "invalid resource"
    assert "Bundle.entry[1]" in found.quarantined[-1].finding.where
    assert found.events == []
    assert len(found.documents) == 2


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            '{"resourceType": "Patient",\n "id": "p1",}',
            r"this is not JSON: trailing comma is not allowed \[file line 2",
        ),
        (
            '{"resourceType": "Patient", "id": "p1", "id": "p2"}',
            r"the same name stands twice in one object \[file line 1",
        ),
        (
            '{"resourceType": "Patient", "multipleBirthInteger": NaN}',
            r"this is not JSON: .* \[file line 1, column 53\]",
        ),
        ('{"resourceType": "Patient", // who\n "id": "p1"}', r"this is not JSON: .*line 1, column 29"),
        ('{"resourceType": "Patient", "id": "p1"', r"the file ends before this value is closed \[file line 1"),
        (
            '{"resourceType": "Bundle", "entry": [{"resource": {"resourceType": "Patient"}}',
            "the file ends in the middle",
        ),
        ('{"resourceType": "Bundle", "entry": [,]}', "a value should stand here"),
        ('{"resourceType": "Patient"} and more', r"a resource in \{\} should stand here \[file line 1, column 29"),
        ('{"resourceType": "Patient", "extension": ' + "[" * 5000, "brackets are nested more than 120 deep"),
        ('{"resourceType": "Patient", "multipleBirthInteger": 1e999}', "a number is larger than a number can be"),
    ],
)
def test_what_is_not_json_refuses_the_file_with_the_place(text: str, sentence: str, reads: ReadText) -> None:
    with pytest.raises(RefusedInput, match=sentence):
        reads(text)


def test_a_resource_is_kept_byte_for_byte(reads: ReadText) -> None:
    raw = '{ "resourceType" : "Observation",\n\t"id":"o1", "status":"final", '
    raw += '"code": {"text":"caf\\u00e9 \\/ x"},  "valueQuantity":{"value":1.50}}'
    content = '{"resourceType": "Bundle", "type": "collection", "entry": [ { "resource": ' + raw + " } ]}"
    assert reads(content).documents[0].content == raw.encode()
    assert reads(raw).documents[0].content == raw.encode()


def test_unknown_resource_types_are_kept(reads: ReadText) -> None:
    found = reads(
        '{"resourceType": "Horoscope", "id": "h1"}\n{"resourceType": "Basic", "id": "b", "code": {"text": "x"}}'
    )
    assert [(document.name, document.understood) for document in found.documents] == [
        ("Horoscope/h1", False),
        ("Basic/b", False),
    ]
    assert found.reasons == []


def test_extensions_on_single_values_of_a_list_are_allowed(reads: ReadText) -> None:
    name = {"given": ["Ada", None], "_given": [None, {"extension": [{"url": "http://x.org/a", "valueString": "b"}]}]}
    assert reads(json.dumps(patient(name=[name]))).reasons == []


@pytest.mark.parametrize(
    ("whole", "reason"),
    [
        ({"type": "collection", "total": 1}, "Bundle.total must only be in a searchset or a history (bdl-1)"),
        ({"type": "potpourri"}, "Bundle.type must be one of document, message, transaction, transaction-response, "
         "batch, batch-response, history, searchset, collection"),
        ({"type": "transaction"}, "Bundle.entry[0].request must be in a transaction (bdl-3)"),
        ({"type": "collection", "entry": [{"fullUrl": "Patient/p1", "resource": patient()}]},
         "Bundle.entry[0].fullUrl must be absolute"),
        ({"type": "collection", "entry": [{"fullUrl": "http://x.org/Patient/p2", "resource": patient()}]},
         "Bundle.entry[0].fullUrl does not end in the id of its resource"),
        ({"type": "collection", "entry": [{"fullUrl": "urn:x:1", "resource": patient()}] * 2},
         "its fullUrl stands twice in the bundle"),
    ],
)  # fmt: skip
def test_a_bundle_that_breaks_its_own_rules_is_told_and_its_resources_still_come_in(
    whole: dict[str, Any], reason: str, reads: ReadText
) -> None:
    entry = {"fullUrl": "http://x.org/Patient/p1", "resource": patient()}
    found = reads(json.dumps({"resourceType": "Bundle", "entry": [entry], **whole}))
    assert reason in found.reasons
    assert Counter(document.name for document in found.documents)["Patient/p1"] >= 1


def test_one_number_that_no_computer_holds_costs_one_resource(reads: ReadText) -> None:
    content = bundle(patient(), observation(), observation(id="o2")).replace(b"70.5", b"1e999", 1)
    found = reads(content)
    assert [event.id for event in found.events] == ["Observation/o2"]
    assert found.reasons == ["a number is larger than a number can be"]
    assert "Bundle.entry[1]" in found.quarantined[0].finding.where
    assert "1e999" in found.quarantined[0].document


@pytest.mark.parametrize(
    "about",
    [
        {"resourceType": "Task", "for": {"reference": "Patient/p1"}},
        {"resourceType": "Account", "subject": [{"reference": "Patient/p1"}]},
        {"resourceType": "Appointment", "participant": [
            {"actor": {"reference": "Practitioner/d"}}, {"actor": {"reference": "Patient/p1"}}]},
        {"resourceType": "Flag", "subject": {"reference": "Patient/p1"}},
    ],
)  # fmt: skip
def test_whatever_names_a_patient_is_kept_with_them(about: dict[str, Any]) -> None:
    assert person_of(about, Links())[0] == "p1"


def test_two_patients_of_one_appointment_are_no_ones_record() -> None:
    both = [{"actor": {"reference": f"Patient/p{i}"}} for i in (1, 2)]
    assert person_of({"resourceType": "Appointment", "participant": both}, Links())[0] == ""


@pytest.mark.parametrize(
    ("kind", "text", "flag"),
    [
        ("AllergyIntolerance", "Not allergic to penicillin", "negated"),
        ("AllergyIntolerance", "No known allergies", ""),
        ("AllergyIntolerance", "penicillin", ""),
        ("Condition", "No diabetes", "negated"),
        ("Condition", "Family history of diabetes", "of another"),
        ("Condition", "Diabetes", ""),
        ("MedicationStatement", "fluoxetine, no longer on it", "may be stopped"),
        ("MedicationStatement", "fluoxetine", ""),
    ],
)
def test_a_text_that_speaks_against_what_it_stands_among_is_flagged(
    kind: str, text: str, flag: str, reads: ReadText
) -> None:
    whose = "patient" if kind == "AllergyIntolerance" else "subject"
    code = "medicationCodeableConcept" if kind == "MedicationStatement" else "code"
    more = {"status": "active", "effectiveDateTime": "2026-01-01"} if kind == "MedicationStatement" else {}
    more |= {"recordedDate": "2026-01-01"} if kind != "MedicationStatement" else {}
    resource = {"resourceType": kind, "id": "x", whose: {"reference": "Patient/p1"}, code: {"text": text}} | more
    (event,) = reads(json.dumps(resource)).events
    assert [one for one in event.flags if one in ("negated", "of another", "may be stopped")] == [flag] * bool(flag)
