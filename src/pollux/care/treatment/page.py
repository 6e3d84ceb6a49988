"""The made part of `docs/guidance.md`: `python -m pollux.care.treatment.page docs/guidance.md` renews it."""

import sys
from collections import Counter
from math import isfinite
from pathlib import Path

from pollux.care.treatment.guidance.recommendation import drugs_covered, held_for, recommendations
from pollux.care.treatment.interactions.labelled import pairs
from pollux.care.treatment.interactions.mechanism import effects, victims
from pollux.care.treatment.interactions.source import sources
from pollux.care.treatment.organs.dosing import rules

BEGIN, END = "<!-- made by pollux.care.treatment.page -->", "<!-- end -->"


def tables() -> str:
    """The part of the page that is made: drugs and genes, interactions, kidneys and liver, with sources and dates."""
    return "\n".join([*_guidance(), "", *_pairs(), "", *_mechanisms(), "", *_organs()])


def renewed(page: str) -> str:
    """A page with its made part made again."""
    before, _, rest = page.partition(BEGIN)
    return f"{before}{BEGIN}\n{tables()}\n{END}{rest.partition(END)[2]}"


def _guidance() -> list[str]:
    lines = [
        f"### Drugs and genes ({len(recommendations())} statements, {len(drugs_covered())} drugs, and warfarin)",
        "",
        "| drug | genes | statements | strength read | guideline | read, as of |",
        "|---|---|---:|---:|---|---|",
    ]
    for name in drugs_covered():
        held = held_for(name)
        genes = ", ".join(dict.fromkeys(gene for one in held for gene in one.genes))
        strength = sum(1 for one in held if one.strength)
        said = dict.fromkeys(
            f"{s.body} {s.year}{f' (PMID {s.pmid})' if s.pmid else ''}" for s in (o.source for o in held)
        )
        read = dict.fromkeys(f"{s.as_of}{'' if s.first_hand else ' as restated'}" for s in (o.source for o in held))
        changed = dict.fromkeys(f"; **changed {one.changed}, not read**" for one in held if one.changed)
        lines.append(
            f"| {name} | {genes} | {len(held)} | {strength} | {', '.join(said)}{''.join(changed)} | {', '.join(read)} |"
        )
    return lines


def _pairs() -> list[str]:
    held = dict.fromkeys(
        (p.of, p.asked, p.says, p.effect, p.mechanism, p.advice, sources()[p.source].text) for p in pairs()
    )
    lines = [
        f"### Pairs ({len(held)} statements)",
        "",
        "| drug | with | it says | by way of | what it asks for | source |",
        "|---|---|---|---|---|---|",
    ]
    for of, asked, says, effect, mechanism, advice, source in held:
        names = (one.removeprefix("drug:").removesuffix(":") for one in (of, asked))
        lines.append(f"| {' | '.join(names)} | {says}: {effect} | {mechanism} | {advice} | {source} |")
    return lines


def _mechanisms() -> list[str]:
    counts = Counter((one.enzyme, one.strength, one.kind) for one in effects())
    lines = ["### Enzymes", "", "| enzyme | what | drugs |", "|---|---|---|"]
    for enzyme, strength, kind in sorted(counts):
        names = [one.drug for one in effects() if (one.enzyme, one.strength, one.kind) == (enzyme, strength, kind)]
        lines.append(f"| {enzyme} | {f'{strength} {kind}'.strip()} | {', '.join(names)} |")
    for one in victims():
        read = sources()[one.source]
        lines.append(f"| {one.enzyme} | depends on it: {one.sensitivity} | {one.drug} ({read.text}) |")
    return lines


def _organs() -> list[str]:
    lines = [
        "### Kidneys and liver",
        "",
        "| drug | formula | from | below | it says | source |",
        "|---|---|---:|---:|---|---|",
    ]
    for one in rules():
        said = ": ".join(part for part in (one.says, one.dose) if part)
        where = f" ({one.population})" if one.population else ""
        bounds = f"{_limit(one.low)} | {_limit(one.high)}"
        lines.append(f"| {one.drug} | {one.formula} | {bounds} | {said}{where} | {one.source.text} |")
    return lines


def _limit(value: float) -> str:
    return f"{value:g}" if isfinite(value) else ""


if __name__ == "__main__":
    target = Path(sys.argv[1])
    target.write_text(renewed(target.read_text(encoding="utf-8")), encoding="utf-8")
