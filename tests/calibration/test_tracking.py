"""Laws of tracking: many twins are as many single ones, and shortcuts change nothing."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from pollux.calibration.chance import normals, standard_normals
from pollux.calibration.course import Course
from pollux.calibration.daily import SLOW
from pollux.calibration.rehearsal import BASAL, MEALS, RATIO, WEIGHT, _course
from pollux.calibration.tracking import begin, parameters, update, update_many
from pollux.models.glucose.minimal import MINIMAL

Array = NDArray[np.float64]


def day() -> Course:
    """A day with three meals and their boluses, a change of the pump's rate, a long bolus and a long-acting dose."""
    times = np.arange(245.0, 1681.0, 5.0)
    course = _course(times, list(MEALS), [(t, grams / RATIO) for t, grams in MEALS])
    return replace(
        course,
        readings=np.column_stack([times, 140.0 + 40.0 * np.sin(times / 90.0)]),
        rates=np.array([[300.0, 600.0, 1.3], [500.0, 900.0, 0.4]]),
        spread=np.array([[700.0, 760.0, 2.0]]),
        depots=np.array([[1000.0, 2440.0, 0.5]]),
    )


@pytest.mark.slow
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("offset", [0.0, 1.7])
def test_many_twins_learn_to_the_bit_what_each_would_alone(threads: int, offset: float) -> None:
    """Over meals, boluses and changes of rate; with readings on the clock's five minutes and off it."""
    courses = [replace(day(), weight=60.0 + 5.0 * k) for k in range(5)]
    together = apart = [begin(c, 245.0 + offset, k, 24) for k, c in enumerate(courses)]
    for at in np.arange(250.0, 800.0, 5.0) + offset:
        told = [130.0 + 10.0 * k + 20.0 * np.sin(at / 60.0) for k in range(5)]
        many = update_many(together, courses, [float(at)] * 5, told, threads)
        one = [update(t, c, float(at), r) for t, c, r in zip(apart, courses, told, strict=True)]
        for (a, first), (b, second) in zip(many, one, strict=True):
            assert np.array_equal(a.members, b.members)
            assert (a.time, a.key, a.spread, first) == (b.time, b.key, b.spread, second)
        together, apart = [t for t, _ in many], [t for t, _ in one]


def test_twins_of_different_sizes_and_times_learn_together() -> None:
    course = day()
    mixed = [begin(course, 245.0, 1, 24), begin(course, 255.0, 2, 24), begin(course, 245.0, 3, 16)]
    times, told = [250.0, 260.0, 250.0], [120.0, 130.0, 140.0]
    many = update_many(mixed, [course] * 3, times, told)
    for (a, _), twin, at, reading in zip(many, mixed, times, told, strict=True):
        assert np.array_equal(a.members, update(twin, course, at, reading)[0].members)


def test_parameters_are_what_their_priors_make_of_the_numbers() -> None:
    slow = np.random.default_rng(0).standard_normal((7, len(SLOW)))
    values = parameters(slow, day())
    for column, parameter in enumerate(MINIMAL.parameters):
        expected = {"BW": np.full(7, WEIGHT), "basal": np.full(7, BASAL)}.get(parameter.name)
        if parameter.name in SLOW:
            expected = parameter.prior.from_standard(slow[:, SLOW.index(parameter.name)])
        elif expected is None:
            expected = np.full(7, parameter.prior.median)
        np.testing.assert_allclose(values[:, column], expected, rtol=1e-15)


@pytest.mark.slow
def test_inputs_looked_up_in_order_are_those_looked_up_anew() -> None:
    """Through a day and back, at steps that meet every change and miss it."""
    course = day()
    spans = [(float(t), float(t + step)) for step in (5.0, 1.7, 30.0) for t in np.arange(240.0, 1700.0, step)]
    for start, end in [*spans, *reversed(spans[:400])]:
        kept, anew = course.segments(start, end), replace(course).segments(start, end)
        assert np.array_equal(kept.breaks, anew.breaks)
        assert np.array_equal(kept.values, anew.values)
        assert kept.boluses == anew.boluses


def test_numbers_of_a_generator_are_the_same_without_making_it() -> None:
    for key, moment in ((0, 0.0), (7, 5.0), (7, -12.5)):
        expected = normals(key, "slot", moment).standard_normal((6, 3))
        assert np.array_equal(standard_normals(key, "slot", moment, (6, 3)), expected)
    again = standard_normals(0, "slot", 0.0, (2,))
    assert np.array_equal(again, normals(0, "slot", 0.0).standard_normal(2))
