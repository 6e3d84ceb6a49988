"""Built once for every worker and file of a run: twins and other things that take long and never change.

What is built is kept beside the compiled models, under a hash of all code and data that it may depend on. Whoever comes
while another worker builds it waits and takes it over.
"""

import hashlib
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from importlib.metadata import version
from pathlib import Path

from pollux.kernel.generated import cache_folder
from pollux.record import Record
from pollux.twins import Twin

ROOT = Path(__file__).parents[1]


def built(name: str, build: Callable[[], bytes]) -> bytes:
    """What `build` gives, made by whoever asks for it first."""
    place = cache_folder() / "tests" / _code()
    place.mkdir(parents=True, exist_ok=True)
    _forget_old(place)
    kept = place / name
    with _alone(place / f"{name}.lock"):
        if not kept.exists():
            new = place / f"{name}.{os.getpid()}"
            new.write_bytes(build())
            new.replace(kept)
        return kept.read_bytes()


def built_twin(name: str, record: Record) -> Twin:
    """The twin of a record, as the first who asked for it built it (tests/twins has it that saved is loaded)."""
    return Twin.load(built(name, lambda: Twin.begin(record).save()), record)


@cache
def _code() -> str:
    """A hash of everything that a built thing may depend on."""
    digest = hashlib.sha256(f"{sys.version} {version('numpy')} {version('numba')}".encode())
    files = [*(ROOT / "src").rglob("*.py"), *(ROOT / "src").rglob("*.csv"), ROOT / "tests" / "people.py"]
    for file in sorted(files):
        digest.update(f"{file.relative_to(ROOT)} {file.stat().st_size} ".encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()[:24]


@cache
def _forget_old(place: Path) -> None:
    """Remove what other states of the code left a week ago."""
    for other in place.parent.iterdir():
        if other != place and time.time() - other.stat().st_mtime > 7 * 86400:
            shutil.rmtree(other, ignore_errors=True)


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Hold a lock between processes, where the system has one."""
    with lock.open("w") as file:
        try:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX)
        except ImportError:  # not on Windows: then each worker builds its own
            pass
        yield
