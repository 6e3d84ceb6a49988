"""The table of clinical quantities, read once from `terms.csv`."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Literal

from pollux.errors import UnknownName
from pollux.vocabulary.units import convert_value, unit

LOINC = "http://loinc.org"
SNOMED = "http://snomed.info/sct"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
ATC = "http://www.whocc.no/atc"
QUANTITY = "urn:pollux:quantity"  # the names of this table as a code system, for what no other has a code
ATC_SYSTEMS = (ATC, "http://fhir.de/CodeSystem/bfarm/atc", "http://fhir.de/CodeSystem/dimdi/atc")  # the same codes


@dataclass(frozen=True)
class Equation:
    """How a number on another scale becomes one of the quantity: value = slope × number in `unit` + intercept."""

    unit: str
    slope: Fraction
    intercept: Fraction


@dataclass(frozen=True)
class Term:
    """One clinical quantity.

    `plausible` is what is seen in practice (beyond it a value is flagged), `possible` is what can be at all (beyond it
    a value is quarantined), both in `unit`. `molar_mass` [g/mol] joins mass and amount units, `charge` amounts and
    equivalents of an ion (in the table behind the molar mass: `40.078@2`), `equation` two scales that no factor joins.
    `stated_in` names the codes whose numbers are read in one unit only: a code may so stand for two quantities.
    """

    name: str
    label: str
    kind: Literal["number", "coded"]
    unit: str
    loinc: tuple[str, ...]
    atc: tuple[str, ...]
    rxnorm: tuple[str, ...]
    snomed: tuple[str, ...]
    plausible: tuple[float, float] | None
    possible: tuple[float, float] | None
    molar_mass: float | None
    charge: int | None
    equation: Equation | None
    stated_in: Mapping[str, str] = field(hash=False)
    source: str


def _term(row: Mapping[str, str]) -> Term:
    def pair(name: str) -> tuple[float, float] | None:
        low, high = row[f"{name}_low"], row[f"{name}_high"]
        return (float(low), float(high)) if low and high else None

    codes = [code.partition("@") for code in row["loinc"].split()]
    scale = row["equation"].split()
    molar, _, charge = row["molar_mass"].partition("@")
    return Term(
        name=row["name"],
        label=row["label"],
        kind="number" if row["kind"] == "number" else "coded",
        unit=row["unit"],
        loinc=tuple(code for code, _, _ in codes),
        atc=tuple(row["atc"].split()),
        rxnorm=tuple(row["rxnorm"].split()),
        snomed=tuple(row["snomed"].split()),
        plausible=pair("plausible"),
        possible=pair("possible"),
        molar_mass=float(molar) if molar else None,
        charge=int(charge) if charge else None,
        equation=Equation(scale[0], Fraction(scale[1]), Fraction(scale[2])) if scale else None,
        stated_in=MappingProxyType({code: only for code, _, only in codes if only}),
        source=row["source"],
    )


@cache
def terms() -> Mapping[str, Term]:
    """Every term by its name."""
    with files("pollux.vocabulary").joinpath("terms.csv").open(encoding="utf-8") as table:
        return MappingProxyType({row["name"]: _term(row) for row in csv.DictReader(table)})


@cache
def _by_code() -> Mapping[tuple[str, str], tuple[Term, ...]]:
    systems = {LOINC: "loinc", SNOMED: "snomed", RXNORM: "rxnorm"}
    found: dict[tuple[str, str], tuple[Term, ...]] = {(QUANTITY, name): (entry,) for name, entry in terms().items()}
    for entry in terms().values():
        for system, column in systems.items():
            for code in getattr(entry, column):
                found[system, code] = (*found.get((system, code), ()), entry)
    return MappingProxyType(found)


def term(name: str) -> Term:
    """The term of a name.

    >>> term("cgm_glucose").unit
    'mg/dL'
    """
    found = terms().get(name)
    if found is None:
        raise UnknownName(f"no quantity is named {name[:60]!r}", advice=f"Known are: {', '.join(terms())}.")
    return found


def term_for_code(system: str, code: str, stated: str = "") -> Term | None:
    """The term that carries a code, or None when the vocabulary does not have it.

    Where a code stands for two quantities, `stated`, a unit's UCUM code, says which; the first one if it says neither.

    >>> found = term_for_code("http://loinc.org", "29463-7")
    >>> found and found.name
    'body_weight'
    """
    found = _by_code().get((system, code), ())
    return next((entry for entry in found if entry.stated_in.get(code) == stated), found[0] if found else None)


def convert(value: float, source: str, target: str, name: str) -> float:
    """Convert a value of the quantity `name` between units, by way of its molar mass or equation where that is needed.

    HbA1c: NGSP [%] = 0.09148 × IFCC [mmol/mol] + 2.152 (ngsp.org/ifcc.asp; Hoelzel et al., Clin Chem 2004;50:166).

    >>> convert(5.5, "mmol/L", "mg/dL", "cgm_glucose")
    99.0858
    >>> round(convert(48, "mmol/mol", "%", "hba1c"), 2)
    6.54
    """
    known = term(name)
    if known.equation is None:
        return convert_value(value, source, target, known.molar_mass, known.charge)
    return _across_scales(value, unit(source).code, unit(target).code, known, known.equation)


def _across_scales(value: float, source: str, target: str, known: Term, equation: Equation) -> float:
    if source != target and source == equation.unit:
        own = float(Fraction(value) * equation.slope + equation.intercept)
        return convert_value(own, known.unit, target)
    if source != target and target == equation.unit:
        own = convert_value(value, source, known.unit)
        return float((Fraction(own) - equation.intercept) / equation.slope)
    return convert_value(value, source, target)
