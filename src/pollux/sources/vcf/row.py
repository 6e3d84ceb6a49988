"""One row of a VCF as far as one sample is concerned: the only place where rows are taken apart."""

import re

import msgspec

from pollux.errors import RefusedInput

_GENOTYPE = re.compile(r"[|/]?(?:\d{1,4}|\.)(?:[|/](?:\d{1,4}|\.))*")
_LETTERS = re.compile(r"[ACGTNRYSWKMBDHV]+")
_ALTERNATE = re.compile(r"[ACGTNRYSWKMBDHV]+|\*|\.|<[^<>\t]+>|[ACGTN.]*[\[\]][^\t]*|\.[ACGTN]+|[ACGTN]+\.")
FORMAT_COLUMN = 8


class Row(msgspec.Struct, frozen=True):
    """A row: where, which alleles, and what it says of one sample.

    `end` is the last position it speaks of. `called` are indices into `letters` (None for a missing one); `letters` are
    the reference and the alternates. `phased` is whether the genotype is; `fields` are the sample's other values.
    """

    line: int
    position: int
    end: int
    letters: tuple[str, ...]
    filters: tuple[str, ...]
    called: tuple[int | None, ...]
    phased: bool
    fields: dict[str, str]

    @property
    def reference(self) -> str:
        """The reference bases."""
        return self.letters[0]

    @property
    def plain(self) -> bool:
        """Whether no alternate is written out, as in a block of reference."""
        return all(letter in (".", "*") or letter.startswith("<") for letter in self.letters[1:])

    @property
    def genotype(self) -> str:
        """The genotype as it was written."""
        sign = "|" if self.phased else "/"
        return sign.join("." if one is None else str(one) for one in self.called)


def parse(line: bytes, number: int, sample: int, columns: int, name: str) -> Row:
    """Take a row apart. `sample` is the column of the sample.

    Raises `RefusedInput`, which names the row, for one that breaks the format.
    """
    where = f"{name} line {number}"
    cells = line.rstrip(b"\r").decode("utf-8", "replace").split("\t")
    if len(cells) != columns:
        raise RefusedInput(
            f"the row has {len(cells)} columns, not {columns}", where=where, advice="Export or copy the file again."
        )
    position = _number(cells[1], "position", where)
    reference = cells[3].upper()
    if not _LETTERS.fullmatch(reference):
        raise RefusedInput("the reference allele is not made of bases", where=where, advice="Export the file again.")
    alternates = tuple(one if one.startswith("<") else one.upper() for one in cells[4].split(","))
    for one in alternates:
        if not _ALTERNATE.fullmatch(one):
            raise RefusedInput("an alternate allele is not made of bases", where=where, advice="Export the file again.")
    letters = (reference, *(() if alternates == (".",) else alternates))
    fields = _fields(cells[FORMAT_COLUMN], cells[sample], where)
    called, phased = _called(fields.pop("GT", "."), len(letters), where)
    end = max(position + len(reference) - 1, _end(cells[7], position, where))
    filters = tuple(one for one in cells[6].split(";") if one not in ("PASS", ".", ""))
    return Row(number, position, end, letters, filters, called, phased, fields)


def _number(text: str, what: str, where: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 11):
        raise RefusedInput(f"the {what} is not a number", where=where, advice="Export the file again.")
    return int(text)


def _end(info: str, position: int, where: str) -> int:
    for entry in info.split(";"):
        if entry.startswith("END="):
            return max(position, _number(entry[4:], "END", where))
    return position


def _fields(format_: str, values: str, where: str) -> dict[str, str]:
    keys, said = format_.split(":"), values.split(":")
    if len(said) > len(keys):
        raise RefusedInput(
            "the sample has more values than the row declares", where=where, advice="Export the file again."
        )
    return {key: value for key, value in zip(keys, said, strict=False) if value not in ("", ".")}


def _called(genotype: str, letters: int, where: str) -> tuple[tuple[int | None, ...], bool]:
    if not _GENOTYPE.fullmatch(genotype):
        raise RefusedInput("the genotype cannot be read", where=where, advice="Export the file again.")
    parts = [part for part in re.split(r"[|/]", genotype) if part]
    called = tuple(None if part == "." else int(part) for part in parts)
    if any(one is not None and one >= letters for one in called):
        raise RefusedInput(
            "the genotype names an allele that the row does not have", where=where, advice="Export the file again."
        )
    return called, "|" in genotype and "/" not in genotype
