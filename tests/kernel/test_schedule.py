"""What is given, and when."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pollux.equations import Model
from pollux.errors import ModelError, UnknownName
from pollux.kernel import Schedule


def test_overlapping_intervals_of_one_signal_add(linear: Model) -> None:
    schedule = Schedule.of(
        linear, 0.0, 10.0, signals={"infusion": [(1.0, 5.0, 2.0), (3.0, 8.0, 0.5)]}, base={"infusion": 1.0}
    )
    assert schedule.times.tolist() == [0.0, 1.0, 3.0, 5.0, 8.0]
    assert schedule.inputs[:, 0].tolist() == [1.0, 3.0, 3.5, 1.5, 1.0]


def test_impulses_have_segments_of_their_own_and_add(linear: Model) -> None:
    schedule = Schedule.of(linear, 0.0, 10.0, impulses=[(4.0, "dose", 1.0), (4.0, "D", 2.0), (7.0, "B", 3.0)])
    assert schedule.times.tolist() == [0.0, 4.0, 7.0]
    assert schedule.jumps.tolist() == [[0, 0, 0], [3, 0, 0], [0, 0, 3]]


interval = st.tuples(st.integers(-20, 119), st.integers(1, 60), st.floats(0.0, 5.0)).map(
    lambda v: (float(v[0]), float(v[0] + v[1]), v[2])
)


@given(st.lists(interval, max_size=8))
def test_what_is_given_is_what_was_asked_for(linear: Model, intervals: list[tuple[float, float, float]]) -> None:
    schedule = Schedule.of(linear, 0.0, 100.0, signals={"infusion": intervals})
    lengths = np.diff(np.append(schedule.times, 100.0))
    asked = sum(max(0.0, min(b, 100.0) - max(a, 0.0)) * value for a, b, value in intervals)
    assert float(lengths @ schedule.inputs[:, 0]) == pytest.approx(asked, abs=1e-9)


def test_a_schedule_cannot_be_changed(linear: Model) -> None:
    schedule = Schedule.of(linear, 0.0, 10.0)
    with pytest.raises(ValueError, match="read-only"):
        schedule.inputs[0, 0] = 1.0


def test_wrong_schedules_are_refused_with_advice(linear: Model) -> None:
    with pytest.raises(UnknownName, match=r"there is no input 'meal'\. There are: infusion\."):
        Schedule.of(linear, 0.0, 10.0, signals={"meal": []})
    with pytest.raises(UnknownName, match=r"there is no state or impulse 'X'\. There are: dose, D, A, B\."):
        Schedule.of(linear, 0.0, 10.0, impulses=[(1.0, "X", 1.0)])
    with pytest.raises(ModelError, match=r"an impulse into 'D' at 11\.0 lies outside the schedule, 0\.0 to 10\.0"):
        Schedule.of(linear, 0.0, 10.0, impulses=[(11.0, "D", 1.0)])
    with pytest.raises(ModelError, match=r"an interval of 'infusion' runs from 5\.0 to 5\.0"):
        Schedule.of(linear, 0.0, 10.0, signals={"infusion": [(5.0, 5.0, 1.0)]})
    with pytest.raises(ModelError, match=r"a schedule runs from 10\.0 to 0\.0\. It must end after it starts\."):
        Schedule.of(linear, 10.0, 0.0)
    with pytest.raises(ModelError, match="contains a value that is not a finite number"):
        Schedule.of(linear, 0.0, 10.0, base={"infusion": float("nan")})
