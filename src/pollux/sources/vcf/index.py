"""Finds the rows of some regions in a bgzip file by its tabix or CSI index.

Formats: SAM/BAM and tabix specifications of the hts-specs group (samtools.github.io/hts-specs: SAMv1 §4.1 for BGZF
and §5 for bins, tabix, CSIv1). An index only says where to begin to read: what is read passes the same row parser as
a scan.
"""

import struct
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import msgspec

from pollux.errors import RefusedInput
from pollux.sources.vcf.blocks import BLOCK, EMPTY_BLOCK, inflated, opened

LARGEST = 1 << 28  # bytes of an unzipped index
BLOCK_HEADER = 18
REBUILD = "Make the index anew (tabix -p vcf), or remove it: without one the whole file is read."
_SUFFIXES = (".tbi", ".csi")


class Reference(msgspec.Struct, frozen=True):
    """One contig in an index: chunks of virtual offsets by bin, and where rows of a 16 kb window begin (tabix only)."""

    bins: dict[int, list[tuple[int, int]]]
    windows: Sequence[int]


class Index(msgspec.Struct, frozen=True):
    """An index: contigs by name, and the geometry of its bins."""

    contigs: dict[str, Reference]
    shift: int
    depth: int

    def chunks(self, contig: str, first: int, last: int) -> list[tuple[int, int]]:
        """The chunks of the file that rows between two positions (from 1, both included) can stand in."""
        reference = self.contigs.get(contig)
        if reference is None:
            return []
        begin, end = first - 1, last
        floor = 0
        if reference.windows:
            floor = reference.windows[min(begin >> 14, len(reference.windows) - 1)]
        found = [
            chunk
            for number in bins(begin, end, self.shift, self.depth)
            for chunk in reference.bins.get(number, ())
            if chunk[1] > floor
        ]
        return _joined(found)


def bins(begin: int, end: int, shift: int, depth: int) -> Iterator[int]:
    """The numbers of the bins that overlap a half-open range counted from 0 (CSIv1, reg2bins).

    >>> list(bins(0, 1, 14, 5))
    [0, 1, 9, 73, 585, 4681]
    """
    size, first = shift + depth * 3, 0
    for level in range(depth + 1):
        yield from range(first + (begin >> size), first + ((end - 1) >> size) + 1)
        first += 1 << (3 * level)
        size -= 3


def _joined(chunks: list[tuple[int, int]]) -> list[tuple[int, int]]:
    joined: list[tuple[int, int]] = []
    for begin, end in sorted(chunks):
        if joined and begin <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((begin, end))
    return joined


def beside(path: Path) -> Path | None:
    """The index beside a file, or None where there is none or it is older than the file."""
    for suffix in _SUFFIXES:
        index = path.with_name(path.name + suffix)
        try:
            if index.is_file() and index.stat().st_mtime >= path.stat().st_mtime:
                return index
        except OSError:
            continue
    return None


class _Numbers:
    """Little-endian numbers from bytes; running out of them refuses the index."""

    def __init__(self, data: bytes, name: str) -> None:
        self.data = data
        self.at = 0
        self.name = name

    def take(self, form: str) -> tuple[int, ...]:
        size = struct.calcsize("<" + form)
        if self.at + size > len(self.data):
            raise RefusedInput("the index is not intact", where=self.name, advice=REBUILD)
        self.at += size
        return struct.unpack_from("<" + form, self.data, self.at - size)

    def count(self, size: int) -> int:
        """A number of things of a size each, which must still be there."""
        (number,) = self.take("i")
        if not 0 <= number <= (len(self.data) - self.at) // size:
            raise RefusedInput("the index is not intact", where=self.name, advice=REBUILD)
        return number

    def bytes(self, size: int) -> bytes:
        if not 0 <= size <= len(self.data) - self.at:
            raise RefusedInput("the index is not intact", where=self.name, advice=REBUILD)
        self.at += size
        return self.data[self.at - size : self.at]


def read(path: Path) -> Index:
    """Read a tabix or CSI index.

    Raises `RefusedInput` for one that is broken.
    """
    data = bytearray()
    with opened(path, path.name) as file:
        for piece in inflated(file, path.name):
            data += piece
            if len(data) > LARGEST:
                raise RefusedInput("the index is too large", where=path.name, advice=REBUILD)
    numbers = _Numbers(bytes(data), path.name)
    magic = numbers.bytes(4)
    if magic == b"TBI\1":
        (contigs,) = numbers.take("i")
        return Index(_references(numbers, _names(numbers), contigs, csi=False), 14, 5)
    if magic == b"CSI\1":
        shift, depth, aux = numbers.take("iii")
        if not (0 < shift < 40 and 0 < depth < 12):
            raise RefusedInput("the index is not intact", where=path.name, advice=REBUILD)
        names = _names(_Numbers(numbers.bytes(aux), path.name))
        (contigs,) = numbers.take("i")
        return Index(_references(numbers, names, contigs, csi=True), shift, depth)
    raise RefusedInput("this is no tabix or CSI index", where=path.name, advice=REBUILD)


def _names(numbers: _Numbers) -> list[str]:
    numbers.take("6i")
    (length,) = numbers.take("i")
    return [name.decode("utf-8", "replace") for name in numbers.bytes(length).split(b"\0") if name]


def _references(numbers: _Numbers, names: list[str], many: int, *, csi: bool) -> dict[str, Reference]:
    if many != len(names):
        raise RefusedInput("the index is not intact", where=numbers.name, advice=REBUILD)
    found = {}
    for name in names:
        held: dict[int, list[tuple[int, int]]] = {}
        for _ in range(numbers.count(8)):
            (number,) = numbers.take("I")
            if csi:
                numbers.take("Q")
            chunks = numbers.count(16)
            offsets = numbers.take(f"{2 * chunks}Q")
            held[number] = list(zip(offsets[::2], offsets[1::2], strict=True))
        windows = () if csi else numbers.take(f"{numbers.count(8)}Q")
        found[name] = Reference(held, windows)
    return found


def check_end(file: BinaryIO, name: str) -> None:
    """Refuse a bgzip file whose end is missing."""
    file.seek(0, 2)
    size = file.tell()
    file.seek(max(0, size - len(EMPTY_BLOCK)))
    if file.read() != EMPTY_BLOCK:
        raise RefusedInput("the bgzip file has lost its end", where=name, advice="Copy or compress it again.")


def between(file: BinaryIO, begin: int, end: int, name: str) -> Iterator[bytes]:
    """The unzipped bytes between two virtual offsets, and on to the end of the line that the last one stands in."""
    at, skip = begin >> 16, begin & 0xFFFF
    while True:
        data, size = _block(file, at, name)
        if not size:
            return
        last = at >= end >> 16
        if last:
            stop = data.find(b"\n", max(skip, (end & 0xFFFF) - 1) if at == end >> 16 else skip)
            if stop >= 0 or at > (end >> 16) + BLOCK:
                yield data[skip : stop + 1]
                return
        yield data[skip:]
        at, skip = at + size, 0


def _block(file: BinaryIO, at: int, name: str) -> tuple[bytes, int]:
    """One BGZF block: its content and its size in the file (0 at the end)."""
    try:
        file.seek(at)
        head = file.read(BLOCK_HEADER)
    except (OSError, ValueError, OverflowError) as error:
        raise RefusedInput("the index does not fit the file", where=name, advice=REBUILD) from error
    if not head:
        return b"", 0
    if len(head) < BLOCK_HEADER or head[:4] != b"\x1f\x8b\x08\x04" or head[12:14] != b"BC":
        raise RefusedInput("the index does not fit the file", where=name, advice=REBUILD)
    size = struct.unpack_from("<H", head, 16)[0] + 1
    try:
        data = zlib.decompressobj(wbits=31).decompress(head + file.read(size - BLOCK_HEADER), 1 << 17)
    except zlib.error as error:
        raise RefusedInput("the bgzip file is not intact", where=name, advice="Copy or compress it again.") from error
    return data, size
