"""What is known about a person, one event at a time."""

import hashlib
from datetime import UTC, date, datetime
from typing import Literal

import msgspec

from pollux.errors import RefusedInput
from pollux.vocabulary import convert, term

Precision = Literal["year", "month", "day", "minute", "second"]
Comparator = Literal["", "<", "<=", ">=", ">"]


class Quantity(msgspec.Struct, frozen=True):
    """A number with its UCUM unit.

    >>> Quantity(5.5, "mmol/L").to("mg/dL", "cgm_glucose")
    Quantity(value=99.0858, unit='mg/dL')
    """

    value: float
    unit: str

    def to(self, unit: str, name: str) -> "Quantity":
        """The same quantity, which the vocabulary calls `name`, in another unit."""
        return Quantity(convert(self.value, self.unit, unit, name), unit)


class Code(msgspec.Struct, frozen=True, gc=False):
    """A code in a code system, with the text that came with it."""

    system: str
    code: str
    display: str = ""


class Source(msgspec.Struct, frozen=True, gc=False):
    """Where an event came from: the kind of source, its name and the place inside it."""

    kind: str
    name: str
    place: str = ""
    device: str = ""


class Event(msgspec.Struct, frozen=True, gc=False):  # never part of a cycle, and there are many
    """One thing known about a person.

    `time` is when it was true, `learned` when Pollux came to know it; both are UTC. `quantity` is a name of the
    vocabulary; `value` is a number in `unit`, a code, or a text. `comparator` marks a value beyond the measuring range
    (a sensor's "LOW" is `<` its limit). `end` closes an interval (a basal rate, an encounter). `id` is the source's own
    name of the fact: a later event with the same id is its correction; without one, the content is the id. `retracted`
    takes a fact back. `precision` says how much of `time` was stated. `modified` is when the source says that it
    last changed what it states under this id; it orders versions and is no part of what is said.
    """

    time: datetime
    quantity: str
    value: float | str | Code
    unit: str
    source: Source
    learned: datetime
    end: datetime | None = None
    comparator: Comparator = ""
    precision: Precision = "second"
    flags: tuple[str, ...] = ()
    id: str = ""
    retracted: bool = False
    modified: datetime | None = None

    def __post_init__(self) -> None:
        if self.time.tzinfo is None or self.learned.tzinfo is None or self.end or self.modified:
            self._check_times()
        term(self.quantity)
        if type(self.value) is not float and isinstance(self.value, float | int):
            msgspec.structs.force_setattr(self, "value", float(self.value))
        if not self.id:
            msgspec.structs.force_setattr(self, "id", "content:" + self.content[:24])

    def _check_times(self) -> None:
        for name, moment in (
            ("time", self.time), ("learned", self.learned), ("end", self.end), ("modified", self.modified)
        ):  # fmt: skip
            if moment is not None and moment.tzinfo is None:
                raise RefusedInput(
                    f"the event's {name} has no time zone",
                    where=self.where,
                    advice="Give it in UTC or with an offset.",
                )
        if self.end is not None and self.end < self.time:
            raise RefusedInput("the event ends before it begins", where=self.where)

    @property
    def content(self) -> str:
        """A digest of what the event says, whoever said it and whenever it was learned."""
        value = self.value if isinstance(self.value, str) else msgspec.json.encode(self.value).decode()
        end = self.end.astimezone(UTC).isoformat() if self.end else ""
        said = (
            self.time.astimezone(UTC).isoformat(),
            self.quantity,
            value,
            self.unit,
            end,
            self.comparator,
            str(self.retracted),
        )
        return hashlib.sha256("\x1f".join(said).encode()).hexdigest()

    @property
    def where(self) -> str:
        """The place that an error or a finding names."""
        return f"{self.source.name} {self.source.place}".strip()

    def number(self, unit: str = "") -> float:
        """The value as a number, in `unit` or in the vocabulary's own.

        Raises `RefusedInput` when the value is a code or a text.
        """
        if not isinstance(self.value, float | int):
            raise RefusedInput(f"{self.quantity} is not a number here", where=self.where)
        return convert(float(self.value), self.unit, unit or term(self.quantity).unit, self.quantity)


def source_name(id: str) -> str:
    """The part of an event's id that names the document, or the thing at the source, from which it stems.

    >>> source_name("Observation/o1#8480-6")
    'Observation/o1'
    """
    return id.partition("#")[0]


class Person(msgspec.Struct, frozen=True):
    """Who the record is about. What changes with time, such as weight, is an event and not here.

    `birth_date` is as stated and may be partial ("1964", "1964-06"). `timezone` is an IANA name; it says when this
    person's night is. `family` and `given` are names as stated. `as_of` is the day that was said to be today for data
    whose dates were shifted, as de-identified data's are: answers say so.
    """

    id: str
    birth_date: str = ""
    sex_at_birth: str = ""
    gender: str = ""
    ancestry: str = ""
    timezone: str = "UTC"
    synthetic: bool = False
    family: str = ""
    given: str = ""
    as_of: str = ""

    def __repr__(self) -> str:
        """The id alone: who it is belongs into no log and no traceback."""
        return f"Person({self.id!r})"

    def born(self) -> date | None:
        """The earliest day of birth that fits what was stated.

        >>> Person("p1", birth_date="1964-06").born()
        datetime.date(1964, 6, 1)
        """
        if not self.birth_date:
            return None
        parts = [int(part) for part in self.birth_date.split("-")]
        return date(*(parts + [1, 1])[:3])

    def age(self, at: datetime) -> float | None:
        """Years lived at a time, or None when the birth date is unknown."""
        born = self.born()
        return None if born is None else (at.date() - born).days / 365.25
