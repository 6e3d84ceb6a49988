"""What a long piece of work is at, for whoever waits: told to a listener, and of no influence on any answer.

A listener holds for a block of code and for the thread that set it; without one nothing is told.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_listener: ContextVar[Callable[[str], None] | None] = ContextVar("pollux_progress", default=None)


@contextmanager
def told_to(listener: Callable[[str], None]) -> Iterator[None]:
    """Within this, `listener` hears what work is at.

    >>> heard = []
    >>> with told_to(heard.append):
    ...     tell("fitting day 1 of 2")
    >>> heard
    ['fitting day 1 of 2']
    """
    before = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(before)


def tell(step: str) -> None:
    """Say what is being done now."""
    listener = _listener.get()
    if listener is not None:
        listener(step)
