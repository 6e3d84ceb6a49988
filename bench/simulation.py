"""How fast patients are simulated, against peers measured in the same run.

    python bench/simulation.py [--patients 10000] [--out bench/results/simulation.json]

Peers (bench/requirements.txt) are asked only where they are installed; a peer that is missing is said to be missing.
Rates are per CPU-second of this process (all its threads), at the error measured against a tight solution of a sample.
Everybody simulates the same: the 13-state S2008 model, 24 h, three meals, a bolus with each.
"""

import argparse
import json
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from machine import machine

from pollux.kernel import Schedule, compile, sensitivities, simulate
from pollux.models.glucose.uva_padova import UVA_PADOVA, meal_signals, virtual_patients

DAY = 1440.0
TIMES = np.arange(0.0, DAY + 1.0, 5.0)
MEALS = ((420.0, 45e3), (750.0, 70e3), (1110.0, 80e3))  # minute, mg
SAMPLE = 200
MEMBERS = 112


def crowd(n: int) -> tuple[dict[str, np.ndarray], list[Schedule]]:
    """Virtual patients with rates of absorption and action spread by 10 %; boluses at 70 % of the 500-rule."""
    rng = np.random.default_rng(3)
    patients = list(virtual_patients().values())
    values = {k: np.array([patients[i % 30][k] for i in range(n)]) for k in patients[0]}
    for name in ("kabs", "kmax", "k1", "k2", "p2u", "Vmx", "kp3"):
        values[name] = values[name] * np.exp(0.1 * rng.normal(size=n))
    shift = rng.integers(-30, 31, size=(n, len(MEALS)))
    return values, [_schedule({k: float(v[i]) for k, v in values.items()}, shift[i]) for i in range(n)]


def _schedule(p: dict[str, float], shift: Any = (0, 0, 0)) -> Schedule:
    per_gram = 0.7 * (2 * 24 * p["basal_rate"]) / 500.0
    meals = [(t + float(s), mg) for (t, mg), s in zip(MEALS, shift, strict=True)]
    boluses = [(t, "insulin_bolus", per_gram * mg / 1000.0 * 6000.0 / p["BW"]) for t, mg in meals]
    return Schedule.of(UVA_PADOVA, 0.0, DAY, meal_signals(meals, DAY), {"insulin": p["basal_rate"]}, boluses)


def cpu(run: Callable[[], Any]) -> tuple[float, Any]:
    """CPU-seconds of one call, and its answer."""
    start = time.process_time()
    answer = run()
    return time.process_time() - start, answer


def wall(run: Callable[[], Any], repeat: int) -> float:
    """The median wall time of a call in ms."""
    run()
    times = []
    for _ in range(repeat):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return 1e3 * float(np.median(times))


def many(n: int) -> list[dict[str, Any]]:
    values, schedules = crowd(n)
    sample = {k: v[:SAMPLE] for k, v in values.items()}
    truth = simulate(UVA_PADOVA, sample, schedules[:SAMPLE], TIMES, tolerance=1e-12)
    size = np.abs(truth.states).max(axis=1)
    rows = []
    for tolerance in (2e-4, 1e-4, 1e-5, 1e-6):
        run = partial(simulate, UVA_PADOVA, values, schedules, TIMES, tolerance=tolerance, keep_states=False)
        seconds, found = cpu(run)
        checked = simulate(UVA_PADOVA, sample, schedules[:SAMPLE], TIMES, tolerance=tolerance)
        glucose = np.abs(found.outputs["plasma_glucose"][:SAMPLE] / truth.outputs["plasma_glucose"] - 1.0).max()
        states = (np.abs(checked.states - truth.states).max(axis=1) / size).max()
        rows.append(
            {
                "what": f"pollux, tolerance {tolerance:g}",
                "patient_days_per_cpu_second": len(schedules) / seconds,
                "glucose_error": float(glucose),
                "worst_state_error": float(states),
                "failed": int(found.failed.sum()),
            }
        )
    return rows


def one() -> dict[str, float]:
    """Milliseconds, warm, the Python around it included."""
    p = virtual_patients()["adult#001"]
    schedule = _schedule(p)
    compiled = compile(UVA_PADOVA)
    x = np.repeat(compiled.start(compiled.parameter_matrix(p), np.zeros(3)), MEMBERS, 0)
    x *= np.random.default_rng(1).uniform(0.9, 1.1, x.shape)
    matrix, inputs = compiled.parameter_matrix(p, MEMBERS), np.array([0.0, 50e3, p["basal_rate"]])
    varying = ["kabs", "kmax", "Vmx", "kp3", "Gb", "p2u", "k1", "k2"]
    return {
        "one patient, 24 h, tolerance 1e-6": wall(lambda: simulate(UVA_PADOVA, p, schedule, TIMES), 200),
        "one patient, 24 h, with 8 sensitivities, 1e-6": wall(
            lambda: sensitivities(UVA_PADOVA, p, schedule, TIMES, varying), 100
        ),
        f"{MEMBERS} members, 5 min, tolerance 1e-4": wall(lambda: compiled.advance(x, matrix, inputs, 0.0, 5.0), 1000),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patients", type=int, default=10_000)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "simulation.json")
    asked = parser.parse_args()
    about = machine()
    simulate(UVA_PADOVA, {}, _schedule(virtual_patients()["adult#001"]), TIMES)  # compiled before anything is timed
    rows = many(asked.patients)
    print(f"{'':42}{'patient-days / CPU-s':>22}{'glucose error':>16}{'worst state':>14}")
    for row in rows:
        print(
            f"{row['what']:42}{row['patient_days_per_cpu_second']:22,.0f}{row['glucose_error']:16.1e}"
            f"{row['worst_state_error']:14.1e}"
        )
    from simulation_peers import peers

    found = peers()
    ours = next(r for r in rows if r["glucose_error"] <= 2e-4)
    for row in found:
        if "missing" in row:
            print(f"{row['what']:42}{row['missing']:>22}")
            continue
        row["pollux_times_faster"] = ours["patient_days_per_cpu_second"] / row["patient_days_per_cpu_second"]
        print(
            f"{row['what']:42}{row['patient_days_per_cpu_second']:22,.2f}{row['glucose_error']:16.1e}"
            f"{'':14}{row['pollux_times_faster']:10,.0f} x"
        )
    singles = one()
    for what, ms in singles.items():
        print(f"{what:50}{ms:14.3f} ms")
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    asked.out.write_text(json.dumps({"machine": about, "many": rows, "peers": found, "one_ms": singles}, indent=1))


if __name__ == "__main__":
    main()
