"""Nightscout `treatments`: boluses, carbohydrate, temporary basal rates, finger glucose, exercise, sensor starts."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from pollux.errors import RefusedInput
from pollux.record.event import Event
from pollux.sources.nightscout.item import Item

TIMES = ("created_at", "timestamp", "date", "mills", "eventTime")
_UNITS = {"mg/dl": "mg/dL", "mmol": "mmol/L", "mmol/l": "mmol/L"}
_SENSOR = ("Sensor Start", "Sensor Change")


def treated(item: Item) -> Iterator[Event]:
    """The events of a treatment: one document may hold insulin, carbohydrate and a glucose.

    Raises `RefusedInput` for one that holds no quantity, such as a note.
    """
    time, flags = item.time(*TIMES)
    found = False
    for event in _doses(item, time, flags):
        found = True
        yield event
    if not found:
        raise RefusedInput(f"treatments of the type {item.text('eventType')[:40]!r} hold no quantity here")


def _doses(item: Item, time: datetime, flags: tuple[str, ...]) -> Iterator[Event]:
    kind = item.text("eventType")
    if kind == "Temp Basal":
        yield _temporary(item, time, flags)
        return
    if kind == "Combo Bolus" and item.number("enteredinsulin") is not None:
        yield from _combined(item, time, flags)
    else:
        insulin = item.number("insulin")
        if insulin:
            yield item.event(time, "insulin_bolus", insulin, "U", flags=flags, part="insulin")
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


def _temporary(item: Item, time: datetime, flags: tuple[str, ...]) -> Event:
    """A basal rate that replaces the scheduled one for a while; a later one ends it early."""
    rate = item.number("absolute")
    rate = item.number("rate") if rate is None else rate
    if rate is None and item.number("percent") == -100:
        rate = 0.0
    length = item.length()
    if length is None:
        raise RefusedInput("a temporary basal rate without a duration")
    if length <= timedelta(0):
        raise RefusedInput("this ends a temporary basal rate; the rate that follows is not stated")
    if rate is None:
        raise RefusedInput("this basal rate is a percentage of a schedule; export absolute rates")
    end = time + length
    return item.event(time, "insulin_basal_rate", rate, "U/h", end=end, flags=(*flags, "temporary"), part="basal")


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
