"""Restates allele definitions and phenotype maps as Pollux's own tables: ``python -m …genes.restate FOLDER``.

FOLDER holds `definition/`, `phenotype/` and `pypgx/` in the form that ClinPGx and pypgx publish them. Only facts are
taken: positions, bases, functions, activity values, and the rule that the listed diplotypes follow. A phenotype map
whose diplotypes follow no rule of functions or sums is refused. Functions of genes that have no map in FOLDER, and
tables that are not made from it at all (CACNA1S, CFTR, IFNL3, MT-RNR1, rs12777823), stay as they are.
"""

import csv
import json
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from pollux.care.treatment.genes.definition import UNASSIGNED, gene
from pollux.errors import ModelError

TABLES = Path(__file__).parent / "tables"
MADE = (
    "ABCG2", "CYP2B6", "CYP2C19", "CYP2C9", "CYP2D6", "CYP3A4", "CYP3A5", "CYP4F2", "DPYD", "G6PD", "NAT2", "NUDT15",
    "RYR1", "SLCO1B1", "TPMT", "UGT1A1", "VKORC1",
)  # fmt: skip
KEPT = ("CYP2D6", "G6PD", "RYR1")  # functions stay: the folder has no map of them
SCORED = {"CYP2C9", "CYP2D6", "DPYD"}
_COPIES = re.compile(r"g\.(\d+)([ACGT]+)\[(\d+)\]")


def slide(variant: dict[str, Any]) -> str:
    """The reference bases behind `ref` into which an indel can slide, from where HGVS and VCF put the same change.

    VCF puts an indel leftmost, HGVS rightmost; between them the reference repeats the inserted or deleted unit.

    >>> slide({"position": 99652770, "ref": "T", "alts": ["TA"], "cpicPosition": 99652771,
    ...        "chromosomeHgvsName": "g.99652771dup"})
    'A'
    >>> slide({"position": 233760233, "ref": "CAT", "alts": ["CATAT"], "cpicPosition": 233760235,
    ...        "chromosomeHgvsName": "g.233760235TA[8]"})
    'ATATATATATATA'
    """
    ref, start, named = variant["ref"], variant["position"], variant["chromosomeHgvsName"]
    longest = max(variant["alts"], key=len)
    if repeats := _COPIES.findall(named):
        where, unit, _ = repeats[0]
        held = max(int(many) for _, _, many in repeats) - (len(longest) - len(ref)) // len(unit)
        lead = (ref[1:] or longest[1:])[: int(where) - start - 1]
        return str((ref[0] + lead + unit * held)[len(ref) :])
    if len(longest) == len(ref):
        return ""
    unit = max(ref, longest, key=len)[1:]
    if "ins" in named:
        return str(unit[: variant["cpicPosition"] - start])
    moved = variant["cpicPosition"] - start - 1
    return str((ref[0] + (unit * (moved + 1))[: moved + len(unit)])[len(ref) :])


def older(folder: Path) -> dict[tuple[str, int, str], tuple[str, str]]:
    """GRCh37 position and reference of each variant that pypgx lists, under gene, GRCh38 position and reference."""
    with (folder / "pypgx" / "variant-table.csv").open(encoding="utf-8") as file:
        return {
            (row["Gene"], int(row["GRCh38Position"]), row["GRCh38Allele"]): (row["GRCh37Position"], row["GRCh37Allele"])
            for row in csv.DictReader(file)
        }


def site_rows(definition: dict[str, Any], known: dict[tuple[str, int, str], tuple[str, str]]) -> Iterator[list[str]]:
    """One row a site."""
    many = Counter(variant["rsid"] for variant in definition["variants"])
    for variant in definition["variants"]:
        chromosome = definition["chromosome"].removeprefix("chr")
        unique = variant["rsid"] and many[variant["rsid"]] == 1
        name: str = variant["rsid"] if unique else f"{chromosome}:{variant['chromosomeHgvsName'].split(';')[0]}"
        place, reference = known.get((str(definition["gene"]), variant["position"], variant["ref"]), ("", ""))
        if len(reference) != len(variant["ref"]):
            place = reference = ""
        yield [
            "site", name, str(variant["position"]), variant["ref"], ",".join(variant["alts"]), slide(variant),
            place, reference,
        ]  # fmt: skip


def allele_rows(
    definition: dict[str, Any], names: list[str], functions: dict[str, tuple[str, str]]
) -> Iterator[list[str]]:
    """One row an allele, the reference allele first; what it does not say, the first one says."""
    ordered = sorted(definition["namedAlleles"], key=lambda one: not one["reference"])
    unscored = "n/a" if definition["gene"] in SCORED else ""
    for allele in ordered:
        said = [
            f"{name}={base}"
            for name, variant, base in zip(names, definition["variants"], allele["alleles"], strict=True)
            if base and not (allele["reference"] and base == variant["ref"])
        ]
        core = definition["suballelesMap"].get(allele["name"], allele["name"])
        yield ["allele", core, *functions.get(core, (UNASSIGNED, unscored)), " ".join(said)]


def _functions(name: str, folder: Path, phenotypes: dict[str, Any]) -> dict[str, tuple[str, str]]:
    if name in KEPT:
        return {one.name: (one.function, one.activity) for one in gene(name).alleles}
    table = {}
    for one in phenotypes.get("namedAlleles", ()):
        function, activity = one["functionValue"] or "", one["activityValue"] or ""
        table[one["name"]] = (function, activity)
    return table


def rule_rows(name: str, phenotypes: dict[str, Any]) -> list[list[str]]:
    """The rule that every listed diplotype follows: by functions, or by the sum of activity values."""
    if not phenotypes:
        return []
    found: dict[tuple[str, ...], set[str]] = {}
    for listed in phenotypes["diplotypes"]:
        alleles = [one for one, copies in listed["diplotypekey"].items() for _ in range(copies)]
        if name in SCORED:
            key: tuple[str, ...] = (listed["activityScore"],)
        else:
            key = tuple(sorted(phenotypes["haplotypes"][one] for one in alleles))
        found.setdefault(key, set()).add(listed["phenotype"])
    if broken := [key for key, means in found.items() if len(means) > 1]:
        raise ModelError(f"no rule explains the phenotypes of {broken[0]}", where=name)
    if name not in SCORED:
        return [["rule", *key, *means] for key, means in sorted(found.items())]
    numbers = sorted((float(key[0]), *means) for key, means in found.items() if key[0] != "n/a")
    starts = [number for at, number in enumerate(numbers) if not at or number[1] != numbers[at - 1][1]]
    return [["score", str(lowest), str(phenotype)] for lowest, phenotype in starts]


def _kept(name: str, kinds: Iterable[str]) -> list[str]:
    path = TABLES / f"{name}.tsv"
    lines = path.read_text("utf-8").splitlines() if path.exists() else []
    return [line for line in lines if line.split("\t")[0] in kinds]


def restate(name: str, folder: Path) -> str:
    """The text of a gene's table."""
    definition = json.loads((folder / "definition" / f"{name}_translation.json").read_text("utf-8"))
    path = folder / "phenotype" / f"{name}.json"
    phenotypes = json.loads(path.read_text("utf-8")) if path.exists() else {}
    sites = list(site_rows(definition, older(folder)))
    functions = _functions(name, folder, phenotypes)
    rows = [
        ["gene", name, definition["chromosome"].removeprefix("chr"), _version(definition)],
        *sites,
        *allele_rows(definition, [row[1] for row in sites], functions),
    ]
    rules = rule_rows(name, phenotypes)
    notes = [line for line in TABLES.joinpath(f"{name}.tsv").read_text("utf-8").splitlines() if line.startswith("#")]
    extra = _kept(name, ("setting", "pick", "copies")) + ([] if rules else _kept(name, ("rule", "score")))
    if name in KEPT:
        known = {row[1] for row in rows if row[0] == "allele"}
        extra = [line for line in _kept(name, ("allele",)) if line.split("\t")[1] not in known] + extra
    lines = ["\t".join(row).rstrip("\t") if row[0] == "allele" else "\t".join(row) for row in (*rows, *rules)]
    return "\n".join([*notes, *lines, *extra]) + "\n"


def _version(definition: dict[str, Any]) -> str:
    release = "-".join(definition["version"].split("-")[:3])
    return f"ClinPGx {release}, definition of {definition['modificationDate'][:10]}"


def main(folder: Path) -> None:
    """Write every table that can be made from the folder."""
    for name in MADE:
        (TABLES / f"{name}.tsv").write_text(restate(name, folder), "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
