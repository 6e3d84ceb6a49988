"""What the store's tests share: a place for a store, on each database."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.store.places import DATABASES, Place, place_of


@pytest.fixture(params=DATABASES)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """Where the store of this test lies."""
    yield from place_of(request.param, tmp_path)


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """No access is put off because the machine of the tests is slow: what the audit has can be counted."""
    monkeypatch.setattr("pollux.store.writer.SOON", 60.0)
