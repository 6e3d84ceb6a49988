"""What is at rest is sealed: AES-256-GCM, with the row's identity as associated data.

A sealed value is one byte of format, four of the key's version, twelve of nonce (random), then ciphertext and tag. The
identity is not kept with it: a value that was moved to another row, patient or table does not open.
"""

import os
import struct
from collections.abc import Mapping

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from pollux.errors import PolluxError

KEY_BYTES = 32
TAG_BYTES = 16
_HEAD = struct.Struct(">BI")
_FORMAT = 1
_BODY = _HEAD.size + 12


class Damaged(PolluxError):
    """Something at rest is not what was put there; it is never handed out."""


class Cipher:
    """Seals and opens for one patient, with the newest key; older versions still open."""

    def __init__(self, keys: Mapping[int, bytes]) -> None:
        self._keys = {version: AESGCM(key) for version, key in keys.items()}
        self.version = max(keys)

    def seal(self, content: bytes, *identity: bytes | str | int) -> bytes:
        """Encrypt for the row that is so identified."""
        nonce = os.urandom(12)
        sealed = self._keys[self.version].encrypt(nonce, content, _joined(identity))
        return _HEAD.pack(_FORMAT, self.version) + nonce + sealed

    def opens(self, sealed: bytes) -> bool:
        """Whether the version of the key that this needs is here."""
        return version_of(sealed) in self._keys

    def open(self, sealed: bytes, *identity: bytes | str | int) -> bytes:
        """Decrypt; raises `Damaged` when the bytes or the row are not what was sealed."""
        key = self._keys.get(version_of(sealed))
        if key is not None and sealed[0] == _FORMAT:
            try:
                return key.decrypt(sealed[_HEAD.size : _BODY], sealed[_BODY:], _joined(identity))
            except (InvalidTag, ValueError):
                pass
        raise Damaged(
            f"a row of the table {identity[0]!s} is damaged or was put there by somebody else",
            advice="Nothing of it is used. Run `pollux doctor`, then restore a backup.",
        )


def version_of(sealed: bytes) -> int:
    """The version of the key with which something was sealed; -1 where that cannot be read."""
    return int(_HEAD.unpack_from(sealed)[1]) if len(sealed) > _BODY else -1


def tag(sealed: bytes) -> bytes:
    """The tag at the end: it stands for the whole."""
    return sealed[-TAG_BYTES:]


def _joined(identity: tuple[bytes | str | int, ...]) -> bytes:
    parts = [p if isinstance(p, bytes) else str(p).encode() for p in identity]
    return b"".join(struct.pack(">I", len(part)) + part for part in parts)
