"""Files of hundreds of megabytes come in with bounded memory. Runs with POLLUX_SOAK=1; POLLUX_SOAK_MB sets the size."""

import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import BinaryIO

import pytest

from tests.sources.examples import CLARITY_HEADER, observation, patient

pytestmark = pytest.mark.skipif(not os.environ.get("POLLUX_SOAK"), reason="long: set POLLUX_SOAK=1")
SIZE = int(os.environ.get("POLLUX_SOAK_MB", "300")) << 20
ALLOWED = 300 << 20  # bytes of memory, whatever the size of the file

IMPORT = """
import sys, resource
from datetime import UTC, datetime
from pathlib import Path
from pollux.sources import read
from pollux.store import Store
now = datetime(2026, 3, 1, tzinfo=UTC)
with Store.open(Path(sys.argv[2])) as store:
    receipt = store.take(read(Path(sys.argv[1]), learned=now, person="p1", timezone="UTC"), now)
print(receipt.accepted, receipt.documents, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def resources(file: BinaryIO, before: bytes, between: bytes, after: bytes) -> None:
    file.write(before)
    written, i = 0, 0
    while written < SIZE:
        text = json.dumps(observation() | {"id": f"o{i}"}).encode()
        written += file.write((between if i else b"") + text)
        i += 1
    file.write(after)


def ndjson(file: BinaryIO) -> None:
    resources(file, b"", b"\n", b"\n")


def bundle(file: BinaryIO) -> None:
    start = b'{"resourceType": "Bundle", "type": "collection", "entry": [{"resource": '
    resources(file, start + json.dumps(patient()).encode() + b'}, {"resource": ', b'},\n{"resource": ', b"}]}")


def table(file: BinaryIO) -> None:
    file.write(b"time,quantity,value,unit\n")
    written, minute = 0, 0
    while written < SIZE // 4:
        row = f"{1700000000 - 60 * minute},cgm_glucose,{100 + minute % 90},mg/dL\n"
        written += file.write(row.encode())
        minute += 1


def nightscout(file: BinaryIO) -> None:
    file.write(b"[")
    written, k = 0, 0
    while written < SIZE // 4:
        row = {"_id": f"{k:024x}", "type": "sgv", "sgv": 100 + k % 90, "date": 1_700_000_000_000 - 300_000 * k}
        written += file.write((b"," if k else b"") + json.dumps(row).encode())
        k += 1
    file.write(b"]")


def clarity_export(file: BinaryIO) -> None:
    file.write(CLARITY_HEADER.encode() + b"\n")
    written, k, start = 0, 0, datetime(1995, 1, 1)
    while written < SIZE // 4:
        moment = start + timedelta(minutes=k)
        row = f"{k},{moment:%Y-%m-%dT%H:%M:%S},EGV,,,,iOS,{100 + k % 90},,,,,{60 * (k % 130_000)},T{k // 130_000}\n"
        written += file.write(row.encode())
        k += 1


@pytest.mark.parametrize("write", [ndjson, bundle, table, nightscout, clarity_export])
def test_memory_does_not_grow_with_the_file(write: Callable[[BinaryIO], None], tmp_path: Path) -> None:
    path = tmp_path / "large"
    with path.open("wb") as file:
        write(file)
    done = subprocess.run(
        [sys.executable, "-c", IMPORT, str(path), str(tmp_path / "store.db")],
        capture_output=True,
        text=True,
        check=True,
    )
    accepted, _, peak = (int(word) for word in done.stdout.split())
    scale = 1 if sys.platform == "darwin" else 1024
    assert accepted > SIZE // 2000
    assert peak * scale < ALLOWED
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * scale < 2 * ALLOWED
