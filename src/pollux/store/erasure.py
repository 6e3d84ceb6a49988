"""Erasure: keys destroyed, rows deleted, and a ledger outside the database, by which restored copies are erased too.

The line in the ledger comes first and is durable: if the process ends after it, the next opening finishes the erasure,
unless a legal hold was set meanwhile. If the transaction fails, a second line takes the first back. Lines name
pseudonyms alone and are signed by the store. A person who comes back later has a new pseudonym.
"""

import logging
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from sqlalchemy import Connection, delete, insert, select

from pollux.errors import PolluxError
from pollux.store import durable
from pollux.store.audit import Done, stamp
from pollux.store.chart import Hold, open_chart, read_chart
from pollux.store.database import Database
from pollux.store.identity import let_go
from pollux.store.keys import Keys
from pollux.store.links import forget
from pollux.store.moved import Edges, Left, all_moves, left_anywhere, left_behind, marked, marks, purge
from pollux.store.seal import Damaged
from pollux.store.tables import CHART, ERASED, OF_A_PATIENT
from pollux.store.writer import now
from pollux.visible import visible

Do = Callable[[Callable[[Connection, list[Done]], Any]], Any]
_LOG = logging.getLogger("pollux.store")


class Forbidden(PolluxError):
    """What may not be done or seen: a legal hold or a restriction stands against it."""


class Erased(msgspec.Struct, frozen=True, omit_defaults=True):
    """A line of the ledger: whom an erasure names or, if it came to nothing (`undone`), names no longer.

    `left` notes, by pseudonym of others, keyed hashes of what of theirs had come there first.
    """

    subject: str
    at: str
    undone: bool = False
    signature: str = ""
    left: dict[str, list[str]] = {}

    def signed(self) -> bytes:
        """The bytes that the signature is over."""
        return b"pollux erased" + msgspec.json.encode(msgspec.structs.replace(self, signature=""), order="sorted")


REPLAYING = "erasure ledger"  # the purpose of what is done again since the ledger says so
_AGAIN: dict[str, int | str] = {"again": 1}
_LINE = msgspec.json.Decoder(Erased)


class Ledger(msgspec.Struct, frozen=True):
    """What the ledger says: who is erased, in their order, and how many lines are not this store's."""

    erased: tuple[bytes, ...] = ()
    unsigned: int = 0
    left: dict[bytes, tuple[str, dict[str, list[str]]]] = {}  # of each: when, and what of theirs had come to others


class ErasureReceipt(msgspec.Struct, frozen=True):
    """What an erasure did. `signature` (Ed25519, hexadecimal) is the store's, over all other fields as JSON."""

    at: datetime
    subjects: tuple[str, ...]
    rows: dict[str, int]
    keys: int
    reason: str = ""
    uncut: tuple[str, ...] = ()  # files whose write-ahead log could not be cut off, since somebody was reading
    signature: str = ""

    def signed(self) -> bytes:
        """The bytes that the signature is over."""
        return msgspec.json.encode(msgspec.structs.replace(self, signature=""), order="sorted")

    def text(self) -> str:
        """The receipt as lines for a person to read."""
        rows = ", ".join(f"{table} {count:,}" for table, count in sorted(self.rows.items()) if count)
        uncut = (
            f"  NOT YET GONE from the write-ahead log of {visible(' and '.join(self.uncut))}, since another process "
            "is reading: end it, then run `pollux doctor`.\n"
            if self.uncut
            else ""
        )
        return (
            f"erased at {self.at:%Y-%m-%d %H:%M:%S} UTC: {self.keys} keys destroyed; rows deleted: {rows or 'none'}\n"
            f"  pseudonyms in audit and ledger: {', '.join(self.subjects)}\n"
            f"{uncut}"
            f"  signature: {self.signature}\n"
            "  Backups made before still hold the sealed rows; restoring one erases them again. Destroy old backups of "
            "the keys."
        )


def erase(database: Database, keys: Keys, ledger: Path, do: Do, whos: Sequence[bytes], act: Done) -> ErasureReceipt:
    """Erase everything of some pseudonyms; `act` is how it goes into the audit.

    Raises `PolluxError` when a legal hold forbids it.
    """
    lines = b""

    def job(connection: Connection, acts: list[Done]) -> tuple[dict[str, int], int]:
        nonlocal lines
        left = left_behind(connection, keys, whos)
        _refuse_held(connection, keys, [*whos, *left])
        count = keys.count(whos)  # now, since another process may destroy them as soon as this is durable
        new = ledger_lines(whos, act.at, keys.signing, left=marks(keys, left))
        write_ledger(ledger, new)
        lines = new
        acts += [msgspec.structs.replace(act, who=who, detail=said) for who, said in purge(connection, keys, left)]
        ids = [
            row[0].person for who in whos if (keyed := keys.find_who(who)) and (row := read_chart(connection, keyed))
        ]
        rows = remove(connection, whos, act.at)
        acts += [msgspec.structs.replace(act, who=who, detail=said) for who, said in forget(connection, keys, ids)]
        acts += [msgspec.structs.replace(act, who=who, detail={**act.detail, **rows}) for who in whos]
        return rows, count

    try:
        rows, destroyed = do(job)
    except Exception as error:  # an interrupted wait is none of these: the erasure may go on meanwhile
        if lines and not _is_erased(database, whos):
            _take_back(ledger, lines, ledger_lines(whos, now(), keys.signing, undone=True), error)
        raise
    keys.destroy(whos)
    uncut = tuple(one.where for one in (keys.database, database) if not one.scrub())
    reason = str(act.detail.get("reason", ""))
    receipt = ErasureReceipt(act.at, tuple(who.hex() for who in whos), rows, destroyed, reason, uncut)
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
    """Erase again what the ledger names and a restored copy brought back; how many pseudonyms.

    Whoever is under a legal hold stays: the doctor says so.
    """
    named = {who for who, _ in _lines(ledger)}
    if not named:
        return 0
    keyed = keys.pseudonyms() & named
    there = _still_there(database, sorted(named)) | keyed
    said = read_ledger(ledger, keys.public, there)  # signatures are checked where something would be done
    erased = set(said.erased)
    back = _still_there(database, sorted(erased))
    held: set[bytes] = set()
    if back:
        at = now()

        def job(connection: Connection, acts: list[Done]) -> None:
            edges = all_moves(connection, keys)
            for who in sorted(back):
                left = _left(connection, keys, who, said, edges)
                if any(_is_held(connection, keys, one) for one in (who, *left)):
                    held.add(who)
                    continue
                for one, detail in (*purge(connection, keys, left), (who, _AGAIN)):
                    acts.append(Done(at, "pollux", REPLAYING, "erase", one, detail))
            for some in _by_hundreds(sorted(back - held)):
                remove(connection, some, at)
            for one, detail in let_go(connection, keys):
                acts.append(Done(at, "pollux", REPLAYING, "unmerge", one, detail))

        do(job)
        database.scrub()
    for who in held:
        _LOG.warning("not erased, though the ledger of erasures says so: %s is under a legal hold", who.hex()[:8])
    left = keyed & erased - held
    if left:
        keys.destroy(left)
        keys.database.scrub()
    return len(back - held)


def _still_there(database: Database, whos: Sequence[bytes]) -> set[bytes]:
    """Those of some pseudonyms of whom there are rows, or who are not noted as erased."""
    back: set[bytes] = set()
    with database.reading() as connection:
        for some in _by_hundreds(whos):
            for table in OF_A_PATIENT:
                back |= set(connection.execute(select(table.c.who).where(table.c.who.in_(some)).distinct()).scalars())
            back |= set(some) - set(connection.execute(select(ERASED.c.who).where(ERASED.c.who.in_(some))).scalars())
    return back


def _left(connection: Connection, keys: Keys, who: bytes, ledger: Ledger, edges: Edges) -> dict[bytes, Left]:
    """What of somebody who comes back lies with others, as charts say and, of charts from before, the ledger."""
    at, noted = ledger.left.get(who, ("", {}))
    found = left_anywhere(connection, keys, [who], edges)
    for source, one in marked(connection, keys, noted, at).items():
        before = found.get(source, one)
        found[source] = Left(before.names | one.names, max(before.until, one.until))
    return {source: one for source, one in found.items() if source not in ledger.erased}


def ledger_lines(
    whos: Sequence[bytes],
    at: datetime,
    key: Ed25519PrivateKey,
    undone: bool = False,
    left: dict[str, list[str]] | None = None,
) -> bytes:
    """The lines for some pseudonyms, signed."""
    lines = []
    for who in whos:
        line = Erased(who.hex(), stamp(at), undone, left=left or {})
        lines.append(msgspec.structs.replace(line, signature=key.sign(line.signed()).hex()))
    return b"".join(msgspec.json.encode(line) + b"\n" for line in lines)


def write_ledger(path: Path, lines: bytes) -> None:
    """Add lines to the ledger; durable when it returns."""
    try:
        durable.append(path, lines)
    except OSError as error:
        raise PolluxError(
            "the ledger of erasures cannot be written, so nothing was erased", where=str(path),
            advice=error.strerror or "Look at the disk.",
        ) from error  # fmt: skip


def read_ledger(path: Path, public: bytes, only: Container[bytes] | None = None) -> Ledger:
    """What the ledger says, of some pseudonyms only if these are named."""
    key = Ed25519PublicKey.from_public_bytes(public)
    erased: dict[bytes, None] = {}
    left: dict[bytes, tuple[str, dict[str, list[str]]]] = {}
    unsigned = 0
    for who, line in _lines(path):
        if only is not None and who not in only:
            continue
        try:
            key.verify(bytes.fromhex(line.signature), line.signed())
        except (InvalidSignature, ValueError):
            unsigned += 1
            continue
        if line.undone:
            erased.pop(who, None)
        else:
            erased[who] = None
            left[who] = line.at, line.left
    return Ledger(tuple(erased), unsigned, left)


def _lines(path: Path) -> Iterator[tuple[bytes, Erased]]:
    """The lines, signed or not. A last one that was cut off by a crash named nobody yet."""
    content = path.read_bytes() if path.exists() else b""
    for number, text in enumerate(durable.whole_lines(content).splitlines(), 1):
        try:
            line = _LINE.decode(text)
            who = bytes.fromhex(line.subject)
        except (msgspec.MsgspecError, ValueError):
            raise PolluxError(
                f"line {number} of the ledger of erasures cannot be read", where=str(path),
                advice="Put back a copy of it; without it a restored backup may hold erased people.",
            ) from None  # fmt: skip
        yield who, line


def holds(connection: Connection, keys: Keys, who: bytes) -> list[Hold]:
    """The legal holds on a pseudonym's chart; none where nothing of it can be opened."""
    row = connection.execute(select(CHART.c.version, CHART.c.sealed).where(CHART.c.who == who)).first()
    keyed = keys.find_who(who)
    if row is None or keyed is None:
        return []
    return open_chart(row.sealed, row.version, keyed).holds


def _is_held(connection: Connection, keys: Keys, who: bytes) -> bool:
    try:
        return bool(holds(connection, keys, who))
    except Damaged:  # nobody can read it, so nobody keeps it
        return False


def _is_erased(database: Database, whos: Sequence[bytes]) -> bool:
    """Whether a transaction that failed is durable all the same; also where that cannot be said."""
    try:
        with database.reading() as connection:
            return connection.execute(select(ERASED.c.who).where(ERASED.c.who.in_(whos))).first() is not None
    except PolluxError:
        return True


def _take_back(ledger: Path, lines: bytes, undone: bytes, why: Exception) -> None:
    try:
        try:
            durable.append(ledger, undone)
        except OSError:  # a full disk has no room for a line; to cut one off needs none
            if not durable.take_back(ledger, lines):
                raise
    except OSError:
        raise PolluxError(
            f"the erasure failed ({getattr(why, 'what', why)}), and the ledger still names it", where=str(ledger),
            advice="It happens when the store is opened next, unless a legal hold is set before.",
        ) from why  # fmt: skip


def _refuse_held(connection: Connection, keys: Keys, whos: Iterable[bytes]) -> None:
    for who in whos:
        if found := holds(connection, keys, who):
            raise Forbidden(
                f"a legal hold forbids to erase this person's data: {found[0].reason} (since {found[0].since[:10]}, "
                f"by {found[0].by})",
                advice="When it has ended: pollux release ID.",
            )


def _by_hundreds(whos: Sequence[bytes]) -> Iterable[Sequence[bytes]]:
    return (whos[start : start + 500] for start in range(0, len(whos), 500))
