"""What it costs to call all genes from a whole-genome VCF: with an index, and without one; beside a bare gzip scan.

    python bench/genome.py [--rows 5000000] [--folder DIR] [--out bench/results/genome.json]

Makes a VCF of `--rows` variants over all chromosomes (GRCh38, one sample, GT:AD:DP:GQ:PL), in it a row for every site
of the tables, with the genotypes of two named alleles of each gene. The calls must give these two back before a time
is printed. bgzip and tabix come from pysam, which Pollux itself does not need. Each way runs in a process of its own,
so that its memory is its own.
"""

import argparse
import gzip
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from machine import machine

from pollux.care.treatment import genes
from pollux.care.treatment.genes.definition import gene
from pollux.care.treatment.genes.matching import expected
from pollux.sources import vcf
from pollux.sources.vcf.header import LENGTHS

PAIRS = {"CYP2C19": ("*1", "*2"), "CYP2C9": ("*2", "*3"), "TPMT": ("*1", "*3A"), "SLCO1B1": ("*1", "*15"),
         "DPYD": ("Reference", "c.2846A>T"), "UGT1A1": ("*1", "*80+*28"), "CYP3A5": ("*3", "*3")}  # fmt: skip
SWAPS = ["AC", "AG", "AT", "CA", "CG", "CT", "GA", "GC", "GT", "TA", "TC", "TG"]
FORMAT = "GT:AD:DP:GQ:PL"


def known_rows() -> dict[str, dict[int, str]]:
    """A row for every site, phased, with the pair of alleles that is asked for (the reference where none is)."""
    found: dict[str, dict[int, str]] = {}
    for name in genes.GENES:
        table = gene(name)
        pair = PAIRS.get(name, (table.reference.name,) * 2)
        two = [next(one for one in table.alleles if one.name == wanted) for wanted in pair]
        for at, site in enumerate(table.sites):
            letters = (site.grch38.reference, *site.alternates)
            held = [letters.index(expected(table, one, at)[0]) for one in two]
            called = str(held[0]) if site.chromosome == "MT" else f"{held[0]}|{held[1]}"
            contig = "chrM" if site.chromosome == "MT" else f"chr{site.chromosome}"
            found.setdefault(contig, {})[site.grch38.position] = "\t".join(
                (contig, str(site.grch38.position), site.name if site.name.startswith("rs") else ".", letters[0],
                 ",".join(letters[1:]), "812.6", "PASS", "AC=1;AF=0.5;AN=2;DP=38", FORMAT,
                 f"{called}:20,18:38:99:840,0,910")
            )  # fmt: skip
    return found


def windows() -> dict[str, list[int]]:
    """The positions whose reference bases are known, by contig."""
    found: dict[str, list[int]] = {}
    for site in genes.sites():
        contig = "chrM" if site.chromosome == "MT" else f"chr{site.chromosome}"
        found.setdefault(contig, []).extend(site.grch38.position + n for n in range(-1, len(site.window) + 1))
    return found


def make(path: Path, rows: int, seed: int = 1) -> None:
    """Write the VCF as bgzip with a tabix index, and beside it the same as ordinary gzip."""
    import pysam

    rng = np.random.default_rng(seed)
    known, taken = known_rows(), windows()
    lengths = {f"chr{name}": length for name, length in LENGTHS["GRCh38"].items()} | {"chrM": 16569}
    total = sum(lengths.values())
    head = ["##fileformat=VCFv4.2"]
    head += [f"##contig=<ID={name},length={length}>" for name, length in lengths.items()]
    head.append("#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tSAMPLE")
    with pysam.BGZFile(str(path), "wb") as zipped, gzip.open(path.with_suffix(".gzip"), "wb", 6) as plain:
        for file in (zipped, plain):
            file.write(("\n".join(head) + "\n").encode())
        for contig, length in lengths.items():
            here = known.get(contig, {})
            drawn = rng.integers(1, length, min(int(rows * length / total), length // 2))
            others = np.setdiff1d(drawn, taken.get(contig, []))  # made-up bases would not fit there
            positions = np.union1d(others, np.array(list(here), dtype=int)).tolist()
            numbers = rng.integers(0, 1000, (len(positions), 6)).tolist()
            rows_here = (here.get(at) or made_up(contig, at, *six) for at, six in zip(positions, numbers, strict=True))
            block = ("\n".join(rows_here) + "\n").encode()
            zipped.write(block)
            plain.write(block)
    pysam.tabix_index(str(path), preset="vcf", force=True)


def made_up(contig: str, position: int, n: int, a: int, b: int, c: int, d: int, e: int) -> str:
    """A row as long as a caller's, at a place that nobody asks for."""
    pair = SWAPS[n % 12]
    info = f"AC=1;AF=0.5;AN=2;BaseQRankSum=0.{c};DP={a // 20};FS={d / 100};MQ=60.00;MQRankSum=-0.{e};QD={b / 50}"
    values = f"0/1:{a // 40},{b // 40}:{(a + b) // 40}:{c // 10}:{d},0,{e}"
    head = f"{contig}\t{position}\trs{a}{b}{c}\t{pair[0]}\t{pair[1]}\t{a}.{b}\tPASS"
    return f"{head}\t{info};SOR=0.{d}\t{FORMAT}\t{values}"


def run(path: Path) -> dict[str, float]:
    """Read and call in this process; check the calls; wall seconds and the most memory used (MB)."""
    began = time.perf_counter()
    calls = genes.call(vcf.read(path, genes.sites()))
    took = time.perf_counter() - began
    for name, pair in PAIRS.items():
        assert [one.alleles for one in calls[name].matched] == [pair], (name, calls[name].matched)
    return {"seconds": took, "megabytes": most_memory()}


def most_memory() -> float:
    """The most memory that this process ever held, in MB; `getrusage` may tell that of the process that started it."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def bare(path: Path) -> float:
    """Wall seconds to unzip a file and do nothing with it."""
    began = time.perf_counter()
    with gzip.open(path, "rb") as file:
        while file.read(1 << 20):
            pass
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--one", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        print(json.dumps(run(asked.one)))
        return
    with tempfile.TemporaryDirectory() as made:
        folder = asked.folder or Path(made)
        path = folder / "genome.vcf.gz"
        if not path.exists():
            make(path, asked.rows)
        alone = folder / "alone.vcf.gz"
        alone.unlink(missing_ok=True)
        alone.symlink_to(path)
        result = {"rows": asked.rows, "bytes": path.stat().st_size, "machine": machine(), "bare scan": bare(path)}
        for what, file in (("indexed", path), ("not indexed", alone), ("gzip", path.with_suffix(".gzip"))):
            once = [sys.executable, __file__, "--one", str(file)]
            result[what] = json.loads(subprocess.run(once, capture_output=True, text=True, check=True).stdout)
            print(f"{what}: {result[what]['seconds']:.2f} s, {result[what]['megabytes']:.0f} MB")
        print(f"bare gzip scan: {result['bare scan']:.2f} s for {asked.rows:,} rows")
    if asked.out:
        asked.out.parent.mkdir(parents=True, exist_ok=True)
        asked.out.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
