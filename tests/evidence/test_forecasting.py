"""The protocol of the forecast comparison, and what it must show on outside data."""

from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from pollux.evidence import forecasting as f

START = datetime(2024, 1, 1, 8, 0)


def at(*minutes: float) -> list[tuple[datetime, float]]:
    return [(START + timedelta(minutes=m), 100.0 + m) for m in minutes]


def test_a_reading_goes_to_its_nearest_slot_and_the_nearer_one_wins() -> None:
    person = f.wearer("x", at(0, 5, 9, 11.5, 21))
    assert person.step == 5
    np.testing.assert_array_equal(person.values, [100.0, 105.0, 109.0, np.nan, 121.0])


def test_a_sensor_that_reads_every_fifteen_minutes_has_a_grid_of_its_own() -> None:
    person = f.wearer("x", at(*range(0, 600, 15)))
    assert person.step == 15
    assert np.isfinite(person.values).all()


def test_pairs_need_twelve_readings_in_a_row_and_one_at_the_horizon() -> None:
    values = np.full(40, 100.0)
    values[[20, 33]] = np.nan
    person = f.Wearer("x", values, 5)
    assert person.pairs(30, 0, 40).tolist() == [11, 12, 13, 15, 16, 17, 18, 19, 32]
    assert person.pairs(30, 0, 21).tolist() == [11, 12, 13]
    assert person.pairs(30, 16, 40).tolist() == [16, 17, 18, 19, 32]


def test_the_same_errors_make_no_difference() -> None:
    rng = np.random.default_rng(1)
    scores = {("x", 30): f.Score(rng.normal(0, 10, 500), np.arange(500) // 100)}
    assert f.change_interval(scores, scores, 30) == (0.0, 0.0, 0.0)


@pytest.mark.reference
def test_the_twin_foresees_better_than_a_ridge_and_its_intervals_are_honest(reference: Path) -> None:
    people = f.read_wearers(reference / "glucose/example_data_5_subject.csv")
    floor = f.simple_scores(people)["ridge on 12 readings"]
    assert f.mean_rmse(floor, 30) == pytest.approx(17.0, abs=0.05)
    assert f.mean_rmse(floor, 60) == pytest.approx(28.6, abs=0.05)
    twin, _ = f.twin_scores(people, f.candidates()["twin"])
    for minutes, wanted in ((30, -0.01), (60, -0.02)):
        change, _, high = f.change_interval(twin, floor, minutes)
        assert change <= wanted
        assert high < 0.0
        assert f.worst_change(twin, floor, minutes) <= 0.03
        covered = [s.coverage for (_, m), s in twin.items() if m == minutes]
        assert 0.87 <= np.mean(covered) <= 0.93
        assert all(0.84 <= c <= 0.96 for c in covered)
    plain, _ = f.twin_scores(people, f.candidates()["plain Kalman filter"])
    assert f.mean_rmse(plain, 30) == pytest.approx(16.8, abs=0.1)
    assert f.mean_rmse(plain, 60) == pytest.approx(28.3, abs=0.1)
