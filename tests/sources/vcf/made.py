"""Small VCFs, made in the tests."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from pollux.record.genotype import Build, Genotypes, Observation, Site
from pollux.sources import vcf
from pollux.sources.vcf.header import LENGTHS

KNOWN_BY = "##contig=<ID={name},length={length}>"


def row(
    chromosome: str, position: int, reference: str, alternates: str, genotype: str = "0/1", *, filters: str = "PASS",
    info: str = ".", fields: str = "", values: str = "",
) -> str:  # fmt: skip
    """One row of one sample; `fields` and `values` follow the genotype ("DP:GQ", "30:99")."""
    keys, said = f"GT:{fields}".strip(":"), f"{genotype}:{values}".strip(":")
    return "\t".join((chromosome, str(position), ".", reference, alternates, ".", filters, info, keys, said))


def text(rows: Iterable[str], *, build: Build | None = "GRCh38", more: Sequence[str] = (), samples: str = "ONE") -> str:
    """A whole file. Without a build the header says nothing of it."""
    head = ["##fileformat=VCFv4.2", *more]
    if build:
        head += [KNOWN_BY.format(name=f"chr{name}", length=length) for name, length in LENGTHS[build].items()]
    head.append("#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t" + samples)
    return "\n".join([*head, *rows]) + "\n"


def read(folder: Path, content: str | bytes, sites: Sequence[Site], **asked: object) -> Genotypes:
    """What the reader makes of a file with this content."""
    path = folder / "made.vcf"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return vcf.read(path, sites, **asked)  # type: ignore[arg-type]


def seen(folder: Path, rows: Iterable[str], site: Site, **asked: object) -> Observation:
    """What the reader says was seen at one site."""
    return read(folder, text(rows), (site,), **asked).observations[0]
