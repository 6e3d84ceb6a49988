"""Gene calls and findings as FHIR, and back: the loop from VCF over FHIR to a card."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from pollux.care.treatment.account import account
from pollux.care.treatment.fhir import as_bundle, as_json, gene_calls
from pollux.care.treatment.fhir.codes import METABOLIZERS
from pollux.care.treatment.fhir.observations import LISTED
from pollux.care.treatment.genes import call, outside, sites
from pollux.care.treatment.guidance import drugs_covered
from pollux.care.treatment.hooks import REASONS, answer, services
from pollux.care.treatment.medication import medication
from pollux.care.treatment.review import review
from pollux.errors import RefusedInput
from pollux.record.quality import Quarantined
from pollux.sources import read, vcf
from pollux.sources.fhir.validate import envelope, problems
from tests.care.treatment.told import AT, as_fhir, seen, told
from tests.conftest import ReferenceFolder

FEW = ("CYP2C19", "CYP2C9", "SLCO1B1", "TPMT", "VKORC1", "NUDT15", "CYP2D6")
NAMES = [site.name for site in sites(FEW)]
POOR = {"rs4244285": ("A", "A"), "rs3758581": ("G", "G"), "rs12769205": ("G", "G")}
MIXED = told(seen(untested=[site.name for site in sites(("NUDT15", "CACNA1S"))], others=POOR))


def test_the_bundle_and_each_resource_in_it_is_valid() -> None:
    bundle = json.loads(as_json(MIXED))
    assert problems(bundle, orjson.dumps(bundle)) == []
    for entry in bundle["entry"]:
        assert problems(entry["resource"], orjson.dumps(entry["resource"])) == []
        assert envelope("Bundle_Entry", {"fullUrl": entry["fullUrl"]}) == []
    kinds = [entry["resource"]["resourceType"] for entry in bundle["entry"]]
    assert set(kinds) == {"Patient", "Observation", "DetectedIssue"}


@pytest.mark.parametrize("person", ["", "dora"])
def test_our_own_reader_takes_the_bundle_without_a_remark(person: str, tmp_path: Path) -> None:
    path = tmp_path / "told.fhir.json"
    path.write_text(as_json(msgspec.structs.replace(MIXED, person=person)), encoding="utf-8")
    entries = list(read(path, learned=AT, person="", timezone="UTC"))
    assert [e.item.finding.message for e in entries if isinstance(e.item, Quarantined)] == []
    assert len(entries) >= len(MIXED.calls) + len(MIXED.review.findings)
    assert len({entry.person for entry in entries}) == 1


def test_everything_that_is_referred_to_is_there() -> None:
    bundle = as_bundle(MIXED)
    there = {entry["fullUrl"] for entry in bundle["entry"]}
    assert len(there) == len(bundle["entry"])
    referred = [holder["reference"] for holder in _references(bundle)]
    assert {name for name in referred if name.startswith("urn:")} <= there
    contained = [name for name in referred if name.startswith("#")]
    assert contained


def _references(value: Any) -> list[dict[str, str]]:
    if isinstance(value, dict):
        inside = [found for part in value.values() for found in _references(part)]
        return [value, *inside] if isinstance(value.get("reference"), str) and "resourceType" not in value else inside
    return [found for part in value for found in _references(part)] if isinstance(value, list) else []


def test_every_statement_of_the_bundle_has_evidence() -> None:
    for resource in as_fhir(MIXED):
        if resource["resourceType"] == "DetectedIssue":
            said = [part for part in resource["evidence"] if part["code"][0]["text"].startswith("Source: ")]  # type: ignore[attr-defined]
            assert said
        elif resource.get("meta", {}).get("profile", [""])[0].endswith("therapeutic-implication"):  # type: ignore[attr-defined]
            assert resource["derivedFrom"]
            assert all(part["valueRelatedArtifact"]["citation"] for part in resource["extension"])  # type: ignore[attr-defined]


def test_a_value_stands_alone_only_where_one_phenotype_is_possible() -> None:
    one = told(seen(untested=["rs1142345"]), ("azathioprine",))
    calls = {call_.gene: call_ for call_ in one.calls}
    for resource in as_fhir(one):
        if resource["resourceType"] != "Observation" or "valueCodeableConcept" not in resource:
            continue
        gene = resource["component"][0]["valueCodeableConcept"]["text"]  # type: ignore[index]
        text = resource["valueCodeableConcept"]["text"]  # type: ignore[index]
        assert resource["status"] == ("final" if calls[gene].certain else "preliminary")
        if not calls[gene].certain:
            assert all(phenotype in text for phenotype in calls[gene].phenotypes)
            assert "coding" not in resource["valueCodeableConcept"]  # type: ignore[operator]


@pytest.mark.slow
@given(untested=some.sets(some.sampled_from(NAMES), max_size=60))
@settings(max_examples=25, deadline=None)
def test_calls_that_went_through_fhir_give_the_same_findings(untested: set[str]) -> None:
    one = told(seen(FEW, untested, POOR), genes=FEW)
    back = gene_calls(as_fhir(one))
    for call_ in one.calls:
        again = back[call_.gene]
        assert (again.phenotypes, again.provisional, again.missing) == (
            call_.phenotypes, call_.provisional, call_.missing,
        )  # fmt: skip
    drugs = [medication(name) for name in (*drugs_covered(), "warfarin")]
    assert review(drugs, back.values()).findings == review(drugs, one.calls).findings


@pytest.mark.parametrize(("gene", "drug"), [("CYP2C9", "siponimod"), ("CYP2C9", "ibuprofen"), ("DPYD", "fluorouracil")])
def test_of_very_many_diplotypes_those_are_kept_that_guidance_can_tell_apart(gene: str, drug: str) -> None:
    names = [site.name for site in sites((gene,))]
    one = told(seen((gene,), names[1:]), (drug,), (gene,))
    back = gene_calls(as_fhir(one))
    assert len(one.calls[0].possible) > LISTED > len(back[gene].possible)
    assert review([medication(drug)], back.values()).findings == one.review.findings


def genotype(gene: str, value: object, **more: object) -> dict[str, object]:
    """What another system might send."""
    return {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "84413-4"}]},
        "subject": {"reference": "Patient/p1"},
        "valueCodeableConcept": value,
        "component": [
            {
                "code": {"coding": [{"system": "http://loinc.org", "code": "48018-6"}]},
                "valueCodeableConcept": {
                    "coding": [{"system": "http://www.genenames.org/geneId", "code": gene, "display": gene}]
                },
            }
        ],
        **more,
    }


@pytest.mark.parametrize(
    "value", [{"text": "*2/*2"}, {"text": "CYP2C19 *2/*2"}, {"coding": [{"code": "x", "display": "CYP2C19 *2/*2"}]}]
)
def test_a_genotype_of_another_system_is_a_call_made_elsewhere(value: object) -> None:
    found = gene_calls([genotype("CYP2C19", value)], "p1")
    assert found["CYP2C19"].phenotypes == ("Poor Metabolizer",)
    assert found["CYP2C19"].source == outside.SOURCE


@pytest.mark.parametrize(
    "sent",
    [
        genotype("CYP2C19", {"text": "normal"}),
        genotype("CYP2C19", {"text": "*1"}),
        genotype("CYP2C19", {"text": ""}),
        genotype("CYP2C19", {"coding": "x"}),
        genotype("CYP2C19", "x"),
        genotype("CYP2C19", {"text": "*1/*1"}, dataAbsentReason={"text": "not done"}),
        genotype("CYP2C19", {"text": "*1/*1"}, extension=[{"url": "urn:pollux:gene-call", "extension": 7}]),
    ],
    ids=["words", "one allele", "empty", "no list", "no concept", "absent", "broken extension"],
)
def test_a_genotype_that_cannot_be_read_is_no_call(sent: dict[str, object]) -> None:
    (found,) = gene_calls([sent], "p1").values()
    assert found.possible == ()
    assert found.reasons


@pytest.mark.parametrize(
    "sent",
    [
        genotype("CYP2C19", {"text": "*1/*1"}, subject={"reference": "Patient/another"}),
        genotype("CYP2C19", {"text": "*1/*1"}, status="entered-in-error"),
        genotype("NO-GENE", {"text": "*1/*1"}),
        {"resourceType": "Observation", "code": None},
        {"resourceType": "Observation", "code": {"coding": [{"system": "http://loinc.org", "code": "84413-4"}]}},
    ],
    ids=["another person", "an error", "no gene of ours", "no code", "no gene named"],
)
def test_what_is_of_somebody_else_or_of_no_gene_is_passed_over(sent: dict[str, object]) -> None:
    assert gene_calls([sent], "p1") == {}


def test_of_two_results_that_differ_all_is_possible_and_neither_is_the_point_call() -> None:
    two = gene_calls([genotype("CYP2C19", {"text": "*1/*1"}), genotype("CYP2C19", {"text": "*2/*2"})], "p1")["CYP2C19"]
    assert set(two.phenotypes) == {"Normal Metabolizer", "Poor Metabolizer"}
    assert two.matched == ()
    assert "two results were sent, and they differ" in two.reasons


def test_a_preliminary_result_of_another_system_is_provisional() -> None:
    found = gene_calls([genotype("CYP2D6", {"text": "*4/*4"}, status="preliminary")], "p1")["CYP2D6"]
    assert found.provisional
    assert not found.certain


def test_whoever_amended_a_result_of_ours_is_believed_and_not_what_we_had_written() -> None:
    (ours,) = [r for r in as_fhir(MIXED) if "84413-4" in str(r.get("code")) and "CYP2C19" in str(r["component"])]
    assert gene_calls([ours])["CYP2C19"].phenotypes == ("Poor Metabolizer",)
    amended = {**ours, "status": "amended", "valueCodeableConcept": {"text": "*1/*1"}}
    assert gene_calls([amended])["CYP2C19"].phenotypes == ("Normal Metabolizer",)


JSON = some.recursive(
    some.none()
    | some.booleans()
    | some.floats()
    | some.text(max_size=8)
    | some.sampled_from(["*1/*2", "CYP2C19", "urn:pollux:gene-call"]),
    lambda inner: (
        some.lists(inner, max_size=3)
        | some.dictionaries(
            some.sampled_from(
                ["url", "extension", "coding", "code", "text", "display", "valueString", "valueDecimal", "system"]
            )
            | some.text(max_size=4),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
PLACES = ("status", "code", "subject", "valueCodeableConcept", "component", "extension", "dataAbsentReason")


@pytest.mark.slow
@given(place=some.sampled_from(PLACES), value=JSON)
@settings(max_examples=300, deadline=None)
def test_whatever_is_sent_in_a_genotype_is_read_or_passed_over(place: str, value: object) -> None:
    for call_ in gene_calls([genotype("CYP2C19", {"text": "*1/*2"}) | {place: value}], "p1").values():
        assert call_.gene
        assert call_.possible or call_.reasons
        assert set(call_.matched) <= set(call_.possible)


def request(hook: str, drug: str, *genotypes: object) -> dict[str, Any]:
    order = {
        "resourceType": "MedicationRequest", "id": "m1", "status": "draft", "intent": "order",
        "subject": {"reference": "Patient/p1"}, "medicationCodeableConcept": {"text": drug},
    }  # fmt: skip
    orders = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": order}]}
    context = {"userId": "Practitioner/x", "patientId": "p1", "draftOrders": orders}
    entries = [{"resource": one} for one in genotypes]
    return {
        "hook": hook,
        "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
        "context": context | ({"selections": ["MedicationRequest/m1"]} if hook == "order-select" else {}),
        "prefetch": {"genotypes": {"resourceType": "Bundle", "type": "searchset", "entry": entries}},
    }


@pytest.mark.parametrize("hook", ["order-select", "order-sign"])
@pytest.mark.parametrize("drug", ["clopidogrel 75 mg", "codeine 30 mg", "azathioprine", "abacavir"])
def test_the_loop_closes_from_vcf_over_fhir_to_the_same_cards(hook: str, drug: str) -> None:
    sent = [r for r in as_fhir(MIXED) if r["resourceType"] == "Observation"]
    looped = answer(request(hook, drug, *sent), at=AT)
    straight = answer(request(hook, drug), MIXED.calls, at=AT)
    assert looped == straight
    assert looped["cards"]
    about = [card for card in looped["cards"] if "overrideReasons" in card]
    assert about
    for card in about:
        assert {reason["code"] for reason in card["overrideReasons"]} == {code for code, _ in REASONS}
        assert "Source: " in card["detail"]


def test_without_genotypes_a_card_says_that_nothing_was_tested() -> None:
    cards = answer(request("order-sign", "clopidogrel"), at=AT)["cards"]
    assert "CYP2C19 not tested: nothing can be said, and it is not taken for normal" in cards[0]["summary"]


def test_what_is_sent_and_what_is_known_and_differs_is_both_possible() -> None:
    poor = call(seen(("CYP2C19",), others=POOR), genes=("CYP2C19",))
    normal = genotype("CYP2C19", {"text": "*1/*1"})
    cards = answer(request("order-sign", "clopidogrel", normal), poor.values(), at=AT)["cards"]
    assert "depends on what is not known" in cards[0]["detail"]


def test_the_services_ask_for_genotypes_along_with_the_rest() -> None:
    for service in services()["services"]:
        assert "84413-4" in service["prefetch"]["genotypes"]


def test_times_carry_their_offset_and_the_answers_of_loinc_are_five() -> None:
    bundle = as_bundle(msgspec.structs.replace(MIXED, at=datetime(2026, 5, 1, tzinfo=UTC)))
    assert bundle["timestamp"] == "2026-05-01T00:00:00+00:00"
    assert len({code for code, _ in METABOLIZERS.values()}) == 5


@pytest.mark.parametrize(
    ("allergy", "said"),
    [
        ({"code": {"text": "Penicillin"}}, "avoid: allergic to another penicillin"),
        ({"code": {"text": "Penicillin"}, "verificationStatus": {"coding": [{"code": "refuted"}]}}, "unknown"),
        ({"code": {"text": "No known allergies"}}, ""),
    ],
    ids=["stated", "refuted", "none known"],
)
def test_allergies_that_are_sent_along_are_read_as_they_were_verified(allergy: dict[str, Any], said: str) -> None:
    sent = request("order-sign", "amoxicillin")
    sent["prefetch"]["allergies"] = {"resourceType": "AllergyIntolerance", "id": "a1", **allergy}
    text = json.dumps(answer(sent, at=AT))
    assert ("allergic to another penicillin" in text) == (said.startswith("avoid"))
    assert ("allergies are unknown" in text) == (said == "unknown")


@pytest.mark.reference
def test_each_third_published_vcf_goes_through_fhir_and_gives_the_same_findings(reference: ReferenceFolder) -> None:
    drugs = [medication(name) for name in (*drugs_covered(), "warfarin")]
    files = sorted(path for path in (reference / "genomics").rglob("*.vcf"))[::3]
    looked = 0
    for path in files:
        try:
            genotypes = vcf.read(path, sites())
        except RefusedInput:
            continue  # what is refused, and why, is the VCF reader's own test
        calls = call(genotypes)
        one = account(genotypes, calls, review(drugs, calls.values()), at=AT)
        bundle = as_bundle(one)
        assert problems(bundle, orjson.dumps(bundle)) == []
        back = gene_calls([entry["resource"] for entry in bundle["entry"]])
        assert review(drugs, back.values()).findings == one.review.findings
        looked += 1
    assert looked > 20
