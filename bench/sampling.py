"""What samplers and filters cost, with warm caches, on problems of known size.

    python bench/sampling.py [--repeat 7] [--truths 200] [--out bench/results/sampling.json]

The posterior: two compartments, oral, five parameters that vary, eight concentrations after one dose, 15 % log-normal
error. No figure is printed for an answer that does not agree with NUTS (which needs nutpie; without it, with a long run
of sequential Monte Carlo). The filter: the oral minimal model, 112 members, a rehearsed day of readings. At last truths
drawn from the prior are calibrated again: are their ranks uniform, and how often do Laplace's intervals hold them?
Peers (peers_inference.py) are asked the same where they are installed; a peer that is missing is said to be missing.
"""

import argparse
import json
import time
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import peers_inference
from inference import expect, rehearsed, timed
from machine import machine

from pollux.calibration import nuts, smc, tracking
from pollux.calibration.chance import normals
from pollux.calibration.draws import Draws
from pollux.calibration.individual import estimate
from pollux.calibration.laplace import Gaussian
from pollux.calibration.posterior import Posterior, Reading
from pollux.calibration.ranks import coverage_error, ranks
from pollux.equations import LogNormal, LogNormalError, Model, Output, Parameter, Route, State
from pollux.plans import Dose, Regimen

SEED, ERROR, DOSE = 3, 0.15, 100.0  # DOSE in mg
TIMES = (0.5, 1.0, 2.0, 4.0, 6.0, 9.0, 12.0, 24.0)  # h
MEMBERS, TWINS, READINGS = 112, 1000, 48
GOALS = {
    "MAP and Laplace, 8 concentrations": "2 ms",
    "SMC, 2,000 draws, from the prior": "80 ms",
    "SMC, 2,000 draws, from the fit": "80 ms",
    "NUTS": "50 effective draws per CPU-second",
    "filter update, one twin": "0.1 ms",
    "filter update, 1,000 twins": "12,000 per CPU-second",
}


def drug() -> Model:
    """Two compartments with oral absorption; the numbers are made up."""

    def rates(t: Any, x: Any, p: Any, u: Any) -> dict[str, Any]:
        out, across = p.CL / p.V * x.A, p.Q * (x.A / p.V - x.B / p.V2)
        return {"G": -p.ka * x.G, "A": p.ka * x.G - out - across, "B": across}

    def varies(name: str, unit: str, meaning: str, median: float, sd: float) -> Parameter:
        return Parameter(name, unit, meaning, LogNormal(median, sd), "made up")

    return Model(
        "bench-drug", "1", "A drug for benches",
        [State("G", "mg", "gut"), State("A", "mg", "centre"), State("B", "mg", "periphery")],
        [
            varies("CL", "L/h", "clearance", 5.0, 0.3), varies("V", "L", "central volume", 30.0, 0.3),
            varies("Q", "L/h", "exchange", 8.0, 0.3), varies("V2", "L", "peripheral volume", 60.0, 0.3),
            varies("ka", "1/h", "absorption", 1.0, 0.5),
        ],
        [],
        [Output("C", "mg/L", "concentration")],
        derivative=rates,
        observe=lambda t, x, p, u: {"C": x.A / p.V},
        initial=lambda p, u: {"G": 0.0, "A": 0.0, "B": 0.0},
        routes=[Route("oral", "G")],
        residuals={"C": LogNormalError(ERROR)},
        time_unit="h",
    )  # fmt: skip


MODEL, REGIMEN = drug(), Regimen([Dose(0.0, DOSE, "oral")])
BLANK = Posterior(MODEL, REGIMEN, [Reading(1.0, 1.0)])


def draw_truth(rng: np.random.Generator) -> np.ndarray:
    return rng.standard_normal(len(BLANK.names))


def simulate(truth: np.ndarray, rng: np.random.Generator) -> Posterior:
    seen = BLANK.predictions(truth[None, :], np.array(TIMES))[0] * np.exp(ERROR * rng.standard_normal(len(TIMES)))
    return Posterior(MODEL, REGIMEN, [Reading(t, float(v)) for t, v in zip(TIMES, seen, strict=True)])


def posterior() -> Posterior:
    """Data of a truth drawn from the prior."""
    rng = normals(SEED, "bench", 0.0)
    return simulate(draw_truth(rng), rng)


def agree(one: Draws, size: np.ndarray, other: Draws, others: np.ndarray, what: str) -> None:
    error = other.sd * np.sqrt(1.0 / size + 1.0 / others)
    expect(bool(np.all(np.abs(one.mean - other.mean) < 5.0 * error)), f"{what}: means differ")
    ratio = np.abs(np.log(one.sd / other.sd))
    expect(bool(np.all(ratio < 5.0 * np.sqrt(0.5 / size + 0.5 / others))), f"{what}: spreads differ")


def samplers(density: Posterior, fit: Gaussian, repeat: int) -> tuple[dict[str, dict[str, float]], Draws, np.ndarray]:
    """The rows, and the draws that every other sampler has to agree with, with their effective sizes."""
    many = normals(SEED, "batch", 0.0).standard_normal((smc.COUNT, len(density.names)))
    rows = {
        "batch likelihood, 2,000 draws": timed(lambda: density.log_likelihood(many), repeat),
        "value and gradient, one point": timed(lambda: density.value_and_gradient(many[0]), 20 * repeat),
        "MAP and Laplace, 8 concentrations": timed(lambda: estimate(density), 5 * repeat),
    }
    runs = {"from the prior": None, "from the fit": fit}
    found = {said: smc.sample(density, normals(SEED, "smc", 0.0), start=start) for said, start in runs.items()}
    if find_spec("nutpie"):
        nuts.sample(density, normals(SEED, "nuts", 1.0), draws=10, tuning=10, chains=1, start=fit)  # imports
        used = time.process_time()
        truth, info = nuts.sample(density, normals(SEED, "nuts", 0.0), start=fit)
        used = time.process_time() - used
        expect(not info.advice, f"NUTS: {info.advice}")
        least = float(info.effective.min())
        rows["NUTS, 4 chains of 1,000"] = {
            "cpu_ms": 1e3 * used, "effective": least, "effective_per_cpu_s": least / used,
            "gradients": float(info.gradients), "r_hat": float(info.r_hat.max()),
        }  # fmt: skip
        sizes = info.effective
    else:
        print("nutpie is not installed: compared with 20,000 draws of sequential Monte Carlo instead")
        truth, long = smc.sample(density, normals(SEED, "smc", 1.0), count=20_000)
        sizes = long.effective
    for said, (draws, told) in found.items():
        agree(draws, told.effective, truth, sizes, f"SMC {said}")
        expect(not told.advice, told.advice)
        start = runs[said]
        rows[f"SMC, 2,000 draws, {said}"] = timed(
            lambda start=start: smc.sample(density, normals(SEED, "smc", 0.0), start=start), repeat
        ) | {
            "likelihoods": told.likelihoods / smc.COUNT, "temperatures": float(len(told.steps)),
            "effective": float(told.effective.min()), "log_evidence": told.log_evidence,
            "log_evidence_sd": told.log_evidence_sd,
        }  # fmt: skip
    return rows, truth, sizes


def peers(
    density: Posterior, fit: Gaussian, truth: Draws, sizes: np.ndarray, repeat: int
) -> tuple[dict[str, dict[str, float]], list[str]]:
    """Pollux and JAX side by side in one run, and what is missing."""
    rows: dict[str, dict[str, float]] = {}
    lacking = [name for name in ("jax", "numpyro") if not find_spec(name)]
    if "jax" not in lacking:
        problem = peers_inference.Problem.of(density, DOSE, ERROR)
        rows |= peers_inference.modes(problem, 5 * repeat)
        if "numpyro" not in lacking:
            rows |= peers_inference.nuts(problem, fit, lambda draws, n, what: agree(draws, n, truth, sizes, what))
        rows |= peers_inference.ensemble(rehearsed()[1], SEED, MEMBERS, TWINS, repeat)
    return rows, lacking


def filters(repeat: int) -> dict[str, dict[str, float]]:
    _, course = rehearsed()
    first = float(course.readings[0, 0])
    walls, cpus = [], []
    for _ in range(repeat):
        body, wall, cpu = tracking.begin(course, first, SEED, MEMBERS), [], []
        for at, reading in course.readings[1:]:
            began, used = time.perf_counter(), time.process_time()
            body, _ = tracking.update(body, course, float(at), float(reading))
            wall.append(time.perf_counter() - began)
            cpu.append(time.process_time() - used)
        walls.append(1e3 * float(np.median(wall)))
        cpus.append(1e3 * float(np.median(cpu)))
    rows = {
        "filter update, one twin": {
            "wall_ms": float(np.median(walls)), "cpu_ms": float(np.median(cpus)), "wall_least_ms": min(walls),
            "wall_most_ms": max(walls), "runs": float(repeat),
        }
    }  # fmt: skip
    for threads in (1, 2):
        best_cpu = best_wall = 0.0
        for _ in range(max(3, repeat // 2)):
            now = [tracking.begin(course, first, key, MEMBERS) for key in range(TWINS)]
            courses = [replace(course) for _ in range(TWINS)]
            began, used = time.perf_counter(), time.process_time()
            for at, reading in course.readings[1 : READINGS + 1]:
                told = tracking.update_many(now, courses, [float(at)] * TWINS, [float(reading)] * TWINS, threads)
                now = [twin for twin, _ in told]
            wall, cpu_s = time.perf_counter() - began, time.process_time() - used
            best_cpu, best_wall = max(best_cpu, TWINS * READINGS / cpu_s), max(best_wall, TWINS * READINGS / wall)
        for key in (0, TWINS // 2, TWINS - 1):
            alone = tracking.begin(course, first, key, MEMBERS)
            for at, reading in course.readings[1 : READINGS + 1]:
                alone, _ = tracking.update(alone, course, float(at), float(reading))
            expect(bool(np.array_equal(alone.members, now[key].members)), "a twin among others differs from it alone")
        rows[f"filter update, 1,000 twins, {threads} thread{'s' if threads > 1 else ''}"] = {
            "updates_per_cpu_s": best_cpu, "updates_per_wall_s": best_wall,
        }  # fmt: skip
    return rows


def rehearsal(truths: int) -> dict[str, dict[str, float]]:
    fits: list[Gaussian] = []

    def laplace(density: Posterior, rng: np.random.Generator) -> Gaussian:
        fits.append(estimate(density).posterior)
        return fits[-1]

    def by_smc(density: Posterior, rng: np.random.Generator) -> Draws:
        return smc.sample(density, rng, count=500, start=estimate(density).posterior)[0]

    rows = {}
    for said, calibrate in (("Laplace", laplace), ("SMC from the fit", by_smc)):
        found = ranks(draw_truth, simulate, calibrate, truths, SEED)
        least = min(float(found.chi_square().min()), float(found.curve().min()))
        rows[f"ranks of {truths} truths, {said}"] = {"least_p_of_10": least, "uniform": float(found.uniform())}
    held = coverage_error(np.array([draw_truth(normals(SEED, "truth", i)) for i in range(truths)]), fits, 0.9)
    rows["Laplace, error of 90 % intervals"] = dict(zip(held.names, held.error.tolist(), strict=True)) | {
        "at_most_0.05": float(held.within(0.05).all())
    }
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=7)
    parser.add_argument("--truths", type=int, default=200)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "sampling.json")
    asked = parser.parse_args()
    about = machine()
    print(", ".join(f"{name} {value}" for name, value in about.items()))
    density = posterior()
    fit = estimate(density).posterior
    rows, truth, sizes = samplers(density, fit, asked.repeat)
    rows |= filters(asked.repeat) | rehearsal(asked.truths)
    beside, lacking = peers(density, fit, truth, sizes, asked.repeat)
    for what, row in (rows | beside).items():
        goal = next((said for known, said in GOALS.items() if what.startswith(known)), "") if what in rows else ""
        print(f"{what}{f' (goal {goal})' if goal else ''}")
        print("    " + ", ".join(f"{name} {value:,.4g}" for name, value in row.items()))
    for name in lacking:
        print(f"{name} is missing: not compared")
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    told = {"machine": about, "goals": GOALS, "measured": rows, "beside_peers": beside, "missing": lacking}
    asked.out.write_text(json.dumps(told, indent=1) + "\n")


if __name__ == "__main__":
    main()
