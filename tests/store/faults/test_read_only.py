"""A disk that cannot be written to: reading goes on, and writing does when it can be, without reopening."""

import errno
from collections.abc import Callable

import pytest

from tests.store.faults.asking import Asked
from tests.store.faults.shim import NAMING, OPENING, WRITING, Disk

pytestmark = pytest.mark.slow

FAULTS: dict[str, Callable[[Disk], None]] = {
    "full": lambda disk: disk.space(0),
    "failing fsync": lambda disk: disk.fail_sync(),
    "read-only": lambda disk: disk.forbid(OPENING | NAMING | WRITING, errno.EROFS),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_reads_go_on_while_nothing_can_be_written(asked: Asked, fault: str) -> None:
    FAULTS[fault](asked.disk)
    assert asked.take()
    for _ in range(3):
        assert asked.reads() == asked.taken


WORKING: dict[str, Callable[[Disk], None]] = {
    "full": lambda disk: disk.space(None),
    "failing fsync": lambda disk: disk.fail_sync(None),
    "read-only": lambda disk: disk.forbid(0, 0),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_was_read_while_nothing_could_be_written_stands_in_the_audit_afterwards(asked: Asked, fault: str) -> None:
    FAULTS[fault](asked.disk)
    asked.reads()
    WORKING[fault](asked.disk)
    assert asked.take() == ""
    assert asked.late() > 0


FORBIDDEN = {
    "files": (OPENING, errno.EACCES),
    "folder": (NAMING, errno.EACCES),
    "files and folder": (OPENING | NAMING, errno.EACCES),
    "disk": (OPENING | NAMING | WRITING, errno.EROFS),
}


@pytest.mark.parametrize("what", FORBIDDEN)
@pytest.mark.parametrize("left", ["closed", "killed"])
def test_a_store_that_may_not_be_written_to_when_it_is_opened_is_told_and_recovers(
    asked: Asked, what: str, left: str
) -> None:
    if left == "closed":
        asked.ask("close")
    asked.end()
    asked.disk.forbid(*FORBIDDEN[what])
    again = Asked(asked.disk)
    again.taken = asked.taken
    try:
        opened = not again.open().refused
        if opened and not again.take():
            assert what == "folder"  # files that are there can be written to in a folder that may not be
        again.disk.forbid(0, 0)
        if not opened:
            assert not again.open().refused
        assert again.take() == ""
        assert again.reads() == again.taken
    finally:
        again.end()
