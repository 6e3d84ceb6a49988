"""What an event was flagged with, as a finding."""

from pollux.record.event import Event
from pollux.record.quality import Category, Finding
from pollux.vocabulary import term

# What events are flagged with by way of bookkeeping, and nobody has to look into.
BOOKKEEPING = frozenset(
    ("scheduled", "temporary", "spread", "suspended")
    # how a source says that something has run its course: news of the person, not of the data's quality
    + ("resolved", "inactive", "remission", "active", "stopped", "completed", "finished", "on-hold", "ended")
    + ("as needed", "subpotent")
)

# What stands although a later version of its document says something else, since that version cannot be used.
CONTESTED = "contested"


def value_of(event: Event) -> str:
    """The value as a finding may quote it: a number with its unit, no free text."""
    return f"{event.value:g} {event.unit}" if isinstance(event.value, float) else term(event.quantity).label


def flagged(event: Event, flag: str) -> Finding:
    """The finding that an event bears a flag."""
    category: Category = "plausibility" if flag == "implausible value" else "conformance"
    return Finding(flag, category, "flag", value_of(event), event.quantity, event.time, event.where, event.id)
