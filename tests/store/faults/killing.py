"""The parent of the writers: starts one, lets it write, kills it."""

import os
import random
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType

ROOT = Path(__file__).parents[3]
_PATIENCE = 120.0  # seconds without a word after which a child is taken for stuck


class Lines:
    """What a child process says, line by line."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None
        self._process = process
        self._from = process.stdout.fileno()
        self._begun = b""

    def next(self) -> str:
        """The next line; fails when the process ended or says nothing for long."""
        while b"\n" not in self._begun:
            if not select.select([self._from], [], [], _PATIENCE)[0]:
                raise AssertionError("the child process is stuck")
            some = os.read(self._from, 65536)
            if not some:
                raise AssertionError(f"the child process ended by itself: {self._process.wait()}")
            self._begun += some
        line, _, self._begun = self._begun.partition(b"\n")
        return line.decode()


def start(module: str, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    """A child that runs a module of the tests, with pipes to it and from it."""
    return subprocess.Popen(
        [sys.executable, "-m", module],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=ROOT,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1", **environment},
    )


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a child and its pipes."""
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()


class Writers:
    """Makes writers one after the other, and kills each at a random moment."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._process = start("tests.store.faults.writer", environment)
        self._lines = Lines(self._process)
        assert self._lines.next() == "ready"

    def __enter__(self) -> "Writers":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        stop(self._process)

    def write_until_killed(self, where: str | Path, seed: int, first: int, rng: random.Random) -> int:
        """Let one write from batch `first` on until it is killed; gives the first number that was not acknowledged.

        One in five is killed while it opens the store, the others after some acknowledgements.
        """
        assert self._process.stdin is not None
        self._process.stdin.write(f"{where} {seed} {first}\n".encode())
        self._process.stdin.flush()
        wanted = 0 if rng.random() < 0.2 else rng.randrange(1, 13)
        longest = 0.1 if wanted == 0 else 0.02
        next_number, pid, killed = first, 0, False
        while True:
            if pid and wanted <= next_number - first and not killed:
                time.sleep(rng.uniform(0.0, longest))
                os.kill(pid, signal.SIGKILL)
                killed = True
            word, _, number = self._lines.next().partition(" ")
            if word == "pid":
                pid = int(number)
            elif word == "ack":
                assert int(number) == next_number
                next_number += 1
            elif word == "dead":
                assert int(number) == signal.SIGKILL, "the writer ended by itself; see its error above"
                return next_number
