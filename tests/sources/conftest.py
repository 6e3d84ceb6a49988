"""Files to read, made here: nothing is copied from anybody's export."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pollux.record import Document, Entry, Event, Quarantined
from pollux.sources import read

LEARNED = datetime(2026, 3, 1, tzinfo=UTC)


class Reads:
    """What came out of a file, sorted by kind."""

    def __init__(self, entries: Iterator[Entry]) -> None:
        self.entries = list(entries)
        items = [entry.item for entry in self.entries]
        self.events = [item for item in items if isinstance(item, Event)]
        self.documents = [item for item in items if isinstance(item, Document)]
        self.quarantined = [item for item in items if isinstance(item, Quarantined)]
        self.reasons = [item.finding.message for item in self.quarantined]

    @property
    def values(self) -> list[tuple[str, str, object]]:
        """Time, quantity and value of each event."""
        return [(f"{event.time:%m-%dT%H:%M}", event.quantity, event.value) for event in self.events]


ReadText = Callable[..., Reads]


@pytest.fixture
def reads(tmp_path: Path) -> ReadText:
    def read_text(content: str | bytes, *, person: str = "p1", timezone: str = "UTC", name: str = "file") -> Reads:
        path = tmp_path / "any-name.bin"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return Reads(read(path, learned=LEARNED, person=person, timezone=timezone, name=name))

    return read_text
