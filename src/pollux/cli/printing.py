"""Answers of a twin as lines on a terminal, or as JSON."""

import sys
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pollux.twins import Comparison, Forecast

_RED, _PLAIN = "\x1b[1;31m", "\x1b[0m"


def _loud(line: str) -> str:
    """The line in red where it is read on a terminal."""
    return f"{_RED}{line}{_PLAIN}" if sys.stdout.isatty() else line


def print_forecast(answer: "Forecast", zone: str, notes: "Sequence[str]") -> None:
    """A forecast as a table, with what must be known of it in words."""
    from pollux.twins.answers import shown

    if answer.abstains:
        print(f"The twin of {answer.person} gives no forecast:")
        print("\n".join(f"  {reason}" for reason in answer.grounds.abstains))
        for line in answer.grounds.cautions:
            print(f"  note: {line}")
        return
    made = answer.made_at.astimezone(ZoneInfo(zone))
    print(f"{answer.person}, from {made:%Y-%m-%d %H:%M} ({zone}), plan: {answer.plan}")
    if danger := answer.danger():
        print(_loud(f"  DANGER: {danger}"))
    print("  ahead    sensor glucose, mg/dL   90 % interval")
    end = (answer.times[-1] - answer.made_at).total_seconds() / 60.0
    for minutes in [m for m in (15, 30, 60, 90, 120, 180, 240, 360, 480) if m <= end]:
        middle, low, high = (shown(value) for value in answer.at(float(minutes)))
        line = f"  {minutes:3d} min {middle:>12s}             {low:>5s} to {high}"
        print(_loud(line) if middle.startswith("Low") else line)
    low_chance, high_chance = answer.chance_below(70.0), answer.chance_above(180.0)
    very_low = answer.chance_below(54.0)
    print(f"  chance of a low (below 70): {low_chance:.0%}, very low (below 54): {very_low:.0%}, "
          f"of a high (above 180): {high_chance:.0%}")  # fmt: skip
    for line in (*answer.grounds.cautions, *notes):
        print(f"  note: {line}")
    if answer.grounds.missing:
        print(f"  missing: {', '.join(answer.grounds.missing)}")
    model = f"{answer.grounds.model}, version {answer.grounds.version}"
    print(f"  model: {model}. Research software, not a medical device.")


def print_comparison(answer: "Comparison", notes: "Sequence[str]") -> None:
    """Plans side by side; exits with 3 where the twin does not compare them."""
    if answer.abstains:
        print("The twin does not compare these plans:")
        print("\n".join(f"  {reason}" for reason in answer.grounds.abstains))
        sys.exit(3)
    print("plans, best first            in range   low <70   very low <54   gain in range (90 %)")
    for o in answer.options:
        mean, least, most = (round(100 * share) for share in o.gain)
        gain = f"{mean:+d} points ({least:+d} to {most:+d})"
        name = f"  {o.plan}{'   TOO HARMFUL' if o.harmful else ''}"
        print(_loud(name) if o.harmful else name)
        print(f"{'':27s}{o.time_in_range[0]:8.0%} {o.chance_low:9.0%} {o.chance_very_low:14.0%}   {gain}")
    if answer.limit:
        print(_loud(f"  {answer.limit}"))
    for line in (*answer.grounds.cautions, *notes):
        print(f"  note: {line}")
    print("A person decides. Research software, not a medical device.")


def print_json(answers: "Sequence[Forecast]") -> None:
    """Forecasts as a list of JSON objects."""
    import orjson

    from pollux.twins.answers import SHOWN_HIGH, SHOWN_LOW, shown

    rows = [
        {
            "person": a.person,
            "made_at": a.made_at.isoformat(),
            "as_of": a.grounds.as_of,
            "plan": a.plan,
            "unit": "mg/dL",
            "times": [t.isoformat() for t in a.times],
            "levels": [0.05, 0.25, 0.5, 0.75, 0.95],
            "bands": a.bands.round(2).tolist(),
            "sensor_range": [SHOWN_LOW, SHOWN_HIGH],
            "median_as_shown": [shown(float(v)) for v in a.bands[2]],
            "danger": a.danger(),
            "abstains": list(a.grounds.abstains),
            "cautions": list(a.grounds.cautions),
            "missing": list(a.grounds.missing),
            "model": a.grounds.model,
            "version": a.grounds.version,
        }
        for a in answers
    ]
    print(orjson.dumps(rows, option=orjson.OPT_INDENT_2).decode())
