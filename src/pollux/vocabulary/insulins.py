"""Insulin preparations: by which codes and names they are known, and how they act. Read once from `insulins.csv`."""

import csv
import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal, cast

from pollux.vocabulary.terms import ATC_SYSTEMS, RXNORM, SNOMED

Action = Literal["rapid", "short", "intermediate", "long", "weekly", "mixed", "inhaled", "concentrated"]
_QUANTITIES = {
    "rapid": "insulin_bolus",
    "short": "insulin_bolus",
    "intermediate": "insulin_long_acting",
    "long": "insulin_long_acting",
}


@dataclass(frozen=True)
class Insulin:
    """One preparation, or a group of the same action. ATC codes stand for all codes that begin with them."""

    name: str
    action: Action
    words: tuple[str, ...]
    rxnorm: tuple[str, ...]
    snomed: tuple[str, ...]
    atc: tuple[str, ...]
    source: str

    @property
    def quantity(self) -> str:
        """The name of the quantity that a dose of it is; empty where no quantity of the vocabulary acts like it."""
        return _QUANTITIES.get(self.action, "")


@cache
def insulins() -> tuple[Insulin, ...]:
    """Every preparation known."""
    with files("pollux.vocabulary").joinpath("insulins.csv").open(encoding="utf-8") as table:
        return tuple(
            Insulin(
                name=row["name"],
                action=cast(Action, row["action"]),
                words=tuple(word for word in row["words"].split("|") if word),
                rxnorm=tuple(row["rxnorm"].split()),
                snomed=tuple(row["snomed"].split()),
                atc=tuple(row["atc"].split()),
                source=row["source"],
            )
            for row in csv.DictReader(table)
        )


def insulin_for_code(system: str, code: str) -> Insulin | None:
    """The preparation that a code stands for, or None. Of ATC codes the longest beginning counts.

    >>> found = insulin_for_code("http://www.whocc.no/atc", "A10AE04")
    >>> found and (found.name, found.quantity)
    ('insulin glargine', 'insulin_long_acting')
    """
    if system in ATC_SYSTEMS:
        begins = [(len(start), one) for one in insulins() for start in one.atc if code.startswith(start)]
        return max(begins, key=lambda pair: pair[0])[1] if begins else None
    column = {RXNORM: "rxnorm", SNOMED: "snomed"}.get(system)
    return next((one for one in insulins() if code in getattr(one, column)), None) if column else None


def insulins_in(text: str) -> tuple[Insulin, ...]:
    """Every preparation that a text names.

    >>> [found.name for found in insulins_in("Insulin glargine (Lantus) 100 units/mL")]
    ['insulin glargine']
    >>> [found.action for found in insulins_in("HumaLOG Mix75/25")]
    ['rapid', 'mixed']
    """
    words = re.sub(r"[\s,()]+", " ", text.casefold())
    return tuple(one for one in insulins() if one.words and _pattern(one).search(words))


@cache
def _pattern(insulin: Insulin) -> re.Pattern[str]:
    return re.compile(r"(?<![a-z0-9])(?:" + "|".join(map(re.escape, insulin.words)) + r")(?![a-z])")
