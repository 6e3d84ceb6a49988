"""A person's record: sorted, frozen and bitemporal."""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from pollux.record.event import Event, Person
from pollux.record.repeats import ADDED_UP, repeated
from pollux.vocabulary import term

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LONG = timedelta(days=1)  # what lasts longer is looked for apart when a stretch of time is asked for


def minutes(moment: datetime) -> float:
    """Minutes since 1970-01-01 UTC: the clock that kernel and calibration use.

    >>> minutes(datetime(1970, 1, 2, tzinfo=UTC))
    1440.0
    """
    return (moment - EPOCH).total_seconds() / 60.0


def _order(event: Event) -> tuple[datetime, str, str, datetime]:
    return (event.time, event.quantity, event.id, event.learned)


def _time(event: Event) -> datetime:
    return event.time


@dataclass(frozen=True)
class Conflict:
    """Two or more events that say different things of one quantity at one time. All are kept."""

    time: datetime
    quantity: str
    events: tuple[Event, ...]


@dataclass(frozen=True)
class Record:
    """Everything known about a person, in a fixed order that does not depend on the order of arrival.

    `events` holds every version; `current` what stands after corrections and retractions. An event learned later under
    the same id supersedes the earlier one; an event that only says again what stands, from whatever source, is the same
    event (the one learned first is kept).

    >>> from pollux.record import Event, Person, Record, Source
    >>> noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    >>> meter = Source("meter", "meter.csv", "line 2")
    >>> reading = Event(noon, "blood_glucose", 5.5, "mmol/L", meter, learned=noon)
    >>> len(Record(Person("p1"), (reading, reading)).events)
    1
    """

    person: Person
    events: tuple[Event, ...] = ()
    _sorted: bool = field(default=False, repr=False, compare=False)

    def __repr__(self) -> str:
        """One line, and never what is in the record."""
        return f"<Record of {self.person.id}: {len(self.events):,} events of {len(self.quantities)} quantities>"

    def __post_init__(self) -> None:
        if not self._sorted:
            object.__setattr__(self, "events", _collapse(self.events))

    def add(self, events: Iterable[Event]) -> "Record":
        """A new record that also knows these events."""
        events = tuple(events)
        if len(events) <= FEW and self.ids.isdisjoint(e.id for e in events):
            return self._with(Record(self.person, events))
        return Record(self.person, self.events + events)

    def _with(self, new: "Record") -> "Record":
        """This record and a few events of ids that are not in it: what was worked out before is carried on."""
        grown = Record(self.person, _among(self.events, new.events), _sorted=True)
        known, ready = self.__dict__, grown.__dict__
        ready["ids"] = self.ids | new.ids
        if "_versioned" in known:
            ready["_versioned"] = self._versioned | new._versioned
        if "current" in known:
            ready["current"] = _among(self.current, new.current)
        if "_long" in known:
            ready["_long"] = _among(self._long, new._long)
        if "_by_quantity" in known:
            added = {name: _among(self._by_quantity.get(name, ()), some) for name, some in new._by_quantity.items()}
            ready["_by_quantity"] = self._by_quantity | added
        return grown

    @cached_property
    def ids(self) -> frozenset[str]:
        """The ids of all events, whatever became of them."""
        return frozenset(e.id for e in self.events)

    def as_known_at(self, moment: datetime) -> "Record":
        """The record as it was known at a time: what was learned later is not in it."""
        return Record(self.person, tuple(e for e in self.events if e.learned <= moment), _sorted=True)

    def until(self, moment: datetime) -> "Record":
        """The events that were true up to a time, whenever they were learned."""
        if not self.events or self.events[-1].time <= moment:
            return self
        k = bisect_right(self.events, moment, key=_time)
        early, gone = Record(self.person, self.events[:k], _sorted=True), {e.id for e in self.events[k:]}
        if gone.isdisjoint(self._versioned):  # no correction is undone: what stood before stands
            known, ready = self.__dict__, early.__dict__
            ready["ids"], ready["_versioned"] = self.ids - gone, self._versioned
            if "current" in known:
                ready["current"] = self.current[: bisect_right(self.current, moment, key=_time)]
            if "_by_quantity" in known:
                cut = {n: e[: bisect_right(e, moment, key=_time)] for n, e in self._by_quantity.items()}
                ready["_by_quantity"] = {name: events for name, events in cut.items() if events}
        return early

    @cached_property
    def _versioned(self) -> frozenset[str]:
        """The ids under which more was said than once."""
        seen: set[str] = set()
        return frozenset(e.id for e in self.events if e.id in seen or seen.add(e.id))  # type: ignore[func-returns-value]

    def between(self, start: datetime, end: datetime) -> "Record":
        """What stands and touches the time from `start` to `end`, both included: a record that is as short as that."""
        first, last = (bisect_left(self.current, start, key=_time), bisect_right(self.current, end, key=_time))
        near = bisect_left(self.current, start - LONG, key=_time)
        lasting = [e for e in self._long if e.time < start - LONG and e.end and e.end > start]
        lasting += [e for e in self.current[near:first] if e.end and e.end > start]
        return Record(self.person, (*lasting, *self.current[first:last]), _sorted=True)

    @cached_property
    def _long(self) -> tuple[Event, ...]:
        """What stands and lasts longer than a day, in order of time."""
        return tuple(e for e in self.current if e.end and e.end - e.time > LONG)

    @cached_property
    def current(self) -> tuple[Event, ...]:
        """What stands: of each id the version learned last, without what was retracted."""
        latest: dict[str, Event] = {}
        for event in self.events:
            standing = latest.get(event.id)
            if standing is None or (event.learned, event.content) > (standing.learned, standing.content):
                latest[event.id] = event
        standing_events = [event for event in latest.values() if not event.retracted]
        if len(latest) < len(self.events):  # a later version stands where the first one stood
            standing_events.sort(key=_order)
        return tuple(standing_events)

    @cached_property
    def _by_quantity(self) -> dict[str, tuple[Event, ...]]:
        groups: dict[str, list[Event]] = {}
        for event in self.current:
            groups.setdefault(event.quantity, []).append(event)
        return {name: tuple(events) for name, events in groups.items()}

    @property
    def quantities(self) -> Sequence[str]:
        """The names of the quantities that this record has events of."""
        return sorted(self._by_quantity)

    def of(self, quantity: str) -> tuple[Event, ...]:
        """The standing events of one quantity, in order of time."""
        term(quantity)
        return self._by_quantity.get(quantity, ())

    @cached_property
    def said_again(self) -> tuple[tuple[Event, Event], ...]:
        """Each standing event that says again what another one said, with that one; see `repeated`."""
        return tuple(pair for name in sorted(self._by_quantity) for pair in self._again(name))

    def _again(self, quantity: str) -> list[tuple[Event, Event]]:
        """The repeats of one quantity, found when they are first asked for."""
        if quantity not in self._repeated:
            self._repeated[quantity] = repeated(self.of(quantity))
        return self._repeated[quantity]

    @cached_property
    def _repeated(self) -> dict[str, list[tuple[Event, Event]]]:
        return {}

    @property
    def repeats(self) -> tuple[Event, ...]:
        """The standing events that only say again what was said. They stay in the record."""
        return tuple(event for event, _ in self.said_again)

    def once(self, quantity: str) -> tuple[Event, ...]:
        """The standing events of one quantity without the repeats, in order of time: what there is to be counted."""
        again = {event.id for event, _ in self._again(quantity)}
        events = self.of(quantity)
        return tuple(event for event in events if event.id not in again) if again else events

    def last(self, quantity: str) -> Event | None:
        """The last event of a quantity that is no repeat of another one, as its last hour tells."""
        events = self.of(quantity)
        if not events:
            return None
        return self.between(events[-1].time - timedelta(hours=1), events[-1].time).once(quantity)[-1]

    def latest(self, quantity: str, at: datetime | None = None) -> Event | None:
        """The last event of a quantity, or the last one true at a time."""
        events = [e for e in self.of(quantity) if at is None or e.time <= at]
        return events[-1] if events else None

    def series(self, quantity: str, unit: str = "") -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Times [min since 1970, UTC] and values of a quantity, both `(events,)`; censored values as limits."""
        events = [e for e in self.of(quantity) if isinstance(e.value, float | int)]
        times = np.array([minutes(e.time) for e in events], dtype=np.float64)
        return times, np.array([e.number(unit) for e in events], dtype=np.float64)

    @cached_property
    def conflicts(self) -> tuple[Conflict, ...]:
        """Where one number has several values at one time.

        What adds up, such as doses, conflicts only between sources. So does what is dated by a day, which may have seen
        more than one measurement.
        """
        found = []
        for name in self._by_quantity:
            if term(name).kind != "number":
                continue
            for time, together in groupby(self.once(name), key=lambda e: e.time):
                same = tuple(together)
                if len({e.number() for e in same}) < 2:
                    continue
                one_question = name not in ADDED_UP and all(e.precision in ("minute", "second") for e in same)
                if one_question or len({(e.source.name, e.source.device) for e in same}) > 1:
                    found.append(Conflict(time, name, same))
        return tuple(found)


FEW = 1000  # events that are put one by one among those that are in order already


def _among(events: tuple[Event, ...], new: tuple[Event, ...]) -> tuple[Event, ...]:
    """The new events in their places among others; both are in order."""
    if not events or (new and _order(new[0]) > _order(events[-1])):
        return events + new
    whole = list(events)
    for event in new:
        insort(whole, event, key=_order)
    return tuple(whole)


def _collapse(events: Iterable[Event]) -> tuple[Event, ...]:
    """Sort, and of each id drop what only says again what stood before; a correction taken back is kept.

    Events of one id come in the order of their content where nothing else tells them apart, as sorting is stable.
    """
    versions: dict[str, list[Event]] = {}
    for event in events:
        versions.setdefault(event.id, []).append(event)
    kept: list[Event] = []
    for same in versions.values():
        if len(same) == 1:
            kept += same
            continue
        same.sort(key=lambda e: (e.learned, e.content, e.source.name, e.source.place, e.source.device, e.flags))
        said = ""
        for event in same:
            content = event.content
            if content != said:
                kept.append(event)
            said = content
    kept.sort(key=_order)
    return tuple(kept)
