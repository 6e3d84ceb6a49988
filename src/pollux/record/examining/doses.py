"""Doses and meals against the person's own usual ones, and against what a body of their weight needs.

Ten times too much is the slip of a decimal point, and of units of insulin that are hundredths of a millilitre. A person
who always takes much is no finding: single amounts are compared with their own, and only all of them with the weight.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from datetime import timedelta
from statistics import median

from pollux.record.event import Event
from pollux.record.quality import Finding
from pollux.record.record import Record

# All are Pollux's own choice (unverified) where no source is named.
TIMES = 6.0  # the usual, from which on an amount counts as about ten times it
ENOUGH = 8  # amounts from which a usual one is known
# quantity: (name, amounts below this are no meal or meal's bolus, least amount that is ever called ten times too large)
AMOUNTS = {
    "insulin_bolus": ("boluses", 1.0, 10.0),
    "insulin_long_acting": ("long-acting doses", 1.0, 40.0),
    "insulin_basal_rate": ("basal rates", 0.05, 5.0),
    "carbohydrate_intake": ("meals", 10.0, 200.0),
}
# Insulin a day by weight: 0.7 U/kg, in the middle of the 0.4 to 1.0 U/kg of people with type 1 diabetes (as the ADA's
# Standards of Care are restated; unverified), and g of carbohydrate covered by 1 U: 500 / daily dose (rule of thumb,
# unverified).
DAILY, COVERED, ASSUMED_WEIGHT = 0.7, 500.0, 70.0  # U/kg, g, kg
MUCH, LITTLE = 4.0, 0.13  # times the dose that weight and food ask for
MOST_A_DAY = 3.0  # U/kg
FEWEST_MEALS, FEWEST_DAYS = 5, 3
BESIDE = timedelta(minutes=20)


def dose_rules(record: Record) -> list[Finding]:
    """Amounts about ten times the person's own; doses about ten times, or a tenth, of those of their weight."""
    by_weight = list(_against_weight(record))
    return [*(f for name in AMOUNTS for f in _against_own(record, name)), *by_weight]


def _against_own(record: Record, quantity: str) -> Iterator[Finding]:
    kind, least, large = AMOUNTS[quantity]
    events = [e for e in record.once(quantity) if isinstance(e.value, float) and e.number() >= least]
    if len(events) < ENOUGH:
        return
    usual = median(e.number() for e in events)
    for e in events:
        if e.number() >= max(TIMES * usual, large):
            text = f"{e.value:g} {e.unit}, where {usual:.3g} {e.unit} is usual of this person's {kind}"
            yield Finding("ten times the usual", "plausibility", "flag", text, quantity, e.time, e.where, e.id)


def _against_weight(record: Record) -> Iterator[Finding]:
    weight = record.latest("body_weight")
    kg = weight.number() if weight else ASSUMED_WEIGHT
    boluses = [e for e in record.once("insulin_bolus") if e.number() > 0]
    meals = [e for e in record.once("carbohydrate_intake") if e.number() >= 10.0]
    if not boluses:
        return
    last = boluses[-1]
    per_gram = DAILY * kg / COVERED  # U for 1 g that a body of this weight would be given

    def found(rule: str, text: str) -> Finding:
        return Finding(rule, "plausibility", "flag", text, "insulin_bolus", last.time, last.where, last.id)

    ratios = [dose / food / per_gram for food, dose in _together(meals, boluses)]
    a_day = _a_day(boluses)
    if len(ratios) >= FEWEST_MEALS and median(ratios) >= MUCH:
        text = f"boluses with meals are {median(ratios):.0f} times what {kg:.0f} kg and the food would ask for"
        yield found("ten times for their weight", text)
    elif len(a_day) >= FEWEST_DAYS and median(a_day) > MOST_A_DAY * kg:
        text = f"{median(a_day):.0f} U of boluses a day at {kg:.0f} kg; about {0.5 * DAILY * kg:.0f} U would be usual"
        yield found("ten times for their weight", text)
    eaten = sum(_a_day(meals))
    if len(meals) >= ENOUGH and sum(a_day) / eaten / per_gram <= LITTLE:
        text = (
            f"{sum(a_day):.3g} U of boluses for {eaten:.0f} g; a body of {kg:.0f} kg is usually given ten times as much"
        )
        yield found("a tenth for their weight", text)


def _together(meals: list[Event], boluses: list[Event]) -> Iterator[tuple[float, float]]:
    """Each meal's grams and the bolus nearest to it, where there is one within 20 min."""
    times = [e.time for e in boluses]
    for food in meals:
        near = boluses[bisect_left(times, food.time - BESIDE) : bisect_right(times, food.time + BESIDE)]
        if near:
            yield food.number(), min(near, key=lambda e: abs(e.time - food.time)).number()


def _a_day(events: list[Event]) -> list[float]:
    """The sum of each UTC day with events."""
    days: dict[int, float] = {}
    for e in events:
        day = int(e.time.timestamp() // 86400)
        days[day] = days.get(day, 0.0) + e.number()
    return list(days.values())
