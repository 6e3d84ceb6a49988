"""A new key for a patient: everything of theirs is sealed again, in one transaction, while others read and write."""

import msgspec
from sqlalchemy import Connection, select, update

from pollux.errors import UnknownName
from pollux.store.chart import Tally, open_chart, read_chart, seal_chart, short_tag
from pollux.store.keys import Keyed, Keys
from pollux.store.seal import tag
from pollux.store.tables import CHART, CHECKPOINT, DOCUMENT, IMPORTED, PAGE, QUARANTINE

# Each table with what, besides pseudonym and number, its rows are sealed for; and the chart's count of it.
_TABLES = ((PAGE, (), ""), (DOCUMENT, ("name", "mark"), "documents"), (QUARANTINE, ("mark",), "quarantine"),
           (CHECKPOINT, ("name",), "checkpoints"), (IMPORTED, (), "imported"))  # fmt: skip


def check_here_still(connection: Connection, keys: Keys, person: str) -> None:
    """Raise `UnknownName` when somebody was erased since they were looked for, before a new key is made for them.

    An erasure destroys keys after its transaction. While this one writes, whoever has a chart is not erased yet, and
    whoever is erased later loses the new key with the others.
    """
    keys.forget()
    keyed = keys.find(person)
    if keyed is None or read_chart(connection, keyed) is None:
        raise UnknownName(
            "this person was erased meanwhile, so there is nothing to seal and no new key was made", where=person,
            advice="`pollux audit show` says when.",
        )  # fmt: skip


def seal_again(connection: Connection, keyed: Keyed) -> dict[str, int | str]:
    """Open every row of a patient and seal it with the newest key; what the audit says of it."""
    who, cipher = keyed.who, keyed.cipher
    row = connection.execute(select(CHART.c.version, CHART.c.sealed).where(CHART.c.who == who)).one()
    chart = open_chart(row.sealed, row.version, keyed)
    tags: dict[int, bytes] = {}
    changed = 0
    for table, columns, tally in _TABLES:
        new = []
        for one in connection.execute(select(table).where(table.c.who == who).order_by(table.c.number)).all():
            identity = (table.name, who, one.number, *(getattr(one, column) for column in columns))
            sealed = cipher.seal(cipher.open(one.sealed, *identity), *identity)
            this = (table.c.who == who) & (table.c.number == one.number)
            connection.execute(update(table).where(this).values(sealed=sealed))
            new.append(sealed)
            if table is PAGE:
                tags[one.number] = short_tag(sealed)
        changed += len(new)
        if tally:
            before: Tally = getattr(chart, tally)
            setattr(chart, tally, Tally(0, before.next - len(new), bytes(len(before.tags))).plus(new))
    chart.pages = [msgspec.structs.replace(note, tag=tags[note.number]) for note in chart.pages]
    version = row.version + 1
    sealed = seal_chart(chart, version, keyed)
    connection.execute(update(CHART).where(CHART.c.who == who).values(version=version, sealed=sealed))
    return {"rows": changed + 1, "version": version, "chart": tag(sealed).hex()}
