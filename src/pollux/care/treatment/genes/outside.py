"""Calls that were made elsewhere: star alleles with copy numbers, HLA types, phenotypes, activity scores.

The form is PharmCAT's: a row has a gene, and one or more of a diplotype (`*1/*4x2`; one allele where there is one
copy), a phenotype and an activity score, apart by tabs; lines that begin with # are passed over. Or the same as JSON:
a list of objects with the keys `gene`, `diplotype`, `phenotype`, `activity_score`. Rows of one gene are alternatives.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from pollux.care.treatment.genes.call import Diplotype, GeneCall
from pollux.care.treatment.genes.components import named
from pollux.care.treatment.genes.copies import structure
from pollux.care.treatment.genes.definition import GENES, INDETERMINATE, UNASSIGNED, Gene, NamedAllele
from pollux.care.treatment.genes.definition import gene as table
from pollux.care.treatment.genes.meaning import diplotype
from pollux.errors import RefusedInput

MARKERS = {"HLA-A": ("*31:01",), "HLA-B": ("*15:02", "*57:01", "*58:01")}  # the alleles that CPIC's guidance asks for
KNOWN = (*GENES, *MARKERS)
SINGLE = ("G6PD", "MT-RNR1")  # genes that may be there once
LARGEST = 1 << 20  # bytes of a file
SOURCE = "outside call"
_HLA = re.compile(r"^(?:HLA-)?[AB]?\*?(\d{2,3}):(\d{2,3})(?::\d+)*[A-Z]?$")
_TERMS = {
    "pm": "Poor Metabolizer", "im": "Intermediate Metabolizer", "nm": "Normal Metabolizer", "em": "Normal Metabolizer",
    "rm": "Rapid Metabolizer", "um": "Ultrarapid Metabolizer",
}  # fmt: skip


class Outside(msgspec.Struct, frozen=True):
    """One row, as it was written."""

    gene: str
    diplotype: str = ""
    phenotype: str = ""
    activity_score: str | float | None = None


def read(path: Path | str) -> dict[str, GeneCall]:
    """Read calls from a file.

    Raises `RefusedInput`, which names the row, for a gene that Pollux has no use for and for a row that says nothing.
    """
    path = Path(path)
    try:
        data = path.read_bytes()[: LARGEST + 1]
    except OSError as error:
        raise RefusedInput(
            f"the file cannot be opened ({error.strerror})", where=path.name, advice="Check its path and rights."
        ) from error
    if len(data) > LARGEST:
        raise RefusedInput("the file is too large for a list of calls", where=path.name)
    return calls(data, path.name)


def calls(data: bytes, name: str = "outside calls") -> dict[str, GeneCall]:
    """Gene calls from the bytes of a file.

    >>> calls(b"CYP2D6\\t*1/*4x2")["CYP2D6"].phenotypes
    ('Intermediate Metabolizer',)
    >>> calls(b"HLA-B\\t*57:01/*07:02")["HLA-B"].phenotypes
    ('*15:02 negative, *58:01 negative, *57:01 positive',)
    """
    text = data.decode("utf-8-sig", "replace")
    rows = _json(text, name) if text.lstrip().startswith(("[", "{")) else list(_tabs(text, name))
    found: dict[str, list[tuple[Diplotype, tuple[str, ...]]]] = {}
    for where, row in rows:
        found.setdefault(row.gene, []).append(_one(row, where))
    if not found:
        raise RefusedInput("the file has no calls", where=name, advice="Give a gene and a diplotype in each row.")
    return {gene: _call(gene, made) for gene, made in found.items()}


def _call(gene: str, made: Sequence[tuple[Diplotype, tuple[str, ...]]]) -> GeneCall:
    diplotypes = tuple(dict.fromkeys(one for one, _ in made))
    reasons = tuple(dict.fromkeys(reason for _, said in made for reason in said))
    version = table(gene).version if gene in GENES else ""
    return GeneCall(gene, diplotypes, diplotypes, reasons=reasons, source=SOURCE, tables=version)


def _tabs(text: str, name: str) -> Iterator[tuple[str, Outside]]:
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip() and not line.startswith("#"):
            cells = [cell.strip() for cell in line.split("\t")]
            if len(cells) > 4:
                raise RefusedInput("the row has more than four cells", where=f"{name} line {number}", advice=_FORM)
            yield f"{name} line {number}", Outside(*cells)


_FORM = "Give gene, diplotype, phenotype and activity score, apart by tabs."


def _json(text: str, name: str) -> list[tuple[str, Outside]]:
    try:
        rows = msgspec.json.decode(text, type=list[Outside])
    except msgspec.MsgspecError as error:
        raise RefusedInput(
            "the JSON is not a list of calls", where=name, advice='Give [{"gene": …, "diplotype": …}].'
        ) from error
    return [(f"{name} entry {number}", row) for number, row in enumerate(rows, 1)]


def _one(row: Outside, where: str) -> tuple[Diplotype, tuple[str, ...]]:
    """What one row says, and words on what in it could not be taken as it stands."""
    if row.gene not in KNOWN:
        raise RefusedInput(
            f"there is no use for the gene {row.gene!r}", where=where, advice=f"Known: {', '.join(KNOWN)}."
        )
    score = _score(row.activity_score, where)
    if not (row.diplotype or row.phenotype or score is not None):
        raise RefusedInput("the row names a gene and nothing else", where=where, advice=_FORM)
    given = _TERMS.get(row.phenotype.strip().lower(), row.phenotype.strip())
    made, reasons = _alleles(row, where) if row.diplotype else (Diplotype((), (), INDETERMINATE), [])
    if score is not None:
        if row.diplotype and made.activity_score is not None and made.activity_score != score:
            reasons.append(f"the activity score was given as {score:g}; the alleles make {made.activity_score:g}")
        made = msgspec.structs.replace(made, activity_score=score, phenotype=_scored(row.gene, score, made))
    if given:
        if made.phenotype not in (INDETERMINATE, given):
            reasons.append(f"the phenotype was given as {given}; the tables say {made.phenotype}")
        made = msgspec.structs.replace(made, phenotype=given)
    return made, tuple(reasons)


def _score(said: str | float | None, where: str) -> float | None:
    if said is None or said == "":
        return None
    text = str(said).removeprefix("≥").strip()
    if not re.fullmatch(r"\d{1,3}(\.\d{1,3})?", text):
        raise RefusedInput("the activity score is not a number", where=where, advice="Write it as 0.5 or ≥3.")
    return float(text)


def _scored(gene: str, score: float, made: Diplotype) -> str:
    scores = table(gene).scores if gene in GENES else ()
    return next((name for lowest, name in reversed(scores) if score >= lowest), made.phenotype)


def split(written: str) -> list[str]:
    """The copies of a diplotype. A slash within square brackets parts nothing.

    >>> split("[c.498G>A + c.2582A>G]/c.2846A>T")
    ['[c.498G>A + c.2582A>G]', 'c.2846A>T']
    """
    ends, within = [len(written)], False
    for at in range(len(written) - 1, -1, -1):
        if written[at] in "[]":
            within = written[at] == "]"
        elif written[at] == "/" and not within:
            ends.append(at)
    ends.reverse()
    return [written[begin:end].strip() for begin, end in zip((0, *(end + 1 for end in ends)), ends, strict=False)]


def _alleles(row: Outside, where: str) -> tuple[Diplotype, list[str]]:
    copies = split(row.diplotype)
    if not 1 <= len(copies) <= 2 or not all(copies):
        raise RefusedInput(
            "the diplotype is not one or two alleles", where=where, advice="Write it as *1/*2, copies as *1/*4x2."
        )
    if len(copies) == 1 and row.gene not in SINGLE:
        raise RefusedInput(
            "one allele is given of two", where=where, advice="Write both (*1/*1), or give the phenotype."
        )
    if row.gene in MARKERS:
        return _hla(row.gene, copies, where), []
    gene, reasons = table(row.gene), []
    known = []
    for copy in (one.removeprefix(row.gene) for one in copies):
        allele = _allele(gene, copy)
        if allele is None:
            reasons.append(f"no table has the allele {copy}: its function is not known")
        known.append(allele or NamedAllele(copy, UNASSIGNED, "n/a" if gene.scores else "", {}))
    return diplotype(gene, known), reasons


def _allele(gene: Gene, name: str) -> NamedAllele | None:
    if gene.by_component and name.startswith("["):
        parts = [gene.allele(part.strip()) for part in name.strip("[]").split(" + ")]
        if all(part is not None for part in parts):
            one = named(gene, [part for part in parts if part is not None])
            return NamedAllele(one.name, one.function, one.activity, {})
    if gene.name == "CYP2D6":
        return structure(gene, name)
    return gene.allele(name)


def _hla(gene: str, copies: Sequence[str], where: str) -> Diplotype:
    alleles = []
    for copy in copies:
        found = _HLA.match(copy)
        if not found:
            raise RefusedInput(
                "this is no HLA allele of two fields",
                where=where,
                advice="Write it as *57:01, both copies as *57:01/*58:01.",
            )
        alleles.append(f"*{found[1]}:{found[2]}")
    said = sorted(
        (f"{one} {'positive' if one in alleles else 'negative'}" for one in MARKERS[gene]), key=lambda s: s[7:]
    )
    return Diplotype(tuple(sorted(alleles)), ("",) * len(alleles), ", ".join(said))
