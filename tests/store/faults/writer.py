"""A process that makes writers: each opens a store and takes batch after batch, saying so when one is durable.

    python -m tests.store.faults.writer

It reads lines `WHERE SEED FIRST`, forks a writer for each and says `pid NUMBER`; the writer says `open` and then `ack
NUMBER` after each `take` that returned; when it has ended, however it did, the line is `dead STATUS`. Forking spares
the second in which Python reads its modules, and so a thousand kills take minutes.
"""

import os
import sys
from itertools import count

from pollux.store import Store
from tests.store.faults.batches import NOW, batch


def say(line: str) -> None:
    """One line to the parent, at once and whole."""
    os.write(1, line.encode() + b"\n")


def write(where: str, seed: int, first: int) -> None:
    """Take batches without end."""
    store = Store.open(where)
    say("open")
    for number in count(first):
        store.take(batch(seed, number), NOW)
        say(f"ack {number}")


def main() -> None:
    """Make writers, one after the other."""
    say("ready")
    for line in sys.stdin:
        where, seed, first = line.rsplit(maxsplit=2)
        child = os.fork()
        if child == 0:
            write(where, int(seed), int(first))
        say(f"pid {child}")
        say(f"dead {os.waitpid(child, 0)[1]}")


if __name__ == "__main__":
    main()
