"""The command itself, and the store that a command works on."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, CycloptsError, CycloptsPanel, Parameter

from pollux import __version__
from pollux.output import make_folder
from pollux.visible import visible_lines

if TYPE_CHECKING:
    from pollux.store import Store


def _wrong_use(error: CycloptsError) -> Any:
    """How a command that was written wrongly is answered: it says what was typed, which may be a file's name."""
    return CycloptsPanel(visible_lines(str(error)))


app = App(
    name="pollux",
    error_formatter=_wrong_use,
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


def open_store(where: str, purpose: str = "", make: bool = False) -> "Store":
    """The store that is named, or the usual one. Reading makes none, nor a folder: the name may be misspelled."""
    from pollux.store import Store

    chosen = place(where)
    if make and isinstance(chosen, Path):
        make_folder(chosen.parent)
    return Store.open(chosen, purpose=purpose, make=make)
