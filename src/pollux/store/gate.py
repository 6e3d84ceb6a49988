"""The gate for what may take away: what a newer version of a document ends, and what it only contests.

A fact that stands ends by a sound newer version of its document, a deletion, or a move. What cannot be used contests
it: the fact stands, and it is told (see `contest`).
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from pollux.record.entry import Document
from pollux.record.event import Event
from pollux.record.examining.flags import CONTESTED
from pollux.record.quality import Finding, Quarantined
from pollux.store.audit import stamp
from pollux.store.columns import Origin
from pollux.store.contest import DELETED, NEWER_VERSION, ended
from pollux.store.filing import Filing
from pollux.store.open_chart import LONG_AGO

_UNREAD = "it is of a kind that is only kept"
_NO_FLAW = ("not carried out", "outdated")  # rules that say nothing against the facts that a version states


class Gate:
    """Holds what an earlier version of the document at hand stated until all of this one was seen."""

    def __init__(self, filing: Filing, now: datetime, tell: Callable[[Finding], None]) -> None:
        self._filing = filing
        self._now = now
        self._tell = tell
        self._open("")

    def _open(self, name: str) -> None:
        self._name = name
        self._home = ("", b"")  # with whom a version is kept that takes the place of others, and its mark
        self._owners: set[str] = set()  # whose the versions before were
        self._deletes = False
        self._flaw = ""  # what of it cannot be used
        self._stated: set[str] = set()  # ids of its events
        self._before: dict[tuple[str, str], Event] = {}  # what stood, by whose it is and its id
        self.after = LONG_AGO  # a newer version is learned after the ones it replaces

    # What the document at hand is

    def replace(self, person: str, document: Document, owners: Iterable[str]) -> None:
        """The document takes the place of earlier versions."""
        self._home = person, self._filing.mark(document)
        self._hold(document.name, owners)
        self._flaw = "" if document.understood or not self._before else _UNREAD

    def delete(self, name: str, owners: Iterable[str]) -> None:
        """The document says that it is gone."""
        self._hold(name, owners)
        self._deletes = True

    def flawed(self, finding: Finding) -> None:
        """Something of the document lies in quarantine."""
        if self._home[1] and finding.rule not in _NO_FLAW:
            self._flaw = self._flaw or f"{finding.where}: {finding.message}"

    def stood(self, person: str, id: str) -> Event | None:
        """What stood under the id of an event that the document states, if anything; that is not ended any more."""
        return self._before.pop((person, id), None)

    def says_anew(self, id: str) -> bool:
        """Whether the document replaces earlier versions and states an event for the first time."""
        first = bool(self._home[1]) and id not in self._stated
        self._stated.add(id)
        return first

    def _hold(self, name: str, owners: Iterable[str]) -> None:
        self._name, self._owners = name, set(owners)
        for owner in sorted(self._owners):
            known = self._filing.chart(owner).standing(name)
            if known.learned > LONG_AGO:
                self.after = max(self.after, known.learned + timedelta(microseconds=1))
            self._before |= {(owner, id): event for id, event in known.events.items()}

    # What comes of it

    def finish(self, origin: Origin) -> int:
        """All of the document was seen: end, or contest, what stood and it does not state; how much is ended."""
        person, mark = self._home
        if not mark and not self._deletes:  # nothing was held
            self._stated.clear()
            return 0
        count = 0
        if self._flaw and not self._deletes:
            self._filing.chart(person).flaw(mark)
            left: dict[str, list[str]] = defaultdict(list)
            for owner, id in self._before:
                left[owner].append(id)
            for owner, ids in left.items():
                self._contest(owner, self._name, ids, self._flaw)
        else:
            for owner in {person, *self._owners} - {""}:
                self._filing.chart(owner).end_contest(self._name)
            for (owner, _), event in self._before.items():
                gone = ended(event, DELETED if self._deletes else NEWER_VERSION, max(self._now, self.after))
                self._filing.chart(owner).add(gone, [event], origin)
                count += 1
        self._open("")
        return count

    def contest(self, name: str, owners: Iterable[str], why: str) -> None:
        """A document was refused; what it stated of its patients stands in doubt."""
        for owner in sorted(set(owners) - {""}):
            if name not in self._filing.elsewhere(owner):
                self._contest(owner, name, list(self._filing.chart(owner).standing(name).events), why)

    def contest_event(self, person: str, refused: Quarantined) -> None:
        """A later version of an event that came by itself cannot be used."""
        assert refused.event is not None
        known = self._filing.chart(person).versions(refused.event, refused.event.content)
        if known and not max(known, key=lambda one: (one.learned, one.content)).retracted:
            id, finding = refused.event.id, refused.finding
            self._contest(person, id, [id], f"{finding.where}: {finding.message}")

    def known_again(self, document: Document) -> None:
        """A version that is known came once more: if it contests something still, this import says that too."""
        owner, _ = self._filing.known_at
        chart = self._filing.find(owner) if owner else None
        if chart is None or not chart.chart.is_flawed(self._filing.mark(document)):
            return
        if why := chart.contested(document.name):
            self.contest(document.name, [owner], why)

    def _contest(self, owner: str, name: str, ids: list[str], why: str) -> None:
        if ids:
            self._filing.chart(owner).contest(name, ids, why, stamp(self._now))
            text = f"what it stated of {owner} stands in doubt: a later version of it cannot be used ({why})"
            self._tell(Finding(CONTESTED, "conformance", "flag", text, "", None, name, name))
