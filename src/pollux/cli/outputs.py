"""What a command may write to: never what it reads, and nothing of the store that is in use."""

import os
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from pollux.cli.app import place
from pollux.errors import PolluxError
from pollux.output import check_free

# What SQLite, a lock or a file that is being written adds to a name.
_BESIDE = re.compile(r"(-wal|-shm|-journal)?(\.lock)?(\.[0-9a-f]+)?(\.new)?")


def check_outputs(outputs: Iterable[Path | None], inputs: Iterable[Path | None] = (), store: str = "") -> None:
    """Before anything is done: raise `PolluxError` for an output that is an input, a store's file, or named twice.

    A file is known by what it is, so that a link or another spelling of its name is no way round.
    """
    named = [path for path in outputs if path is not None]
    if not named:
        return
    read, kept = [path for path in inputs if path is not None], list(_of_the_store(store))
    for at, path in enumerate(named):
        try:
            _check(path, read, "this would overwrite what the command reads")
            _check(path, kept, "this is a file of the store in use", beside=True)
            _check(path, named[:at], "two outputs have one name")
        except (OSError, ValueError):
            pass  # no such name can be: said by the next
        check_free(path)


def check_folder(folder: Path, names: Sequence[str], store: str) -> None:
    """The same for files that a command will make in a folder, which has checks of its own for what is there."""
    kept = list(_of_the_store(store))
    for name in (*names, *(f"{one}.new" for one in names)):  # as they are called until they are whole
        _check(folder / name, kept, "this is a file of the store in use", beside=True)


def _check(path: Path, taken: Sequence[Path], what: str, *, beside: bool = False) -> None:
    folder, name = _spelled(path)
    for other in taken:
        there, its_name = _spelled(other)
        named_so = folder == there and name.startswith(its_name)
        rest = name[len(its_name) :]
        if _same(path, other) or (named_so and (not rest or (beside and _BESIDE.fullmatch(rest)))):
            raise PolluxError(what, where=str(path), advice="Name another file.")


def _same(path: Path, other: Path) -> bool:
    return path.is_file() and other.is_file() and path.samefile(other)


def _spelled(path: Path) -> tuple[str, str]:
    """Folder and name as a disk that does not tell capitals apart would take them."""
    folder = os.path.realpath(path.parent)
    return _plain(folder), _plain(path.name)


def _plain(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def _of_the_store(named: str) -> Iterator[Path]:
    """Every file of the store that is named, of the usual one, and the site key."""
    from pollux.store.files import Files
    from pollux.store.site_key import FILE_VARIABLE

    for where in dict.fromkeys((named, "")):
        with suppress(PolluxError):  # the command will say so when it needs the store
            chosen = place(where)
            files = Files.beside(chosen)
            yield from (Path(files.keys), files.site_key, files.head, files.erased, files.waiting)
        with suppress(PolluxError):
            if isinstance(chosen := place(where), Path):
                yield chosen
    if key := os.environ.get(FILE_VARIABLE):
        yield Path(key)
