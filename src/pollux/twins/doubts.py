"""What was found in the data that an answer stands on: said with it, widening it, or silencing it.

`record.examine` finds and judges nothing. Here each rule is given words, and its weight in an answer. All weights are
Pollux's own choice (unverified), on the side of silence.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from pollux.calibration.hindsight import LEAST
from pollux.calibration.hindsight import MOST as GREATEST
from pollux.models.glucose.sensor import NOISE
from pollux.record import Finding, Record, examine
from pollux.record.examining.fingers import pairs
from pollux.vocabulary import term

Array = NDArray[np.float64]

LOOKS_BACK = timedelta(days=14)  # findings of older data are not told: of a day so old 4 % is left at most
LATELY = timedelta(hours=24)  # data that an answer rests on directly
DIGESTED = timedelta(hours=8)  # after which a meal is behind an answer
METER = 0.05  # relative error of a finger's meter, as the twin takes it
MOST = 3.0  # times by which intervals are widened at most
DOUBTFUL = 1.5  # times by which a doubt widens them that has no size of its own
SEVERAL = 3  # wrong doses after which no answer can rest on the others

# rule: what it means, in words that follow a count; "" where the finding's own words say it
WORDS = {
    "gap": "gaps of more than an hour in the sensor's readings",
    "flat line": "stretches of an hour or more in which the sensor showed one value",
    "impossible rate of change": "changes of the sensor that are faster than a body's",
    "compressed night-time low": "lows by night that look like lying on the sensor",
    "sources disagree": "moments at which two sources say different things",
    "results of one day differ": "results of one day that differ, none with a time",
    "same entries hours apart": "files of which all stands twice, hours apart: one was read under another time zone",
    "said twice": "entries said twice, which count once",
    "implausible value": "values that are unusual",
    "finger against sensor": "finger values that contradict the sensor",
    "level in the other unit": "glucose values that look like another unit",
    "ten times the usual": "amounts about ten times this person's usual",
    "too much for their weight": "amounts far beyond what weight and food ask for",
    "ten times for their weight": "",
    "a tenth for their weight": "",
    "contested": "values that a later version, which cannot be used, may have changed",
    "meals by night": "",
    "glucose rises elsewhere": "",
}
WIDENS = (
    "contested",
    "ten times the usual",
    "too much for their weight",
    "same entries hours apart",
    "a tenth for their weight",
    "glucose rises elsewhere",
    "level in the other unit",
)
# Of these the newest is told in its own words.
TOLD = ("finger against sensor", "same entries hours apart", "ten times the usual", "too much for their weight")
USED = frozenset(
    ("cgm_glucose", "insulin_bolus", "insulin_basal_rate", "insulin_long_acting", "carbohydrate_intake", "body_weight")
    + ("blood_glucose", "calibration_glucose", "plasma_glucose")
)


@dataclass(frozen=True)
class Doubts:
    """What is to be said with an answer, why there is none, and how many times as wide its intervals are to be."""

    cautions: tuple[str, ...] = ()
    abstains: tuple[str, ...] = ()
    widened: float = 1.0


def doubts(known: Record, now: datetime, set_aside: Sequence[Finding] = ()) -> Doubts:
    """What `examine` finds in the data of the last 14 days, and what of them was quarantined, as an answer tells it."""
    part = lately(known, now)
    findings = [f for f in examine(part).findings if f.quantity in USED]
    zone = ZoneInfo(known.person.timezone)
    cautions = [*_cautions(findings, zone), *_set_aside(set_aside, now)]
    widened = _widened(part, findings, now)
    if widened > 1.0:
        cautions.append(f"intervals are {widened:.1f} times as wide as they would be without these doubts")
    return Doubts(tuple(cautions), tuple(_silences(part, findings, now, zone)), widened)


def lately(known: Record, now: datetime) -> Record:
    """What is known of the last 14 days, with the body weight that stands."""
    part = known.between(now - LOOKS_BACK, now)
    weights = tuple(e for e in known.of("body_weight") if e.time < now - LOOKS_BACK)[-1:]
    return Record(known.person, (*weights, *(e for e in part.current if e not in weights)))


def _cautions(findings: list[Finding], zone: ZoneInfo) -> list[str]:
    groups: dict[tuple[str, str], list[Finding]] = {}
    for f in findings:
        groups.setdefault((f.rule, "" if f.rule in WORDS and f.rule != "implausible value" else f.quantity), []).append(
            f
        )
    lines = []
    for (rule, quantity), some in groups.items():
        newest = max(some, key=lambda f: f.time.timestamp() if f.time else 0.0)
        words = WORDS.get(rule, f"of {_label(quantity)} marked “{rule}”")
        when = f"{newest.time.astimezone(zone):%Y-%m-%d %H:%M}" if newest.time else ""
        if not words:
            lines.append(newest.message)
        elif rule == "implausible value":
            lines.append(
                f"{len(some)} of {_label(quantity)} unusual ({newest.message.split(' is ')[0]}), newest {when}"
            )
        else:
            detail = f" ({newest.message})" if rule in TOLD else ""
            lines.append(f"{words}: {len(some)}{detail}, newest {when}")
    return lines


def _label(quantity: str) -> str:
    return term(quantity).label.lower() if quantity else "what came in"


def _set_aside(findings: Iterable[Finding], now: datetime) -> list[str]:
    """How much came in that would have been used and lies in quarantine."""
    counts: dict[tuple[str, str], int] = {}
    for f in findings:
        near = f.time is None or now - LOOKS_BACK <= f.time <= now + LATELY
        if near and (not f.quantity or f.quantity in USED):
            counts[f.quantity, f.rule] = counts.get((f.quantity, f.rule), 0) + 1
    return [
        f"{n} of {_label(quantity)} {'is' if n == 1 else 'are'} in quarantine and not used ({rule})"
        for (quantity, rule), n in sorted(counts.items())
    ]


def _widened(part: Record, findings: list[Finding], now: datetime) -> float:
    """How many times as wide: by how far fingers and sensor lay apart lately, and by doubts without a size."""
    factor = DOUBTFUL if any(f.rule in WIDENS for f in findings) else 1.0
    near = [p for p in pairs(part) if now - LATELY <= p.finger.time <= now]
    if any(p.discordant for p in near):
        squares = [(p.value - p.sensor) ** 2 / (NOISE.sd**2 + (METER * p.value) ** 2) for p in near]
        factor = max(factor, math.sqrt(sum(squares) / len(squares)))
    return min(factor, MOST)


def _silences(part: Record, findings: list[Finding], now: datetime, zone: ZoneInfo) -> list[str]:
    """Why no answer can rest on these data."""
    reasons = [
        f"{f.message}; the forecast would rest on them" for f in findings if f.rule == "ten times for their weight"
    ]
    insulin = ("insulin_bolus", "insulin_basal_rate", "insulin_long_acting")
    for rule, what in (
        ("ten times the usual", "about ten times this person's usual"),
        ("too much for their weight", "far beyond what weight and food ask for"),
        ("implausible value", "more than the model was tried with"),
    ):
        doses = [f for f in findings if f.rule == rule and f.quantity in insulin]
        if _since(doses, now - LATELY) or len(doses) >= SEVERAL:
            reasons.append(_amounts(doses, "dose", " of insulin", what, zone))
        meals = [f for f in findings if f.rule == rule and f.quantity == "carbohydrate_intake"]
        if rule != "implausible value" and _since(meals, now - DIGESTED):
            reasons.append(_amounts(_since(meals, now - DIGESTED), "meal", "", what, zone))
    levels = [f for f in findings if f.rule == "level in the other unit"]
    if any(f.time and f.time > now - LATELY for f in levels):
        reasons.append(f"{len(levels)} glucose values look like another unit (newest {levels[-1].message})")
    return reasons


def _since(findings: Sequence[Finding], moment: datetime) -> list[Finding]:
    return [f for f in findings if f.time and f.time > moment]


def _amounts(findings: Sequence[Finding], kind: str, of: str, what: str, zone: ZoneInfo) -> str:
    """How many amounts are too large, and the newest of them."""
    last, several = findings[-1], len(findings) > 1
    when = f"{last.time.astimezone(zone):%Y-%m-%d %H:%M}" if last.time else ""
    amount = last.message.split(",")[0].split(" is ")[0]
    count = f"{len(findings)} {kind}{'s' if several else ''}{of}"
    return f"{count} (newest {amount}, {when}) {'are' if several else 'is'} {what}; the forecast would rest on them"


def widen(levels: Array, middle: Array, factor: float) -> Array:
    """Levels or draws (n, T) moved away from the middle (T,), `factor` times as far, within what a body can have."""
    moved: Array = np.clip(middle + factor * (levels - middle), LEAST, GREATEST)
    return moved
