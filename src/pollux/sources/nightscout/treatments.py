"""Nightscout `treatments`: insulin, carbohydrate, finger glucose, exercise, sensor starts."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from pollux.errors import RefusedInput
from pollux.record.event import Event
from pollux.sources.nightscout.equivalents import Equivalents
from pollux.sources.nightscout.injections import SPREAD, insulin, type_of
from pollux.sources.nightscout.item import Item
from pollux.sources.nightscout.notes import BOLUS
from pollux.sources.nightscout.suspension import Suspensions, says_suspension
from pollux.sources.nightscout.temporary import TIMES, Temporaries, is_temporary
from pollux.sources.quoted import quoted

_UNITS = {"mg/dl": "mg/dL", "mmol": "mmol/L", "mmol/l": "mmol/L"}
_SENSOR = ("Sensor Start", "Sensor Change")
AT_ONCE = timedelta(minutes=10)  # a pump takes minutes for any bolus, a person for any meal: Pollux's own choice
_DAY_MINUTES = 1440
_SHORTEST_MS = 60_000


@dataclass(frozen=True)
class Gathered:
    """What the whole file says of temporary rates, suspensions and equivalents, gathered before it is read."""

    temporaries: Temporaries
    suspensions: Suspensions
    equivalents: Equivalents


def treated(item: Item, gathered: Gathered) -> Iterator[Event]:
    """The events of a treatment: one document may hold insulin, carbohydrate and a glucose.

    Raises `RefusedInput` for one that holds no quantity, such as a note, and for insulin or carbohydrate that cannot be
    used, after what else the document says.
    """
    time, flags = item.time(*TIMES)
    others = _others(item, time, flags, gathered.equivalents)
    if is_temporary(item) or says_suspension(item):
        of = gathered.temporaries if is_temporary(item) else gathered.suspensions
        yield from _each((of.events(item, time, flags), _no_dose(item), others), item, silent=True)
    else:
        yield from _each((_insulin(item, time, flags), others), item, silent=False)


def beside_a_schedule(item: Item, gathered: Gathered) -> Iterator[Event]:
    """What a document that states a schedule says beside it."""
    if item.document.keys() & {"insulin", "insulinInjections", "carbs"}:
        time, flags = item.time(*TIMES)
        yield from _each((_no_dose(item), _others(item, time, flags, gathered.equivalents)), item, silent=True)


def _each(parts: Iterable[Iterator[Event]], item: Item, silent: bool) -> Iterator[Event]:
    """The events of each part of a document; then the first thing that was wrong, or that there is none."""
    wrong, found = None, silent
    for part in parts:
        try:
            for event in list(part):
                found = True
                yield event
        except RefusedInput as error:
            wrong = wrong or error
    if wrong is not None:
        raise wrong
    if not found:
        kind = quoted(item.text("eventType"))
        raise RefusedInput(f"treatments of the type{kind} hold no quantity here" if kind else "it holds no quantity")


def _no_dose(item: Item) -> Iterator[Event]:
    """Raise `RefusedInput` where a document about basal insulin states a dose too."""
    if item.number("insulin") or item.document.get("insulinInjections"):
        raise RefusedInput(
            "it speaks of basal insulin and states a dose too: whether that is counted in cannot be told"
        )
    yield from ()


def _insulin(item: Item, time: datetime, flags: tuple[str, ...]) -> Iterator[Event]:
    if item.text("eventType") == "Combo Bolus" and item.number("enteredinsulin") is not None:
        yield from _combined(item, time, flags)
        return
    for quantity, units, part, more in insulin(item):
        end = _dose_ends(item, time) if quantity == BOLUS else None
        spread = ("spread",) if end else ()
        yield item.event(time, quantity, units, "U", end=end, flags=(*flags, *more, *spread), part=part)


def _dose_ends(item: Item, time: datetime) -> datetime | None:
    """When a dose ends that is given over a while; the few minutes that a pump takes for any dose are none."""
    if item.number("carbs"):
        return None  # its duration, if any, is that of the meal: `_eaten_until`
    length = item.length()
    if type_of(item) in SPREAD and not length:
        raise RefusedInput("the spread dose has no duration")
    return time + length if length and length > AT_ONCE and type_of(item) in ("", *SPREAD) else None


def _eaten_until(item: Item, time: datetime) -> datetime | None:
    """When a meal ends that is eaten, or taken up, over a while.

    AndroidAPS writes the duration of carbohydrate in milliseconds (nightscout/AndroidAPS issue 721), everybody else
    minutes. The two cannot be mistaken: a day has 1,440 minutes, and no meal is eaten in less than a minute.
    """
    exact = item.number("durationInMilliseconds")
    stated = exact if exact is not None else item.number("duration")
    if not stated:
        return None
    if exact is None and 0 < stated <= _DAY_MINUTES:
        length = timedelta(minutes=stated)
    elif _SHORTEST_MS <= stated <= _DAY_MINUTES * 60_000:
        length = timedelta(milliseconds=stated)
    else:
        raise RefusedInput("the duration of its carbohydrate is neither minutes nor milliseconds of a day")
    if length <= AT_ONCE:
        return None
    if item.number("insulin") and "aaps" not in _uploader(item):
        raise RefusedInput("its duration may be that of the meal or that of the dose")
    return time + length


def _uploader(item: Item) -> str:
    return f"{item.text('app')} {item.text('enteredBy')} {item.text('device')}".casefold()


def _carbohydrate(item: Item, time: datetime, flags: tuple[str, ...], equivalents: Equivalents) -> Iterator[Event]:
    carbs = item.number("carbs")
    if not carbs:
        return
    end = None if item.text("eventType") == "Combo Bolus" else _eaten_until(item, time)
    quantity, doubt = equivalents.quantity(item, time)
    spread = ("spread",) if end else ()
    yield item.event(time, quantity, carbs, "g", end=end, flags=(*flags, *doubt, *spread), part="carbs")


def _others(item: Item, time: datetime, flags: tuple[str, ...], equivalents: Equivalents) -> Iterator[Event]:
    kind = item.text("eventType")
    yield from _carbohydrate(item, time, flags, equivalents)
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
