"""placeholder"""

from collections.abc import Iterator

from pollux.record.entry import Entry
from pollux.sources.format import Format, Reading
from pollux.sources.opening import Opened


def _read(opened: Opened, reading: Reading) -> Iterator[Entry]:
    yield from ()


FORMAT = Format("nightscout", "JSON", lambda head: False, _read)
