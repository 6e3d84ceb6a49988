"""Putting things into patients' charts, inside one transaction that somebody else began and ends."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, select

from pollux.record.entry import Document
from pollux.store.audit import check_text
from pollux.store.bodies import KEPT, Kept, standing
from pollux.store.chart import Chart, find_chart, missing, read_chart
from pollux.store.columns import Origin
from pollux.store.database import quick
from pollux.store.imports import Importing, Taking
from pollux.store.index import identifier_mark
from pollux.store.keys import Keyed, Keys
from pollux.store.open_chart import OpenChart
from pollux.store.tables import CHARTED, COUNTED, ERASED, IDENTIFIED, ONE_DOCUMENT, VERSIONS

_FEW = 64  # written versions of one document that are read anew each time


class _Versions:
    """What is known of the versions of one document, so that one more costs no more than the first."""

    def __init__(self) -> None:
        self.marks: dict[bytes, tuple[str, int]] = {}  # by what each is recognised, the oldest first: whose, which row
        self.latest: dict[str, str] = {}  # by whose they are, when the newest was updated; in the order of that

    def add(self, owner: str, mark: bytes, updated: str, row: int) -> None:
        """One version more."""
        self.marks.setdefault(mark, (owner, row))
        before = self.latest.get(owner)
        if before is None or updated > before:
            self.latest.pop(owner, None)
            self.latest[owner] = updated


class Filing:
    """The charts that one transaction changes."""

    def __init__(self, connection: Connection, keys: Keys) -> None:
        self.connection = connection
        self.keys = keys
        self.importing: Importing | None = None
        self.count = 0  # versions there were when `versions` was asked last
        self.known_at = ("", 0)  # whose the document is that `versions` found to be known, and in which row it lies
        self._open: dict[str, OpenChart] = {}
        self.acts: dict[bytes, dict[str, int | str]] = {}
        self._documents: dict[bytes, _Versions] = defaultdict(_Versions)  # not written yet
        self._many: dict[bytes, _Versions] = {}  # all versions of documents that have many
        self._owners: dict[bytes, Chart] = {}
        self._stated: dict[str, tuple[str, tuple[str, ...]]] = {}  # of documents not written yet: whose, identifiers
        self._stating: dict[str, dict[str, None]] = defaultdict(dict)  # which of them state an identifier
        self.found: set[bytes] = set()  # pseudonyms that an identifier led to
        self._unwritten = 0

    def begin(self, taking: Taking, at: str) -> int:
        """Count an import; what is filed from now on belongs to it. Its number."""
        number: int = quick(self.connection, COUNTED, {"counted": "import"}).scalar_one()
        self.importing = Importing(number, at, taking)
        return number

    def find(self, person: str) -> OpenChart | None:
        """The chart of a person; None when there is none."""
        known = self._open.get(person)
        if known is not None:
            return known
        found = find_chart(self.connection, self.keys, person)
        if found is None:
            return None
        return self._opened(person, OpenChart(self.connection, self.keys, *found, self.importing))

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
        return self._opened(person, OpenChart(self.connection, self.keys, keyed, Chart(person), 0, self.importing))

    def merged(self, person: str) -> list[OpenChart]:
        """The chart of a person and those of the ids merged into it; none where nothing is kept for them."""
        chart = self.find(person)
        return [] if chart is None else [chart, *(one for also in chart.chart.also for one in self.merged(also))]

    def _opened(self, person: str, chart: OpenChart) -> OpenChart:
        self._open[person] = chart
        return chart

    def versions(self, document: Document) -> list[tuple[str, str]] | None:
        """Of the earlier versions of a document: whose they are and when theirs was updated last; None when these
        bytes are known.

        Whoever's it is: a resource that names another patient than before is found where it was.
        """
        name, mark = self.keys.mark("document", document.name), self.mark(document)
        known = self._known_versions(name)
        if mark in known.marks:
            self.known_at = known.marks[mark]
            return None
        self.count = len(known.marks)
        return list(known.latest.items())

    def _known_versions(self, name: bytes) -> _Versions:
        if name in self._many:
            return self._many[name]
        new = self._documents.get(name)
        written = [
            (self._chart_of(keyed), row, kept) for keyed, row, kept in self._rows_of(name)
        ]  # the newest were put there last, and are asked first
        if new is not None and not written:
            return new
        known = _Versions()
        for mark, (owner, row) in new.marks.items() if new else ():
            known.marks[mark] = owner, row
        known.latest = dict(new.latest) if new else {}
        for chart, row, kept in written:
            if kept.number not in chart.undone:
                known.add(chart.person, row.mark, kept.updated, row.number)
        if len(written) > _FEW:
            self._many[name] = known
        return known

    def _rows_of(self, name: bytes) -> Iterator[tuple[Keyed, Any, Kept]]:
        """The written versions of a document, whoever's and whatever became of their import."""
        for row in self.connection.execute(VERSIONS, {"called": name}).all():
            keyed = self.keys.find_who(row.who)
            if keyed is not None:
                body = keyed.cipher.open(row.sealed, "document", row.who, row.number, name, row.mark)
                yield keyed, row, KEPT.decode(body)

    def document_rows(self, name: str) -> list[tuple[str, int, bytes, Kept]]:
        """Of each written version of a document whose it is, its row, by what it is recognised, and what it holds."""
        found = self._rows_of(self.keys.mark("document", name))
        return [(self._chart_of(keyed).person, row.number, row.mark, kept) for keyed, row, kept in found]

    def identified(self, kind: str, identifier: str) -> list[tuple[str, str]]:
        """Whose they are and how they are named, the documents of a kind whose newest version has an identifier."""
        stating = self._stating.get(identifier, {})
        found = {name: self._stated[name][0] for name in stating if name.startswith(f"{kind}/")}
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
            if kept.number in chart.undone:
                continue
            newest = self._newest(row.name)
            if not newest or identifier not in newest.identifiers:
                continue  # a newer version takes the identifier back
            if name in self._stated or name in chart.hidden or name in chart.passed:
                continue  # another version is on its way; it was moved
            found[name] = chart.person
            self.found.add(who)
        return [(whose, name) for name, whose in sorted(found.items())]

    def charts_marked(self, mark: bytes) -> list[Chart]:
        """The charts that a mark of the index leads to."""
        keyed = [self.keys.find_who(who) for who, _ in self.connection.execute(IDENTIFIED, {"by": mark}).all()]
        return [self._chart_of(one) for one in keyed if one is not None]

    def newest(self, document: Document) -> Kept | None:
        """The newest version of a document, whoever's it is and that of the open transaction included."""
        name = self.keys.mark("document", document.name)
        if name in self._documents:  # some wait to be written
            self.close()
        return self._newest(name)

    def _newest(self, name: bytes) -> Kept | None:
        """The version that stands of those that are written."""
        versions, sound = [], []
        for keyed, row, kept in self._rows_of(name):
            chart = self._chart_of(keyed)
            if kept.number not in chart.undone:
                versions.append((kept.learned, row.number, kept))
                sound += [] if chart.is_flawed(row.mark) else versions[-1:]
        return standing(kept for *_, kept in sorted(sound or versions, key=lambda one: one[:2]))

    def ordinal(self, document: Document) -> tuple[int, bool]:
        """Which version of it these bytes are, from 1 on, and True; or the number of versions there are, and False."""
        name, mark = self.keys.mark("document", document.name), self.mark(document)
        rows = [
            (kept.learned, row.number, row.mark)
            for keyed, row, kept in self._rows_of(name)
            if kept.number not in self._chart_of(keyed).undone
        ]
        known = [one for *_, one in sorted(rows)]
        known += [one for one in self._documents.get(name, _Versions()).marks if one not in known]
        return (known.index(mark) + 1, True) if mark in known else (len(known), False)

    def _chart_of(self, keyed: Keyed) -> Chart:
        if keyed.who not in self._owners:
            found = read_chart(self.connection, keyed)
            self._owners[keyed.who] = found[0] if found else Chart("")
        return self._owners[keyed.who]

    def keep_document(self, person: str, document: Document, learned: str, updated: str, origin: Origin) -> None:
        """Put a document into a person's chart ("" for those of nobody)."""
        mark = self.mark(document)
        row = self.chart(person).keep_document(document, mark, learned, updated, origin)
        name = self.keys.mark("document", document.name)
        self._documents[name].add(person, mark, updated, row)
        if name in self._many:
            self._many[name].add(person, mark, updated, row)
        for identifier in self._stated.get(document.name, ("", ()))[1]:
            self._stating[identifier].pop(document.name, None)
        self._stated[document.name] = (person, document.identifiers)
        for identifier in document.identifiers:
            self._stating[identifier][document.name] = None
        self._unwritten += len(document.content)

    def mark(self, document: Document) -> bytes:
        """By what the bytes of a document are recognised."""
        return self.keys.mark("bytes", document.name, document.content)

    def note_known(self, part: int, file: bool = False) -> None:
        """Note that a document of the import, or a piece of a file, lay here already, as `versions` found."""
        owner, row = self.known_at
        chart = self.chart(owner)
        chart.notes.documents.append((part, row))
        chart.notes.files += file
        chart.changed = True

    def note_even_nothing(self) -> None:
        """Note the import with nobody where there is nothing to note with anybody."""
        if self.importing and not self.acts and not any(chart.changed for chart in self._open.values()):
            self.chart("").changed = bool(self.importing.taking.file)

    def group(self, person: str) -> list[OpenChart]:
        """The charts of all ids that are one person with this one."""
        chart, seen = self.find(person), {person}
        while chart is not None and chart.chart.into and chart.chart.into not in seen:
            seen.add(chart.chart.into)
            above = self.find(chart.chart.into)
            chart = above or chart
            if above is None:
                break
        return self.merged(chart.chart.person) if chart else []

    def elsewhere(self, person: str) -> list[str]:
        """Documents that lie with a person and are another's."""
        chart = self.find(person)
        return [*chart.chart.hidden, *chart.chart.passed] if chart else []

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
        self._owners.clear()
        self._documents.clear()
        self._stated.clear()
        self._stating.clear()
        self._unwritten = 0
