"""FHIR as newline-delimited JSON: a broken line costs that line and nothing else."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pollux.errors import RefusedInput
from pollux.sources import read, recognise
from pollux.sources import scan as scanning
from pollux.store import Store
from tests.sources.conftest import LEARNED, Reads, ReadText
from tests.sources.examples import bundle, observation, patient

PATIENT, WEIGHT = json.dumps(patient()), json.dumps(observation())
SECOND = json.dumps(observation(id="o2", effectiveDateTime="2025-05-02"))


@pytest.mark.parametrize(
    ("broken", "reason", "place"),
    [
        ('{"resourceType": "Observation",', "this is not JSON: unexpected end of data", "file line 2, column 32"),
        ("nonsense", "this is not JSON: ", "file line 2, column 1"),
        ('{"resourceType": "Basic", "id": "b", "id": "b"}', "the same name stands twice in one object", "file line 2"),
        ('{"a": 1}', "a resource has no resourceType", "file line 2"),
        ("[]", "a resource has no resourceType", "file line 2"),
        (PATIENT + PATIENT, "this is not JSON: unexpected content after document", f"file line 2, column "
         f"{len(PATIENT) + 1}"),
        ('{"resourceType": "Bundle", "entry": [{]}', "this is not JSON", "file line 2"),
        ('{"resourceType": "Bundle", "type": "batch"} x', "more stands on the line than one resource",
         "file line 2, column 45"),
    ],
)  # fmt: skip
def test_a_broken_line_is_quarantined_with_its_place_and_the_rest_comes_in(
    broken: str, reason: str, place: str, reads: ReadText
) -> None:
    found = reads(f"{PATIENT}\n{broken}\n\n{WEIGHT}\r\n")
    assert [document.name for document in found.documents] == ["Patient/p1", "Observation/o1"]
    assert [event.value for event in found.events] == [70.5]
    (kept,) = found.quarantined
    assert kept.finding.message.startswith(reason)
    assert kept.finding.where.startswith(place)
    assert (kept.finding.rule, kept.finding.action, kept.document) == ("broken line", "quarantine", broken)


@pytest.mark.parametrize("first", ["nonsense", "{", '{"resourceType": "Patient", "id":', "null", '{"resourceType"'])
def test_the_first_line_may_be_the_broken_one(first: str, reads: ReadText) -> None:
    found = reads(f"{first}\n{PATIENT}\n{WEIGHT}\n")
    assert [kept.document for kept in found.quarantined] == [first]
    assert len(found.documents) == 2


def test_bytes_that_are_no_text_cost_their_line_only(reads: ReadText) -> None:
    found = reads(b'{"resourceType": "Basic", "id": "\xff\xfe"}\n' + WEIGHT.encode())
    assert [kept.document for kept in found.quarantined] == ['{"resourceType": "Basic", "id": "\\xff\\xfe"}']
    assert len(found.documents) == 1


def test_a_file_without_one_readable_line_is_refused(reads: ReadText) -> None:
    with pytest.raises(RefusedInput, match=r"the file ends before this value is closed .*file line 1"):
        reads('{"resourceType": "Patient",\n{"resourceType": "Observation",\n')
    with pytest.raises(RefusedInput, match="the same name stands twice in one object"):
        reads('{"resourceType": "Basic", "id": "1", "id": "1"}\n{"resourceType": "Basic", "id": "2", "id": "2"}')


def test_values_over_several_lines_are_no_lines(reads: ReadText) -> None:
    inner = '{"resourceType": "Medication", "id": "m", "code": {"text": "x"}}'
    request = patient(id="r", resourceType="MedicationRequest", status="active", intent="order",
                      subject={"reference": "Patient/p1"}, authoredOn="2020",
                      medicationReference={"reference": "#m"})  # fmt: skip
    del request["gender"], request["birthDate"]
    text = json.dumps(request)[:-1] + f', "contained": [\n{inner}\n]}}'
    assert [document.name for document in reads(text).documents] == ["MedicationRequest/r"]
    apart = json.dumps(patient(), indent=1) + "\n" + json.dumps(observation(), indent=1)
    assert [document.name for document in reads(apart).documents] == ["Patient/p1", "Observation/o1"]


def test_bundles_may_stand_on_lines(reads: ReadText) -> None:
    line = bundle(patient(), observation()).replace(b"\n", b"")
    found = reads(line + b"\n" + line.replace(b'"o1"', b'"o2"').replace(b"Observation/o1", b"Observation/o2"))
    assert [event.id for event in found.events] == ["Observation/o1", "Observation/o2"]
    assert found.reasons == []
    assert found.events[1].source.place == "line 2 Bundle.entry[1]"


def test_a_medication_on_another_line_is_found(reads: ReadText) -> None:
    request = {
        "resourceType": "MedicationRequest",
        "id": "m",
        "status": "active",
        "intent": "order",
        "authoredOn": "2020",
        "subject": {"reference": "Patient/p1"},
        "medicationReference": {"reference": "Medication/x"},
    }
    coding = {"system": "http://snomed.info/sct", "code": "860975"}
    medication = {"resourceType": "Medication", "id": "x", "code": {"coding": [coding]}}
    found = reads("\n".join(json.dumps(resource) for resource in (request, medication)))
    assert [getattr(event.value, "code", "") for event in found.events] == ["860975"]


def test_a_line_too_long_to_be_read_is_told_and_the_rest_comes_in(
    reads: ReadText, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("lines", "fhir.reader"):
        monkeypatch.setattr(f"pollux.sources.{module}.LARGEST", 1 << 20)
    long = json.dumps({"resourceType": "Basic", "id": "b", "text": "x" * (1 << 21)})
    found = reads(f"{PATIENT}\n{long}\n{WEIGHT}\n")
    assert len(found.documents) == 2
    assert found.reasons == ["the line is longer than 1 MB; only its beginning is kept here"]
    assert scanning.LARGEST == 64 << 20


def test_what_was_received_is_exported_verbatim_beside_a_broken_line(tmp_path: Path) -> None:
    odd = '{ "resourceType" : "Basic",\t"id":"b", "code": {"text":"caf\\u00e9 1.50"} }'
    path = tmp_path / "export.ndjson"
    path.write_text(f"{PATIENT}\n{WEIGHT}\n{{broken\n  {SECOND}  \n{odd}\n")
    with Store.open(tmp_path / "store.db") as store:
        receipt = store.take(read(path, learned=LEARNED), LEARNED)
        assert (receipt.accepted, receipt.quarantined, receipt.documents) == (2, 1, 4)
        exported = [*store.export("p1"), *store.export("")]
        assert exported == [f"{text}\n".encode() for text in (PATIENT, WEIGHT, SECOND, odd)]
        assert [kept.document for kept in store.quarantine("")] == ["{broken"]
        again = store.take(read(path, learned=LEARNED), LEARNED)
        assert not again.changed


@given(st.lists(st.one_of(st.none(), st.text(max_size=30)), min_size=1, max_size=8), st.integers(0, 7))
def test_every_sound_line_comes_in_whatever_stands_between(
    tmp_path_factory: pytest.TempPathFactory, between: list[str | None], at: int
) -> None:
    rows = [text.replace("\n", " ").replace("\r", " ") if text is not None else PATIENT for text in between]
    rows.insert(min(at, len(rows)), WEIGHT)
    path = tmp_path_factory.mktemp("lines") / "file"
    path.write_bytes("\n".join(["{}", *rows]).encode("utf-8", "replace"))
    if b"\0" in path.read_bytes():
        return
    assert recognise(path.read_bytes()).startswith("fhir")
    found = Reads(read(path, learned=LEARNED))
    assert len(found.documents) == rows.count(PATIENT) + 1
    blank = sum(not row.strip(" \t") for row in rows)
    assert len(found.quarantined) == len(rows) + 1 - len(found.documents) - blank
