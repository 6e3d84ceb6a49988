"""Pairs of drugs that a label or a guideline speaks of, by name or by class."""

from collections.abc import Sequence
from functools import cache

import msgspec

from pollux.care.treatment.finding import Action, Finding, Severity
from pollux.care.treatment.interactions.mechanism import effects
from pollux.care.treatment.interactions.source import rows, sources
from pollux.vocabulary import drug, drugs

# What a label says, in our ranking. A warning is "serious" where the label speaks of death, danger to life or grave
# harm beside the pair, or in its box: the distinction is ours.
_SEVERITY: dict[str, Severity] = {
    "contraindicated": "contraindicated",
    "avoid": "serious",
    "boxed warning": "serious",
    "serious warning": "serious",
    "warning": "moderate",
}
_ACTION: dict[str, Action] = {"contraindicated": "avoid", "avoid": "avoid"}


class Pair(msgspec.Struct, frozen=True):
    """What a source says of a drug together with any of `partners`.

    `of` and `asked` are the row's own selectors, `advice` what the source asks for, "" where for nothing.
    """

    drug: str
    partners: frozenset[str]
    asked: str
    says: str
    mechanism: str
    effect: str
    source: str
    advice: str = ""
    of: str = ""


@cache
def pairs() -> tuple[Pair, ...]:
    """Every pair held, with each class spelled out as the drugs that are known here."""
    return tuple(
        Pair(
            name, _members(row["with"]) - {name}, row["with"], row["says"], row["mechanism"], row["effect"],
            row["source"], row["advice"], row["drug"],
        )
        for row in rows("pairs.csv")
        for name in sorted(_members(row["drug"]))
    )  # fmt: skip


def _members(selector: str) -> frozenset[str]:
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
            if pair.drug in taken and other in pair.partners:
                together.setdefault(frozenset({pair.drug, other}), []).append((pair, other))
    return tuple(_finding(said) for said in together.values())


def _class(selector: str) -> str:
    kind, _, rest = selector.partition(":")
    enzyme, _, strength = rest.partition(":")
    return f"{strength} {kind} of {enzyme}".strip() if kind in ("inhibitor", "inducer") else rest


def _finding(said: Sequence[tuple[Pair, str]]) -> Finding:
    order = list(_SEVERITY)
    pair, other = min(said, key=lambda one: order.index(one[0].says))
    classes = dict.fromkeys(_class(one) for one in (pair.of, pair.asked) if not one.startswith("drug:"))
    by_class = f" (named as a class: {', '.join(classes)})" if classes else ""
    asks = dict.fromkeys(one.advice for one, _ in said if one.advice)
    return Finding(
        "interaction",
        _ACTION.get(pair.says, "monitor"),
        _SEVERITY[pair.says],
        (pair.drug, other),
        tuple(dict.fromkeys(f"{one.mechanism}: {one.effect}" for one, _ in said)),
        "; ".join((f"{pair.says} together: {pair.effect}{by_class}", *asks)),
        strength="labelling" if pair.source.startswith("label") else "",
        sources=tuple(dict.fromkeys(sources()[one.source] for one, _ in said)),
    )
