"""What the store costs: durable, encrypted, audited, checked at the door; beside a bare floor in the same run.

    python bench/store.py [--synthea FOLDER] [--patients 10000] [--events 1000] [--out bench/results/store.json]

Every answer is compared with what was put in before its time is printed. Floors: a bare SQLite writer (WAL,
``synchronous=FULL``) that stores the same resources with AES-256-GCM and a SHA-256 chain and does nothing else; the
same without encryption for events; one row and one commit each for single writes. ``--patients`` and ``--events``
(of each) make the crowd among which one patient is looked up.
"""

import argparse
import hashlib
import json
import os
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from machine import machine

from pollux.record import Entry, Event, Person, Source
from pollux.sources import read
from pollux.store import Store

NOW = datetime(2026, 3, 1, tzinfo=UTC)
YEAR = 105_000


def readings(person: str, count: int, seed: int = 1, until: datetime = NOW) -> list[Entry]:
    """Sensor readings about every five minutes, as a file would bring them."""
    rng = np.random.default_rng(seed)
    values = np.clip(120 + np.cumsum(rng.integers(-4, 5, count)) % 260, 41, 399).astype(float)
    late = rng.integers(-1, 2, count)
    made = []
    for i in range(count):
        source = Source("dexcom clarity", "made.csv", f"line {i + 2}", "8ABCDE")
        moment = until - timedelta(minutes=5 * (count - i), seconds=int(late[i]))
        made.append(Entry(person, Event(moment, "cgm_glucose", float(values[i]), "mg/dL", source, NOW)))
    return made


def timed(work: Callable[[], Any]) -> tuple[Any, float, float]:
    """The answer, wall and processor seconds."""
    wall, cpu = time.perf_counter(), time.process_time()
    answer = work()
    return answer, time.perf_counter() - wall, time.process_time() - cpu


def bare(folder: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(folder / "bare.db", isolation_level=None)
    for pragma in ("journal_mode = wal", "synchronous = full"):
        connection.execute(f"pragma {pragma}")
    connection.execute("create table row (seq integer primary key, who text, id text, link blob, body blob)")
    return connection


def synthea(folder: Path, where: Path) -> dict[str, float]:
    """Bundles into the store, one durable transaction a bundle; and the same resources into the floor."""
    files = sorted(folder.glob("*.json"))
    count = 0
    with Store.open(where / "synthea.db") as store:

        def all_of_them() -> int:
            return sum(store.take(read(path, learned=NOW), NOW).documents for path in files)

        count, wall, cpu = timed(all_of_them)
        kept = sum(len(list(store.documents(p.id))) for p in store.people()) + len(list(store.documents("")))
        assert kept == count, (kept, count)
        again = sum(store.take(read(path, learned=NOW), NOW).documents for path in files)
        assert again == 0
    cipher, link = AESGCM(bytes(32)), b""
    connection = bare(where)
    start = time.perf_counter()
    done = 0
    for path in files:
        connection.execute("begin immediate")
        for entry in json.loads(path.read_bytes()).get("entry", []):
            body = json.dumps(entry["resource"]).encode()
            nonce = os.urandom(12)
            sealed = nonce + cipher.encrypt(nonce, body, b"row")
            link = hashlib.sha256(link + sealed).digest()
            connection.execute("insert into row (who, id, link, body) values (?, ?, ?, ?)", ("p", "r", link, sealed))
            done += 1
        connection.execute("commit")
    floor = done / (time.perf_counter() - start)
    connection.close()
    return {
        "resources": count,
        "per_s": count / wall,
        "per_cpu_s": count / cpu,
        "floor_per_s": floor,
        "ratio": count / wall / floor,
    }


def batches(where: Path) -> dict[str, float]:
    """Events in batches of 1,000: made beforehand, as a source hands them over."""
    some = [readings(f"b{i % 20}", 1000, i, NOW - timedelta(days=4 * (i // 20))) for i in range(100)]
    with Store.open(where / "batches.db") as store:
        _, wall, cpu = timed(lambda: [store.take(batch, NOW) for batch in some])
        assert sum(len(store.record(f"b{i}").events) for i in range(20)) == 100_000
    (where / "bare.db").unlink(missing_ok=True)
    connection = bare(where)
    start = time.perf_counter()
    for batch in some:
        connection.execute("begin immediate")
        rows = [(e.person, e.item.id, b"", repr(e.item.value)) for e in batch]
        connection.executemany("insert into row (who, id, link, body) values (?, ?, ?, ?)", rows)
        connection.execute("commit")
    floor = 100_000 / (time.perf_counter() - start)
    connection.close()
    return {"per_s": 100_000 / wall, "per_cpu_s": 100_000 / cpu, "floor_per_s": floor, "ratio": 100_000 / wall / floor}


def singles(where: Path, threads: int = 32, each: int = 200) -> dict[str, float]:
    """One event a write, each durable before the next of its thread; and one commit a row without group commit."""
    with Store.open(where / "singles.db") as store:
        store.take([Entry(f"t{t}", Person(f"t{t}")) for t in range(threads)], NOW)
        took: list[float] = []

        def work(t: int) -> None:
            for entry in readings(f"t{t}", each, t):
                start = time.perf_counter()
                store.take([entry], NOW)
                took.append(time.perf_counter() - start)

        with ThreadPoolExecutor(threads) as pool:
            _, wall, cpu = timed(lambda: list(pool.map(work, range(threads))))
        assert sum(len(store.record(f"t{t}").events) for t in range(threads)) == threads * each
        problems, _ = store.verify()
        assert not problems
    (where / "bare.db").unlink(missing_ok=True)
    connection = bare(where)
    start = time.perf_counter()
    for _ in range(500):
        connection.execute("begin immediate")
        connection.execute("insert into row (who, id, link, body) values ('p', 'r', x'', x'00')")
        connection.execute("commit")
    floor = 500 / (time.perf_counter() - start)
    connection.close()
    total = threads * each
    return {"per_s": total / wall, "per_cpu_s": total / cpu, "p50_ms": 1e3 * statistics.median(took),
            "p99_ms": 1e3 * sorted(took)[int(0.99 * total)], "floor_per_s": floor,
            "ratio": total / wall / floor}  # fmt: skip


def one_year(where: Path) -> dict[str, float]:
    """One patient's year of readings: disk, reading as arrays, as events, and erasure."""
    entries = readings("y", YEAR)
    path = where / "year.db"
    with Store.open(path) as store:
        store.take([Entry("y", Person("y"))], NOW)
        before = path.stat().st_size
        store.take(entries, NOW)
    with Store.open(path) as store:
        grown = path.stat().st_size - before
        walls, wholes = [], []
        for _ in range(5):
            series, wall, _ = timed(lambda: store.series("y", "cgm_glucose"))
            walls.append(wall)
        assert series.values.tolist() == [e.item.value for e in entries]
        for _ in range(3):
            record, wall, _ = timed(lambda: store.record("y"))
            wholes.append(wall)
        assert record.events == tuple(e.item for e in entries)
        receipt, erased, _ = timed(lambda: store.erase("y", "bench"))
        assert receipt.keys == 1
    return {
        "bytes_per_reading": grown / YEAR,
        "series_ms": 1e3 * min(walls),
        "record_ms": 1e3 * min(wholes),
        "erase_s": erased,
    }


def crowd(where: Path, patients: int, each: int) -> dict[str, float]:
    """The latest 100 events of one patient, in a small store and among many patients."""
    answer: dict[str, float] = {}
    for name, many in (("small", 10), ("large", patients)):
        path = where / f"crowd-{name}.db"
        with Store.open(path) as store:
            template = readings("x", each, 7)
            start = time.perf_counter()
            for begin in range(0, many, 100):
                ids = [f"c{i}" for i in range(begin, min(begin + 100, many))]
                store.take((Entry(id, entry.item) for id in ids for entry in template), NOW)
            answer[f"{name}_fill_s"] = time.perf_counter() - start
            times = []
            for i in range(200):
                found, wall, _ = timed(lambda id=f"c{i * 37 % many}": store.latest(id, 100))
                times.append(wall)
            assert [e.value for e in found] == [e.item.value for e in template[-100:]][::-1]
            answer[f"{name}_ms"] = 1e3 * statistics.median(times)
            answer[f"{name}_events"] = many * each
            _, answer[f"{name}_erase_s"], _ = timed(lambda: store.erase("c3", "bench"))
    answer["ratio"] = answer["large_ms"] / answer["small_ms"]
    return answer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--synthea", type=Path)
    parser.add_argument("--patients", type=int, default=10_000)
    parser.add_argument("--events", type=int, default=1000)
    parser.add_argument("--only", default="")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "store.json")
    asked = parser.parse_args()
    found: dict[str, Any] = {"machine": machine()}
    parts: dict[str, Callable[[Path], dict[str, float]]] = {
        "batches": batches, "singles": singles, "year": one_year,
        "crowd": lambda where: crowd(where, asked.patients, asked.events),
    }  # fmt: skip
    if asked.synthea:
        parts = {"synthea": lambda where: synthea(asked.synthea, where)} | parts
    for name, part in parts.items():
        if asked.only and name != asked.only:
            continue
        with tempfile.TemporaryDirectory() as folder:
            found[name] = part(Path(folder))
        print(name, ", ".join(f"{k} {v:,.4g}" for k, v in found[name].items()), flush=True)
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    asked.out.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
