"""One flipped bit in what lies on the disk is never handed out as a value, and the doctor finds it.

POLLUX_SOAK=1 flips two thousand bits.
"""

import os
import random
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from pollux.errors import PolluxError
from pollux.record import Entry, Event, Source
from pollux.store import Store
from tests.store.faults.batches import NOW, PEOPLE, START, batch, serious

SOAK = bool(os.environ.get("POLLUX_SOAK"))
FLIPS = 2000 if SOAK else 40
LOG_FLIPS = 300 if SOAK else 12
SEED = 3
BATCHES = 14
# The files of a store at rest, and how many of ten flips each gets.
FILES = ("store.db",) * 6 + ("store.db.keys",) * 2 + ("store.db.head", "store.db.site-key")

Said = dict[str, object]


def impossible(id: str) -> Entry:
    """Something for the quarantine."""
    return Entry(id, Event(START, "body_weight", 5e6, "kg", Source("writer", "scale"), START, id=f"scale/{id}"))


def filled(path: Path) -> Store:
    """A store with something of everything, open."""
    store = Store.open(path)
    for number in range(BATCHES):
        store.take(batch(SEED, number), NOW)
    for id in PEOPLE:
        store.take([impossible(id)], NOW)
        store.save_checkpoint(id, "twin", id.encode() * 50, START)
    return store


def handed_out(store: Store) -> tuple[Said, Said]:
    """All that can be read, piece by piece, without what the store refuses: clinical values, and what stands around."""
    values: Said = {}
    around: Said = {}

    def read(into: Said, name: str, what: Callable[[str], object], id: str) -> None:
        with suppress(PolluxError):
            into[f"{name} {id}"] = what(id)

    for id in PEOPLE:
        read(values, "record", store.record, id)
        read(values, "documents", lambda id: list(store.documents(id)), id)
        read(values, "quarantine", store.quarantine, id)
        read(values, "glucose", lambda id: store.series(id, "cgm_glucose").values.tolist(), id)
        read(values, "latest", lambda id: store.latest(id, 20), id)
        read(around, "checkpoint", lambda id: store.checkpoint(id, "twin"), id)
    read(around, "people", lambda _: store.people(), "")
    read(around, "acts", lambda _: list(store.acts())[: BATCHES * 3], "")
    return values, around


def flip(file: Path, rng: random.Random) -> str:
    """Turn one bit of a file over; which one."""
    content = bytearray(file.read_bytes())
    bit = rng.randrange(8 * len(content))
    content[bit // 8] ^= 1 << bit % 8
    file.write_bytes(content)
    return f"bit {bit % 8} of byte {bit // 8} of {file.name}"


@pytest.fixture(scope="module")
def at_rest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a store that was closed."""
    folder = tmp_path_factory.mktemp("rest")
    filled(folder / "store.db").close()
    return folder


@pytest.mark.slow
def test_a_flipped_bit_is_found_and_never_handed_out(at_rest: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(at_rest, copy)
    with Store.open(copy / "store.db") as store:
        assert serious(store) == []
        values, around = handed_out(store)
    assert len(values) == 5 * len(PEOPLE)
    rng = random.Random(7)
    refused, found, unseen = 0, 0, 0
    without_advice: list[str] = []
    for i in range(FLIPS):
        shutil.rmtree(copy)
        shutil.copytree(at_rest, copy)
        where = flip(copy / FILES[i % len(FILES)], rng)
        try:
            with Store.open(copy / "store.db") as store:
                troubles = serious(store)
                values_now, around_now = handed_out(store)
        except PolluxError as error:
            refused += 1
            without_advice += [] if error.advice else [f"{where}: {error}"]
            continue
        except Exception as error:
            raise AssertionError(f"{where}: the error is none of Pollux's own") from error
        for name, value in values_now.items():
            assert value == values[name], f"{where}: {name} is not what was put there"
        if (values_now, around_now) != (values, around):
            assert troubles, f"{where}: something is not as it was and the doctor finds nothing"
        found += bool(troubles)
        unseen += not troubles
    print(f"{FLIPS} flips: {refused} refused at opening, {found} found by the doctor, {unseen} without any effect")
    assert not without_advice
    assert refused + found >= FLIPS // 4  # most bytes of pages that are in use are live


@pytest.mark.slow
def test_a_flipped_bit_in_the_log_that_is_not_merged_yet_loses_nothing_unseen(tmp_path: Path) -> None:
    live = tmp_path / "live"
    live.mkdir()
    with filled(live / "store.db") as store:
        values, _ = handed_out(store)
        shutil.copytree(live, tmp_path / "rest")
    rng = random.Random(8)
    for _ in range(LOG_FLIPS):
        copy = tmp_path / "copy"
        shutil.copytree(tmp_path / "rest", copy)
        where = flip(copy / "store.db-wal", rng)
        try:
            with Store.open(copy / "store.db") as store:
                values_now, _ = handed_out(store)  # reading writes to the audit, and must not cover the loss up
                troubles = serious(store)
        except PolluxError:
            troubles = ["refused"]
            values_now = {}
        except Exception as error:
            raise AssertionError(f"{where}: the error is none of Pollux's own") from error
        if values_now != values:
            assert troubles, f"{where}: what was acknowledged is gone and the doctor finds nothing"
        shutil.rmtree(copy)
