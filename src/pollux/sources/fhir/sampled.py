"""FHIR SampledData: a run of readings of one sensor, each an event of its own.

A reading is `origin + factor × datum`, `period` milliseconds after the one before (hl7.org/fhir/R4/datatypes.html,
SampledData). `L` and `U` are readings below and above what the sensor can tell: comparators at `lowerLimit` and
`upperLimit`, or at the usual range of a glucose sensor where none is stated; `E` is an error of the sensor and told,
never a value.
"""

import math
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from pollux.record.event import Comparator
from pollux.sources.fhir.dates import Span
from pollux.vocabulary import Term

SENSOR_LOW, SENSOR_HIGH = 40.0, 400.0  # mg/dL, the range of glucose sensors (G6 and G7), as for Clarity's Low and High
_NUMBER = re.compile(r"[+-]?(?:\d{1,15}(?:\.\d{1,15})?|\.\d{1,15})(?:[eE][+-]?\d{1,2})?", re.ASCII)
_TOKEN = re.compile(r"\S+")
_LONGEST = timedelta(days=366)  # that one run of readings may last: Pollux's own choice
_LATEST = datetime.max.replace(tzinfo=UTC)
Problem = tuple[str, str]
Made = Callable[[datetime, float, str, Comparator, int], Any]


class Broken(Exception):
    """Why a whole run of readings cannot be read."""


class _Run(NamedTuple):
    start: datetime
    step: timedelta
    origin: float
    factor: float
    lower: float | None
    upper: float | None
    unit: str


def readings(data: Mapping[str, Any], unit: str, known: Term, span: Span, make: Made) -> Iterator[Any]:
    """What `make` makes of each reading (time, value, unit, comparator, number), or the problem with it."""
    try:
        run = _run(data, unit, span)
    except Broken as error:
        yield "no value", f"{known.label} as sampled data {error}"
        return
    for number, found in enumerate(_TOKEN.finditer(str(data["data"]))):
        token, time = found.group(), run.start + number * run.step
        if token == "E":
            yield "sensor error", f"{known.label}: reading {number + 1} is an error of the sensor (E)"
        elif token in ("L", "U"):
            yield _beyond(token, number, time, run, known, make)
        elif _NUMBER.fullmatch(token):
            yield make(time, run.origin + run.factor * float(token), run.unit, "", number)
        else:
            yield "no value", f"{known.label}: reading {number + 1} is neither a number nor E, L or U"


def _beyond(token: str, number: int, time: datetime, run: _Run, known: Term, make: Made) -> Any:
    """A reading below or above the range, as a comparator at its limit."""
    sign: Comparator = "<" if token == "L" else ">"
    limit = run.lower if token == "L" else run.upper
    if limit is None and known.name == "cgm_glucose":
        return make(time, SENSOR_LOW if token == "L" else SENSOR_HIGH, "mg/dL", sign, number)
    if limit is None:
        return "no value", f"{known.label}: reading {number + 1} is beyond a limit ({token}) that is not stated"
    if run.factor != 1 or run.origin != 0:
        text = f"reading {number + 1} is beyond a limit ({token}) that may be stated before or after the factor"
        return "no value", f"{known.label}: {text}"
    return make(time, limit, run.unit, sign, number)


def _run(data: Mapping[str, Any], unit: str, span: Span) -> _Run:
    if span.precision not in ("minute", "second"):
        raise Broken("does not say at what time of day it begins")
    if data.get("dimensions") != 1:
        raise Broken("has not one dimension")
    origin, period = data["origin"].get("value"), _number(data.get("period"))
    if _number(origin) is None or "comparator" in data["origin"]:
        raise Broken("states no origin")
    if period is None or period <= 0:
        raise Broken("states no period")
    if not isinstance(data.get("data"), str):
        raise Broken("holds no readings")
    factor = _number(data.get("factor", 1))
    if factor is None or factor == 0:
        raise Broken("has a factor that cannot be")
    count = sum(1 for _ in _TOKEN.finditer(data["data"]))
    lasting = (count - 1) * period
    if not count * period < _LONGEST / timedelta(milliseconds=1):
        raise Broken("lasts longer than a year")
    if span.time > _LATEST - _LONGEST:
        raise Broken("begins at the end of the calendar")
    _check_end(lasting, period, span)
    lower, upper = _number(data.get("lowerLimit")), _number(data.get("upperLimit"))
    if lower is not None and upper is not None and lower >= upper:
        raise Broken("has a lower limit that is not below the upper one")
    return _Run(span.time, timedelta(milliseconds=period), float(origin), factor, lower, upper, unit)


def _check_end(lasting: float, period: float, span: Span) -> None:
    """The readings must fill the time that is stated for them, give or take a reading; else their period is another."""
    if span.end is None:
        return
    stated = (span.end - span.time) / timedelta(milliseconds=1)
    if not -period <= stated - lasting <= 2 * period:
        raise Broken("has readings that do not fill the time stated for them")


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)
