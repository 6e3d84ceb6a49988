"""Putting things into patients' charts, inside one transaction that somebody else began and ends."""

from collections import defaultdict

from sqlalchemy import Connection, select

from pollux.record.entry import Document
from pollux.store.audit import check_text
from pollux.store.bodies import KEPT, Kept, standing
from pollux.store.chart import Chart, find_chart, missing, read_chart
from pollux.store.index import identifier_mark
from pollux.store.keys import Keyed, Keys
from pollux.store.open_chart import OpenChart
from pollux.store.tables import CHARTED, ERASED, IDENTIFIED, ONE_DOCUMENT, VERSIONS


class Filing:
    """The charts that one transaction changes."""

    def __init__(self, connection: Connection, keys: Keys) -> None:
        self.connection = connection
        self.keys = keys
        self._open: dict[str, OpenChart] = {}
        self.acts: dict[bytes, dict[str, int | str]] = {}
        self._documents: dict[bytes, list[tuple[str, bytes, str]]] = defaultdict(list)
        self._owners: dict[bytes, Chart] = {}
        self._stated: dict[str, tuple[str, tuple[str, ...]]] = {}  # of documents not written yet: whose, identifiers
        self.found: set[bytes] = set()  # pseudonyms that an identifier led to
        self._unwritten = 0

    def find(self, person: str) -> OpenChart | None:
        """The chart of a person; None when there is none."""
        known = self._open.get(person)
        if known is not None:
            return known
        found = find_chart(self.connection, self.keys, person)
        if found is None:
            return None
        return self._opened(person, OpenChart(self.connection, self.keys, *found))

    def chart(self, person: str) -> OpenChart:
        """The chart of a person, begun if there is none; raises `Damaged` where there was one."""
        known = self.find(person)
        if known is not None:
            return known
        check_text(person, "a person's id")
        before = self.keys.find(person)
        if before is not None and self.connection.execute(CHARTED, {"of": before.who}).first() is not None:
            raise missing("chart", f"patient {before.who.hex()[:8]}")
        keyed = self.keys.make(person)
        if self.connection.execute(select(ERASED.c.who).where(ERASED.c.who == keyed.who)).first() is not None:
            self.keys.destroy([keyed.who])  # whoever erased them has not come to it yet, or never did
            keyed = self.keys.make(person)
        return self._opened(person, OpenChart(self.connection, self.keys, keyed, Chart(person), 0))

    def merged(self, person: str) -> list[OpenChart]:
        """The chart of a person and those of the ids merged into it; none where nothing is kept for them."""
        chart = self.find(person)
        return [] if chart is None else [chart, *(one for also in chart.chart.also for one in self.merged(also))]

    def _opened(self, person: str, chart: OpenChart) -> OpenChart:
        self._open[person] = chart
        return chart

    def versions(self, document: Document) -> list[tuple[str, str]] | None:
        """Of each earlier version of a document: whose it is and when it was updated; None when these bytes are known.

        Whoever's it is: a resource that names another patient than before is found where it was.
        """
        name, mark = self.keys.mark("document", document.name), self.mark(document)
        new = self._documents.get(name, [])
        rows = self.connection.execute(VERSIONS, {"called": name}).all()
        if any(known == mark for _, known, _ in new) or any(row[2] == mark for row in rows):
            return None
        found = [(owner, updated) for owner, _, updated in new]
        for who, number, known, sealed in rows:
            keyed = self.keys.find_who(who)
            if keyed is None:
                continue
            kept = KEPT.decode(keyed.cipher.open(sealed, "document", who, number, name, known))
            found.append((self._owner(keyed), kept.updated))
        return found

    def identified(self, kind: str, identifier: str) -> list[tuple[str, str]]:
        """Whose they are and how they are named, the documents of a kind whose newest version has an identifier."""
        found = {name: whose for name, (whose, stated) in self._stated.items() if identifier in stated}
        found = {name: whose for name, whose in found.items() if name.startswith(f"{kind}/")}
        mark = identifier_mark(self.keys, kind, identifier)
        for who, number in self.connection.execute(IDENTIFIED, {"by": mark}).all():
            keyed = self.keys.find_who(who)
            row = self.connection.execute(ONE_DOCUMENT, {"of": who, "at": number}).first()
            if keyed is None or row is None:
                continue
            kept = KEPT.decode(keyed.cipher.open(row.sealed, "document", who, number, row.name, row.mark))
            if kept.kind != kind or identifier not in kept.identifiers:
                raise missing("identifier", f"patient {who.hex()[:8]}")
            name, chart = f"{kind}/{kept.id}", self._chart_of(keyed)
            newest = self._newest(row.name)
            if not newest or identifier not in newest.identifiers:
                continue  # a newer version takes the identifier back
            if name in self._stated or name in chart.hidden or name in chart.passed:
                continue  # another version is on its way; it was moved
            found[name] = chart.person
            self.found.add(who)
        return [(whose, name) for name, whose in sorted(found.items())]

    def newest(self, document: Document) -> Kept | None:
        """The newest version of a document, whoever's it is and that of the open transaction included."""
        name = self.keys.mark("document", document.name)
        if self._documents.get(name):  # some wait to be written
            self.close()
        return self._newest(name)

    def _newest(self, name: bytes) -> Kept | None:
        """The version that stands of those that are written."""
        versions = []
        for who, number, mark, sealed in self.connection.execute(VERSIONS, {"called": name}).all():
            keyed = self.keys.find_who(who)
            if keyed is not None:
                kept = KEPT.decode(keyed.cipher.open(sealed, "document", who, number, name, mark))
                versions.append((kept.learned, number, kept))
        return standing(kept for *_, kept in sorted(versions, key=lambda one: one[:2]))

    def ordinal(self, document: Document) -> tuple[int, bool]:
        """Which version of it these bytes are, from 1 on, and True; or the number of versions there are, and False."""
        name, mark = self.keys.mark("document", document.name), self.mark(document)
        rows = self.connection.execute(VERSIONS, {"called": name}).all()
        known = [row[2] for row in sorted(rows, key=lambda row: row[1])]
        known += [one for _, one, _ in self._documents.get(name, []) if one not in known]
        return (known.index(mark) + 1, True) if mark in known else (len(known), False)

    def _owner(self, keyed: Keyed) -> str:
        return self._chart_of(keyed).person

    def _chart_of(self, keyed: Keyed) -> Chart:
        if keyed.who not in self._owners:
            found = read_chart(self.connection, keyed)
            self._owners[keyed.who] = found[0] if found else Chart("")
        return self._owners[keyed.who]

    def keep_document(self, person: str, document: Document, learned: str, updated: str) -> None:
        """Put a document into a person's chart ("" for those of nobody)."""
        mark = self.mark(document)
        self.chart(person).keep_document(document, mark, learned, updated)
        self._documents[self.keys.mark("document", document.name)].append((person, mark, updated))
        self._stated[document.name] = (person, document.identifiers)
        self._unwritten += len(document.content)

    def mark(self, document: Document) -> bytes:
        """By what the bytes of a document are recognised."""
        return self.keys.mark("bytes", document.name, document.content)

    def breathe(self) -> None:
        """Write what has gathered when it is much, so that memory stays bounded."""
        if (
            self._unwritten > 8_000_000
            or len(self._open) > 2000
            or sum(c.pending for c in self._open.values()) > 50_000
        ):
            self.close()

    def close(self) -> None:
        """Write all charts that changed."""
        for chart in self._open.values():
            if chart.changed:
                said = chart.close()
                before = self.acts.get(chart.keyed.who, {})
                sums = {k: int(v) + int(before.get(k, 0)) for k, v in said.items() if k not in ("version", "chart")}
                self.acts[chart.keyed.who] = {**said, **sums}
        self._open = {}
        self._documents.clear()
        self._stated.clear()
        self._unwritten = 0
