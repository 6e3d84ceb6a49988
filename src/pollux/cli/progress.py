"""What a command waits for, on the error stream of a terminal: never in a file, a pipe or JSON."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from pollux.cli.printing import hint


@contextmanager
def waiting(silent: bool = False) -> Iterator[None]:
    """Within this, long work shows what it is at, on one line that is gone when it is done."""
    from pollux.kernel.progress import told_to

    if silent or not sys.stderr.isatty():
        yield
        return

    def show(step: str) -> None:
        hint(f"{step} …")

    try:
        with told_to(show):
            yield
    finally:
        hint("")
