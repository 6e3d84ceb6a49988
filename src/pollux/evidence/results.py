"""The credibility file: every registered claim examined, as text, JSON or a page of the docs."""

from collections.abc import Sequence
from dataclasses import asdict
from importlib.resources import files

import orjson

from pollux.evidence import glucose, pharmacology, sensor, studies
from pollux.evidence.claim import Claim, Result, examine


def registered() -> list[Claim]:
    """Every claim that Pollux makes itself answer for."""
    return [*glucose.claims(), *pharmacology.claims(), *studies.claims(), *sensor.claims()]


def examine_claims() -> list[Result]:
    """Run every registered claim against the models."""
    return [examine(claim) for claim in registered()]


def recorded(model: str) -> list[Result]:
    """What was found of a model's claims when the page of the docs was last made; nothing is run."""
    content = files("pollux.evidence").joinpath("recorded.json").read_bytes()
    return [Result(**row) for row in orjson.loads(content) if row["model"] == model]


def as_json(results: Sequence[Result]) -> str:
    """A list of objects: claim, source, expected, tolerance, measured, verdict, note (and the model)."""
    return orjson.dumps([asdict(result) for result in results], option=orjson.OPT_INDENT_2).decode()


def as_text(results: Sequence[Result]) -> str:
    """One line a claim, and the count of verdicts."""
    lines = []
    for r in results:
        lines.append(
            f"{r.verdict:15s} {r.claim}: expected {r.expected:g} ± {r.tolerance:g}, measured {_number(r.measured)}"
        )
        lines.append(f"{'':16s}source: {r.source}{'; ' + r.note if r.note else ''}")
    return "\n".join([*lines, summary(results)])


def summary(results: Sequence[Result]) -> str:
    """How many claims were reproduced, how many not, how many could not be run here."""
    counts = {
        verdict: sum(r.verdict == verdict for r in results) for verdict in dict.fromkeys(r.verdict for r in results)
    }
    return f"{len(results)} claims: " + ", ".join(f"{count} {verdict}" for verdict, count in counts.items())


def as_page(results: Sequence[Result]) -> str:
    """The page of the docs, in Markdown."""
    head = (
        "# Evidence\n\n"
        "Every published number that Pollux makes itself answer for, and whether it does. "
        "Made by `pollux evidence --page docs/evidence.md`; the same claims are tests (`tests/evidence`). "
        "A claim that is not reproduced stays listed, with the reason.\n\n"
        f"{summary(results)}.\n\n"
        "| claim | model | expected | measured | verdict | source | note |\n|---|---|---:|---:|---|---|---|\n"
    )
    rows = (
        f"| {r.claim} | {r.model} | {r.expected:g} ± {r.tolerance:g} | {_number(r.measured)} | {r.verdict} "
        f"| {r.source} | {r.note} |"
        for r in results
    )
    return head + "\n".join(rows) + "\n"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.6g}"
