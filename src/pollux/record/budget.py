"""What one import or question may cost at most. What exceeds it is refused, with what to do."""

import os
from collections.abc import Iterable, Iterator
from threading import get_ident
from time import thread_time
from typing import TypeVar

import msgspec

from pollux.errors import RefusedInput
from pollux.record.entry import Entry
from pollux.record.event import Person

VARIABLE = "POLLUX_LIMITS"
MEGABYTE = 1 << 20
# All limits are Pollux's own choices.
_SMALL = 16 * MEGABYTE  # an unpacked file up to here harms nobody, whatever its ratio
_MEGABYTES, _PEOPLE = 6.0, 6000.0  # of a file that are given as much processor time as one without any
_OFTEN = 32  # entries between two looks at the clock
T = TypeVar("T")


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The most that one import or question may cost.

    `cpu` is processor time [s] for a small file: one of 6 MB has twice as much, of 12 MB three times, and so has one of
    6,000 and 12,000 people. `rows` are things that are read (people, documents, events, what is put aside), `expanded`
    MB of a file unpacked, `ratio` how much larger it is unpacked than packed (asked above 16 MB), `versions` those of
    one resource or event, `plan` the steps of a plan.
    """

    cpu: float = 60.0
    rows: int = 20_000_000
    expanded: int = 8_000
    ratio: float = 200.0
    versions: int = 20_000
    plan: int = 100


_USUAL = Limits()


def limits(text: str = "", where: str = "--limits") -> Limits:
    """The limits in force: the usual ones, changed by ``POLLUX_LIMITS`` and then by a text of the same form.

    >>> limits("cpu=600, versions=50000").versions
    50000
    """
    if not text and not os.environ.get(VARIABLE):
        return _USUAL
    found: dict[str, float] = {}
    for stated, place in ((os.environ.get(VARIABLE, ""), VARIABLE), (text, where)):
        for part in filter(None, (part.strip() for part in stated.split(","))):
            name, _, value = part.partition("=")
            found[_known(name.strip(), place)] = _number(value.strip(), place)
    return Limits(**{name: type(getattr(_USUAL, name))(value) for name, value in found.items()})


def _known(name: str, place: str) -> str:
    if name not in Limits.__struct_fields__:
        raise RefusedInput(
            f"{name[:40]!r} is no limit", where=place, advice=f"Known are: {', '.join(Limits.__struct_fields__)}."
        )
    return name


def _number(text: str, place: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0.0 < value < 1e15:
        raise RefusedInput(
            f"the limit {text[:40]!r} is no number above 0",
            where=place,
            advice="Write for example: cpu=600,rows=1000000.",
        )
    return value


def beyond(what: str, name: str, limit: float, where: str) -> RefusedInput:
    """The error for what costs more than a limit allows.

    >>> str(beyond("the plan has 120 steps", "plan", 100, "plan"))
    'the plan has 120 steps; the limit is 100 [plan]. If it is to be trusted, raise it: POLLUX_LIMITS=plan=200.'
    """
    advice = f"If it is to be trusted, raise it: {VARIABLE}={name}={2 * limit:.0f}"
    more = "" if name == "plan" else f", or --limits {name}={2 * limit:.0f}"
    return RefusedInput(f"{what}; the limit is {limit:,.0f}", where=where, advice=f"{advice}{more}.")


class Budget:
    """What one import has cost so far. Whoever reads its file and the stream of its entries look at it on their way."""

    def __init__(self, limits: Limits, where: str) -> None:
        self.limits = limits
        self._where = where
        self._rows = self._people = 0
        self._size = 0  # bytes of the file, unpacked, as far as it was read
        self._spent = 0.0
        self._thread, self._clock = get_ident(), thread_time()

    def read(self, packed: int, unpacked: int) -> None:
        """So many bytes of the file were read, and so many came out."""
        self._size = max(self._size, unpacked)
        if unpacked > self.limits.expanded * MEGABYTE:
            raise beyond("the file unpacked has more MB than are read", "expanded", self.limits.expanded, self._where)
        if unpacked > _SMALL and unpacked > self.limits.ratio * packed:
            what = "the file is so many times larger unpacked than packed that it may be a bomb"
            raise beyond(what, "ratio", self.limits.ratio, self._where)
        self.look()

    def look(self) -> None:
        """Raise `RefusedInput` where too much processor time went by since it was asked last, in this thread."""
        thread, clock = get_ident(), thread_time()
        self._spent += clock - self._clock if thread == self._thread else 0.0
        self._thread, self._clock = thread, clock
        share = 1.0 + self._size / MEGABYTE / _MEGABYTES + self._people / _PEOPLE
        if self._spent > self.limits.cpu * share:
            what = f"it takes more than {self.limits.cpu * share:,.0f} s of processor time, too much for its size"
            raise beyond(what, "cpu", self.limits.cpu, self._where)

    def watch(self, entries: Iterable[Entry]) -> Iterator[Entry]:
        """The same entries, counted."""
        for entry in entries:
            self._rows += 1
            if isinstance(entry.item, Person):
                self._people += 1
            if self._rows % _OFTEN == 0:
                self.look()
            if self._rows > self.limits.rows:
                raise beyond("it holds more things than are read from one file", "rows", self.limits.rows, self._where)
            yield entry
