"""Is everything in the store what was put there? Every row is opened, every chain followed, every file looked at."""

import sqlite3
import stat
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import Connection, select

from pollux.errors import PolluxError
from pollux.record.event import source_name
from pollux.store import audit, durable
from pollux.store.chart import Chart, open_chart
from pollux.store.database import CannotWrite, Database, odd_rows
from pollux.store.erasure import holds, read_ledger
from pollux.store.files import Files
from pollux.store.imports import noted_in
from pollux.store.index import identifier_mark, short_name
from pollux.store.keys import Keyed, Keys
from pollux.store.links import link_marks
from pollux.store.moved import left_anywhere
from pollux.store.reading import OneChart
from pollux.store.seal import tag
from pollux.store.tables import AUDIT, CHART, ERASED, IDENTIFIER, NAME, OF_A_PATIENT, PAGE, VERSION
from pollux.store.waiting import count

RESTORE = "Restore a backup: pollux restore FOLDER."


@dataclass(frozen=True)
class Trouble:
    """Something that is not as it should be, and what to do. `serious`: data are damaged, missing or altered."""

    what: str
    advice: str
    serious: bool = True

    def __str__(self) -> str:
        return f"{'damage' if self.serious else 'note'}: {self.what}. {self.advice}".rstrip()


def examine(database: Database, keys: Keys, files: Files) -> list[Trouble]:
    """All that is wrong with a store; an empty list if nothing is."""
    found: list[Trouble] = []
    keys.forget()  # another process may have erased somebody and taken them in again
    if database.embedded:
        found += _file(database, "the database")
    if keys.database.embedded:
        found += _file(keys.database, "the keys' file")
    found += _attempt(lambda: [Trouble(what, "Restore the keys' backup.") for what in keys.check()])
    if any(t.serious for t in found):
        return found + _around(files)  # the rest would only say the same in other words
    found += _attempt(lambda: _rows(database, keys))
    found += _attempt(lambda: _audit(database, keys, files.head))
    found += _attempt(lambda: _erasures(database, keys, files.erased))
    found += _attempt(lambda: _uncut(database, keys))
    return found + _around(files)


def _attempt(step: Any) -> list[Trouble]:
    try:
        return list(step())
    except PolluxError as error:
        return [Trouble(f"{error.what}{f' [{error.where}]' if error.where else ''}", error.advice or RESTORE)]


def _file(database: Database, name: str) -> list[Trouble]:
    try:
        with database.reading() as connection:
            complaints = [row[0] for row in connection.exec_driver_sql("pragma integrity_check(20)")]
            complaints += [f"values in the table {table} are of another kind" for table in odd_rows(connection)]
    except (PolluxError, sqlite3.Error) as error:
        return [Trouble(f"{name} cannot be read ({getattr(error, 'what', error)})", RESTORE)]
    return [Trouble(f"{name}: {line}", RESTORE) for line in complaints if line != "ok"]


def _rows(database: Database, keys: Keys) -> Iterator[Trouble]:
    charted: set[bytes] = set()
    with database.reading() as connection:
        version = connection.exec_driver_sql("select version_num from alembic_version").scalar()
        if version != VERSION:
            yield Trouble(
                f"the schema is {version}, not {VERSION}", "Open the store with this Pollux to bring it up to date."
            )
        for who, number, sealed in connection.execute(select(CHART)).all():
            charted.add(who)
            yield from _chart(connection, keys, who, number, sealed)
        erased = set(connection.execute(select(ERASED.c.who)).scalars())
        written = select(AUDIT.c.who).where(AUDIT.c.detail.contains('"chart"')).distinct()
        for who in sorted(set(connection.execute(written).scalars()) - charted - erased - {b""}):
            yield Trouble(f"patient {who.hex()[:8]}: the audit knows of a chart, and it is gone", RESTORE)
        for table in OF_A_PATIENT:
            for who in connection.execute(select(table.c.who).distinct()).scalars():
                if who not in charted:
                    yield Trouble(f"patient {who.hex()[:8]} has rows in the table {table.name} and no chart", RESTORE)


def _chart(connection: Connection, keys: Keys, who: bytes, version: int, sealed: bytes) -> Iterator[Trouble]:
    name = f"patient {who.hex()[:8]}"
    keyed = keys.find_who(who)
    if keyed is None:
        yield Trouble(f"{name}: the key is missing", "Restore the keys' backup; without the key nothing can be read.")
        return
    try:
        chart = open_chart(sealed, version, keyed)
        if (known := keys.find(chart.person)) is None or known.who != who:
            yield Trouble(f"{name}: the key stands under another person", "Restore the keys' backup.")
        one = OneChart(connection, keyed, chart)
        due = {identifier_mark(keys, d.kind, text) for d in one.documents(hidden=True) for text in d.identifiers}
        due |= link_marks(keys, chart)
        if due != set(connection.execute(select(IDENTIFIER.c.mark).where(IDENTIFIER.c.who == who)).scalars()):
            yield Trouble(f"{name}: the index of identifiers does not fit the documents", RESTORE)
        one.quarantine()
        one.checkpoints()
        for imported in noted_in(connection, keyed, chart):
            imported.known_events(), imported.outdated_events()
        yield from _pages(connection, keys, keyed, chart, name)
    except PolluxError as error:
        yield Trouble(f"{name}: {error.what}", RESTORE)
    except (ValueError, KeyError, msgspec.MsgspecError) as error:
        yield Trouble(f"{name}: what was sealed cannot be understood ({type(error).__name__})", RESTORE)
        return
    last = connection.execute(
        select(AUDIT.c.detail)
        .where((AUDIT.c.who == who) & AUDIT.c.detail.contains('"chart"'))
        .order_by(AUDIT.c.seq.desc())
    ).scalar()
    noted: dict[str, object] = {}
    with suppress(msgspec.MsgspecError):  # a damaged line of the audit is told where the audit is looked at
        noted = msgspec.json.decode(last, type=dict[str, object]) if last else {}
    if (noted.get("version"), noted.get("chart")) != (version, tag(sealed).hex()):
        yield Trouble(f"{name}: the chart is not the one that was written last; an older state took its place", RESTORE)


def _pages(connection: Connection, keys: Keys, keyed: Keyed, chart: Chart, name: str) -> Iterator[Trouble]:
    expected: set[tuple[bytes, int]] = set()
    notes = {note.number: note for note in chart.pages}
    one = OneChart(connection, keyed, chart)
    for number, page in one.pages():
        note = notes[number]
        if (len(page), int(page.time.min()), int(page.time.max())) != (note.count, note.first, note.last):
            yield Trouble(f"{name}: page {number} does not hold what the chart says", RESTORE)
        page.events()
        expected |= {(short_name(keys, keyed.who, source_name(id)), number) for id in page.ids.values()}
    there = {
        (row.name, row.page)
        for row in connection.execute(select(NAME.c.name, NAME.c.page).where(NAME.c.who == keyed.who))
    }
    if there != expected:
        yield Trouble(f"{name}: the index of names does not fit the pages", RESTORE)
    numbers = set(connection.execute(select(PAGE.c.number).where(PAGE.c.who == keyed.who)).scalars())
    if numbers - notes.keys():
        yield Trouble(f"{name}: there are pages of which the chart knows nothing", RESTORE)


def _audit(database: Database, keys: Keys, head: Path) -> list[Trouble]:
    outside = audit.read_head(head)
    with database.reading() as connection:
        problems, lines = audit.verify(connection, keys.public, outside)
    advice = "Find out who had access to the database; restore a backup."
    found = [Trouble(problem, advice) for problem in problems]
    if outside is not None and outside.seq < lines:
        what = f"the head outside is {lines - outside.seq} lines behind the audit [{head}]"
        found.append(Trouble(what, "If it stays so, it cannot be written: give write access to it.", serious=False))
    return found


def _erasures(database: Database, keys: Keys, path: Path) -> Iterator[Trouble]:
    ledger = read_ledger(path, keys.public)
    erased = set(ledger.erased)
    left: dict[str, set[bytes]] = defaultdict(set)
    with database.reading() as connection:
        behind = left_anywhere(connection, keys, erased)
        charted = erased & set(connection.execute(select(CHART.c.who)).scalars())
        held = {who for who in charted if holds(connection, keys, who)}
        for table in OF_A_PATIENT:
            left[table.name] = erased & set(connection.execute(select(table.c.who).distinct()).scalars()) - held
        noted = set(connection.execute(select(ERASED.c.who)).scalars())
    if ledger.unsigned:
        yield Trouble(
            f"{ledger.unsigned} lines of the ledger of erasures are not signed by this store and erase nobody",
            "Find out who wrote them; put back a copy of the ledger.",
        )
    for who in sorted(behind):
        yield Trouble(
            f"patient {who.hex()[:8]} still has what was moved from there to somebody who was erased",
            "Export what is theirs, erase them as well, and take the export in again.",
        )
    for who in sorted(held):
        yield Trouble(
            f"patient {who.hex()[:8]} stands in the ledger of erasures and is under a legal hold, so was not erased",
            "Decide which holds: release the hold and open the store again, or keep both.",
        )
    for table_name, whos in left.items():
        if whos:
            yield Trouble(
                f"rows of {len(whos)} erased people are in the table {table_name}",
                "Open the store again: the ledger is replayed.",
            )
    if noted - erased:
        yield Trouble(
            f"{len(noted - erased)} erasures are in the database and not in the ledger beside it",
            "Put the ledger back: without it a restored backup would bring these people back.",
        )
    if keys.pseudonyms() & erased - held:
        yield Trouble("keys of erased people are there", "Open the store again: the ledger is replayed.")


def _uncut(database: Database, keys: Keys) -> Iterator[Trouble]:
    """Logs that may still hold somebody who was erased; they are cut off where nobody reads."""
    with database.reading() as connection:
        if connection.execute(select(ERASED.c.who).limit(1)).first() is None:
            return
    for one in (keys.database, database):
        with suppress(CannotWrite):
            if not one.scrub(patience=0):
                yield Trouble(
                    f"erased data may still be in the write-ahead log of {one.where}, since another process uses it",
                    "End what has been reading for long, then run `pollux doctor` again.", serious=False,
                )  # fmt: skip


def _around(files: Files) -> list[Trouble]:
    found = []
    keys = None if "://" in str(files.keys) else Path(files.keys)
    for path in (files.site_key, keys):
        if path is not None and path.exists() and stat.S_IMODE(path.stat().st_mode) & 0o077:
            found.append(Trouble(f"{path} can be read by others", f"chmod 600 {path}", serious=False))
    try:
        late = count(files.waiting)
        what, advice = f"{late} accesses wait to be written into the audit", "What is written next takes them up."
    except OSError as error:
        late, what, advice = 1, f"{files.waiting} cannot be read ({error.strerror})", "Give access to it."
    if late:
        found.append(Trouble(what, advice, serious=False))
    for path in (path for one in (files.site_key, files.head, files.erased) for path in durable.left_over(one)):
        what = f"{path} is of a process that was ended while it wrote, unless one writes just now"
        found.append(Trouble(what, "Nothing needs it: remove it.", serious=False))
    key = files.site_key
    if key.exists() and keys is not None and key.parent == keys.parent:
        advice = "Whoever copies the folder can read everything: keep it elsewhere, named by $POLLUX_SITE_KEY_FILE."
        found.append(Trouble(f"the site key lies beside the data ({key})", advice, serious=False))
    return found
