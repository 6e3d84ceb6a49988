"""Whether code that lies in a folder may be run: only where nobody else could have put it there.

Numba keeps machine code as pickles, and a pickle runs whatever it says when it is read. So a folder of code has to be
the user's own, and everything on the way to it theirs or the system's, as ssh asks it of keys.
"""

import logging
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from pollux.errors import PolluxError
from pollux.output import make_folder

_OTHERS = stat.S_IWGRP | stat.S_IWOTH
_LINKS = 40  # links on the way to a folder
_log = logging.getLogger("pollux.kernel")
_told: set[str] = set()


def trouble(folder: Path) -> str:
    """Who besides this user could have put code into a folder, in words; empty where nobody could."""
    if not hasattr(os, "geteuid"):
        return ""  # a system whose folders have no owner and mode of this kind
    try:
        for place, status in _on_the_way(folder):
            if status.st_uid not in (0, os.geteuid()):
                return f"{place} belongs to another user"
            if stat.S_ISDIR(status.st_mode) and status.st_mode & _OTHERS and not status.st_mode & stat.S_ISVTX:
                return f"others may write into {place}"
    except OSError as error:
        return f"{error.filename or folder}: {error.strerror}"
    if not stat.S_ISDIR(status.st_mode):
        return f"{place} is no folder"
    if status.st_uid != os.geteuid():
        return f"{place} belongs to another user"
    return f"others may write into {place}" if status.st_mode & _OTHERS else ""


def make_own(folder: Path) -> str:
    """Make a folder of code this user's alone; why it cannot be, in words, else empty.

    What others put or could have put into it is removed: files of theirs, links, and, where the folder was open to
    them, files that they may change.
    """
    try:
        make_folder(folder)
        if found := trouble(folder):
            return found
        shut = not folder.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO)
        inside = folder / "__pycache__"
        if inside.is_symlink():
            inside.unlink()
        make_folder(inside)
        for place in (folder, inside):
            _remove_foreign(place, shut)
            place.chmod(0o700)
        return trouble(inside) or ("" if os.access(folder, os.W_OK) else f"{folder} cannot be written")
    except PolluxError as error:
        return f"{error.where}: {error.advice}"
    except OSError as error:
        return f"{error.filename or folder}: {error.strerror}"


def say_once(what: str) -> None:
    """Write into the log, once in a process."""
    if what not in _told:
        _told.add(what)
        _log.warning(what)


def _on_the_way(path: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """Every folder and link on the way to a path, and what it is; links are followed one by one."""
    path = path.absolute()
    todo, here, links = list(reversed(path.parts[1:])), Path(path.anchor), 0
    yield here, here.lstat()
    while todo:
        part = todo.pop()
        if part == "..":
            here = here.parent
            continue
        here /= part
        status = here.lstat()
        yield here, status
        if stat.S_ISLNK(status.st_mode):
            links += 1
            if links > _LINKS:
                raise OSError(40, "Too many links", str(here))
            aim = here.readlink()
            todo += reversed(aim.parts[1:] if aim.is_absolute() else aim.parts)
            here = Path(aim.anchor) if aim.is_absolute() else here.parent
    yield here, here.lstat()


def _remove_foreign(folder: Path, shut: bool) -> None:
    with os.scandir(folder) as found:
        for one in found:
            status = one.stat(follow_symlinks=False)
            theirs = status.st_uid != os.geteuid() or (status.st_mode & _OTHERS and not shut)
            if stat.S_ISLNK(status.st_mode) or (theirs and stat.S_ISREG(status.st_mode)):
                os.unlink(one.path)
