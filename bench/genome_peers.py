"""The same phased people called by Pollux and by PyPGx, gene by gene; every difference with its reason.

    python bench/genome_peers.py --peer PYTHON [--people 60] [--seed 1] [--out bench/results/genome_peers.json]

PYTHON is the interpreter of an environment with `pypgx` and `pandas<3` (PyPGx 0.27.0 fails on pandas 3, so it is not in
bench/requirements.txt). People are pairs of named alleles that both know by name, phased, tested everywhere, on GRCh38.
PyPGx's own `predict_alleles`, `call_genotypes` and `call_phenotypes` answer; its bundle of models is not needed, since
no one here has a structural variant.
"""

import argparse
import json
import random
import subprocess
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

SAME = {"rs9923231 reference (C)": "Reference", "rs9923231 variant (T)": "rs9923231",
        "rs2231142 reference (G)": "Reference", "rs2231142 variant (T)": "rs2231142",
        "rs12979860 reference (C)": "Reference", "rs12979860 variant (T)": "rs12979860",
        "ivacaftor non-responsive CFTR sequence": "Reference"}  # fmt: skip
LEFT_OUT = {"MT-RNR1": "one copy", "rs12777823": "no gene"}


def trimmed(position: int, reference: str, alternate: str) -> tuple[int, str, str]:
    """A variant as short as a VCF allows: PyPGx looks variants up by their writing."""
    while len(reference) > 1 and len(alternate) > 1 and reference[-1] == alternate[-1]:
        reference, alternate = reference[:-1], alternate[:-1]
    while len(reference) > 1 and len(alternate) > 1 and reference[0] == alternate[0]:
        position, reference, alternate = position + 1, reference[1:], alternate[1:]
    return position, reference, alternate


def people(name: str, many: int, chance: random.Random, shared: set[str]) -> dict[str, Any]:
    """Pairs of alleles of one gene, the rows that a VCF would have of them, and what Pollux calls."""
    from pollux.care.treatment import genes
    from pollux.care.treatment.genes.definition import gene
    from pollux.care.treatment.genes.matching import expected
    from pollux.record.genotype import Genotypes, Observation

    table = gene(name)
    known = [one for one in table.alleles if one.defined or one is table.reference]
    drawn = [one for one in known if renamed(one.name) in shared]
    pairs = [(drawn[0], one) for one in chance.sample(drawn, min(many, len(drawn)))]  # drawn[0]: mostly the reference
    pairs += [(chance.choice(drawn), chance.choice(drawn)) for _ in range(many)]
    rows: dict[str, list[list[int]]] = {}
    answers, defined = [], {}
    for allele in known:
        defined[allele.name] = sorted(
            write(table, at, base)
            for at, base in first_bases(table, allele)
            if base != table.sites[at].grch38.reference
        )
    for number, pair in enumerate(pairs):
        bases = [[expected(table, one, at)[0] for at in range(len(table.sites))] for one in pair]
        seen = []
        for at, site in enumerate(table.sites):
            seen.append(Observation(site.name, (bases[0][at], bases[1][at]), ""))
            for strand in (0, 1):
                if bases[strand][at] != site.grch38.reference:
                    row = rows.setdefault(write(table, at, bases[strand][at]), [[0, 0] for _ in pairs])
                    row[number][strand] = 1
        call = genes.call(Genotypes("one", "GRCh38", "simulated", tuple(seen)), genes=(name,))[name]
        answers.append([[list(one.alleles), one.phenotype] for one in call.matched])
    return {"gene": name, "pairs": [[one.name for one in pair] for pair in pairs], "rows": rows, "answers": answers,
            "defined": defined, "shared": len(drawn)}  # fmt: skip


def first_bases(table: Any, allele: Any) -> list[tuple[int, str]]:
    """The base of an allele at every site (the first where its definition leaves several open)."""
    from pollux.care.treatment.genes.matching import expected

    return [(at, expected(table, allele, at)[0]) for at in range(len(table.sites))]


def write(table: Any, at: int, base: str) -> str:
    site = table.sites[at]
    position, reference, alternate = trimmed(site.grch38.position, site.grch38.reference, base)
    return f"{site.chromosome}-{position}-{reference}-{alternate}"


def peer() -> Any:
    """PyPGx's modules, its tables read once instead of at each look-up. Runs in its own environment."""
    import functools
    import warnings

    from pypgx.api import core

    warnings.filterwarnings("ignore")
    for name in ("allele", "gene", "variant", "diplotype", "phenotype", "equation"):
        setattr(core, f"load_{name}_table", functools.cache(getattr(core, f"load_{name}_table")))
    core.list_variants = functools.cache(core.list_variants)
    return core


def names(wanted: list[str]) -> dict[str, list[str]]:
    """The alleles that PyPGx has of each gene."""
    core = peer()
    return {name: core.list_alleles(name) for name in wanted if core.is_target_gene(name)}


def answer(asked: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What PyPGx calls."""
    core = peer()
    from fuc import pyvcf
    from pypgx import sdk
    from pypgx.api import genotype, utils

    found = []
    for one in asked:
        name, many = one["gene"], len(one["pairs"])
        rows = one["rows"] or {core.list_variants(name, assembly="GRCh38")[0]: [[0, 0]] * many}
        told = {"Platform": "WGS", "Gene": name, "Assembly": "GRCh38", "SemanticType": "VcfFrame[Consolidated]"}
        data = pyvcf.VcfFrame.from_dict([], columns(rows, many))
        calls = utils.predict_alleles(sdk.Archive({"Program": "PyPGx", **told}, data))
        diplotypes = genotype.call_genotypes(alleles=calls)
        phenotypes = utils.call_phenotypes(diplotypes)
        core_variants = {
            allele: list(core.list_variants(name, alleles=allele, assembly="GRCh38", mode="core"))
            for allele in core.list_alleles(name)
        }
        found.append({"diplotypes": diplotypes.data.Genotype.tolist(), "defined": core_variants,
                      "phenotypes": phenotypes.data.Phenotype.tolist()})  # fmt: skip
    return found


def columns(rows: dict[str, list[list[int]]], many: int) -> dict[str, list[Any]]:
    """The rows as PyPGx's library holds a VCF: phased, with depth and share of each allele."""
    keys = ["CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT"]
    found: dict[str, list[Any]] = {key: [] for key in [*keys, *(f"P{n}" for n in range(many))]}
    for variant, held in sorted(rows.items()):
        chromosome, position, reference, alternate = variant.split("-")
        values = [chromosome, int(position), ".", reference, alternate, ".", ".", ".", "GT:AD:DP:AF"]
        for key, value in zip(keys, values, strict=True):
            found[key].append(value)
        for n, (left, right) in enumerate(held):
            share = (left + right) / 2
            found[f"P{n}"].append(f"{left}|{right}:15,15:30:{1 - share},{share}")
    return found


def renamed(name: str) -> str:
    return SAME.get(name, name)


def reason(one: dict[str, Any], theirs: dict[str, Any], number: int) -> str:
    """Why a diplotype differs: found by comparing the two tables, not by asking either program."""
    mine = {renamed(name): set(variants) for name, variants in one["defined"].items()}
    its = {name: set(variants) for name, variants in theirs["defined"].items()}
    pair = [renamed(name) for name in one["pairs"][number]]
    for name in pair:
        if mine[name] != its[name]:
            return "the allele is defined by other positions there"
    for got in theirs["diplotypes"][number].split("/"):
        if got not in mine:
            return "PyPGx reports an allele that Pollux's table does not have"
        if mine[got] != its[got]:
            return "the allele that PyPGx reports is defined by other positions there"
    return "not explained"


def compare(one: dict[str, Any], theirs: dict[str, Any]) -> dict[str, Any]:
    """The count of each outcome, and an example for each."""
    counts: Counter[str] = Counter()
    examples: dict[str, list[str]] = {}
    for number, ours in enumerate(one["answers"]):
        sets = [sorted(renamed(allele) for allele in alleles) for alleles, _ in ours]
        its = theirs["diplotypes"][number]
        if sorted(its.split("/")) in sets:
            outcome = "same diplotype" if len(sets) == 1 else "its diplotype is one of ours"
            means = ours[sets.index(sorted(its.split("/")))][1]
            same = means.lower() == theirs["phenotypes"][number].lower().removeprefix("g6pd ")
            counts["same phenotype" if same else "other phenotype"] += 1
            if not same:
                examples.setdefault("other phenotype", []).append(f"{its}: {means} / {theirs['phenotypes'][number]}")
        else:
            outcome = reason(one, theirs, number)
            text = f"{'/'.join(one['pairs'][number])}: {[' / '.join(each) for each in sets]} / {its}"
            examples.setdefault(outcome, []).append(text)
        counts[outcome] += 1
    return {"gene": one["gene"], "people": len(one["answers"]), "shared": one["shared"],
            "alleles": len(one["defined"]), "counts": dict(counts),
            "examples": {key: sorted(set(value))[:8] for key, value in examples.items()}}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peer", help="the Python of an environment with pypgx")
    parser.add_argument("--people", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--names", nargs="+", help=argparse.SUPPRESS)
    parser.add_argument("--answer", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.names or asked.answer:
        print(json.dumps(names(asked.names) if asked.names else answer(json.loads(asked.answer.read_text()))))
        return
    from pollux.care.treatment.genes import GENES

    def ask(*words: str) -> Any:
        done = subprocess.run([asked.peer, __file__, *words], stdout=subprocess.PIPE, text=True, check=True)
        return json.loads(done.stdout.splitlines()[-1])

    known = ask("--names", *(name for name in GENES if name not in LEFT_OUT))
    chance = random.Random(asked.seed)
    questions = [people(name, asked.people, chance, set(alleles)) for name, alleles in known.items()]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "questions.json"
        path.write_text(json.dumps(questions))
        results = [compare(*both) for both in zip(questions, ask("--answer", str(path)), strict=True)]
    for one in results:
        print(f"{one['gene']}: {one['people']} people of {one['shared']} of {one['alleles']} alleles: {one['counts']}")
        for outcome, texts in one["examples"].items():
            print(*(f"    {outcome}: {text}" for text in texts[:3]), sep="\n")
    if asked.out:
        asked.out.parent.mkdir(parents=True, exist_ok=True)
        asked.out.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
