"""What came to the wrong patient and was moved away: its sealed rows there are erased with whom it belongs to."""

from collections import defaultdict
from collections.abc import Iterable

import msgspec
from sqlalchemy import Connection, select

from pollux.record.event import Event
from pollux.store.bodies import KEPT, checkpoint_of, name_of, quarantined_of
from pollux.store.chart import Arrival, Chart, Move, open_chart, read_chart
from pollux.store.index import source_name
from pollux.store.keys import Keys
from pollux.store.open_chart import OpenChart
from pollux.store.seal import Damaged
from pollux.store.tables import CHART, CHECKPOINT, DOCUMENT, QUARANTINE

Left = dict[bytes, list[Arrival]]  # by pseudonym: what lies in whose chart and was moved on


def left_behind(connection: Connection, keys: Keys, whos: Iterable[bytes]) -> Left:
    """In whose charts things still lie that were moved to these pseudonyms, directly or over others."""
    erased = set(whos)
    found: Left = defaultdict(list)
    going: list[tuple[bytes, frozenset[str] | None]] = [
        (who, None) for who in erased
    ]  # and what of theirs: None is all
    try:
        while going:
            who, only = going.pop()
            for arrival in _arrivals(connection, keys, who):
                names = tuple(name for name in arrival.names if only is None or name in only)
                one = msgspec.structs.replace(arrival, names=names)
                source = bytes.fromhex(arrival.source)
                if names and one not in found[source]:
                    found[source].append(one)
                    going.append((source, frozenset(names)))
    except Damaged:  # nobody can read what that chart knows
        return left_anywhere(connection, keys, erased)
    return {who: arrivals for who, arrivals in found.items() if arrivals and who not in erased}


def left_anywhere(connection: Connection, keys: Keys, whos: Iterable[bytes]) -> Left:
    """The same from the charts where it lies: of pseudonyms whose own charts nobody can open any more."""
    gone = {who.hex() for who in whos}
    found: Left = defaultdict(list)
    for who, version, sealed in connection.execute(select(CHART)).all():
        keyed = keys.find_who(who)
        if keyed is None or who.hex() in gone:
            continue
        moves = moved_to(open_chart(sealed, version, keyed), gone)
        if moves:
            found[who] += [Arrival(who.hex(), move.names, move.at) for move in moves]
    return found


def moved_to(chart: Chart, whos: Iterable[str]) -> list[Move]:
    """What was moved out of a chart to some pseudonyms (hexadecimal)."""
    return [move for move in chart.moves if move.to in whos]


def take_away(connection: Connection, keys: Keys, who: bytes, arrivals: Iterable[Arrival]) -> dict[str, int | str]:
    """Delete from a chart what was moved out of it, and states of twins from before; what the audit says of it.

    What stands in that chart today under the same name is the patient's own, and stays. Names of documents stay as
    well: should a sender repeat one, it is not taken for the wrong patient again.
    """
    keyed = keys.find_who(who)
    row = None if keyed is None else read_chart(connection, keyed)
    if keyed is None or row is None:
        return {}
    chart = OpenChart(connection, keys, keyed, *row)
    names = {name for arrival in arrivals for name in arrival.names}
    last = max(arrival.at for arrival in arrivals)
    names -= _theirs(chart, names)

    def gone(event: Event) -> bool:
        return event.id in names or source_name(event.id) in names

    counts = {
        "events": chart.drop_events(gone),
        "documents": chart.drop_rows(DOCUMENT, lambda body: KEPT.decode(body).document().name in names),
        "quarantined": chart.drop_rows(QUARANTINE, lambda body: not names.isdisjoint(name_of(quarantined_of(body)))),
        "checkpoints": chart.drop_rows(CHECKPOINT, lambda body: checkpoint_of(body)[1] <= last),
    }
    chart.chart.moves = [move for move in chart.chart.moves if not names.issuperset(move.names)]
    chart.changed = True
    return {**{k: v for k, v in counts.items() if v}, "of": "moved away", **chart.close()}


def _arrivals(connection: Connection, keys: Keys, who: bytes) -> list[Arrival]:
    keyed = keys.find_who(who)
    found = None if keyed is None else read_chart(connection, keyed)
    return found[0].arrivals if found else []


def _theirs(chart: OpenChart, names: set[str]) -> set[str]:
    """Of some names those under which something stands in the chart and is not hidden."""
    latest: dict[str, Event] = {}
    for event in sorted(chart.everything(), key=lambda e: (e.learned, e.content)):
        latest[event.id] = event
    standing = {event.id for event in latest.values() if not event.retracted}
    return names & (standing | {source_name(id) for id in standing}) - set(chart.chart.hidden)


def purge(connection: Connection, keys: Keys, left: Left) -> list[tuple[bytes, dict[str, int | str]]]:
    """Take away all that is left behind; whose charts were changed, and what the audit says of each."""
    return [(who, detail) for who, some in left.items() if (detail := take_away(connection, keys, who, some))]
