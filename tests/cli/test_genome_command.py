"""`pollux genome` as a user runs it."""

import os
import subprocess
import sys
from pathlib import Path

import orjson
import pytest

from pollux.demo.genome import write_genome
from pollux.store import Store

pytestmark = pytest.mark.slow

RECORD = {
    "resourceType": "Bundle",
    "type": "collection",
    "entry": [
        {"resource": {"resourceType": "Patient", "id": "dora", "gender": "female", "birthDate": "1961-04-02"}},
        {
            "resource": {
                "resourceType": "MedicationRequest", "id": "m1", "status": "active", "intent": "order",
                "authoredOn": "2026-01-01", "subject": {"reference": "Patient/dora"},
                "medicationCodeableConcept": {"text": "clopidogrel 75 mg"},
            }
        },
        {
            "resource": {
                "resourceType": "AllergyIntolerance", "id": "a1", "patient": {"reference": "Patient/dora"},
                "recordedDate": "2026-01-01", "code": {"text": "Penicillin"},
            }
        },
    ],
}  # fmt: skip


def pollux(*words: str | Path, store: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pollux", *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "POLLUX_STORE": str(store)},
    )


@pytest.fixture(scope="module")
def vcf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_genome(tmp_path_factory.mktemp("genome") / "one.vcf")


def test_a_vcf_and_a_list_become_a_summary_a_page_and_a_bundle(vcf: Path, tmp_path: Path) -> None:
    medications = tmp_path / "medications.txt"
    medications.write_text("# mornings\nclopidogrel 75 mg\n\ncodeine\n", encoding="utf-8")
    page, fhir = tmp_path / "page.html", tmp_path / "told.fhir.json"
    said = pollux("genome", vcf, "--sex", "female", "--drugs", medications, "--drug", "Zocor 20 mg", "--output", page,
                  "--fhir", fhir, store=tmp_path / "none.db")  # fmt: skip
    assert said.returncode == 0, said.stderr
    assert "SERIOUS: clopidogrel" in said.stdout
    assert "THINK AGAIN ABOUT 3 of 3 drugs" in said.stdout
    assert said.stdout.rstrip().splitlines()[-2:] == [str(page), str(fhir)]
    assert "Genes never tested" in page.read_text(encoding="utf-8")
    assert orjson.loads(fhir.read_bytes())["resourceType"] == "Bundle"
    assert not (tmp_path / "none.db").exists()


def test_json_says_the_same(vcf: Path, tmp_path: Path) -> None:
    said = pollux("genome", vcf, "--drug", "clopidogrel", "--json", store=tmp_path / "none.db")
    data = orjson.loads(said.stdout)
    assert data["findings"][0]["group"] == "think again"
    assert {"gene": "HLA-B", "known": False}.items() <= next(g for g in data["genes"] if g["gene"] == "HLA-B").items()


def test_calls_made_elsewhere_take_the_place_of_our_own(vcf: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "outside.tsv"
    elsewhere.write_text("CYP2D6\t*4/*4\nHLA-B\t*57:01/*07:02\n", encoding="utf-8")
    said = pollux("genome", vcf, "--outside", elsewhere, "--drug", "abacavir", "--drug", "codeine",
                  store=tmp_path / "none.db")  # fmt: skip
    assert "SERIOUS: abacavir" in said.stdout
    assert "SERIOUS: codeine" in said.stdout
    assert "provisional" not in said.stdout


def test_absent_positions_taken_for_reference_are_said_to_be(vcf: Path, tmp_path: Path) -> None:
    said = pollux("genome", vcf, "--absent-is-reference", "--drug", "clopidogrel", store=tmp_path / "none.db")
    assert "ASSUMED: positions absent from the file were taken for reference" in said.stdout


@pytest.mark.slow
def test_with_a_person_the_record_is_read_and_what_is_certain_enters_it_once(vcf: Path, tmp_path: Path) -> None:
    store, record = tmp_path / "store.db", tmp_path / "record.fhir.json"
    record.write_bytes(orjson.dumps(RECORD))
    assert pollux("import", record, store=store).returncode == 0
    first = pollux("genome", vcf, "--person", "dora", store=store)
    assert "SERIOUS: clopidogrel" in first.stdout
    assert "allergies are unknown" not in first.stdout
    assert "not derived, CYP2D6: provisional, gene copies were not counted" in first.stdout
    again = pollux("genome", vcf, "--person", "dora", store=store)
    assert "record of dora: nothing new was derived" in again.stdout


@pytest.mark.parametrize(
    ("content", "words", "said"),
    [
        (b"", (), "the file is empty"),
        (b"PK\x03\x04", (), "this is not a VCF"),
        (None, ("--sample", "nobody"), "the file has no sample 'nobody'"),
        (None, ("--build", "GRCh37"), "not on GRCh37"),
        (None, ("--drugs", "no-such-list.txt"), "the medication list cannot be opened"),
        (None, ("--outside", "no-such-file.tsv"), "the file cannot be opened"),
        (None, ("--person", "nobody"), "nobody here has the id 'nobody'"),
        (None, ("--person", "nobody", "--store", "no-such-store.db"), "there is no store here"),
    ],
    ids=["empty", "no VCF", "no such sample", "another build", "no list", "no calls", "no such person", "no store"],
)
def test_what_cannot_be_read_is_refused_in_one_sentence_and_nothing_is_written(
    content: bytes | None, words: tuple[str, ...], said: str, vcf: Path, tmp_path: Path
) -> None:
    file = vcf
    if content is not None:
        file = tmp_path / "bad.vcf"
        file.write_bytes(content)
    page, store = tmp_path / "page.html", tmp_path / "store.db"
    Store.open(store).close()
    answer = pollux("genome", file, *words, "--output", page, store=store)
    assert answer.returncode == 1
    assert answer.stdout == ""
    assert said in answer.stderr
    assert len(answer.stderr.strip().splitlines()) == 1
    assert not page.exists()
