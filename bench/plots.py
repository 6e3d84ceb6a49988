"""The plots of the benchmarks' page, as SVG on a white ground, so that they can be read on light and dark pages."""

import io
from math import isfinite
from typing import Any

INK, FAINT = "#1d2733", "#c9d1d9"
STYLES = {
    "Pollux": ("#b4581b", "o", 2.4),
    "JAX, equal steps": ("#2f6fa7", "s", 1.4),
    "diffrax Tsit5": ("#5b7f2b", "^", 1.4),
    "libRoadRunner": ("#7b4b94", "D", 1.4),
}
LETTERS, LARGEST_ERROR = 9.0, 1.0
MEMORY_GOAL = 2048.0  # MB


def _figure(width: float, height: float, panels: int) -> tuple[Any, Any]:
    import matplotlib

    matplotlib.use("svg")
    from matplotlib.figure import Figure

    matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "pollux", "font.family": "sans-serif"})
    figure = Figure(figsize=(width, height), layout="constrained", facecolor="white")
    axes = figure.subplots(1, panels)
    for one in axes:
        one.set_xscale("log")
        one.set_yscale("log")
        one.spines[["top", "right"]].set_visible(False)
        one.tick_params(labelsize=LETTERS, colors=INK)
        one.minorticks_off()
        one.grid(color=FAINT, lw=0.6)
        one.set_axisbelow(True)
    return figure, axes


def _svg(figure: Any, described: str) -> str:
    out = io.StringIO()
    figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    text = out.getvalue()
    text = text[text.index("<svg") :].replace("<svg", f'<svg role="img" aria-label="{described}"', 1)
    return "\n".join(line.rstrip() for line in text.splitlines()) + "\n"


def curves_figure(found: dict[str, Any]) -> Any:
    """Patients per CPU-second against measured error, a panel for each workload."""
    works = found["workloads"]
    figure, axes = _figure(10.5, 4.1, max(2, len(works)))
    for one, work in zip(axes, works, strict=False):
        for system in dict.fromkeys(r["system"] for r in work["rows"]):
            colour, marker, width = STYLES[system]
            points = [(r["error"], r["per_cpu_second"]) for r in work["rows"] if r["system"] == system]
            points = [p for p in points if isfinite(p[0]) and 0.0 < p[0] < LARGEST_ERROR]
            one.plot(*zip(*points, strict=True), marker=marker, ms=5, lw=width, color=colour, label=system)
        name = work["workload"].replace(" with indirect response, ", ",\nindirect response, ")
        name = name.replace(" with valves, ", ",\nvalves, ").replace("glucose, 24 h", "glucose model (S2008),\n24 h")
        one.set_title(name, fontsize=LETTERS + 1, color=INK, loc="left")
        one.set_xlabel("largest relative error, measured", fontsize=LETTERS, color=INK)
        one.invert_xaxis()
    axes[0].set_ylabel("patients per CPU-second", fontsize=LETTERS, color=INK)
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, frameon=False, fontsize=LETTERS + 1)
    return figure


def growth_figure(found: dict[str, Any]) -> Any:
    """CPU time and peak memory against the number of patients."""
    figure, (time, memory) = _figure(8.4, 3.6, 2)
    rows = [r for r in found["growth"] if r["threads"] == 1]
    patients = [r["patients"] for r in rows]
    colour, marker, width = STYLES["Pollux"]
    time.plot(patients, [r["cpu_s"] for r in rows], marker=marker, ms=5, lw=width, color=colour)
    slowest = rows[-1]["cpu_s"] / rows[-1]["patients"]
    time.plot(patients, [n * slowest for n in patients], lw=1.2, ls=(0, (4, 3)), color=INK)
    time.text(patients[2], 0.4 * patients[2] * slowest, "in proportion", fontsize=LETTERS, color=INK, va="top")
    time.set_title("CPU-seconds, one thread", fontsize=LETTERS + 1, color=INK, loc="left")
    memory.plot(patients, [r["peak_mb"] for r in rows], marker=marker, ms=5, lw=width, color=colour)
    memory.set_yscale("linear")
    memory.axhline(MEMORY_GOAL, lw=1.2, ls=(0, (4, 3)), color=INK)
    memory.text(patients[0], MEMORY_GOAL * 0.98, "goal: at most 2 GB", fontsize=LETTERS, color=INK, va="top")
    memory.set_ylim(0.0, 1.1 * MEMORY_GOAL)
    memory.set_title("peak of memory, MB", fontsize=LETTERS + 1, color=INK, loc="left")
    for one in (time, memory):
        one.set_xlabel("patients", fontsize=LETTERS, color=INK)
    return figure


def curves(found: dict[str, Any]) -> str:
    described = "Patients per CPU-second against measured error for Pollux, JAX, diffrax and libRoadRunner"
    return _svg(curves_figure(found), described)


def growth(found: dict[str, Any]) -> str:
    return _svg(growth_figure(found), "CPU time and peak memory from one patient to a million")
