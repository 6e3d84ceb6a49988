"""Laws of a linear model on a clock of equal steps."""

import numpy as np
import pytest

from pollux.calibration.slots import discretise, look_ahead
from pollux.models.glucose.sensor_only import sensor_only

MODELS = (sensor_only(switching=False), sensor_only(switching=True))


@pytest.mark.parametrize("model", MODELS, ids=lambda m: m.name)
def test_a_long_step_is_two_short_ones(model) -> None:  # type: ignore[no-untyped-def]
    z = np.full((1, len(model.parameters)), 0.3)
    half, whole = discretise(model, z, 2.5), discretise(model, z, 5.0)
    np.testing.assert_allclose(half.move[0] @ half.move[0], whole.move[0], atol=1e-12)
    np.testing.assert_allclose(half.chain[0] @ half.chain[0], whole.chain[0], atol=1e-12)
    for m in range(whole.push.shape[1]):
        np.testing.assert_allclose(half.move[0] @ half.push[0, m] + half.push[0, m], whole.push[0, m], atol=1e-10)
        added = half.move[0] @ half.noise[0, m] @ half.move[0].T + half.noise[0, m]
        np.testing.assert_allclose(added, whole.noise[0, m], atol=1e-9)


def test_the_steady_model_keeps_its_spread_for_ever() -> None:
    slots = discretise(MODELS[0], np.full((1, len(MODELS[0].parameters)), -0.5))
    F, P, Q = slots.move[0], slots.start[0], slots.noise[0, 0]
    np.testing.assert_allclose(F @ P @ F.T + Q, P, rtol=1e-9, atol=1e-9)


@pytest.mark.slow
def test_looking_far_ahead_ends_at_the_usual_glucose() -> None:
    slots = discretise(MODELS[1], np.zeros((1, len(MODELS[1].parameters))))
    far = look_ahead(slots, (12 * 24 * 400,))
    assert abs(far.look).max() < 1e-6
    # From either regime: what activity adds, quiet takes away again.
    assert far.push[0, 0, 1] - far.push[0, 0, 0] == pytest.approx(0.0, abs=1e-6)
    assert far.push[0, 0] @ slots.share[0] == pytest.approx(0.0, abs=1e-6)
