"""Accuracy against work: Pollux, libRoadRunner and JAX on the same three workloads in one run.

    python bench/curves.py [--out bench/results/curves.json]

For every system and setting: patients per CPU-second of this process (all threads) and the error against Pollux's own
solution at tolerance 1e-12, which is checked against SciPy's DOP853 at rtol 1e-12 for a few patients first. The error
is the largest difference of any measured state at any time, relative to that state's largest value in that patient.
Ratios are read off the curves at the same measured error (log-log interpolation), never at the same setting.
"""

import argparse
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import peers_jax
import peers_roadrunner
import workloads
from machine import machine
from simulation import TIMES, crowd

from pollux.equations import Model
from pollux.kernel import compile
from pollux.kernel.methods import choose
from pollux.kernel.simulation import checked
from pollux.kernel.task import Task
from pollux.models.glucose.uva_padova import UVA_PADOVA
from pollux.plans import Regimen


@dataclass(frozen=True, eq=False)
class Workload:
    """A model, its patients and schedules; who is asked, and with which settings; at which errors they are compared."""

    name: str
    model: Model
    ask: Callable[[int], tuple[dict[str, np.ndarray], Any]]
    times: np.ndarray
    measured: tuple[str, ...]
    steps: tuple[float, ...]
    compared_at: tuple[float, ...]
    antimony: str = ""
    most: int = 10_000_000


WORKLOADS = (
    Workload("glucose, 24 h", UVA_PADOVA, crowd, TIMES, ("Gp",), (1.0, 0.5, 0.25, 0.125), (1e-4, 1e-6)),
    Workload(
        "two-compartment oral drug with indirect response, 14 doses", workloads.PK,
        lambda n: (workloads.pk_patients(n), workloads.PK_REGIMEN), workloads.PK_TIMES, ("A", "R"),
        (0.5, 0.25, 0.125, 0.0625), (1e-5,), peers_roadrunner.PK,
    ),
    Workload(
        "beating closed loop with valves, 30 beats", workloads.HEART,
        lambda n: (workloads.heart_patients(n), Regimen([])), workloads.HEART_TIMES, ("lv", "sa"),
        (2e-3, 1e-3, 5e-4, 2.5e-4), (3e-5,), peers_roadrunner.HEART, 200,
    ),
)  # fmt: skip
TOLERANCES = (1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7)
RTOLS = (1e-4, 1e-6, 1e-8)
EXACT = 1e-12
MOST = 2000


@cache
def crowd_of(work: Workload) -> tuple[dict[str, np.ndarray], Any]:
    return work.ask(min(MOST, work.most))


def task_of(work: Workload, n: int, tolerance: float) -> Task:
    """The first n of one and the same crowd."""
    values, given = crowd_of(work)
    values = {k: v[:n] for k, v in values.items()}
    given = given if isinstance(given, Regimen) else given[:n]
    return checked(compile(work.model), values, given, work.times, None, tolerance)[0]


def error(found: np.ndarray, truth: np.ndarray, work: Workload) -> float:
    """Of states ``(n, T, S)``."""
    chosen = [work.model.state_names.index(name) for name in work.measured]
    size = np.abs(truth[: len(found)]).max(axis=1, keepdims=True)
    off = np.abs(found - truth[: len(found)]) / size
    return float(off[:, :, chosen].max())


def check_truth(task: Task, truth: np.ndarray, work: Workload, patients: int = 2) -> float:
    """How far the truth lies from SciPy's DOP853, which knows nothing of Pollux's steps."""
    from scipy.integrate import solve_ivp

    program, s = task.compiled.program, task.schedules
    courses = []
    for i in range(patients):
        rows = range(s.first[s.which[i]], s.first[s.which[i] + 1])
        edges = [*s.times[list(rows)], task.times[-1]]
        x, course = task.starts()[i], np.empty((len(task.times), program.states))
        for k, row in enumerate(rows):
            x = x + s.jumps[row]
            inside = np.flatnonzero((task.times >= edges[k]) & (task.times <= edges[k + 1]))
            if edges[k + 1] > edges[k]:

                def f(t: float, x: np.ndarray, p: Any = task.parameters[i], u: Any = s.inputs[row]) -> np.ndarray:
                    return np.array(program.evaluate(program.rates, t, x, p, u))

                solved = solve_ivp(
                    f, (edges[k], edges[k + 1]), x, "DOP853", task.times[inside], rtol=1e-12, atol=1e-12,
                    dense_output=False, max_step=(edges[k + 1] - edges[k]) / 50,
                )  # fmt: skip
                course[inside] = solved.y[:, : len(inside)].T
                x = solve_ivp(f, (edges[k], edges[k + 1]), x, "DOP853", rtol=1e-12, atol=1e-12).y[:, -1]
            else:
                course[inside] = x
        courses.append(course)
    return error(np.array(courses), truth, work)


def pollux_rows(work: Workload, n: int, truth: np.ndarray) -> Iterator[dict[str, Any]]:
    for tolerance in TOLERANCES:
        task = task_of(work, n, tolerance)
        best, found = np.inf, None
        for _ in range(3):
            start = time.process_time()
            found = choose(task, "auto")(task, 1)
            best = min(best, time.process_time() - start)
        assert found is not None
        yield row(
            "Pollux", f"tolerance {tolerance:g}", task.patients / best, error(found.states[: len(truth)], truth, work)
        )


def row(system: str, setting: str, rate: float, off: float) -> dict[str, Any]:
    return {"system": system, "setting": setting, "per_cpu_second": rate, "error": off}


def peer_rows(work: Workload, n: int, truth: np.ndarray) -> Iterator[dict[str, Any]]:
    """Every peer that is installed; one that is missing is said to be missing."""
    asked = {"jax": jax_rows, "diffrax": diffrax_rows, "roadrunner": roadrunner_rows}
    for package, rows in asked.items():
        if find_spec(package):
            yield from rows(work, n, truth)
        else:
            print(f"{package} is missing: not compared")


def jax_rows(work: Workload, n: int, truth: np.ndarray) -> Iterator[dict[str, Any]]:
    task = task_of(work, min(n, 1000), EXACT)
    known = truth[: task.patients]
    for longest in work.steps:
        seconds, states = peers_jax.equal_steps(task, longest)
        yield row(
            "JAX, equal steps", f"h {longest:g}", task.patients / seconds, error(states[: len(known)], known, work)
        )


def diffrax_rows(work: Workload, n: int, truth: np.ndarray) -> Iterator[dict[str, Any]]:
    some = task_of(work, min(n, 200), EXACT)
    for rtol in RTOLS:
        seconds, final = peers_jax.diffrax_adaptive(some, rtol)
        off = error_at_end(final, truth[: some.patients], work)
        yield row("diffrax Tsit5", f"rtol {rtol:g}", some.patients / seconds, off)


def roadrunner_rows(work: Workload, n: int, truth: np.ndarray) -> Iterator[dict[str, Any]]:
    few = min(n, 20)
    some = task_of(work, few, EXACT)
    if not work.antimony:
        yield from glucose_in_roadrunner()
        return
    for rtol in RTOLS:
        seconds, states = peers_roadrunner.roadrunner(some, work.antimony, rtol, few)
        yield row("libRoadRunner", f"rtol {rtol:g}", few / seconds, error(states, truth, work))


def error_at_end(final: np.ndarray, truth: np.ndarray, work: Workload) -> float:
    chosen = [work.model.state_names.index(name) for name in work.measured]
    size = np.abs(truth[: len(final)]).max(axis=1)
    return float((np.abs(final - truth[: len(final), -1]) / size)[:, chosen].max())


def glucose_in_roadrunner() -> Iterator[dict[str, Any]]:
    from simulation_peers import _roadrunner

    for found in _roadrunner():
        if "missing" not in found:
            yield row(
                "libRoadRunner",
                found["what"].split(", ")[1],
                found["patient_days_per_cpu_second"],
                found["glucose_error"],
            )


def at_error(rows: list[dict[str, Any]], system: str, target: float) -> float:
    """The rate of a system at an error, between its settings; NaN where it never was so exact."""
    points = sorted((r["error"], r["per_cpu_second"]) for r in rows if r["system"] == system and r["error"] > 0)
    best: list[tuple[float, float]] = []
    for e, rate in points:  # a setting that is both less exact and slower than another is no choice
        if not best or rate > best[-1][1]:
            best.append((e, rate))
    if not best or best[0][0] > target:
        return float("nan")
    errors, rates = np.log([b[0] for b in best]), np.log([b[1] for b in best])
    return float(np.exp(np.interp(np.log(target), errors, rates)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "curves.json")
    asked = parser.parse_args()
    about, everything = machine(), []
    for work in WORKLOADS:
        if asked.only not in work.name:
            continue
        exact = task_of(work, 200, EXACT)
        truth = choose(exact, "auto")(exact, 1).states
        agreed = check_truth(exact, truth, work)
        rows = [*pollux_rows(work, MOST, truth), *peer_rows(work, MOST, truth)]
        print(f"\n{work.name}  (truth against DOP853: {agreed:.1e})")
        for r in rows:
            print(f"  {r['system']:20}{r['setting']:20}{r['per_cpu_second']:14,.1f} /CPU-s{r['error']:12.1e}")
        compared = []
        for target in work.compared_at:
            ours = at_error(rows, "Pollux", target)
            for system in dict.fromkeys(r["system"] for r in rows if r["system"] != "Pollux"):
                theirs = at_error(rows, system, target)
                compared.append(
                    {"error": target, "system": system, "pollux": ours, "peer": theirs, "ratio": ours / theirs}
                )
                print(f"  at {target:g}: Pollux {ours:,.0f}, {system} {theirs:,.1f} per CPU-s: {ours / theirs:,.1f} x")
        everything.append({"workload": work.name, "truth_against_dop853": agreed, "rows": rows, "compared": compared})
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    asked.out.write_text(json.dumps({"machine": about, "workloads": everything}, indent=1) + "\n")


if __name__ == "__main__":
    main()
