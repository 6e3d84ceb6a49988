"""The bytes of a VCF as blocks of whole lines: plain, gzip or bgzip, in bounded memory, with truncation refused."""

import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from pollux.errors import RefusedInput
from pollux.record.budget import Budget, Limits
from pollux.record.budget import limits as limits_in_force

BLOCK = 1 << 20  # bytes of the file at a time
LONGEST = 1 << 26  # bytes of a line: a row of a hundred thousand samples has about 5 MB
ZIPPED = b"\x1f\x8b"
EMPTY_BLOCK = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")  # ends every bgzip file
EXPORT = "Export or copy it again."


def opened(path: Path, name: str) -> BinaryIO:
    """The file, open for reading. The caller closes it."""
    try:
        return path.open("rb")
    except OSError as error:
        raise RefusedInput(
            f"the file cannot be opened ({error.strerror})", where=name, advice="Check its path and rights."
        ) from error


def _pieces(file: BinaryIO, name: str) -> Iterator[bytes]:
    try:
        while piece := file.read(BLOCK):
            yield piece
    except OSError as error:
        raise RefusedInput("this is not a file that can be read", where=name) from error


def inflated(file: BinaryIO, name: str, limits: Limits | None = None) -> Iterator[bytes]:
    """The content of a file in pieces of at most `BLOCK` bytes, unzipped where it is zipped, as far as limits allow."""
    budget, size = Budget(limits or limits_in_force(), name), 0
    for piece in _unzipped(file, name):
        size += len(piece)
        budget.read(file.tell(), size)
        yield piece


def _unzipped(file: BinaryIO, name: str) -> Iterator[bytes]:
    pieces = _pieces(file, name)
    head = next(pieces, b"")
    if not head.startswith(ZIPPED):
        yield head
        yield from pieces
        return
    member = zlib.decompressobj(wbits=31)
    rest = head
    while True:
        try:
            piece = member.decompress(rest, BLOCK)
        except zlib.error as error:
            raise RefusedInput("the gzip file is not intact", where=name, advice=EXPORT) from error
        if piece:
            yield piece
        if member.eof:
            rest = member.unused_data or next(pieces, b"")
            rest = rest.lstrip(b"\0") if rest.startswith(b"\0") else rest  # padding that tar and tapes leave
            if not rest:
                return
            member = zlib.decompressobj(wbits=31)
        else:
            rest = member.unconsumed_tail or next(pieces, b"")
            if not rest and not piece:
                raise RefusedInput("the gzip file ends in the middle", where=name, advice=EXPORT)


def lines(pieces: Iterator[bytes], name: str) -> Iterator[list[bytes]]:
    """The lines of pieces of text, without their ends, as many at a time as a piece completes."""
    kept: list[bytes] = []
    size = 0
    for piece in pieces:
        end = piece.rfind(b"\n")
        if end < 0:
            kept.append(piece)
            size += len(piece)
            if size > LONGEST:
                raise RefusedInput(
                    f"a line is longer than {LONGEST >> 20} MiB",
                    where=name,
                    advice="This is not a VCF that can be read.",
                )
            continue
        whole = b"".join((*kept, piece[:end]))
        kept, size = [piece[end + 1 :]], len(piece) - end - 1
        yield whole.split(b"\n")
    if last := b"".join(kept):
        yield [last]
