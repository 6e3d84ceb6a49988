"""The one printer: nothing reaches a terminal but through here. Answers of a twin as lines, or as JSON."""

import codecs
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from pollux.visible import visible, visible_lines

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pollux.twins import Comparison, Forecast

_RED, _PLAIN, _CLEAR = "\x1b[1;31m", "\x1b[0m", "\r\x1b[2K"


def say(*lines: object, loud: bool = False, now: bool = False) -> None:
    """Print lines; a sign in them that would steer a terminal, break a line or hide is shown.

    `loud` ones are red on a terminal; what is said `now` does not wait for more.
    """
    for line in lines:
        text = visible(str(line))
        print(f"{_RED}{text}{_PLAIN}" if loud and sys.stdout.isatty() else text, flush=now)


def say_text(text: str) -> None:
    """Print a text of several lines, or JSON, which stays the same JSON."""
    print(visible_lines(text))


def complain(text: str) -> None:
    """Print a line on the error stream."""
    print(visible(text), file=sys.stderr)


def hint(text: str) -> None:
    """Show on the error stream of a terminal what is going on, over what was there; "" takes it away."""
    print(f"{_CLEAR}{visible(text)}", end="", file=sys.stderr, flush=True)


def hand_out(pieces: Iterable[bytes], *, exactly: bool) -> None:
    """JSON to the standard output: the same JSON with every sign shown, or `exactly` these bytes for a file or pipe."""
    if exactly and not sys.stdout.isatty():
        sys.stdout.buffer.writelines(pieces)
        return
    decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")
    for piece in pieces:
        sys.stdout.write(visible_lines(decoder.decode(piece)))
    sys.stdout.write(visible_lines(decoder.decode(b"", True)))


def print_forecast(answer: "Forecast", zone: str, notes: "Sequence[str]") -> None:
    """A forecast as a table, with what must be known of it in words."""
    from pollux.twins.answers import shown

    if answer.abstains:
        say(f"The twin of {answer.person} gives no forecast:")
        say(*(f"  {reason}" for reason in answer.grounds.abstains))
        for line in answer.grounds.cautions:
            say(f"  note: {line}")
        return
    made = answer.made_at.astimezone(ZoneInfo(zone))
    say(f"{answer.person}, from {made:%Y-%m-%d %H:%M} ({zone}), plan: {answer.plan}")
    if danger := answer.danger():
        say(f"  DANGER: {danger}", loud=True)
    say("  ahead    sensor glucose, mg/dL   90 % interval")
    end = (answer.times[-1] - answer.made_at).total_seconds() / 60.0
    for minutes in [m for m in (15, 30, 60, 90, 120, 180, 240, 360, 480) if m <= end]:
        middle, low, high = (shown(value) for value in answer.at(float(minutes)))
        line = f"  {minutes:3d} min {middle:>12s}             {low:>5s} to {high}"
        say(line, loud=middle.startswith("Low"))
    low_chance, high_chance = answer.chance_below(70.0), answer.chance_above(180.0)
    very_low = answer.chance_below(54.0)
    say(f"  chance of a low (below 70): {low_chance:.0%}, very low (below 54): {very_low:.0%}, "
          f"of a high (above 180): {high_chance:.0%}")  # fmt: skip
    for line in (*answer.grounds.cautions, *notes):
        say(f"  note: {line}")
    if answer.grounds.missing:
        say(f"  missing: {', '.join(answer.grounds.missing)}")
    model = f"{answer.grounds.model}, version {answer.grounds.version}"
    say(f"  model: {model}. Research software, not a medical device.")


def print_comparison(answer: "Comparison", notes: "Sequence[str]") -> None:
    """Plans side by side; exits with 3 where the twin does not compare them."""
    if answer.abstains:
        say("The twin does not compare these plans:")
        say(*(f"  {reason}" for reason in answer.grounds.abstains))
        sys.exit(3)
    say("plans, best first            in range   low <70   very low <54   gain in range (90 %)")
    for o in answer.options:
        mean, least, most = (round(100 * share) for share in o.gain)
        gain = f"{mean:+d} points ({least:+d} to {most:+d})"
        name = f"  {o.plan}{'   TOO HARMFUL' if o.harmful else ''}"
        say(name, loud=o.harmful)
        say(f"{'':27s}{o.time_in_range[0]:8.0%} {o.chance_low:9.0%} {o.chance_very_low:14.0%}   {gain}")
    if answer.limit:
        say(f"  {answer.limit}", loud=True)
    for line in (*answer.grounds.cautions, *notes):
        say(f"  note: {line}")
    say("A person decides. Research software, not a medical device.")


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
    say_text(orjson.dumps(rows, option=orjson.OPT_INDENT_2).decode())
