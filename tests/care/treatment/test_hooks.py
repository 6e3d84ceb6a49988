import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from pollux.care.treatment.hooks import answer, services
from pollux.errors import PolluxError, RefusedInput
from tests.care.treatment.calls import call, one
from tests.conftest import ReferenceFolder

AT = datetime(2026, 5, 1, tzinfo=UTC)
GOOD = ("patient-view-good", "order-select-good", "order-sign-good")
BAD = {
    "patient-view-bad": ("context.patientId is no id", "prefetch.item1 is no FHIR resource"),
    "order-select-bad": ("context.patientId is no id", "context.selections[0] names no draft order"),
    "order-sign-bad-1": ("context.patientId is no id", "context.draftOrders.entry[0].status is none of active"),
    "order-sign-bad-2": ("context.patientId is no id", "prefetch.item1 is no FHIR resource"),
    "order-select-extensions": ("context.draftOrders is no Bundle",),
}


def drug(name: str, key: str, status: str = "active") -> dict[str, Any]:
    return {
        "resourceType": "MedicationRequest",
        "id": key,
        "status": status,
        "intent": "order",
        "medicationCodeableConcept": {"text": name},
    }


def request(hook: str, drafts: list[dict[str, Any]], *taken: dict[str, Any], **context: Any) -> dict[str, Any]:
    orders = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": d} for d in drafts]}
    inside: dict[str, Any] = {"userId": "Practitioner/1", "patientId": "p", **context}
    if hook != "patient-view":
        inside["draftOrders"] = orders
    return {
        "hook": hook,
        "hookInstance": "e9f6b9a0-366c-47af-b11b-f6d54797030a",
        "context": inside,
        "prefetch": {
            "patient": {"resourceType": "Patient", "id": "p", "gender": "male", "birthDate": "1970-01-01"},
            "medications": {"resourceType": "Bundle", "entry": [{"resource": t} for t in taken]},
        },
    }


def check_cards(answered: dict[str, Any]) -> None:
    """The form of a response: the fields a card must and may have."""
    assert set(answered) == {"cards"}
    for card in answered["cards"]:
        assert 0 < len(card["summary"]) <= 140
        assert card["indicator"] in ("info", "warning", "critical")
        assert card["source"]["label"]
        assert set(card) <= {"summary", "indicator", "detail", "source", "overrideReasons"}
        for reason in card.get("overrideReasons", ()):
            assert set(reason) == {"system", "code", "display"}
    json.dumps(answered)


@pytest.mark.reference
@pytest.mark.parametrize("name", GOOD)
def test_good_requests_are_answered(reference: ReferenceFolder, name: str) -> None:
    text = (reference / f"fhir/cdshooks/cdshooks-request-{name}.json").read_text(encoding="utf-8")
    check_cards(answer(json.loads(text), (), at=AT))


@pytest.mark.reference
@pytest.mark.parametrize("name", BAD)
def test_bad_requests_are_refused_with_what_is_wrong(reference: ReferenceFolder, name: str) -> None:
    text = (reference / f"fhir/cdshooks/cdshooks-request-{name}.json").read_text(encoding="utf-8")
    with pytest.raises(RefusedInput) as refused:
        answer(json.loads(text), (), at=AT)
    for wrong in BAD[name]:
        assert wrong in refused.value.what


def test_order_select_speaks_of_what_was_selected_only() -> None:
    drafts = [drug("clarithromycin", "a"), drug("erythromycin", "b")]
    sent = request("order-select", drafts, drug("simvastatin", "s"), selections=["MedicationRequest/a"])
    cards = answer(sent, (), at=AT)["cards"]
    assert "simvastatin + clarithromycin: contraindicated together" in cards[0]["summary"]
    assert cards[0]["indicator"] == "critical"
    pairs = [card["summary"] for card in cards if " + " in card["summary"]]
    assert all("clarithromycin" in summary for summary in pairs)  # with the other draft too, but never without it
    assert cards[0]["overrideReasons"]


def test_order_sign_brings_the_gene_to_what_is_signed() -> None:
    sent = request("order-sign", [drug("codeine 30 mg", "a")])
    cards = answer(sent, [call("CYP2D6", one("*4/*4", "PM", 0.0))], at=AT)["cards"]
    assert cards[0]["summary"].startswith("codeine: avoid")
    assert "PMID 33387367" in cards[0]["detail"]


def test_patient_view_shows_what_matters_and_what_is_unknown() -> None:
    sent = request("patient-view", [], drug("simvastatin", "s"), drug("clarithromycin", "c"))
    cards = answer(sent, (), at=AT)["cards"]
    check_cards({"cards": cards})
    assert [card["indicator"] for card in cards] == ["critical", "info"]
    assert "allergies are unknown: there is no list" in cards[-1]["detail"]


def test_what_was_cancelled_is_not_taken() -> None:
    sent = request("patient-view", [], drug("simvastatin", "s"), drug("clarithromycin", "c", "stopped"))
    assert not any("clarithromycin" in card["summary"] for card in answer(sent, (), at=AT)["cards"])


def test_an_order_that_is_not_recognised_is_said_to_be() -> None:
    cards = answer(request("order-sign", [drug("Wundermittel", "a")]), (), at=AT)["cards"]
    assert cards[0]["summary"].startswith("Wundermittel: not recognised")


@given(some.recursive(some.none() | some.booleans() | some.text(max_size=5), lambda x: some.lists(x, max_size=3)))
def test_anything_that_is_no_request_is_refused(thing: Any) -> None:
    with pytest.raises(PolluxError):
        answer(thing, (), at=AT)


@given(some.sampled_from(["hook", "hookInstance", "context", "prefetch"]), some.none() | some.text(max_size=3))
def test_a_request_with_one_field_spoilt_is_refused_or_answered_but_never_breaks(field: str, value: Any) -> None:
    sent = request("order-sign", [drug("codeine", "a")])
    sent[field] = value
    try:
        answered = answer(sent, (), at=AT)
    except RefusedInput:
        return
    check_cards(answered)


def test_there_is_a_service_for_each_hook() -> None:
    assert [one_["hook"] for one_ in services()["services"]] == ["patient-view", "order-select", "order-sign"]
