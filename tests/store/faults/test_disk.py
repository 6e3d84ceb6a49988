"""A disk that fails: the store says so, writes nothing by halves, and goes on writing when it can."""

import errno
import shutil
from pathlib import Path

import pytest

from pollux.store import Store
from tests.store.faults.asking import SEED, Asked
from tests.store.faults.batches import check, serious
from tests.store.faults.shim import NAMING, OPENING, WRITING, Disk

pytestmark = pytest.mark.slow


def goes_on(asked: Asked, tmp_path: Path) -> None:
    """After a refusal: what was refused left nothing by halves, and writing goes on once the disk works again."""
    shutil.copytree(asked.disk.folder, tmp_path / "copy")  # what a crash now would leave
    with Store.open(tmp_path / "copy" / asked.path.name) as store:
        assert check(store, SEED, asked.taken) in (asked.taken, asked.taken + 1)
    asked.disk.space(None)
    asked.disk.fail_sync(None)
    asked.disk.forbid(0, 0)
    assert asked.reads() == asked.taken
    assert asked.take() == ""
    assert asked.reads() == asked.taken
    asked.end()
    with Store.open(asked.path) as store:
        assert check(store, SEED, asked.taken) == asked.taken
        assert serious(store) == []


@pytest.mark.parametrize("free", [0, 100, 5_000, 20_000, 100_000, 400_000])
def test_a_full_disk_is_told_and_writing_goes_on_when_there_is_space(asked: Asked, tmp_path: Path, free: int) -> None:
    asked.disk.space(free)
    assert asked.take_until_refused() == "the disk is full"
    goes_on(asked, tmp_path)


@pytest.mark.parametrize("after", range(6))
def test_a_failing_fsync_is_told_and_writing_goes_on_when_it_works(asked: Asked, tmp_path: Path, after: int) -> None:
    asked.disk.fail_sync(after)
    assert asked.take_until_refused() == "the disk does not do what it is told"
    goes_on(asked, tmp_path)


def test_a_disk_that_became_read_only_is_told_and_writing_goes_on_when_it_is_not(asked: Asked, tmp_path: Path) -> None:
    asked.disk.forbid(OPENING | NAMING | WRITING, errno.EROFS)
    assert asked.take()
    goes_on(asked, tmp_path)


@pytest.mark.parametrize("free", [0, 10, 1_000, 5_000, 20_000, 40_000, 80_000, 120_000])
def test_a_store_begun_on_a_full_disk_can_be_opened_when_there_is_space(shim: Path, tmp_path: Path, free: int) -> None:
    disk = Disk(shim, tmp_path)
    process = Asked(disk)
    try:
        disk.space(free)
        if not process.open().refused:
            assert process.take_until_refused() == "the disk is full"
        disk.space(None)
        assert not process.open().refused
        assert process.take() == ""
        assert process.reads() == process.taken
    finally:
        process.end()


@pytest.mark.parametrize("after", range(0, 24, 3))
def test_a_store_begun_while_fsync_fails_can_be_opened_when_it_works(shim: Path, tmp_path: Path, after: int) -> None:
    disk = Disk(shim, tmp_path)
    process = Asked(disk)
    try:
        disk.fail_sync(after)
        if not process.open().refused:
            process.take_until_refused()
        disk.fail_sync(None)
        assert not process.open().refused
        assert process.take() == ""
        assert process.reads() == process.taken
    finally:
        process.end()
