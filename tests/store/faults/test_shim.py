"""The disk that forgets (shim.c) does forget: without fsync acknowledged rows are lost, with it they are not.

SQLite alone, without a store: if it did not write through the shim, the tests of the store would say nothing.
"""

import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from tests.store.faults.killing import Lines, stop
from tests.store.faults.shim import Disk

# Commits rows one by one and acknowledges each. With synchronous=OFF SQLite never calls fsync.
BARE = """
import os, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("pragma journal_mode = wal")
connection.execute("pragma synchronous = " + sys.argv[2])
connection.execute("create table row (number)")
for number in range(int(sys.argv[3])):
    connection.execute("insert into row values (?)", (number,))
    os.write(1, b"%d\\n" % number)
sys.stdin.read()
"""


def rows(path: Path) -> int:
    """How many rows the bare database has; 0 where it has no table or is damaged."""
    connection = sqlite3.connect(path)
    try:
        return int(connection.execute("select count(*) from row").fetchone()[0])
    except sqlite3.DatabaseError:
        return 0
    finally:
        connection.close()


def acknowledged_by_bare_sqlite(disk: Disk, synchronous: str) -> int:
    """Rows that a writer of plain SQLite acknowledged before it was killed."""
    process = subprocess.Popen(
        [sys.executable, "-c", BARE, str(disk.folder / "bare.db"), synchronous, "50"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={**os.environ, **disk.environment},
    )  # fmt: skip
    lines = Lines(process)
    told = [int(lines.next()) for _ in range(50)]
    process.send_signal(signal.SIGKILL)
    stop(process)
    return len(told)


@pytest.mark.parametrize("torn", [False, True], ids=["all lost", "some survives"])
def test_without_fsync_acknowledged_rows_are_lost_so_the_shim_can_tell(shim: Path, tmp_path: Path, torn: bool) -> None:
    disk = Disk(shim, tmp_path, forgets=True)
    assert acknowledged_by_bare_sqlite(disk, "off") == 50
    shutil.copytree(disk.folder, tmp_path / "copy")
    assert rows(tmp_path / "copy" / "bare.db") == 50  # the kill alone loses nothing
    assert disk.written > 0, "SQLite does not write through the functions that the shim stands in front of"
    disk.crash(random.Random(1) if torn else None)
    assert rows(disk.folder / "bare.db") < 50


@pytest.mark.parametrize("torn", [False, True], ids=["all lost", "some survives"])
def test_with_fsync_acknowledged_rows_survive(shim: Path, tmp_path: Path, torn: bool) -> None:
    disk = Disk(shim, tmp_path, forgets=True)
    assert acknowledged_by_bare_sqlite(disk, "full") == 50
    assert disk.synced >= 50
    disk.crash(random.Random(1) if torn else None)
    assert rows(disk.folder / "bare.db") == 50
