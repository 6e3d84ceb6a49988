"""A process that holds a store open and does what it is asked, so that its disk can fail while it is open.

    python -m tests.store.faults.asked

It reads lines `open PATH`, `take SEED NUMBER`, `check SEED ACKNOWLEDGED` (see batches.py), `late` (how many accesses
were written down late) and `close`, and answers each with a line of JSON: `answer`, or `refused` with `advice` for a
`PolluxError`, or `failed` for any other error.
"""

import os
import sys
import traceback
from pathlib import Path

import msgspec

from pollux.errors import PolluxError
from pollux.store import Store
from tests.store.faults.batches import NOW, batch, check


class Answer(msgspec.Struct, omit_defaults=True):
    """What became of what was asked."""

    answer: int = 0
    refused: str = ""
    advice: str = ""
    failed: str = ""


class Desk:
    """Holds the store."""

    def __init__(self) -> None:
        self._store: Store | None = None

    def ask(self, line: str) -> Answer:
        """Do one thing, and say what became of it."""
        word, _, rest = line.strip().partition(" ")
        try:
            return Answer(self._do(word, rest))
        except PolluxError as error:
            return Answer(refused=error.what, advice=error.advice)
        except BaseException:
            return Answer(failed=traceback.format_exc())

    def _do(self, word: str, rest: str) -> int:
        if word == "open":
            if self._store is not None:
                self._store.close()
            self._store = Store.open(Path(rest))
            return 0
        assert self._store is not None
        if word == "close":
            self._store.close()
            return 0
        if word == "late":
            assert self._store.verify()[0] == []
            return sum("late" in act.detail for act in self._store.acts())
        seed, number = map(int, rest.split())
        if word == "take":
            return self._store.take(batch(seed, number), NOW).accepted
        assert word == "check"
        return check(self._store, seed, number)


def main() -> None:
    """Answer until nobody asks any more."""
    desk = Desk()
    for line in sys.stdin:
        os.write(1, msgspec.json.encode(desk.ask(line)) + b"\n")


if __name__ == "__main__":
    main()
