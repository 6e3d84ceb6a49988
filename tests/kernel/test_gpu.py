"""The code for a GPU gives what the lanes give; run in numba's simulator, where every thread is a Python thread."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pollux.errors import ModelError
from pollux.kernel import Schedule, simulate
from pollux.models.glucose.uva_padova import UVA_PADOVA

SAME = """
import numpy as np
from pollux.kernel import simulate
from pollux.models.glucose.minimal import MINIMAL
from pollux.plans import Dose, Regimen
from tests.kernel.test_dosing import REGIMENS, SATURABLE
times = np.arange(0.5, 40.0, 3.0)
values = {"CL": np.array([16.0, 20.0, 25.0]), "tlag": np.array([0.5, 1.7, np.nan]), "F": 0.9}
for name, regimen in REGIMENS.items():
    on = {d: simulate(SATURABLE, values, regimen, times, tolerance=1e-5, device=d) for d in ("cpu", "gpu")}
    cpu, gpu = on["cpu"], on["gpu"]
    assert gpu.method == "adaptive, order 5, on a GPU"
    assert gpu.failed.tolist() == cpu.failed.tolist() == [False, False, True], (name, gpu.reasons)
    assert gpu.reasons == cpu.reasons, (gpu.reasons, cpu.reasons)
    size = np.abs(cpu.outputs["cp"][:2]).max()
    assert np.abs(gpu.outputs["cp"][:2] - cpu.outputs["cp"][:2]).max() < 1e-5 * size, name
    assert np.abs(gpu.states[:2] - cpu.states[:2]).max() < 1e-5 * np.abs(cpu.states[:2]).max(), name
without = simulate(SATURABLE, values, regimen, times, tolerance=1e-5, device="gpu", keep_states=False)
assert np.array_equal(without.outputs["cp"], gpu.outputs["cp"], equal_nan=True) and without.states.shape[0] == 0
"""


@pytest.mark.slow
def test_a_gpu_gives_what_the_lanes_give_doses_and_failures_included() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SAME],
        env=os.environ | {"NUMBA_ENABLE_CUDASIM": "1", "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]


def test_without_a_gpu_the_error_says_what_to_do() -> None:
    from numba import cuda

    if cuda.is_available():  # type: ignore[no-untyped-call]
        pytest.skip("there is a GPU here")
    schedule = Schedule.of(UVA_PADOVA, 0.0, 60.0)
    with pytest.raises(
        ModelError, match=r'there is no GPU that can be used\. Install a CUDA driver and "pip install numba-cuda"'
    ):
        simulate(UVA_PADOVA, {}, schedule, [0.0], device="gpu")
    with pytest.raises(ModelError, match="on a GPU there is no method 'fixed'"):
        simulate(UVA_PADOVA, {}, schedule, [0.0], device="gpu", method="fixed")
