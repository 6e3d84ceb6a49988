"""Rows of a delimited text file, one line at a time, each with its line number."""

import csv
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

from pollux.errors import RefusedInput
from pollux.sources.opening import Opened

LONGEST = 1 << 20  # bytes of one line
_NUMBER = re.compile(r"[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d{1,3})?", re.ASCII)


@dataclass(frozen=True)
class Row:
    """One line: its number, the text as it came, and its cells. `broken` says why there are no cells."""

    line: int
    text: str
    cells: tuple[str, ...]
    broken: str = ""


def delimiter(header: str) -> str:
    """The sign between the cells of a header line: the one it has most of.

    >>> delimiter("time;quantity;value;unit")
    ';'
    """
    return max(",;\t", key=header.count)


def cells(line: str, sign: str) -> tuple[str, ...]:
    """The cells of a line; quotation marks may enclose the delimiter but not a line break."""
    if '"' not in line:
        return tuple(cell.strip() for cell in line.split(sign))
    row = next(csv.reader([line], delimiter=sign, strict=True), [])
    return tuple(cell.strip() for cell in row)


def rows(opened: Opened, sign: str) -> Iterator[Row]:
    """Every line that is not blank. A line that cannot be read is given as broken; the others are not touched by it."""
    with opened.stream() as stream:
        count = 0
        while line := stream.readline(LONGEST + 1):
            count += 1
            number = opened.line(count)
            if len(line) > LONGEST:
                raise RefusedInput(
                    f"a line is longer than {LONGEST >> 20} MB",
                    where=f"{opened.name} line {number}",
                    advice="This is probably no table; export it again.",
                )
            try:
                text = line.decode("utf-8").rstrip("\r\n")
                if "\0" in text:
                    raise ValueError
            except ValueError:
                yield Row(number, line.decode("utf-8", "backslashreplace").rstrip("\r\n"), (), "it is not UTF-8 text")
                continue
            if not text.strip(" \t,;"):
                continue
            try:
                yield Row(number, text, cells(text, sign))
            except csv.Error:
                yield Row(number, text, (), "its quotation marks do not match")


def number(text: str, sign: str) -> float:
    """A number with a decimal point or a decimal comma.

    A comma before exactly three digits in a file whose cells are parted by commas has two readings and is refused.

    >>> number("5,6", ";")
    5.6
    """
    if not _NUMBER.fullmatch(text):
        raise RefusedInput("the value is not a number")
    if "," in text and sign == "," and re.search(r",\d{3}$", text):
        raise RefusedInput("a comma before three digits may mean thousands or decimals")
    value = float(text.replace(",", "."))
    if not math.isfinite(value):
        raise RefusedInput("the value is larger than a number can be")
    return value
