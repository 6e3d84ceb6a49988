"""The insulin of a Nightscout treatment: which kind, how much of each, and whether it went into the body at all.

Nightscout's own `insulin` is that of a bolus. xDrip+ adds `insulinInjections`, a list of products with their units
(seen in nightscout/cgm-remote-monitor issue 6774; names in xDrip's list of insulin profiles), some uploaders
`insulinType`, a product's name; AndroidAPS `isBasalInsulin` and a `type` (NORMAL, SMB, PRIMING). People write the
product into the notes (NightscoutFoundation/xDrip issue 1277). What fills a cannula or a tube is no dose
(LoopKit/Loop issue 2108). What says of a dose something that is not understood is never skipped.
"""

import json
import math
import re
from collections.abc import Iterator

from pollux.errors import RefusedInput
from pollux.sources.nightscout.item import Item
from pollux.sources.nightscout.notes import BOLUS, LONG, noted, speaks_of_filling
from pollux.sources.quoted import quoted
from pollux.vocabulary import insulins_in

_TOGETHER = 0.05  # U: the parts are rounded where the whole is written

# `type` as AndroidAPS, Loop and openaps write it, in small letters.
_INSTANT = frozenset(("", "normal", "standard", "smb", "bolus", "correction", "meal", "snack", "manual", "automatic"))
SPREAD = frozenset(("square", "extended"))
_FILLING_TYPES = frozenset(("prime", "priming", "fill", "filling"))

_FILLING_EVENTS = re.compile(r"prim(e|ing)|(cannula|site|insulin|reservoir|cartridge|pod|tub\w+|set) (change|fill)\w*")
_LONG_WORDS = re.compile(
    r"(long[- ]?acting( insulin)?|(basal|basis|background|slow)[- ]?insulin|basal)( (dose|injection|shot|pen))?"
)
BY_NOTE = "insulin known by its note"
BY_MARK = "long-acting by its mark"


def insulin(item: Item) -> Iterator[tuple[str, float, str, tuple[str, ...]]]:
    """Quantity, units, part and flags of each dose. Raises `RefusedInput` where the kind of insulin cannot be told."""
    whole = item.number("insulin")
    named = _named(item)
    if (whole or named) and (why := _not_in_the_body(item)):
        raise RefusedInput(why)
    if not named:
        if whole:
            quantity, flags = _kind(item)
            yield quantity, whole, "insulin", flags
        return
    if whole is not None and not math.isclose(sum(units for _, units in named), whole, abs_tol=_TOGETHER):
        raise RefusedInput("its injections do not add up to its insulin")
    doses = [(_quantity(name, ""), units) for name, units in named]
    for i, (quantity, units) in enumerate(doses):
        if units:
            yield quantity, units, f"insulin-{i + 1}" if i else "insulin", ()


def type_of(item: Item) -> str:
    """The `type` of a dose in small letters. Raises `RefusedInput` for one that is not understood."""
    kind = item.text("type").strip().casefold()
    if kind in _INSTANT or kind in SPREAD or kind in _FILLING_TYPES:
        return kind
    raise RefusedInput(f"a dose of the type{quoted(kind)} is not understood")


def _not_in_the_body(item: Item) -> str:
    """Why this insulin was not given to the person; empty where it was."""
    kind = item.text("eventType").strip().casefold()
    if type_of(item) in _FILLING_TYPES or _FILLING_EVENTS.fullmatch(kind):
        return "this insulin filled a cannula or a tube (priming): it did not go into the body"
    if speaks_of_filling(item.text("notes")):
        return "its note speaks of priming or of the pump's parts: whether it went into the body cannot be told"
    return ""


def _kind(item: Item) -> tuple[str, tuple[str, ...]]:
    """The quantity of a dose without a list of products, from everything that its document says of it, and flags."""
    product = _quantity(item.text("insulinType"), "") if item.text("insulinType").strip() else ""
    event = LONG if _LONG_WORDS.fullmatch(item.text("eventType").strip().casefold()) else ""
    mark, note = _marked(item), noted(item.text("notes"))
    stated = {product, event, mark, note} - {""}
    if len(stated) > 1:
        raise RefusedInput("it says in one place that its insulin is long-acting and in another that it is a bolus")
    quantity = stated.pop() if stated else BOLUS
    if quantity != LONG or product or event:
        return quantity, ()
    return quantity, (BY_MARK if mark else BY_NOTE,)


def _marked(item: Item) -> str:
    mark = item.document.get("isBasalInsulin")
    if mark is None or mark is False:
        return ""
    if mark is True:
        return LONG
    raise RefusedInput("isBasalInsulin is neither true nor false")


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
