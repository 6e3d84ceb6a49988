"""The numbers that docs/twin.md states are the numbers of the code."""

from pathlib import Path

import pytest

from pollux.calibration import daily, hindsight, sensed, tracking
from pollux.calibration.course import LOOKS_BACK
from pollux.calibration.diagnostics import INFORMED
from pollux.models.glucose.minimal import MINIMAL
from pollux.models.glucose.sensor import NOISE
from pollux.record.examining import fingers
from pollux.record.examining.doses import AMOUNTS
from pollux.twins import Goals, announced, doubts, validity
from pollux.twins import sensed as by_sensor
from pollux.twins.answers import SHOWN_HIGH, SHOWN_LOW

PAGE = " ".join((Path(__file__).parents[2] / "docs" / "twin.md").read_text(encoding="utf-8").split())
AGE, WEIGHT, BASAL = MINIMAL.domain.ranges
HOURS = {name: f"{longest.total_seconds() / 3600:g}" for name, longest in validity.FARTHEST.items()}


@pytest.mark.parametrize(
    "said",
    [
        f"ten slow parameters, the glucose at its start, and {daily.WINDOWS} disturbance coefficients",
        f"τ = {daily.DISTURBANCE_MEMORY:g} min",
        f"ρ = {daily.MEMORY_PER_DAY:g} a day",
        f"(sd {NOISE.sd:g} mg/dL, {NOISE.rate:g}/min) and {NOISE.white_sd:g} mg/dL of white noise",
        f"A day with fewer than {daily.FEWEST_READINGS} readings teaches nothing",
        f"{', '.join(f'{s:g}' for s in daily.DISTURBANCE_SPREADS)} mg/dL/min",
        f"{tracking.MEMBERS} members",
        f"Each of the last {hindsight.REMEMBERED} days is lived through again",
        f"every {hindsight.EVERY:g} min its forecasts of {hindsight.HORIZONS[0]:g}, {hindsight.HORIZONS[1]:g} and "
        f"{hindsight.HORIZONS[2]:g} min",
        f"Once {hindsight.FEWEST} have been scored",
        f"random futures ({announced.FUTURES} of each member)",
        f"at first after {sensed.FEWEST} readings) on up to {by_sensor.LONGEST / 1440:g} days before",
        f"{by_sensor.FUTURES} futures",
        f"from {by_sensor.ENOUGH} scored forecasts on",
        f"| readings known | fewer than {validity.FEWEST_READINGS} (fewer than {sensed.FEWEST} and no meals",
        f"older than {validity.TOO_STALE.total_seconds() / 3600:g} h | "
        f"older than {validity.STALE.total_seconds() / 60:g} min |",
        f"beyond {HOURS['announced']} h (announced), {HOURS['sensed']} h (sensed)",
        f"age outside {AGE.low:g}–{AGE.high:g} years, weight outside {WEIGHT.low:g}–{WEIGHT.high:g} kg, usual basal "
        f"rate outside {BASAL.low:g}–{BASAL.high:g} U/h",
        f"− {Goals().low:g} · chance of any time below 70 − {Goals().very_low:g} · chance of any time below 54",
        f"at least {100 * INFORMED:g} % of its prior variance",
        f"chance of any time below 54 exceeds {100 * Goals().most_very_low:g} %",
        f"the start of the {daily.BLOCK}-day block before the current one",
        f"What lies more than {LOOKS_BACK / 1440:g} days before it tells the twin nothing",
        f"The first {daily.SETTLING} days after the anchor",
        f"what it finds in the last {doubts.LOOKS_BACK.days} days of what the twin uses",
        f"a dose of insulin of six times this person's median (at least {AMOUNTS['insulin_bolus'].large:g} U of 70 kg,",
        f"a meal of six times this person's median (at least {AMOUNTS['carbohydrate_intake'].large:g} g of 70 kg) | "
        f"abstains for {doubts.DIGESTED.total_seconds() / 3600:g} h",
        f"more than {fingers.APART:g} mg/dL ({100 * fingers.SHARE:g} % above 100)",
        f"within {fingers.TOGETHER:g} min | intervals as much wider",
        f"lay apart, {doubts.MOST:g} times at most",
        f"as a measurement of plasma glucose with {100 * tracking.FINGER_ERROR:g} % error",
        f"no number below {SHOWN_LOW:g} or above {SHOWN_HIGH:g} mg/dL",
    ],
)
def test_the_page_states_the_number_of_the_code(said: str) -> None:
    assert said in PAGE


def test_there_are_ten_slow_parameters_and_half_of_the_spread_is_given_back() -> None:
    assert (len(daily.SLOW), tracking.RELAXATION) == (10, 0.5)
