"""Patients streamed in blocks are the patients simulated at once, and files are whole or not there."""

from pathlib import Path

import numpy as np
import pytest

from pollux.errors import ModelError
from pollux.kernel import simulate
from pollux.kernel.stream import stream, write
from tests.kernel.test_dosing import LINEAR, REGIMENS, TIMES

REGIMEN = REGIMENS["lagged infusions"]
LAGS = np.linspace(0.1, 4.0, 25)
LAGS[7] = -1.0


def draw(first: int, last: int) -> dict[str, np.ndarray]:
    return {"tlag": LAGS[first:last]}


@pytest.mark.parametrize("block", [4, 25, 100])
def test_blocks_are_the_whole(tmp_path: Path, block: int) -> None:
    whole = simulate(LINEAR, draw(0, 25), REGIMEN, TIMES)
    written = write(tmp_path, LINEAR, 25, TIMES, stream(LINEAR, draw, 25, REGIMEN, TIMES, block=block))
    assert np.array_equal(np.load(written.files["cp"], mmap_mode="r"), whole.outputs["cp"], equal_nan=True)
    assert written.failed == whole.reasons
    assert list(written.failed) == [7]
    assert [p.name for p in tmp_path.iterdir()] == ["cp.npy"]


def test_a_stream_that_breaks_leaves_nothing(tmp_path: Path) -> None:
    def breaking(first: int, last: int) -> dict[str, np.ndarray]:
        if first > 10:
            raise OSError("no more patients")
        return draw(first, last)

    with pytest.raises(OSError, match="no more patients"):
        write(tmp_path, LINEAR, 25, TIMES, stream(LINEAR, breaking, 25, REGIMEN, TIMES, block=4))
    assert list(tmp_path.iterdir()) == []


def test_a_stream_that_ends_early_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="20 of 25 patients came through the stream"):
        write(tmp_path, LINEAR, 25, TIMES, stream(LINEAR, draw, 20, REGIMEN, TIMES, block=10))
    assert list(tmp_path.iterdir()) == []
