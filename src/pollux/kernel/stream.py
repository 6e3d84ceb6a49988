"""A million patients in bounded memory: simulated block by block, written as they come."""

import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pollux.equations import Model
from pollux.errors import ModelError
from pollux.kernel.simulation import Given, Simulation, simulate

Array = NDArray[np.float64]
# Parameters of the patients from the first to before the last, by name.
Draw = Callable[[int, int], Mapping[str, ArrayLike]]
BLOCK = 10_000


def stream(
    model: Model,
    draw: Draw,
    patients: int,
    schedule: Given | Callable[[int, int], Given],
    times: ArrayLike,
    *,
    block: int = BLOCK,
    **options: Any,
) -> Iterator[tuple[int, Simulation]]:
    """Simulate patients in blocks: yields the number of each block's first patient, and the block's simulation.

    ``draw(first, last)`` gives the parameters of patients ``first … last − 1``; ``schedule`` is one for all, or
    likewise a function. ``options`` are those of ``simulate``; states are not kept unless ``keep_states=True``. How
    patients are cut into blocks changes nothing in their results.

    >>> from pollux.models.glucose.uva_padova import UVA_PADOVA
    >>> from pollux.kernel import Schedule
    >>> day = Schedule.of(UVA_PADOVA, 0.0, 60.0)
    >>> blocks = stream(UVA_PADOVA, lambda a, b: {"Gb": np.linspace(90, 150, 5)[a:b]}, 5, day, [60.0], block=2)
    >>> [(first, len(found.outputs["plasma_glucose"])) for first, found in blocks]
    [(0, 2), (2, 2), (4, 1)]
    """
    options = {"keep_states": False, **options}
    for first in range(0, patients, block):
        last = min(first + block, patients)
        given = schedule(first, last) if callable(schedule) else schedule
        values = {k: np.asarray(v) for k, v in draw(first, last).items()}
        if not any(v.ndim for v in values.values()) and last - first > 1:
            raise ModelError("the drawn parameters are the same for a whole block", advice="Draw one for each patient.")
        yield first, simulate(model, values, given, times, **options)


@dataclass(frozen=True)
class Written:
    """Files by output, each ``(patients, T)`` as NumPy stores it, and who failed, with the reason."""

    files: dict[str, Path]
    failed: dict[int, str]


def write(
    folder: Path, model: Model, patients: int, times: ArrayLike, blocks: Iterator[tuple[int, Simulation]]
) -> Written:
    """Write the outputs of a stream as ``<output>.npy`` files, block by block; whole files or none.

    Read them with ``numpy.load(file, mmap_mode="r")``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    shape = (patients, len(np.atleast_1d(np.asarray(times))))
    failed: dict[int, str] = {}
    done = 0
    with tempfile.TemporaryDirectory(dir=folder, prefix=".writing-") as unfinished, ExitStack() as closing:
        parts = {n: closing.enter_context((Path(unfinished) / f"{n}.npy").open("wb")) for n in model.output_names}
        for part in parts.values():
            np.lib.format.write_array_header_2_0(part, {"descr": "<f8", "fortran_order": False, "shape": shape})
        for first, found in blocks:
            if first != done:
                raise ModelError(f"a block begins at patient {first}, where {done} was due")
            for name, part in parts.items():
                part.write(np.ascontiguousarray(found.outputs[name], dtype="<f8").tobytes())
            failed |= {first + i: why for i, why in found.reasons.items()}
            done += len(found.failed)
        if done != patients:
            raise ModelError(f"{done} of {patients} patients came through the stream")
        closing.close()
        for name in parts:
            os.replace(Path(unfinished) / f"{name}.npy", folder / f"{name}.npy")
    return Written({name: folder / f"{name}.npy" for name in model.output_names}, failed)
