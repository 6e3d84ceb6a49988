"""Each clinical quantity once: its name, unit, codes and ranges. Everything else refers to it."""

from pollux.vocabulary.drugs import Drug, drug, drug_for_code, drugs, drugs_in
from pollux.vocabulary.insulins import Insulin, insulin_for_code, insulins, insulins_in
from pollux.vocabulary.terms import (
    ATC,
    ATC_SYSTEMS,
    LOINC,
    QUANTITY,
    RXNORM,
    SNOMED,
    Equation,
    Term,
    convert,
    term,
    term_for_code,
    terms,
)
from pollux.vocabulary.units import UNITS, Unit, unit, unit_named

__all__ = [
    "ATC",
    "ATC_SYSTEMS",
    "LOINC",
    "QUANTITY",
    "RXNORM",
    "SNOMED",
    "UNITS",
    "Drug",
    "Equation",
    "Insulin",
    "Term",
    "Unit",
    "convert",
    "drug",
    "drug_for_code",
    "drugs",
    "drugs_in",
    "insulin_for_code",
    "insulins",
    "insulins_in",
    "term",
    "term_for_code",
    "terms",
    "unit",
    "unit_named",
]
