"""A device's file that was taken in before under another time zone: asked at its end, before anything of it is kept."""

from collections.abc import Iterator
from datetime import timedelta

from pollux.errors import RefusedInput
from pollux.record.event import Event, Person
from pollux.record.quality import Finding
from pollux.record.record import Record
from pollux.record.repeats import repeated
from pollux.record.shifted import FARTHEST, FEWEST, TELLING, shifted
from pollux.store.filing import Filing
from pollux.vocabulary import term

SAID_TWICE = "said twice"  # the rule under which `examine` tells it
MOST = 50_000  # events of one person that are remembered: enough to know a file by


class TakenAgain:
    """What one import newly says of people's doses, meals and glucose, against what stood before."""

    def __init__(self, filing: Filing) -> None:
        self._filing = filing
        self._new: dict[str, list[Event]] = {}
        self._stood: dict[str, tuple[Event, ...]] = {}  # what stood before, of whom it was asked

    def saw(self, person: str, event: Event) -> None:
        """Take note of an event that a device's file adds to a record."""
        new = self._new.setdefault(person, [])
        if len(new) < MOST and event.quantity in TELLING and not event.retracted:
            new.append(event)

    def check(self) -> None:
        """Raise `RefusedInput` where nearly all that is new was here before, a constant time apart."""
        importing = self._filing.importing
        for person, new in self._new.items():
            found = shifted(self._before(person, new), new) if len(new) >= FEWEST else None
            if found is not None:
                raise RefusedInput(
                    f"{found.alike} of {found.asked} entries of this file are in the record of {person} already, all "
                    f"of them {found.text} here than there: one of the two was read under another time zone",
                    where=importing.taking.file if importing else "",
                    advice="Name the right zone with --timezone. If the first one was wrong, take it back (pollux "
                    "imports, pollux undo N) and take the file again. --insist takes it beside the other.",
                )

    def repeats(self) -> Iterator[Finding]:
        """How much of what is new says what was here already, or says it twice: it counts once."""
        for person, new in ((person, new) for person, new in self._new.items() if new):
            ids = {event.id for event in new}
            before = self._before(person, new)
            for quantity in sorted({event.quantity for event in new}):
                some = [event for event in (*before, *new) if event.quantity == quantity]
                twice = sum(not ids.isdisjoint((one.id, other.id)) for one, other in repeated(some))
                if twice:
                    text = (
                        f"{twice:,} new of {term(quantity).label.lower()} say what others say already: they count once"
                    )
                    yield Finding(SAID_TWICE, "plausibility", "flag", text, quantity, None, person)

    def _before(self, person: str, new: list[Event]) -> tuple[Event, ...]:
        """What stood near in time before this import."""
        if person in self._stood:
            return self._stood[person]
        apart = timedelta(minutes=FARTHEST)
        first, last = min(event.time for event in new) - apart, max(event.time for event in new) + apart
        ids = {event.id for event in new}  # of what is only corrected the new version counts
        events = (
            event for chart in self._filing.merged(person) for event in chart.stood_before(first, last, TELLING)
            if event.id not in ids
        )  # fmt: skip
        self._stood[person] = Record(Person(person), tuple(events)).current
        return self._stood[person]
