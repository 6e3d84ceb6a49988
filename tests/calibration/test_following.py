"""A model followed in time: with process noise the answers are those of Kalman's filter, where that is exact."""

from typing import Any

import numpy as np
import pytest

from pollux.calibration import inflation, particle
from pollux.calibration.following import Following, update
from pollux.calibration.individual import estimate
from pollux.calibration.posterior import Posterior, Reading
from pollux.equations import Additive, Fixed, Input, Model, Normal, Output, Parameter, Route, State, Wander, couple
from pollux.errors import ModelError
from pollux.kernel import simulate
from pollux.plans import Dose, Regimen

RATE, ERROR, DOSE = 0.3, 0.5, 4.0
DRIFT = Wander(sd=0.8, memory=5.0, every=2.0)
# a body begins to live with its first dose or reading: here at 0, with nothing
REGIMEN = Regimen([Dose(0.0, 0.0, "iv"), Dose(3.0, DOSE, "iv")])
TIMES = (1.0, 2.5, 4.0, 5.0, 7.5, 8.0, 11.0)


def leaking(wandering: dict[str, Wander] | None = None, rate: float = RATE) -> Model:
    """x′ = drift − k x, with a start that differs between people: everything is linear and normal."""

    def rates(t: Any, x: Any, p: Any, u: Any) -> dict[str, Any]:
        return {"x": u.drift + u.given - p.k * x.x}

    return Model(
        "leaking", "1", "A leaking store", [State("x", "mg", "what is stored")],
        [
            Parameter("k", "1/h", "leak", Fixed(rate), "made up"),
            Parameter("x0", "mg", "start", Normal(5.0, 2.0), "made up"),
        ],
        [Input("drift", "mg/h", "what wanders"), Input("given", "mg/h", "infusion")],
        [Output("y", "mg", "what is seen")],
        derivative=rates, observe=lambda t, x, p, u: {"y": x.x}, initial=lambda p, u: {"x": p.x0},
        routes=[Route("iv", "x", input="given", kinetics=lambda p, u: {"lag": 0.0})],
        residuals={"y": Additive(ERROR)}, wandering={"drift": DRIFT} if wandering is None else wandering, time_unit="h",
    )  # fmt: skip


MODEL = leaking()


def readings(seed: int = 3) -> list[Reading]:
    """Of one body that lives by the model."""
    rng, system = np.random.default_rng(seed), Following(MODEL, REGIMEN)
    body, time, seen = system.begin(1, 0.0, rng), 0.0, []
    for t in TIMES:
        body, time = system.propagate(body, time, t, rng), t
        seen.append(Reading(t, float(body[0, 0] + ERROR * rng.standard_normal())))
    return seen


def kalman(seen: list[Reading]) -> tuple[float, np.ndarray, np.ndarray]:
    """ln p(readings), and mean and covariance of (x, drift) after the last: written out for this model alone."""
    mean, cov = np.array([5.0, 0.0]), np.diag([4.0, DRIFT.sd**2])
    total, time = 0.0, 0.0
    marks = sorted({*(r.time for r in seen), 3.0, *np.arange(2.0, 12.0, 2.0)})
    for mark in (m for m in marks if m <= seen[-1].time):
        h = mark - time
        decay = np.exp(-RATE * h)
        move = np.array([[decay, (1.0 - decay) / RATE], [0.0, 1.0]])
        mean, cov, time = move @ mean, move @ cov @ move.T, mark
        if mark % DRIFT.every == 0.0:
            keep = np.diag([1.0, DRIFT.keep])
            mean, cov = keep @ mean, keep @ cov @ keep + np.diag([0.0, DRIFT.push**2])
        if mark == 3.0:
            mean = mean + [DOSE, 0.0]
        for reading in (r for r in seen if r.time == mark):
            spread = cov[0, 0] + ERROR**2
            off = reading.value - mean[0]
            total -= 0.5 * (off**2 / spread + np.log(2.0 * np.pi * spread))
            gain = cov[:, 0] / spread
            mean, cov = mean + gain * off, cov - np.outer(gain, cov[0])
    return float(total), mean, cov


def test_the_fit_with_process_noise_has_the_evidence_and_the_end_of_kalmans_filter() -> None:
    seen = readings()
    asked = Posterior(MODEL, REGIMEN, seen, tolerance=1e-9)
    fit = estimate(asked)
    evidence, mean, cov = kalman(seen)
    assert asked.process_noise == "drift by 6 coefficients, one for each 2 h"
    assert fit.log_evidence == pytest.approx(evidence, abs=1e-8)
    last = f"drift_{6}"
    assert fit.values[last] == pytest.approx(mean[1], abs=1e-6)
    assert DRIFT.sd * fit.posterior.sd[asked.names.index(last)] == pytest.approx(np.sqrt(cov[1, 1]), rel=1e-6)
    x = asked.predictions(fit.posterior.mean[None, :], np.array([TIMES[-1]]))[0, 0]
    assert x == pytest.approx(mean[0], abs=1e-6)


def test_the_gradient_with_process_noise_is_the_gradient() -> None:
    asked = Posterior(leaking(), REGIMEN, readings(), tolerance=1e-10)
    z = np.random.default_rng(5).standard_normal(len(asked.names))
    _, gradient = asked.value_and_gradient(z)
    for k, step in enumerate(1e-4 * np.eye(len(z))):
        up, down = (asked.value_and_gradient(z + s * step)[0] for s in (1.0, -1.0))
        assert gradient[k] == pytest.approx((up - down) / 2e-4, rel=1e-7, abs=1e-7)


@pytest.mark.parametrize("inflated", [False, True])
def test_an_ensemble_finds_what_kalmans_filter_finds(inflated: bool) -> None:
    seen, rng = readings(), np.random.default_rng(1)
    system = Following(MODEL, REGIMEN)
    members, time = system.begin(6000, 0.0, rng), 0.0
    wider = inflation.init() if inflated else None
    for reading in seen:
        members, info, wider = update(system, members, time, reading, rng, wider)
        time = reading.time
        assert abs(info.standardised) < 5.0
    _, mean, cov = kalman(seen)
    found = members[:, [0, system.wandering.start]]
    if wider is None:
        assert np.abs(found.mean(axis=0) - mean).max() < 0.05
        assert np.cov(found.T) == pytest.approx(cov, rel=0.08, abs=0.01)
    else:
        assert 0.3 < wider.factor < 3.0  # nothing is wrong with the model, and seven readings say little
        assert np.abs((found.mean(axis=0) - mean) / np.sqrt(np.diag(cov))).max() < 1.0


@pytest.mark.slow
def test_particles_find_the_evidence_of_kalmans_filter() -> None:
    seen, rng = readings(), np.random.default_rng(2)
    system = Following(MODEL, REGIMEN)
    cloud, least = particle.init(system.begin(20_000, 0.0, rng), 0.0), np.inf
    for reading in seen:
        cloud, info = particle.step(system, rng, cloud, reading.time, reading, slow=system.slow)
        least = min(least, info.effective_size)
    evidence, mean, cov = kalman(seen)
    assert least > 300.0
    assert cloud.log_evidence == pytest.approx(evidence, abs=6.0 / np.sqrt(least))  # chance, several times over
    assert abs(cloud.mean[0] - mean[0]) < 0.15 * np.sqrt(cov[0, 0])
    assert cloud.covariance[0, 0] == pytest.approx(cov[0, 0], rel=0.15)


@pytest.mark.parametrize("dose", [Dose(3.0, 4.0), Dose(1.0, 4.0, duration=5.0, additional=2, interval=2.0)])
def test_members_moved_in_pieces_are_a_body_moved_at_once(dose: Dose) -> None:
    still = leaking({})
    regimen = Regimen([dose])
    system = Following(still, regimen, varying=[], tolerance=1e-9)
    rng = np.random.default_rng(4)
    members = system.begin(3, 0.0, rng)
    for a, b in ((0.0, 1.0), (1.0, 2.2), (2.2, 3.0), (3.0, 9.0), (9.0, 10.0)):
        members = system.propagate(members, a, b, rng)
        whole = simulate(still, {}, regimen, [0.0, b], tolerance=1e-9)
        assert members[:, 0] == pytest.approx(whole.states[0, -1, 0], rel=1e-8)


def test_a_part_keeps_its_process_noise_in_a_coupled_model_in_the_time_of_the_whole() -> None:
    days = Model(
        "slow", "1", "slow", [State("s", "1", "")], [], [Input("drift", "1", "")], [Output("s", "1", "")],
        derivative=lambda t, x, p, u: {"s": u.drift - x.s}, observe=lambda t, x, p, u: {"s": x.s},
        wandering={"drift": Wander(1.0, 10.0, 1.0)}, time_unit="d",
    )  # fmt: skip
    both = couple("both", {"fast": leaking(), "slow": days})
    assert both.wandering == {"fast_drift": DRIFT, "slow_drift": Wander(1.0, 240.0, 24.0)}


def test_what_cannot_be_followed_is_refused_with_advice() -> None:
    rng = np.random.default_rng(1)
    system = Following(MODEL, REGIMEN)
    with pytest.raises(
        ModelError, match=r"begins at 4, after the first dose at 0 .* Begin at the first dose or before"
    ):
        system.begin(5, 4.0, rng)
    with pytest.raises(ModelError, match=r"below the limit of quantification .* Use particle\.step, which can"):
        update(system, system.begin(5, 0.0, rng), 0.0, Reading(1.0, 1.0, below=True), rng)
    with pytest.raises(ModelError, match=r"has 500 slots of 2 h to be learned .* 100 at most"):
        Posterior(MODEL, REGIMEN, [Reading(1000.0, 1.0)])
    with pytest.raises(ModelError, match=r"process noise with memory = 0"):
        Wander(1.0, 0.0, 1.0)
