"""What a command waits for, on the error stream of a terminal: never in a file, a pipe or JSON."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

_CLEAR = "\r\x1b[2K"


@contextmanager
def waiting(silent: bool = False) -> Iterator[None]:
    """Within this, long work shows what it is at, on one line that is gone when it is done."""
    from pollux.kernel.progress import told_to

    if silent or not sys.stderr.isatty():
        yield
        return

    def show(step: str) -> None:
        print(f"{_CLEAR}{step} …", end="", file=sys.stderr, flush=True)

    try:
        with told_to(show):
            yield
    finally:
        print(_CLEAR, end="", file=sys.stderr, flush=True)
