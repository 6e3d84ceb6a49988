"""What is told of a genome: the same in every form, with its source, and nothing untested as normal."""

import html
import json
import re
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from pollux.care.treatment.account import ELSEWHERE, GROUPS, account, group, plain, settled
from pollux.care.treatment.fhir import as_bundle
from pollux.care.treatment.finding import Finding
from pollux.care.treatment.genes import Diplotype, GeneCall, call, sites
from pollux.care.treatment.guidance import held_for
from pollux.care.treatment.guidance.recommendation import recommendations
from pollux.care.treatment.medication import medication
from pollux.care.treatment.review import review
from pollux.care.treatment.summary import WIDTH, summary
from pollux.report import genome_report
from tests.care.treatment.told import AT, DRUGS, as_fhir, as_json, as_page, as_terminal, seen, told, words

FEW = ("CYP2C19", "SLCO1B1", "TPMT", "VKORC1", "NUDT15", "CYP3A5")
ASKED = tuple(
    drug for drug in DRUGS if drug in ("clopidogrel", "simvastatin", "azathioprine", "tacrolimus", "warfarin")
)
NAMES = [site.name for site in sites(FEW)]
MIXED = told(seen(untested=[site.name for site in sites(("NUDT15", "CACNA1S"))], others={"rs4244285": ("A", "A")}))


@given(untested=some.sets(some.sampled_from(NAMES)), gone=some.sets(some.sampled_from(FEW)))
@settings(max_examples=40, deadline=None)
def test_nothing_untested_is_ever_shown_as_normal(untested: set[str], gone: set[str]) -> None:
    untested = untested | {site.name for gene in gone for site in sites((gene,))}
    one = told(seen(FEW, untested), ASKED, FEW)
    page, terminal, resources = genome_report(one), summary(one), as_fhir(one)
    for gene in plain(one)["genes"]:
        name, silent = gene["gene"], not gene["tested"]
        row = re.search(rf"<tr[^>]*><td>{name}</td>.*?</tr>", page, re.DOTALL)
        assert row is not None
        read = html.unescape(row[0])
        observed = [r for r in resources if _gene(r) == name and "derivedFrom" not in r]
        assert len(observed) == 1
        if silent:
            assert gene["phenotypes"] == gene["matched"] == gene["possible"] == []
            assert ">not tested<" in row[0]
            assert "Normal" not in read
            assert re.search(rf"^  {name}: not tested", terminal, re.MULTILINE)
            assert "valueCodeableConcept" not in observed[0]
            assert observed[0]["dataAbsentReason"]["coding"][0]["code"] == "not-performed"  # type: ignore[index]
        for missing in gene["not_tested"]:
            assert missing in read
    for finding in one.review.findings:
        if any("not tested" in line for line in (*finding.because, *finding.unknown)):
            assert one.group(finding) != "nothing against it"
            assert not finding.certain


def _gene(resource: dict[str, object]) -> str:
    for part in resource.get("component", ()):  # type: ignore[attr-defined]
        if part["code"]["coding"][0]["code"] == "48018-6":
            return str(part["valueCodeableConcept"]["text"])
    return ""


@given(untested=some.sets(some.sampled_from(NAMES), max_size=20))
@settings(max_examples=30, deadline=None)
def test_testing_less_never_makes_a_finding_surer(untested: set[str]) -> None:
    whole, less = told(seen(FEW), ASKED, FEW), told(seen(FEW, untested), ASKED, FEW)
    for call_, before in zip(less.calls, whole.calls, strict=True):
        assert not call_.possible or set(before.phenotypes) <= set(call_.phenotypes)
    sure = {(one.drugs, one.population, one.advice) for one in whole.review.findings if one.certain}
    for one in less.review.findings:
        assert not one.certain or one.kind != "gene" or (one.drugs, one.population, one.advice) in sure


def test_every_finding_is_told_in_every_form() -> None:
    page, terminal, data = as_page(MIXED), as_terminal(MIXED), as_json(MIXED)
    issues = [r for r in as_fhir(MIXED) if r["resourceType"] == "DetectedIssue" or "derivedFrom" in r]
    fhir = json.dumps(issues, ensure_ascii=False)
    kinds = {one.kind for one in MIXED.review.findings}
    assert kinds >= {"gene", "interaction", "allergy", "kidney", "not recognised"}
    assert {group(one) for one in MIXED.review.findings} >= {"think again", "cannot be said", "not recognised"}
    for one in MIXED.review.findings:
        assert words(one.advice).casefold() in page.casefold() or one.kind == "not recognised"
        assert words(one.advice) in terminal
        assert json.dumps(one.advice)[1:-1] in data or one.advice in data
        assert json.dumps(one.advice, ensure_ascii=False)[1:-1] in fhir
        for name in one.drugs:
            assert name in page
            assert name in fhir


def test_every_statement_leads_to_its_source_in_every_form() -> None:
    page, terminal, data = genome_report(MIXED), as_terminal(MIXED), as_json(MIXED)
    fhir = json.dumps(as_fhir(MIXED), ensure_ascii=False)
    for one in MIXED.review.findings:
        assert one.sources
        for source in one.sources:
            assert words(source.text) in terminal
            assert source.text in data
            assert source.text in fhir
            if source.pmid:
                assert f'href="https://pubmed.ncbi.nlm.nih.gov/{source.pmid}/"' in page
            assert html.escape(source.about) in page or source.about in page


def test_every_gene_that_guidance_asks_for_is_told_even_if_nobody_called_it() -> None:
    asked = {gene for one in recommendations() for gene in one.genes}
    assert asked <= {one.gene for one in MIXED.calls}
    for gene in ELSEWHERE:
        assert f'<tr class="never"><td>{gene}</td>' in genome_report(MIXED)


def test_assumptions_stand_on_every_section_that_rests_on_them() -> None:
    assumed = told(seen(assumptions=("positions absent from the file were taken for reference",)))
    page = genome_report(assumed)
    sections = [part for part in page.split("<section")[1:] if "<table" in part]
    resting = [part for part in sections if 'id="rests"' not in part and 'id="list"' not in part]
    assert resting
    assert all("were taken for reference. No row of the file says so." in part for part in resting)
    assert "Rests on an assumption" in page
    assert "ASSUMED: positions absent from the file were taken for reference" in summary(assumed)
    assert not any(group(one) == "nothing against it" for one in assumed.review.findings if one.kind == "gene")
    observed = [r for r in as_fhir(assumed) if "extension" in r and r.get("derivedFrom") is None and "note" in r]
    assert all(any("Assumed: " in note["text"] for note in r["note"]) for r in observed if "valueCodeableConcept" in r)  # type: ignore[attr-defined]


def test_what_was_never_said_is_told_as_unknown() -> None:
    genotypes = seen(FEW)
    calls = call(genotypes, genes=FEW)
    one = account(genotypes, calls, review(None, calls.values()), at=AT)
    for text in (as_page(one), as_terminal(one)):
        assert "medications are unknown: there is no list" in text.replace("Medications", "medications")
        assert "allergies are unknown: there is no list" in text.replace("Allergies", "allergies")
    assert "NO DRUG WAS NAMED" in summary(one)
    assert "No drug was named, so that there is nothing to think again about." in as_page(one)


HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "{{ 7*7 }}",
    "a\x1b[31mred\x1b[0m",
    "\u202etxet",
)


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_stay_text(name: str) -> None:
    one = told(seen(FEW, sample=name), (name, "clopidogrel"), FEW)
    page = genome_report(one)
    assert "<script" not in page
    assert "<img" not in page
    assert ("{{ 7*7 }}" in page) == (name == "{{ 7*7 }}")  # a template inside a name is not worked out
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", summary(one))
    assert "\x1b" not in json.dumps(as_bundle(one), ensure_ascii=False)


def test_the_page_needs_nothing_from_elsewhere() -> None:
    page = genome_report(MIXED)
    assert "<script" not in page
    assert "@import" not in page
    assert "url(" not in page
    loads = re.findall(r"<(?:link|img|iframe|object|embed)\b", page)
    assert loads == []
    assert all(link.startswith("https://pubmed.ncbi.nlm.nih.gov/") for link in re.findall(r'href="([^"]*)"', page))


class Open(HTMLParser):
    """Which elements are open, to see that each is closed in its turn."""

    ALONE = ("meta", "br")

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.wrong: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in self.ALONE:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)


@pytest.mark.parametrize("untested", [[], NAMES], ids=["tested", "untested"])
def test_every_element_of_the_page_is_closed_in_its_turn(untested: list[str]) -> None:
    reader = Open()
    reader.feed(genome_report(told(seen(FEW, untested), DRUGS, FEW)))
    assert (reader.wrong, reader.open) == ([], [])


def test_it_answers_in_the_order_that_a_clinician_asks() -> None:
    headings = re.findall(r"<h2[^>]*>(.*?)</h2>", genome_report(MIXED))
    assert headings[0] == "Think again about"
    assert headings[-5:] == [
        "Not covered",
        "Medications looked at",
        "Genes never tested",
        "Genes called",
        "What this rests on",
    ]
    lines = summary(MIXED).splitlines()
    assert lines[2].startswith("THINK AGAIN ABOUT")
    assert all(len(line) <= WIDTH for line in lines)
    assert "Research software, not a medical device." in lines[-1]


def test_a_drug_to_think_again_about_has_nothing_under_nothing_against_it() -> None:
    again = {name for one in MIXED.of("think again") for name in one.drugs}
    clear = {name for one in MIXED.of("nothing against it") for name in one.drugs}
    assert "omeprazole" in again
    assert again & clear == set()


def test_every_finding_is_in_one_group() -> None:
    told_ = [one for name in GROUPS for one in MIXED.of(name)]
    assert sorted(map(id, told_)) == sorted(map(id, MIXED.review.findings))


POOR = Diplotype(("*4", "*4"), ("No function",) * 2, "Poor Metabolizer", 0.0)
NORMAL = Diplotype(("*1", "*1"), ("Normal function",) * 2, "Normal Metabolizer", 2.0)
CYP2D6_DRUGS = sorted({d for one in recommendations() if one.genes == ("CYP2D6",) for d in one.drugs})


@pytest.mark.parametrize("drug", CYP2D6_DRUGS)
@pytest.mark.parametrize("possible", [(POOR,), (POOR, NORMAL)], ids=["one", "several"])
def test_a_provisional_call_never_carries_dose_advice(drug: str, possible: tuple[Diplotype, ...]) -> None:
    provisional = GeneCall("CYP2D6", possible[:1], possible, ("rs3892097",), provisional=True, source="vcf")
    one = account(seen(("VKORC1",)), [provisional], review([medication(drug)], [provisional]), at=AT)
    said = [finding for finding in one.review.findings if finding.kind == "gene"]
    assert said
    for finding in said:
        _carries_no_dose(finding)
    for resource in as_fhir(one):
        if resource["resourceType"] == "Observation" and (_gene(resource) == "CYP2D6" or "derivedFrom" in resource):
            assert resource["status"] == "preliminary"
        if resource["resourceType"] == "DetectedIssue":
            assert resource["status"] == "preliminary"
    assert "provisional" in as_page(one)
    assert "provisional" in as_terminal(one)
    assert all(gene["provisional"] for gene in plain(one)["genes"] if gene["gene"] == "CYP2D6")


def _carries_no_dose(finding: Finding) -> None:
    assert finding.action in ("none", "depends")
    assert not finding.certain
    assert settled(finding).startswith("open")
    assert any("provisional" in line or "not tested" in line for line in finding.unknown)


def test_the_drugs_of_guidance_are_spoken_of_or_named_as_silent() -> None:
    one = told(seen(), ("codeine", "aspirin"))
    assert held_for("codeine")
    assert one.review.silent == ("aspirin",)
    assert "No genetic guidance is held for aspirin" in as_page(one)
    assert "NO GENETIC GUIDANCE IS HELD for aspirin" in as_terminal(one)


def test_the_same_account_gives_the_same_page_and_the_same_bundle() -> None:
    again = told(seen(untested=[site.name for site in sites(("NUDT15", "CACNA1S"))], others={"rs4244285": ("A", "A")}))
    assert genome_report(again) == genome_report(MIXED)
    assert as_bundle(again) == as_bundle(MIXED)
