"""The page of the benchmarks, docs/benchmarks.md, and its two plots, from what the other scripts measured.

    python bench/page.py [--results bench/results] [--docs docs]

The same results give the same page, to the byte. A script that has not been run is said not to have been run.
"""

import argparse
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import isfinite, isnan
from pathlib import Path
from textwrap import wrap
from typing import Any

import plots

SCRIPTS = ("curves", "growth", "stiff", "sampling", "simulation", "inference", "store")
MILLION, GIGABYTE = 1_000_000, 1024.0  # patients; MB
ROADRUNNER = (
    ("glucose", "glucose model against libRoadRunner", 1e-4, 20.0),
    ("glucose", "glucose model against libRoadRunner", 1e-6, 8.0),
    ("two-compartment", "two-compartment drug with response against libRoadRunner", 1e-5, 80.0),
    ("beating", "beating loop with valves, 200 patients, against libRoadRunner", 3e-5, 40.0),
)
# Part and key of what bench/store.py wrote, and the goal: at least that, or at most where it is negative.
STORE = (
    ("synthea", "per_s", "Synthea resources, durable, sealed, validated", 900, "/s"),
    ("batches", "per_s", "events in batches of 1,000, sealed and checked", 20_000, "/s"),
    ("singles", "per_s", "single durable writes of 32 threads", 1_000, "/s"),
    ("singles", "p99_ms", "the same: slowest in a hundred", -100, " ms"),
    ("year", "series_ms", "a year of a sensor (105,000 readings) read", -100, " ms"),
    ("year", "bytes_per_reading", "disk for a sensor's reading", -12, " bytes"),
    ("year", "erase_s", "erasure", -1, " s"),
    ("crowd", "small_ms", "latest 100 events of a patient", -2, " ms"),
    ("crowd", "ratio", "the same among 10,000 patients and 10⁷ events, against ten patients", -2, " ×"),
)
AIM_AGAINST_JAX, AGAINST_SCIPY = 2.0, 5.0
Found = dict[str, Any]  # by the name of the script: what it wrote


@dataclass(frozen=True)
class Goal:
    """Something to reach and what was reached; `met` is None where nothing was measured."""

    what: str
    wanted: str
    reached: str
    met: bool | None
    script: str

    def row(self) -> tuple[str, ...]:
        verdict = {True: "met", False: "**missed**", None: "not measured"}[self.met]
        return self.what, self.wanted, self.reached, verdict, f"`python bench/{self.script}.py`"


def number(x: float) -> str:
    """Three digits, or all before the point.

    Not-a-number is where a system was never so exact.
    """
    if isnan(x):
        return "–"
    if abs(x) >= 100.0:
        return f"{x:,.0f}"
    return f"{x:.3g}"


def prose(text: str) -> list[str]:
    """A paragraph, in lines of the width of the other pages."""
    return ["", *wrap(text, 118, break_long_words=False, break_on_hyphens=False), ""]


def table(head: Iterable[str], rows: Iterable[Iterable[str]], left: int = 1) -> list[str]:
    """Markdown; the first `left` columns are words, the others numbers."""
    names = list(head)
    rule = ["---" if i < left else "---:" for i in range(len(names))]
    return ["", *(f"| {' | '.join(cells)} |" for cells in (names, rule, *rows)), ""]


# ---- Goals ----


def goals(found: Found) -> Iterator[Goal]:
    yield from _goals_of_curves(found.get("curves"))
    yield _goal_of_stiff(found.get("stiff"))
    yield from _goals_of_growth(found.get("growth"))
    yield from _goals_of_sampling(found.get("sampling"))
    yield from _goals_of_store(found.get("store") or {})


def _goals_of_curves(curves: Found | None) -> Iterator[Goal]:
    works = curves["workloads"] if curves else []
    for name, what, error, least in ROADRUNNER:
        ratios = [
            c["ratio"]
            for work in works
            if work["workload"].startswith(name)
            for c in work["compared"]
            if c["system"] == "libRoadRunner" and c["error"] == error
        ]
        yield _at_least(f"{what}, error {error:g}", least, ratios, "curves")
    for name, what, _, _ in ROADRUNNER[1:]:
        pairs = [
            (c["ratio"], c["system"], c["error"])
            for work in works
            if work["workload"].startswith(name)
            for c in work["compared"]
            if c["system"] != "libRoadRunner" and not isnan(c["ratio"])
        ]
        what = what.split(" against")[0].split(", 200")[0] + " against JAX float64"
        if not pairs:
            yield Goal(what, "ahead; aim 2 ×", "–", None, "curves")
            continue
        ratio, system, error = min(pairs)
        aim = "" if ratio >= AIM_AGAINST_JAX else f"; the aim of {AIM_AGAINST_JAX:g} × **missed**"
        said = f"{number(ratio)} × {system} at {error:g}, where it is nearest{aim}"
        yield Goal(what, "ahead; aim 2 ×", said, ratio > 1.0, "curves")


def _at_least(what: str, least: float, ratios: list[float], script: str) -> Goal:
    if not ratios:
        return Goal(what, f"≥ {least:g} ×", "–", None, script)
    return Goal(what, f"≥ {least:g} ×", f"{number(min(ratios))} ×", min(ratios) >= least, script)


def _goal_of_stiff(stiff: Found | None) -> Goal:
    what, wanted = "stiff test set, 100 patients and more, against SciPy's BDF and Radau", f"≥ {AGAINST_SCIPY:g} ×"
    pairs = [
        (c["ratio"] if isfinite(c["rates"][0]) else 0.0, problem["problem"], c["pollux"], c["peer"], c["error"])
        for problem in (stiff["problems"] if stiff else [])
        for c in problem["compared"]
        if c["peer"] in ("SciPy BDF", "SciPy Radau") and _crowd(c["pollux"]) >= 100 and "auto" in c["pollux"]
        if isfinite(c["rates"][1])
    ]
    if not pairs:
        return Goal(what, wanted, "–", None, "stiff")
    ratio, problem, _, peer, error = min(pairs)
    said = f"{number(ratio)} × {peer} at {error:g} on {problem}, where it is nearest"
    return Goal(what, wanted, said, ratio >= AGAINST_SCIPY, "stiff")


def _crowd(system: str) -> int:
    return int(system.rsplit(", ", 1)[1])


def _goals_of_growth(growth: Found | None) -> Iterator[Goal]:
    peaks = [row["peak_mb"] for row in growth["growth"] if row["patients"] == MILLION] if growth else []
    what, wanted = "10⁶ patients streamed: peak of memory", "≤ 2 GB"
    said = f"{max(peaks) / GIGABYTE:.2f} GB" if peaks else "–"
    yield Goal(what, wanted, said, max(peaks) <= 2.0 * GIGABYTE if peaks else None, "growth")
    what, wanted = "first result of a new model, no cache", "≤ 10 CPU-s"
    if not growth:
        yield Goal(what, wanted, "–", None, "growth")
        return
    cold = {name: s["cold import"] + s["cold first result"] for name, s in growth["cold_starts_cpu_s"].items()}
    slowest = max(cold, key=lambda name: cold[name])
    yield Goal(what, wanted, f"{cold[slowest]:.1f} CPU-s ({slowest}, the slowest)", cold[slowest] <= 10.0, "growth")
    short, long = growth["compiling_cpu_s"][0], growth["compiling_cpu_s"][-1]
    times, length = long["cold first result"] / short["cold first result"], long["operations"] / short["operations"]
    said = f"{times:.1f} × the time for {length:.1f} × the operations"
    yield Goal("compiling against the length of the trace", "no worse than linear", said, times <= length, "growth")


def _goals_of_sampling(sampling: Found | None) -> Iterator[Goal]:
    rows = sampling["measured"] if sampling else {}
    most = [
        ("MAP and Laplace, 8 concentrations", "MAP and Laplace of 8 concentrations, warm", 2.0),
        ("SMC, 2,000 draws, from the prior", "SMC of 2,000 particles, from the prior", 80.0),
        ("SMC, 2,000 draws, from the fit", "SMC of 2,000 particles, from the fit", 80.0),
        ("filter update, one twin", "filter update of one twin, 112 members", 0.1),
    ]
    for name, what, ms in most:
        reached = rows.get(name, {}).get("wall_ms")
        said = "–" if reached is None else f"{number(reached)} ms"
        yield Goal(what, f"≤ {ms:g} ms", said, None if reached is None else reached <= ms, "sampling")
    rates = [
        ("filter update, 1,000 twins, 1 thread", "1,000 twins: updates per CPU-second", "updates_per_cpu_s", 12_000),
        ("NUTS, 4 chains of 1,000", "NUTS: effective draws per CPU-second", "effective_per_cpu_s", 50),
    ]
    for name, what, key, least in rates:
        reached = rows.get(name, {}).get(key)
        said = "–" if reached is None else number(reached)
        yield Goal(what, f"≥ {least:,}", said, None if reached is None else reached >= least, "sampling")


def _goals_of_store(store: Found) -> Iterator[Goal]:
    for part, key, what, goal, unit in STORE:
        reached = store.get(part, {}).get(key)
        least = goal > 0
        said = "–" if reached is None else f"{number(reached)}{unit}"
        met = None if reached is None else (reached >= goal if least else reached <= -goal)
        yield Goal(f"store: {what}", f"{'≥' if least else '≤'} {abs(goal):,g}{unit}", said, met, "store")


# ---- Sections ----


def curves_section(curves: Found) -> list[str]:
    """Accuracy against work."""
    said = ["![Patients per CPU-second against measured error, three workloads](benchmarks-curves.svg)", ""]
    said += prose(
        "Rates are per CPU-second of the process. Errors are measured: the largest difference from Pollux's solution "
        "at tolerance 1e-12, which SciPy's DOP853 confirms. Ratios are read between settings at the same error; – "
        "where a system was at none of its settings so exact. JAX is float64, its compilation not counted."
    )
    for work in curves["workloads"]:
        said += ["", f"### {work['workload'][0].upper()}{work['workload'][1:]}", ""]
        said.append(f"Pollux at 1e-12 against DOP853: {work['truth_against_dop853']:.1e}.")
        said += table(
            ("at the same error", "system", "patients per CPU-s", "Pollux", "Pollux is faster by"),
            (
                (f"{c['error']:g}", c["system"], number(c["peer"]), number(c["pollux"]), _times(c["ratio"]))
                for c in work["compared"]
            ),
            left=2,
        )
        said += table(
            ("system", "setting", "patients per CPU-s", "measured error"),
            ((r["system"], r["setting"], number(r["per_cpu_second"]), _error(r["error"])) for r in work["rows"]),
            left=2,
        )
    return said


def _times(ratio: float) -> str:
    if isnan(ratio) or ratio >= 1.0:
        return "–" if isnan(ratio) else f"{number(ratio)} ×"
    return f"**no: the peer by {number(1.0 / ratio)} ×**"


def _error(error: float) -> str:
    if isnan(error):
        return "–"
    return f"{error:.1e}" if error < 10.0 else "unstable"


def growth_section(growth: Found) -> list[str]:
    """Time and memory with the number of patients; cold and warm starts."""
    said = ["![CPU time and peak memory from one patient to a million](benchmarks-growth.svg)", ""]
    said.append("The two-compartment workload at tolerance 1e-3, streamed: outputs are written to files as they come.")
    said += table(
        ("patients", "threads", "wall s", "CPU s", "patients per CPU-s", "peak MB", "written MB"),
        (
            (
                f"{r['patients']:,}", str(r["threads"]), number(r["wall_s"]), number(r["cpu_s"]),
                number(r["patients"] / r["cpu_s"]), number(r["peak_mb"]), number(r["written_mb"]),
            )
            for r in growth["growth"]
        ),
        left=0,
    )  # fmt: skip
    said.append("CPU-seconds of a fresh process, without any cache and with it; sensitivities are of five parameters.")
    parts = ("import", "first result", "sensitivities")
    chains = {f"chain, {s['operations']} operations": s for s in growth["compiling_cpu_s"]}
    said += table(
        ("model", *(f"{state}: {part}" for state in ("cold", "warm") for part in parts)),
        (
            (name, *(f"{s[f'{state} {part}']:.2f}" for state in ("cold", "warm") for part in parts))
            for name, s in (growth["cold_starts_cpu_s"] | chains).items()
        ),
    )
    return said


def stiff_section(stiff: Found) -> list[str]:
    """Crowds with stiff equations against SciPy."""
    said = prose(
        "Pollux with the method it chooses, at the same measured error. SciPy gets equations and symbolic Jacobian as "
        "machine code, and solves one patient after the other; – where one of the two was at no setting so exact."
    )
    peers = list(dict.fromkeys(c["peer"] for p in stiff["problems"] for c in p["compared"]))
    rows = []
    for problem in stiff["problems"]:
        cases = dict.fromkeys((c["error"], c["pollux"]) for c in problem["compared"] if "auto" in c["pollux"])
        for error, ours in cases:
            case = {c["peer"]: c for c in problem["compared"] if (c["error"], c["pollux"]) == (error, ours)}
            rate = number(next(iter(case.values()))["rates"][0])
            ratios = [_times(case[p]["ratio"]) if p in case else "–" for p in peers]
            rows.append((problem["problem"], f"{error:g}", f"{_crowd(ours):,}", rate, *ratios))
    head = ("problem", "error", "patients", "patients per CPU-s", *(f"over {p}" for p in peers))
    return said + table(head, rows)


def sampling_section(sampling: Found) -> list[str]:
    """Calibration and filters, alone and beside peers."""
    said = prose(
        "Posterior: two compartments, oral, five parameters, eight concentrations. Filter: the oral minimal model, 112 "
        "members, kernel step included. Every answer is checked (samplers against NUTS, JAX against Pollux) before its "
        "time is printed. *Effective* is the least of bulk and tail effective size over the parameters."
    )
    rows = sampling["measured"]
    said += table(
        ("what", "wall ms", "CPU ms"),
        ((n, number(r["wall_ms"]), number(r["cpu_ms"])) for n, r in rows.items() if "wall_ms" in r),
    )
    chains = {n: r for n, r in (rows | sampling.get("beside_peers", {})).items() if "effective_per_cpu_s" in r}
    said += table(
        ("NUTS", "CPU s", "effective", "effective per CPU-s", "R̂"),
        (
            (
                n,
                *(number(v) for v in (r["cpu_ms"] / 1e3, r["effective"], r["effective_per_cpu_s"])),
                f"{r['r_hat']:.3f}",
            )
            for n, r in chains.items()
        ),
    )
    said += _beside(sampling.get("beside_peers", {}))
    said += [f"{name} was not installed: not compared.\n" for name in sampling.get("missing", [])]
    told = [
        (n, f"{r['least_p_of_10']:.3f}", "yes" if r["uniform"] else "**no**") for n, r in rows.items() if "uniform" in r
    ]
    return said + table(("simulate, then calibrate", "least p of ten tests", "uniform"), told)


def _beside(rows: dict[str, dict[str, float]]) -> list[str]:
    """Pairs of the same question: Pollux and JAX, in one run."""
    told = []
    for name, row in rows.items():
        what, _, who = name.partition(": ")
        ours = rows.get(f"{what}: Pollux")
        if not ours or who == "Pollux":
            continue
        if "cpu_ms" in row:
            pair, unit = (ours["cpu_ms"], row["cpu_ms"]), "CPU ms"
            ratio = pair[1] / pair[0]
        else:
            pair, unit = (ours["updates_per_cpu_s"], row["updates_per_cpu_s"]), "per CPU-s"
            ratio = pair[0] / pair[1]
        told.append((f"{what}, {unit}", who, number(pair[1]), number(pair[0]), _times(ratio)))
    if not told:
        return []
    return [
        *prose(
            "The same questions in one run. For MAP and NUTS, JAX is given the solution as hand-derived exponentials, "
            "where Pollux is given differential equations; nutpie calls Pollux's density from Python. As it is called, "
            "numpyro compiles in every run; within one `jit` it does so once, which is not counted. The filter's "
            "Runge-Kutta steps in JAX are the fewest that are as exact as Pollux's kernel."
        ),
        *table(("what", "peer", "peer's", "Pollux's", "Pollux is faster by"), told, left=2),
    ]


def simulation_section(simulation: Found) -> list[str]:
    """The glucose model, many and one."""
    rows = [(r["what"], r.get("patient_days_per_cpu_second"), r.get("glucose_error")) for r in simulation["many"]]
    rows += [(r["what"], r.get("patient_days_per_cpu_second"), r.get("glucose_error")) for r in simulation["peers"]]
    said = table(
        ("S2008, 24 h", "patient-days per CPU-s", "error of glucose"),
        ((what, "missing" if rate is None else number(rate), _error(off) if off else "–") for what, rate, off in rows),
    )
    return said + table(("warm", "wall ms"), ((what, number(ms)) for what, ms in simulation["one_ms"].items()))


def inference_section(inference: Found) -> list[str]:
    """One person: calibrated, tracked, answered."""

    def goal(what: str, reached: float) -> tuple[str, str]:
        wanted = next((ms for known, ms in inference["goals_ms"].items() if what.startswith(known)), None)
        return ("", "") if wanted is None else (f"{wanted:g}", "met" if reached <= wanted else "**missed**")

    return table(
        ("one person", "wall ms", "CPU ms", "goal, wall ms", ""),
        (
            (what, number(r["wall_ms"]), number(r["cpu_ms"]), *goal(what, r["wall_ms"]))
            for what, r in inference["measured"].items()
        ),
    )


def store_section(store: Found) -> list[str]:
    """What durable, sealed, audited writing costs beside a bare floor."""
    said = prose(
        "A floor does the least that could be meant, in the same run: plain SQLite, durable, one table; with "
        "encryption and a hash chain for resources, without for events and single writes. Answers are compared with "
        "what was put in before a time is printed."
    )
    floors = [(name, store[name]) for name in ("synthea", "batches", "singles") if name in store]
    said += table(
        ("what", "per s", "per CPU-s", "bare floor, per s", "of the floor"),
        (
            (name, *(number(r[key]) for key in ("per_s", "per_cpu_s", "floor_per_s")), f"{100 * r['ratio']:.0f} %")
            for name, r in floors
        ),
    )
    rest = [
        (f"{part}: {key}", number(value)) for part in ("year", "crowd") for key, value in store.get(part, {}).items()
    ]
    return said + table(("what", "measured"), rest)


TITLES = {
    "curves": ("Accuracy against work", curves_section),
    "growth": ("One patient to a million", growth_section),
    "stiff": ("Stiff equations", stiff_section),
    "sampling": ("Samplers and filters", sampling_section),
    "simulation": ("The glucose model", simulation_section),
    "inference": ("One person, warm and cold", inference_section),
    "store": ("Store", store_section),
}


def page(found: Found) -> str:
    """The whole page."""
    said = [
        "# Benchmarks",
        *prose(
            "Made by `bench/page.py` from what the scripts of `bench/` measured; `make bench` runs them all and then "
            "it. The figures are of one machine that other work may have been using: ratios are the point. What is "
            "compared with what stands at the top of each script."
        ),
        "## Goals",
    ]  # fmt: skip
    said += table(("what", "goal", "reached", "", "command"), (g.row() for g in goals(found)), left=5)
    for name in SCRIPTS:
        title, section = TITLES[name]
        said += ["", f"## {title}", ""]
        if name not in found:
            said.append(f"Not measured: `python bench/{name}.py` has not been run.")
            continue
        said += [f"Command: `python bench/{name}.py`.", "", *section(found[name])]
    said += ["", "## Machine and versions"]
    said += table(("script", "measured on"), ((f"`{n}.py`", _machine(found[n])) for n in SCRIPTS if n in found), left=2)
    text = "\n".join(said)
    while "\n\n\n" in text:
        text = text.replace("\n\n\n", "\n\n")
    return text.rstrip() + "\n"


def _machine(result: Found) -> str:
    return ", ".join(f"{name} {value}" for name, value in result["machine"].items())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--results", type=Path, default=Path(__file__).parent / "results")
    parser.add_argument("--docs", type=Path, default=Path(__file__).parents[1] / "docs")
    asked = parser.parse_args()
    files = {name: asked.results / f"{name}.json" for name in SCRIPTS}
    found = {name: json.loads(file.read_text()) for name, file in files.items() if file.exists()}
    (asked.docs / "benchmarks.md").write_text(page(found), encoding="utf-8")
    if "curves" in found:
        (asked.docs / "benchmarks-curves.svg").write_text(plots.curves(found["curves"]), encoding="utf-8")
    if "growth" in found:
        (asked.docs / "benchmarks-growth.svg").write_text(plots.growth(found["growth"]), encoding="utf-8")
    for goal in goals(found):
        print("{:14}{:70}{:16}{}".format(*(goal.row()[i] for i in (3, 0, 1, 2))))


if __name__ == "__main__":
    main()
