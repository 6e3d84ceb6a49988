"""What a genome says for certain, as events of the record: twins and drug models read it without knowing how.

A value is derived only where every diplotype that the data allow agrees on it, the call is not provisional, and it does
not rest on the assumption that absent positions, or alleles without a definition, are the reference. All else leaves
nothing in the record, and `open_` says why. A genotype holds from birth on, so that is its time where it is known.
"""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, time

import msgspec

from pollux.care.treatment.genes import Diplotype, GeneCall
from pollux.record import Event, Record, Source
from pollux.record.event import Precision
from pollux.record.genotype import Genotypes

KIND = "genome"
HOLDING = ("positions without a row in callable regions were taken for reference",)  # evidence, and flagged
_OPEN = ("Indeterminate", "No Result", "")
Value = float | str | None


def _phenotype(one: Diplotype) -> Value:
    return None if one.phenotype in _OPEN else one.phenotype


def _score(one: Diplotype) -> Value:
    return one.activity_score


def _count(allele: str) -> Callable[[Diplotype], Value]:
    return lambda one: float(one.alleles.count(allele)) if one.alleles else None


def _is(*phenotypes: str) -> Callable[[Diplotype], Value]:
    return lambda one: None if one.phenotype in _OPEN else float(one.phenotype in phenotypes)


def _loses(one: Diplotype) -> Value:
    known = one.functions and all(function not in ("", "Unassigned function") for function in one.functions)
    return float("No function" in one.functions) if known else None


def _g_alleles(one: Diplotype) -> Value:
    letters = one.phenotype.removeprefix("-1639 ")
    return float(letters.count("G")) if letters in ("GG", "AG", "AA") else None


# Gene, quantity of the vocabulary, its unit, and how it follows from a diplotype.
RULES: tuple[tuple[str, str, str, Callable[[Diplotype], Value]], ...] = (
    *((gene, f"{gene.lower()}_phenotype", "", _phenotype) for gene in (
        "ABCG2", "CYP2B6", "CYP2C19", "CYP2C9", "CYP2D6", "CYP3A4", "CYP3A5", "DPYD", "G6PD", "NAT2", "NUDT15",
        "SLCO1B1", "TPMT", "UGT1A1")),
    *((gene, f"{gene.lower()}_activity_score", "1", _score) for gene in ("CYP2C9", "CYP2D6", "DPYD")),
    ("CYP2C9", "cyp2c9_2_alleles", "1", _count("*2")),
    ("CYP2C9", "cyp2c9_3_alleles", "1", _count("*3")),
    ("VKORC1", "vkorc1_g_alleles", "1", _g_alleles),
    ("CYP2C19", "cyp2c19_intermediate", "1", _is("Intermediate Metabolizer")),
    ("CYP2C19", "cyp2c19_poor", "1", _is("Poor Metabolizer")),
    ("CYP2C19", "cyp2c19_loss_of_function", "1", _loses),
    ("CYP3A5", "cyp3a5_expresser", "1", _is("Normal Metabolizer", "Intermediate Metabolizer")),
)  # fmt: skip


class Derived(msgspec.Struct, frozen=True):
    """Events to take into the record, in words which quantities stayed open and why, and what another file said."""

    events: tuple[Event, ...]
    open_: tuple[str, ...]
    against: tuple[str, ...] = ()


def derived(calls: Iterable[GeneCall], genotypes: Genotypes, record: Record, at: datetime) -> Derived:
    """The events that calls make for a record, learned at `at`.

    A value that stands already under the same name is not made again; one that stood and is certain no more is taken
    back. Where another file of the same person said otherwise both stand, and `against` names it.
    """
    by_gene = {call.gene: call for call in calls}
    standing = {event.id: event for event in record.current if event.source.kind == KIND}
    since = _since(record, at)
    made: list[Event] = []
    left: dict[str, list[str]] = {}
    against: list[str] = []
    for gene, quantity, unit, rule in RULES:
        call = by_gene.get(gene)
        value, why = _certain(call, rule)
        name = f"{KIND}/{genotypes.source}/{genotypes.sample}/{quantity}"
        before = standing.get(name)
        if value is None:
            left.setdefault(f"{gene}: {why}", []).append(quantity)
            if before is not None:
                made.append(msgspec.structs.replace(before, retracted=True, learned=at, modified=at))
            continue
        others = [one for one in record.of(quantity) if one.id != name and one.value != value]
        against += [f"{quantity} is {value} here and {one.value} in {one.source.name}: both stand" for one in others]
        if before is not None and before.value == value:
            continue
        source = Source(KIND, genotypes.source, _provenance(genotypes, call))
        flags = call.assumptions if call else ()
        moment, precision = (before.time, before.precision) if before else since
        made.append(Event(moment, quantity, value, unit, source, at, precision=precision, flags=flags, id=name,
                          modified=at))  # fmt: skip
    return Derived(tuple(made), tuple(f"{why} ({', '.join(names)})" for why, names in left.items()), tuple(against))


def _since(record: Record, at: datetime) -> tuple[datetime, Precision]:
    """The day of birth, as precisely as it was stated; where it is unknown, now."""
    born = record.person.born()
    if born is None:
        return at, "second"
    stated: dict[int, Precision] = {4: "year", 7: "month"}
    return datetime.combine(born, time(), UTC), stated.get(len(record.person.birth_date), "day")


def _provenance(genotypes: Genotypes, call: GeneCall | None) -> str:
    parts = (genotypes.sample, call.source if call else "", call.tables if call else "")
    return ", ".join(part for part in parts if part)


def _certain(call: GeneCall | None, rule: Callable[[Diplotype], Value]) -> tuple[Value, str]:
    """The value that every possible diplotype has, or None and why not."""
    if call is None or not call.possible:
        return None, "not tested"
    if call.provisional:
        return None, "provisional, gene copies were not counted"
    if any(one not in HOLDING for one in call.assumptions):
        return None, "rests on an assumption"
    values = {rule(one) for one in call.possible}
    if len(values) > 1:
        return None, "several results are possible"
    value = values.pop()
    return value, "" if value is not None else "no result that can be named"
