"""What will be given or done: future events of the same kind as past ones."""

import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec

from pollux.errors import RefusedInput
from pollux.record import Event, Source
from pollux.record.budget import Limits, beyond
from pollux.record.budget import limits as limits_in_force
from pollux.vocabulary import term

_PLANNED = Source("plan", "plan")


class Plan(msgspec.Struct, frozen=True):
    """A named course of action: doses, meals, exercise, in time.

    >>> from datetime import UTC
    >>> noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    >>> plan = Plan("lunch as usual", (meal(noon, 60), bolus(noon, 6)))
    >>> [(e.quantity, e.value, e.unit) for e in plan.events]
    [('carbohydrate_intake', 60.0, 'g'), ('insulin_bolus', 6.0, 'U')]
    """

    name: str
    events: tuple[Event, ...] = ()

    def within(self, start: datetime, end: datetime) -> "Plan":
        """The part of the plan that touches the time from `start` to `end`."""
        return Plan(self.name, tuple(e for e in self.events if e.time < end and (e.end or e.time) >= start))


def meal(at: datetime, grams: float) -> Event:
    """Carbohydrate eaten at a time [g]."""
    return _planned("carbohydrate_intake", at, grams, "g")


def bolus(at: datetime, units: float, end: datetime | None = None) -> Event:
    """Rapid-acting insulin [U], given at once or evenly until `end`."""
    return _planned("insulin_bolus", at, units, "U", end)


def basal(start: datetime, end: datetime, rate: float) -> Event:
    """Basal insulin by pump from `start` to `end` [U/h]."""
    return _planned("insulin_basal_rate", start, rate, "U/h", end)


def _planned(quantity: str, at: datetime, amount: float, unit: str, end: datetime | None = None) -> Event:
    possible = term(quantity).possible or (0.0, float("inf"))
    if not max(0.0, possible[0]) <= amount <= possible[1]:
        raise RefusedInput(
            f"a planned {term(quantity).label.lower()} of {amount:g} {unit} cannot be",
            where="plan",
            advice=f"Give an amount from 0 to {possible[1]:g} {unit}.",
        )
    return Event(at, quantity, float(amount), unit, _PLANNED, learned=at, end=end)


_SIGNS = 100  # of a step
LONGEST = timedelta(hours=24)  # that a step of a plan may wait or last

# Of words with one space between them. No part takes back what another took: a text of any length is read once.
_STEP = re.compile(
    r"(?P<what>meal|carbs|bolus|basal|suspend) ?(?P<amount>[0-9]++(?:\.[0-9]++)?+)? ?(?P<unit>g|u/h|u)?"
    r"(?: ?(?:at|in)?+ ?(?P<at>[0-9]{1,2}:[0-9]{2}|[0-9]++ ?min|[0-9]++ ?h|now))?"
    r"(?: ?for ?(?P<length>[0-9]++(?:\.[0-9]++)?+ ?(?:min|h)))?",
    re.ASCII,
)


def parse(text: str, now: datetime, timezone: str = "UTC", limits: Limits | None = None) -> Plan:
    """Read a plan as a person writes it: steps joined by commas or semicolons, so many as `limits` allow.

    A step is `meal 60 g at 12:30`, `bolus 6 U in 10 min`, `bolus 4 U for 2 h`, `basal 0.4 U/h for 3 h` or
    `suspend for 1 h`; without a time
    it is now. Clock times are in `timezone` and mean the next such time.

    >>> from datetime import UTC
    >>> plan = parse("meal 60 g in 15 min, bolus 6 U", datetime(2026, 1, 1, 12, tzinfo=UTC))
    >>> [(f"{e.time:%H:%M}", e.quantity, e.value) for e in plan.events]
    [('12:15', 'carbohydrate_intake', 60.0), ('12:00', 'insulin_bolus', 6.0)]
    """
    most = (limits or limits_in_force()).plan
    if len(text) > most * _SIGNS or len(re.findall(r"[;,]", text)) >= most:
        raise beyond("the plan has too many steps, or signs", "plan", most, "plan")
    events = []
    for step in filter(None, (part.strip() for part in re.split(r"[;,]", text))):
        match = _STEP.fullmatch(" ".join(step.lower().split()))
        if match is None:
            raise RefusedInput(
                f"the step {step[:60]!r} cannot be read",
                where="plan",
                advice="Write for example: meal 60 g at 12:30, bolus 6 U in 10 min, basal 0.4 U/h for 3 h.",
            )
        events.append(_step(match, now, timezone, step))
    return Plan(text.strip() or "nothing more", tuple(events))


def _step(match: re.Match[str], now: datetime, timezone: str, step: str) -> Event:
    what, amount, unit = match["what"], match["amount"], match["unit"] or ""
    expected = {"meal": "g", "carbs": "g", "bolus": "U", "basal": "U/h", "suspend": ""}[what]
    if (amount is None) != (what == "suspend") or (unit and unit != expected.lower()):
        wanted = f"an amount in {expected}" if expected else "no amount"
        raise RefusedInput(f"the step {step[:60]!r} needs {wanted}", where="plan")
    at = _moment(match["at"] or "now", now, timezone)
    length = _length(match["length"]) if match["length"] else None
    if what in ("meal", "carbs"):
        if length:
            raise RefusedInput(f"the step {step[:60]!r} gives a meal a length, which no model here knows", where="plan")
        return meal(at, float(amount))
    if what == "bolus":
        return bolus(at, float(amount), at + length if length else None)
    return basal(at, at + (length or LONGEST), float(amount or 0.0))


def _length(text: str) -> timedelta:
    number = float(re.sub(r"[^0-9.]", "", text))
    hours = number if text.endswith("h") else number / 60.0
    if hours > LONGEST / timedelta(hours=1):
        raise RefusedInput(f"{text[:40]} is longer than a day", where="plan")
    return timedelta(hours=hours)


def _moment(text: str, now: datetime, timezone: str) -> datetime:
    if text == "now":
        return now
    if ":" not in text:
        return now + _length(text)
    hour, minute = (int(part) for part in text.split(":"))
    if hour > 23 or minute > 59:
        raise RefusedInput(f"{text} is no time of day", where="plan")
    local = now.astimezone(ZoneInfo(timezone))
    at = local.replace(hour=hour, minute=minute, second=0, microsecond=0)
    return (at if at >= local else at + timedelta(days=1)).astimezone(now.tzinfo)


def together(name: str, plans: Iterable[Plan]) -> Plan:
    """One plan out of several."""
    return Plan(name, tuple(e for plan in plans for e in plan.events))
