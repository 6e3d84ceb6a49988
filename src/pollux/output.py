"""The one door for files that are written for somebody: private, whole or not at all, and never through a link."""

import os
import re
import secrets
import stat
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from pollux.errors import PolluxError

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_DESCRIPTORS = re.compile(r"/dev/fd|/proc/(?:self|thread-self|\d+)(?:/task/\d+)?/fd")
_LINKS = 8  # links on the way to a descriptor, such as /dev/stdout → /proc/self/fd/1


@contextmanager
def output(path: Path, worth: Callable[[], bool] = lambda: False) -> Iterator[BinaryIO]:
    """A file to write into, readable by its owner alone, which gets its name when all of it is written.

    Until then it has a random name in the same folder. When anything goes wrong it is removed and what bore the name
    before stays, unless what was written is `worth` keeping. A pipe, a terminal or an open descriptor
    (``/dev/stdout``) is written as it comes.

    Raises `PolluxError` when there is a link, a folder or a store's file, or when the file cannot be written.
    """
    check_free(path)
    try:
        with _stream(path) if _is_stream(path) else _new(path, worth) as file:
            yield file
    except OSError as error:
        if isinstance(error, BrokenPipeError) or error.filename is not None:
            raise  # not of this file: its own errors name none
        raise _cannot(path, error) from error


def write_file(path: Path, content: str | bytes | Iterable[bytes]) -> None:
    """Write all of a file, in place of an earlier one, as `output` does."""
    pieces = [content.encode("utf-8", "backslashreplace")] if isinstance(content, str) else content
    with output(path) as file:
        file.writelines([pieces] if isinstance(pieces, bytes) else pieces)


def make_folder(folder: Path) -> None:
    """Make a folder, and those above it that are missing, for their owner alone whatever the umask says."""
    try:
        missing = [one for one in (folder, *folder.parents) if not one.exists()]
        for one in reversed(missing):
            with suppress(FileExistsError):
                one.mkdir(0o700)
        if not folder.is_dir():
            raise NotADirectoryError(20, os.strerror(20))
    except (OSError, ValueError) as error:
        raise _cannot(folder, error, "folder cannot be made") from error


def check_free(path: Path) -> None:
    """Raise `PolluxError` where an output may not lie: a link, a folder, a device, a file of any store."""
    try:
        if _is_stream(path):
            return
        mode = path.lstat().st_mode if os.path.lexists(path) else 0
        if stat.S_ISLNK(mode):
            _refuse(path, "there is a link, and nothing is written through one", "Name the file itself.")
        if stat.S_ISDIR(mode):
            _refuse(path, "there is a folder", "Name a file.")
        if mode and not stat.S_ISREG(mode):
            _refuse(path, "there is something that is no file", "Name a file, a pipe or /dev/stdout.")
        if mode and not os.access(path, os.W_OK):
            _refuse(path, "the file that is there may not be changed", "Name another one.")
        if not path.parent.is_dir():
            _refuse(path, "the file cannot be written: its folder is not there", "Make it, or name another file.")
        if of_a_store(path):
            _refuse(path, "this is a file of a store, its keys or a backup", "Name another file.")
    except (OSError, ValueError) as error:
        raise _cannot(path, error) from error


# What belongs to a store, recognised without opening one

_HEAD = 512  # bytes looked at
_MAGIC = (  # of a database, its log, the log's index, its journal (sqlite.org/fileformat2.html, walformat.html)
    b"SQLite format 3\0", b"\x37\x7f\x06\x82", b"\x37\x7f\x06\x83", b"\x18\xe2\x2d\x00",
    b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7",
)  # fmt: skip
_BESIDE = re.compile(
    r"(?P<store>.+?)(?:\.keys)?(?:-wal|-shm|-journal|\.keys|\.site-key|\.head|\.erased|\.waiting)(?:\.lock)?"
    r"(?:\.[0-9a-f]+)?(?:\.new)?",
    re.IGNORECASE,
)
_BACKUP = {"data.db", "keys.db", "erased", "backup.json"}
_SITE_KEY = re.compile(rb"\s*(?:[A-Za-z0-9+/]{43}=\s+)*[A-Za-z0-9+/]{43}=\s*")
_AUDIT_HEAD = b'{"seq":'


def of_a_store(path: Path) -> bool:
    """Whether a path is, or will be taken for, a file of some store or backup: by its content, else by its name."""
    if path.is_file():
        with path.open("rb") as file:
            head = file.read(_HEAD)
        if head.startswith((*_MAGIC, _AUDIT_HEAD)) or _SITE_KEY.fullmatch(head):
            return True
    name = path.name.casefold()
    if name.removesuffix(".new") in _BACKUP and any((path.parent / one).exists() for one in _BACKUP):
        return True
    beside = _BESIDE.fullmatch(path.name)
    return beside is not None and (path.exists() or (path.parent / beside["store"]).exists())


def _refuse(path: Path, what: str, advice: str) -> None:
    raise PolluxError(what, where=str(path), advice=advice)


def _cannot(path: Path, error: OSError | ValueError, what: str = "file cannot be written") -> PolluxError:
    advice = error.strerror or "" if isinstance(error, OSError) else "Such a name cannot be."
    return PolluxError(f"the {what}", where=str(path), advice=advice)


def _is_stream(path: Path) -> bool:
    """Whether a path is a pipe, a terminal, or an open descriptor of this process, whatever that leads to."""
    if _descriptor(path) is not None:
        return True
    with suppress(FileNotFoundError, NotADirectoryError):
        mode = path.stat().st_mode
        return stat.S_ISFIFO(mode) or stat.S_ISCHR(mode)
    return False


def _stream(path: Path) -> BinaryIO:
    descriptor = _descriptor(path)
    sys.stdout.flush()  # what was said before stands before it
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CLOEXEC) if descriptor is None else os.dup(descriptor), "wb")


def _descriptor(path: Path) -> int | None:
    """The number of the open descriptor of this process that a path means, such as 1 for /dev/stdout."""
    for _ in range(_LINKS):
        folder = Path(os.path.realpath(path.parent))
        of_this = Path(os.path.realpath("/proc/self/fd"))
        if _DESCRIPTORS.fullmatch(str(folder)) and path.name.isdecimal():
            return int(path.name) if folder in (of_this, Path("/dev/fd")) else None
        if not path.is_symlink():
            return None
        path = folder / path.readlink()
    return None


@contextmanager
def _new(path: Path, worth: Callable[[], bool]) -> Iterator[BinaryIO]:
    """A new file in the folder of a path, which gets its name at the end."""
    name = f".{secrets.token_hex(8)}.new"
    with _folder(path) as folder:  # stays the same, were its name given to another
        try:
            with _opened(name, folder) as file:
                try:
                    yield file
                except BaseException:
                    if worth():
                        _place(file, name, path, folder)
                    raise
                _place(file, name, path, folder)
        finally:
            with suppress(FileNotFoundError):
                os.unlink(name, dir_fd=folder)


@contextmanager
def _folder(path: Path) -> Iterator[int]:
    with _unnamed():
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield folder
    finally:
        os.close(folder)


def _opened(name: str, folder: int) -> BinaryIO:
    with _unnamed():
        file = os.open(name, _NEW, 0o600, dir_fd=folder)
        os.fchmod(file, 0o600)  # whatever the umask says
        return os.fdopen(file, "wb")


def _place(file: BinaryIO, name: str, path: Path, folder: int) -> None:
    """Give a whole file its name. Its place is looked at again, since time has passed."""
    with _unnamed():
        file.flush()
        os.fsync(file.fileno())
        check_free(path)
        os.replace(name, path.name, src_dir_fd=folder, dst_dir_fd=folder)


@contextmanager
def _unnamed() -> Iterator[None]:
    """An error without the name that the file has meanwhile: `output` says the name that was asked for."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, error.strerror) from error
