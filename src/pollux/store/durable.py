"""Small files beside the data that must survive a power cut, their names included."""

import fcntl
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


def reached(step: str) -> None:
    """Called before and after each durable write, with what it is: where a test ends the process, or a disk fails."""


def replace(path: Path, content: bytes) -> None:
    """Put a file in place of another at once, readable by its owner only; durable when it returns.

    What a process that was killed left on the way is taken away.
    """
    new, file = _begun(path)
    try:
        with os.fdopen(file, "wb") as writing:
            writing.write(content)
            writing.flush()
            os.fsync(file)
            reached(f"{path.name} written beside")
            os.replace(new, path)
        reached(f"{path.name} replaced")
    except OSError:
        new.unlink(missing_ok=True)
        raise
    settle_name(path)
    for one in left_over(path):
        _take_away(one)


def left_over(path: Path) -> list[Path]:
    """Files that were to be put in place of another: of a process that is at it, or was killed."""
    named = re.compile(re.escape(path.name) + r"\.[0-9a-f]{16}\.new")
    return sorted(one for one in path.parent.glob("*.new") if named.fullmatch(one.name))


def _begun(path: Path) -> tuple[Path, int]:
    """A new file beside one, and its descriptor, by whose lock others know that somebody is at it."""
    while True:
        new = path.with_name(f"{path.name}.{secrets.token_hex(8)}.new")
        file = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with suppress(OSError):  # a network's disk may have no locks
            fcntl.flock(file, fcntl.LOCK_EX)
        if os.fstat(file).st_nlink:
            return new, file
        os.close(file)  # taken away before it was locked


def _take_away(new: Path) -> None:
    with suppress(OSError):  # somebody is at it, or took it away
        file = os.open(new, os.O_WRONLY | os.O_NOFOLLOW)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            new.unlink()
        finally:
            os.close(file)


@contextmanager
def one_at_a_time(path: Path) -> Iterator[None]:
    """Wait until nobody else, in this process or another, changes a file; a file beside it, `….lock`, stays."""
    file = os.open(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
    finally:
        os.close(file)


@contextmanager
def locked(file: int) -> Iterator[None]:
    """While no other holds an open file for itself."""
    fcntl.flock(file, fcntl.LOCK_EX)
    try:
        yield
    finally:
        fcntl.flock(file, fcntl.LOCK_UN)


@contextmanager
def folder_held(folder: Path) -> Iterator[None]:
    """While no other process or thread works in a folder; raises `BlockingIOError` when one does."""
    file = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise
        except OSError:
            pass  # a network's disk may have no locks for folders
        yield
    finally:
        os.close(file)


def place_first(path: Path, content: bytes) -> bool:
    """Put a file where there is none, whole at once and readable by its owner only; False where one is already."""
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        with suppress(OSError):  # a network's disk may have no locks for folders
            fcntl.flock(folder, fcntl.LOCK_EX)
        if path.exists():
            return False
        replace(path, content)
        return True
    finally:
        os.close(folder)


def settle_name(path: Path) -> None:
    """Make the name of a new file durable: while its folder is not flushed, a power cut may take the file away."""
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    reached(f"{path.name} has its name")


def append(path: Path, lines: bytes) -> None:
    """Add whole lines to a file, all or none of them; durable when it returns.

    What a crash or a full disk left of a line is cut off first: else the next line would be joined to it.
    """
    file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        end = len(whole_lines(os.pread(file, os.fstat(file).st_size, 0)))
        try:
            os.ftruncate(file, end)
            reached(f"{path.name} to be longer")
            done = 0
            while done < len(lines):
                done += os.pwrite(file, lines[done:], end + done)
            reached(f"{path.name} longer")
            os.fsync(file)
        except OSError:
            with suppress(OSError):
                os.ftruncate(file, end)
            raise
    finally:
        os.close(file)
    settle_name(path)


def take_back(path: Path, lines: bytes) -> bool:
    """Cut lines off the end of a file again, which needs no room on the disk; False where others stand behind them."""
    file = os.open(path, os.O_RDWR)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        content = os.pread(file, os.fstat(file).st_size, 0)
        if content.endswith(lines):
            os.ftruncate(file, len(content) - len(lines))
            reached(f"{path.name} shorter")
            os.fsync(file)
        return content.endswith(lines)
    finally:
        os.close(file)


def whole_lines(content: bytes) -> bytes:
    """Without what was cut off at the end."""
    return content[: content.rfind(b"\n") + 1]
