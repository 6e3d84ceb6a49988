"""Imports: each has a number; what it said of a patient, and what of that was known, lies sealed with their chart.

What an import added stands on pages and in rows, each with the import's number. What it said and somebody had said
before it lies in a row of its own (`imported`), so that taking back the earlier one leaves what the later one says.
"""

from collections.abc import Callable, Iterable, Iterator

import msgspec
from sqlalchemy import Connection, select

from pollux.record.entry import Rank
from pollux.record.event import Event, Person
from pollux.store.chart import Chart, Linked, Tally, missing, open_chart
from pollux.store.columns import Columns, Origin, own_id, pack
from pollux.store.keys import Keyed, Keys
from pollux.store.tables import CHART, IMPORTED


class Taking(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is taken in: the file's name and format, the version of its reader, and how it is to be read.

    `person` is whose device file it is, `sender` who sent a medical record, `as_of` the day that was said to be today.
    """

    file: str = ""
    format: str = ""
    version: int = 0
    person: str = ""
    timezone: str = ""
    sender: str = ""
    as_of: str = ""


class Counts(msgspec.Struct, array_like=True):
    """What an import did in one chart."""

    accepted: int = 0
    withdrawn: int = 0
    documents: int = 0
    known: int = 0
    quarantined: int = 0

    def plus(self, other: "Counts") -> "Counts":
        """Both together."""
        return Counts(*(getattr(self, name) + getattr(other, name) for name in Counts.__struct_fields__))


class Importing(msgspec.Struct, frozen=True):
    """The import that is on its way."""

    number: int
    at: str
    taking: Taking


class Noted(msgspec.Struct, array_like=True):
    """What a row holds of one import: what it did, and what of it was known already or came too late."""

    number: int
    at: str
    taking: Taking
    counts: Counts
    known: bytes = b""  # events, as on a page
    outdated: bytes = b""  # events of documents of which a newer version was there
    documents: list[tuple[int, int]] = []  # which of its documents, and the row in which it lay already
    quarantined: list[bytes] = []  # marks of what lay in quarantine already
    persons: list[tuple[Person, Rank]] = []
    links: list[Linked] = []
    again: list[int] = []  # rows of documents that it read again; `known` is what they say now

    def known_events(self) -> list[tuple[Event, Origin]]:
        """What was known already."""
        return _unpacked(self.known)

    def outdated_events(self) -> list[tuple[Event, Origin]]:
        """What an outdated version of a document stated."""
        return _unpacked(self.outdated)


_ENCODE = msgspec.msgpack.Encoder()
_DECODE = msgspec.msgpack.Decoder(Noted)


class Notes:
    """What an import has to note in one chart, gathered until the chart is written."""

    def __init__(self) -> None:
        self._known: list[tuple[Event, Origin]] = []
        self._outdated: list[tuple[Event, Origin]] = []
        self.documents: list[tuple[int, int]] = []
        self.files = 0  # of those the pieces of devices' files, which are not counted
        self.quarantined: list[bytes] = []
        self.persons: list[tuple[Person, Rank]] = []
        self.links: list[Linked] = []
        self.again: list[int] = []

    def event(self, event: Event, origin: Origin, outdated: bool = False) -> None:
        """It was said, and adds nothing."""
        (self._outdated if outdated else self._known).append((event, origin))

    @property
    def pending(self) -> int:
        """Events that wait to be written."""
        return len(self._known) + len(self._outdated)

    def body(self, importing: Importing, counts: Counts) -> bytes:
        """What is sealed."""
        counts.known = len(self._known) + len(self.documents) - self.files + len(self.quarantined)
        return _ENCODE.encode(
            Noted(importing.number, importing.at, importing.taking, counts, _packed(self._known),
                  _packed(self._outdated), self.documents, self.quarantined, self.persons, self.links, self.again)
        )  # fmt: skip


def _packed(some: list[tuple[Event, Origin]]) -> bytes:
    if not some:
        return b""
    some.sort(key=lambda one: one[0].time)
    events = [event for event, _ in some]
    return pack(events, [e.id == own_id(e.content) for e in events], [origin for _, origin in some])


def _unpacked(packed: bytes) -> list[tuple[Event, Origin]]:
    if not packed:
        return []
    page = Columns(packed)
    return list(zip(page.events(), page.origins, strict=True))


def without(body: bytes, gone: Callable[[Event], bool]) -> tuple[bytes, int]:
    """What a row holds without some of the events, and how many those are."""
    note = _DECODE.decode(body)
    known, outdated = note.known_events(), note.outdated_events()
    left = [[one for one in some if not gone(one[0])] for some in (known, outdated)]
    dropped = len(known) + len(outdated) - sum(map(len, left))
    note.known, note.outdated = (_packed(some) for some in left)
    return _ENCODE.encode(note), dropped


def noted_in(connection: Connection, keyed: Keyed, chart: Chart) -> Iterator[Noted]:
    """All that imports noted in a chart, in the order of writing."""
    wanted = select(IMPORTED.c.number, IMPORTED.c.sealed).where(IMPORTED.c.who == keyed.who)
    rows = connection.execute(wanted.order_by(IMPORTED.c.number)).all()
    found = Tally().plus(sealed for _, sealed in rows)
    if (found.count, found.tags) != (chart.imported.count, chart.imported.tags):
        raise missing("imported", f"patient {keyed.who.hex()[:8]}")
    for number, sealed in rows:
        yield _DECODE.decode(keyed.cipher.open(sealed, "imported", keyed.who, number))


def every_import(connection: Connection, keys: Keys) -> Iterator[tuple[Chart, Noted]]:
    """What imports noted in all charts."""
    for who, version, sealed in connection.execute(select(CHART)).all():
        keyed = keys.find_who(who)
        if keyed is not None:
            chart = open_chart(sealed, version, keyed)
            yield from ((chart, note) for note in noted_in(connection, keyed, chart))


class Imported(msgspec.Struct, frozen=True):
    """One import, as a list of them shows it: what came when, whose it was, what it did, and if it was taken back."""

    number: int
    at: str
    taking: Taking
    people: tuple[str, ...]
    counts: Counts
    undone: bool = False


def listed(found: Iterable[tuple[Chart, Noted]]) -> list[Imported]:
    """What was noted in several charts, put together by import."""
    imports: dict[int, Imported] = {}
    for chart, one in found:
        before = imports.get(one.number)
        people = {chart.person} | set(before.people if before else ())
        imports[one.number] = Imported(
            one.number, one.at, one.taking, tuple(sorted(people - {""})),
            one.counts.plus(before.counts) if before else one.counts,
            one.number in chart.undone or (before is not None and before.undone),
        )  # fmt: skip
    return [imports[number] for number in sorted(imports)]
