"""A writer that is killed at any moment loses nothing that it acknowledged. POLLUX_SOAK=1 asks for a thousand kills."""

import os
import random
import shutil
import time
from pathlib import Path

import pytest

from pollux.store import Store
from tests.store.faults.batches import NOW, batch, check, serious
from tests.store.faults.killing import Writers
from tests.store.places import Place

SOAK = bool(os.environ.get("POLLUX_SOAK"))
KILLS = 1000 if SOAK else 15
ONE_STORE = 25  # kills that one store sees
SHORT = 1.0  # seconds within which a store reopens and gives a record after a kill; asserted in the soak only


def reopened(place: Place, seed: int, acknowledged: int, rng: random.Random) -> tuple[int, float]:
    """How many batches a store has after a kill, and how long it took to open it and to read a record [s]."""
    begun = time.perf_counter()
    with place.open() as store:
        opening = time.perf_counter() - begun
        assert serious(store) == []  # before anything else is written
        begun = time.perf_counter()
        if people := store.people():
            store.record(people[0].id)
        took = opening + time.perf_counter() - begun
        count = check(store, seed, acknowledged)
        if count:
            again = batch(seed, rng.randrange(count))
            assert not store.take(again, NOW).changed, "a batch that is there brought something new"
            assert check(store, seed, count) == count
            assert serious(store) == []
    return count, took


@pytest.mark.slow
def test_a_killed_writer_loses_nothing_acknowledged_and_doubles_nothing(place: Place) -> None:
    rng = random.Random(20261124)
    times: list[float] = []
    unacknowledged = 0
    for seed in range(-(-KILLS // ONE_STORE)):
        at, acknowledged = place.another(f"{seed}/store.db"), 0
        with Writers({"POLLUX_KEYS": str(at.keys)}) as writers:
            for _ in range(min(KILLS - seed * ONE_STORE, ONE_STORE)):
                acknowledged = writers.write_until_killed(at.where, seed, acknowledged, rng)
                left = at.as_it_lies("copy")  # so that the next writer finds what the kill left
                count, took = reopened(left, seed, acknowledged, rng)
                unacknowledged += count - acknowledged
                times.append(took)
                shutil.rmtree(place.folder / "copy", ignore_errors=True)
    print(
        f"{KILLS} kills; {unacknowledged} batches were durable and not yet acknowledged; "
        f"reopened and read in {sorted(times)[len(times) // 2]:.3f} s (median), {max(times):.3f} s (longest)"
    )
    if SOAK:
        assert max(times) < SHORT


def test_the_check_sees_a_lost_a_doubled_and_a_half_batch(tmp_path: Path) -> None:
    for name, entries, acknowledged in (
        ("lost", batch(1, 0), 2),
        ("half", batch(1, 0) + batch(1, 1)[:20], 1),
        ("not asked for", batch(1, 0) + batch(1, 2), 1),
    ):
        with Store.open(tmp_path / f"{name}.db") as store:
            store.take(entries, NOW)
            with pytest.raises(AssertionError):
                check(store, 1, acknowledged)
