"""Nightscout `entries`: sensor glucose (sgv) and finger glucose (mbg), always in mg/dL."""

from collections.abc import Iterator

from pollux.errors import RefusedInput
from pollux.record.event import Event
from pollux.sources.nightscout.item import Item
from pollux.sources.quoted import quoted

# Dexcom writes 39 for a reading below and 401 for one above the range 40-400 mg/dL (docs/sources.md); what is below
# that is a number for an error of the sensor, not a glucose.
BELOW, ABOVE = 39.0, 401.0
LOW, HIGH = 40.0, 400.0


def measured(item: Item) -> Iterator[Event]:
    """The glucose of an entry. Raises `RefusedInput` for what holds none."""
    time, flags = item.time("date", "mills", "dateString", "sysTime", "created_at")
    kind = item.text("type") or ("sgv" if "sgv" in item.document else "mbg" if "mbg" in item.document else "")
    if kind == "mbg":
        value = item.number("mbg")
        if value is None:
            raise RefusedInput("it has no mbg")
        yield item.event(time, "blood_glucose", value, "mg/dL", flags=flags)
        return
    if kind != "sgv":
        named = quoted(kind)
        raise RefusedInput(f"entries of the type{named} hold no quantity" if named else "its type holds no quantity")
    value = item.number("sgv")
    if value is None:
        raise RefusedInput("it has no sgv")
    if value < BELOW:
        raise RefusedInput(f"sgv {value:g} is below what a sensor reports: an error code or another unit")
    if value == BELOW:
        yield item.event(time, "cgm_glucose", LOW, "mg/dL", comparator="<", flags=flags)
    elif value == ABOVE:
        yield item.event(time, "cgm_glucose", HIGH, "mg/dL", comparator=">", flags=flags)
    else:
        yield item.event(time, "cgm_glucose", value, "mg/dL", flags=flags)
