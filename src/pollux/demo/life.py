"""Days in the life of a synthetic person with type 1 diabetes: what they eat, inject and see on their sensor.

The body is a published virtual patient of the UVA/Padova S2008 model, which is not the model that twins are calibrated
with: a twin meets here, as in life, somebody who is not made of its own equations. Behaviour (meals, counting errors,
forgotten boluses, snacks) is invented by Pollux and stands on no source; carbohydrate ratio 500/dose and correction
factor 1800/dose are rules of thumb (unverified).
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np

from pollux.kernel import compile
from pollux.models.glucose.sensor import SensorError
from pollux.models.glucose.uva_padova import UVA_PADOVA, virtual_patients

STEP = 5  # min
EATING_RATE = 5000.0  # mg/min, as in the published simulations: 5 g a minute
RESCUE = 16.0  # g of carbohydrate against a low


@dataclass(frozen=True)
class Story:
    """Who a synthetic person is. `logs_meals` False makes one of whom only the sensor is known."""

    id: str
    name: tuple[str, str]
    patient: str
    birth_date: str
    sex: str
    timezone: str
    days: int
    about: str
    height: float
    counting_error: float = 0.15  # relative error of counted carbohydrate, one standard deviation
    forgets: float = 0.05  # chance that a meal's bolus is forgotten
    snacks: float = 0.25  # chance a day of a snack that nobody logs
    logs_meals: bool = True
    seed: int = 1
    last_hour: float = 11.5  # local hour at which the last day breaks off


@dataclass
class Diary:
    """What was recorded: sensor readings, boluses, counted carbohydrate, basal rates; times in UTC."""

    readings: list[tuple[datetime, float]] = field(default_factory=list)
    boluses: list[tuple[datetime, float]] = field(default_factory=list)
    meals: list[tuple[datetime, float]] = field(default_factory=list)
    basal: list[tuple[datetime, float]] = field(default_factory=list)
    calibrations: list[tuple[datetime, float]] = field(default_factory=list)
    truth: list[tuple[datetime, float]] = field(default_factory=list)


def live(story: Story, start: datetime) -> Diary:
    """Let a synthetic person live from `start` (a local midnight, given in UTC) for the days of the story."""
    rng = np.random.default_rng(story.seed)
    values = virtual_patients()[story.patient]
    daily_dose = 2.0 * 24.0 * values["basal_rate"]
    ratio, correction = 500.0 / daily_dose, 1800.0 / daily_dose
    body = compile(UVA_PADOVA)
    parameters = body.parameter_matrix(values)
    basal = round(values["basal_rate"], 2)
    state = body.start(parameters, np.array([0.0, 0.0, basal]))
    planned = _meals(story, rng)
    diary, eating, size, rested, latest = Diary(), 0.0, 0.0, -1e9, 0.0
    sensed = []
    for k in range(int((story.days - 1) * 1440 + story.last_hour * 60) // STEP):
        minute = k * STEP
        moment = start + timedelta(minutes=minute)
        if minute % 1440 == 0:
            diary.basal.append((moment, basal))
        glucose = float(state[0, 12] / values["Vg"])
        sensed.append(glucose)
        diary.truth.append((moment, float(state[0, 3] / values["Vg"])))
        grams, logged, dosed = planned.get(minute, (0.0, True, True))
        if glucose < 65.0 and minute - rested > 20:
            grams, logged, dosed, rested = RESCUE, True, False, minute
        if grams:
            eating += 1000.0 * grams
            left = float(state[0, 0] + state[0, 1])
            size = eating + left
            counted = max(5.0, round(grams * (1.0 + story.counting_error * rng.standard_normal()) / 5.0) * 5.0)
            if logged:
                diary.meals.append((moment, grams if grams == RESCUE else counted))
            if dosed and minute - latest > 90:
                extra = max(0.0, glucose - 150.0) / correction * 0.5
                dose = round((counted / ratio + extra) * 10.0) / 10.0
                diary.boluses.append((moment, dose))
                state[0, 10] += dose * 6000.0 / values["BW"]
                latest = minute
        bite = min(eating, EATING_RATE * STEP)
        eating -= bite
        state = body.advance(state, parameters, np.array([bite / STEP, size, basal]), minute, minute + STEP)
    sensor = SensorError.draw(rng)
    times = np.arange(len(sensed)) * STEP / 1440.0
    shown = sensor.measure(np.array(sensed), times % 10.0, rng)
    for k, value in enumerate(shown):
        if not _gap(story, k):
            diary.readings.append((start + timedelta(minutes=k * STEP), float(np.clip(np.round(value), 39, 401))))
    diary.calibrations = [(t, round(g)) for t, g in diary.truth[84 :: 2 * 288]]
    return diary


def _meals(story: Story, rng: np.random.Generator) -> dict[int, tuple[float, bool, bool]]:
    """Meals by minute: grams, whether it is logged, whether it is dosed for."""
    planned: dict[int, tuple[float, bool, bool]] = {}
    weight = virtual_patients()[story.patient]["BW"] / 75.0
    for day in range(story.days):
        for hour, grams, spread in ((7.5, 45.0, 10.0), (12.5, 65.0, 15.0), (19.0, 75.0, 15.0)):
            minute = day * 1440 + int((hour * 60 + rng.normal(0.0, 25.0)) // STEP) * STEP
            amount = float(np.clip(rng.normal(grams, spread) * weight**0.5, 15.0, 130.0))
            planned[minute] = (amount, True, bool(rng.random() > story.forgets))
        if rng.random() < story.snacks:
            planned[day * 1440 + int(rng.integers(180, 276)) * STEP] = (float(rng.uniform(10.0, 25.0)), False, False)
    return planned


def _gap(story: Story, k: int) -> bool:
    """Two hours of sensor change every tenth day, and an hour lost on the third."""
    day, slot = divmod(k, 288)
    return (day % 10 == 9 and 96 <= slot < 120) or (day == 2 and 180 <= slot < 192)
