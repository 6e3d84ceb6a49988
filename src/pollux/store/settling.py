"""What stands once something is taken back or read again: what imports said, told anew without what counts no more.

Of each event concerned the sayings of imports that still count are put in the order in which they came, by the rule by
which they came (`course.added`). Where that gives another history than the one there, the new one is added behind it,
learned now: nothing is overwritten, and `as_known_at` shows what was believed before.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

import msgspec

from pollux.record.event import Event, source_name
from pollux.store.bodies import Kept
from pollux.store.columns import ANEW, GOES_ON, Origin, Saying, since_anew
from pollux.store.contest import TAKEN_BACK, ended
from pollux.store.course import added
from pollux.store.filing import Filing
from pollux.store.imports import Noted, noted_in
from pollux.store.open_chart import OpenChart, aside_of

_STEP = timedelta(microseconds=1)
Row = tuple[str, int, bytes, Kept]  # of a document: whose it is, its row, by what it is recognised, what it holds


class Told:
    """What imports told of one patient, those that were taken back included."""

    def __init__(self, chart: OpenChart) -> None:
        self.person = chart.chart.person
        self.undone = set(chart.chart.undone)
        self._again: dict[int, list[tuple[int, dict[str, list[Event]]]]] = defaultdict(list)  # by a document's row
        self.notes: list[Noted] = list(noted_in(chart.connection, chart.keyed, chart.chart))
        self.there: dict[str, list[Saying]] = defaultdict(list)  # by id all that stands on pages
        for event, origin in sorted(chart.sayings(), key=lambda one: (one[0].learned, one[0].content)):
            self.there[event.id].append((event, origin))
        self.known: dict[str, list[Saying]] = defaultdict(list)
        self.outdated: dict[str, list[Saying]] = defaultdict(list)
        self.parts: dict[Origin, int] = {}  # the rows of devices' files, by which document of which import they are
        for note in self.notes:
            self._sort(note)
        # what came too late for what is said elsewhere lies in quarantine; where that is taken back, it counts
        self.late: dict[str, list[tuple[Event, Origin, int]]] = defaultdict(list)
        for row, origin, item in aside_of(chart):
            counts = not chart.chart.void_aside(row, origin.number)
            if counts and item.finding.rule == "outdated" and item.event is not None:
                self.late[item.event.id].append((item.event, origin, row))
        self._names: dict[str, set[str]] = defaultdict(set)
        for some in (self.there, self.known, self.outdated):
            for id in some:
                self._names[source_name(id)].add(id)

    def _sort(self, note: Noted) -> None:
        if note.again:
            stated: dict[int, dict[str, list[Event]]] = defaultdict(lambda: defaultdict(list))
            for event, origin in note.known_events():
                stated[origin.part][event.id].append(event)
            for place, row in enumerate(note.again, 1):
                self._again[row].append((note.number, stated[place]))
            return
        for event, origin in note.known_events():
            self.known[event.id].append((event, origin))
        for event, origin in note.outdated_events():
            self.outdated[event.id].append((event, origin))

    def again(self, row: int) -> dict[str, list[Event]] | None:
        """What a document says since it was read again, by id; None where it was not, or that was taken back."""
        found = [events for number, events in self._again[row] if number not in self.undone]
        return found[-1] if found else None

    def rows_again(self, number: int) -> set[int]:
        """The rows of documents that an import read again."""
        return {row for row, some in self._again.items() if any(number == one for one, _ in some)}

    def names(self, name: str) -> set[str]:
        """The events that stem from a document."""
        return self._names.get(name, set())

    def also_by(self, ids: Iterable[str]) -> set[int]:
        """The imports that count and say something of these events."""
        return {origin.number for id in ids for some in (self.there, self.known) for _, origin in some.get(id, ())
                if origin.number > 0 and origin.number not in self.undone}  # fmt: skip

    def ids_of(self, number: int) -> set[str]:
        """The events of which an import said something."""
        said = {id for some in (self.there, self.known) for id, sayings in some.items()
                if any(origin.number == number for _, origin in sayings)}  # fmt: skip
        return said | {id for some in self._again.values() for one, events in some if one == number for id in events}

    def stated_by(self, part: Origin, name: str) -> list[Event]:
        """What a document of an import stated: of each event the last version; `name` is that of the document."""
        stated: dict[str, Event] = {}
        for some in (self.there, self.known, self.outdated):
            for id in self.names(name) & some.keys():
                for event, origin in some[id]:
                    if origin == part and (id not in stated or stated[id].learned <= event.learned):
                        stated[id] = event
        return [event for event in stated.values() if not event.retracted]

    def said_in(self, part: Origin) -> list[Event]:
        """What a device's file of an import said."""
        return [event for some in (self.there, self.known) for sayings in some.values()
                for event, origin in sayings if origin == part]  # fmt: skip

    def standing_of(self, name: str) -> list[Event]:
        """What stands of a document that came before imports were counted."""
        last = [self.there[id][-1][0] for id in self.names(name) if self.there.get(id)]
        return [event for event in last if not event.retracted]

    def read_again(self, row: int, number: int, events: list[Event]) -> None:
        """A document says this from now on."""
        stated: dict[str, list[Event]] = defaultdict(list)
        for event in events:
            stated[event.id].append(event)
        self._again[row].append((number, stated))

    def history(self, id: str) -> list[Event]:
        """The versions of an event as the imports that count told them, in the order learned."""
        replaced = {part: row for part, row in self.parts.items() if self.again(row) is not None}
        told: list[tuple[tuple[int, int], bool, Event]] = []
        for some, was_added in ((self.there.get(id, ()), True), (self.known.get(id, ()), False)):
            told += [(origin, was_added, event) for event, origin in some
                     if origin.number >= 0 and origin.number not in self.undone and origin not in replaced]  # fmt: skip
        for part, row in replaced.items():
            if part.number not in self.undone:
                told += [(part, False, event) for event in (self.again(row) or {}).get(id, ())]
        told += [(origin, False, event) for event, origin, _ in self.late.get(id, ())
                 if origin.number not in self.undone]  # fmt: skip
        versions: list[Event] = []
        for _, was_added, event in sorted(told, key=lambda one: one[0]):
            new = event if was_added else added(event, versions, of_document=False)
            if isinstance(new, Event):
                versions.append(new)
        return sorted(versions, key=lambda event: (event.learned, event.content))


class Settling:
    """Lets what counts stand, in the charts that one transaction changes."""

    def __init__(self, filing: Filing, now: datetime) -> None:
        self._filing = filing
        self._now = now
        self._told: dict[str, Told] = {}
        self.withdrawn = 0
        self.restored = 0
        self.stay = 0  # events of those concerned that stand, since others say them

    def told(self, person: str) -> Told:
        """What imports told of a patient, as far as it was there when it was first asked for."""
        if person not in self._told:
            self._told[person] = Told(self._filing.chart(person))
        return self._told[person]

    def forget(self) -> None:
        """Charts changed: ask anew which imports count."""
        for person, told in self._told.items():
            told.undone = set(self._filing.chart(person).chart.undone)

    # Events that come by themselves

    def events(self, person: str, ids: Iterable[str]) -> None:
        """Let stand of some events what the imports that count said last."""
        told, chart = self.told(person), self._filing.chart(person)
        for id in sorted(ids):
            history = told.history(id)
            self._write(person, id, history)
            self.stay += bool(history) and not history[-1].retracted
            for event, _, row in told.late.get(id, ()):
                if any(event.content == one.content and event.modified == one.modified for one in history):
                    chart.chart.released.append((row, 0))
                    chart.changed = True

    # Events of documents

    def standing(self, name: str) -> list[Row]:
        """The version of a document that stands, as imports that count brought it, and the flawed ones behind it."""
        seen: set[bytes] = set()
        changed: list[str] = []
        found: list[Row] = []
        for one in sorted(self._rows(name), key=lambda one: (one[3].number, one[3].part, one[3].learned, one[1])):
            _, _, mark, kept = one
            if mark in seen:
                continue
            seen.add(mark)
            if not (kept.updated and any(before > kept.updated for before in changed)):
                found = [*found, one] if self._is_flawed(one) else [one]
            changed.append(kept.updated)
        return found

    def _is_flawed(self, one: Row) -> bool:
        return self._filing.chart(one[0]).chart.is_flawed(one[2])

    def _rows(self, name: str) -> Iterator[Row]:
        for one in self._filing.document_rows(name):
            if one[3].number not in self._filing.chart(one[0]).chart.undone:
                yield one

    def document(self, name: str) -> str:
        """Let stand what the version of a document states that stands; whose it is ("" where none is left).

        A flawed version adds what of it can be used, and leaves standing what it does not state.
        """
        rows = self._filing.document_rows(name)
        owners = sorted({one[0] for one in rows})
        standing = self.standing(name)
        desired: dict[tuple[str, str], Event] = {}
        for person, _, mark, _ in standing:
            alike = [one for one in rows if one[2] == mark]
            desired |= {(person, event.id): event for event in self._statement(name, owners, alike)}
        for owner in owners:
            ids = self.told(owner).names(name) & self.told(owner).there.keys()
            ids |= {id for whose, id in desired if whose == owner}
            for id in sorted(ids):
                self._write(owner, id, [desired[owner, id]] if (owner, id) in desired else [])
        return standing[-1][0] if standing else ""

    def _statement(self, name: str, owners: list[str], alike: list[Row]) -> list[Event]:
        """What a version of a document states, as it was read last; `alike` are the rows that hold its bytes."""
        for owner, row, _, _ in alike:
            if (again := self.told(owner).again(row)) is not None:
                return [event for some in again.values() for event in some]
        parts = dict.fromkeys(Origin(kept.number, kept.part) for *_, kept in alike)
        for part in parts:
            for owner in owners:
                if stated := self.told(owner).stated_by(part, name):
                    return stated
        return []

    # Writing

    def _write(self, person: str, id: str, versions: list[Event]) -> None:
        """Add a history behind the one that is there, unless that says the same already."""
        there = self.told(person).there.get(id, [])
        since = since_anew(there)
        if since and since[0][1] == ANEW and since[0][0].retracted:
            since = since[1:]
        if [event.content for event, _ in since] == [event.content for event in versions]:
            return
        last = max((event for event, _ in there), key=lambda e: (e.learned, e.content), default=None)
        stood = last is not None and not last.retracted
        if not versions:
            if last is None:
                return
            versions = [msgspec.structs.replace(ended(last, TAKEN_BACK), modified=None)]
        learned = max(self._now, last.learned + _STEP) if last else self._now
        chart, before = self._filing.chart(person), [event for event, _ in there]
        for place, event in enumerate(versions):
            new = msgspec.structs.replace(event, learned=learned + place * _STEP)
            chart.add(new, before, GOES_ON if place else ANEW)
            before.append(new)
        stands = not versions[-1].retracted
        self.withdrawn += stood and not stands
        self.restored += stands
