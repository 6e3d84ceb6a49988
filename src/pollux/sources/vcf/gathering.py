"""Goes through a VCF and hands every row that touches a site to `Wanted`: all rows, or by an index those near sites."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import msgspec

from pollux.errors import RefusedInput
from pollux.sources.vcf import index
from pollux.sources.vcf.blocks import ZIPPED, inflated, lines
from pollux.sources.vcf.header import Header, chromosome, parse
from pollux.sources.vcf.row import parse as parse_row
from pollux.sources.vcf.wanted import REACH, SHIFT, Wanted

LONGEST_HEADER = 1 << 27  # bytes
CONTIGS = 100_000  # names of contigs that are remembered
NAMED = 20  # samples that an error names
AGAIN = "Export the file again."


class Begun(msgspec.Struct, frozen=True):
    """A file whose header was read: which column is the sample's, how many lines were read, and the first rows."""

    name: str
    header: Header
    column: int
    lines: int
    rows: list[bytes]

    @property
    def columns(self) -> int:
        """How many columns a row has."""
        return 9 + len(self.header.samples)


def gather(file: BinaryIO, path: Path, wanted: Wanted, sample: str) -> Begun:
    """Read the header and every row that touches a site, by the index beside the file where there is one."""
    zipped = file.read(2) == ZIPPED
    file.seek(0)
    beside = index.beside(path) if zipped else None
    if beside is not None:
        index.check_end(file, path.name)
        file.seek(0)
    blocks = lines(inflated(file, path.name), path.name)
    begun = begin(blocks, path.name, sample)
    some = bool(begun.rows)
    if beside is not None and some:
        _fetch(file, index.read(beside), wanted, begun)
    elif some:
        _scan(blocks, wanted, begun)
    else:
        raise RefusedInput(
            "the file holds no variants", where=path.name, advice="Export it again, with all positions if you can."
        )
    return begun


def begin(blocks: Iterator[list[bytes]], name: str, sample: str) -> Begun:
    """Read the header, and choose the sample."""
    head: list[str] = []
    size = 0
    for block in blocks:
        for at, line in enumerate(block):
            if not head and not line.startswith(b"##fileformat=VCF"):
                what = "this is not a VCF" if any(block) else "the file is empty"
                raise RefusedInput(what, where=name, advice="Give a VCF or gVCF, plain or gzip.")
            if not line.startswith(b"#"):
                raise RefusedInput("the line of column names is missing", where=name, advice=AGAIN)
            head.append(line.rstrip(b"\r").decode("utf-8", "replace"))
            size += len(line)
            if size > LONGEST_HEADER:
                raise RefusedInput("the header is too long", where=name, advice="This is no VCF that can be read.")
            if line.startswith(b"#CHROM"):
                header = parse(head, name)
                rest = [row for row in block[at + 1 :] if row] or next((rows for rows in blocks if any(rows)), [])
                return Begun(name, header, _column(header, sample, name), len(head), rest)
    raise RefusedInput("the file ends in its header" if head else "the file is empty", where=name, advice=AGAIN)


def _column(header: Header, sample: str, name: str) -> int:
    shown = ", ".join(header.samples[:NAMED])
    more = f" and {len(header.samples) - NAMED} more" if len(header.samples) > NAMED else ""
    if sample and sample not in header.samples:
        raise RefusedInput(f"the file has no sample {sample!r}", where=name, advice=f"Name one of: {shown}{more}.")
    if not sample and len(header.samples) > 1:
        raise RefusedInput(
            f"the file has {len(header.samples)} samples", where=name, advice=f"Name one of: {shown}{more}."
        )
    return 9 + (header.samples.index(sample) if sample else 0)


def _scan(blocks: Iterator[list[bytes]], wanted: Wanted, begun: Begun) -> None:
    """Look at every row of a file. This loop meets millions of rows: it is kept bare."""
    contigs: dict[bytes, tuple[str, set[int] | None]] = {}
    number, rest = begun.lines, begun.rows
    while rest:
        for line in rest:
            number += 1
            cells = line.split(b"\t", 5)
            if len(cells) < 6:
                if line.strip():
                    raise _broken("the row has too few columns", begun.name, number)
                continue
            plain, near = contigs.get(cells[0]) or _contig(cells[0], wanted, contigs)
            if near is None:
                continue
            try:
                position = int(cells[1])
            except ValueError:
                raise _broken("the position is not a number", begun.name, number) from None
            if position >> SHIFT in near or (
                (len(cells[3]) > REACH or cells[4][:1] in b"<.") and _far(plain, position, cells, wanted)
            ):
                row = parse_row(line, number, begun.column, begun.columns, begun.name)
                wanted.take(plain, row, f"{begun.name} line {number}")
        rest = next(blocks, [])


def _broken(what: str, name: str, number: int) -> RefusedInput:
    return RefusedInput(what, where=f"{name} line {number}", advice="Export or copy the file again.")


def _contig(
    raw: bytes, wanted: Wanted, contigs: dict[bytes, tuple[str, set[int] | None]]
) -> tuple[str, set[int] | None]:
    """The plain name of a contig and the kilobases in it that are near sites (None: there are none)."""
    plain = chromosome(raw.decode("utf-8", "replace"))
    if len(contigs) > CONTIGS:
        contigs.clear()
    contigs[raw] = (plain, wanted.near.get(plain))
    return contigs[raw]


def _far(plain: str, position: int, cells: list[bytes], wanted: Wanted) -> bool:
    """Whether a long row or a block, which begins far from every site, reaches one."""
    end = position + len(cells[3]) - 1
    at = cells[5].find(b"END=")
    if at > 0 and cells[5][at - 1 : at] in (b"\t", b";"):
        digits = cells[5][at + 4 : at + 16].partition(b";")[0].partition(b"\t")[0]
        end = max(end, int(digits)) if digits.isdigit() else end
    return wanted.reaches(plain, position, end)


def _fetch(file: BinaryIO, held: index.Index, wanted: Wanted, begun: Begun) -> None:
    """Read the rows near each site by an index."""
    names: dict[str, list[str]] = {}
    for contig in held.contigs:
        names.setdefault(chromosome(contig), []).append(contig)
    seen: set[bytes] = set()
    for plain, first, last in wanted.spans():
        for contig in names.get(plain, ()):
            for chunk in held.chunks(contig, max(1, first - 1), last + 1):
                for line in _reaching(file, chunk, contig.encode(), (first, last), begun.name):
                    if line not in seen:
                        seen.add(line)
                        wanted.take(plain, parse_row(line, 0, begun.column, begun.columns, begun.name), begun.name)


def _reaching(
    file: BinaryIO, chunk: tuple[int, int], contig: bytes, stretch: tuple[int, int], name: str
) -> Iterator[bytes]:
    """The rows of a chunk of a file that may reach into a stretch of a contig."""
    first, last = stretch
    for block in lines(index.between(file, *chunk, name), name):
        for line in block:
            cells: Sequence[bytes] = line.split(b"\t", 5)
            if cells[0] != contig or len(cells) < 6:
                continue
            if not cells[1].isdigit():
                raise RefusedInput("the position is not a number", where=name, advice=index.REBUILD)
            position = int(cells[1])
            if position > last + 1:
                return
            if position >= first - REACH or cells[4][:1] in b"<." or len(cells[3]) > REACH:
                yield line
