"""Newline-delimited JSON: one value a line, so that a broken line is that line's own affair."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import msgspec

from pollux.sources.opening import HEAD, Opened
from pollux.sources.scan import LARGEST

KEPT = 1000  # bytes that are kept of a line too long to be read
_SPACE = b" \t\r\n"
_SYNTAX = msgspec.json.Decoder(msgspec.Raw)


@dataclass(frozen=True)
class Line:
    """One line: its number, what stands on it without the white space around it, and whether that is all of it."""

    number: int
    content: bytes
    whole: bool = True


def lines(opened: Opened) -> Iterator[Line]:
    """Every line that is not blank. Of one that is longer than a value may be only the beginning is given."""
    with opened.stream() as stream:
        number = 0
        while raw := stream.readline(LARGEST + 1):
            number += 1
            whole = len(raw) <= LARGEST
            content = raw.strip(_SPACE) if whole else raw[:KEPT]
            while not whole and raw and not raw.endswith(b"\n"):
                raw = stream.readline(LARGEST)
            if content:
                yield Line(number, content, whole)


def line_by_line(opened: Opened, stands_alone: Callable[[bytes], bool]) -> bool:
    """Whether a file holds one value a line, on more than one line; its first lines may be broken.

    `stands_alone` says whether a line is a whole value of the format. Such lines also stand inside a value that goes
    over several lines, so that they only count where the beginning of the file is JSON in no other way.
    """
    with opened.stream() as stream:
        first = b""
        while not first.strip(_SPACE):
            first = stream.readline(LARGEST)
            if not first or len(first) == LARGEST:
                return False
        more = stream.read(HEAD)
    if not more.strip(_SPACE):
        return False
    if stands_alone(first.strip(_SPACE)):
        return True
    more = more[: more.rfind(b"\n") + 1] if len(more) == HEAD else more
    if not _is_json(first) and _goes_on(first + more):
        return False
    return any(line.whole and stands_alone(line.content) for line in lines(opened))


def _is_json(text: bytes) -> bool:
    try:
        _SYNTAX.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True


def _goes_on(text: bytes) -> bool:
    """Whether a text is sound JSON as far as it goes: one value, perhaps unfinished, or several."""
    try:
        _SYNTAX.decode(text)
    except msgspec.DecodeError as error:
        return "truncated" in str(error) or "trailing characters" in str(error)
    except RecursionError:
        pass
    return True
