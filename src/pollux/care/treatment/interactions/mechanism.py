"""What one drug does to the enzymes that another leaves by, and how much exposure that may change."""

from collections.abc import Collection, Sequence
from functools import cache
from typing import Literal, cast

import msgspec

from pollux.care.treatment.finding import Finding, Severity
from pollux.care.treatment.interactions.exposure import range_of
from pollux.care.treatment.interactions.source import rows, sources

PRODRUG = "prodrug"
TRANSPORTED = "transported"
_SEVERITY: dict[str, Severity] = {"strong": "serious", "moderate": "moderate", "weak": "minor", "": "moderate"}


class Effect(msgspec.Struct, frozen=True):
    """What a drug does to an enzyme or a transporter, and how strongly: "" where the source gives no strength, as for
    every transporter.
    """

    drug: str
    enzyme: str
    kind: Literal["inhibitor", "inducer"]
    strength: str
    source: str


class Victim(msgspec.Struct, frozen=True):
    """How much a drug depends on an enzyme: "sensitive", "moderate", or "prodrug" where the enzyme makes what acts; and
    "transported" by a transporter, which nobody has measured into classes.
    """

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
            if both and victim.enzyme == effect.enzyme and (victim.drug, effect.drug, victim.enzyme) not in counted:
                found.append(_finding(victim, effect))
    return tuple(found)


def _finding(victim: Victim, effect: Effect) -> Finding:
    what = " ".join(word for word in (effect.strength, effect.kind) if word)
    because = (f"{effect.drug} is {'an' if what[0] in 'aeiou' else 'a'} {what} of {effect.enzyme}",)
    read = (sources()[victim.source], sources()[effect.source])
    unknown = () if all(one.first_hand for one in read) else ("the class of a drug was read as somebody restates it",)
    severity = _SEVERITY[effect.strength]
    if victim.sensitivity == PRODRUG:
        less = "less" if effect.kind == "inhibitor" else "more"
        advice = f"{less} of what acts is made from {victim.drug}: watch the effect"
    elif victim.sensitivity == TRANSPORTED or not effect.strength:
        advice = f"exposure to {victim.drug} may rise: by how much its source does not say"
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
