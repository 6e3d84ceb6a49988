"""The header of a VCF: which samples, which genome build, which fields can be trusted."""

import re
from collections.abc import Sequence

import msgspec

from pollux.errors import RefusedInput
from pollux.record.genotype import Build

# lengths of the chromosomes in the Genome Reference Consortium's assemblies
LENGTHS: dict[Build, dict[str, int]] = {
    "GRCh38": {
        "1": 248956422, "2": 242193529, "3": 198295559, "4": 190214555, "5": 181538259, "6": 170805979, "7": 159345973,
        "8": 145138636, "9": 138394717, "10": 133797422, "11": 135086622, "12": 133275309, "13": 114364328,
        "14": 107043718, "15": 101991189, "16": 90338345, "17": 83257441, "18": 80373285, "19": 58617616,
        "20": 64444167, "21": 46709983, "22": 50818468, "X": 156040895,
    },
    "GRCh37": {
        "1": 249250621, "2": 243199373, "3": 198022430, "4": 191154276, "5": 180915260, "6": 171115067, "7": 159138663,
        "8": 146364022, "9": 141213431, "10": 135534747, "11": 135006516, "12": 133851895, "13": 115169878,
        "14": 107349540, "15": 102531392, "16": 90354753, "17": 81195210, "18": 78077248, "19": 59128983,
        "20": 63025520, "21": 48129895, "22": 51304566, "X": 155270560,
    },
}  # fmt: skip
CAMBRIDGE = 16569  # bases of the revised Cambridge reference; hg19's own chrM has 16571
_NAMED: tuple[tuple[Build, re.Pattern[str]], ...] = (
    ("GRCh38", re.compile(r"grch38|hg38|hs38|\bb38\b", re.I)),
    ("GRCh37", re.compile(r"grch37|hg19|hs37|\bb37\b|g1k_v37", re.I)),
)
_OTHER = re.compile(r"ncbi36|hg18|grch36|chm13|t2t|\bhs1\b|grcm|\bmm\d\d\b", re.I)
_FIELD = re.compile(r"\b(\w++)=(\"[^\"]*\"|[^,>]*)")
_ACCESSION = re.compile(r"NC_0000(\d\d)\.\d+")
FIXED = ("#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO")


class Header(msgspec.Struct, frozen=True):
    """What the header says: samples in order, the build (None if it does not say), lengths of contigs by their names.

    `depths_fit` is False where the AD field is declared to be anything but one number an allele.
    """

    samples: tuple[str, ...]
    build: Build | None
    contigs: dict[str, int | None]
    depths_fit: bool = True


def chromosome(contig: str) -> str:
    """A contig's name as Pollux writes it: 1 to 22, X, Y, MT.

    >>> [chromosome(name) for name in ("chr10", "10", "chrM", "NC_000023.11", "chrUn_x")]
    ['10', '10', 'MT', 'X', 'Un_x']
    """
    if found := _ACCESSION.fullmatch(contig):
        number = int(found[1])
        return {23: "X", 24: "Y"}.get(number, str(number))
    if contig == "NC_012920.1":
        return "MT"
    plain = contig[3:] if contig[:3].lower() == "chr" else contig
    return "MT" if plain in ("M", "MT") else plain


def parse(head: Sequence[str], name: str) -> Header:
    """The header from its lines, the last of which names the columns.

    Raises `RefusedInput` for a build that is neither GRCh38 nor GRCh37, or one that contradicts itself.
    """
    columns = head[-1].split("\t")
    if tuple(columns[:8]) != FIXED:
        raise RefusedInput("the line of column names is not that of a VCF", where=name, advice="Export it again.")
    if len(columns) < 10:
        raise RefusedInput(
            "the file has variants but no genotypes of anybody", where=name, advice="Export it with a sample column."
        )
    samples = tuple(columns[9:])
    if len(set(samples)) != len(samples):
        raise RefusedInput("two samples have one name", where=name, advice="Export the file with unique sample names.")
    contigs: dict[str, int | None] = {}
    said: set[Build] = set()
    others: set[str] = set()
    depths_fit = True
    for line in head[:-1]:
        kind, _, rest = line.partition("=")
        fields = {key: value.strip('"') for key, value in _FIELD.findall(rest)} if rest.startswith("<") else {}
        if kind == "##contig":
            length = fields.get("length", "")
            contigs[fields.get("ID", "")] = int(length) if length.isascii() and length.isdigit() else None
            _name_build(fields.get("assembly", ""), said, others)
        elif kind in ("##reference", "##assembly"):
            _name_build(rest, said, others)
        elif kind == "##FORMAT" and fields.get("ID") == "AD":
            depths_fit = fields.get("Number") == "R"
    return Header(samples, _build(contigs, said, others, name), contigs, depths_fit)


def _name_build(text: str, said: set[Build], others: set[str]) -> None:
    found = {build for build, pattern in _NAMED if pattern.search(text)}
    said |= found
    if not found and (other := _OTHER.search(text)):
        others.add(other[0])


def _build(contigs: dict[str, int | None], said: set[Build], others: set[str], name: str) -> Build | None:
    lengths = {chromosome(contig): length for contig, length in contigs.items() if length}
    measured: set[Build] = set()
    for build, known in LENGTHS.items():
        shared = [one for one in known if one in lengths]
        if shared and all(lengths[one] == known[one] for one in shared):
            measured.add(build)
    strange = [one for one in lengths if one in LENGTHS["GRCh38"]]
    if others or (strange and not measured):
        what = f"({', '.join(sorted(others))})" if others else "(the lengths of its chromosomes)"
        raise RefusedInput(
            f"the header speaks of a genome build that is neither GRCh38 nor GRCh37 {what}",
            where=name,
            advice="Call or lift the variants on GRCh38.",
        )
    both = said | measured
    if len(both) > 1:
        raise RefusedInput(
            "the header speaks of two genome builds", where=name, advice="Export the file again from one reference."
        )
    return both.pop() if both else None
