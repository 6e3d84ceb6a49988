"""The report of a twin: one self-contained page for screen, phone and paper."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from statistics import median
from typing import Any
from zoneinfo import ZoneInfo

from pollux import __version__
from pollux.plans import Plan, bolus, meal
from pollux.record import QualityReport, Quarantined, Record, examine
from pollux.record.glycaemia import glucose_metrics
from pollux.record.when import day_of
from pollux.report import charts
from pollux.report.page import pages
from pollux.twins import Comparison, Forecast, Twin
from pollux.twins.answers import HIGH, LOW, shown
from pollux.vocabulary import convert, term

GRAMS = 60.0  # carbohydrate of the meal that the what-ifs are about
SNACK = 15.0  # g, of what is eaten between meals
HORIZON = timedelta(hours=4)


@dataclass(frozen=True)
class Claim:
    """One line of evidence: what is claimed of the model, its source, what was expected and measured, the verdict."""

    claim: str
    source: str
    expected: str
    measured: str
    verdict: str


def twin_report(
    twin: Twin,
    *,
    quarantined: Sequence[Quarantined] = (),
    evidence: Sequence[Claim] = (),
    about: str = "",
    plans: Sequence[Plan] | None = None,
    notes: Sequence[str] = (),
) -> str:
    """The report as HTML that needs nothing else: who, what is known, now, forecast, what-ifs, limits, evidence."""
    record, zone = twin.record.until(twin.now), twin.record.person.timezone
    forecast = twin.forecast()
    chosen = list(plans) if plans is not None else what_ifs(record, twin.now)
    comparison = twin.compare(chosen, horizon=HORIZON) if chosen else None
    explanation = twin.explain()
    quality = examine(record)
    page: dict[str, Any] = {
        "version": __version__,
        "person": record.person,
        "age": record.person.age(twin.now),
        "about": about,
        "cautions": [*dict.fromkeys((*forecast.grounds.cautions, *notes))],
        "now": _local(twin.now, zone),
        "zone": zone,
        "forecast": forecast,
        "summary": _summary(record, forecast),
        "chart": "" if forecast.abstains else charts.forecast_chart(record, forecast),
        "steps": _steps(forecast),
        "comparison": comparison,
        "plans_chart": _plans_chart(comparison, zone),
        "explanation": explanation,
        "known": _known(record, zone),
        "quality": quality,
        "quality_lines": _grouped(quality),
        "quarantined": quarantined,
        "sensor": glucose_metrics(record, twin.now - timedelta(days=14), twin.now),
        "measurements": [] if forecast.abstains else twin.next_measurement(),
        "evidence": evidence,
        "local": lambda moment: _local(moment, zone),
    }
    return str(_template().render(page))


def what_ifs(record: Record, now: datetime) -> list[Plan]:
    """Questions that somebody would ask at this hour, against nothing at all.

    At an hour at which this person eats: three about the next meal, the bolus before, with, and after it. At another:
    a snack where glucose is not high, a correction where it is. Empty where insulin and meals are not known.
    """
    ratio = carbohydrate_ratio(record)
    if ratio is None:
        return []
    dose = round(GRAMS / ratio, 1)
    at = now + timedelta(minutes=30)
    if not eats_at(record, at):
        return _between_meals(record, now, ratio)
    food = meal(at, GRAMS)
    return [
        Plan("nothing more"),
        Plan(f"{GRAMS:g} g meal, {dose:g} U with it", (food, bolus(at, dose))),
        Plan(f"{GRAMS:g} g meal, {dose:g} U 20 min before", (food, bolus(at - timedelta(minutes=20), dose))),
        Plan(f"{GRAMS:g} g meal, {dose:g} U 40 min after", (food, bolus(at + timedelta(minutes=40), dose))),
    ]


def _between_meals(record: Record, now: datetime, ratio: float) -> list[Plan]:
    """Nothing; and carbohydrate against a low, or insulin against a high, as the last reading asks for."""
    plans, last = [Plan("nothing more")], record.of("cgm_glucose")[-1].number()
    if last < 180.0:
        plans.append(Plan(f"{SNACK:g} g of carbohydrate now", (meal(now, SNACK),)))
    if last > 150.0:
        dose = max(0.1, round(SNACK / ratio, 1))
        plans.append(Plan(f"{dose:g} U as a correction now", (bolus(now, dose),)))
    return plans


def eats_at(record: Record, at: datetime) -> bool:
    """Whether this person had a meal within 90 min of this local hour on a third of the last 14 days with meals."""
    zone = ZoneInfo(record.person.timezone)
    meals = record.between(at - timedelta(days=14), at).once("carbohydrate_intake")
    times = [e.time.astimezone(zone) for e in meals if e.number() >= 20.0]
    days = {t.date() for t in times}
    local = at.astimezone(zone)
    hour = local.hour + local.minute / 60.0
    near = {t.date() for t in times if abs((t.hour + t.minute / 60.0 - hour + 12.0) % 24.0 - 12.0) <= 1.5}
    return bool(days) and len(near) >= max(1, len(days) / 3.0)


def carbohydrate_ratio(record: Record) -> float | None:
    """Grams that this person covers with one unit: the median over meals that had a bolus within 20 minutes."""
    boluses = record.of("insulin_bolus")
    ratios = []
    for food in record.of("carbohydrate_intake"):
        near = [b for b in boluses if abs((b.time - food.time).total_seconds()) <= 1200 and b.number() > 0]
        if near and food.number() >= 20:
            ratios.append(food.number() / near[0].number())
    return median(ratios) if len(ratios) >= 3 else None


def _summary(record: Record, forecast: Forecast) -> dict[str, Any]:
    last = record.of("cgm_glucose")[-1]
    said: dict[str, Any] = {"glucose": last.number(), "molar": _molar(last.number()), "comparator": last.comparator}
    if not forecast.abstains:
        said["hour"] = forecast.at(60.0)
        said["low"], said["high"] = forecast.chance_below(LOW), forecast.chance_above(HIGH)
    return said


def _molar(value: float) -> float:
    return convert(value, "mg/dL", "mmol/L", "cgm_glucose")


def _steps(forecast: Forecast) -> list[tuple[int, tuple[float, float, float], tuple[float, float, float]]]:
    if forecast.abstains:
        return []
    rows = [(minutes, forecast.at(float(minutes))) for minutes in (15, 30, 60, 90, 120)]
    return [(minutes, at, (_molar(at[0]), _molar(at[1]), _molar(at[2]))) for minutes, at in rows]


def _plans_chart(comparison: Comparison | None, zone: str) -> str:
    if comparison is None or comparison.abstains:
        return ""
    return charts.plans_chart([o.forecast for o in comparison.options], [o.plan for o in comparison.options], zone)


def _known(record: Record, zone: str) -> list[tuple[str, int, str, str]]:
    """Each quantity: how many events, since when, and the last value."""
    rows = []
    for name in record.quantities:
        events = record.of(name)
        last = events[-1]
        value = (
            f"{last.value:g} {last.unit}" if isinstance(last.value, float) else str(getattr(last.value, "display", ""))
        )
        days = list(dict.fromkeys((day_of(events[0], zone), day_of(last, zone))))
        rows.append((term(name).label, len(events), " to ".join(days), value))
    return rows


def _grouped(quality: QualityReport) -> list[tuple[str, str, int, str]]:
    """Findings by rule: name, category, how many, the first as an example."""
    rules: dict[tuple[str, str], list[str]] = {}
    for finding in quality.findings:
        rules.setdefault((finding.rule, finding.category), []).append(finding.message)
    return [(rule, category, len(said), said[0]) for (rule, category), said in rules.items()]


def _local(moment: datetime, zone: str) -> str:
    return moment.astimezone(ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M")


@cache
def _template() -> Any:
    rooms = pages()
    rooms.filters["shown"] = shown
    rooms.filters["sentence"] = lambda text: text[:1].upper() + text[1:]
    rooms.filters["points"] = lambda share: f"{round(100 * share):+d}"
    rooms.filters["percent"] = lambda share: "<1 %" if 0 < share < 0.01 else f"{100 * share:.0f} %"
    rooms.filters["three"] = lambda v: f"{v[1]:.3g} ({v[0]:.3g} to {v[2]:.3g})"
    return rooms.get_template("twin.html")
