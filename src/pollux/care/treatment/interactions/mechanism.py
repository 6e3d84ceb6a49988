"""What one drug does to the enzymes that another leaves by, and how much exposure that may change."""

from collections.abc import Collection, Sequence
from functools import cache
from typing import Literal, cast

import msgspec

from pollux.care.treatment.finding import Finding, Severity
from pollux.care.treatment.interactions.exposure import range_of
from pollux.care.treatment.interactions.source import rows, sources

PRODRUG = "prodrug"


class Effect(msgspec.Struct, frozen=True):
    """What a drug does to an enzyme, and how strongly."""

    drug: str
    enzyme: str
    kind: Literal["inhibitor", "inducer"]
    strength: str
    source: str


class Victim(msgspec.Struct, frozen=True):
    """How much a drug depends on an enzyme: "sensitive", "moderate", or "prodrug" where the enzyme makes what acts."""

    drug: str
    enzyme: str
    sensitivity: str
    source: str


@cache
def effects() -> tuple[Effect, ...]:
    """Every effect held."""
    return tuple(
        Effect(
            row["drug"],
            row["enzyme"],
            cast(Literal["inhibitor", "inducer"], row["kind"]),
            row["strength"],
            row["source"],
        )
        for row in rows("effects.csv")
    )


@cache
def victims() -> tuple[Victim, ...]:
    """Every victim held."""
    return tuple(Victim(**row) for row in rows("victims.csv"))


def by_mechanism(drugs: Sequence[str], counted: Collection[tuple[str, str, str]] = frozenset()) -> tuple[Finding, ...]:
    """Changed exposures among drugs taken together.

    `counted` holds (victim, perpetrator, enzyme) that are already in a gene's advice as a changed activity score: they
    are left out, since the same inhibition must not count twice.
    """
    found = []
    for victim in victims():
        for effect in effects():
            both = victim.drug in drugs and effect.drug in drugs and victim.drug != effect.drug
            same = victim.enzyme == effect.enzyme and effect.strength in ("strong", "moderate", "weak")
            if both and same and (victim.drug, effect.drug, victim.enzyme) not in counted:
                found.append(_finding(victim, effect))
    return tuple(found)


def _finding(victim: Victim, effect: Effect) -> Finding:
    because = (f"{effect.drug} is a {effect.strength} {effect.kind} of {effect.enzyme}",)
    read = (sources()[victim.source], sources()[effect.source])
    unknown = () if all(one.first_hand for one in read) else ("the class of a drug was read as somebody restates it",)
    severity: Severity = {"strong": "serious", "moderate": "moderate"}.get(effect.strength, "minor")  # type: ignore[assignment]
    if victim.sensitivity == PRODRUG:
        less = "less" if effect.kind == "inhibitor" else "more"
        advice = f"{less} of what acts is made from {victim.drug}: watch the effect"
    else:
        advice = f"exposure to {victim.drug} {_words(range_of(effect.kind, effect.strength, victim.sensitivity))}"
    return Finding(
        "interaction", "monitor", severity, (victim.drug, effect.drug), because, advice, certain=not unknown,
        unknown=unknown, sources=read,
    )  # fmt: skip


def _words(fold: tuple[float, float]) -> str:
    low, high = fold
    if high < 1:
        return f"× {low:.2g} to {high:.2g}" if low else f"falls to × {high:.2g} or less"
    return f"rises × {low:.2g} or more" if high == float("inf") else f"rises × {low:.2g} to {high:.2g}"
