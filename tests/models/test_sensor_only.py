"""Laws of the model for people of whom only the sensor is known."""

import numpy as np
import pytest

from pollux.models.glucose.sensor_only import sensor_only

MODELS = [sensor_only(switching=s, harmonics=h) for s in (False, True) for h in (0, 3)]


@pytest.mark.parametrize("model", MODELS, ids=lambda m: f"{m.name}-{len(m.states)}")
@pytest.mark.parametrize("z", [-1.0, 0.0, 1.0])
def test_the_start_is_where_the_process_stays(model, z: float) -> None:  # type: ignore[no-untyped-def]
    system = model.at(np.full(len(model.parameters), z))
    noise = np.einsum("m,mij->ij", system.regime_share, system.diffusion)
    rest = system.drift @ system.start + system.start @ system.drift.T + noise
    np.testing.assert_allclose(rest, 0.0, atol=1e-9 * abs(noise).max())


@pytest.mark.parametrize("z", [-1.0, 0.5, 2.0])
def test_activity_and_quiet_push_nothing_on_average(z: float) -> None:
    model = sensor_only(switching=True)
    system = model.at(np.full(len(model.parameters), z))
    np.testing.assert_allclose(system.regime_share @ system.push, 0.0, atol=1e-12)


def test_a_day_later_the_habits_of_the_day_are_back() -> None:
    from scipy.linalg import expm

    model = sensor_only(switching=False)
    system = model.at(np.zeros(len(model.parameters)))
    day = expm(system.drift * 1440.0)[3:, 3:]
    np.testing.assert_allclose(day, np.exp(-1 / 14) * np.eye(6), atol=1e-9)


def test_names_units_and_sources_are_said_for_every_parameter() -> None:
    for model in MODELS:
        assert all(p.unit and p.meaning and str(p.source) for p in model.parameters)
        assert all(s.unit and s.meaning for s in model.states)
