"""Pairs of drugs that a label or a guideline speaks of, by name or by class."""

from collections.abc import Sequence
from functools import cache

import msgspec

from pollux.care.treatment.finding import Action, Finding, Severity
from pollux.care.treatment.interactions.mechanism import effects
from pollux.care.treatment.interactions.source import rows, sources
from pollux.vocabulary import drug, drugs

_SEVERITY: dict[str, Severity] = {
    "contraindicated": "contraindicated",
    "avoid": "serious",
    "boxed warning": "serious",
    "warning": "moderate",
}
_ACTION: dict[str, Action] = {"contraindicated": "avoid", "avoid": "avoid"}


class Pair(msgspec.Struct, frozen=True):
    """What a source says of a drug together with any of `partners`."""

    drug: str
    partners: frozenset[str]
    asked: str
    says: str
    mechanism: str
    effect: str
    source: str


@cache
def pairs() -> tuple[Pair, ...]:
    """Every pair held, with its class spelled out as the drugs that are known here."""
    return tuple(
        Pair(
            row["drug"].removeprefix("drug:"), _partners(row["with"]), row["with"], row["says"], row["mechanism"],
            row["effect"], row["source"],
        )
        for row in rows("pairs.csv")
    )  # fmt: skip


def _partners(selector: str) -> frozenset[str]:
    kind, _, rest = selector.partition(":")
    if kind == "drug":
        return frozenset({drug(rest).name})
    if kind == "group":
        return frozenset(one.name for one in drugs() if rest in one.groups)
    enzyme, _, strength = rest.partition(":")
    return frozenset(one.drug for one in effects() if (one.kind, one.enzyme, one.strength) == (kind, enzyme, strength))


def labelled(taken: Sequence[str]) -> tuple[Finding, ...]:
    """What labels say of these drugs together: of a pair the gravest statement, with every source that speaks of it."""
    together: dict[frozenset[str], list[tuple[Pair, str]]] = {}
    for pair in pairs():
        for other in taken:
            if pair.drug in taken and other in pair.partners and other != pair.drug:
                together.setdefault(frozenset({pair.drug, other}), []).append((pair, other))
    return tuple(_finding(said) for said in together.values())


def _class(selector: str) -> str:
    kind, _, rest = selector.partition(":")
    enzyme, _, strength = rest.partition(":")
    return f"{strength} {kind} of {enzyme}" if strength else rest


def _finding(said: Sequence[tuple[Pair, str]]) -> Finding:
    order = list(_SEVERITY)
    pair, other = min(said, key=lambda one: order.index(one[0].says))
    by_class = "" if pair.asked.startswith("drug:") else f" (named as a class: {_class(pair.asked)})"
    return Finding(
        "interaction",
        _ACTION.get(pair.says, "monitor"),
        _SEVERITY[pair.says],
        (pair.drug, other),
        tuple(dict.fromkeys(f"{one.mechanism}: {one.effect}" for one, _ in said)),
        f"{pair.says} together: {pair.effect}{by_class}",
        strength="labelling" if pair.source.startswith("label") else "",
        sources=tuple(dict.fromkeys(sources()[one.source] for one, _ in said)),
    )
