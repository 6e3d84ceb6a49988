"""How well the kidneys filter, from creatinine: three formulas, each for its own people and its own unit.

A clearance in mL/min and a filtration indexed to 1.73 m² are different quantities; `deindexed` goes from the second to
the first and nothing here does so silently. All formulas take creatinine [mg/dL] to be in steady state:
`unsteady` says when it is not (KDIGO's definition of acute kidney injury, either direction), and `filtration` then
abstains. Equations were read as several public codings restate them; the printed papers were not
(*unverified*); of the references only Schwartz's DOI was seen.
"""

import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import Literal

import msgspec

from pollux.errors import OutsideDomain, RefusedInput
from pollux.record.body_size import (
    adjusted_weight,
    check_height,
    check_sex,
    check_weight,
    ideal_weight,
    lean_weight,
    surface_mosteller,
)
from pollux.record.event import Event
from pollux.record.record import Record
from pollux.record.sex import sex_for_formulas
from pollux.record.when import DATES, day_of

Formula = Literal["Cockcroft-Gault", "CKD-EPI 2021", "bedside Schwartz"]
Weight = Literal["actual", "ideal", "adjusted", "lean"]
INDEXED = "mL/min/{1.73_m2}"
ABSOLUTE = "mL/min"
_HOLDS = timedelta(
    days=90
)  # how old a creatinine may be: our own choice, three months as KDIGO's chronicity (unverified)
_STEP, _FOLD, _WEEK = 0.3, 1.5, timedelta(days=7)  # mg/dL within 48 h, times within 7 days: KDIGO's acute injury
_WEIGHED = timedelta(days=365)  # how old a weight may be: our own choice


class Filtration(msgspec.Struct, frozen=True):
    """A filtration, or why there is none.

    `value` is in `unit`, None where the formula abstains; `reason` then says why. `used` names the observations it
    rests on (the events' ids), `weight` the descriptor of weight that went in. `caution` is what whoever uses the value
    has to know of it: that the stated gender stood in for the sex at birth.
    """

    formula: Formula
    unit: str
    value: float | None
    reason: str = ""
    used: tuple[str, ...] = ()
    weight: str = ""
    caution: str = ""


def _check(creatinine: float, age: float, low: float, high: float, formula: Formula) -> None:
    if not (math.isfinite(creatinine) and 0.05 <= creatinine <= 60):
        raise RefusedInput("the creatinine cannot be", where="creatinine", advice="Give it in mg/dL, 0.05 to 60.")
    if not low <= age <= high:
        raise OutsideDomain(
            f"{formula} is for ages {low:g} to {high:g}", where="age", advice="Use the formula made for this age."
        )


def cockcroft_gault(creatinine: float, age: float, weight: float, sex: str) -> float:
    """Creatinine clearance [mL/min] of an adult: (140 - age) × weight / (72 × creatinine), × 0.85 for women.

    `weight` [kg] is of whichever descriptor the caller states. Cockcroft and Gault 1976, doi:10.1159/000180580.

    >>> round(cockcroft_gault(1.0, 40, 72, "male"), 6)
    100.0
    """
    _check(creatinine, age, 18, 120, "Cockcroft-Gault")
    check_weight(weight)
    return max(0.0, 140 - age) * weight / (72 * creatinine) * (0.85 if check_sex(sex) == "female" else 1.0)


def ckd_epi_2021(creatinine: float, age: float, sex: str) -> float:
    """Filtration of an adult [mL/min/1.73 m²], without race (Inker et al. 2021, doi:10.1056/NEJMoa2102953).

    142 × min(creatinine/κ, 1)^α × max(creatinine/κ, 1)^-1.200 × 0.9938^age × 1.012 [women];
    κ 0.7 and α -0.241 for women, κ 0.9 and α -0.302 for men.

    >>> round(ckd_epi_2021(1.0, 50, "male")), round(ckd_epi_2021(1.0, 50, "female"))
    (92, 69)
    """
    _check(creatinine, age, 18, 120, "CKD-EPI 2021")
    female = check_sex(sex) == "female"
    ratio = creatinine / (0.7 if female else 0.9)
    below = min(ratio, 1.0) ** (-0.241 if female else -0.302)
    return float(142 * below * max(ratio, 1.0) ** -1.200 * 0.9938**age * (1.012 if female else 1.0))


def bedside_schwartz(creatinine: float, age: float, height: float) -> float:
    """Filtration of a child [mL/min/1.73 m²]: 0.413 × height [cm] / creatinine.

    Schwartz et al. 2009, doi:10.1681/ASN.2008030287.

    >>> round(bedside_schwartz(0.5, 8, 125), 1)
    103.2
    """
    _check(creatinine, age, 1, 18, "bedside Schwartz")
    check_height(height)
    return 0.413 * height / creatinine


def deindexed(filtration: float, surface: float) -> float:
    """A filtration per 1.73 m² as this body's own [mL/min]: × surface [m²] / 1.73.

    >>> round(deindexed(60, 2.1), 1)
    72.8
    """
    if not 0.05 <= surface <= 5:
        raise RefusedInput("the body surface cannot be", where="surface", advice="Give it in m².")
    return filtration * surface / 1.73


def unsteady(creatinines: Sequence[tuple[datetime, float]]) -> str:
    """Why these creatinines [mg/dL] are no steady state; empty where nothing speaks against one.

    A change by 0.3 mg/dL or more within 48 h, or by a factor of 1.5 or more within 7 days, up or down (KDIGO 2012,
    doi:10.1038/kisup.2012.1, for the rise; the fall is our own reading of the same thresholds). Only the change to the
    last value counts: an injury that is long over does not. Two values of one instant are no change: see
    `contradicting`.

    >>> at = datetime(2026, 1, 1)
    >>> unsteady([(at, 1.0), (at + timedelta(hours=40), 1.3)])
    'creatinine changed by 0.3 mg/dL or more within 48 hours'
    """
    if not creatinines:
        return ""
    ordered = sorted(creatinines)
    last_at, last = ordered[-1]
    for at, value in ordered[:-1]:
        apart = last_at - at
        if not apart:
            continue
        if apart <= timedelta(hours=48) and abs(last - value) >= _STEP - 1e-9:
            return "creatinine changed by 0.3 mg/dL or more within 48 hours"
        if apart <= _WEEK and max(last, value) >= _FOLD * min(last, value) - 1e-9:
            return "creatinine changed by half or more within 7 days"
    return ""


def contradicting(creatinines: Sequence[Event], zone: str = "UTC") -> str:
    """What two results [mg/dL] of one time cannot both say; empty where none contradict each other.

    Of one time are results of one instant, and those of one day of which one states no time of day: nobody knows which
    came first. They contradict where they lie as far apart as would be a change. Asked are those of the 7 days up to
    the last, which decide whether creatinine is steady.
    """
    if not creatinines:
        return ""
    last = max(e.time for e in creatinines)
    times: dict[str, list[Event]] = {}
    for e in creatinines:
        if last - e.time <= _WEEK:
            times.setdefault(day_of(e, zone), []).append(e)
    for day, events in sorted(times.items(), reverse=True):
        for some in _of_one_time(events):
            low, high = min(e.number("mg/dL") for e in some), max(e.number("mg/dL") for e in some)
            if high - low >= _STEP - 1e-9 or high >= _FOLD * low - 1e-9:
                return f"of {day} there is a creatinine of {low:.3g} and one of {high:.3g} mg/dL"
    return ""


def _of_one_time(day: Sequence[Event]) -> list[list[Event]]:
    """The results of one day, those together of which nobody knows which came first."""
    if any(e.precision in DATES for e in day):
        return [list(day)]
    return [list(same) for _, same in groupby(sorted(day, key=lambda e: e.time), key=lambda e: e.time)]


def filtration(record: Record, at: datetime, formula: Formula, weight: Weight = "actual") -> Filtration:
    """The filtration that a record allows at a time, with what it used, or the reason for abstaining."""
    unit = ABSOLUTE if formula == "Cockcroft-Gault" else INDEXED
    try:
        value, used = _filtration(record, at, formula, weight)
    except (OutsideDomain, RefusedInput) as error:
        return Filtration(formula, unit, None, error.what)
    caution = "" if formula == "bedside Schwartz" else sex_for_formulas(record.person)[1]
    return Filtration(formula, unit, value, "", used, weight if formula == "Cockcroft-Gault" else "", caution)


def _filtration(record: Record, at: datetime, formula: Formula, weight: Weight) -> tuple[float, tuple[str, ...]]:
    events = [e for e in record.of("creatinine") if e.time <= at and not e.comparator]
    if not events or at - events[-1].time > _HOLDS:
        raise OutsideDomain(f"no creatinine in the {_HOLDS.days} days before")
    contradiction = contradicting(events, record.person.timezone)
    if contradiction:
        raise OutsideDomain(f"two results contradict: {contradiction}")
    why = unsteady([(e.time, e.number("mg/dL")) for e in events if at - e.time <= _HOLDS])
    if why:
        raise OutsideDomain(f"not in steady state: {why}")
    age = record.person.age(at)
    if age is None:
        raise OutsideDomain("the date of birth is not known")
    newest = _newest(events, record.person.timezone)
    creatinine, used = newest.number("mg/dL"), (newest.id,)
    if formula == "bedside Schwartz":
        tall = _latest(record, "body_height", at)
        return bedside_schwartz(creatinine, age, tall.number("cm")), (*used, tall.id)
    sex, _ = sex_for_formulas(record.person)
    if formula == "CKD-EPI 2021":
        return ckd_epi_2021(creatinine, age, sex), used
    heavy = _latest(record, "body_weight", at)
    if weight == "actual":
        return cockcroft_gault(creatinine, age, heavy.number("kg"), sex), (*used, heavy.id)
    tall = _latest(record, "body_height", at)
    kg = _descriptor(weight, heavy.number("kg"), tall.number("cm"), sex)
    return cockcroft_gault(creatinine, age, kg, sex), (*used, heavy.id, tall.id)


def _newest(events: Sequence[Event], zone: str) -> Event:
    """The last result; of several of one time, which nearly agree, the highest: no kidney looks better than it is."""
    last = events[-1]
    day = [e for e in events if day_of(e, zone) == day_of(last, zone)]
    together = next(some for some in _of_one_time(day)[::-1] if last in some)
    return max(together, key=lambda e: (e.number("mg/dL"), e.id))


def surface(record: Record, at: datetime) -> tuple[float, tuple[str, ...]]:
    """Body surface [m²] by Mosteller at a time, with the observations used. Raises `OutsideDomain` without them."""
    heavy, tall = _latest(record, "body_weight", at), _latest(record, "body_height", at)
    return surface_mosteller(heavy.number("kg"), tall.number("cm")), (heavy.id, tall.id)


def _descriptor(weight: Weight, kg: float, cm: float, sex: str) -> float:
    if weight == "ideal":
        return ideal_weight(cm, sex)
    return adjusted_weight(kg, cm, sex) if weight == "adjusted" else lean_weight(kg, cm, sex)


def _latest(record: Record, quantity: str, at: datetime) -> Event:
    event = record.latest(quantity, at)
    if event is None or at - event.time > _WEIGHED:
        raise OutsideDomain(f"no {quantity.replace('_', ' ')} in the year before")
    return event
