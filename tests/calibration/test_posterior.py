"""One person's posterior: its gradient is its gradient, and its mode and spread are those of simpler ways."""

from collections.abc import Mapping

import numpy as np
import pytest
from scipy.stats import norm

from pollux.calibration.individual import estimate
from pollux.calibration.posterior import Posterior, Reading
from pollux.equations import (
    Additive,
    Combined,
    ErrorModel,
    Input,
    LogNormal,
    LogNormalError,
    Model,
    Normal,
    Output,
    Parameter,
    Proportional,
    Route,
    State,
    StudentT,
)  # fmt: skip
from pollux.errors import ModelError, UnknownName
from pollux.plans import Dose, Regimen

TIMES = (1.0, 3.0, 6.0, 11.0, 13.0, 18.0, 23.5)
REGIMEN = Regimen(
    [Dose(0.0, 200.0, "oral", additional=3, interval=8.0), Dose(4.0, 60.0, "iv", duration=2.0)], {"WT": 82.0}
)


def drug(
    saturable: bool = False,
    residuals: Mapping[str, ErrorModel] | None = None,
    correlation: float = 0.0,
    sd: float = 0.3,
) -> Model:
    """Oral and intravenous, a lag, a turnover response: linear, or with saturable elimination and an effect."""

    def rates(t: object, x: object, p: object, u: object) -> dict[str, object]:
        C = x.A / p.V  # type: ignore[attr-defined]
        lost = p.CL * (u.WT / 70.0) ** 0.75 * C * np.exp(u.kappa_CL)  # type: ignore[attr-defined]
        if saturable:
            lost = lost / (1.0 + C / p.Km)  # type: ignore[attr-defined]
        return {
            "G": -p.ka * x.G,  # type: ignore[attr-defined]
            "A": u.rate + p.ka * x.G - lost,  # type: ignore[attr-defined]
            "E": p.kout * (100.0 - x.E) - 0.4 * x.A,  # type: ignore[attr-defined]
        }

    source = "test"
    return Model(
        "drug", "1", "A drug for tests",
        [State("G", "mg", "gut"), State("A", "mg", "body"), State("E", "1", "response")],
        [
            Parameter("CL", "L/h", "clearance", LogNormal(5.0, sd), source),
            Parameter("V", "L", "volume", LogNormal(40.0, sd), source),
            Parameter("ka", "1/h", "absorption", LogNormal(0.8, sd), source),
            Parameter("tlag", "h", "lag", LogNormal(0.6, sd), source),
            Parameter("kout", "1/h", "turnover", LogNormal(0.3, sd), source),
            Parameter("Km", "mg/L", "half saturation", LogNormal(6.0, sd), source),
        ],
        [
            Input("rate", "mg/h", "infusion"), Input("WT", "kg", "weight", usual=None),
            Input("kappa_CL", "1", "between occasions"),
        ],
        [Output("C", "mg/L", "concentration"), Output("R", "1", "response")],
        derivative=rates,
        observe=lambda t, x, p, u: {"C": x.A / p.V, "R": x.E},
        initial=lambda p, u: {"G": 0.0, "A": 0.0, "E": 100.0},
        routes=[
            Route("oral", "G", kinetics=lambda p, u: {"lag": p.tlag}),
            Route("iv", "A", input="rate"),
        ],
        residuals=residuals or {"C": Combined(0.1, 0.1)},
        correlations={("CL", "V"): correlation} if correlation else {},
        between_occasions={"kappa_CL": 0.2},
        time_unit="h",
    )  # fmt: skip


def readings(model: Model, noise: float = 0.1, **more: float) -> list[Reading]:
    truth = Posterior(model, REGIMEN, [Reading(1.0, 1.0, "C")])
    z = np.random.default_rng(5).normal(0.0, 0.7, (1, len(truth.names)))
    rng = np.random.default_rng(6)
    found = [
        Reading(t, float(v), "C") for t, v in zip(TIMES, truth.predictions(z, np.array(TIMES), "C")[0], strict=True)
    ]
    return [Reading(r.time, r.value * float(np.exp(noise * rng.standard_normal())), r.output) for r in found]


def value(posterior: Posterior, z: np.ndarray) -> float:
    return float((posterior.log_likelihood(z[None, :]) + posterior.log_prior(z[None, :]))[0])


ERRORS: list[ErrorModel] = [
    Additive(0.3), Proportional(0.15), Combined(0.1, 0.1), Combined(0.1, 0.1, "sd"), LogNormalError(0.2),
    StudentT(Combined(0.1, 0.1), 4.0),
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("error", ERRORS, ids=repr)
def test_the_gradient_of_a_linear_model_is_exact_to_1e_8(error: ErrorModel) -> None:
    """Against differences of order 8 in the batch likelihood, which is other code."""
    model = drug(residuals={"C": error, "R": Additive(2.0)}, correlation=0.4)
    data = [*readings(model), Reading(5.0, 60.0, "R"), Reading(20.0, 75.0, "R"), Reading(23.9, 0.4, "C", below=True)]
    posterior = Posterior(model, REGIMEN, data, occasions=[0.0, 10.0])
    assert posterior.names == ("CL", "V", "ka", "tlag", "kout", "Km", "kappa_CL_1", "kappa_CL_2")
    weights = {1: 4 / 5, 2: -1 / 5, 3: 4 / 105, 4: -1 / 280}
    for z in np.random.default_rng(1).normal(0.0, 0.6, (3, 8)):
        at, gradient = posterior.value_and_gradient(z)
        assert at == pytest.approx(value(posterior, z), rel=1e-11)
        h = 0.01
        for k, direction in enumerate(np.eye(8)):
            sides = [
                w * (value(posterior, z + j * h * direction) - value(posterior, z - j * h * direction))
                for j, w in weights.items()
            ]
            assert sum(sides) / h == pytest.approx(gradient[k], rel=1e-8, abs=1e-8 * np.abs(gradient).max())


def test_the_gradient_of_a_saturable_model_is_exact() -> None:
    model = drug(saturable=True)
    posterior = Posterior(model, REGIMEN, readings(model), tolerance=1e-11)
    z = np.array([0.3, -0.4, 0.5, 0.2, 0.0, -0.6])
    _, gradient = posterior.value_and_gradient(z)
    weights, h = {1: 3 / 4, 2: -3 / 20, 3: 1 / 60}, 0.02
    for k, direction in enumerate(np.eye(6)):
        slope = (
            sum(
                w * (value(posterior, z + j * h * direction) - value(posterior, z - j * h * direction))
                for j, w in weights.items()
            )
            / h
        )
        assert slope == pytest.approx(gradient[k], rel=1e-7, abs=1e-7 * np.abs(gradient).max())


def test_a_batch_gives_what_each_gives_alone() -> None:
    posterior = Posterior(drug(), REGIMEN, readings(drug()))
    z = np.random.default_rng(2).normal(0.0, 1.0, (21, 6))
    alone = [posterior.log_likelihood(row[None, :])[0] for row in z]
    assert np.array_equal(posterior.log_likelihood(z), alone)


def test_with_nearly_nothing_to_learn_the_mode_is_the_prior_and_with_a_tight_prior_the_data_move_little() -> None:
    model = drug(residuals={"C": Additive(1e6)}, correlation=0.5)
    fit = estimate(Posterior(model, REGIMEN, readings(model)))
    assert np.abs(fit.posterior.mean).max() < 1e-6
    assert fit.posterior.covariance == pytest.approx(model.correlation(fit.posterior.names), abs=1e-6)


def test_of_a_model_linear_in_z_mode_spread_and_evidence_are_exact() -> None:
    """y = a·t + b + ε with normal a and b: everything is known in closed form."""
    model = Model(
        "line", "1", "A line", [State("x", "1", "value")],
        [Parameter("a", "1/h", "slope", Normal(1.0, 0.5), "t"), Parameter("b", "1", "start", Normal(2.0, 0.3), "t")],
        [], [Output("y", "1", "value")],
        derivative=lambda t, x, p, u: {"x": p.a}, observe=lambda t, x, p, u: {"y": x.x},
        initial=lambda p, u: {"x": p.b}, residuals={"y": Additive(0.4)}, time_unit="h",
    )  # fmt: skip
    t, y = np.array([0.5, 1.0, 2.0, 4.0]), np.array([2.9, 3.4, 4.6, 5.1])
    fit = estimate(Posterior(model, Regimen([]), [Reading(a, b) for a, b in zip(t, y, strict=True)]))
    J = np.column_stack([0.5 * t, 0.3 * np.ones(4)])
    H = J.T @ J / 0.16 + np.eye(2)
    covariance = 0.16 * np.eye(4) + J @ J.T
    residual = y - (t + 2.0)
    evidence = (
        -0.5 * residual @ np.linalg.solve(covariance, residual) - 0.5 * np.linalg.slogdet(2 * np.pi * covariance)[1]
    )
    assert fit.posterior.mean == pytest.approx(np.linalg.solve(H, J.T @ residual / 0.16), rel=1e-9)
    assert fit.posterior.covariance == pytest.approx(np.linalg.inv(H), rel=1e-9)
    assert fit.log_evidence == pytest.approx(float(evidence), rel=1e-9)
    assert fit.converged
    assert fit.advice == ""


def test_a_reading_below_the_limit_counts_as_its_probability() -> None:
    model = drug(residuals={"C": Additive(0.5)})
    z = np.zeros(6)
    plain = Posterior(model, REGIMEN, [Reading(2.0, 3.0)])
    both = Posterior(model, REGIMEN, [Reading(2.0, 3.0), Reading(3.0, 2.5, below=True)])
    f = float(plain.predictions(z, np.array([3.0]))[0, 0])
    more = both.log_likelihood(z[None, :])[0] - plain.log_likelihood(z[None, :])[0]
    assert more == pytest.approx(float(norm.logcdf((2.5 - f) / 0.5)), rel=1e-9)


def test_what_differs_between_occasions_is_learned_on_each() -> None:
    model = drug(residuals={"C": Proportional(0.05)})
    exact = Posterior(model, REGIMEN, [Reading(1.0, 1.0)], occasions=[0.0, 12.0])
    z = np.zeros((1, 8))
    z[0, -1] = 2.0  # clearance of the second occasion is e^0.4 times that of the first
    times = np.array([*TIMES, 14.0, 16.0, 20.0, 21.0, 22.0])
    data = [Reading(t, float(v)) for t, v in zip(times, exact.predictions(z, times)[0], strict=True)]
    fit = estimate(Posterior(model, REGIMEN, data, occasions=[0.0, 12.0]))
    assert fit.values["kappa_CL_2"] - fit.values["kappa_CL_1"] > 0.2
    assert estimate(Posterior(model, REGIMEN, data)).log_evidence < fit.log_evidence


def test_readings_that_no_error_model_covers_are_named() -> None:
    with pytest.raises(
        UnknownName, match=r"there is no error model for readings of 'R' \[drug\]\. There is one for: C\."
    ):
        Posterior(drug(), REGIMEN, [Reading(1.0, 1.0, "R")])
    with pytest.raises(ModelError, match=r"there is no reading to learn from \[drug\]\. Give at least one\."):
        Posterior(drug(), REGIMEN, [])


def test_where_there_is_no_probability_the_gradient_is_still_numbers_and_leads_back() -> None:
    """A sampler that steps there rejects the step. A reading before the dose has a proportional error of nothing."""
    asked = Posterior(drug(residuals={"C": Proportional(0.1)}), REGIMEN, [Reading(0.0, 1.0)])
    far = np.full(len(asked.names), 2.0)
    value, gradient = asked.value_and_gradient(far)
    assert value == -np.inf
    assert np.isfinite(gradient).all()
    assert gradient @ far < 0
