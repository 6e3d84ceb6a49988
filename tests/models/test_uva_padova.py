"""The UVA/Padova model: its laws, and the published virtual patients."""

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pollux.equations.model import Named
from pollux.kernel import Schedule, Simulation, compile, simulate
from pollux.models.glucose.uva_padova import UVA_PADOVA, meal_signals, virtual_patients

Array = NDArray[np.float64]
DAY = 1440.0
MINUTES = np.arange(0.0, DAY + 1.0)
NAMES = tuple(virtual_patients())


def _crowd() -> dict[str, Array]:
    patients = virtual_patients()
    return {k: np.array([patients[n][k] for n in NAMES]) for k in patients[NAMES[0]]}


def _simulate(meals: list[tuple[float, float]], boluses: float = 0.0, tolerance: float = 1e-7) -> Simulation:
    """All thirty under their own basal insulin; ``boluses`` units an hour after the start."""
    crowd = _crowd()
    schedules = [
        Schedule.of(
            UVA_PADOVA,
            0.0,
            DAY,
            signals=meal_signals(meals, DAY),
            base={"insulin": crowd["basal_rate"][i]},
            impulses=[(60.0, "insulin_bolus", boluses * 6000.0 / crowd["BW"][i])],
        )
        for i in range(len(NAMES))
    ]
    return simulate(UVA_PADOVA, crowd, schedules, MINUTES, tolerance=tolerance)


def test_there_are_thirty_virtual_patients_with_every_parameter_that_varies() -> None:
    assert len(NAMES) == 30
    for values in virtual_patients().values():
        assert set(values) < set(UVA_PADOVA.parameter_names)
        assert all(np.isfinite(v) and v > 0 for v in values.values())
    constants = set(UVA_PADOVA.parameter_names) - set(virtual_patients()[NAMES[0]])
    assert constants == {"pmol_per_unit", "hour", "Gp_low"}


def test_with_basal_insulin_the_start_is_a_rest() -> None:
    for name, values in virtual_patients().items():
        p = Named("parameter", UVA_PADOVA.medians() | values)
        u = Named("input", {"meal": 0.0, "meal_size": 0.0, "insulin": values["basal_rate"]})
        x = Named("state", UVA_PADOVA.start(p, u))
        rates = UVA_PADOVA.rates(0.0, x, p, u)
        assert max(abs(float(r)) for r in rates.values()) < 1e-10, name


def test_a_day_at_basal_insulin_keeps_the_start() -> None:
    found = _simulate([])
    drift = np.abs(found.outputs["plasma_glucose"] - _crowd()["Gb"][:, None])
    assert drift.max() < 0.01


def test_any_parameters_rest_at_their_own_glucose() -> None:
    rng = np.random.default_rng(2)
    drawn = {p.name: p.prior.from_standard(0.5 * rng.normal(size=20)) for p in UVA_PADOVA.parameters}
    schedules = [Schedule.of(UVA_PADOVA, 0.0, DAY, base={"insulin": rate}) for rate in drawn["basal_rate"]]
    found = simulate(UVA_PADOVA, drawn, schedules, [0.0, DAY])
    np.testing.assert_allclose(found.outputs["plasma_glucose"][:, 1], drawn["Gb"], rtol=1e-6)


def test_carbohydrate_is_neither_made_nor_lost() -> None:
    found = _simulate([(0.0, 50000.0), (300.0, 20000.0)])
    crowd = _crowd()
    left = found.state("Qsto1") + found.state("Qsto2") + found.state("Qgut")
    appearance = found.outputs["meal_appearance"] * crowd["BW"][:, None] / crowd["f"][:, None]
    absorbed = np.concatenate(
        [np.zeros((30, 1)), np.cumsum(0.5 * (appearance[:, 1:] + appearance[:, :-1]), axis=1)], axis=1
    )
    eaten = np.clip(MINUTES, 0, 10) * 5000.0 + np.clip(MINUTES - 300, 0, 4) * 5000.0
    np.testing.assert_allclose(
        left + absorbed, np.broadcast_to(eaten, left.shape), atol=40.0
    )  # mg, trapezoids by the minute
    assert np.all(crowd["f"][:, None] * absorbed <= crowd["f"][:, None] * eaten + 40.0)


def test_more_insulin_means_less_glucose() -> None:
    without, with_bolus = (_simulate([(60.0, 50000.0)], boluses).outputs["plasma_glucose"] for boluses in (0.0, 2.0))
    assert np.all(with_bolus[:, 120:] < without[:, 120:])


def test_even_a_massive_overdose_leaves_no_compartment_negative() -> None:
    found = _simulate([], boluses=100.0)
    assert not found.failed.any()
    for name in UVA_PADOVA.state_names:
        if name != "X":  # insulin action is counted from its basal value
            assert found.state(name).min() >= -1e-6 * found.state(name).max(), name


def test_the_sensor_site_follows_plasma() -> None:
    found = _simulate([(0.0, 50000.0)])
    plasma, interstitial = found.outputs["plasma_glucose"], found.outputs["interstitial_glucose"]
    assert np.all(interstitial.max(axis=1) < plasma.max(axis=1))
    assert np.all(interstitial.argmax(axis=1) > plasma.argmax(axis=1))


def test_a_bolus_of_one_unit_is_six_thousand_picomoles() -> None:
    p = virtual_patients()["adult#001"]
    schedule = Schedule.of(UVA_PADOVA, 0.0, 10.0, impulses=[(0.0, "insulin_bolus", 6000.0 / p["BW"])])
    rate = Schedule.of(UVA_PADOVA, 0.0, 10.0, signals={"insulin": [(0.0, 1.0, 60.0)]})
    bolus = simulate(UVA_PADOVA, p, schedule, [0.0]).state("Isc1")[0, 0]
    infused = simulate(UVA_PADOVA, p | {"ka1": 1e-12, "kd": 1e-12}, rate, [0.0, 1.0], initial=np.zeros((1, 13)))
    start = float(compile(UVA_PADOVA).start(compile(UVA_PADOVA).parameter_matrix(p), np.zeros(3))[0, 10])
    assert bolus - start == pytest.approx(infused.state("Isc1")[0, 1], rel=1e-9)


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


@pytest.mark.reference
def test_the_published_parameters_are_restated_without_loss(reference: Any) -> None:
    for row in _rows(reference / "glucose/vpatient_params.csv"):
        ours = virtual_patients()[row["Name"]]
        for name in set(ours) - {"basal_rate"}:
            assert ours[name] == float(row[name]), (row["Name"], name)
        assert ours["basal_rate"] == pytest.approx(float(row["u2ss"]) * float(row["BW"]) / 6000.0 * 60.0, rel=1e-14)


@pytest.mark.reference
def test_the_derivative_at_the_published_rest_is_zero(reference: Any) -> None:
    for row in _rows(reference / "glucose/vpatient_params.csv"):
        values = virtual_patients()[row["Name"]]
        p = Named("parameter", UVA_PADOVA.medians() | values)
        u = Named("input", {"meal": 0.0, "meal_size": 0.0, "insulin": values["basal_rate"]})
        published = [float(row[f"x0_{i:2d}"]) for i in range(1, 14)]
        x = Named("state", dict(zip(UVA_PADOVA.state_names, map(np.float64, published), strict=True)))
        assert max(abs(float(r)) for r in UVA_PADOVA.rates(0.0, x, p, u).values()) < 5e-5, row["Name"]
        start = [float(v) for v in UVA_PADOVA.start(p, u).values()]
        np.testing.assert_allclose(start, published, rtol=1e-7, atol=1e-7)


@pytest.mark.reference
def test_fifty_grams_give_the_published_course(reference: Any) -> None:
    glucose = _simulate([(0.0, 50000.0)]).outputs["plasma_glucose"]
    rows = _rows(reference / "glucose/meal50g_basal_only_reference.csv")
    assert len(rows) == 30
    for row in rows:
        course = glucose[NAMES.index(row["patient"])]
        assert course.max() == pytest.approx(float(row["peak_BG"]), abs=0.1), row["patient"]
        assert abs(float(course.argmax()) - float(row["t_peak_min"])) <= 1.0, row["patient"]
        for minute in (120, 240, 480):
            assert course[minute] == pytest.approx(float(row[f"BG_{minute}"]), abs=0.1), row["patient"]
