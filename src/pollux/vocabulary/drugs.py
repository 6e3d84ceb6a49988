"""Drugs by name and code: those that guidance and interactions speak of. Read once from `drugs.csv`.

A drug without a code here is known by its name only; a name that is not here is not recognised, and whoever asks
shows it as such. Groups are pharmacological classes as labels name them, our own assignment.
"""

import csv
import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from pollux.errors import UnknownName
from pollux.vocabulary.terms import ATC_SYSTEMS, RXNORM


@dataclass(frozen=True)
class Drug:
    """One active ingredient. `rxnorm` is the ingredient's own code, `atc` its codes, alone and in combinations."""

    name: str
    words: tuple[str, ...] = ()
    rxnorm: str = ""
    atc: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    source: str = ""

    @property
    def classes(self) -> tuple[str, ...]:
        """The chemical subgroups it belongs to: the fourth level of its ATC codes.

        >>> drug("simvastatin").classes[0]
        'C10AA'
        """
        return tuple(dict.fromkeys(code[:5] for code in self.atc if len(code) == 7))


@cache
def drugs() -> tuple[Drug, ...]:
    """Every drug known."""
    with files("pollux.vocabulary").joinpath("drugs.csv").open(encoding="utf-8") as table:
        return tuple(
            Drug(
                name=row["name"],
                words=tuple(word for word in row["words"].split("|") if word),
                rxnorm=row["rxnorm"],
                atc=tuple(row["atc"].split()),
                groups=tuple(group for group in row["groups"].split("|") if group),
                source=row["source"],
            )
            for row in csv.DictReader(table)
        )


@cache
def _by_name() -> dict[str, Drug]:
    return {word.casefold(): one for one in drugs() for word in (one.name, *one.words)}


def drug(name: str) -> Drug:
    """The drug of a name or synonym.

    >>> drug("Rifampin").name
    'rifampicin'
    """
    found = _by_name().get(name.casefold().strip())
    if found is None:
        raise UnknownName(
            f"no drug is named {name[:60]!r} here", advice="It may be written otherwise, or not be known."
        )
    return found


def drug_for_code(system: str, code: str) -> Drug | None:
    """The drug that a code stands for, or None. RxNorm codes are ingredients', ATC codes substances'.

    >>> found = drug_for_code(RXNORM, "36567")
    >>> found and found.name
    'simvastatin'
    """
    if system == RXNORM:
        return next((one for one in drugs() if one.rxnorm == code), None)
    if system in ATC_SYSTEMS:
        holders = [one for one in drugs() if code in one.atc]
        return holders[0] if len(holders) == 1 else None
    return None


def drugs_in(text: str) -> tuple[Drug, ...]:
    """Every drug that a text names, in the order of the text; a longer name is never taken for a shorter one in it.

    >>> [found.name for found in drugs_in("Paroxetine 20 mg tablet, and Zocor")]
    ['paroxetine', 'simvastatin']
    >>> [found.name for found in drugs_in("esomeprazole 20 mg")]
    ['esomeprazole']
    """
    found: dict[str, Drug] = {}
    for match in _pattern().finditer(text.casefold()):
        one = _by_name()[match.group(0)]
        found.setdefault(one.name, one)
    return tuple(found.values())


@cache
def _pattern() -> re.Pattern[str]:
    names = sorted(_by_name(), key=len, reverse=True)
    return re.compile(r"(?<![a-z0-9-])(?:" + "|".join(map(re.escape, names)) + r")(?![a-z0-9])")
