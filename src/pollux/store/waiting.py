"""Accesses that could not be written into the audit at once: signed lines in a file, until a transaction takes them up.

A long import holds the database's one place for writing; readers do not wait for it. Their line is durable here before
anything is handed out, and the next transaction of whatever process puts it into the chain, marked `late`.
"""

import logging
import os
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Connection, select

from pollux.store import durable
from pollux.store.audit import Done, detail_text, stamp
from pollux.store.tables import AUDIT

_LOG = logging.getLogger("pollux.store")
LONGEST = 2_000_000  # bytes of the file, some thousand accesses; then reading is refused too


class TooMany(Exception):
    """So many accesses wait that none more can."""


class _Line(msgspec.Struct, frozen=True):
    at: str
    actor: str
    purpose: str
    action: str
    who: str
    detail: dict[str, int | str]
    signature: str = ""

    def signed(self) -> bytes:
        return b"pollux waiting" + msgspec.json.encode(msgspec.structs.replace(self, signature=""), order="sorted")

    def done(self) -> Done:
        at = datetime.fromisoformat(self.at)
        return Done(at, self.actor, self.purpose, self.action, bytes.fromhex(self.who), self.detail)


def late(act: Done) -> Done:
    """The act, marked as one that is written down later than it was done; the mark is its own."""
    return msgspec.structs.replace(act, detail={**act.detail, "late": secrets.token_hex(8)})


def add(path: Path, acts: Sequence[Done], key: Ed25519PrivateKey) -> None:
    """Let accesses wait; durable when it returns. Raises `OSError` when they cannot, `TooMany` when no more may."""
    if path.exists() and path.stat().st_size > LONGEST:
        raise TooMany
    lines = []
    for act in acts:
        line = _Line(stamp(act.at), act.actor, act.purpose, act.action, act.who.hex(), dict(act.detail))
        lines.append(msgspec.structs.replace(line, signature=key.sign(line.signed()).hex()))
    durable.append(path, b"".join(msgspec.json.encode(line) + b"\n" for line in lines))


def take_up(connection: Connection, path: Path, key: Ed25519PrivateKey) -> tuple[list[Done], bytes]:
    """What waits and is not in the audit yet, and the file's content, for `clear` once it is there.

    Lines that the store did not sign are counted in an act of their own. A file that cannot be read stays as it is.
    """
    try:
        content = path.read_bytes() if path.exists() and path.stat().st_size else b""
    except OSError as error:
        _LOG.warning("accesses that wait to be written down cannot be read: %s (%s)", path, error.strerror)
        content = b""
    if not content:
        return [], b""
    acts, foreign = [], 0
    for text in durable.whole_lines(content).splitlines():
        try:
            line = msgspec.json.decode(text, type=_Line)
            key.public_key().verify(bytes.fromhex(line.signature), line.signed())
            act = line.done()
        except (msgspec.MsgspecError, ValueError, InvalidSignature):
            foreign += 1
            continue
        if not _is_there(connection, act):
            acts.append(act)
    if foreign:
        acts.append(Done(datetime.now(UTC), "pollux", "", "waiting", b"", {"not signed": foreign}))
    return acts, content


def clear(path: Path, content: bytes) -> None:
    """Empty the file, unless something was added meanwhile; that is taken up next time, the rest recognised."""
    file = os.open(path, os.O_RDWR)
    try:
        with durable.locked(file):
            if os.pread(file, len(content) + 1, 0) == content:
                os.ftruncate(file, 0)
                durable.reached(f"{path.name} empty")
                os.fsync(file)
    finally:
        os.close(file)


def count(path: Path) -> int:
    """How many accesses wait. Raises `OSError` where that cannot be read."""
    return durable.whole_lines(path.read_bytes()).count(b"\n") if path.exists() else 0


def _is_there(connection: Connection, act: Done) -> bool:
    """Whether a crash came between writing it down and emptying the file."""
    this = (AUDIT.c.who == act.who) & (AUDIT.c.at == stamp(act.at)) & (AUDIT.c.detail == detail_text(act.detail))
    return connection.execute(select(AUDIT.c.seq).where(this).limit(1)).first() is not None
