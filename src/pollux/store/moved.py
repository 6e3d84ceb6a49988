"""What came to the wrong patient: moved to the right one, by hand or by its sender, and erased with them everywhere.

A move withdraws things in one chart and learns them in another; both charts note it. The sealed rows stay in the first
chart, hidden, until the one to whom they belong is erased: then they are deleted there too. The ledger of erasures
notes them by keyed hashes, so that they also go from an older copy in which they had not been moved yet.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

import msgspec
from sqlalchemy import Connection, select

from pollux.errors import PolluxError, UnknownName
from pollux.record.event import Event, Person, source_name
from pollux.record.record import Record
from pollux.store.audit import stamp
from pollux.store.bodies import KEPT, checkpoint_of, digest_of, name_of, quarantined_of
from pollux.store.chart import Arrival, Move, open_chart, read_chart
from pollux.store.columns import BEFORE, BY_HAND
from pollux.store.contest import MOVED, ended
from pollux.store.dropping import DroppingChart
from pollux.store.filing import Filing
from pollux.store.identity import known
from pollux.store.keys import Keys
from pollux.store.open_chart import OpenChart
from pollux.store.reading import OneChart
from pollux.store.seal import Damaged
from pollux.store.tables import CHART, CHECKPOINT, DOCUMENT, QUARANTINE

T = TypeVar("T", Move, Arrival)
Edges = dict[bytes, list[tuple[bytes, tuple[str, ...], str]]]  # by where it went: from where, under which names, when


class Left(msgspec.Struct, frozen=True):
    """What lies in one chart and is another's: under which names, and until when it counted as the patient's own."""

    names: frozenset[str]
    until: str


# Moving


def move(filing: Filing, ids: Sequence[str], wrong: str, right: str, at: datetime) -> int:
    """Withdraw documents and events in one chart and learn them in another, quarantined ones too; how many events.

    Where the wrong id has others merged into it, each thing is taken from the chart in which it lies.
    """
    sources = _ids(filing, wrong)
    if known(filing, right).chart.person in sources:
        raise PolluxError("a thing cannot be moved to where it is", where=wrong)
    wanted = set(ids)
    found = {person: wanted & set(_names_in(filing, known(filing, person), wanted)) for person in sources}
    if unknown := sorted(wanted.difference(*found.values())):
        raise UnknownName(
            f"{wrong} has nothing under {', '.join(unknown[:5])}", where=wrong,
            advice="Give names of documents (Observation/o1) or ids of events that stand.",
        )  # fmt: skip
    for person, names in found.items():
        _refuse_parts(filing, known(filing, person), names)
    return sum(_carry(filing, person, right, names, at) for person, names in found.items() if names)


def move_back(filing: Filing, ids: Sequence[str], wrong: str, right: str, at: datetime) -> int:
    """Undo `move(ids, wrong, right)`."""
    there, left = known(filing, right).keyed.who.hex(), set(ids)
    found = {}
    for person in _ids(filing, wrong):
        noted = [one for one in known(filing, person).chart.moves if one.to == there]
        found[person] = {name for one in noted for name in one.names} & left
        left -= found[person]
    if left:
        raise UnknownName(
            "these were not moved from here to there", where=wrong, advice="Give the same ids as when they were moved."
        )
    return sum(_carry(filing, right, person, names, at) for person, names in found.items() if names)


def pass_on(filing: Filing, name: str, owners: Iterable[str], person: str, at: str) -> None:
    """Note that the sender of a document now names another patient; its events were withdrawn and learned already."""
    target = known(filing, person)
    target.chart.passed = [one for one in target.chart.passed if one != name]
    for owner in owners:
        source = known(filing, owner)
        source.chart.passed = [*(one for one in source.chart.passed if one != name), name]
        _note(source, target, {name}, at)


def _ids(filing: Filing, person: str) -> list[str]:
    """The id of somebody who has to be here, and those merged into it."""
    return [known(filing, person).chart.person, *(one.chart.person for one in filing.merged(person)[1:])]


def _names_in(filing: Filing, chart: OpenChart, wanted: set[str]) -> Iterator[str]:
    """Under which names something in a chart could be asked for."""
    reader = OneChart(filing.connection, chart.keyed, chart.chart)
    for document in reader.documents():
        yield document.name
    for item in reader.quarantine():
        yield from name_of(item)
    for event in _standing(chart, wanted):
        yield event.id
        yield source_name(event.id)


def _refuse_parts(filing: Filing, chart: OpenChart, names: set[str]) -> None:
    """What a document states goes with it, and who a patient is does not go to another."""
    documents = {d.name for d in OneChart(filing.connection, chart.keyed, chart.chart).documents()}
    for name in sorted(names):
        if name.startswith("Patient/"):
            raise PolluxError(
                "what is said of the patient themself is not moved", where=name,
                advice="Correct it with a new version of the Patient, or see `pollux merge`.",
            )  # fmt: skip
        if name not in documents and source_name(name) in documents:
            raise PolluxError(
                f"this is a part of {source_name(name)}", where=name, advice="Move the document; its parts go with it."
            )


def _carry(filing: Filing, source: str, target: str, names: set[str], at: datetime) -> int:
    filing.close()  # so that what was carried before is read as well
    wrong, right = known(filing, source), known(filing, target)
    reader = OneChart(filing.connection, wrong.keyed, wrong.chart)
    standing = _standing(wrong, names)
    documents = [d for d in reader.documents() if d.name in names]
    aside = [item for item in reader.quarantine() if not names.isdisjoint(name_of(item))]
    for event in standing:
        here, there = wrong.versions(event, event.content), right.versions(event, event.content)
        wrong.add(ended(event, MOVED, _after(here, at)), here, BY_HAND)
        right.add(msgspec.structs.replace(event, learned=_after(there, at)), there, BY_HAND)
    right.chart.flawed += [one for one in wrong.chart.flawed if one not in right.chart.flawed]
    right.chart.hidden = [name for name in right.chart.hidden if name not in names]
    right.chart.passed = [name for name in right.chart.passed if name not in names]
    held = {(d.name, d.content) for d in OneChart(filing.connection, right.keyed, right.chart).documents()}
    for document in documents:
        if (document.name, document.content) not in held:
            updated = stamp(document.updated) if document.updated else ""
            filing.keep_document(right.chart.person, document, stamp(at), updated, BEFORE)
    for name in names:
        wrong.end_contest(name)
    for item in aside:
        right.quarantine(item, digest_of(item), BEFORE)
    wrong.chart.hidden += sorted(names - set(wrong.chart.hidden))
    _note(wrong, right, names, stamp(at))
    return len(standing)


def _note(source: OpenChart, target: OpenChart, names: set[str], at: str) -> None:
    """Both charts say what went where. What comes to where it was is away from there no more, whichever way it came."""
    here, there, some = source.keyed.who.hex(), target.keyed.who.hex(), tuple(sorted(names))
    source.chart.moves = [*_without(source.chart.moves, names), Move(there, some, at)]
    source.chart.arrivals = _without(source.chart.arrivals, names, lambda one: one.source == there)
    target.chart.arrivals.append(Arrival(here, some, at))
    target.chart.moves = _without(target.chart.moves, names)
    source.changed = target.changed = True


def _without(noted: list[T], names: set[str], which: Callable[[T], bool] = lambda _: True) -> list[T]:
    left = [
        msgspec.structs.replace(one, names=tuple(n for n in one.names if n not in names)) if which(one) else one
        for one in noted
    ]
    return [one for one in left if one.names]


def _standing(chart: OpenChart, wanted: set[str]) -> tuple[Event, ...]:
    events = (e for e in chart.everything() if e.id in wanted or source_name(e.id) in wanted)
    return Record(Person(chart.chart.person), tuple(events)).current


def _after(before: Sequence[Event], at: datetime) -> datetime:
    return max([at, *(event.learned + timedelta(microseconds=1) for event in before)])


# Erasing where it lay first


def left_behind(connection: Connection, keys: Keys, whos: Iterable[bytes]) -> dict[bytes, Left]:
    """By chart what lies there and was moved to these pseudonyms, directly or over others."""
    erased = set(whos)

    def came(who: bytes) -> Iterator[tuple[bytes, tuple[str, ...], str]]:
        keyed = keys.find_who(who)
        found = None if keyed is None else read_chart(connection, keyed)
        for arrival in found[0].arrivals if found else ():
            yield bytes.fromhex(arrival.source), arrival.names, arrival.at

    try:
        return _away(connection, keys, _followed(erased, came))
    except Damaged:  # nobody can read what that chart knows
        return left_anywhere(connection, keys, erased)


def left_anywhere(
    connection: Connection, keys: Keys, whos: Iterable[bytes], edges: Edges | None = None
) -> dict[bytes, Left]:
    """The same from the charts in which it lies, all of which are opened: when others cannot be any more."""
    there = all_moves(connection, keys) if edges is None else edges
    return _away(connection, keys, _followed(set(whos), lambda who: there.get(who, [])))


def all_moves(connection: Connection, keys: Keys) -> Edges:
    """By where it went all that is noted as moved."""
    edges: Edges = defaultdict(list)
    for who, version, sealed in connection.execute(select(CHART)).all():
        keyed = keys.find_who(who)
        for one in open_chart(sealed, version, keyed).moves if keyed else ():
            edges[bytes.fromhex(one.to)].append((who, one.names, one.at))
    return edges


def _followed(
    erased: set[bytes], came: Callable[[bytes], Iterable[tuple[bytes, tuple[str, ...], str]]]
) -> dict[bytes, Left]:
    found: dict[bytes, Left] = {}
    going: list[tuple[bytes, frozenset[str] | None]] = [(who, None) for who in erased]  # None: all that is theirs
    while going:
        who, only = going.pop()
        for source, names, at in came(who):
            some = frozenset(names) if only is None else only & set(names)
            before = found.get(source, Left(frozenset(), ""))
            if some - before.names and source not in erased:
                found[source] = Left(before.names | some, max(before.until, at))
                going.append((source, some))
    return found


def _away(connection: Connection, keys: Keys, found: Mapping[bytes, Left]) -> dict[bytes, Left]:
    """Without what is back where it was: that is the patient's own."""
    still = {}
    for who, left in found.items():
        keyed = keys.find_who(who)
        row = None if keyed is None else read_chart(connection, keyed)
        gone = {name for one in row[0].moves for name in one.names} if row else set()
        if names := left.names & gone:
            still[who] = Left(names, left.until)
    return still


def marks(keys: Keys, left: Mapping[bytes, Left]) -> dict[str, list[str]]:
    """What lies where, as the ledger notes it."""
    return {who.hex(): sorted(_mark(keys, who, name) for name in one.names) for who, one in left.items()}


def marked(connection: Connection, keys: Keys, noted: Mapping[str, Iterable[str]], at: str) -> dict[bytes, Left]:
    """By chart what lies there under names that the ledger notes, in a copy from before as the patient's own."""
    found = {}
    for subject, hashes in noted.items():
        who, wanted = bytes.fromhex(subject), set(hashes)
        keyed = keys.find_who(who)
        row = None if keyed is None else read_chart(connection, keyed)
        if keyed is None or row is None:
            continue
        reader = OneChart(connection, keyed, row[0])
        names = {d.name for d in reader.documents(hidden=True)}
        names |= {name for item in reader.quarantine(hidden=True) for name in name_of(item)}
        names |= {name for event in reader.events() for name in (event.id, source_name(event.id))}
        if some := frozenset(name for name in names if _mark(keys, who, name) in wanted):
            found[who] = Left(some, at)
    return found


def take_away(connection: Connection, keys: Keys, who: bytes, left: Left) -> dict[str, int | str]:
    """Delete from a chart what is another's, and states of twins from before; what the audit says of it.

    Names stay hidden there: should a sender repeat one, it is not taken for the wrong patient again.
    """
    keyed = keys.find_who(who)
    row = None if keyed is None else read_chart(connection, keyed)
    if keyed is None or row is None:
        return {}
    chart, names = DroppingChart(connection, keys, keyed, *row), left.names
    counts = {
        "events": chart.drop_events(lambda event: event.id in names or source_name(event.id) in names),
        "noted": chart.drop_noted(lambda event: event.id in names or source_name(event.id) in names),
        "documents": chart.drop_rows(DOCUMENT, lambda body: KEPT.decode(body).document().name in names),
        "quarantined": chart.drop_rows(QUARANTINE, lambda body: not names.isdisjoint(name_of(quarantined_of(body)))),
        "checkpoints": chart.drop_rows(CHECKPOINT, lambda body: checkpoint_of(body)[1] <= left.until),
    }
    chart.chart.moves = _without(chart.chart.moves, set(names))
    chart.chart.arrivals = _without(chart.chart.arrivals, set(names))
    chart.chart.hidden += sorted(names - set(chart.chart.hidden))
    chart.changed = True
    return {**{k: v for k, v in counts.items() if v}, "of": "moved away", **chart.close()}


def purge(connection: Connection, keys: Keys, left: Mapping[bytes, Left]) -> list[tuple[bytes, dict[str, int | str]]]:
    """Take away all that is left behind; whose charts were changed, and what the audit says of each."""
    return [(who, detail) for who, one in left.items() if (detail := take_away(connection, keys, who, one))]


def _mark(keys: Keys, who: bytes, name: str) -> str:
    return keys.mark("moved", who, name).hex()
