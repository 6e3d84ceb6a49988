"""How long it takes to read a person's whole record out of the store.

    python bench/store.py [EVENTS]

Times are processor time of one core.
"""

import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pollux.record import Entry, Event, Source
from pollux.store import Store

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def readings(count: int) -> Iterator[Entry]:
    """Sensor readings every five minutes, as a file would bring them."""
    for i in range(count):
        source = Source("dexcom clarity", "made.csv", f"line {i + 2}", "8ABCDE")
        moment = NOW - timedelta(minutes=5 * (i + 1))
        yield Entry("p1", Event(moment, "cgm_glucose", 100.0 + i % 90, "mg/dL", source, NOW))


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 200_000
    with tempfile.TemporaryDirectory() as folder, Store.open(Path(folder) / "store.pollux.db") as store:
        start = time.process_time()
        store.take(readings(count), NOW)
        print(f"taken: {count:,} events in {time.process_time() - start:.2f} s")
        times = []
        for _ in range(3):
            start = time.process_time()
            record = store.record("p1")
            times.append(time.process_time() - start)
        print(f"record: best {min(times):.2f} s, worst {max(times):.2f} s of 3; {len(record.current):,} stand")


if __name__ == "__main__":
    main()
