"""From alleles to what they mean together: function, activity score, phenotype, and how a diplotype is written."""

import re
from collections.abc import Sequence

from pollux.care.treatment.genes.call import Diplotype
from pollux.care.treatment.genes.definition import INDETERMINATE, Gene, NamedAllele

_NUMBERS = re.compile(r"(\d+)")


def natural(name: str) -> tuple[object, ...]:
    """A key that sorts names as people do: *2 before *10.

    >>> sorted(["*10", "*2", "*80+*28", "*80"], key=natural)
    ['*2', '*10', '*80', '*80+*28']
    """
    parts = _NUMBERS.split(name)
    return tuple((0, int(part), "") if at % 2 else (1, 0, part) for at, part in enumerate(parts) if part)


def order(gene: Gene, name: str) -> tuple[object, ...]:
    """A key for the order of alleles in a diplotype: the reference first, unless names are numbers with a star."""
    return (name != gene.reference.name and not name.startswith("*"), natural(name.lstrip("[")))


def activity(values: Sequence[str]) -> float | None:
    """The sum of activity values, or None where one of them is not a number.

    >>> activity(["1.0", "0.25"]), activity(["1.0", "n/a"]), activity(["≥3.0"])
    (1.25, None, 3.0)
    """
    numbers = [value.removeprefix("≥") for value in values]
    if not all(number.replace(".", "", 1).isdigit() for number in numbers):
        return None
    return sum(float(number) for number in numbers)


def phenotype(gene: Gene, functions: Sequence[str], values: Sequence[str]) -> tuple[str, float | None]:
    """The phenotype that the gene's rule gives to these copies, with their activity score where the gene has scores."""
    if not gene.scores:
        return gene.pairs.get(tuple(sorted(functions)), INDETERMINATE), None
    score = activity(values)
    if score is None:
        return INDETERMINATE, None
    return next(name for lowest, name in reversed(gene.scores) if score >= lowest), score


def diplotype(gene: Gene, copies: Sequence[NamedAllele]) -> Diplotype:
    """What one or two alleles mean together."""
    ordered = sorted(copies, key=lambda one: order(gene, one.name))
    functions = tuple(one.function for one in ordered)
    means, score = phenotype(gene, functions, [one.activity for one in ordered])
    return Diplotype(tuple(one.name for one in ordered), functions, means, score)
