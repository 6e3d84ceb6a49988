"""The insulin of a Nightscout treatment: which kind, and how much of each.

Nightscout's own `insulin` is that of a bolus. xDrip+ adds `insulinInjections`, a list of products with their units
(seen in nightscout/cgm-remote-monitor issue 6774; names in xDrip's list of insulin profiles), and some uploaders
`insulinType`, a product's name.
"""

import json
import math
from collections.abc import Iterator

from pollux.errors import RefusedInput
from pollux.sources.nightscout.item import Item
from pollux.sources.quoted import quoted
from pollux.vocabulary import insulins_in

_TOGETHER = 0.05  # U: the parts are rounded where the whole is written


def insulin(item: Item) -> Iterator[tuple[str, float, str]]:
    """Quantity, units and part of each dose. Raises `RefusedInput` where the kind of insulin cannot be told."""
    whole = item.number("insulin")
    named = _named(item)
    if not named:
        if whole:
            yield _quantity(item.text("insulinType"), "insulin_bolus"), whole, "insulin"
        return
    if whole is not None and not math.isclose(sum(units for _, units in named), whole, abs_tol=_TOGETHER):
        raise RefusedInput("its injections do not add up to its insulin")
    doses = [(_quantity(name, ""), units) for name, units in named]
    for i, (quantity, units) in enumerate(doses):
        if units:
            yield quantity, units, f"insulin-{i + 1}" if i else "insulin"


def _quantity(name: str, otherwise: str) -> str:
    quantities = {found.quantity for found in insulins_in(name)} or {otherwise}
    if quantities == {""}:
        raise RefusedInput(f"the insulin{quoted(name)} is not known as a bolus or a long-acting dose")
    if len(quantities) > 1:
        raise RefusedInput(f"the insulin{quoted(name)} may be of more than one kind")
    return quantities.pop()


def _named(item: Item) -> list[tuple[str, float]]:
    stated = item.document.get("insulinInjections")
    try:
        parts = json.loads(stated) if isinstance(stated, str) and stated else stated or []
        named = [(str(part["insulin"]), float(part["units"])) for part in parts]
    except (ValueError, TypeError, KeyError, RecursionError):
        raise RefusedInput("its insulinInjections cannot be read") from None
    if not all(math.isfinite(units) for _, units in named):
        raise RefusedInput("its insulinInjections cannot be read")
    return named
