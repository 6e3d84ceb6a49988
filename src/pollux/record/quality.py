"""Quality rules at the door, after the categories of Kahn et al. 2016 (doi:10.13063/2327-9214.1244).

Rules for one event (`admit`) stand here. They look at nothing but the event, the person and the clock, so that the
answer does not depend on what arrived before. Rules for a course of events are in `course.py`. Nothing is dropped and
nothing is repaired: an event is accepted, perhaps with a flag, or quarantined with its reason.
"""

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import Literal

import msgspec

from pollux.errors import UnknownName
from pollux.record.event import Event, Person
from pollux.record.when import AHEAD, DATES, as_stated, day_of
from pollux.visible import visible
from pollux.vocabulary import Term, convert, term, unit, unit_named

Action = Literal["refuse", "quarantine", "flag"]
Category = Literal["conformance", "completeness", "plausibility"]


class Finding(msgspec.Struct, frozen=True):
    """What a rule has to say: which rule, what was found, where, and what was done about it."""

    rule: str
    category: Category
    action: Action
    message: str
    quantity: str = ""
    time: datetime | None = None
    where: str = ""
    event: str = ""


class Quarantined(msgspec.Struct, frozen=True):
    """Something that came in, is kept as it came, and is used by no model, with the reason."""

    finding: Finding
    event: Event | None = None
    document: str = ""


class Unlisted(msgspec.Struct, frozen=True):
    """How often a rule found something beyond what a report lists."""

    action: Action
    category: Category
    rule: str
    count: int


# What whoever reads a finding can do about it; said once for a rule.
ADVICE = {
    "unit slip": "If the file names the wrong unit: take its import back (`pollux undo NUMBER`), correct the unit "
    "where the file comes from, and import it again. Nothing is rescaled here.",
    "level in the other unit": "If a file names the wrong unit: take its import back (`pollux undo NUMBER`), correct "
    "the unit where it comes from, and import it again.",
    "same entries hours apart": "One of the two was read under another time zone: `pollux imports` lists them, "
    "`pollux undo NUMBER` takes the wrong one back.",
    "time in the future": "If the dates of the data were shifted, import with --as-of DAY.",
    "before birth": "If the date of birth is wrong, import the right one and run `pollux reread`.",
    "no offset": "Name the zone: import the file again with --timezone.",
}


class QualityReport(msgspec.Struct, frozen=True):
    """All that was found in a record or an import, for a person to read.

    Of a large import the first findings are listed, and the others counted (`unlisted`).
    """

    findings: tuple[Finding, ...]
    accepted: int = 0
    quarantined: int = 0
    unlisted: tuple[Unlisted, ...] = ()

    def text(self, most: int = 5) -> str:
        """The report as text: how much, counts by rule, and the first few places of each."""
        head = f"{self.accepted:,} events accepted, {self.quarantined:,} quarantined"
        return "\n".join([head, *self.lines(most)])

    def lines(self, most: int = 5) -> list[str]:
        """Counts by rule, the first few places of each, over what time the others lie, and what to do."""
        listed: dict[tuple[str, str, str], list[Finding]] = {}
        for f in self.findings:
            listed.setdefault((f.action, f.category, f.rule), []).append(f)
        counts = Counter({group: len(findings) for group, findings in listed.items()})
        for more in self.unlisted:
            counts[more.action, more.category, more.rule] += more.count
        lines = []
        for group, count in sorted(counts.items(), key=lambda item: (item[0][0] != "quarantine", -item[1])):
            (action, category, rule), findings = group, listed.get(group, [])
            lines.append(f"  {action}: {rule} ({category}), {count:,} time{'s' if count > 1 else ''}")
            lines += [visible(f"    {f.where or f.time or ''}: {f.message}") for f in findings[:most]]
            if count > most:
                span = _span(findings) if count == len(findings) else ""
                lines.append(f"    and {count - min(most, len(findings)):,} more{span}")
            if rule in ADVICE:
                lines.append(f"    {ADVICE[rule]}")
        return lines


def _span(findings: Sequence[Finding]) -> str:
    """Over which days findings lie, where more than one."""
    days = sorted({f.time.date() for f in findings if f.time})
    return f", {days[0]} to {days[-1]}" if len(days) > 1 else ""


def quarantine_lines(quarantined: Sequence[Quarantined], most: int = 3) -> list[str]:
    """What lies in quarantine: one line for each reason, whatever the numbers in it, with count, range, places, advice.

    >>> found = [Finding("unit slip", "conformance", "quarantine", f"{v} mg/dL cannot be", where=f"line {v}")
    ...          for v in (5, 6, 7, 5)]
    >>> print(quarantine_lines([Quarantined(one) for one in found])[0])
      quarantined, 4 times: unit slip, 5 mg/dL cannot be, and others up to 7 mg/dL [line 5, line 6, line 7 and 1 more]
    """
    reasons: dict[tuple[str, str, str], list[Finding]] = {}
    for one in quarantined:
        f = one.finding
        reasons.setdefault((f.rule, f.quantity, _NUMBER.sub("#", f.message)), []).append(f)
    groups = sorted(reasons.items(), key=lambda item: -len(item[1]))
    advised, lines = set(), []
    for (rule, _, _), findings in groups:
        count, places = len(findings), [f.where for f in findings[:most]]
        more = f" and {count - most:,} more" if count > most else ""
        times = f"{count:,} times" if count > 1 else "once"
        lines.append(f"  quarantined, {times}: {rule}, {_ranged(findings)} [{', '.join(places)}{more}]")
        if rule in ADVICE and rule not in advised:
            lines.append(f"    {ADVICE[rule]}")
            advised.add(rule)
    return lines


_NUMBER = re.compile(r"\d[\d.,:+eE-]*")
_AMOUNT = re.compile(r"(-?\d[\d.]*(?:e[+-]?\d+)?) (\S+)")


def _ranged(findings: Sequence[Finding]) -> str:
    """The message of findings that are alike but for their numbers, and of how much the others are."""
    messages = list(dict.fromkeys(f.message for f in findings))
    if len(messages) == 1:
        return messages[0]
    amounts = [found for message in messages if (found := _AMOUNT.match(message))]
    if len(amounts) < len(messages):
        return f"{messages[0]}, and {len(messages) - 1:,} others of the kind"
    smallest, largest = (extreme(amounts, key=lambda a: float(a[1])) for extreme in (min, max))
    return f"{smallest.string}, and others up to {largest[0]}"


def admit(person: Person, events: Iterable[Event], now: datetime) -> Iterator[Event | Quarantined]:
    """Put each event through the door: it comes out accepted (perhaps flagged) or quarantined.

    `now` is the clock of whoever receives the data; more than five minutes later than that is the future. A date is in
    the future when it has not begun anywhere on Earth.
    """
    born = person.born()
    for event in events:
        finding = _examine_one(event, born, now)
        if finding is None:
            yield event
        elif finding.action == "flag":
            yield msgspec.structs.replace(event, flags=(*event.flags, finding.rule))
        else:
            yield Quarantined(finding, event)


def _examine_one(event: Event, born: date | None, now: datetime) -> Finding | None:
    def found(rule: str, category: Category, action: Action, message: str) -> Finding:
        return Finding(rule, category, action, message, event.quantity, event.time, event.where, event.id)

    if event.retracted:
        return None  # it takes back what it names, whatever it says
    if event.time > now + timedelta(minutes=5) and _not_begun(event, now):
        zone = "" if event.precision in DATES else " UTC"
        text = f"it is dated {as_stated(event.time, event.precision)}{zone}"
        return found("time in the future", "plausibility", "quarantine", text)
    if born and before_birth(event, born):
        return found(BEFORE_BIRTH, "plausibility", "quarantine", f"it is dated {day_of(event)}")
    known = term(event.quantity)
    if isinstance(event.value, float) and not math.isfinite(event.value):
        return found("not a number", "conformance", "quarantine", f"{known.label} is not finite")
    if known.kind == "coded":
        return None
    if not isinstance(event.value, float | int):
        return found("not a number", "conformance", "quarantine", f"{known.label} needs a number")
    if not event.unit:
        return found("missing unit", "conformance", "quarantine", f"{known.label} needs a unit such as {known.unit}")
    try:
        value = event.number()
    except UnknownName:
        return found("unknown unit", "conformance", "quarantine", f"{known.label} has {unit_named(event.unit)}")
    except Exception as error:
        return found("wrong unit", "conformance", "quarantine", str(error))
    if known.possible and not known.possible[0] <= value <= known.possible[1]:
        slip = _slip(event, known)
        if slip:
            return found("unit slip", "conformance", "quarantine", slip)
        text = f"{event.value:g} {event.unit} cannot be ({known.possible[0]:g}-{known.possible[1]:g} {known.unit} can)"
        return found("impossible value", "plausibility", "quarantine", text)
    if known.plausible and not known.plausible[0] <= value <= known.plausible[1]:
        slip = _slip(event, known, clearly=True)
        if slip:
            return found("unit slip", "conformance", "quarantine", slip)
        return found("implausible value", "plausibility", "flag", f"{event.value:g} {event.unit} is unusual")
    return None


def _not_begun(event: Event, now: datetime) -> bool:
    """Whether it is later than now everywhere on Earth: a date begins up to 14 hours before it does in UTC."""
    return event.precision not in DATES or event.time > now + AHEAD


BEFORE_BIRTH = "before birth"  # the rule that asks what is stated of the person


def before_birth(event: Event, born: date) -> bool:
    """Whether an event lies before the day of birth, as precisely as it was stated and wherever on Earth it was."""
    latest = (event.time + timedelta(hours=14)).date()
    if event.precision == "year":
        return latest.year < born.year
    if event.precision == "month":
        return (latest.year, latest.month) < (born.year, born.month)
    return latest < born


# Pairs of units that people and exports mix up.
_CONFUSED = (("mg/dL", "mmol/L"), ("mg/dL", "umol/L"), ("g/dL", "g/L"), ("kg", "g"), ("kg", "[lb_av]"), ("cm", "m"),
             ("cm", "[in_i]"), ("Cel", "[degF]"), ("%", "1"), ("%", "mmol/mol"))  # fmt: skip


# Of a value that can be, a slip is said only when the value is this far outside of what is seen and the two units
# differ by a factor of ten or more: a true low is never taken for one. Pollux's own choice (unverified).
_FAR = 2.0
_FACTOR = 10.0


def _slip(event: Event, known: Term, clearly: bool = False) -> str:
    """What to say when a value would be usual in a unit that its own is mixed up with; empty when it would not.

    `clearly` is asked of a value that can be as it is stated.
    """
    stated = unit(event.unit).code
    own = event.number()
    if clearly and known.plausible and known.plausible[0] / _FAR <= own <= known.plausible[1] * _FAR:
        return ""
    for pair in _CONFUSED:
        if stated not in pair or not known.plausible:
            continue
        other = pair[1 - pair.index(stated)]
        try:
            value = convert(float(event.value), other, known.unit, known.name)  # type: ignore[arg-type]
        except Exception:
            continue
        if clearly and not (own > 0 and max(value / own, own / max(value, 1e-300)) >= _FACTOR):
            continue
        if known.plausible[0] <= value <= known.plausible[1]:
            can = "is far from usual" if clearly else "cannot be"
            return f"{event.value:g} {event.unit} {can}; {event.value:g} {other} would be usual"
    return ""
