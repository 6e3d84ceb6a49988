"""One published number that Pollux must reproduce, and what became of it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Verdict = Literal["reproduced", "not reproduced", "not runnable"]


@dataclass(frozen=True)
class Claim:
    """A published number: what it says, where it was read, and how Pollux computes it.

    `measure` returns the number, or None where what it needs (outside data) is not on this machine; `note` says what
    was compared with what. `model` is the model whose credibility it bears on.
    """

    claim: str
    source: str
    expected: float
    tolerance: float
    measure: Callable[[], float | None]
    model: str
    note: str = ""


@dataclass(frozen=True)
class Result:
    """A claim, examined."""

    claim: str
    source: str
    expected: float
    tolerance: float
    measured: float | None
    verdict: Verdict
    note: str
    model: str


def examine(claim: Claim) -> Result:
    """Measure, and judge: within the tolerance it is reproduced.

    >>> examine(Claim("two and two", "arithmetic", 4.0, 0.0, lambda: 2.0 + 2.0, "none")).verdict
    'reproduced'
    """
    measured = claim.measure()
    verdict: Verdict = "not runnable"
    if measured is not None:
        verdict = "reproduced" if abs(measured - claim.expected) <= claim.tolerance else "not reproduced"
    return Result(
        claim.claim, claim.source, claim.expected, claim.tolerance, measured, verdict, claim.note, claim.model
    )
