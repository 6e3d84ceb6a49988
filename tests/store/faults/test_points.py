"""Killed at any durable write, every operation leaves a store that is whole or says what to do, and can be tried again.

POLLUX_SOAK=1 asks for a kill at every write; without it a few of each are spread over all.
"""

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from tests.store.faults.killing import Lines, start, stop
from tests.store.faults.operations import OPERATIONS
from tests.store.faults.points import Asked, Told
from tests.store.places import DATABASES, Place, place_of

SOAK = bool(os.environ.get("POLLUX_SOAK"))
SAMPLE = 2  # writes of each operation at which it is killed


class Points:
    """The process in whose children operations are done and killed."""

    def __init__(self) -> None:
        clean = {"POLLUX_SITE_KEY": "", "POLLUX_SITE_KEY_FILE": "", "POLLUX_ACCOUNTS": ""}
        self.process = start("tests.store.faults.points", clean)
        self._lines = Lines(self.process)

    def ask(self, asked: Asked) -> Told:
        """Have something done."""
        assert self.process.stdin is not None
        self.process.stdin.write(msgspec.json.encode(asked) + b"\n")
        self.process.stdin.flush()
        return msgspec.json.decode(self._lines.next(), type=Told)


@pytest.fixture(scope="module")
def points() -> Iterator[Points]:
    made = Points()
    yield made
    stop(made.process)


def spread(count: int) -> list[int]:
    """The numbers of the writes at which it is killed: all, or some amid them."""
    if SOAK or count <= SAMPLE:
        return list(range(1, count + 1))
    return [1 + int((i + 0.5) * count / SAMPLE) for i in range(SAMPLE)]


@pytest.mark.slow
@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("database", DATABASES)
def test_killed_at_any_write_it_can_be_tried_again_and_nothing_is_lost_or_back(
    points: Points, tmp_path: Path, name: str, database: str
) -> None:
    if database == "postgresql" and name != "restore":
        pytest.skip("its database is one transaction, as SQLite's; restoring is several")
    for place in place_of(database, tmp_path):
        base = tmp_path / "base"
        base.mkdir()
        made = points.ask(Asked("make", name, str(base), str(place.where) if place.server else ""))
        assert made.status in (0, signal.SIGKILL), made.wrong
        ended = points.ask(Asked("act", name, str(copy(base, tmp_path / "0")), fresh(place, 0)))
        assert ended.status == 0, ended.wrong
        assert ended.steps
        for point in spread(len(ended.steps)):
            folder, server = copy(base, tmp_path / str(point)), fresh(place, point)
            killed = points.ask(Asked("act", name, str(folder), server, point))
            where = f"killed at {point} of {len(ended.steps)}, {ended.steps[point - 1]!r}"
            assert killed.status == signal.SIGKILL, f"{where}: {killed.wrong}"
            after = points.ask(Asked("after", name, str(folder), server))
            assert after.status == 0, f"{where}: {after.wrong}"
            shutil.rmtree(folder)


def copy(base: Path, folder: Path) -> Path:
    shutil.copytree(base, folder)
    return folder


def fresh(place: Place, point: int) -> str:
    """An empty database for each, where they lie on a server."""
    return str(place.another(f"{point}.db").where) if place.server else ""
