"""Our tables against the definitions and phenotype maps they restate; the calls of published VCFs."""

import json
from pathlib import Path
from typing import Any

import pytest

from pollux.care.treatment import genes
from pollux.care.treatment.genes import restate
from pollux.care.treatment.genes.definition import bases, gene
from pollux.care.treatment.genes.meaning import diplotype
from pollux.errors import PolluxError
from pollux.sources import vcf
from tests.care.treatment.genes.seen import called, names, possible
from tests.conftest import ReferenceFolder

pytestmark = pytest.mark.reference
SITES = genes.sites()
DEFINED = restate.MADE
MAPPED = ("ABCG2", "CACNA1S", "CFTR", "CYP2B6", "CYP2C19", "CYP2C9", "CYP3A4", "CYP3A5", "DPYD", "MT_RNR1", "NAT2",
          "NUDT15", "SLCO1B1", "TPMT", "UGT1A1", "VKORC1")  # fmt: skip
UNDEFINED = {"MT-RNR1": {"m.961T>del+Cn"}}  # mapped to a phenotype, but no table says with which bases


def definition(reference: ReferenceFolder, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((reference / f"genomics/definition/{name}_translation.json").read_text())
    return found


@pytest.mark.parametrize("name", DEFINED)
def test_every_site_and_every_allele_is_as_defined(name: str, reference: ReferenceFolder) -> None:
    theirs, ours = definition(reference, name), gene(name)
    assert [(one.grch38.position, one.grch38.reference, list(one.alternates)) for one in ours.sites] == [
        (one["position"], one["ref"], one["alts"]) for one in theirs["variants"]
    ]
    assert f"chr{ours.chromosome}" == theirs["chromosome"]
    expected = []
    for allele in sorted(theirs["namedAlleles"], key=lambda one: not one["reference"]):
        said = {
            at: bases(base)
            for at, (base, variant) in enumerate(zip(allele["alleles"], theirs["variants"], strict=True))
            if base and not (allele["reference"] and base == variant["ref"])
        }
        expected.append((theirs["suballelesMap"].get(allele["name"], allele["name"]), said))
    found = [(one.name, one.defined) for one in ours.alleles]
    assert found[: len(expected)] == expected
    assert all(not defined for _, defined in found[len(expected) :])  # CYP2D6 structures, which no bases define


@pytest.mark.parametrize("name", DEFINED)
def test_the_table_is_what_the_reference_folder_makes_of_it(name: str, reference: ReferenceFolder) -> None:
    kept = (restate.TABLES / f"{name}.tsv").read_text("utf-8")
    assert restate.restate(name, reference.root / "genomics") == kept


@pytest.mark.parametrize("name", MAPPED)
def test_every_listed_diplotype_has_the_listed_phenotype_and_score(name: str, reference: ReferenceFolder) -> None:
    theirs = json.loads((reference / f"genomics/phenotype/{name}.json").read_text())
    ours = gene(theirs["gene"])
    left_out = UNDEFINED.get(ours.name, set())
    gone = {one for one in theirs["haplotypes"] if ours.allele(one) is None} - left_out
    kept = {one["name"] for one in theirs["namedAlleles"]}
    assert len(theirs["diplotypes"]) > 0
    checked = 0
    for listed in theirs["diplotypes"]:
        copies = [one for one, many in listed["diplotypekey"].items() for _ in range(many)]
        if set(copies) & (gone | left_out):
            continue  # an allele that the definitions of the same release no longer have
        alleles = [allele for one in copies if (allele := ours.allele(one))]
        found = diplotype(ours, alleles)
        score = None if listed["activityScore"] in (None, "n/a") else float(listed["activityScore"])
        assert (found.phenotype, found.activity_score) == (listed["phenotype"], score), copies
        checked += 1
    assert checked >= 0.8 * len(theirs["diplotypes"])
    assert gone <= kept


@pytest.mark.parametrize("name", [name for name in MAPPED if name not in ("CFTR",)])
def test_alleles_that_only_one_of_the_two_files_has_are_known(name: str, reference: ReferenceFolder) -> None:
    """An allele without a definition cannot be called; one without a function has an indeterminate phenotype."""
    theirs = json.loads((reference / f"genomics/phenotype/{name}.json").read_text())
    ours = gene(theirs["gene"])
    gone = {one for one in theirs["haplotypes"] if ours.allele(one) is None}
    assert gone <= {"*29", "*30", "*36", "*37", "*48", "*49", "m.961T>del+Cn"}
    without = {one.name for one in ours.alleles} - set(theirs["haplotypes"])
    assert all(one.function == "Unassigned function" for one in ours.alleles if one.name in without)


def test_g6pd_pairs_are_those_that_pypgx_lists(reference: ReferenceFolder) -> None:
    ours, checked = gene("G6PD"), 0
    known = {one.name for one in ours.alleles if one.name not in ("Cairo", "No name")}  # pypgx: unknown function
    for line in (reference / "genomics/pypgx/diplotype-table.csv").read_text().splitlines():
        if not line.startswith("G6PD,"):
            continue
        _, written, phenotype = next(iter(__import__("csv").reader([line])))
        copies = [one for one in written.split("/") if one != "MALE"]
        if set(copies) <= known and len(copies) <= 2:
            found = diplotype(ours, [allele for one in copies if (allele := ours.allele(one))])
            assert f"G6PD {found.phenotype}" == phenotype, copies
            checked += 1
    assert checked > 15_000


def test_the_expected_calls_are_made_exactly(reference: ReferenceFolder) -> None:
    cases = json.loads((reference / "genomics/expected_calls.json").read_text())
    checked = 0
    for case in cases:
        if case["vcf"]:
            path = _published(reference, case["vcf"][0])
            if path is None:
                continue
            call = genes.call(vcf.read(path, SITES))[case["gene"].upper()]
        else:
            bases_seen = {one["rsid"]: tuple(one["alleles"]) for one in case["variations"]}
            missing = [site for _, site in case["missing"]]
            call = called(case["gene"].upper(), bases_seen, missing, "" if case["phased"] else None)
        assert set(names(call)) == set(case["expected"]), case["test"]
        assert set(names(call)) <= possible(call)
        checked += 1
    assert checked >= 20


def _published(reference: ReferenceFolder, name: str) -> Path | None:
    """The file of a case; the reference folder holds only some of them."""
    gene_name, file = name.split("/")[-2:]
    path = reference.root / "genomics" / "vcf" / f"{gene_name}__{file}"
    return path if path.exists() else None


def test_every_published_vcf_is_read_or_refused_for_a_reason(reference: ReferenceFolder) -> None:
    paths = sorted((reference / "genomics/vcf").glob("*.vcf"))
    assert len(paths) > 80
    refused = {}
    for path in paths:
        try:
            calls = genes.call(vcf.read(path, SITES))
        except PolluxError as error:
            refused[path.name] = error
            continue
        for call in calls.values():
            assert set(names(call)) <= possible(call), path.name
    assert set(refused) == {
        "NamedAlleleMatcher-unknownAltMultisample.vcf",
        "VcfReaderTest-phaseSet.vcf",
        "VcfSampleReaderTest-multisample.vcf",
    }
    assert all("the file has 2 samples" in str(error) for error in refused.values())
    for name in refused:
        assert vcf.read(reference / f"genomics/vcf/{name}", SITES, sample="Sample_2").sample == "Sample_2"


@pytest.mark.parametrize(
    ("file", "gene_name", "expected"),
    [
        ("CYP2B6__s1s1", "CYP2B6", ["*1/*1"]),
        ("CYP2B6__s1s34", "CYP2B6", ["*1/*34", "*33/*36"]),
        ("DPYD__c2846het", "DPYD", ["Reference/c.2846A>T"]),
        ("DPYD__c1679c1156", "DPYD", ["c.1156G>T (*12)/c.1679T>G (*13)"]),
        ("DPYD__c1129-5923c2846", "DPYD", ["c.1129-5923C>G/c.2846A>T"]),
        ("DPYD__novariant", "DPYD", ["Reference/Reference"]),
        ("TPMT__s3bs3c", "TPMT", ["*1/*3A", "*3B/*3C"]),
        ("TPMT__s1s1s", "TPMT", ["*1/*1"]),
        ("UGT1A1__s28s37", "UGT1A1", ["*28/*37"]),
        ("UGT1A1__s28s80phased", "UGT1A1", ["*1/*80+*28"]),
        ("UGT1A1__s28s80s6s60unphased", "UGT1A1", ["*6/*80+*28"]),
        ("UGT1A1__s6s60s80s28missingunphased", "UGT1A1", ["*6/*80", "*6/*80+*28", "*6/*80+*37"]),
        ("cyp2c19__s4bs17rs28399504missing", "CYP2C19", ["*4/*4", "*4/*17", "*17/*17"]),
        ("cyp2c19__s1s17s1s4bmissing", "CYP2C19", ["*1/*4", "*1/*17"]),
        ("cyp2c9__s2s25", "CYP2C9", ["*2/*25"]),
        ("cyp3a5__s3s9", "CYP3A5", ["*3/*9"]),
        ("cyp3a5__s1s7", "CYP3A5", ["*1/*7"]),
        ("NUDT15__s2ref", "NUDT15", ["*1/*2", "*3/*6"]),
    ],
)
def test_the_calls_that_the_names_of_the_files_state_are_made(
    file: str, gene_name: str, expected: list[str], reference: ReferenceFolder
) -> None:
    calls = genes.call(vcf.read(reference / f"genomics/vcf/{file}.vcf", SITES))
    assert set(names(calls[gene_name])) == set(expected)


def test_the_chromosome_lengths_are_those_of_a_published_header(reference: ReferenceFolder) -> None:
    from pollux.sources.vcf.header import LENGTHS

    lines = (reference / "genomics/vcf/VcfReaderTest-phasing.vcf").read_text().splitlines()
    lengths = {
        line.split("ID=chr")[1].split(",")[0]: int(line.split("length=")[1].rstrip(">"))
        for line in lines
        if line.startswith("##contig")
    }
    shared = set(lengths) & set(LENGTHS["GRCh38"])
    assert len(shared) >= 22
    assert all(LENGTHS["GRCh38"][name] == lengths[name] for name in shared)
