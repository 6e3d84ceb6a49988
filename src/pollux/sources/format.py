"""What a format has to offer so that files of it are recognised and read."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from pollux.errors import RefusedInput
from pollux.record.entry import Entry
from pollux.record.event import Person
from pollux.record.quality import Category, Finding, Quarantined
from pollux.sources.opening import Opened


@dataclass(frozen=True)
class Reading:
    """How a file is to be read: when it was learned, whose it is, and in which time zone its local times are.

    `timezone` is empty when nobody has said it, `sender` when ids in a medical record are taken as they are. `insist`
    takes what would be asked about first.
    """

    learned: datetime
    person: str
    timezone: str
    name: str
    sender: str = ""
    insist: bool = False
    kept: bool = False  # of somebody's rows of a table of many people, kept with whom they are

    def owner(self) -> str:
        """The person of a device file, which does not say itself whose it is."""
        if not self.person:
            raise RefusedInput(
                "a device file does not say whose it is", where=self.name, advice="Name the person it belongs to."
            )
        return self.person

    def person_entry(self, *, birth_date: str = "", family: str = "", given: str = "") -> Entry:
        """The owner as an entry, with what a device file can tell of a person."""
        owner = self.owner()
        zone = self.timezone or "UTC"
        stated = Person(owner, birth_date=birth_date, timezone=zone, family=family, given=given)
        return Entry(owner, stated, by="device")

    def told(self, rule: str, message: str, category: Category = "plausibility") -> Entry:
        """News of the file as a whole, for whoever takes it in."""
        return Entry(self.person, Finding(rule, category, "flag", message, "", None, self.name))

    def quarantined(
        self, rule: str, message: str, place: str, kept: str, category: Category = "conformance", quantity: str = ""
    ) -> Entry:
        """A row that cannot be used, kept as it came with the reason."""
        finding = Finding(rule, category, "quarantine", message, quantity, None, f"{self.name} {place}".strip())
        return Entry(self.person, Quarantined(finding, None, kept))


@dataclass(frozen=True)
class Part:
    """What somebody has in a file of many people: the line on which it stands, and that line."""

    person: str
    line: int
    content: str


@dataclass(frozen=True)
class Format:
    """A file format: its name, how it looks to a person, how its first bytes are recognised, how it is read.

    `says_whose` tells of a file that begins with these bytes whether it names itself whose everything in it is; of a
    device's file that does, `theirs` gives what has to be kept with whom.
    `version` is that of the reader: it grows when the same bytes give other events. What is kept can be read again.
    """

    name: str
    looks: str
    recognises: Callable[[bytes], bool]
    read: Callable[[Opened, Reading], Iterator[Entry]]
    says_whose: Callable[[bytes], bool] = lambda _: False
    theirs: Callable[[Opened], Iterator[Part]] = lambda _: iter(())
    version: int = 1
