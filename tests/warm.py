"""Compile what many tests share, once, before they run side by side: otherwise each worker compiles it again.

The compiled code is kept in the caches that the product itself uses (POLLUX_CACHE and numba's own).
"""

import time
from concurrent.futures import ProcessPoolExecutor

import numpy as np
from numpy.typing import NDArray

from pollux.calibration import sensed
from pollux.calibration.rehearsal import rehearse
from pollux.calibration.tracking import begin, update
from pollux.kernel import Schedule, sensitivities, simulate
from pollux.models.glucose.uva_padova import UVA_PADOVA


def warm_virtual_patients() -> None:
    """S2008: lanes and sensitivities."""
    schedule = Schedule.of(UVA_PADOVA, 0.0, 10.0, base={"insulin": 1.0})
    simulate(UVA_PADOVA, {}, schedule, [0.0, 10.0])
    sensitivities(UVA_PADOVA, {}, schedule, [0.0, 10.0], ["Gb"])


def warm_calibration() -> None:
    """The oral minimal model, plain for the filter and with its disturbance for the fit; the filter of sensor-only."""
    from pollux.calibration.rehearsal import MEALS, _course

    list(rehearse(1, seed=0))
    course = _course(np.array([5.0, 10.0]), list(MEALS), [(1.0, 1.0)])
    update(begin(course, 5.0, 0, count=8), course, 10.0, 120.0)
    times = 5.0 * np.arange(60, dtype=np.float64)
    glucose: NDArray[np.float64] = 120.0 + 20.0 * np.sin(times / 40.0)
    sensed.learn(times, glucose)


if __name__ == "__main__":
    started = time.perf_counter()
    with ProcessPoolExecutor(2) as pool:
        for done in [pool.submit(warm_virtual_patients), pool.submit(warm_calibration)]:
            done.result()
    print(f"kernels ready after {time.perf_counter() - started:.0f} s")
