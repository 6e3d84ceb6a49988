"""Walk through JSON of any length and cut its values out byte for byte, with bounded memory.

A parser that builds objects loses the bytes as received and needs the whole text; this scanner only finds where values
begin and end. What it cuts out is parsed, and so fully checked, by whoever asked for it.
"""

import json
import re
from collections.abc import Iterator
from io import BufferedReader

import orjson

from pollux.errors import RefusedInput

LARGEST = 64 << 20  # bytes of one value
DEEPEST = 120  # brackets inside brackets
_CHUNK = 1 << 20

# Up to the next bracket outside of strings. What is nested three deep or less is stepped over in one go.
_FLAT = rb'[^"{}\[\]]++|"(?:[^"\\]++|\\.)*+"'
_NESTED = rb"[{\[](?:" + _FLAT + rb")*+[}\]]"
for _ in range(2):
    _NESTED = rb"[{\[](?:" + _FLAT + rb"|" + _NESTED + rb")*+[}\]]"
_BRACKET = re.compile(rb"(?:" + _FLAT + rb"|" + _NESTED + rb")*+([{}\[\]])", re.DOTALL)
_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"', re.DOTALL)
_SCALAR = re.compile(rb"[^\s,:\[\]{}\"]++")
_SPACE = re.compile(rb"[ \t\r\n]*+")
_KIND_FIRST = re.compile(rb'\{\s*+"resourceType"\s*+:\s*+"([A-Za-z]{1,64})"')


class TooLarge(RefusedInput):
    """JSON with a number that no computer number holds (1e999): a matter of the one value that it stands in."""


class Scanner:
    """A position in a stream of JSON text.

    >>> import io
    >>> scanner = Scanner(io.BufferedReader(io.BytesIO(b'{"a": [1, {"b": 2.50}], "c": 3}')), "example")
    >>> for key in scanner.members():
    ...     print(key, list(scanner.elements()) if key == "a" else scanner.value())
    a [b'1', b'{"b": 2.50}']
    c b'3'
    """

    def __init__(self, stream: BufferedReader, name: str, line: int = 1) -> None:
        self._stream = stream
        self._name = name
        self._buffer = b""
        self._at = 0
        self._line = line
        self._counted = 0

    @property
    def line(self) -> int:
        """The line that the scanner stands on, counted from 1."""
        self._line += self._buffer.count(b"\n", self._counted, self._at)
        self._counted = self._at
        return self._line

    def refuse(self, what: str) -> RefusedInput:
        """The error for something wrong at this position."""
        column = self._at - self._buffer.rfind(b"\n", 0, self._at)
        return RefusedInput(
            what, where=f"{self._name} line {self.line}, column {column}", advice="Export the file again."
        )

    def _more(self) -> bool:
        """Read on, so that what stands before the position may be forgotten. False at the end of the file."""
        _ = self.line
        kept = self._buffer[self._at :]
        if len(kept) > LARGEST:
            raise RefusedInput(
                f"one value is larger than {LARGEST >> 20} MB",
                where=f"{self._name} line {self._line}",
                advice="Split the file into smaller resources.",
            )
        data = self._stream.read(max(_CHUNK, len(kept)))
        self._buffer, self._at, self._counted = kept + data, 0, 0
        return bool(data)

    def peek(self) -> int:
        """The next byte that is not white space, or -1 at the end of the file."""
        while True:
            found = _SPACE.match(self._buffer, self._at)
            self._at = found.end() if found else self._at
            if self._at < len(self._buffer):
                return self._buffer[self._at]
            if not self._more():
                return -1

    def kind(self) -> str:
        """The resourceType of the object that comes next, without moving; empty when it has none."""
        if len(self._buffer) - self._at < 200:
            self._more()
        found = _KIND_FIRST.match(self._buffer, self._at)
        if found:
            return found.group(1).decode()
        try:
            end = self._end()
            value = orjson.loads(self._buffer[self._at : end])
        except orjson.JSONDecodeError:
            return ""
        kind = value.get("resourceType") if isinstance(value, dict) else None
        return kind if isinstance(kind, str) else ""

    def value(self) -> bytes:
        """The next value, exactly as it stands, and step behind it."""
        if self.peek() == -1:
            raise self.refuse("the file ends in the middle")
        end = self._end()
        value = self._buffer[self._at : end]
        self._at = end
        return value

    def elements(self) -> Iterator[bytes]:
        """The elements of the array that comes next, one by one, exactly as they stand."""
        self._expect(b"[", "a list")
        if self.peek() == ord("]"):
            self._at += 1
            return
        while True:
            yield self.value()
            if not self._comma(b"]"):
                return

    def members(self) -> Iterator[str]:
        """The keys of the object that comes next; take each value before asking for the next key."""
        self._expect(b"{", "an object")
        if self.peek() == ord("}"):
            self._at += 1
            return
        seen = set()
        while True:
            if self.peek() != ord('"'):
                raise self.refuse("a name in double quotes should stand here")
            key = parse(self.value(), self._name, self.line)
            if key in seen:
                raise self.refuse("the same name stands twice in one object")
            seen.add(key)
            self._expect(b":", "a colon")
            yield str(key)
            if not self._comma(b"}"):
                return

    def _comma(self, closing: bytes) -> bool:
        """Step over a comma (True) or over the closing bracket (False)."""
        found = self.peek()
        if found == closing[0]:
            self._at += 1
            return False
        if found != ord(","):
            raise self.refuse(
                "the file ends in the middle" if found == -1 else f"a comma or {closing.decode()} is missing"
            )
        self._at += 1
        if self.peek() == closing[0]:
            raise self.refuse(f"a comma stands before {closing.decode()}")
        return True

    def _expect(self, byte: bytes, what: str) -> None:
        if self.peek() != byte[0]:
            raise self.refuse(f"{what} should stand here")
        self._at += 1

    def _end(self) -> int:
        first = self.peek()
        if first in b"{[":
            return self._bracket_end()
        pattern = _STRING if first == ord('"') else _SCALAR
        while True:
            found = pattern.match(self._buffer, self._at)
            if found and (first == ord('"') or found.end() < len(self._buffer)):
                return found.end()
            if not self._more():
                if found:
                    return found.end()
                raise self.refuse("a value should stand here" if first != ord('"') else "a text is not closed")

    def _bracket_end(self) -> int:
        depth, at = 1, self._at + 1
        while True:
            found = _BRACKET.match(self._buffer, at)
            if found is None:
                gone = self._at
                if not self._more():
                    raise self.refuse("the file ends before this value is closed")
                at -= gone
                continue
            at = found.end()
            if self._buffer[at - 1] in b"{[":
                depth += 1
                if depth > DEEPEST:
                    raise self.refuse(f"brackets are nested more than {DEEPEST} deep")
            else:
                depth -= 1
                if depth == 0:
                    if at - self._at > LARGEST:
                        raise self.refuse(f"one value is larger than {LARGEST >> 20} MB")
                    return at


def parse(value: bytes, name: str, line: int) -> object:
    """The value as objects; refused with line and column when it is not JSON.

    >>> parse(b'{"a": 1, "a": 2}', "example", 7)
    Traceback (most recent call last):
    ...
    pollux.errors.RefusedInput: the same name stands twice in one object [example line 7]. Export the file again.
    """
    try:
        parsed: object = orjson.loads(value)
    except orjson.JSONDecodeError as error:
        last = line + error.lineno - 1
        large = "infinity" in error.msg
        raise (TooLarge if large else RefusedInput)(
            "a number is larger than a number can be" if large else f"this is not JSON: {error.msg}",
            where=f"{name} line {last}, column {error.colno}",
            advice="Export the file again.",
        ) from None
    if _says_something_twice(value, parsed):
        raise RefusedInput(
            "the same name stands twice in one object", where=f"{name} line {line}", advice="Export the file again."
        )
    return parsed


def _says_something_twice(value: bytes, parsed: object) -> bool:
    """Whether an object repeats a name: then writing it again takes fewer quotation marks."""
    if value.count(b'"') == orjson.dumps(parsed).count(b'"') and b"\\u0022" not in value:
        return False
    twice = False

    def pairs(found: list[tuple[str, object]]) -> None:
        nonlocal twice
        twice = twice or len({key for key, _ in found}) < len(found)

    json.loads(value, object_pairs_hook=pairs)
    return twice
