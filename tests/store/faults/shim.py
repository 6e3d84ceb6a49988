"""A disk with faults, for a child process: it fills up, its fsync fails, it forbids, it forgets what was never fsynced.

`shim.c` is compiled when a test asks for it and loaded in front of libc (LD_PRELOAD). What it takes for durable is said
there. The test turns faults on and off while the child runs, through a mapped file.
"""

import mmap
import platform
import random
import shutil
import struct
import subprocess
from pathlib import Path

import pytest

SOURCE = Path(__file__).with_name("shim.c")
SECTOR = 512  # bytes that a disk writes whole or not at all
# The order of the numbers in the mapped file, as in shim.c.
_SPACE, _FAIL_SYNC_FROM, _DENIED, _DENIED_ERRNO, _OPENED, _WRITTEN = range(6)
_TRUNCATED, _SYNCED, _UNLINKED, _RENAMED, _REFUSED = range(6, 11)
OPENING, NAMING, WRITING = 1, 2, 4


def build(folder: Path) -> Path:
    """Compile the library; skips the test where that cannot be."""
    if platform.system() != "Linux":
        pytest.skip("faults are put in front of Linux's C library only")
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("needs a C compiler (cc)")
    library = folder / "shim.so"
    done = subprocess.run(
        [compiler, "-shared", "-fPIC", "-O1", "-Wall", "-o", str(library), str(SOURCE), "-pthread"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        pytest.fail(f"shim.c does not compile: {done.stderr}")
    return library


class Disk:
    """A folder for a child's files (`folder`), the faults that it meets there, and what would survive a crash."""

    def __init__(self, library: Path, room: Path, forgets: bool = False) -> None:
        self.folder = (room / "disk").resolve()
        self.folder.mkdir(parents=True)
        self._shadow = room / "shadow"
        self._forgets = forgets
        control = room / "control"
        control.write_bytes(bytes(128))
        with control.open("r+b") as file:
            self._numbers = mmap.mmap(file.fileno(), 128)
        self.space(None)
        self.environment = {
            "LD_PRELOAD": str(library),
            "FAULTS_FOLDER": str(self.folder),
            "FAULTS_CONTROL": str(control.resolve()),
        }
        if forgets:
            self.environment["FAULTS_SHADOW"] = str(self._shadow.resolve())
            self.settle()

    def _get(self, which: int) -> int:
        return int(struct.unpack_from("q", self._numbers, 8 * which)[0])

    def _set(self, which: int, value: int) -> None:
        struct.pack_into("q", self._numbers, 8 * which, value)

    def space(self, free: int | None) -> None:
        """Let files grow by so many bytes and no more; None: without end."""
        self._set(_SPACE, -1 if free is None else free)

    def fail_sync(self, after: int | None = 0) -> None:
        """Let every fsync fail after so many more; None: let none fail."""
        self._set(_FAIL_SYNC_FROM, 0 if after is None else self._get(_SYNCED) + after + 1)

    def forbid(self, what: int, error: int) -> None:
        """Answer with an error whoever opens for writing, makes, renames and deletes, or writes; 0 forbids nothing."""
        self._set(_DENIED_ERRNO, error)
        self._set(_DENIED, what)

    @property
    def written(self) -> int:
        """How often something was written."""
        return self._get(_WRITTEN)

    @property
    def synced(self) -> int:
        """How often fsync or fdatasync was called."""
        return self._get(_SYNCED)

    @property
    def refused(self) -> int:
        """How many calls a fault has met."""
        return self._get(_REFUSED)

    def settle(self) -> None:
        """Take everything that is there for durable."""
        shutil.rmtree(self._shadow, ignore_errors=True)
        for kind in ("data", "names"):
            (self._shadow / kind).mkdir(parents=True)
        for file in self.folder.iterdir():
            inode = str(file.stat().st_ino)
            shutil.copyfile(file, self._shadow / "data" / inode)
            (self._shadow / "names" / file.name).write_text(inode)

    def crash(self, rng: random.Random | None = None) -> None:
        """Lose what was never made durable, as a power cut does. Call it when no process uses the folder any more.

        Without `rng` all of it is lost. With it, each sector that was not durable survives or not as it falls, since a
        disk writes what it was not told to flush in any order; and so do new names, renames and deletions, together.
        """
        assert self._forgets
        durable = {file.name: file.read_bytes() for file in (self._shadow / "data").iterdir()}
        named = {file.name: file.read_text() for file in (self._shadow / "names").iterdir()}
        after = {name: durable[content] for name, content in named.items()}
        if rng is not None:
            names_survive = rng.random() < 0.5
            live = {file.name: file for file in self.folder.iterdir() if not file.name.endswith("-shm")}
            for name, file in sorted(live.items()):
                inode = str(file.stat().st_ino)
                if names_survive or named.get(name) == inode:
                    after[name] = _torn(durable.get(inode, b""), file.read_bytes(), rng)
            if names_survive:
                after = {name: content for name, content in after.items() if name in live}
        shutil.rmtree(self.folder)
        self.folder.mkdir()
        for name, content in after.items():
            (self.folder / name).write_bytes(content)
        self.settle()


def _torn(durable: bytes, written: bytes, rng: random.Random) -> bytes:
    """What may be on the disk of a file: of each sector the durable content or the one written last."""
    length = rng.choice((len(durable), len(written)))
    chance = rng.choice((0.1, 0.5, 0.9))
    parts = []
    for at in range(0, length, SECTOR):
        part = (written if rng.random() < chance else durable)[at : at + SECTOR]
        parts.append(part.ljust(min(SECTOR, length - at), b"\0"))
    return b"".join(parts)
