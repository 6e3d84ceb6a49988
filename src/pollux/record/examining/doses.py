"""Doses and meals against the person's own usual ones, and against what a body of their weight needs.

Ten times too much is the slip of a decimal point, and of units of insulin that are hundredths of a millilitre. A person
who always takes much is no finding: single amounts are compared with their own, and only all of them, or the first
ones, with the weight. What is large, and what is too little to count, goes with the body: 10 U are a meal's of many
adults and kill a small child.
"""

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from statistics import median

from pollux.record.event import Event
from pollux.record.quality import Finding
from pollux.record.record import Record

# All are Pollux's own choice (unverified) where no source is named.
TIMES = 6.0  # the usual, from which on an amount counts as about ten times it


@dataclass(frozen=True)
class Amounts:
    """Of which size amounts of a quantity are for a body of 70 kg, in the vocabulary's unit, and how they grow with it.

    Below `least` an amount is no meal and no meal's bolus, below `large` none is called ten times too large; both go
    with the body's weight to the power of `power`. `enough` amounts tell what is usual.
    """

    name: str
    least: float
    large: float
    enough: int = 8
    power: float = 1.0


AMOUNTS = {
    "insulin_bolus": Amounts("boluses", 1.0, 10.0),
    # Of these each day is like the one before: the usual is known after three.
    "insulin_long_acting": Amounts("long-acting doses", 1.0, 40.0, enough=3),
    "insulin_basal_rate": Amounts("basal rates", 0.05, 5.0, enough=3),
    # A child eats more for its weight than an adult: food goes with weight to 3/4, as metabolism does (Kleiber's rule).
    "carbohydrate_intake": Amounts("meals", 10.0, 200.0, power=0.75),
}
# Insulin a day by weight: 0.7 U/kg, of children before puberty with type 1 diabetes 0.7 ± 0.1, 38 % of it basal
# (PMC5478012, abstract), and in the middle of the 0.4 to 1.0 U/kg of adults (as the ADA's Standards of Care are
# restated; unverified). Of children by age 0.3 to 1.8 U/kg were seen (Kerouz et al. 1995, Diabetes Res Clin Pract
# 29:113, abstract). g of carbohydrate covered by 1 U: 500 / daily dose (rule of thumb, unverified; the children of
# PMC5478012 took 1.2 times as much as it says, 2.4 times at breakfast).
DAILY, COVERED, ASSUMED_WEIGHT = 0.7, 500.0, 70.0  # U/kg, g, kg
BASAL = 0.5  # of a day's insulin, as much as is basal of most people
CORRECTION = 0.1  # U/kg, a correction of a high glucose beside a meal
MUCH, LITTLE = 4.0, 0.13  # times the dose that weight and food ask for
MOST_A_DAY = 3.0  # U/kg
FEWEST_MEALS, FEWEST_DAYS, FEWEST = 5, 3, 8
BESIDE = timedelta(minutes=20)
BY_HAND = 12  # boluses a day, above which a pump gives them by itself, and small ones tell nothing of meals
# kg = 3 × age + 7, for ages 1 to 13 (Luscombe's formula as resus.me/weight-formula-for-kids restates it; the paper is
# unread, unverified), and here until somebody is grown.
A_YEAR, AT_BIRTH, GROWN = 3.0, 7.0, 18.0
LIGHTEST = 10.0  # kg, that a body is taken for whose insulin alone is known


@dataclass(frozen=True)
class Body:
    """The weight [kg] by which amounts are measured.

    It is `known` by a scale or a child's age, else that of an adult, or as the person's own insulin tells.
    """

    kg: float
    known: bool

    def size(self, power: float = 1.0) -> float:
        """How much of what 70 kg need this body needs; never more, so that much is much for everybody."""
        return float(min(1.0, self.kg / ASSUMED_WEIGHT) ** power)


def body_of(record: Record) -> Body:
    """The body of a record: weighed, or of its age; where neither is known, of a size that its own insulin tells."""
    weight = record.latest("body_weight")
    if weight:
        return Body(weight.number(), known=True)
    age = record.person.age(record.current[-1].time) if record.current else None
    if age is not None:
        child = age < GROWN
        return Body(AT_BIRTH + A_YEAR * max(age, 0.0) if child else ASSUMED_WEIGHT, known=child)
    boluses, depots = (_a_day(_insulin(record, name)) for name in ("insulin_bolus", "insulin_long_acting"))
    rates = [24.0 * e.number() for e in _insulin(record, "insulin_basal_rate")]
    halves = [median(half) for half in (boluses, depots, rates) if len(half) >= FEWEST_DAYS]
    kg = max(halves) / (BASAL * DAILY) if halves else ASSUMED_WEIGHT
    return Body(min(max(kg, LIGHTEST), ASSUMED_WEIGHT), known=False)


def dose_rules(record: Record) -> list[Finding]:
    """Amounts about ten times the person's own; doses about ten times, or a tenth, of those of their weight."""
    body = body_of(record)
    by_weight = list(_against_weight(record, body))
    return [*(f for name in AMOUNTS for f in _against_own(record, name, body)), *by_weight]


def _insulin(record: Record, quantity: str) -> list[Event]:
    return [e for e in record.once(quantity) if isinstance(e.value, float) and e.number() > 0]


def _against_own(record: Record, quantity: str, body: Body) -> Iterator[Finding]:
    amounts = AMOUNTS[quantity]
    size = body.size(amounts.power)
    events = [e for e in record.once(quantity) if isinstance(e.value, float) and e.number() >= amounts.least * size]
    if len(events) < amounts.enough and quantity == "insulin_bolus" and _by_hand(record):
        events = _insulin(record, quantity)
    if len(events) < amounts.enough:
        if body.known:
            yield from _first(record, quantity, events, body)
        return
    usual = median(e.number() for e in events)
    for e in events:
        if e.number() >= max(TIMES * usual, amounts.large * size):
            text = f"{e.value:g} {e.unit}, where {usual:.3g} {e.unit} is usual of this person's {amounts.name}"
            yield Finding("ten times the usual", "plausibility", "flag", text, quantity, e.time, e.where, e.id)


def _by_hand(record: Record) -> bool:
    """Whether a person doses by hand: a loop's small boluses by the dozen tell nothing of what a meal's would be."""
    a_day = Counter(_day(e) for e in _insulin(record, "insulin_bolus"))
    return bool(a_day) and median(a_day.values()) <= BY_HAND


def _first(record: Record, quantity: str, events: Sequence[Event], body: Body) -> Iterator[Finding]:
    """The first amounts, of which nobody knows yet whether they are usual, against what the weight asks for."""
    meals = dict(_beside(record.once("carbohydrate_intake"), events)) if quantity == "insulin_bolus" else {}
    for e in events:
        if quantity == "insulin_bolus" and e.id not in meals:
            continue  # a correction has nothing that it could be measured by
        eaten = meals.get(e.id, 0.0)
        usual, most = _asked_for(quantity, body, eaten)
        if e.number() > most:
            food = f" with {eaten:.0f} g" if eaten else ""
            text = f"{e.value:g} {e.unit}{food}, where about {usual:.2g} {e.unit} would be usual at {body.kg:.0f} kg"
            yield Finding("too much for their weight", "plausibility", "flag", text, quantity, e.time, e.where, e.id)


def _asked_for(quantity: str, body: Body, eaten: float) -> tuple[float, float]:
    """What would be usual at a weight, for a bolus with so many grams, and from what on it is too much."""
    if quantity == "insulin_bolus":
        usual = eaten * DAILY * body.kg / COVERED
        return usual, MUCH * usual + CORRECTION * body.kg
    if quantity == "carbohydrate_intake":
        most = AMOUNTS[quantity].large * body.size(AMOUNTS[quantity].power)
        return most / MUCH, most
    return _basal(quantity, body.kg), MUCH * _basal(quantity, body.kg)


def _basal(quantity: str, kg: float) -> float:
    """The usual long-acting dose of a day [U], or basal rate [U/h], at a weight."""
    return BASAL * DAILY * kg / (24.0 if quantity == "insulin_basal_rate" else 1.0)


def _against_weight(record: Record, body: Body) -> Iterator[Finding]:
    kg = body.kg if body.known else ASSUMED_WEIGHT
    if body.known:
        yield from _basal_against_weight(record, kg)
    food = AMOUNTS["carbohydrate_intake"]
    boluses = [e for e in record.once("insulin_bolus") if e.number() > 0]
    least = food.least * Body(kg, known=True).size(food.power)
    meals = [e for e in record.once("carbohydrate_intake") if e.number() >= least]
    if not boluses:
        return
    last = boluses[-1]
    per_gram = DAILY * kg / COVERED  # U for 1 g that a body of this weight would be given

    def found(rule: str, text: str) -> Finding:
        return Finding(rule, "plausibility", "flag", text, "insulin_bolus", last.time, last.where, last.id)

    ratios = [dose / eaten / per_gram for eaten, dose in _together(meals, boluses)]
    a_day = _a_day(boluses)
    if len(ratios) >= FEWEST_MEALS and median(ratios) >= MUCH:
        text = f"boluses with meals are {median(ratios):.0f} times what {kg:.0f} kg and the food would ask for"
        yield found("ten times for their weight", text)
    elif len(a_day) >= FEWEST_DAYS and median(a_day) > MOST_A_DAY * kg:
        text = f"{median(a_day):.0f} U of boluses a day at {kg:.0f} kg; about {0.5 * DAILY * kg:.0f} U would be usual"
        yield found("ten times for their weight", text)
    eaten = sum(_a_day(meals))
    if len(meals) >= FEWEST and sum(a_day) / eaten / per_gram <= LITTLE:
        text = (
            f"{sum(a_day):.3g} U of boluses for {eaten:.0f} g; a body of {kg:.0f} kg is usually given ten times as much"
        )
        yield found("a tenth for their weight", text)


def _basal_against_weight(record: Record, kg: float) -> Iterator[Finding]:
    """Long-acting doses or basal rates that are all about ten times those of this weight."""
    for quantity, unit in (("insulin_long_acting", "U"), ("insulin_basal_rate", "U/h")):
        events, usual = _insulin(record, quantity), _basal(quantity, kg)
        if len(events) >= FEWEST_DAYS and median(e.number() for e in events) > MUCH * usual:
            middle, last = median(e.number() for e in events), events[-1]
            given = f"{AMOUNTS[quantity].name} of {middle:.3g} {unit} at {kg:.0f} kg"
            text = f"{given}; about {usual:.2g} {unit} would be usual"
            yield Finding("ten times for their weight", "plausibility", "flag", text, quantity, last.time, last.where,
                          last.id)  # fmt: skip


def _beside(meals: Sequence[Event], boluses: Sequence[Event]) -> Iterator[tuple[str, float]]:
    """The id of each bolus with the grams eaten within 20 min of it, where there are some."""
    times = [e.time for e in meals]
    for e in boluses:
        near = meals[bisect_left(times, e.time - BESIDE) : bisect_right(times, e.time + BESIDE)]
        if near:
            yield e.id, sum(food.number() for food in near)


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
        days[_day(e)] = days.get(_day(e), 0.0) + e.number()
    return list(days.values())


def _day(event: Event) -> int:
    return int(event.time.timestamp() // 86400)
