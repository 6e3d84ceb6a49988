"""What guidelines say of a drug and a genetic result, as a table of facts in our own words.

Each row of `tables/recommendations.csv` holds for one or more drugs and for a condition on one or two genes; its
`guideline` leads to `guidelines.csv`, its `fact` to `facts.csv`, which says what was read, as of when.
"""

import csv
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import cast

import msgspec

from pollux.care.treatment.finding import Action, Reference, Severity
from pollux.care.treatment.genes import Diplotype

NOT_TESTED = "No Result"  # CPIC's own term for a gene of which nothing is known
_TABLES = "pollux.care.treatment.guidance"


class Condition(msgspec.Struct, frozen=True):
    """What a gene's result must be: one of `terms`, and an activity score within `scores` where that is stated.

    A term is a phenotype, an allele status ("*57:01 positive") or a genotype ("genotype *1/*3").
    """

    gene: str
    terms: tuple[str, ...]
    scores: tuple[float, float] | None = None

    def meets(self, diplotype: Diplotype | None) -> bool:
        """Whether a diplotype, or None for a gene that was not tested, fulfils the condition."""
        if diplotype is None:
            return NOT_TESTED in self.terms
        if self.scores is not None:
            low, high = self.scores
            if diplotype.activity_score is None or not low <= diplotype.activity_score <= high:
                return False
        return any(_is(term, diplotype) for term in self.terms)


def _is(term: str, diplotype: Diplotype) -> bool:
    if term.startswith("genotype "):
        return sorted(term.removeprefix("genotype ").split("/")) == sorted(diplotype.alleles)
    allele, _, status = term.partition(" ")
    if status in ("positive", "negative") and allele.startswith("*") and diplotype.alleles:
        return (allele in diplotype.alleles) is (status == "positive")
    return term == diplotype.phenotype


class Recommendation(msgspec.Struct, frozen=True):
    """One statement. `factor` is a range of the dose `of` which it speaks; `limit` a dose in words."""

    drugs: tuple[str, ...]
    when: tuple[Condition, ...]
    population: str
    action: Action
    factor: tuple[float, float] | None
    of: str
    limit: str
    note: str
    implication: str
    strength: str
    guideline: str
    fact: str
    changed: str

    @property
    def genes(self) -> tuple[str, ...]:
        """The genes it asks for."""
        return tuple(one.gene for one in self.when)

    @property
    def severity(self) -> Severity:
        """How much it matters, for sorting: our own ranking of what the guideline says to do."""
        if self.action == "avoid":
            return "serious"
        if self.action == "alternative":
            return "serious" if self.strength == "Strong" else "moderate"
        ranks: dict[str, Severity] = {"dose": "moderate", "monitor": "minor"}
        return ranks.get(self.action, "information")

    @property
    def advice(self) -> str:
        """The statement as a sentence, made from its parts."""
        said = {
            "avoid": "avoid",
            "alternative": "consider another drug",
            "monitor": "usual care, watched",
            "standard": "usual dose",
            "none": "no recommendation",
        }.get(self.action, "change the dose")
        dose = " of the ".join(part for part in (_times(self.factor), self.of) if part)
        if self.action in ("avoid", "alternative") and (dose or self.limit):
            dose = f"if it is given: {dose}" if dose else self.limit
            said += f"; {dose}"
        else:
            said += "".join(f": {part}" for part in (", ".join(x for x in (dose, self.limit) if x),) if part)
        return said + (f" ({self.note})" if self.note else "")

    @property
    def source(self) -> Reference:
        """Where it was read."""
        rows = _guidelines(), _facts()
        guideline, fact = rows[0][self.guideline], rows[1][self.fact]
        return Reference(
            guideline["body"], guideline["about"], guideline["year"], guideline["pmid"], fact["read"], fact["as_of"],
            fact["first_hand"] == "yes",
        )  # fmt: skip


def _times(factor: tuple[float, float] | None) -> str:
    if factor is None:
        return ""
    low, high = (f"{100 * value:g} %" for value in factor)
    return low if low == high else f"{low} to {high}"


@cache
def recommendations() -> tuple[Recommendation, ...]:
    """Every statement held."""
    guidelines = _guidelines()
    return tuple(
        Recommendation(
            drugs=tuple(row["drug"].split("|")),
            when=tuple(_condition(part) for part in row["when"].split(" & ")),
            population=row["population"],
            action=cast(Action, row["kind"]),
            factor=_range(row["factor"]),
            of=row["of"],
            limit=row["limit"],
            note=row["note"],
            implication=row["implication"],
            strength=row["strength"],
            guideline=row["guideline"],
            fact=row["fact"],
            changed=guidelines[row["guideline"]]["changed"],
        )
        for row in _rows("recommendations.csv")
    )


@cache
def held_for(drug: str) -> tuple[Recommendation, ...]:
    """The statements of one drug."""
    return tuple(one for one in recommendations() if drug in one.drugs)


@cache
def drugs_covered() -> tuple[str, ...]:
    """The drugs of which anything is held, sorted; warfarin is spoken of apart."""
    return tuple(sorted({drug for one in recommendations() for drug in one.drugs}))


def _range(text: str) -> tuple[float, float] | None:
    if not text:
        return None
    low, _, high = text.partition("-")
    return float(low), float(high or low)


def _condition(text: str) -> Condition:
    gene, _, rest = text.partition("=")
    terms, _, scores = rest.partition("@")
    return Condition(gene, tuple(terms.split("|")), _range(scores))


@cache
def _guidelines() -> dict[str, dict[str, str]]:
    return {row["key"]: row for row in _rows("guidelines.csv")}


@cache
def _facts() -> dict[str, dict[str, str]]:
    return {row["key"]: row for row in _rows("facts.csv")}


def guideline(key: str) -> Reference:
    """A guideline by its key, for what is said of it beside the table."""
    row = _guidelines()[key]
    return Reference(row["body"], row["about"], row["year"], row["pmid"])


def _rows(name: str) -> Iterator[dict[str, str]]:
    with files(_TABLES).joinpath("tables", name).open(encoding="utf-8") as table:
        yield from csv.DictReader(table)
