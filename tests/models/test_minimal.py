"""The oral minimal model: laws, priors against their source, and its page of the docs against the model."""

import re
from pathlib import Path

import numpy as np
import pytest
from scipy.special import polygamma, psi

from pollux.equations import Fixed, LogNormal, Parameter
from pollux.kernel import Schedule, simulate
from pollux.models.glucose.minimal import MINIMAL, OWN, hypoglycaemia

PAGE = Path(__file__).parents[2] / "docs" / "models" / "oral-minimal.md"
ROW = re.compile(r"^\| `(\w+)` \| (.+?) \| (\S+) \| (\S+) \| (\S+) \| (R|own) \|$", re.MULTILINE)
HOURS = np.arange(0.0, 721.0, 60.0)


def said(parameter: Parameter) -> tuple[str, ...]:
    """A parameter as its row of the page."""
    prior = parameter.prior
    assert isinstance(prior, Fixed | LogNormal)
    spread = "fixed" if isinstance(prior, Fixed) else f"{prior.sd:g}"
    source = "own" if parameter.source is OWN else "R"
    return parameter.name, parameter.meaning, parameter.unit, f"{prior.median:g}", spread, source


def test_the_page_says_what_the_model_says() -> None:
    assert ROW.findall(PAGE.read_text(encoding="utf-8")) == [said(p) for p in MINIMAL.parameters]


def test_the_prior_of_insulin_sensitivity_has_the_logarithm_of_its_source() -> None:
    """SI·VG ~ Gamma(3.3, 5e-4): E ln = ψ(3.3) + ln 5e-4, var ln = ψ′(3.3)."""
    prior, volume = MINIMAL.parameter("SI").prior, MINIMAL.parameter("VG").prior.median
    assert isinstance(prior, LogNormal)
    assert prior.median == pytest.approx(np.exp(psi(3.3)) * 5e-4 / volume, rel=1e-3)
    assert prior.sd == pytest.approx(np.sqrt(polygamma(1, 3.3)), rel=1e-3)


def test_under_usual_basal_insulin_a_fasting_body_rests_at_its_basal_glucose() -> None:
    schedule = Schedule.of(MINIMAL, 0.0, 720.0, base={"insulin": MINIMAL.medians()["basal"]})
    answer = simulate(MINIMAL, {"G0": MINIMAL.medians()["Gb"]}, schedule, HOURS, tolerance=1e-8)
    assert answer.outputs["plasma_glucose"][0] == pytest.approx(MINIMAL.medians()["Gb"], abs=1e-6)
    assert answer.outputs["cgm_glucose"][0] == pytest.approx(MINIMAL.medians()["Gb"], abs=1e-6)


def test_glucose_that_is_eaten_arrives_once_and_whole() -> None:
    """Without insulin action and return to basal, glucose rises by f · grams · 1000 / BW / VG."""
    values = {"SI": 1e-12, "SG": 1e-12, "kabs": 0.05}
    schedule = Schedule.of(MINIMAL, 0.0, 720.0, {"meal": [(0.0, 15.0, 4.0)]}, {"insulin": 0.8})
    answer = simulate(MINIMAL, values, schedule, HOURS, tolerance=1e-8)
    p = MINIMAL.medians()
    rise = answer.outputs["plasma_glucose"][0, -1] - p["G0"]
    assert rise == pytest.approx(p["f"] * 60.0 * 1000.0 / p["BW"] / p["VG"], rel=1e-6)


def test_insulin_acts_the_more_the_lower_glucose_and_alike_above_normal() -> None:
    class Constants:
        r1, r2, Gn, Gl = (MINIMAL.medians()[name] for name in ("r1", "r2", "Gn", "Gl"))

    action = np.array([hypoglycaemia(np.float64(g), Constants) for g in (300.0, 119.13, 100.0, 80.0, 60.0, 30.0)])
    assert action[:2] == pytest.approx(1.0, abs=1e-12)
    assert np.all(np.diff(action[1:5]) > 0.0)
    assert action[4] == action[5]
