"""What an inhibitor of CYP2D6 makes of a genetic result.

CPIC's guideline on opioids (2021, PMID 33387367): under a strong inhibitor the activity score becomes 0, under a
moderate one it is halved, and the phenotype follows from the new score; a weak one changes nothing. The cut points are
those of Caudle et al. 2020 (PMID 31647186). CPIC's guideline on serotonin reuptake inhibitors (2023, PMID 37032427)
says that no approach is agreed upon there, so that the rule is kept to the guideline that states it. Both sentences
were read as a public specification quotes them. Inducers of CYP2D6 are not known. A score is changed once however many
inhibitors there are, by the strongest; the fold change in exposure by the same way is then not counted as well.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import msgspec

from pollux.care.treatment.finding import Reference
from pollux.care.treatment.genes import Diplotype, GeneCall
from pollux.care.treatment.interactions.mechanism import effects

GENE = "CYP2D6"
SCOPE = ("cpic-opioids",)
FACTORS = {"strong": 0.0, "moderate": 0.5}
# How long after its last dose an inhibitor still counts [days]. Fluoxetine: five weeks, as its US label asks before a
# monoamine oxidase inhibitor. Of the others no wash-out was read: within `_LONGEST` both states are possible.
WASH_OUT = {"fluoxetine": 35}
_LONGEST = 35  # the longest that was read, taken as the bound for all: our own choice
RULE = Reference(
    "CPIC", "CYP2D6 and opioids: activity score under an inhibitor", "2021", "33387367",
    "the guideline's rule as a public specification quotes it", "2026-10", False,
)  # fmt: skip


class Conversion(msgspec.Struct, frozen=True):
    """An inhibitor at work: its name, what it does to the score, and whether it surely still works."""

    inhibitor: str
    strength: str
    factor: float
    certain: bool = True


def conversion(taken: Sequence[str], stopped: Mapping[str, datetime], at: datetime | None) -> Conversion | None:
    """The strongest inhibitor of CYP2D6 that works, or may still work; None without one."""
    found: list[Conversion] = []
    for name, strength in _inhibitors():
        if name in taken:
            found.append(Conversion(name, strength, FACTORS[strength]))
        elif name in stopped and at is not None:
            gone = at - stopped[name]
            known = WASH_OUT.get(name)
            if gone < timedelta(days=_LONGEST if known is None else known):
                found.append(Conversion(name, strength, FACTORS[strength], certain=known is not None))
    return min(found, key=lambda one: (one.factor, not one.certain, one.inhibitor)) if found else None


def _inhibitors() -> list[tuple[str, str]]:
    return [
        (one.drug, one.strength)
        for one in effects()
        if one.enzyme == GENE and one.kind == "inhibitor" and one.strength in FACTORS
    ]


def phenotype(score: float) -> str:
    """The phenotype of an activity score of CYP2D6.

    >>> [phenotype(score) for score in (0, 0.25, 1.24, 1.25, 2.25, 2.5)][1:4]
    ['Intermediate Metabolizer', 'Intermediate Metabolizer', 'Normal Metabolizer']
    """
    if score == 0:
        return "Poor Metabolizer"
    if score < 1.25:
        return "Intermediate Metabolizer"
    return "Normal Metabolizer" if score <= 2.25 else "Ultrarapid Metabolizer"


def converted(call: GeneCall | None, by: Conversion) -> GeneCall | None:
    """The call as the inhibitor leaves it: every possible diplotype with its new score and phenotype.

    A strong inhibitor makes a poor metabolizer of anyone, tested or not. Where it is not certain that the inhibitor
    still works, both states stay possible. A diplotype without a score keeps its phenotype.
    """
    tested = call is not None and bool(call.possible)
    if not tested and (by.factor > 0 or not by.certain):
        return call
    before = call.possible if call is not None else ()
    after = tuple(_scored(one, by) for one in before) or (Diplotype((), (), "Poor Metabolizer", 0.0),)
    possible = after if by.certain else (*before, *after)
    reason = f"{by.inhibitor} ({by.strength} inhibitor): activity score × {by.factor:g}"
    base = call or GeneCall(GENE, (), (), source="phenoconversion")
    # Under a strong inhibitor what the copies are no longer matters, and the call is provisional no more.
    open_still = base.provisional and not (by.factor == 0 and by.certain)
    return msgspec.structs.replace(
        base,
        matched=after if by.certain else (),
        possible=tuple(dict.fromkeys(possible)),
        reasons=(*base.reasons, reason),
        provisional=open_still,
    )


def _scored(one: Diplotype, by: Conversion) -> Diplotype:
    if by.factor == 0:
        return msgspec.structs.replace(one, activity_score=0.0, phenotype=phenotype(0.0))
    if one.activity_score is None:
        return one
    score = one.activity_score * by.factor
    return msgspec.structs.replace(one, activity_score=score, phenotype=phenotype(score))
