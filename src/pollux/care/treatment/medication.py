"""What a person takes, as it was said and as far as it is recognised."""

from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec

from pollux.record import Code, Event, Record
from pollux.vocabulary import drug_for_code, drugs_in

LISTS = ("medication_request", "medication_statement", "medication_administration", "medication_dispense")

_ENDED = frozenset({"stopped", "completed", "on-hold"})
_NOT_BEGUN = frozenset({"draft", "intended", "proposal", "plan", "option", "preparation"})


class Medication(msgspec.Struct, frozen=True):
    """One entry of a medication list. `drugs` are the names of the ingredients recognised in it; none is a finding of
    its own and never dropped. `stopped` is when it ended, None while it is taken.
    """

    said: str
    drugs: tuple[str, ...] = ()
    stopped: datetime | None = None
    event: str = ""


def medication(said: str | Code, stopped: datetime | None = None, event: str = "") -> Medication:
    """An entry by its name or code.

    >>> medication("Zocor 20 mg").drugs
    ('simvastatin',)
    >>> medication("something new").drugs
    ()
    """
    if isinstance(said, Code):
        coded = drug_for_code(said.system, said.code)
        text = said.display or f"{said.system} {said.code}"
        names = (coded.name,) if coded else tuple(one.name for one in drugs_in(said.display))
        return Medication(text, names, stopped, event)
    return Medication(said, tuple(one.name for one in drugs_in(said)), stopped, event)


def listed(record: Record, at: datetime) -> tuple[Medication, ...] | None:
    """The medication list of a record at a time; None where the record has none, which is not an empty list.

    What nobody ordered yet (a draft, a proposal, a plan) is not on it; what is on hold is taken no more.
    """
    events = sorted((e for name in LISTS for e in record.of(name) if e.time <= at), key=lambda e: (e.time, e.id))
    begun = (event for event in events if _NOT_BEGUN.isdisjoint(event.flags))
    return tuple(_entry(event, at) for event in begun) if events else None


def _entry(event: Event, at: datetime) -> Medication:
    """What was stopped or completed without saying when is taken no more; its own date stands for the unknown one."""
    said = event.value if isinstance(event.value, str | Code) else str(event.value)
    ended = event.end if event.end and event.end <= at else None
    if ended is None and not _ENDED.isdisjoint(event.flags):
        ended = event.time
    return medication(said, ended, event.id)


def taken(medications: Iterable[Medication]) -> tuple[str, ...]:
    """The names of the drugs taken now, once each, in order."""
    return tuple(dict.fromkeys(name for one in medications if one.stopped is None for name in one.drugs))


def stopped(medications: Sequence[Medication]) -> dict[str, datetime]:
    """When each drug that is no longer taken was last stopped."""
    now = set(taken(medications))
    ends: dict[str, datetime] = {}
    for one in medications:
        for name in one.drugs:
            if one.stopped and name not in now and (name not in ends or one.stopped > ends[name]):
                ends[name] = one.stopped
    return ends
