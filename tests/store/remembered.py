"""What a store must remember, as plainly as it can be said: nothing is packed or sealed, all of it is in memory."""

import copy
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import msgspec

from pollux.record import Event

Said = tuple[str, str, object, object]  # id, quantity, value, time


@dataclass
class Chart:
    """One patient: of each id every version; documents by name and number of version; what is merged, held, kept."""

    versions: dict[str, list[Event]] = field(default_factory=dict)
    documents: dict[str, set[int]] = field(default_factory=dict)
    checkpoint: bytes | None = None
    into: str = ""
    held: bool = False
    restricted: bool = False
    away: dict[str, str] = field(default_factory=dict)  # ids of what was moved from here, and to whom
    hidden: set[str] = field(default_factory=set)  # ids under which nothing more is taken here

    def tell(self, event: Event) -> bool:
        """Whether the event says something new under its id."""
        known = self.versions.get(event.id, [])
        if any(one.content == event.content for one in known) or event.id in self.hidden:
            return False
        self.versions.setdefault(event.id, []).append(event)
        return True

    def standing(self, id: str) -> Event | None:
        """What stands under an id."""
        return _standing(self.versions.get(id, []))


@dataclass
class Remembered:
    """Everybody."""

    charts: dict[str, Chart] = field(default_factory=dict)
    aside: set[tuple[str, str]] = field(default_factory=set)  # ids and contents that are in nobody's quarantine
    taken_away: set[tuple[str, str]] = field(default_factory=set)  # from whom which id was erased with somebody else

    def carry(self, id: str, source: str, target: str, after: datetime) -> bool:
        """Withdraw what stands under an id for one and let another have it; whether anything did."""
        one, other = self.charts[source], self.charts[target]
        standing = one.standing(id)
        if standing is None:
            return False
        for chart, retracted in ((one, True), (other, False)):
            known = chart.versions.setdefault(id, [])
            learned = max((e.learned + timedelta(microseconds=1) for e in known), default=after)
            known.append(msgspec.structs.replace(standing, retracted=retracted, learned=learned))
        one.away[id] = target
        one.hidden.add(id)
        other.away.pop(id, None)
        other.hidden.discard(id)
        return True

    def erase(self, group: list[str]) -> None:
        """Forget people, and what had come to others first."""
        gone = {(name, id) for name, chart in self.charts.items() if name not in group
                for id in chart.away if self.owner(name, id) in group}  # fmt: skip
        for name in group:
            del self.charts[name]
        self.take_away(gone)
        self.taken_away |= gone

    def take_away(self, gone: set[tuple[str, str]]) -> None:
        """Forget what was another's."""
        for name, id in gone:
            if name in self.charts:
                chart = self.charts[name]
                chart.versions.pop(id, None)
                chart.away.pop(id, None)
                chart.hidden.add(id)

    def owner(self, name: str, id: str) -> str:
        """Where something went in the end, as far as anybody is left to tell."""
        to = self.charts[name].away[id]
        return self.owner(to, id) if to in self.charts and id in self.charts[to].away else to

    def below(self, person: str) -> list[str]:
        """The id and those that were merged into it."""
        return [person, *(one for name in self.charts if self.charts[name].into == person for one in self.below(name))]

    def chart(self, person: str) -> Chart:
        """A patient's chart, begun if there is none."""
        return self.charts.setdefault(person, Chart())

    def group(self, person: str) -> list[str]:
        """The ids that are one person with this one."""
        top = self.top(person)
        return [one for one in self.charts if self.top(one) == top]

    def top(self, person: str) -> str:
        """The id into which this one was merged in the end."""
        into = self.charts[person].into
        return self.top(into) if into in self.charts else person

    def current(self, person: str) -> list[Said]:
        """What stands for a person."""
        versions: dict[str, list[Event]] = {}
        for one in self.group(person):
            for id, known in self.charts[one].versions.items():
                versions.setdefault(id, []).extend(known)
        found = (_standing(known) for known in versions.values())
        return sorted((said(event) for event in found if event is not None), key=str)

    def documents(self, person: str) -> list[str]:
        """Names and numbers of the versions of documents."""
        return sorted(
            f"{name}/{number}"
            for one in self.group(person)
            for name, numbers in self.charts[one].documents.items()
            for number in numbers
        )

    def copy(self) -> "Remembered":
        """As it is now."""
        return copy.deepcopy(self)


def said(event: Event) -> Said:
    """What is compared of an event."""
    return (event.id, event.quantity, event.value, event.time)


def _standing(versions: list[Event]) -> Event | None:
    if not versions:
        return None
    last = max(versions, key=lambda event: (event.learned, event.content))
    return None if last.retracted else last
