"""The command itself, and the store that a command works on."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from pollux import __version__
from pollux.errors import PolluxError

if TYPE_CHECKING:
    from pollux.store import Store

app = App(
    name="pollux",
    version=__version__,
    help="Patient digital twins: from a record and a sensor to a calibrated forecast. "
    "Research software, not a medical device.",
)

StorePath = Annotated[
    str,
    Parameter(
        name="--store",
        help="The store: a file, or postgresql://… (default: $POLLUX_STORE, or ~/.pollux/store.db).",
    ),
]


def place(where: str) -> str | Path:
    """Where the store is, or is to be: what is named, or the usual one."""
    from pollux.store.files import check_place

    chosen = where or os.environ.get("POLLUX_STORE", "~/.pollux/store.db")
    check_place(chosen)
    return chosen if "://" in chosen else Path(chosen).expanduser()


def open_store(where: str, purpose: str = "") -> "Store":
    """The store that is named, or the usual one."""
    from pollux.store import Store

    chosen = place(where)
    if isinstance(chosen, Path):
        chosen.parent.mkdir(parents=True, exist_ok=True)
    return Store.open(chosen, purpose=purpose)


def write_private(path: Path, pieces: Iterable[bytes]) -> None:
    """Write a file that its owner alone may read; what was there stays until all of it is written."""
    new = path.with_name(f".{path.name}.new")
    try:
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.writelines(pieces)
        os.replace(new, path)
    except OSError as error:
        raise PolluxError("the file cannot be written", where=str(path), advice=error.strerror or "") from error
    finally:
        new.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a file that was asked for."""
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise PolluxError("the file cannot be written", where=str(path), advice=error.strerror or "") from error
