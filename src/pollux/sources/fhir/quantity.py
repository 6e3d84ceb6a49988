"""The unit of a FHIR Quantity: its UCUM code and its text, which must not contradict each other."""

from collections.abc import Mapping
from typing import Any

from pollux.errors import RefusedInput, UnknownName
from pollux.vocabulary import unit, unit_named

UCUM = "http://unitsofmeasure.org"


class UnitsDisagree(RefusedInput):
    """A quantity whose text names another unit than its code."""


def unit_of(quantity: Mapping[str, Any]) -> str:
    """The UCUM code where there is one, else the unit as written. Raises `UnitsDisagree` where they contradict.

    >>> unit_of({"unit": "K/uL", "system": UCUM, "code": "10*3/uL"})
    '10*3/uL'
    >>> unit_of({"unit": "mg/dL", "system": UCUM, "code": "mmol/L"})
    Traceback (most recent call last):
    ...
    pollux.sources.fhir.quantity.UnitsDisagree: its unit is written as mg/dL and coded as mmol/L
    """
    code, text = str(quantity.get("code") or ""), str(quantity.get("unit") or "")
    if code and text and code != text and _differ(code, text):
        raise UnitsDisagree(f"its unit is written as {unit_named(text)} and coded as {unit_named(code)}")
    return code if code and quantity.get("system") == UCUM else text or code


def _differ(code: str, text: str) -> bool:
    """Whether both are units that are known, and not the same size of the same dimension."""
    try:
        a, b = unit(code), unit(text)
    except UnknownName:
        return False
    return (a.dimension, a.factor, a.offset) != (b.dimension, b.factor, b.offset)


def canonical(written: str) -> str:
    """The UCUM code that a unit as written stands for; as it is where it is unknown."""
    try:
        return unit(written).code
    except UnknownName:
        return written
