"""What a twin hands to a person: never a bare number."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from pollux.errors import RefusedInput

Array = NDArray[np.float64]

LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)

# Limits of the international consensus on time in range, mg/dL: Battelino et al., Diabetes Care 2019;42:1593
# (doi:10.2337/dci19-0028); 70 and 180 as in the metrics of iglu (reference data), 54 and 250 likewise.
VERY_LOW, LOW, HIGH, VERY_HIGH = 54.0, 70.0, 180.0, 250.0


@dataclass(frozen=True)
class Grounds:
    """What an answer stands on: model and version, the data used, what was missing, and whether it may be given.

    `as_of` is the day that was said to be today, of data whose dates were shifted.
    """

    model: str
    version: str
    used: Mapping[str, int]
    last_reading: datetime | None
    missing: tuple[str, ...] = ()
    abstains: tuple[str, ...] = ()
    cautions: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()
    as_of: str = ""


@dataclass(frozen=True)
class Forecast:
    """Glucose to come, under a plan.

    `times` (T,) UTC; `bands` (5, T) the 5, 25, 50, 75 and 95 % levels of what the sensor will show [mg/dL]; `draws`
    (n, T) of glucose itself, for risks. A forecast that abstains has no times, and `grounds.abstains` says why.
    """

    person: str
    made_at: datetime
    plan: str
    times: tuple[datetime, ...]
    bands: Array
    draws: Array
    grounds: Grounds
    calibrated: str = ""

    @property
    def abstains(self) -> bool:
        """Whether the twin declines to answer."""
        return bool(self.grounds.abstains)

    def at(self, minutes: float) -> tuple[float, float, float]:
        """Median and 90 % interval some minutes ahead [mg/dL]."""
        ahead = np.array([(t - self.made_at).total_seconds() / 60.0 for t in self.times])
        if not ahead.size or not 0.0 <= minutes <= ahead[-1] + 1e-9:
            raise RefusedInput(f"the forecast does not reach {minutes:g} min", where=self.person)
        low, middle, high = (float(np.interp(minutes, ahead, self.bands[k])) for k in (0, 2, 4))
        return middle, low, high

    def chance_below(self, limit: float) -> float:
        """The chance that glucose falls below a limit at any time of the forecast."""
        return float((self.draws.min(axis=1) < limit).mean())

    def chance_above(self, limit: float) -> float:
        """The chance that glucose rises above a limit at any time of the forecast."""
        return float((self.draws.max(axis=1) > limit).mean())

    def danger(self) -> str:
        """What must be said in words: that glucose will likely fall below 54 or 70 mg/dL, and when; or nothing."""
        for limit, words in ((VERY_LOW, "very low"), (LOW, "low")):
            below = self.draws < limit
            if self.draws.size and below.any(axis=1).mean() >= 0.5:
                half = int(np.argmax(np.maximum.accumulate(below, axis=1).mean(axis=0) >= 0.5))
                ahead = (self.times[half] - self.made_at).total_seconds() / 60.0
                chance = f"{self.chance_below(limit):.0%}"
                return f"{words} glucose is likely: below {limit:g} mg/dL within {ahead:.0f} min, chance {chance}"
        return ""

    def time_in_range(self) -> tuple[float, float, float]:
        """Expected share of the time within 70–180 mg/dL, with its 90 % interval."""
        share = ((self.draws >= LOW) & (self.draws <= HIGH)).mean(axis=1)
        return float(share.mean()), float(np.quantile(share, 0.05)), float(np.quantile(share, 0.95))


@dataclass(frozen=True)
class Goals:
    """What a plan is judged by, in the order it is weighed: lows first.

    A chance of a low weighs against time in range: 1 point of chance below 54 mg/dL counts as `very_low` points of time
    in range, below 70 as `low`. Harm has a limit that no benefit outweighs: a plan whose chance of glucose below
    54 mg/dL is above `most_very_low` is never ranked best. Weights and limit are Pollux's own choice (unverified); they
    rank, a person decides.
    """

    low: float = 0.5
    very_low: float = 2.0
    most_very_low: float = 0.05


@dataclass(frozen=True)
class Option:
    """One plan with its benefit and its harm, each against the first plan on the very same draws (paired)."""

    plan: str
    forecast: Forecast
    time_in_range: tuple[float, float, float]
    chance_low: float
    chance_very_low: float
    chance_very_high: float
    gain: tuple[float, float, float]
    score: float
    harmful: bool = False


@dataclass(frozen=True)
class Comparison:
    """Plans side by side, best first; a person decides.

    Plans beyond the limit of harm come last, the least harmful of them first.
    """

    options: tuple[Option, ...]
    grounds: Grounds
    goals: Goals = field(default_factory=Goals)

    @property
    def best(self) -> Option | None:
        """The plan that is ranked best; None where every one is beyond the limit of harm."""
        return self.options[0] if self.options and not self.options[0].harmful else None

    @property
    def limit(self) -> str:
        """What the limit of harm did, in one sentence; empty where no plan is beyond it."""
        beyond = [option for option in self.options if option.harmful]
        if not beyond:
            return ""
        limit = f"the limit of harm, a chance of {self.goals.most_very_low:.0%} of glucose below 54 mg/dL"
        if len(beyond) == len(self.options):
            return f"every plan is beyond {limit}: none is ranked best"
        verb = "is" if len(beyond) == 1 else "are"
        return f"{len(beyond)} of {len(self.options)} plans {verb} beyond {limit}: ranked last"

    @property
    def abstains(self) -> bool:
        """Whether the twin declines to compare."""
        return bool(self.grounds.abstains)


@dataclass(frozen=True)
class ParameterStory:
    """What became of one parameter: where the population is, where this person is, and whether the data said so."""

    name: str
    meaning: str
    unit: str
    prior: tuple[float, float, float]
    posterior: tuple[float, float, float]
    contraction: float
    moved: float
    informed: bool
    source: str


@dataclass(frozen=True)
class Explanation:
    """What the twin knows, how it came to know it, and what the data could not tell."""

    grounds: Grounds
    parameters: tuple[ParameterStory, ...]
    unidentified: tuple[str, ...]
    fit: Mapping[str, float] = field(default_factory=dict)
    advice: tuple[str, ...] = ()


@dataclass(frozen=True)
class Measurement:
    """Something that could be measured next, and how much narrower the forecast would become."""

    quantity: str
    when: datetime
    what: str
    narrows: float


# A sensor's display has two ends, beyond which it says words: below 40 and above 400 mg/dL, as Dexcom's guides for
# users are restated (unverified). Other makers differ at the upper end.
SHOWN_LOW, SHOWN_HIGH = 40.0, 400.0


def shown(value: float) -> str:
    """What a sensor would show for a glucose [mg/dL].

    >>> shown(123.4), shown(20.0), shown(450.0)
    ('123', 'Low (under 40)', 'High (over 400)')
    """
    if value < SHOWN_LOW:
        return f"Low (under {SHOWN_LOW:g})"
    return f"High (over {SHOWN_HIGH:g})" if value > SHOWN_HIGH else f"{value:.0f}"


def bands(draws: Array, levels: Sequence[float] = LEVELS) -> Array:
    """Quantiles over draws, `(levels, T)`."""
    return np.asarray(np.quantile(draws, levels, axis=0))
