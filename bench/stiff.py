"""Stiff equations: crowds of patients by Pollux and, one after the other, by SciPy's BDF, Radau and LSODA.

    python bench/stiff.py [--only robertson] [--out bench/results/stiff.json]

The problems are those of tests/kernel/stiff_models.py; every rate of a patient differs from the published one by 10 %
(log-normally). SciPy gets every advantage that does not change its method: equations and the symbolic Jacobian as
machine code (numba), absolute tolerances from the size each state reaches, and LSODA also through ``odeint``, whose
loop is not Python. SciPy has no crowds: its rate does not depend on their size and is measured on the first six.

For every system and setting: patients per CPU-second of this process and the measured error, the largest difference
of any state of the first six patients at any of eleven times from SciPy's Radau at rtol 1e-11, relative to the largest
value of that state in that patient. (A patient's course has the same bits in a crowd of any size; a test says so.)
Ratios are read off the curves at the same measured error (log-log interpolation); where a system never was so exact
there is none.
In the oregonator and in HIRES, whose states jump, all errors are large: a jump's time is what is missed.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from machine import machine
from scipy.integrate import odeint, solve_ivp

from pollux.equations import Model
from pollux.kernel import compile, simulate
from pollux.kernel.derivatives import Derivatives
from pollux.kernel.generated import load
from pollux.kernel.program import Program
from pollux.kernel.writing import HEADER, block, lines
from pollux.plans import Regimen

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.kernel.stiff_models import PROBLEMS

CROWDS = (1, 100, 1000)
SPREAD = 0.1
TOLERANCES = (1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7)
RTOLS = (1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9, 1e-10)
VERY_EXACT = 1e-11
FEW = 6
COMPARED_AT = (1e-2, 1e-4)
Array = np.ndarray


def crowd(model: Model, n: int, seed: int = 11) -> dict[str, Array]:
    """The first patient is the published one."""
    rng = np.random.default_rng(seed)
    published = {p.name: float(p.prior.median) for p in model.parameters}
    away = {name: np.exp(SPREAD * rng.standard_normal(max(CROWDS))) for name in published}
    for factors in away.values():
        factors[0] = 1.0
    return {name: published[name] * away[name][:n] for name in published}


def times_of(name: str, end: float) -> Array:
    """Robertson's reactions are a matter of decades."""
    return np.concatenate([[0.0], np.geomspace(1e-2, end, 10)]) if name == "robertson" else np.linspace(0.0, end, 11)


def in_machine_code(program: Program) -> tuple[Callable[..., Array], Callable[..., Array]]:
    """f(t, x, p) and its Jacobian, for SciPy."""
    S = program.states
    d = Derivatives(program)
    entries = d.jacobian(program.rates, [("state", j) for j in range(S)])
    whole = Program(S, program.parameters, 0, tuple(d.graph.nodes), (), (), ())

    def place(index: int) -> str | None:
        node = whole.nodes[index]
        return {"state": f"x[{node[1]}]", "parameter": f"p[{node[1]}]"}.get(node[0]) if len(node) > 1 else "t"

    def write() -> str:
        rates = [d.at(i) for i in program.rates]
        body, name = lines(whole.nodes, whole.needed(rates), place)
        f = [*body, f"return np.array([{', '.join(map(name, rates))}])"]
        body, name = lines(whole.nodes, whole.needed(entries.values()), place)
        J = [f"J = np.zeros(({S}, {S}))", *body, *(f"J[{i}, {j}] = {name(n)}" for (i, j), n in entries.items())]
        code = f"@njit(**FAST)\ndef f(t, x, p):\n{block(f, 4)}\n\n@njit(**FAST)\ndef J(t, x, p):\n"
        return f"{HEADER}\n{code}{block([line.replace('J', 'M', 1) for line in J] + ['return M'], 4)}\n"

    module = load("bench_stiff", program.key, write)
    return module.f, module.J


def peers(model: Model) -> dict[str, Callable[[Array, Array, Array, float, Array], Array]]:
    """By name: a function of parameters, start, times, rtol, atol that gives states ``(T, S)``."""
    f, J = in_machine_code(compile(model).program)

    def by(method: str) -> Callable[[Array, Array, Array, float, Array], Array]:
        def solve(p: Array, x: Array, times: Array, rtol: float, atol: Array) -> Array:
            span = (times[0], times[-1])
            return solve_ivp(f, span, x, method, times, args=(p,), jac=J, rtol=rtol, atol=atol).y.T

        return solve

    def lsoda(p: Array, x: Array, times: Array, rtol: float, atol: Array) -> Array:
        found = odeint(f, x, times, (p,), J, rtol=rtol, atol=atol, mxstep=100_000, tfirst=True)
        return np.asarray(found)

    return {f"SciPy {m}": by(m) for m in ("BDF", "Radau", "LSODA")} | {"SciPy LSODA, odeint": lsoda}


def error(found: Array, truth: Array) -> float:
    """Of states ``(n, T, S)``; infinite where a solver gave up."""
    if found.shape != truth[: len(found)].shape or not np.isfinite(found).all():
        return np.inf
    size = np.abs(truth[: len(found)]).max(axis=1, keepdims=True)
    return float((np.abs(found - truth[: len(found)]) / np.where(size > 0.0, size, 1.0)).max())


def pollux_rows(model: Model, times: Array, truth: Array, n: int, method: str) -> Iterator[dict[str, Any]]:
    values = crowd(model, n)
    for tolerance in TOLERANCES:
        best = np.inf
        for _ in range(5 if n < 1000 else 3):
            start = time.process_time()
            found = simulate(model, values, Regimen([]), times, tolerance=tolerance, method=method)
            best = min(best, time.process_time() - start)
        known = found.states[: len(truth)]
        off = np.inf if found.failed.any() else error(known, truth)
        yield row(f"Pollux {method}, {n}", f"tolerance {tolerance:g}", n / best, off)


def peer_rows(model: Model, times: Array, truth: Array) -> Iterator[dict[str, Any]]:
    values = crowd(model, FEW)
    matrix = compile(model).parameter_matrix(values)
    x = compile(model).start(matrix, np.zeros(0))
    sizes = np.abs(truth[:FEW]).max(axis=1)
    for system, solve in peers(model).items():
        solve(matrix[0], x[0], times, 1e-3, 1e-3 * sizes[0])  # compiled, warm
        for rtol in RTOLS:
            best = np.inf
            for _ in range(2):
                start = time.process_time()
                # a state that should stay zero gets a tolerance all the same
                found = [solve(matrix[i], x[i], times, rtol, rtol * np.maximum(sizes[i], 1e-30)) for i in range(FEW)]
                best = min(best, time.process_time() - start)
            whole = np.array(found) if len({len(c) for c in found}) == 1 else np.empty(0)
            yield row(system, f"rtol {rtol:g}", FEW / best, error(whole, truth) if len(whole) else np.inf)


def row(system: str, setting: str, rate: float, off: float) -> dict[str, Any]:
    return {"system": system, "setting": setting, "per_cpu_second": rate, "error": off}


def at_error(rows: list[dict[str, Any]], system: str, target: float) -> float:
    """The rate of a system at an error, between its settings; NaN where it never was so exact."""
    points = sorted((r["error"], r["per_cpu_second"]) for r in rows if r["system"] == system and r["error"] > 0)
    best: list[tuple[float, float]] = []
    for e, rate in points:  # a setting that is both less exact and slower than another is no choice
        if np.isfinite(e) and (not best or rate > best[-1][1]):
            best.append((e, rate))
    if not best or best[0][0] > target:
        return float("nan")
    errors, rates = np.log([b[0] for b in best]), np.log([b[1] for b in best])
    return float(np.exp(np.interp(np.log(target), errors, rates)))


def very_exact(model: Model, times: Array) -> Array:
    """The first patients by Radau; the sizes for its absolute tolerances come from a look at the course."""
    values = crowd(model, FEW)
    matrix = compile(model).parameter_matrix(values)
    x = compile(model).start(matrix, np.zeros(0))
    radau = peers(model)["SciPy Radau"]
    sizes = np.abs(simulate(model, values, Regimen([]), times, tolerance=1e-4, method="rosenbrock").states).max(axis=1)
    return np.array(
        [radau(matrix[i], x[i], times, VERY_EXACT, VERY_EXACT * np.maximum(sizes[i], 1e-30)) for i in range(FEW)]
    )


def measured(name: str, model: Model, end: float) -> dict[str, Any]:
    """One problem: its rows and the ratios at equal error."""
    times = times_of(name, end)
    truth = very_exact(model, times)
    rows = [r for n in CROWDS for method in ("rosenbrock", "auto") for r in pollux_rows(model, times, truth, n, method)]
    rows += peer_rows(model, times, truth)
    print(f"\n{name}")
    for r in rows:
        print(f"  {r['system']:26}{r['setting']:18}{r['per_cpu_second']:12,.1f} /CPU-s{r['error']:12.1e}")
    systems = list(dict.fromkeys(r["system"] for r in rows))
    compared = []
    for target in COMPARED_AT:
        for ours in (s for s in systems if s.startswith("Pollux")):
            for peer in (s for s in systems if s.startswith("SciPy")):
                pair = at_error(rows, ours, target), at_error(rows, peer, target)
                compared.append(
                    {"error": target, "pollux": ours, "peer": peer, "rates": pair, "ratio": pair[0] / pair[1]}
                )
            told = ", ".join(f"{c['ratio']:,.0f} x {c['peer'][6:]}" for c in compared[-4:])
            print(f"  at {target:g}: {ours}: {pair[0]:,.0f} /CPU-s = {told}")
    return {"problem": name, "rows": rows, "compared": compared}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "stiff.json")
    asked = parser.parse_args()
    problems = [measured(name, *PROBLEMS[name]) for name in PROBLEMS if asked.only in name]
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    asked.out.write_text(json.dumps({"machine": machine(), "problems": problems}, indent=1) + "\n")


if __name__ == "__main__":
    main()
