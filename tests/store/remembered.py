"""What a store must remember, as plainly as it can be said: nothing is packed or sealed, all of it is in memory."""

import copy
from dataclasses import dataclass, field

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

    def tell(self, event: Event) -> bool:
        """Whether the event says something new under its id."""
        known = self.versions.setdefault(event.id, [])
        if any(one.content == event.content for one in known):
            return False
        known.append(event)
        return True

    def standing(self, id: str) -> Event | None:
        """What stands under an id."""
        return _standing(self.versions.get(id, []))


@dataclass
class Remembered:
    """Everybody."""

    charts: dict[str, Chart] = field(default_factory=dict)

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
