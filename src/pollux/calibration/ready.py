"""Running each piece of generated code once, on next to nothing: whoever comes later finds it compiled."""

import numpy as np
from numpy.typing import NDArray

from pollux.calibration import sensed as by_sensor
from pollux.calibration.course import Course
from pollux.calibration.daily import day_prior, forward
from pollux.calibration.tracking import begin, update

Array = NDArray[np.float64]


def _course() -> Course:
    """A short course with a reading every 5 min, a meal and a bolus."""
    times = np.arange(5.0, 65.0, 5.0)
    nothing = np.zeros((0, 3))
    return Course(
        readings=np.column_stack([times, np.full(times.size, 120.0)]),
        beyond=np.zeros(times.size, dtype=np.int8),
        fingers=np.zeros((0, 2)),
        meals=np.array([[10.0, 20.0]]),
        boluses=np.array([[10.0, 2.0]]),
        rates=nothing,
        depots=nothing,
        spread=nothing,
        basal=0.8,
        weight=70.0,
        timezone="UTC",
    )


def tracking() -> None:
    """The members that follow readings and make forecasts."""
    course = _course()
    update(begin(course, 5.0, 0, count=8), course, 10.0, 120.0)


def days() -> None:
    """A day and its sensitivities: what a fit looks at."""
    names = day_prior(0.3).names
    forward(_course(), 0.0, 60.0, names, None)(np.zeros(len(names)))


def sensed() -> None:
    """A person of whom only the sensor is known."""
    times = 5.0 * np.arange(60, dtype=np.float64)
    by_sensor.learn(times, 120.0 + 20.0 * np.sin(times / 40.0))


def drug(name: str) -> None:
    """A drug model, moved for an hour."""
    from pollux.kernel import Schedule, simulate
    from pollux.models.drugs import library

    model = library()[name]
    simulate(model, {}, Schedule.of(model, 0.0, 60.0), [0.0, 60.0])
