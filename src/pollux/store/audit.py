"""The audit: one line for each act and each access, chained by hash, signed, and its head kept outside.

link = SHA-256(link before ‖ signature before ‖ seq ‖ at ‖ actor ‖ purpose ‖ action ‖ pseudonym ‖ detail), from seq on
each with its length in front. The last line of every transaction carries an Ed25519 signature of its link. Whoever
edits, removes, swaps or inserts a line, or takes a signature off, breaks the chain from there on or lacks the
signature; whoever cuts the end off or goes on from an older copy is found by the head, which stands in a file outside
the database, and by whoever keeps an earlier head. In lines of before, the signature before does not count.
"""

import hashlib
import os
import zlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from sqlalchemy import Connection, Row, func, select

from pollux.errors import PolluxError, RefusedInput
from pollux.record.act import Act
from pollux.store import durable
from pollux.store.database import Database, quick, streamed
from pollux.store.tables import AUDIT, LAST_ACT, LINK_OF, PUT

Last = Row[*tuple[Any, ...]]
_START = bytes(32)
_LINE = 512  # bytes of a line of the head's file, which a disk writes whole or not at all
_JSON = msgspec.json.Encoder(order="sorted")


_OF_EVERYBODY = ("search", "read", "backup", "restore", "accept")  # when no pseudonym stands with it

# Acts that make a new head whatever the old one is: they say so in the audit.
GOES_ON = frozenset({"accept", "restore"})


class Done(msgspec.Struct, frozen=True):
    """An act that is to be written down."""

    at: datetime
    actor: str
    purpose: str
    action: str
    who: bytes = b""
    detail: Mapping[str, int | str] = {}

    def __post_init__(self) -> None:
        for text in (self.actor, self.purpose, self.action, *(str(one) for one in self.detail.values())):
            check_text(text, "what is written into the audit")


class Head(msgspec.Struct, frozen=True):
    """The end of the chain, as it stands outside the database; `link`, `signature` and `key` are hexadecimal."""

    seq: int
    link: str
    signature: str
    key: str


def check_text(text: str, what: str) -> None:
    """Raise `RefusedInput` for what no database can hold: one caller's text must not undo what others write."""
    if "\0" in text or (not text.isprintable() and any(0xD800 <= ord(sign) < 0xE000 for sign in text)):
        raise RefusedInput(f"{what} has signs that cannot be kept", advice="Leave out NUL and halves of signs.")


def stamp(moment: datetime) -> str:
    """A time as text whose order is the order of time."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def detail_text(detail: Mapping[str, int | str]) -> str:
    """The detail of an act as its column holds it."""
    return _JSON.encode(detail).decode()


def last_act(connection: Connection) -> Last | None:
    """The last line: its number, link and signature."""
    return quick(connection, LAST_ACT, {}).first()


def append(connection: Connection, last: Last | None, acts: Sequence[Done], key: Ed25519PrivateKey) -> Head:
    """Write acts down behind the last line that is there, and sign the last of them."""
    seq, link, signed = (last.seq, last.link, last.signature) if last else (0, _START, b"")
    rows = []
    for act in acts:
        seq += 1
        row = {
            "seq": seq, "at": stamp(act.at), "actor": act.actor, "purpose": act.purpose, "action": act.action,
            "who": act.who, "detail": detail_text(act.detail), "signature": b"",
        }  # fmt: skip
        link, signed = _link(link + signed, row), b""
        rows.append(row | {"link": link})
    signature = key.sign(_signed(seq, link))
    rows[-1]["signature"] = signature
    quick(connection, PUT[AUDIT], rows)
    return Head(seq, link.hex(), signature.hex(), key.public_key().public_bytes_raw().hex())


def first_head(key: Ed25519PrivateKey) -> Head:
    """The head of an audit without a line."""
    signature = key.sign(_signed(0, _START))
    return Head(0, _START.hex(), signature.hex(), key.public_key().public_bytes_raw().hex())


def check_continuation(
    connection: Connection, end: Last | None, head: Head | None, path: Path, public: bytes, known: Head | None = None
) -> None:
    """Raise `PolluxError` unless the chain goes on from the head that stands outside: nobody writes on a cut one.

    The signature of a head that is `known` was made here. An audit without a line has a head as well.
    """
    last = end.seq if end else 0
    if head is None:
        what = "the head of the audit is missing"
    elif head != known and not _is_signed(head, public):
        what = "the head of the audit outside is not signed by this store"
    elif head.seq == 0 or (end and (head.seq, head.link) == (last, end.link.hex())):
        return
    elif head.seq > last:
        what = f"the audit ends at line {last} and its head outside is line {head.seq}"
    elif connection.execute(LINK_OF, {"at": head.seq}).scalar() != bytes.fromhex(head.link):
        what = f"line {head.seq} of the audit is not the one that its head outside has"
    else:
        return
    raise PolluxError(
        f"{what}: an older or another database was put here, so nothing is read or written",
        where=str(path),
        advice="Run `pollux audit verify`; put the right database back with `pollux restore`, or, if this one is the "
        "right one, go on from it with `pollux audit accept`.",
    )


def check_here(database: Database, path: Path, public: bytes) -> None:
    """The same, asked by somebody who reads while another writes."""
    head = read_head(path)  # before the database: it is never ahead
    with database.reading() as connection:
        check_continuation(connection, last_act(connection), head, path, public)


@lru_cache(maxsize=64)
def _is_signed(head: Head, public: bytes) -> bool:
    try:
        signed = _signed(head.seq, bytes.fromhex(head.link))
        Ed25519PublicKey.from_public_bytes(public).verify(bytes.fromhex(head.signature), signed)
    except (InvalidSignature, ValueError, OverflowError):
        return False
    return True


def place_head(path: Path, head: Head) -> None:
    """Make the head's file anew, whatever was there; durable, name and all."""
    try:
        durable.replace(path, _line(head))
    except OSError as error:
        raise _unwritable(path, error) from error


def place_first_head(path: Path, head: Head) -> None:
    """Make the head's file where there is none; whoever was faster may have written a line already."""
    try:
        durable.place_first(path, _line(head))
    except OSError as error:
        raise _unwritable(path, error) from error


def write_head(path: Path, head: Head) -> None:
    """Put the head over the older of the two lines in its file, and flush it.

    The newer line stays whole whatever happens meanwhile. So the head may lag behind the chain by what a crash cut off;
    it is never ahead.
    """
    try:
        file = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        place_head(path, head)
        return
    try:
        known = [_head(line) for line in (os.pread(file, _LINE, 0), os.pread(file, _LINE, _LINE))]
        seqs = [-1 if one is None else one.seq for one in known]
        if max(seqs) < head.seq:  # else another process, which wrote after this one, was faster here
            durable.reached(f"{path.name} to be written")
            os.pwrite(file, _line(head), _LINE * (seqs[1] < seqs[0]))
            durable.reached(f"{path.name} written")
            os.fdatasync(file)
    finally:
        os.close(file)


def read_head(path: Path) -> Head | None:
    """The head that is kept outside: the newer of the two lines that is whole; None where there is no file."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _unreadable(path) from error
    found = [head for line in (content[:_LINE], content[_LINE:]) if (head := _head(line)) is not None]
    if not found:
        raise _unreadable(path)
    return max(found, key=lambda head: head.seq)


def _line(head: Head) -> bytes:
    content = msgspec.json.encode(head)
    return (content + b" %08x" % zlib.crc32(content)).ljust(_LINE - 1) + b"\n"


def _head(line: bytes) -> Head | None:
    content, _, check = line.strip().rpartition(b" ")
    if check != b"%08x" % zlib.crc32(content):
        return None
    try:
        return msgspec.json.decode(content, type=Head)
    except msgspec.MsgspecError:
        return None


def _unwritable(path: Path, error: OSError) -> PolluxError:
    advice = error.strerror or "Look at the disk."
    return PolluxError("the head of the audit cannot be written", where=str(path), advice=advice)


def _unreadable(path: Path) -> PolluxError:
    return PolluxError("the head of the audit cannot be read", where=str(path), advice="Put back a copy of it.")


def acts(connection: Connection, whos: Sequence[bytes] | None = None) -> Iterator[Act]:
    """The lines in their order: all, or those about some pseudonyms, what concerned everybody since included."""
    wanted = select(AUDIT).order_by(AUDIT.c.seq)
    if whos is not None:
        first = connection.execute(select(func.min(AUDIT.c.seq)).where(AUDIT.c.who.in_(whos))).scalar() or 0
        everybody = (AUDIT.c.who == b"") & AUDIT.c.action.in_(_OF_EVERYBODY) & (AUDIT.c.seq > first)
        wanted = wanted.where(AUDIT.c.who.in_(whos) | everybody)
    for row in streamed(connection, wanted):
        try:
            at, detail = datetime.fromisoformat(row.at), msgspec.json.decode(row.detail, type=dict[str, int | str])
        except (ValueError, TypeError, msgspec.MsgspecError) as error:
            raise PolluxError(
                f"line {row.seq} of the audit cannot be read",
                advice="Run `pollux audit verify`, then restore a backup.",
            ) from error
        yield Act(row.seq, at, row.actor, row.purpose, row.action, row.who.hex(), detail, row.link.hex(),
                  row.signature.hex())  # fmt: skip


def verify(
    connection: Connection, public: bytes, head: Head | None, kept: Sequence[Head] = ()
) -> tuple[list[str], int]:
    """What is wrong with the chain, and how many lines it has. No finding: nothing was altered unseen.

    `kept` are heads of before that somebody kept elsewhere; the chain has to go through each.
    """
    found: list[str] = []
    key = Ed25519PublicKey.from_public_bytes(public)
    link, signature, expected = _START, b"", 1
    links = {0: _START.hex()}  # of the lines to which a head points
    wanted = {one.seq for one in kept} | ({head.seq} if head else set())
    for row in streamed(connection, select(AUDIT).order_by(AUDIT.c.seq)):
        if row.seq != expected:
            found.append(f"lines {expected} to {row.seq - 1} of the audit are missing")
        columns = row._asdict()
        due = _link(link + signature, columns), _link(link, columns)  # the second as it was before
        if not _of_its_kind(columns) or row.link not in due:
            found.append(f"line {row.seq} of the audit was altered, or a line before it was removed or put in")
        if row.signature and not _signature_holds(key, row):
            found.append(f"the signature of line {row.seq} of the audit is not this store's")
        if row.seq in wanted:
            links[row.seq] = row.link.hex()
        link, signature, expected = row.link, row.signature, row.seq + 1
        if len(found) >= 20:
            found.append("and perhaps more")
            break
    if expected > 1 and not signature:
        found.append(f"the last line of the audit ({expected - 1}) is not signed: it was put there or cut off behind")
    if head is None:
        found.append("the head of the audit, which is kept outside the database, is missing")
    elif head is not None:
        found += _against(head, "the head outside", public, links, expected - 1)
    for one in kept:
        found += _against(one, "a head that was kept", public, links, expected - 1)
    return found, expected - 1


def _of_its_kind(columns: Mapping[str, object]) -> bool:
    """Whether every column holds what it is for: SQLite keeps a text in place of bytes as well."""
    texts = ("at", "actor", "purpose", "action", "detail")
    return isinstance(columns["who"], bytes) and all(isinstance(columns[name], str) for name in texts)


def _against(head: Head, name: str, public: bytes, links: Mapping[int, str], last: int) -> list[str]:
    if not _is_signed(head, public):
        return [f"{name} of the audit (line {head.seq}) is not signed by this store"]
    if head.seq > last:
        return [f"the audit ends at line {last}, and {name} is line {head.seq}: its end was cut off, or an older copy "
                "of the database was put here without `pollux restore`"]  # fmt: skip
    if links.get(head.seq) != head.link:
        return [f"line {head.seq} of the audit is not the one that {name} has: another history took its place"]
    return []


def head_text(head: Head | None) -> bytes:
    """A head as a line that one keeps elsewhere."""
    return b"" if head is None else msgspec.json.encode(head) + b"\n"


def kept_heads(path: Path) -> list[Head]:
    """Heads that somebody kept, a line of JSON each, as `pollux audit head` prints them."""
    try:
        found = [msgspec.json.decode(line, type=Head) for line in path.read_bytes().splitlines() if line.strip()]
        if not found:
            raise msgspec.MsgspecError
        return found
    except OSError as error:
        raise PolluxError("the kept heads cannot be read", where=str(path), advice=error.strerror or "") from error
    except msgspec.MsgspecError as error:
        raise RefusedInput(
            "this is no list of kept heads", where=str(path), advice="Give what `pollux audit head` printed."
        ) from error


def _signature_holds(key: Ed25519PublicKey, row: Row[tuple[object, ...]]) -> bool:
    try:
        key.verify(row.signature, _signed(row.seq, row.link))
    except InvalidSignature:
        return False
    return True


def _signed(seq: int, link: bytes) -> bytes:
    return b"pollux audit" + seq.to_bytes(8, "big") + link


def _link(before: bytes, row: Mapping[str, object]) -> bytes:
    made = hashlib.sha256(before)
    for name in ("seq", "at", "actor", "purpose", "action", "who", "detail"):
        value = row[name]
        content = value if isinstance(value, bytes) and name == "who" else str(value).encode("utf-8", "surrogatepass")
        made.update(len(content).to_bytes(8, "big") + content)
    return made.digest()
