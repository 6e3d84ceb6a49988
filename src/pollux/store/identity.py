"""Who is who: merged ids, things moved to the right patient, holds and restrictions. All of it can be undone."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

import msgspec

from pollux.errors import PolluxError, UnknownName
from pollux.record.event import Event
from pollux.store.audit import stamp
from pollux.store.bodies import digest_of, name_of
from pollux.store.chart import Arrival, Hold, Move
from pollux.store.filing import Filing
from pollux.store.open_chart import OpenChart
from pollux.store.reading import OneChart

T = TypeVar("T", Move, Arrival)


def hold(filing: Filing, person: str, reason: str, by: str, at: str) -> None:
    """Forbid erasure."""
    if not reason.strip():
        raise PolluxError("a hold needs a reason", advice="Say which duty or claim forbids to erase.")
    chart = _known(filing, person)
    chart.chart.holds.append(Hold(reason, at, by))
    chart.changed = True


def release(filing: Filing, person: str) -> None:
    """End all holds."""
    chart = _known(filing, person)
    chart.chart.holds = []
    chart.changed = True


def restrict(filing: Filing, person: str, reason: str) -> None:
    """Keep the data and use them for nothing."""
    if not reason.strip():
        raise PolluxError("a restriction needs a reason", advice="Say for example: accuracy contested by the patient.")
    chart = _known(filing, person)
    chart.chart.restricted = reason
    chart.changed = True


def unrestrict(filing: Filing, person: str) -> None:
    """End the restriction."""
    chart = _known(filing, person)
    chart.chart.restricted = ""
    chart.changed = True


def merge(filing: Filing, duplicate: str, into: str) -> None:
    """Let the record of `into` hold that of `duplicate` too. Each keeps its own chart and key."""
    one, other = _known(filing, duplicate), _known(filing, into)
    if duplicate == into:
        raise PolluxError("a person cannot be merged with themself", where=duplicate)
    for id, chart in ((duplicate, one), (into, other)):
        if chart.chart.into:
            raise PolluxError(
                f"{id} is merged into {chart.chart.into} already", where=id, advice="Name that one, or unmerge first."
            )
    one.chart.into = into
    other.chart.also.append(duplicate)
    one.changed = other.changed = True


def unmerge(filing: Filing, duplicate: str) -> None:
    """Take two records apart again."""
    one = _known(filing, duplicate)
    if not one.chart.into:
        raise PolluxError(f"{duplicate} is not merged into anybody", where=duplicate)
    other = _known(filing, one.chart.into)
    other.chart.also.remove(duplicate)
    one.chart.into = ""
    one.changed = other.changed = True


def move(filing: Filing, ids: Sequence[str], wrong: str, right: str, at: datetime) -> int:
    """Withdraw documents and events in one chart and learn them in another, quarantined ones too; how many events."""
    return _carry(filing, ids, wrong, right, at)


def move_back(filing: Filing, ids: Sequence[str], wrong: str, right: str, at: datetime) -> int:
    """Undo `move(ids, wrong, right)`."""
    noted = _known(filing, wrong).chart.moves
    to = _known(filing, right).keyed.who.hex()
    if not any(m.to == to and set(ids) <= set(m.names) for m in noted):
        raise UnknownName(
            "these were not moved from here to there", where=wrong, advice="Give the same ids as when they were moved."
        )
    return _carry(filing, ids, right, wrong, at)


def _carry(filing: Filing, ids: Sequence[str], source: str, target: str, at: datetime) -> int:
    if source == target:
        raise PolluxError("a thing cannot be moved to where it is", where=source)
    wrong, right = _known(filing, source), _known(filing, target)
    wanted = set(ids)
    standing = _standing([e for e in wrong.everything() if e.id in wanted or e.id.partition("#")[0] in wanted])
    reader = OneChart(filing.connection, wrong.keyed, wrong.chart)
    documents = [d for d in reader.documents() if d.name in wanted]
    aside = [item for item in reader.quarantine() if not wanted.isdisjoint(name_of(item))]
    named = {d.name for d in documents} | {e.id for e in standing} | {e.id.partition("#")[0] for e in standing}
    named |= {name for item in aside for name in name_of(item)}
    if unknown := sorted(wanted - named):
        raise UnknownName(
            f"{source} has nothing under {', '.join(unknown[:5])}", where=source,
            advice="Give names of documents (Observation/o1) or ids of events that stand.",
        )  # fmt: skip
    for event in standing:
        here, there = wrong.versions(event, event.content), right.versions(event, event.content)
        wrong.add(msgspec.structs.replace(event, retracted=True, learned=_after(here, at)), here)
        right.add(msgspec.structs.replace(event, learned=_after(there, at)), there)
    hidden = {d.name for d in documents} | {name for item in aside for name in name_of(item) & wanted}
    right.chart.hidden = [name for name in right.chart.hidden if name not in hidden]
    held = {(d.name, d.content) for d in OneChart(filing.connection, right.keyed, right.chart).documents()}
    for document in documents:
        if (document.name, document.content) not in held:
            updated = stamp(document.updated) if document.updated else ""
            filing.keep_document(target, document, stamp(at), updated)
    for item in aside:
        right.quarantine(item, digest_of(item))
    wrong.chart.hidden += sorted(hidden - set(wrong.chart.hidden))
    _note(wrong, right, wanted, stamp(at))
    return len(standing)


def _note(source: OpenChart, target: OpenChart, names: set[str], at: str) -> None:
    """Both charts say what went where; what goes back neither left nor arrived."""
    here, there, some = source.keyed.who.hex(), target.keyed.who.hex(), tuple(sorted(names))
    source.chart.moves.append(Move(there, some, at))
    target.chart.arrivals.append(Arrival(here, some, at))
    source.chart.arrivals = _without(source.chart.arrivals, lambda one: one.source == there, names)
    target.chart.moves = _without(target.chart.moves, lambda one: one.to == here, names)
    source.changed = target.changed = True


def _without(noted: list[T], which: Callable[[T], bool], names: set[str]) -> list[T]:
    left = [
        msgspec.structs.replace(one, names=tuple(n for n in one.names if n not in names)) if which(one) else one
        for one in noted
    ]
    return [one for one in left if one.names]


def _standing(events: list[Event]) -> list[Event]:
    latest: dict[str, Event] = {}
    for event in events:
        known = latest.get(event.id)
        if known is None or (event.learned, event.content) > (known.learned, known.content):
            latest[event.id] = event
    return [event for event in latest.values() if not event.retracted]


def _after(before: Sequence[Event], at: datetime) -> datetime:
    return max([at, *(event.learned + timedelta(microseconds=1) for event in before)])


def _known(filing: Filing, person: str) -> OpenChart:
    chart = filing.find(person)
    if chart is None:
        raise UnknownName(f"nobody here has the id {person[:80]!r}", advice="`pollux people` lists who is known.")
    return chart
