"""The numbers that docs/twin.md states are the numbers of the code."""

from pathlib import Path

import pytest

from pollux.calibration import daily, hindsight, sensed, tracking
from pollux.calibration.diagnostics import INFORMED
from pollux.models.glucose.minimal import MINIMAL
from pollux.models.glucose.sensor import NOISE
from pollux.twins import Goals, announced, validity
from pollux.twins import sensed as by_sensor

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
    ],
)
def test_the_page_states_the_number_of_the_code(said: str) -> None:
    assert said in PAGE


def test_there_are_ten_slow_parameters_and_half_of_the_spread_is_given_back() -> None:
    assert (len(daily.SLOW), tracking.RELAXATION) == (10, 0.5)
