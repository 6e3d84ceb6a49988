"""Drugs: a grammar of structures, and published population models declared in it."""

import importlib
import pkgutil
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from pollux.models.drugs.drug import Drug, Individual, drug

__all__ = ["Drug", "Individual", "drug", "library"]


@cache
def library() -> Mapping[str, Drug]:
    """Every drug model in this folder by its name, in alphabetical order."""
    found: dict[str, Drug] = {}
    for module in pkgutil.iter_modules(__path__):
        for value in vars(importlib.import_module(f"{__name__}.{module.name}")).values():
            if isinstance(value, Drug):
                found[value.name] = value
    return MappingProxyType(dict(sorted(found.items())))
