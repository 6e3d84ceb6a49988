"""Calls made elsewhere, as they come in files."""

import json
from pathlib import Path

import pytest

from pollux.care.treatment import genes
from pollux.care.treatment.genes import outside
from pollux.errors import PolluxError, RefusedInput
from tests.care.treatment.genes.seen import genotypes


def one(line: str) -> genes.GeneCall:
    (call,) = outside.calls(line.encode()).values()
    return call


@pytest.mark.parametrize(
    ("line", "phenotype", "score"),
    [
        ("CYP2D6\t*1/*4", "Intermediate Metabolizer", 1.0),
        ("CYP2D6\t*4x2/*5", "Poor Metabolizer", 0.0),
        ("CYP2D6\t*1/*2x2", "Ultrarapid Metabolizer", 3.0),
        ("CYP2D6\t*1/*36 + *10", "Normal Metabolizer", 1.25),
        ("CYP2D6\t*2/*1x≥3", "Ultrarapid Metabolizer", 4.0),
        ("CYP2C9\t\t\t2.0", "Normal Metabolizer", 2.0),
        ("CYP2C19\t*2/*17", "Intermediate Metabolizer", None),
        ("CYP2C19\t\tPM", "Poor Metabolizer", None),
        ("DPYD\tReference/[c.498G>A + c.2846A>T]", "Intermediate Metabolizer", 1.5),
        ("MT-RNR1\tm.1555A>G", "increased risk of aminoglycoside-induced hearing loss", None),
        ("G6PD\tA- 202A_376G", "Deficient", None),
        ("HLA-B\t\t*57:01 positive", "*57:01 positive", None),
    ],
)
def test_a_row_becomes_a_call(line: str, phenotype: str, score: float | None) -> None:
    call = one(line)
    assert call.phenotypes == (phenotype,)
    assert call.possible[0].activity_score == score
    assert call.matched == call.possible
    assert (call.source, call.provisional) == ("outside call", False)


@pytest.mark.parametrize(
    "written", ["*57:01/*07:02", "HLA-B*57:01/HLA-B*07:02", "B*57:01:01/B*07:02:01G", "57:01/07:02"]
)
def test_an_hla_type_is_read_to_two_fields(written: str) -> None:
    call = one(f"HLA-B\t{written}")
    assert call.matched[0].alleles == ("*07:02", "*57:01")
    assert "*57:01 positive" in call.matched[0].phenotype
    assert "*58:01 negative" in call.matched[0].phenotype


def test_what_was_given_goes_before_what_the_tables_say_and_a_difference_is_said() -> None:
    call = one("CYP2C19\t*1/*2\tPoor Metabolizer")
    assert call.phenotypes == ("Poor Metabolizer",)
    assert call.reasons == ("the phenotype was given as Poor Metabolizer; the tables say Intermediate Metabolizer",)


def test_an_allele_that_no_table_has_is_kept_and_said() -> None:
    call = one("CYP2C19\t*1/*99")
    assert (call.matched[0].name, call.phenotypes) == ("*1/*99", ("Indeterminate",))
    assert call.reasons == ("no table has the allele *99: its function is not known",)


def test_rows_of_one_gene_are_alternatives() -> None:
    call = outside.calls(b"# two ways\nCYP2D6\t*1/*4\nCYP2D6\t*1x2/*4\n")["CYP2D6"]
    assert call.phenotypes == ("Intermediate Metabolizer", "Normal Metabolizer")


def test_the_same_may_come_as_json(tmp_path: Path) -> None:
    path = tmp_path / "calls.json"
    path.write_text(json.dumps([{"gene": "CYP2D6", "diplotype": "*1/*4"}, {"gene": "CYP2C9", "activity_score": 1}]))
    calls = outside.read(path)
    assert calls["CYP2D6"] == one("CYP2D6\t*1/*4")
    assert calls["CYP2C9"].phenotypes == ("Intermediate Metabolizer",)


def test_an_outside_call_takes_the_place_of_our_own() -> None:
    ours = genes.call(genotypes("CYP2D6", {}), genes=("CYP2D6",))
    both = ours.with_outside(outside.calls(b"CYP2D6\t*1/*4"))
    assert not both["CYP2D6"].provisional
    assert ours["CYP2D6"].provisional


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "the file has no calls"),
        (b"BRCA1\t*1/*2", "there is no use for the gene 'BRCA1'"),
        (b"CYP2D6", "the row names a gene and nothing else"),
        (b"CYP2D6\t*1/*2/*3", "the diplotype is not one or two alleles"),
        (b"CYP2D6\t*1/", "the diplotype is not one or two alleles"),
        (b"CYP2D6\t*1", "one allele is given of two"),
        (b"HLA-B\t*57:01", "one allele is given of two"),
        (b"HLA-B\t*57/*58", "this is no HLA allele of two fields"),
        (b"CYP2C9\t\t\thigh", "the activity score is not a number"),
        (b"CYP2C9\t*1/*1\tNM\t2\tmore", "the row has more than four cells"),
        (b"[{}]", "the JSON is not a list of calls"),
        (b'{"gene": "CYP2D6"}', "the JSON is not a list of calls"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_with_advice(content: bytes, said: str) -> None:
    with pytest.raises(RefusedInput) as refused:
        outside.calls(content)
    assert refused.value.what == said
    assert refused.value.advice


def settled(line: str) -> bool:
    """Whether a line is read, or refused with advice."""
    try:
        return bool(outside.calls(line.encode()))
    except PolluxError as error:
        return bool(error.advice)


@pytest.mark.parametrize("gene", outside.KNOWN)
def test_whatever_stands_in_a_cell_is_read_or_refused(gene: str) -> None:
    for cell in ("*", "/", "[", "]", "+", "x", "*1x", "*1x99999999999/*1", "[*1 + ]/*1", "é/ü", "*1/*1x≥", "\x00", "≥"):
        for line in (f"{gene}\t{cell}", f"{gene}\t*1/{cell}", f"{gene}\t\t{cell}", f"{gene}\t\t\t{cell}"):
            assert settled(line), line
