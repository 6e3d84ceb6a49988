"""A process that runs operations in children of its own and kills one at a given durable write.

    python -m tests.store.faults.points

It reads lines of JSON (`Asked`) and answers each with another (`Told`). Forking spares the second in which Python reads
its modules, and the children share nothing.
"""

import os
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

import msgspec

from pollux.store import durable
from pollux.store.schema import upgrade  # noqa: F401  (with what it needs, for the children)
from tests.store.faults import operations
from tests.store.faults.operations import OPERATIONS, At


class Asked(msgspec.Struct):
    """Prepare a folder (`make`), do the operation until the write numbered `point` (0: to its end), or look `after`."""

    what: str
    operation: str
    folder: str
    server: str = ""
    point: int = 0


class Told(msgspec.Struct, omit_defaults=True):
    """How the child ended, which writes it reached, and what was wrong."""

    status: int = 0
    steps: list[str] = []
    wrong: str = ""


def die(*_: object) -> None:
    """End at once; nothing is tidied up."""
    os.kill(os.getpid(), signal.SIGKILL)


def carry_out(asked: Asked, say: Callable[[str], None]) -> None:
    """In a child: what was asked."""
    operation, at = OPERATIONS[asked.operation], At(Path(asked.folder), asked.server)
    operations.stop = die
    if asked.what != "act":
        (operation.make if asked.what == "make" else operation.after)(at)
        return
    reached = 0

    def count(step: str) -> None:
        nonlocal reached
        reached += 1
        say(step)
        if reached == asked.point:
            die()

    durable.reached = count
    operation.act(at)


def told(asked: Asked) -> Told:
    """What became of it in a child."""
    out, into = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(out)
        try:
            sys.stdout = sys.stderr  # what a command prints is no answer
            carry_out(asked, lambda what: (os.write(into, f"step {what}\n".encode()), None)[1])
        except BaseException:
            os.write(into, ("wrong " + traceback.format_exc()).encode())
            os._exit(1)
        os._exit(0)
    os.close(into)
    with os.fdopen(out, "rb") as lines:
        text = lines.read().decode()
    steps, _, wrong = text.partition("wrong ")
    return Told(os.waitpid(child, 0)[1], [line.removeprefix("step ") for line in steps.splitlines()], wrong)


def main() -> None:
    """Answer line by line."""
    for line in sys.stdin:
        answer = msgspec.json.encode(told(msgspec.json.decode(line, type=Asked)))
        os.write(1, answer + b"\n")


if __name__ == "__main__":
    main()
