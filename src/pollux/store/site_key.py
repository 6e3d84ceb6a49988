"""The site's key, which wraps every other: from the environment, from a file, or from a service outside."""

import base64
import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from pollux.errors import PolluxError
from pollux.store import durable
from pollux.store.seal import KEY_BYTES

VARIABLE = "POLLUX_SITE_KEY"
FILE_VARIABLE = "POLLUX_SITE_KEY_FILE"
_ID = 8


class SiteKey(Protocol):
    """What an external key service has to do. `context` is authenticated and not kept."""

    def wrap(self, key: bytes, context: bytes) -> bytes:
        """A key in a form that only `unwrap` undoes."""

    def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        """The key again; raises `PolluxError` when it was not wrapped here or for another context."""

    def newest(self, wrapped: bytes) -> bool:
        """Whether it was wrapped by the key that is in use now."""


class LocalSiteKey:
    """Keys of 32 bytes held here: the first wraps, all unwrap, so that one can be replaced while others work.

    >>> ring = LocalSiteKey([bytes(32)])
    >>> ring.unwrap(ring.wrap(b"secret", b"p1"), b"p1")
    b'secret'
    """

    def __init__(self, keys: Sequence[bytes], where: str = "") -> None:
        self._where = where
        self._take(keys)

    def wrap(self, key: bytes, context: bytes) -> bytes:
        """Id of the site key, nonce, ciphertext, tag."""
        nonce = os.urandom(12)
        return self._first + nonce + self._keys[self._first].encrypt(nonce, key, context)

    def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        """The key that was wrapped."""
        known = self._keys.get(wrapped[:_ID])
        if known is None:
            raise PolluxError(
                "the keys of this store were wrapped by another site key",
                where=self._where,
                advice=f"Give the right one in ${VARIABLE}, ${FILE_VARIABLE} or its file.",
            )
        try:
            return known.decrypt(wrapped[_ID : _ID + 12], wrapped[_ID + 12 :], context)
        except (InvalidTag, ValueError):
            raise PolluxError(
                "a key is damaged", where=self._where, advice="Restore the backup of the keys' file."
            ) from None

    @property
    def count(self) -> int:
        """How many keys there are, the old ones included."""
        return len(self._keys)

    def newest(self, wrapped: bytes) -> bool:
        """Whether the first key wrapped it."""
        return wrapped[:_ID] == self._first

    def _take(self, keys: Sequence[bytes]) -> None:
        if not keys or any(len(key) != KEY_BYTES for key in keys):
            raise PolluxError(
                f"a site key has {KEY_BYTES} bytes, as base64",
                where=self._where,
                advice="Make one: head -c 32 /dev/urandom | base64.",
            )
        self._keys = {hashlib.sha256(b"pollux site key" + key).digest()[:_ID]: AESGCM(key) for key in keys}
        self._first = next(iter(self._keys))


class FileSiteKey(LocalSiteKey):
    """The same from a file, which is read again when it has changed: a running process follows a rotation."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen = _state(path)
        super().__init__(read_keys(path), str(path))

    def wrap(self, key: bytes, context: bytes) -> bytes:
        """With the first key that stands in the file now."""
        self._follow()
        return super().wrap(key, context)

    def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        """With whichever key that stands in the file now."""
        if wrapped[:_ID] not in self._keys:
            self._follow()
        return super().unwrap(wrapped, context)

    def _follow(self) -> None:
        if (state := _state(self._path)) != self._seen and state is not None:
            self._take(read_keys(self._path))
            self._seen = state


def _state(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino, found.st_size


def new_key() -> bytes:
    """A random key."""
    return os.urandom(KEY_BYTES)


def as_text(key: bytes) -> str:
    """A key as it stands in a file or a variable."""
    return base64.b64encode(key).decode()


def find(beside: Path | None, make: bool) -> LocalSiteKey:
    """The site key that the environment names, or that lies beside the store; made there if allowed.

    `beside` is the file that is used when the environment says nothing.
    """
    if os.environ.get(VARIABLE):
        return LocalSiteKey(_parsed(os.environ[VARIABLE].replace(",", "\n"), VARIABLE), VARIABLE)
    named = os.environ.get(FILE_VARIABLE)
    path = Path(named).expanduser() if named else beside
    if path is None:
        raise PolluxError(
            "there is no site key", advice=f"Set ${VARIABLE} (32 bytes, base64) or ${FILE_VARIABLE} (a file with it)."
        )
    if make and not path.exists():
        _write_first(path, new_key())
    return FileSiteKey(path)


def read_keys(path: Path) -> list[bytes]:
    """The keys in a file, the newest first."""
    try:
        return _parsed(path.read_text("ascii", "replace"), str(path))
    except OSError as error:
        raise PolluxError(
            "the site key cannot be read",
            where=str(path),
            advice="Without it nothing in the store can be opened: put it back from where it is kept safely, or set "
            f"${VARIABLE}.",
        ) from error


def add_key(path: Path) -> None:
    """Put a new key in front of those in a file."""
    _write(path, [new_key(), *read_keys(path)])


def keep_first(path: Path) -> None:
    """Forget all keys in a file but the newest."""
    _write(path, read_keys(path)[:1])


def _parsed(text: str, where: str) -> list[bytes]:
    try:
        return [base64.b64decode(line.strip(), validate=True) for line in text.splitlines() if line.strip()]
    except ValueError:  # binascii.Error is one
        raise PolluxError("the site key is not base64", where=where, advice="Write 32 bytes as base64.") from None


def _write_first(path: Path, key: bytes) -> None:
    """Begin the file; if another process was faster, its key is the one."""
    try:
        durable.place_first(path, (as_text(key) + "\n").encode())
    except OSError as error:
        raise PolluxError("the site key cannot be written", where=str(path), advice=error.strerror or "") from error


def _write(path: Path, keys: Sequence[bytes]) -> None:
    """Replace the file at once, readable by its owner only."""
    try:
        durable.replace(path, "".join(as_text(key) + "\n" for key in keys).encode())
    except OSError as error:
        raise PolluxError("the site key cannot be written", where=str(path), advice=error.strerror or "") from error
