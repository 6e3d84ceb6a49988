"""The versions in a FHIR history, from the oldest to the newest.

A server sends the newest first (hl7.org/fhir/R4/http.html#history), others do not. Versions of one resource are put in
order by when they were made (`meta.lastUpdated`, else `response.lastModified`), or, where one does not say it, by their
numbers (`meta.versionId`, else `response.etag`), or, where one has none, against their order in the file.
"""

import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from pollux.errors import PolluxError
from pollux.sources.fhir.dates import moment
from pollux.sources.fhir.references import target

LARGEST_SORTED = 64 << 20  # bytes of entries that are put in order; what is more is taken as it comes
_UTC = ZoneInfo("UTC")
_NUMBER = re.compile(r'(?:W/)?"?(\d{1,18})"?')


class Element(NamedTuple):
    """An entry as it stands in the file: its bytes, line and number; `sorted` is False where there were too many."""

    raw: bytes
    line: int
    number: int
    sorted: bool = True


class _Meta(msgspec.Struct):
    lastUpdated: str = ""
    versionId: str = ""


class _Resource(msgspec.Struct):
    resourceType: str = ""
    id: str = ""
    meta: _Meta = msgspec.field(default_factory=_Meta)


class _Request(msgspec.Struct):
    url: str = ""


class _Response(msgspec.Struct):
    lastModified: str = ""
    etag: str = ""


class _Version(msgspec.Struct):
    fullUrl: str = ""
    resource: _Resource | None = None
    request: _Request = msgspec.field(default_factory=_Request)
    response: _Response = msgspec.field(default_factory=_Response)

    @property
    def name(self) -> tuple[str, str] | None:
        if self.resource is not None and self.resource.id:
            return self.resource.resourceType, self.resource.id
        return target(self.request.url.removeprefix("/")) or target(self.fullUrl)

    @property
    def time(self) -> datetime | None:
        return _time(self.resource.meta.lastUpdated if self.resource else "") or _time(self.response.lastModified)

    @property
    def number(self) -> int | None:
        stated = self.resource.meta.versionId if self.resource else ""
        found = _NUMBER.fullmatch(stated or self.response.etag)
        return int(found.group(1)) if found else None


_DECODE = msgspec.json.Decoder(_Version)


def oldest_first(elements: Iterable[Element]) -> Iterator[Element]:
    """The entries of a history in order; those of more than 64 MB as they come, and marked so."""
    waiting: list[Element] = []
    size = 0
    elements = iter(elements)
    for element in elements:
        waiting.append(element)
        size += len(element.raw)
        if size > LARGEST_SORTED:
            yield from (one._replace(sorted=False) for one in waiting)
            yield from (one._replace(sorted=False) for one in elements)
            return
    yield from _ordered(waiting)


def _ordered(elements: list[Element]) -> Iterator[Element]:
    versions: dict[object, list[tuple[Element, _Version]]] = {}
    for element in reversed(elements):
        version = _version(element.raw)
        versions.setdefault(version.name or element.number, []).append((element, version))
    for same in versions.values():
        numbers = [version.number for _, version in same]
        times = [version.time for _, version in same]
        if None not in numbers:
            same = _by(numbers, same)
        if None not in times:
            same = _by([version.time for _, version in same], same)
        yield from (element for element, _ in same)


def _by(keys: list[Any], same: list[tuple[Element, _Version]]) -> list[tuple[Element, _Version]]:
    order = sorted(range(len(same)), key=keys.__getitem__)  # stable: what is equal stays as it was
    return [same[i] for i in order]


def _version(raw: bytes) -> _Version:
    try:
        return _DECODE.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _Version()  # whoever reads it says what is wrong


def _time(text: str) -> datetime | None:
    try:
        return moment(text, _UTC)[0] if text else None
    except (ValueError, PolluxError, OverflowError):
        return None
