"""What was acknowledged is there after a power cut: everything that was never fsynced is dropped (see shim.c).

POLLUX_SOAK=1 cuts three hundred times.
"""

import os
import random
import shutil
from pathlib import Path

import pytest

from pollux.store import Store
from tests.store.faults.batches import check, serious
from tests.store.faults.killing import Writers
from tests.store.faults.shim import Disk

SOAK = bool(os.environ.get("POLLUX_SOAK"))
CUTS = 300 if SOAK else 8
ONE_STORE = 20  # cuts that one store sees


@pytest.mark.slow
@pytest.mark.parametrize("torn", [False, True], ids=["all lost", "some survives"])
def test_a_power_cut_loses_nothing_acknowledged(shim: Path, tmp_path: Path, torn: bool) -> None:
    rng = random.Random(11)
    for seed in range(-(-CUTS // ONE_STORE)):
        disk = Disk(shim, tmp_path / str(seed), forgets=True)
        path = disk.folder / "store.db"
        acknowledged = 0
        with Writers(disk.environment) as writers:
            for _ in range(min(CUTS - seed * ONE_STORE, ONE_STORE)):
                acknowledged = writers.write_until_killed(path, seed, acknowledged, rng)
                disk.crash(rng if torn else None)
                shutil.copytree(disk.folder, tmp_path / "copy")  # the next writer finds what the crash left
                with Store.open(tmp_path / "copy" / path.name) as store:
                    assert serious(store) == []  # before anything else is written
                    check(store, seed, acknowledged)
                shutil.rmtree(tmp_path / "copy")
