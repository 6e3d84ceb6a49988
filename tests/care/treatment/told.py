"""Accounts to look at: a synthetic genome and medications, and the four forms in which they are told."""

import html
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

import orjson

from pollux.care.treatment.account import Account, account, plain
from pollux.care.treatment.fhir import as_bundle
from pollux.care.treatment.genes import GENES, call, sites
from pollux.care.treatment.medication import medication
from pollux.care.treatment.review import Facts, review
from pollux.care.treatment.summary import summary
from pollux.record.genotype import Genotypes, Observation
from pollux.report import genome_report

AT = datetime(2026, 5, 1, 12, tzinfo=UTC)
DRUGS = (
    "codeine 30 mg", "clopidogrel", "omeprazole", "simvastatin", "warfarin", "azathioprine", "abacavir", "siponimod",
    "escitalopram", "tacrolimus", "amoxicillin", "metformin", "no such drug", "carbamazepine", "rosuvastatin",
)  # fmt: skip
FACTS = Facts(age=60, sex="female", allergies=("Penicillin",))


def seen(
    genes: Sequence[str] = GENES,
    untested: Iterable[str] = (),
    others: dict[str, tuple[str, str]] | None = None,
    assumptions: tuple[str, ...] = (),
    sample: str = "one",
) -> Genotypes:
    """The reference at every site of these genes, but for those untested and those that hold something else."""
    gone, held = set(untested), others or {}
    found = []
    for site in sites(tuple(genes)):
        copies = 1 if site.chromosome == "MT" else 2
        alleles = held.get(site.name, (site.grch38.reference,) * copies)
        tested = site.name not in gone
        found.append(Observation(site.name, alleles if tested else (), untested="" if tested else "absent"))
    return Genotypes(sample, "GRCh38", "made.vcf", tuple(found), assumptions)


def told(
    genotypes: Genotypes, drugs: Iterable[str] = DRUGS, genes: Sequence[str] = GENES, facts: Facts = FACTS
) -> Account:
    calls = call(genotypes, sex="female", genes=tuple(genes))
    return account(genotypes, calls, review([medication(one) for one in drugs], calls.values(), facts), at=AT)


def words(text: str) -> str:
    """A text without the ends of its lines."""
    return re.sub(r"\s+", " ", text)


def as_page(one: Account) -> str:
    """What a reader of the page reads."""
    return words(html.unescape(re.sub(r"<[^>]+>", " ", genome_report(one))))


def as_terminal(one: Account) -> str:
    return words(summary(one))


def as_json(one: Account) -> str:
    return orjson.dumps(plain(one)).decode()


def as_fhir(one: Account) -> list[dict[str, object]]:
    return [entry["resource"] for entry in as_bundle(one)["entry"]]
