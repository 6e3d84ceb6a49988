"""How much more or less of a drug there is when another changes the way it leaves: ratios of areas under the curve.

In vivo static form (Ohno et al. 2007, doi:10.2165/00003088-200746080-00005; the abstract was read, and the form for
induction is *unverified*): with the contribution CR of a way out to a drug's oral clearance, an inhibition ratio IR
(0 to 1) and an increase IC of the clearance by induction,

    AUC ratio = 1 / (1 - Σ CR·IR + Σ CR·IC).

One mechanism in vitro is the same with CR = fm and IR = (I/Ki) / (1 + I/Ki).
"""

from collections.abc import Sequence

import msgspec

from pollux.errors import RefusedInput


class Way(msgspec.Struct, frozen=True):
    """One way out of the body: its contribution, and what is done to it."""

    contribution: float
    inhibition: float = 0.0
    induction: float = 0.0


def ratio(ways: Sequence[Way]) -> float:
    """AUC ratio of a drug whose ways out are changed together.

    Raises `RefusedInput` where contributions exceed 1 in sum or a share lies outside of 0 to 1.

    >>> ratio([Way(0.8, inhibition=1.0)])
    5.000000000000001
    >>> ratio([Way(1.0, induction=4.0)])
    0.2
    """
    for way in ways:
        if not (0 <= way.contribution <= 1 and 0 <= way.inhibition <= 1 and way.induction >= 0):
            raise RefusedInput("a share must lie between 0 and 1", where="way", advice="Give fractions, not percent.")
    if sum(way.contribution for way in ways) > 1 + 1e-9:
        raise RefusedInput("the ways out are more than the whole", where="contribution")
    left = 1 - sum(way.contribution * (way.inhibition - way.induction) for way in ways)
    return 1 / left if left > 0 else float("inf")


def reversible(fm: float, over_ki: float) -> float:
    """AUC ratio by reversible inhibition: 1 / (fm / (1 + I/Ki) + 1 - fm).

    >>> reversible(1.0, 4.0)
    5.0
    """
    if not 0 <= fm <= 1 or over_ki < 0:
        raise RefusedInput("fm must lie between 0 and 1, and I/Ki not be negative", where="fm")
    return 1 / (fm / (1 + over_ki) + (1 - fm))


# The classes by definition: the AUC of a sensitive substrate at least fivefold, two- to fivefold, 1.25- to twofold
# (inhibitors); less by at least 80 %, 50 to 80 %, 20 to 50 % (inducers). FDA, read as public codings restate it.
INHIBITION = {"strong": (5.0, float("inf")), "moderate": (2.0, 5.0), "weak": (1.25, 2.0)}
INDUCTION = {"strong": (0.0, 0.2), "moderate": (0.2, 0.5), "weak": (0.5, 0.8)}
# A sensitive substrate has this way out as good as alone; of a moderately sensitive one 50 to 80 % go there, which is
# what two- to fivefold under complete inhibition means.
CONTRIBUTION = {"sensitive": (1.0, 1.0), "moderate": (0.5, 0.8)}


def range_of(kind: str, strength: str, sensitivity: str) -> tuple[float, float]:
    """The AUC ratio that the classes of both drugs allow, lowest and highest.

    >>> range_of("inhibitor", "strong", "sensitive")
    (5.0, inf)
    >>> [round(x, 2) for x in range_of("inhibitor", "moderate", "moderate")]
    [1.33, 2.78]
    """
    low, high = (INHIBITION if kind == "inhibitor" else INDUCTION)[strength]
    shares = CONTRIBUTION[sensitivity]
    ends = [_through(share, fold) for share in shares for fold in (low, high)]
    return min(ends), max(ends)


def _through(share: float, fold: float) -> float:
    """AUC ratio where this share of the clearance is divided by `fold`: what `ratio` gives for one way."""
    if fold == 0:
        return 0.0
    left = (1 - share) + share / fold
    return 1 / left if left else float("inf")
