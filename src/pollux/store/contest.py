"""What ended a fact, and what contests one without ending it, as it is told: by flags of events, and as findings.

A fact that stands ends in one of three ways, and its last version is flagged with which: a sound newer version of its
document, a deletion, a move to another patient. Besides there is only what whoever keeps the store does by hand.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec

from pollux.record.event import Event
from pollux.record.examining.flags import CONTESTED
from pollux.record.quality import Finding
from pollux.store.chart import Chart, Contest

NEWER_VERSION, DELETED, MOVED = "ended by a newer version", "deleted by its source", "moved to another patient"
TAKEN_BACK = "its import was taken back or read again"
ENDINGS = frozenset((NEWER_VERSION, DELETED, MOVED, TAKEN_BACK))


def ended(event: Event, how: str, learned: datetime | None = None) -> Event:
    """The version of an event that says that it stands no more, and why."""
    flags = (*(flag for flag in event.flags if flag not in ENDINGS), how)
    return msgspec.structs.replace(event, retracted=True, learned=learned or event.learned, flags=flags)


def marked(events: Iterable[Event], charts: Sequence[Chart]) -> tuple[Event, ...]:
    """The events, those that stand in doubt flagged as such."""
    ids = {id for chart in charts for one in chart.contested for id in one.ids}
    if not ids:
        return tuple(events)
    return tuple(_marked(event) if event.id in ids and not event.retracted else event for event in events)


def _marked(event: Event) -> Event:
    flags = event.flags if CONTESTED in event.flags else (*event.flags, CONTESTED)
    return msgspec.structs.replace(event, flags=flags)


def contested(charts: Sequence[Chart]) -> list[Finding]:
    """Each document of which a later version cannot be used, and why."""
    return [
        Finding(
            CONTESTED, "conformance", "flag",
            f"what {one.name} stated stands in doubt since {one.at[:10]}: a later version of it cannot be used "
            f"({one.why})",
            event=one.name,
        )
        for chart in charts for one in _latest(chart)
    ]  # fmt: skip


def _latest(chart: Chart) -> Iterable[Contest]:
    """Of each document the last word that contests it."""
    return {one.name: one for one in sorted(chart.contested, key=lambda one: one.at)}.values()
