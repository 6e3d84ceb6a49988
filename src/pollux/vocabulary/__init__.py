"""Each clinical quantity once: its name, unit, codes and ranges. Everything else refers to it."""

from pollux.vocabulary.terms import LOINC, RXNORM, SNOMED, Equation, Term, convert, term, term_for_code, terms
from pollux.vocabulary.units import UNITS, Unit, unit

__all__ = [
    "LOINC",
    "RXNORM",
    "SNOMED",
    "UNITS",
    "Equation",
    "Term",
    "Unit",
    "convert",
    "term",
    "term_for_code",
    "terms",
    "unit",
]
