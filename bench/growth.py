"""How time and memory grow with the number of patients, 1 to a million, what cold and warm starts cost, and how
compiling grows with what is traced.

    python bench/growth.py [--most 1000000] [--out bench/results/growth.json]

The workload is the two-compartment drug with an indirect response of ``curves.py``; outputs are written to files as
they come. Every number of patients is a process of its own, so that its peak memory is its own.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import chains
import numpy as np
from machine import machine

from pollux.kernel import compile

COLD = """
import time; start = time.process_time()
from {module} import {name} as model
from pollux.kernel import simulate, sensitivities
from pollux.plans import Regimen
imported = time.process_time()
simulate(model, {{}}, Regimen([], {{}}), [0.0, 1.0])
first = time.process_time()
sensitivities(model, {{}}, Regimen([], {{}}), [0.0, 1.0], list(model.parameter_names[:5]))
print(imported - start, first - imported, time.process_time() - first)
"""


def one(patients: int, threads: int) -> None:
    """In a process of its own: simulate and write; print seconds and the peak of memory."""
    import workloads

    from pollux.kernel import simulate
    from pollux.kernel.stream import stream, write

    simulate(workloads.PK, {}, workloads.PK_REGIMEN, workloads.PK_TIMES)  # compiled before anything is timed
    with tempfile.TemporaryDirectory() as folder:
        began, cpu = time.perf_counter(), time.process_time()

        def draw(first: int, last: int) -> dict[str, np.ndarray]:
            return workloads.pk_patients(last - first, seed=first)

        blocks = stream(
            workloads.PK, draw, patients, workloads.PK_REGIMEN, workloads.PK_TIMES, tolerance=1e-3, threads=threads
        )
        written = write(Path(folder), workloads.PK, patients, workloads.PK_TIMES, blocks)
        assert not written.failed
        size = sum(f.stat().st_size for f in written.files.values())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0
    print(json.dumps([time.perf_counter() - began, time.process_time() - cpu, peak, size / 2**20]))


def cold(module: str, name: str) -> dict[str, float]:
    """CPU-seconds of a process that has never seen the model: import, first result, first sensitivities; and again."""
    said = {}
    with tempfile.TemporaryDirectory() as folder:
        own = os.environ | {"POLLUX_CACHE": f"{folder}/p", "NUMBA_CACHE_DIR": f"{folder}/n"}
        for state in ("cold", "warm"):
            done = subprocess.run(
                [sys.executable, "-c", COLD.format(module=module, name=name)], env=own, capture_output=True, text=True,
                check=True, cwd=Path(__file__).parent,
            )  # fmt: skip
            imported, first, slopes = map(float, done.stdout.split())
            said |= {f"{state} import": imported, f"{state} first result": first, f"{state} sensitivities": slopes}
    return said


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--most", type=int, default=1_000_000)
    parser.add_argument("--one", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "growth.json")
    asked = parser.parse_args()
    if asked.one:
        one(asked.one, asked.threads)
        return
    about, rows = machine(), []
    sizes = [n for n in (1, 10, 100, 1_000, 10_000, 100_000, 1_000_000) if n <= asked.most]
    print(
        f"{'patients':>10}{'threads':>9}{'wall s':>10}{'CPU s':>10}{'per CPU-s':>12}{'peak MB':>10}{'written MB':>12}"
    )
    for n, threads in [*((n, 1) for n in sizes), (sizes[-1], 2)]:
        command = [sys.executable, __file__, "--one", str(n), "--threads", str(threads)]
        wall, cpu, peak, size = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
        rows.append(
            {"patients": n, "threads": threads, "wall_s": wall, "cpu_s": cpu, "peak_mb": peak, "written_mb": size}
        )
        print(f"{n:10,}{threads:9}{wall:10.3f}{cpu:10.3f}{n / cpu:12,.0f}{peak:10.0f}{size:12.0f}")
    starts = {
        "two-compartment drug with response": cold("workloads", "PK"),
        "beating loop": cold("workloads", "HEART"),
        "S2008": cold("pollux.models.glucose.uva_padova", "UVA_PADOVA"),
    }
    compiling = [
        {"states": n, "operations": len(compile(chains.chain(n)).program.nodes), **cold("chains", f"CHAIN_{n}")}
        for n in chains.LENGTHS
    ]
    for said in compiling:
        print({k: round(v, 2) for k, v in said.items()})
    for name, said in starts.items():
        print(name, {k: round(v, 2) for k, v in said.items()})
    told = {"machine": about, "growth": rows, "cold_starts_cpu_s": starts, "compiling_cpu_s": compiling}
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    asked.out.write_text(json.dumps(told, indent=1) + "\n")


if __name__ == "__main__":
    main()
