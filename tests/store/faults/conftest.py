"""What the tests of faults share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.store.faults.asking import Asked
from tests.store.faults.shim import Disk, build


@pytest.fixture(scope="session")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library with which a child's disk fails."""
    return build(tmp_path_factory.mktemp("shim"))


@pytest.fixture
def asked(shim: Path, tmp_path: Path) -> Iterator[Asked]:
    """A store with three batches on a disk that works so far."""
    process = Asked(Disk(shim, tmp_path))
    assert not process.open().refused
    for _ in range(3):
        assert process.take() == ""
    yield process
    process.end()
