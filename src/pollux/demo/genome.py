"""A synthetic genome: a VCF of somebody who carries chosen alleles, made from the tables of definitions."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from pollux.care.treatment.genes import GENES
from pollux.care.treatment.genes.definition import gene
from pollux.output import write_file
from pollux.record.genotype import Site

# Somebody made up: a poor metabolizer of CYP2C19 whose CYP2D6 copies nobody counted, with one gene left out, one
# position that failed its filter and one with few reads.
ALLELES = {
    "CYP2C19": ("*2", "*2"),
    "CYP2C9": ("*1", "*3"),
    "CYP2D6": ("*1", "*4"),
    "SLCO1B1": ("*1", "*5"),
    "VKORC1": ("rs9923231 reference (C)", "rs9923231 variant (T)"),
    "CYP3A5": ("*3", "*3"),
}
DRUGS = (
    "clopidogrel 75 mg", "omeprazole 20 mg", "simvastatin 40 mg", "codeine 30 mg", "warfarin", "azathioprine 100 mg",
    "metformin 850 mg",
)  # fmt: skip
LEFT_OUT = ("NUDT15", "CACNA1S", "rs12777823")
FAILED, SHALLOW = ("rs1142345",), ("rs7900194",)
_ORDER = {name: at for at, name in enumerate([*map(str, range(1, 23)), "X", "Y", "MT"])}


def write_genome(
    path: Path,
    sample: str = "SYNTHETIC",
    alleles: Mapping[str, tuple[str, str]] = ALLELES,
    *,
    left_out: Iterable[str] = LEFT_OUT,
    failed: Iterable[str] = FAILED,
    shallow: Iterable[str] = SHALLOW,
) -> Path:
    """Write a VCF on GRCh38 with a row for every position that defines a gene, and give back its path.

    Genes that are not named in `alleles` are written as the reference. `left_out` are genes or positions without a
    row; `failed` positions carry a filter, `shallow` ones four reads.
    """
    absent, refused, few = set(left_out), set(failed), set(shallow)
    rows: dict[tuple[int, int, str], str] = {}
    for name in GENES:
        if name in absent:
            continue
        pair = alleles.get(name, (gene(name).reference.name,) * 2)
        for at, site in enumerate(gene(name).sites):
            if site.name not in absent:
                seen = tuple(_base(name, allele, at, site) for allele in pair)
                key = (_ORDER[site.chromosome], site.grch38.position, site.grch38.reference)
                rows[key] = _row(site, seen, site.name in refused, 4 if site.name in few else 40)
    head = ["##fileformat=VCFv4.2", "##reference=GRCh38", "##source=Pollux demo: synthetic, of nobody",
            '##FILTER=<ID=PASS,Description="All filters passed">', '##FILTER=<ID=q,Description="Poor quality">',
            '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">',
            '##FORMAT=<ID=DP,Number=1,Type=Integer,Description="Reads">',
            f"#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t{sample}"]  # fmt: skip
    write_file(path, "\n".join([*head, *(rows[key] for key in sorted(rows))]) + "\n")
    return path


def _base(name: str, allele: str, at: int, site: Site) -> str:
    """What an allele has at a site; where its definition allows several bases, the reference if that is one of them."""
    known = gene(name).allele(allele)
    allowed = known.defined.get(at) if known else None
    allowed = allowed or gene(name).reference.defined.get(at) or (site.grch38.reference,)
    return site.grch38.reference if site.grch38.reference in allowed else allowed[0]


def _row(site: Site, seen: tuple[str, ...], failed: bool, depth: int) -> str:
    others = [base for base in dict.fromkeys(seen) if base != site.grch38.reference]
    index = {site.grch38.reference: 0, **{base: at for at, base in enumerate(others, 1)}}
    genotype = "/".join(str(at) for at in sorted(index[base] for base in seen))
    if site.chromosome == "MT":
        genotype = genotype.split("/")[0]
    cells = (f"chr{'M' if site.chromosome == 'MT' else site.chromosome}", str(site.grch38.position), site.name,
             site.grch38.reference, ",".join(others) or ".", ".", "q" if failed else "PASS", ".", "GT:DP",
             f"{genotype}:{depth}")  # fmt: skip
    return "\t".join(cells)
