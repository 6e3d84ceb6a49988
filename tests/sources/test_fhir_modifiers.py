"""What changes the meaning of a resource is understood, or the resource is quarantined."""

import json

import pytest

from tests.sources.conftest import LEARNED, ReadText
from tests.sources.examples import observation, patient

ODD = {"url": "urn:odd", "valueBoolean": True}
METFORMIN = {"text": "Metformin 500 mg"}


def request(**more: object) -> dict[str, object]:
    return {"resourceType": "MedicationRequest", "id": "m", "status": "active", "intent": "order",
            "subject": {"reference": "Patient/p1"}, "authoredOn": "2025-05-01",
            "medicationCodeableConcept": METFORMIN, **more}  # fmt: skip


def statement(**more: object) -> dict[str, object]:
    return {"resourceType": "MedicationStatement", "id": "m", "status": "active", "effectiveDateTime": "2025-05-01",
            "subject": {"reference": "Patient/p1"}, "medicationCodeableConcept": METFORMIN, **more}  # fmt: skip


def allergy(**more: object) -> dict[str, object]:
    return {"resourceType": "AllergyIntolerance", "id": "a", "patient": {"reference": "Patient/p1"},
            "recordedDate": "2025-05-01", "code": {"text": "Penicillin"}, **more}  # fmt: skip


def condition(**more: object) -> dict[str, object]:
    return {"resourceType": "Condition", "id": "c", "subject": {"reference": "Patient/p1"},
            "recordedDate": "2025-05-01", "code": {"text": "Asthma"}, **more}  # fmt: skip


def hl7(code: str, system: str = "condition-clinical") -> dict[str, list[dict[str, str]]]:
    return {"coding": [{"system": f"http://terminology.hl7.org/CodeSystem/{system}", "code": code}]}


BLOOD_PRESSURE = {
    "code": {"coding": [{"system": "http://loinc.org", "code": "8480-6"}]},
    "valueQuantity": {"value": 120, "unit": "mmHg"},
    "modifierExtension": [ODD],
}


@pytest.mark.parametrize(
    ("resource", "place"),
    [
        (observation(modifierExtension=[ODD]), "Observation.modifierExtension"),
        (observation(component=[BLOOD_PRESSURE]), "Observation.component[0].modifierExtension"),
        (
            request(dosageInstruction=[{"modifierExtension": [ODD]}]),
            "MedicationRequest.dosageInstruction[0].modifierExtension",
        ),
        (
            allergy(reaction=[{"manifestation": [{"text": "x"}], "modifierExtension": [ODD]}]),
            "AllergyIntolerance.reaction[0].modifierExtension",
        ),
        (patient(modifierExtension=[ODD]), "Patient.modifierExtension"),
    ],
)
def test_a_modifier_extension_anywhere_quarantines(resource: dict[str, object], place: str, reads: ReadText) -> None:
    found = reads(json.dumps(resource))
    assert found.events == []
    assert found.reasons == [f"{place} changes its meaning in a way that is not understood"]


def test_a_modifier_extension_on_the_entry_of_a_bundle_quarantines_what_it_brings(reads: ReadText) -> None:
    entry = {"fullUrl": "http://example.org/Observation/o1", "resource": observation(), "modifierExtension": [ODD]}
    found = reads(json.dumps({"resourceType": "Bundle", "type": "collection", "entry": [entry]}))
    assert (found.events, found.documents) == ([], [])
    assert found.reasons == ["Bundle.entry.modifierExtension changes its meaning in a way that is not understood"]


def test_a_modifier_extension_written_with_escapes_is_seen(reads: ReadText) -> None:
    text = json.dumps(observation(modifierExtension=[ODD])).replace("modifierExtension", "modifier\\u0045xtension")
    assert len(reads(text).reasons) == 1


def test_an_extension_that_modifies_nothing_is_passed_over(reads: ReadText) -> None:
    assert reads(json.dumps(observation(extension=[ODD]))).reasons == []


@pytest.mark.parametrize(
    ("resource", "reason"),
    [
        (
            observation(implicitRules="http://example.org/rules"),
            "it is to be read by rules that are not known here (implicitRules)",
        ),
        (
            observation(focus=[{"reference": "Patient/child"}]),
            "it is about somebody or something else than its subject (focus)",
        ),
        (request(doNotPerform=True), "it says that this is not to be done (doNotPerform)"),
        (
            request(medicationCodeableConcept={"text": "NOT TAKING metformin"}),
            "its text says that it is not taken, and its status does not",
        ),
        (
            statement(note=[{"text": "Patient is not currently taking this."}]),
            "its text says that it is not taken, and its status does not",
        ),
        (
            statement(statusReason=[{"text": "patient not taking"}]),
            "its text says that it is not taken, and its status does not",
        ),
        (
            statement(dosage=[{"text": "stopped taking in March"}]),
            "its text says that it is not taken, and its status does not",
        ),
        (condition(clinicalStatus={"text": "who knows"}), "its clinicalStatus is none that is known here"),
        (
            allergy(verificationStatus=hl7("perhaps", "allergyintolerance-verification")),
            "its verificationStatus is none that is known here",
        ),
        (
            condition(clinicalStatus={"coding": [*hl7("active")["coding"], *hl7("resolved")["coding"]]}),
            "its clinicalStatus is none that is known here",
        ),
    ],
)
def test_what_changes_the_meaning_is_told(resource: dict[str, object], reason: str, reads: ReadText) -> None:
    found = reads(json.dumps(resource))
    assert (found.events, found.reasons) == ([], [reason])


@pytest.mark.parametrize(
    "resource",
    [
        request(doNotPerform=False),
        request(dosageInstruction=[{"text": "do not take with milk"}]),
        request(note=[{"text": "if not taken by noon, leave it out"}]),
        statement(note=[{"text": "taking as told"}]),
    ],
)
def test_what_only_sounds_like_it_stands(resource: dict[str, object], reads: ReadText) -> None:
    found = reads(json.dumps(resource))
    assert (found.reasons, [event.retracted for event in found.events]) == ([], [False])


@pytest.mark.parametrize("status", ["draft", "on-hold", "stopped", "completed", "unknown"])
def test_a_request_says_how_it_stands(status: str, reads: ReadText) -> None:
    (event,) = reads(json.dumps(request(status=status))).events
    assert event.flags == (status,)


@pytest.mark.parametrize("intent", ["proposal", "plan", "option"])
def test_what_nobody_ordered_is_flagged(intent: str, reads: ReadText) -> None:
    (event,) = reads(json.dumps(request(intent=intent))).events
    assert event.flags == (intent,)


@pytest.mark.parametrize(
    "resource",
    [
        request(status="entered-in-error"),
        request(status="cancelled"),
        statement(status="not-taken"),
        statement(status="entered-in-error"),
        observation(status="entered-in-error"),
        observation(status="cancelled"),
        condition(verificationStatus=hl7("refuted", "condition-ver-status")),
        condition(verificationStatus=hl7("entered-in-error", "condition-ver-status")),
        allergy(verificationStatus=hl7("refuted", "allergyintolerance-verification")),
        {
            "resourceType": "Procedure",
            "id": "x",
            "status": "not-done",
            "subject": {"reference": "Patient/p1"},
            "performedDateTime": "2025",
            "code": {"text": "x"},
        },
        {
            "resourceType": "Immunization",
            "id": "x",
            "status": "not-done",
            "patient": {"reference": "Patient/p1"},
            "occurrenceDateTime": "2025",
            "vaccineCode": {"text": "x"},
        },
    ],
)
def test_what_was_not_done_or_wrong_leaves_nothing(resource: dict[str, object], reads: ReadText) -> None:
    found = reads(json.dumps(resource))
    assert [event.retracted for event in found.events] == [True]


@pytest.mark.parametrize("status", ["resolved", "inactive"])
@pytest.mark.parametrize("text", [False, True])
def test_what_is_over_is_flagged_so(status: str, text: bool, reads: ReadText) -> None:
    stated = {"text": status.capitalize()} if text else hl7(status, "allergyintolerance-clinical")
    (event,) = reads(json.dumps(allergy(clinicalStatus=stated))).events
    assert event.flags == (status,)


def test_as_needed_is_heard(reads: ReadText) -> None:
    (event,) = reads(json.dumps(request(dosageInstruction=[{"asNeededBoolean": True}]))).events
    assert event.flags == ("as needed",)
    (event,) = reads(json.dumps(statement(dosage=[{"asNeededCodeableConcept": {"text": "pain"}}]))).events
    assert event.flags == ("as needed",)


def test_a_weak_dose_of_a_vaccine_is_heard(reads: ReadText) -> None:
    given = {"resourceType": "Immunization", "id": "x", "status": "completed", "patient": {"reference": "Patient/p1"},
             "occurrenceDateTime": "2025", "vaccineCode": {"text": "x"}, "isSubpotent": True}  # fmt: skip
    (event,) = reads(json.dumps(given)).events
    assert event.flags == ("subpotent",)


def test_a_status_that_only_an_extension_states_is_not_understood(reads: ReadText) -> None:
    resource = request(_status={"extension": [ODD]})
    del resource["status"]
    assert reads(json.dumps(resource)).reasons == [
        "its status is stated by an extension alone, which is not understood"
    ]


def test_what_relatives_have_is_nobodys_condition_here(reads: ReadText) -> None:
    family = {"resourceType": "FamilyMemberHistory", "id": "f", "status": "completed",
              "patient": {"reference": "Patient/p1"}, "relationship": {"text": "mother"},
              "condition": [{"code": {"text": "Diabetes"}}]}  # fmt: skip
    found = reads(json.dumps(family))
    assert (found.events, [document.understood for document in found.documents]) == ([], [False])


def page(*, total: int | None = None, next: bool = False, mode: str = "match") -> str:
    entry = {"fullUrl": "http://example.org/Observation/o1", "resource": observation(), "search": {"mode": mode}}
    found: dict[str, object] = {"resourceType": "Bundle", "type": "searchset", "entry": [entry]}
    found |= {"total": total} if total is not None else {}
    found |= {"link": [{"relation": "next", "url": "http://example.org?page=2"}]} if next else {}
    return json.dumps(found)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (page(total=5, next=True), "this is one page of an answer: it holds 1 of 5; 4 are not here (link next)"),
        (page(next=True), "this is one page of an answer: it holds 1; the rest is not here (link next)"),
        (page(total=1200), "the answer counts 1,200 and holds 1: 1,199 are not here"),
        (page(total=1, mode="include"), "the answer counts 1 and holds 0: 1 are not here"),
    ],
)
def test_a_page_of_an_answer_says_what_is_missing(content: str, reason: str, reads: ReadText) -> None:
    found = reads(content)
    assert (found.reasons, len(found.events)) == ([reason], 1)


@pytest.mark.parametrize("content", [page(total=1), page(), page(total=0)])
def test_a_whole_answer_says_nothing(content: str, reads: ReadText) -> None:
    assert reads(content).reasons == []


@pytest.mark.parametrize("kind", ["AllergyIntolerance", "Condition", "MedicationStatement"])
def test_what_holds_without_a_date_is_not_lost_for_want_of_one(kind: str, reads: ReadText) -> None:
    named = {"text": "Penicillin"}
    whose = "subject" if kind != "AllergyIntolerance" else "patient"
    what = "medicationCodeableConcept" if kind == "MedicationStatement" else "code"
    more = {"status": "active"} if kind == "MedicationStatement" else {}
    found = reads(
        json.dumps({"resourceType": kind, "id": "a", whose: {"reference": "Patient/p1"}, what: named, **more})
    )
    assert found.reasons == []
    (event,) = found.events
    assert (event.time, event.flags) == (LEARNED, ("date not stated",))
