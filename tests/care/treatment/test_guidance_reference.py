"""Each statement is derived again from the stored text of its source, by a reader of its own."""

import csv
import json
import re
from collections.abc import Iterator
from itertools import product

import pytest

from pollux.care.treatment.genes import Diplotype
from pollux.care.treatment.guidance.recommendation import Recommendation, drugs_covered, held_for, recommendations
from tests.conftest import ReferenceFolder

pytestmark = pytest.mark.reference

# What the stored table has of these was changed by CPIC afterwards; the newer statement was read instead.
NEWER = {
    "citalopram": "serotonin reuptake inhibitors, 2023",
    "escitalopram": "serotonin reuptake inhibitors, 2023",
    "sertraline": "serotonin reuptake inhibitors, 2023",
    "paroxetine": "serotonin reuptake inhibitors, 2023",
}
# Not held, each for a reason.
LEFT_OUT = {
    "fluvoxamine": "serotonin reuptake inhibitors, 2023: not read",
    "ondansetron": "guideline changed in 2026: not read",
    "tropisetron": "guideline changed in 2026: not read",
    "peginterferon alfa-2a": "guideline retired in 2026",
    "peginterferon alfa-2b": "guideline retired in 2026",
    "ribavirin": "guideline retired in 2026",
    "hormonal contraceptives for systemic use": "factor V is not among the genes",
}
# The stored table names one phenotype where the guideline asks for an activity score.
SCORES = {
    ("CYP2C9", "Normal Metabolizer"): (2.0,),
    ("CYP2C9", "Intermediate Metabolizer"): (1.5,),
    ("CYP2C9", "Poor Metabolizer"): (0.0, 0.5),
    ("DPYD", "Normal Metabolizer"): (2.0,),
    ("DPYD", "Intermediate Metabolizer"): (1.0, 1.5),
    ("DPYD", "Poor Metabolizer"): (0.0, 0.5),
}
TERMS = {
    "Favorable Response": "ivacaftor responsive in CF patients",
    "Unfavorable Response": "ivacaftor non-responsive in CF patients",
}


def stored(reference: ReferenceFolder) -> list[dict[str, str]]:
    with (reference / "genomics/pypgx/recommendation-table.csv").open(encoding="utf-8") as table:
        return [row for row in csv.DictReader(table) if row["Recommendation"] != "None"]


def action(text: str) -> str:
    """The first thing a text says to do."""
    said = re.sub(r"^based on \S+ status, |^based on nudt15, ", "", text.casefold())
    if said.startswith("avoid moderate and strong"):
        return "standard"
    if said.startswith("avoid") or "relatively contraindicated" in said or "is not recommended" in said:
        return "avoid"
    other = ("choose an alternative", "select alternative", "prescribe an alternative", "consider alternative",
             "consider an alternative", "consider hormonal", "recommend alternative", "for non-malignant")  # fmt: skip
    if said.startswith(other):
        return "alternative"
    if "clinical findings, family history" in said or said.startswith("no recommendation"):
        return "none"
    if said.startswith("initiate with a dose of 40 mg"):
        return "monitor"
    changed = r"reduc|increase starting|decreased dose|<=|25-50%|10 mg/m2|drastically"
    standing = ("initiate standard starting daily dose", "based on genotype, there is no indication")
    if re.search(changed, said) and not said.startswith(standing):
        return "dose"
    return "standard"


def factors(text: str) -> set[tuple[float, float]]:
    """The shares of the dose that a text speaks of: what is left after a reduction, or what it rises to."""
    found: set[tuple[float, float]] = set()
    for low, high in re.findall(r"(\d+)%?-(\d+)% (?:of|reduction)", text):
        found.add((int(low) / 100, int(high) / 100))
    for low, high in re.findall(r"(\d+)% ?(?:to|-) ?(\d+)% of normal dose", text):
        found.add((int(low) / 100, int(high) / 100))
    for low, high in re.findall(r"increasing dose by (\d+)-(\d+)%", text):
        found.add((1 + int(low) / 100, 1 + int(high) / 100))
    for by in re.findall(r"(\d+)% reduction|[Rr]educe starting dose by (\d+)%", text):
        found.add((1 - int(by[0] or by[1]) / 100,) * 2)
    for by in re.findall(r"daily dose by (\d+)%", text):
        found.add((1 + int(by) / 100,) * 2)
    for to in re.findall(r"doses to (\d+)% of normal", text):
        found.add((int(to) / 100,) * 2)
    for low, high in re.findall(r"dose ([\d.]+) to ([\d.]+) times", text):
        found.add((float(low), float(high)))
    for by in re.findall(r"by (\d+)-fold", text):
        found.add((1 / int(by),) * 2)
    return found


def limits(text: str) -> set[float]:
    """The greatest daily doses [mg] that a text allows as a start."""
    return {float(x) for x in re.findall(r"(?:[Pp]rescribe|limit dose to) <=? ?=?(\d+) ?mg", text)}


def results(row: dict[str, str]) -> Iterator[dict[str, Diplotype | None]]:
    """What the row's phenotypes may be as results: with every activity score that the guideline means."""
    sides: list[list[tuple[str, Diplotype | None]]] = []
    for n in ("1", "2"):
        gene, phenotype = row[f"Gene{n}"], row[f"Phenotype{n}"]
        if gene == "None":
            continue
        term = TERMS.get(phenotype, phenotype)
        if phenotype == "None":
            sides.append([(gene, None)])
        else:
            keyed: tuple[float | None, ...] = SCORES.get((gene, phenotype), (None,))
            sides.append([(gene, Diplotype((), (), term, score)) for score in keyed])
    for combination in product(*sides):
        yield dict(combination)


def met(drug: str, result: dict[str, Diplotype | None]) -> list[Recommendation]:
    return [
        one
        for one in held_for(drug)
        if one.population not in ("children", "neurovascular", "cardiovascular, neither ACS nor PCI")
        and all(part.gene in result and part.meets(result[part.gene]) for part in one.when)
    ]


def test_every_stored_drug_is_held_or_left_out_for_a_reason(reference: ReferenceFolder) -> None:
    names = {row["Drug"] for row in stored(reference)}
    assert names - set(drugs_covered()) == set(LEFT_OUT)


def test_every_stored_text_gives_again_the_action_that_is_held(reference: ReferenceFolder) -> None:
    wrong = []
    for row in stored(reference):
        if row["Drug"] in LEFT_OUT or row["Drug"] in NEWER:
            continue
        text = row["Recommendation"]
        for result in results(row):
            held = met(row["Drug"], result)
            superseded = any(one.fact == "cpic-2024" for one in held)
            if not held and (_says_nothing(row) or _changed_since(row)):
                continue
            if not held or (action(text) not in {one.action for one in held} and not superseded):
                wrong.append((row["Drug"], row["Phenotype1"], row["Phenotype2"], action(text), held))
    assert not wrong


def _says_nothing(row: dict[str, str]) -> bool:
    """Neither gene told anything: not tested, or without a phenotype."""
    return {row["Phenotype1"], row["Phenotype2"]} <= {"None", "Indeterminate"}


def _changed_since(row: dict[str, str]) -> bool:
    """Thioguanine in intermediate metabolizers of both genes: changed by CPIC on 2024-03-20, and that was not read."""
    both = row["Phenotype1"] + row["Phenotype2"]
    return row["Drug"] == "thioguanine" and both.count("Intermediate") == 2


def test_every_stored_share_of_a_dose_is_the_one_that_is_held(reference: ReferenceFolder) -> None:
    compared = 0
    for row in stored(reference):
        if row["Drug"] in LEFT_OUT or row["Drug"] in NEWER:
            continue
        for result in results(row):
            for one in met(row["Drug"], result):
                if one.fact != "pypgx" or one.factor is None:
                    continue
                near = [f for f in factors(row["Recommendation"]) if f == pytest.approx(one.factor)]
                assert near, (row["Drug"], row["Phenotype1"], row["Phenotype2"], one.factor)
                compared += 1
    assert compared > 100


def test_every_stored_ceiling_of_a_statin_is_the_one_that_is_held(reference: ReferenceFolder) -> None:
    compared = 0
    for row in stored(reference):
        if not row["Drug"].endswith("statin"):
            continue
        for result in results(row):
            for one in met(row["Drug"], result):
                said = limits(row["Recommendation"])
                number = re.search(r"(\d+) mg/day", one.limit)
                assert bool(number) == bool(said), (row["Drug"], row["Recommendation"], one.limit)
                if number:
                    assert float(number.group(1)) in said
                    compared += 1
    assert compared > 20


def test_every_row_that_names_the_stored_table_is_found_in_it(reference: ReferenceFolder) -> None:
    seen = {one for row in stored(reference) for result in results(row) for one in met(row["Drug"], result)}
    assert not [one for one in recommendations() if one.fact == "pypgx" and one not in seen and not _scored_only(one)]


def _scored_only(one: Recommendation) -> bool:
    """Rows that the stored table has under a phenotype whose score it does not state."""
    return any(part.scores is not None for part in one.when) and one.drugs[0] in ("fluorouracil",)


def test_what_cpic_changed_after_the_stored_table_was_read_newer_or_is_marked(reference: ReferenceFolder) -> None:
    with (reference / "genomics/cpic_changes.tsv").open(encoding="utf-8") as table:
        changes = [row for row in csv.DictReader(table, delimiter="\t") if row["Type of Data"] == "RECOMMENDATION"]
    later = {row["Subject"] for row in changes if row["Date of Change"] > "2023-08-31"}
    for name in later:
        newer = [one for one in held_for(name) if one.changed or one.fact not in ("pypgx",)]
        assert newer, name


def test_every_term_is_one_that_the_gene_can_have(reference: ReferenceFolder) -> None:
    for one in recommendations():
        for part in one.when:
            path = f"genomics/phenotype/{part.gene.replace('-', '_')}.json"
            if part.gene in ("CYP2D6", "G6PD", "RYR1", "HLA-A", "HLA-B"):
                continue  # there is no map of these
            known = json.dumps(json.loads((reference / path).read_text(encoding="utf-8")))
            for term in part.terms:
                if term not in ("No Result", "Indeterminate") and not term.startswith("genotype "):
                    assert f'"{term}"' in known, (part.gene, term)
