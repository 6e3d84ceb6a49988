"""Nightscout `treatments`: insulin, carbohydrate, finger glucose, exercise, sensor starts."""

from collections.abc import Iterator
from datetime import datetime

from pollux.errors import RefusedInput
from pollux.record.event import Event
from pollux.sources.nightscout.injections import insulin
from pollux.sources.nightscout.item import Item
from pollux.sources.nightscout.temporary import TIMES, Temporaries, is_temporary
from pollux.sources.quoted import quoted

_UNITS = {"mg/dl": "mg/dL", "mmol": "mmol/L", "mmol/l": "mmol/L"}
_SENSOR = ("Sensor Start", "Sensor Change")


def treated(item: Item, temporaries: Temporaries) -> Iterator[Event]:
    """The events of a treatment: one document may hold insulin, carbohydrate and a glucose.

    Raises `RefusedInput` for one that holds no quantity, such as a note, and for insulin that cannot be used, after
    what else the document says.
    """
    time, flags = item.time(*TIMES)
    if is_temporary(item):
        yield from temporaries.events(item, time, flags)
        return
    wrong, found = None, False
    try:
        for event in list(_insulin(item, time, flags)):
            found = True
            yield event
    except RefusedInput as error:
        wrong = error
    for event in _others(item, time, flags):
        found = True
        yield event
    if wrong is not None:
        raise wrong
    if not found:
        kind = quoted(item.text("eventType"))
        raise RefusedInput(f"treatments of the type{kind} hold no quantity here" if kind else "it holds no quantity")


def _insulin(item: Item, time: datetime, flags: tuple[str, ...]) -> Iterator[Event]:
    if item.text("eventType") == "Combo Bolus" and item.number("enteredinsulin") is not None:
        yield from _combined(item, time, flags)
        return
    for quantity, units, part in insulin(item):
        yield item.event(time, quantity, units, "U", flags=flags, part=part)


def _others(item: Item, time: datetime, flags: tuple[str, ...]) -> Iterator[Event]:
    kind = item.text("eventType")
    carbs = item.number("carbs")
    if carbs:
        yield item.event(time, "carbohydrate_intake", carbs, "g", flags=flags, part="carbs")
    glucose = item.number("glucose") if item.text("glucoseType").casefold() == "finger" else None
    if glucose:
        unit = _UNITS.get(item.text("units").casefold(), item.text("units"))
        yield item.event(time, "blood_glucose", glucose, unit, flags=flags, part="glucose")
    if kind == "Exercise":
        length = item.length()
        if not length:
            raise RefusedInput("exercise without a duration")
        minutes = length.total_seconds() / 60
        yield item.event(time, "exercise_minutes", minutes, "min", end=time + length, flags=flags, part="exercise")
    if kind in _SENSOR:
        yield item.event(time, "sensor_start", kind, "", flags=flags, part="sensor")


def _combined(item: Item, time: datetime, flags: tuple[str, ...]) -> Iterator[Event]:
    """A bolus of which one part is given at once and the other spread over a while."""
    whole = item.number("enteredinsulin") or 0.0
    now, later = item.number("splitNow"), item.number("splitExt")
    if now is None and later is None:
        now = 100.0
    now = 100.0 - (later or 0.0) if now is None else now
    later = 100.0 - now if later is None else later
    if not 0 <= now <= 100 or not 0 <= later <= 100 or now + later > 100.001:
        raise RefusedInput("the parts of the combined bolus make no whole")
    if whole * now:
        yield item.event(time, "insulin_bolus", whole * now / 100, "U", flags=flags, part="insulin")
    if whole * later:
        length = item.length()
        if not length:
            raise RefusedInput("the spread part of a combined bolus has no duration")
        end = time + length
        yield item.event(
            time, "insulin_bolus", whole * later / 100, "U", end=end, flags=(*flags, "spread"), part="spread"
        )
