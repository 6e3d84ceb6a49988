"""Charts of a twin report as inline SVG: one drawing for wide screens and paper, one for a phone."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from pollux.record import Record
from pollux.twins import Forecast
from pollux.twins.answers import HIGH, LOW, SHOWN_LOW
from pollux.visible import visible

INK, BAND, FAINT, TARGET, HARM, PLANS = (
    "#1d2733",
    "#2f6fa7",
    "#8a96a3",
    "#e7f2e6",
    "#fbe3e0",
    ("#2f6fa7", "#b4581b", "#5b7f2b", "#7b4b94"),
)


@dataclass(frozen=True)
class Size:
    """Width and height of a drawing [inches] and its letters [points]."""

    name: str
    width: float
    height: float
    letters: float


WIDE, NARROW = Size("wide", 9.6, 3.9, 10.0), Size("narrow", 4.2, 3.6, 9.5)


def forecast_chart(record: Record, forecast: Forecast, hours: float = 8.0) -> str:
    """The last hours as the sensor saw them, and the hours to come as bands. Both sizes; CSS shows one."""
    return "".join(_forecast(record, forecast, hours, size) for size in (WIDE, NARROW))


def plans_chart(forecasts: Sequence[Forecast], names: Sequence[str], timezone: str) -> str:
    """Plans side by side: each median with its 50 % band."""
    return "".join(_plans(forecasts, names, timezone, size) for size in (WIDE, NARROW))


def _figure(size: Size) -> tuple[Any, Any]:
    import matplotlib

    matplotlib.use("svg")
    from matplotlib.figure import Figure

    matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "pollux", "font.family": "sans-serif"})
    matplotlib.rcParams["text.parse_math"] = False  # a plan's name is no formula
    figure = Figure(figsize=(size.width, size.height), layout="constrained")
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=size.letters, colors=INK)
    axes.set_ylabel("glucose, mg/dL", fontsize=size.letters, color=INK)
    axes.axhspan(LOW, HIGH, color=TARGET, lw=0)
    axes.axhspan(0.0, SHOWN_LOW, color=HARM, lw=0)  # where a sensor says Low
    return figure, axes


def _svg(figure: Any, size: Size, description: str) -> str:
    out = io.StringIO()
    figure.savefig(out, format="svg", metadata={"Date": None})
    text = out.getvalue()
    text = text[text.index("<svg") :]
    return text.replace("<svg", f'<svg role="img" aria-label="{description}" class="chart {size.name}"', 1)


def _clock(axes: Any, timezone: str, size: Size, start: datetime, end: datetime) -> None:
    """Local hours below the chart: every one, two or four of them, by how much room there is."""
    from matplotlib.dates import DateFormatter, HourLocator

    zone, hours = ZoneInfo(timezone), (end - start) / timedelta(hours=1)
    room = 10 if size is WIDE else 5
    every = next((step for step in (1, 2, 3, 4, 6, 12) if hours / step <= room), 24)
    axes.xaxis.set_major_locator(HourLocator(range(0, 24, every), tz=zone))  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_formatter(DateFormatter("%H:%M", tz=zone))  # type: ignore[no-untyped-call]
    axes.set_xlim(start, end)


def _forecast(record: Record, forecast: Forecast, hours: float, size: Size) -> str:
    figure, axes = _figure(size)
    past = [e for e in record.of("cgm_glucose") if 0 <= (forecast.made_at - e.time).total_seconds() <= 3600 * hours]
    axes.plot([e.time for e in past], [e.number() for e in past], ".", ms=3.5, color=INK)
    times: list[datetime] = list(forecast.times)
    low, lower, middle, upper, high = forecast.bands
    axes.fill_between(times, low, high, color=BAND, alpha=0.18, lw=0)
    axes.fill_between(times, lower, upper, color=BAND, alpha=0.32, lw=0)
    axes.plot(times, middle, color=BAND, lw=2)
    axes.axvline(forecast.made_at, color=FAINT, lw=1, ls=(0, (4, 3)))
    top = max(220.0, float(np.max(high)) + 15.0, *(e.number() + 15.0 for e in past))
    axes.set_ylim(min(50.0, float(np.min(low)) - 5.0), top)
    note = {"fontsize": size.letters, "color": FAINT, "va": "top"}
    axes.text(forecast.made_at, top, " now", **note)
    _low(axes, float(np.min(low)), size)
    _clock(axes, record.person.timezone, size, forecast.made_at - timedelta(hours=hours), times[-1])
    described = f"Sensor glucose of the last {hours:g} hours and its forecast with 50 and 90 percent bands"
    return _svg(figure, size, described)


def _low(axes: Any, lowest: float, size: Size) -> None:
    """Say what the sensor would, where what is drawn reaches below what it can show."""
    if lowest < SHOWN_LOW:
        words = f"a sensor says Low (under {SHOWN_LOW:g})"
        across = axes.get_yaxis_transform()
        axes.text(0.01, SHOWN_LOW, words, transform=across, fontsize=size.letters, color="#9b2c1f", va="top")


def _plans(forecasts: Sequence[Forecast], names: Sequence[str], timezone: str, size: Size) -> str:
    figure, axes = _figure(size)
    for forecast, name, colour in zip(forecasts, names, PLANS, strict=False):
        times = list(forecast.times)
        axes.fill_between(times, forecast.bands[1], forecast.bands[3], color=colour, alpha=0.15, lw=0)
        axes.plot(times, forecast.bands[2], color=colour, lw=2, label=visible(name))
    lowest = min(float(np.min(forecast.bands[1])) for forecast in forecasts)
    axes.set_ylim(min(axes.get_ylim()[0], max(lowest - 5.0, 0.0), 60.0))
    _low(axes, lowest, size)
    columns = 2 if size is WIDE else 1
    axes.legend(fontsize=size.letters, frameon=False, ncols=columns, loc="lower left", bbox_to_anchor=(0, 1.0))
    _clock(axes, timezone, size, forecasts[0].made_at, forecasts[0].times[-1])
    return _svg(figure, size, "Median and 50 percent band of glucose under each plan")
