"""One thing to think again about, whatever it came from: a gene, another drug, kidneys, liver, an allergy."""

from collections.abc import Iterable
from typing import Literal

import msgspec

Kind = Literal["gene", "interaction", "duplicate", "allergy", "kidney", "liver", "not recognised"]
Action = Literal["avoid", "alternative", "dose", "monitor", "standard", "none", "depends"]
Severity = Literal["contraindicated", "serious", "moderate", "minor", "information"]
SEVERITIES: tuple[Severity, ...] = ("contraindicated", "serious", "moderate", "minor", "information")
ACTIONS: tuple[Action, ...] = ("avoid", "alternative", "dose", "monitor", "none", "standard", "depends")


class Reference(msgspec.Struct, frozen=True):
    """Where a statement came from: who made it, about what, and what was read of it when.

    `first_hand` is False where the statement was read as somebody else restates it.
    """

    body: str
    about: str
    year: str = ""
    pmid: str = ""
    read: str = ""
    as_of: str = ""
    first_hand: bool = True

    @property
    def text(self) -> str:
        """The reference as a line."""
        parts = [self.body, self.about, self.year, f"PMID {self.pmid}" if self.pmid else ""]
        return ", ".join(part for part in parts if part) + ("" if self.first_hand else " (as restated)")


class Finding(msgspec.Struct, frozen=True):
    """What was found, for whom to read: it advises to look again and decides nothing.

    `because` names the gene, drug, observation or allergy it rests on. `certain` is False where what is not known could
    change the advice; `unknown` then says what. `population` limits whom it is for, "" is anyone the guideline is for.
    `strength` is in the words of the source (CPIC: Strong, Moderate, Optional), "" where it was not read.
    """

    kind: Kind
    action: Action
    severity: Severity
    drugs: tuple[str, ...]
    because: tuple[str, ...]
    advice: str
    strength: str = ""
    population: str = ""
    certain: bool = True
    unknown: tuple[str, ...] = ()
    sources: tuple[Reference, ...] = ()


def by_severity(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The gravest first; among equals by drugs, kind and population, so that the order never depends on arrival."""
    return tuple(
        sorted(findings, key=lambda f: (SEVERITIES.index(f.severity), f.drugs, f.kind, f.population, f.because))
    )


def gravest(severities: Iterable[Severity]) -> Severity:
    """The worst of several.

    >>> gravest(["minor", "serious"])
    'serious'
    """
    return min(severities, key=SEVERITIES.index)
