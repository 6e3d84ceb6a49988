"""Open a file of any encoding as a stream of UTF-8 bytes: gzip, byte-order marks and UTF-16 are taken care of here."""

import codecs
import gzip
import io
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Protocol

from pollux.errors import RefusedInput
from pollux.record.budget import Budget

_ZIPPED = b"\x1f\x8b"
HEAD = 1 << 16  # bytes that a format is recognised by
_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"),
          (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))  # fmt: skip


class _Readable(Protocol):
    def read(self, size: int = -1, /) -> bytes: ...

    def close(self) -> None: ...


class _Guarded(io.RawIOBase):
    """Whatever goes wrong below (broken gzip, broken UTF-16, a failing disk) comes out as a refusal of the file."""

    def __init__(
        self, inner: _Readable, name: str, budget: Budget | None = None, packed: BinaryIO | None = None
    ) -> None:
        self._inner = inner
        self._name = name
        self._rest = b""
        self._budget, self._packed = budget, packed
        self._size = 0

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        if not self.closed:
            self._inner.close()
        super().close()

    def readinto(self, into: "bytearray | memoryview[int]") -> int:  # type: ignore[override]
        try:
            data = self._rest or self._inner.read(len(into))
        except (OSError, EOFError, zlib.error, UnicodeError) as error:
            kind = "is not intact" if isinstance(error, EOFError | zlib.error | gzip.BadGzipFile) else "cannot be read"
            if isinstance(error, UnicodeError):
                kind = "breaks its own encoding"
            raise RefusedInput(f"the file {kind}", where=self._name, advice="Export or copy it again.") from error
        if self._budget is not None and self._packed is not None and not self._rest:
            self._size += len(data)
            self._budget.read(self._packed.tell(), self._size)
        self._rest = data[len(into) :]
        data = data[: len(into)]
        into[: len(data)] = data
        return len(data)


@dataclass(frozen=True)
class Opened:
    """A file that can be read from the start as often as needed."""

    path: Path
    name: str
    budget: Budget | None = field(default=None, compare=False)

    def weigh(self) -> None:
        """Unpack a packed file once, and keep nothing: a bomb is refused before anything waits for it."""
        with self.received() as file:
            zipped = file.read(2) == _ZIPPED
        if zipped and self.budget is not None:
            with self.stream() as stream:
                while stream.read(1 << 20):
                    pass

    def stream(self) -> io.BufferedReader:
        """The content as UTF-8 without a byte-order mark. The caller closes it."""
        file = self.received()
        try:
            zipped = file.read(2) == _ZIPPED
            file.seek(0)
            packed = file
            if zipped:
                unzipped = gzip.GzipFile(fileobj=file, mode="rb")
                unzipped.myfileobj = file  # type: ignore[assignment]  # closed with it
                file = unzipped  # type: ignore[assignment]
            plain: io.BufferedReader = io.BufferedReader(_Guarded(file, self.name, self.budget, packed), 1 << 20)
            mark = plain.peek(4)[:4]
        except RefusedInput:
            file.close()
            raise
        except OSError as error:
            file.close()
            raise RefusedInput("this is not a file that can be read", where=self.name) from error
        for start, encoding in _MARKS:
            if mark.startswith(start):
                if encoding == "utf-8":
                    plain.read(len(start))
                    return plain
                return io.BufferedReader(_Guarded(codecs.EncodedFile(plain, "utf-8", encoding), self.name), 1 << 20)
        if len(mark) == 4 and 0 in mark:
            wide = "utf-16-le" if mark[1] == 0 == mark[3] else "utf-16-be" if mark[0] == 0 == mark[2] else ""
            if wide:
                return io.BufferedReader(_Guarded(codecs.EncodedFile(plain, "utf-8", wide), self.name), 1 << 20)
        return plain

    def received(self) -> BinaryIO:
        """The bytes as they are, which the caller closes."""
        try:
            return self.path.open("rb")
        except OSError as error:
            raise RefusedInput(
                f"the file cannot be opened ({error.strerror})", where=self.name, advice="Check its path and rights."
            ) from error

    def line(self, read: int) -> int:
        """The number that a line of the stream has in the file as it was received."""
        return read

    def head(self) -> bytes:
        """The first bytes, by which the format is recognised."""
        with self.stream() as stream:
            head = stream.read(HEAD)
        if not head.strip():
            raise RefusedInput("the file is empty", where=self.name, advice="Export it again.")
        return head
