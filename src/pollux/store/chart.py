"""A patient's chart: what is kept for them and where, sealed as a whole and rewritten with every change.

Pages of events, documents and the rest are only added (many small pages are put together into one). The chart lists
the pages, counts the rest and holds the sum of their tags: a row that is missing or came back from an older state does
not go unnoticed.
"""

import zlib
from collections.abc import Container, Iterable

import msgspec
from sqlalchemy import Connection

from pollux.record.entry import Rank
from pollux.record.event import Person
from pollux.store.columns import deflated
from pollux.store.database import quick
from pollux.store.keys import Keyed, Keys
from pollux.store.seal import TAG_BYTES, Damaged, tag
from pollux.store.tables import CHART_OF

_SHORT_TAG = 8


class PageNote(msgspec.Struct, frozen=True, array_like=True):
    """What the chart knows of a page: its number, times [µs], how many events, of which quantities, and its tag.

    `later` marks a page of events that state something under an id that was there before: corrections, withdrawals.
    """

    number: int
    first: int
    last: int
    count: int
    quantities: tuple[int, ...]
    later: bool
    tag: bytes


class Tally(msgspec.Struct, frozen=True, array_like=True):
    """Rows of one kind: how many, the next number, and the exclusive or of their tags."""

    count: int = 0
    next: int = 1
    tags: bytes = bytes(TAG_BYTES)

    def minus(self, sealed: Iterable[bytes]) -> "Tally":
        """Without some of the rows."""
        some = list(sealed)
        return Tally(self.count - len(some), self.next, Tally(tags=self.tags).plus(some).tags)

    def plus(self, sealed: Iterable[bytes]) -> "Tally":
        """With some rows more, numbered from `next` on."""
        count, tags = self.count, int.from_bytes(self.tags, "big")
        for one in sealed:
            count, tags = count + 1, tags ^ int.from_bytes(tag(one), "big")
        return Tally(count, self.next + count - self.count, tags.to_bytes(TAG_BYTES, "big"))


class Hold(msgspec.Struct, frozen=True):
    """Why a person's data may not be erased, and since when."""

    reason: str
    since: str
    by: str


class Move(msgspec.Struct, frozen=True):
    """What had come into the wrong record and was taken out of it: `to` is the pseudonym of where it went."""

    to: str
    names: tuple[str, ...]
    at: str


class Arrival(msgspec.Struct, frozen=True):
    """What had come into the record of another, whose pseudonym is `source`, and was moved here."""

    source: str
    names: tuple[str, ...]
    at: str


class Statement(msgspec.Struct, frozen=True, array_like=True):
    """What was stated of the person: when it was learned, by whom it is said, in which import."""

    learned: str
    person: Person
    by: Rank = "record"  # also of what was kept before it was asked who says it
    number: int = 0


class Linked(msgspec.Struct, frozen=True, array_like=True):
    """What a sender said of two ids, and what became of it: see `links.py`."""

    duplicate: str
    into: str
    number: int
    state: str = ""  # "" waits for one of them, "merged", "asked" or "apart" since somebody took them apart
    why: str = ""


class Contest(msgspec.Struct, frozen=True, array_like=True):
    """Facts that a later version of their document names and does not state, since it cannot be used as it is.

    They stand as they stood before, until a version that is sound (import `ended`) states or ends them.
    """

    name: str  # of the document, or the id of an event that came by itself
    ids: tuple[str, ...]  # of the events that stand in doubt
    why: str
    at: str
    number: int  # of the import that brought the version
    ended: int = 0

    def counts(self, undone: Container[int]) -> bool:
        """Whether it counts, given the imports that were taken back."""
        return self.number not in undone and (not self.ended or self.ended in undone)


class Chart(msgspec.Struct, omit_defaults=True):
    """All of it; see the fields' own types."""

    person: str
    stated: list[Statement] = []
    quantities: list[str] = []
    pages: list[PageNote] = []
    next_page: int = 1
    names: int = 0  # events whose id a source gave; 0 saves looking for them
    unordered: bool = False  # a correction is dated before what it corrects or changes the quantity: then all is read
    documents: Tally = Tally()
    quarantine: Tally = Tally()
    checkpoints: Tally = Tally()
    also: list[str] = []  # ids whose records were merged into this one
    into: str = ""  # the id into which this one was merged
    hidden: list[str] = []  # documents and quarantined events that were moved to the person they belong to
    passed: list[str] = []  # documents of which a later version names somebody else
    moves: list[Move] = []  # what is away from here
    arrivals: list[Arrival] = []
    holds: list[Hold] = []
    restricted: str = ""  # why the data may be kept and not used
    imported: Tally = Tally()
    undone: list[int] = []  # numbers of imports that were taken back
    anew: bool = False  # some events have another history since then; see `columns.ANEW`
    taken_back: list[Statement] = []  # what those imports stated of the person
    released: list[tuple[int, int]] = []  # rows of quarantine that are used after all, each with the import for it
    links: list[Linked] = []
    # versions of documents that replace no earlier one, since something of them cannot be used, by their bytes; and by
    # which import they were read again and are sound since then
    flawed: list[tuple[bytes, int]] = []
    contests: list[Contest] = []

    def is_flawed(self, mark: bytes) -> bool:
        """Whether a version of a document replaces no earlier one."""
        return any(mark == one and not (sound and sound not in self.undone) for one, sound in self.flawed)

    @property
    def contested(self) -> list[Contest]:
        """What stands in doubt now."""
        return [one for one in self.contests if one.counts(self.undone)]

    def void_aside(self, row: int, number: int) -> bool:
        """Whether a row of quarantine counts no more: its import was taken back, or it is used after all."""
        return number in self.undone or any(row == one and by not in self.undone for one, by in self.released)

    @property
    def listed(self) -> bool:
        """Whether the person is one of those who are here: something was stated that was not taken back."""
        return bool(self.person) and not self.into and (bool(self.stated) or not self.undone)


_ENCODE = msgspec.msgpack.Encoder()
_DECODE = msgspec.msgpack.Decoder(Chart)


def seal_chart(chart: Chart, version: int, keyed: Keyed) -> bytes:
    """The chart as its row holds it."""
    return keyed.cipher.seal(deflated(_ENCODE.encode(chart), 1), "chart", keyed.who, version)


def open_chart(sealed: bytes, version: int, keyed: Keyed) -> Chart:
    """The chart that was sealed; raises `Damaged`."""
    content = keyed.cipher.open(sealed, "chart", keyed.who, version)
    return _DECODE.decode(zlib.decompress(content))


def read_chart(connection: Connection, keyed: Keyed) -> tuple[Chart, int] | None:
    """A patient's chart and its version; None when there is none."""
    row = quick(connection, CHART_OF, {"of": keyed.who}).first()
    return None if row is None else (open_chart(row.sealed, row.version, keyed), row.version)


def find_chart(connection: Connection, keys: Keys, person: str) -> tuple[Keyed, Chart, int] | None:
    """A person's keys, chart and version; None when nothing is kept for them.

    Keys are read again when another process has changed them since.
    """
    for remembered in (True, False):
        if not remembered:
            keys.forget()
        keyed = keys.find(person)
        if keyed is None:
            return None
        row = quick(connection, CHART_OF, {"of": keyed.who}).first()
        if row is not None and (keyed.cipher.opens(row.sealed) or not remembered):
            return keyed, open_chart(row.sealed, row.version, keyed), row.version
    return None


def short_tag(sealed: bytes) -> bytes:
    """What the chart keeps of a page's tag."""
    return tag(sealed)[-_SHORT_TAG:]


def missing(kind: str, where: str) -> Damaged:
    """That the chart knows of rows which are not there, or that others are in their place."""
    return Damaged(
        f"rows of the table {kind} are missing or were exchanged",
        where=where,
        advice="Nothing of them is used. Run `pollux doctor`, then restore a backup.",
    )
