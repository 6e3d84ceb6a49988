"""Physiology as equations, one folder per body system. Knows no patient, no file, no screen."""

import importlib
import pkgutil
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from pollux.equations import Model


@cache
def catalogue() -> Mapping[str, Model]:
    """Every model that stands in a module of these folders, by its name, in alphabetical order.

    >>> "uva-padova" in catalogue() and "vancomycin-goti-2018" in catalogue()
    True
    """
    found: dict[str, Model] = {}
    for module in pkgutil.walk_packages(__path__, f"{__name__}."):
        for value in vars(importlib.import_module(module.name)).values():
            if isinstance(value, Model):
                found[value.name] = value
    return MappingProxyType(dict(sorted(found.items())))
