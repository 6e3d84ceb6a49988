"""Taking rows away from a chart, which an erasure alone may: what had come to it and was another's."""

from collections.abc import Callable

from sqlalchemy import Table, delete, select

from pollux.record.event import Event
from pollux.store.imports import without
from pollux.store.open_chart import TALLIES, OpenChart
from pollux.store.tables import DOCUMENT, IDENTIFIER, IMPORTED


class DroppingChart(OpenChart):
    """A chart from which something is taken away."""

    def drop_events(self, gone: Callable[[Event], bool]) -> int:
        """Write pages again without some of their events; how many."""
        count = 0
        for note in list(self.chart.pages):
            some = self.written(self._columns(note))
            left = [one for one in some if not gone(one[0])]
            if len(left) < len(some):
                count += len(some) - len(left)
                self._remove({note.number})
                self._write(left, note.later)
        return count

    def drop_noted(self, gone: Callable[[Event], bool]) -> int:
        """Write what imports noted again without some of the events; how many."""
        who, count = self.keyed.who, 0
        rows = self.connection.execute(select(IMPORTED).where(IMPORTED.c.who == who)).all()
        for row in rows:
            body = self.keyed.cipher.open(row.sealed, "imported", who, row.number)
            left, dropped = without(body, gone)
            if dropped:
                count += dropped
                this = (IMPORTED.c.who == who) & (IMPORTED.c.number == row.number)
                self.connection.execute(delete(IMPORTED).where(this))
                self.chart.imported = self.chart.imported.minus([row.sealed])
                self._keep(IMPORTED, left, taking=row.taking)
        return count

    def drop_rows(self, table: Table, gone: Callable[[bytes], bool]) -> int:
        """Delete rows of a table by what was sealed in them; how many."""
        who, dropped = self.keyed.who, {}
        for row in self.connection.execute(select(table).where(table.c.who == who)).all():
            identity = [getattr(row, c) for c in ("name", "mark") if c in table.c]
            if gone(self.keyed.cipher.open(row.sealed, table.name, who, row.number, *identity)):
                dropped[row.number] = row.sealed
        if dropped:
            tally = getattr(self.chart, TALLIES[table.name])
            setattr(self.chart, TALLIES[table.name], tally.minus(dropped.values()))
            columns = [table.c.number] + [IDENTIFIER.c.document] * (table is DOCUMENT)
            for column in columns:
                here = (column.table.c.who == who) & column.in_(dropped)
                self.connection.execute(delete(column.table).where(here))
        return len(dropped)
