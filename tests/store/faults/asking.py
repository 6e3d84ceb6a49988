"""The parent of `asked.py`: a store in another process, on a disk that can fail."""

import msgspec

from tests.store.faults.asked import Answer
from tests.store.faults.killing import Lines, start, stop
from tests.store.faults.shim import Disk

SEED = 5


class Asked:
    """A store in another process, on a disk that can fail."""

    def __init__(self, disk: Disk) -> None:
        self.disk = disk
        self.path = disk.folder / "store.db"
        self._process = start("tests.store.faults.asked", disk.environment)
        self._lines = Lines(self._process)
        self.taken = 0

    def ask(self, line: str) -> Answer:
        """Anything; an error that is no advice fails the test."""
        assert self._process.stdin is not None
        self._process.stdin.write(line.encode() + b"\n")
        self._process.stdin.flush()
        answer = msgspec.json.decode(self._lines.next(), type=Answer)
        assert not answer.failed, answer.failed
        assert not answer.refused or answer.advice, f"no advice is given: {answer.refused}"
        return answer

    def open(self) -> Answer:
        return self.ask(f"open {self.path}")

    def take(self) -> str:
        """Take the next batch; why it was refused, or ""."""
        answer = self.ask(f"take {SEED} {self.taken}")
        if not answer.refused:
            assert answer.answer > 0, "a batch that was refused before is taken for known"
            self.taken += 1
        return answer.refused

    def take_until_refused(self) -> str:
        """Take batches until one is refused; the reason."""
        for _ in range(200):
            if refused := self.take():
                return refused
        raise AssertionError("nothing was refused")

    def reads(self) -> int:
        """How many batches it hands out, each whole; everything that can be read is compared with the truth."""
        answer = self.ask(f"check {SEED} {self.taken}")
        assert not answer.refused, f"it does not read: {answer.refused}"
        return answer.answer

    def late(self) -> int:
        """How many accesses stand in the audit as written down late; the audit verifies."""
        answer = self.ask("late")
        assert not answer.refused, answer.refused
        return answer.answer

    def end(self) -> None:
        stop(self._process)
