"""Erasure: keys destroyed, rows deleted, and a ledger outside the database, by which restored copies are erased too.

The line in the ledger comes first and is durable: if anything fails after it, the next opening finishes the erasure.
It names pseudonyms alone. A person who comes back later has a new pseudonym.
"""

import os
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import Connection, delete, insert, select

from pollux.errors import PolluxError
from pollux.store.audit import Done, stamp
from pollux.store.chart import open_chart
from pollux.store.database import Database
from pollux.store.durable import settle_name
from pollux.store.keys import Keys
from pollux.store.tables import CHART, ERASED, OF_A_PATIENT
from pollux.store.writer import now

Do = Callable[[Callable[[Connection, list[Done]], Any]], Any]


class Erased(msgspec.Struct, frozen=True):
    """A line of the ledger."""

    subject: str
    at: str


class ErasureReceipt(msgspec.Struct, frozen=True):
    """What an erasure did. `signature` (Ed25519, hexadecimal) is the store's, over all other fields as JSON."""

    at: datetime
    subjects: tuple[str, ...]
    rows: dict[str, int]
    keys: int
    reason: str = ""
    signature: str = ""

    def signed(self) -> bytes:
        """The bytes that the signature is over."""
        return msgspec.json.encode(msgspec.structs.replace(self, signature=""), order="sorted")

    def text(self) -> str:
        """The receipt as lines for a person to read."""
        rows = ", ".join(f"{table} {count:,}" for table, count in sorted(self.rows.items()) if count)
        return (
            f"erased at {self.at:%Y-%m-%d %H:%M:%S} UTC: {self.keys} keys destroyed; rows deleted: {rows or 'none'}\n"
            f"  pseudonyms in audit and ledger: {', '.join(self.subjects)}\n"
            f"  signature: {self.signature}\n"
            "  Backups made before still hold the sealed rows; restoring one erases them again. Destroy old backups of "
            "the keys."
        )


def erase(database: Database, keys: Keys, ledger: Path, do: Do, whos: Sequence[bytes], act: Done) -> ErasureReceipt:
    """Erase everything of some pseudonyms; `act` is how it goes into the audit.

    Raises `PolluxError` when a legal hold forbids it.
    """

    def job(connection: Connection, acts: list[Done]) -> tuple[dict[str, int], int]:
        _refuse_held(connection, keys, whos)
        count = keys.count(whos)  # now, since another process may destroy them as soon as this is durable
        write_ledger(ledger, whos, act.at)
        rows = remove(connection, whos, act.at)
        acts += [msgspec.structs.replace(act, who=who, detail={**act.detail, **rows}) for who in whos]
        return rows, count

    rows, destroyed = do(job)
    keys.destroy(whos)
    keys.database.scrub()
    reason = str(act.detail.get("reason", ""))
    receipt = ErasureReceipt(act.at, tuple(who.hex() for who in whos), rows, destroyed, reason)
    return msgspec.structs.replace(receipt, signature=keys.signing.sign(receipt.signed()).hex())


def remove(connection: Connection, whos: Sequence[bytes], at: datetime) -> dict[str, int]:
    """Delete all rows of pseudonyms, and note that they are erased; how many rows of each table."""
    rows = {}
    for table in OF_A_PATIENT:
        rows[table.name] = connection.execute(delete(table).where(table.c.who.in_(whos))).rowcount
    known = set(connection.execute(select(ERASED.c.who).where(ERASED.c.who.in_(whos))).scalars())
    new = [{"who": who, "at": stamp(at)} for who in whos if who not in known]
    if new:
        connection.execute(insert(ERASED), new)
    return rows


def replay(database: Database, keys: Keys, ledger: Path, do: Do) -> int:
    """Erase again what the ledger names and a restored copy brought back; how many pseudonyms."""
    erased = read_ledger(ledger)
    if not erased:
        return 0
    back: set[bytes] = set()
    with database.reading() as connection:
        for some in _by_hundreds(erased):
            for table in OF_A_PATIENT:
                back |= set(connection.execute(select(table.c.who).where(table.c.who.in_(some)).distinct()).scalars())
            back |= set(some) - set(connection.execute(select(ERASED.c.who).where(ERASED.c.who.in_(some))).scalars())
    if back:
        at = now()

        def job(connection: Connection, acts: list[Done]) -> None:
            for who in sorted(back):
                rows = remove(connection, [who], at)
                acts.append(Done(at, "pollux", "erasure ledger", "erase", who, {"again": 1, **rows}))

        do(job)
        database.scrub()
    left = keys.pseudonyms() & set(erased)
    if left:
        keys.destroy(left)
        keys.database.scrub()
    return len(back)


def write_ledger(path: Path, whos: Sequence[bytes], at: datetime) -> None:
    """Add pseudonyms to the ledger; durable when it returns."""
    lines = b"".join(msgspec.json.encode(Erased(who.hex(), stamp(at))) + b"\n" for who in whos)
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab") as file:
            file.write(lines)
            file.flush()
            os.fsync(file.fileno())
        settle_name(path)
    except OSError as error:
        raise PolluxError(
            "the ledger of erasures cannot be written, so nothing was erased", where=str(path),
            advice=error.strerror or "Look at the disk.",
        ) from error  # fmt: skip


def read_ledger(path: Path) -> list[bytes]:
    """The pseudonyms that were erased, in their order. A last line that was cut off by a crash named nobody yet."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return []
    found = []
    lines = content.split(b"\n")
    for number, line in enumerate(lines, 1):
        try:
            if line:
                found.append(bytes.fromhex(msgspec.json.decode(line, type=Erased).subject))
        except (msgspec.MsgspecError, ValueError):
            if number < len(lines):
                raise PolluxError(
                    f"line {number} of the ledger of erasures cannot be read", where=str(path),
                    advice="Put back a copy of it; without it a restored backup may hold erased people.",
                ) from None  # fmt: skip
    return found


def _refuse_held(connection: Connection, keys: Keys, whos: Iterable[bytes]) -> None:
    for who in whos:
        row = connection.execute(select(CHART.c.version, CHART.c.sealed).where(CHART.c.who == who)).first()
        keyed = keys.find_who(who)
        if row is None or keyed is None:
            continue
        holds = open_chart(row.sealed, row.version, keyed).holds
        if holds:
            raise PolluxError(
                f"a legal hold forbids to erase this person's data: {holds[0].reason} (since {holds[0].since[:10]}, "
                f"by {holds[0].by})",
                advice="When it has ended: pollux release ID.",
            )


def _by_hundreds(whos: Sequence[bytes]) -> Iterable[Sequence[bytes]]:
    return (whos[start : start + 500] for start in range(0, len(whos), 500))
