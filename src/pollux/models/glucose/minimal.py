"""The oral minimal model with subcutaneous insulin: small enough to be identified from one person's sensor.

Structure: Bergman's minimal model with the oral glucose absorption of Dalla Man et al. and a two-compartment
subcutaneous insulin path, as assembled in ReplayBG (Cappon et al., IEEE Trans Biomed Eng 2023,
doi:10.1109/TBME.2023.3286856). The equations and the population values were read in the authors' package py-replay-bg
(model_parameters_t1d.py, logpriors_t1d.py, model_step_equations_t1d.py); the printed paper was not compared. Where
Pollux differs the parameter says so.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np

from pollux.equations import (
    Domain,
    Fixed,
    Input,
    LogNormal,
    Model,
    Normal,
    Output,
    Parameter,
    Range,
    Reference,
    State,
)

REPLAYBG = Reference(
    "Cappon G et al. ReplayBG. IEEE Trans Biomed Eng 2023; values as coded in py-replay-bg",
    doi="10.1109/TBME.2023.3286856",
    verified=False,
)
OWN = Reference("Pollux's own choice", verified=False)

# Hours of the local day at which insulin sensitivity changes, as in py-replay-bg.
MORNING = (4, 11)
EVENING = (17, 4)

STATES = (
    State("Qsto1", "mg/kg", "glucose in the stomach, solid"),
    State("Qsto2", "mg/kg", "glucose in the stomach, liquid"),
    State("Qgut", "mg/kg", "glucose in the intestine"),
    State("Isc1", "mU/kg", "subcutaneous insulin, as injected"),
    State("Isc2", "mU/kg", "subcutaneous insulin, about to be absorbed"),
    State("Ip", "mU/kg", "insulin in plasma"),
    State("X", "1/min", "insulin action above basal"),
    State("G", "mg/dL", "plasma glucose"),
    State("IG", "mg/dL", "interstitial glucose"),
)

PARAMETERS = (
    Parameter("BW", "kg", "body weight", Fixed(70.0), OWN),
    Parameter("basal", "U/h", "basal insulin at which glucose rests at Gb", Fixed(0.8), OWN),
    Parameter("G0", "mg/dL", "glucose at the start", LogNormal(130.0, 0.3), OWN),
    Parameter("VG", "dL/kg", "volume of distribution of glucose", Fixed(1.45), REPLAYBG),
    Parameter("VI", "L/kg", "volume of distribution of insulin", Fixed(0.126), REPLAYBG),
    Parameter("ke", "1/min", "elimination of insulin from plasma", Fixed(0.127), REPLAYBG),
    Parameter("kgri", "1/min", "grinding of food in the stomach", Fixed(0.18), REPLAYBG),
    Parameter("f", "1", "fraction of carbohydrate absorbed", Fixed(0.9), REPLAYBG),
    Parameter("r1", "1", "rise of insulin action below normal glucose, size", Fixed(1.4407), REPLAYBG),
    Parameter("r2", "1", "rise of insulin action below normal glucose, exponent", Fixed(0.8124), REPLAYBG),
    Parameter("Gn", "mg/dL", "glucose below which insulin action rises", Fixed(119.13), REPLAYBG),
    Parameter("Gl", "mg/dL", "glucose below which insulin action rises no more", Fixed(60.0), REPLAYBG),
    Parameter("tau_IG", "min", "delay of interstitial behind plasma glucose", Fixed(7.0), OWN),
    # The source has SI·VG ~ Gamma(3.3, 5e-4); this is the log-normal with the same mean and spread of the logarithm.
    Parameter("SI", "mL/(uU.min)", "insulin sensitivity, midday (11 to 17 h)", LogNormal(9.71e-4, 0.595), REPLAYBG),
    Parameter(
        "SI_morning", "1", "insulin sensitivity of the morning (4 to 11 h) over midday", LogNormal(1.0, 0.25), OWN
    ),
    Parameter("SI_evening", "1", "insulin sensitivity from 17 to 4 h over midday", LogNormal(1.0, 0.25), OWN),
    Parameter("SG", "1/min", "glucose effectiveness", LogNormal(0.02237, 0.5), REPLAYBG),
    # The source's 119.13 ± 7.11 is of a study population; the spread is widened to cover people in ordinary care.
    Parameter("Gb", "mg/dL", "glucose at which basal insulin holds", LogNormal(125.0, 0.2), OWN),
    Parameter("p2", "1/min", "speed of insulin action", LogNormal(0.0121, 0.073), REPLAYBG),
    Parameter("ka2", "1/min", "absorption of subcutaneous insulin", LogNormal(0.01374, 0.4274), REPLAYBG),
    # kd = ka2 + kd_more keeps the two rates apart; median of the source's kd less that of its ka2.
    Parameter(
        "kd_more",
        "1/min",
        "dissociation of subcutaneous insulin above its absorption",
        LogNormal(0.01619, 0.6),
        REPLAYBG,
    ),
    Parameter("kempt", "1/min", "emptying of the stomach", LogNormal(0.1402, 0.7069), REPLAYBG),
    # Median of the source's default; its prior spread of 1.44 allows meals that never arrive and is narrowed.
    Parameter("kabs", "1/min", "absorption of glucose from the intestine", LogNormal(0.012, 0.6), OWN),
)

INPUTS = (
    Input("meal", "g/min", "carbohydrate eaten", "carbohydrate_intake"),
    Input("insulin", "U/h", "basal insulin given", "insulin_basal_rate"),
    Input("morning", "1", "1 from 4 to 11 h local time"),
    Input("evening", "1", "1 from 17 to 4 h local time"),
    Input("disturbance", "mg/dL/min", "what nobody announced: meals, exercise, stress"),
)

Names = Any  # states, parameters or inputs by attribute: numbers, arrays or traced symbols
Expressions = Mapping[str, Any]


def derivative(t: Any, x: Names, p: Names, u: Names) -> Expressions:
    """The equations, in the order food and insulin travel."""
    grams, hour, milli = 1000.0, 60.0, 1000.0  # mg per g, min per h, mU per U: conversions without dimension
    kd = p.ka2 + p.kd_more
    appearance = p.f * p.kabs * x.Qgut / p.VG
    resting = p.basal * milli / hour / p.BW / p.ke / p.VI
    sensitivity = p.SI * (1.0 + u.morning * (p.SI_morning - 1.0) + u.evening * (p.SI_evening - 1.0))
    return {
        "Qsto1": u.meal * grams / p.BW - p.kgri * x.Qsto1,
        "Qsto2": p.kgri * x.Qsto1 - p.kempt * x.Qsto2,
        "Qgut": p.kempt * x.Qsto2 - p.kabs * x.Qgut,
        "Isc1": u.insulin * milli / hour / p.BW - kd * x.Isc1,
        "Isc2": kd * x.Isc1 - p.ka2 * x.Isc2,
        "Ip": p.ka2 * x.Isc2 - p.ke * x.Ip,
        "X": p.p2 * (sensitivity * (x.Ip / p.VI - resting) - x.X),
        "G": p.SG * (p.Gb - x.G) - hypoglycaemia(x.G, p) * x.X * x.G + appearance + u.disturbance,
        "IG": (x.G - x.IG) / p.tau_IG,
    }


def hypoglycaemia(G: Any, p: Names) -> Any:
    """How much more insulin acts below normal glucose: 1 + 10 r1 (ln(G)^r2 − ln(Gn)^r2)², held below Gl."""
    held = np.minimum(np.maximum(G, p.Gl), p.Gn)
    return 1.0 + 10.0 * p.r1 * (np.log(held) ** p.r2 - np.log(p.Gn) ** p.r2) ** 2


def rest(p: Names, u: Names) -> Expressions:
    """The state before the first event: fasting, basal insulin in balance, glucose at G0."""
    rate = p.basal * 1000.0 / 60.0 / p.BW
    return {
        "Qsto1": 0.0,
        "Qsto2": 0.0,
        "Qgut": 0.0,
        "Isc1": rate / (p.ka2 + p.kd_more),
        "Isc2": rate / p.ka2,
        "Ip": rate / p.ke,
        "X": 0.0,
        "G": p.G0,
        "IG": p.G0,
    }


def observe(t: Any, x: Names, p: Names, u: Names) -> Expressions:
    """What can be measured."""
    return {"cgm_glucose": x.IG, "plasma_glucose": x.G}


DOMAIN = Domain(
    Range("age", 6.0, 90.0, "a", "the studies behind the priors had no small children"),
    Range("body_weight", 20.0, 200.0, "kg", "insulin and glucose are counted per kilogram"),
    Range("basal", 0.05, 5.0, "U/h", "without basal insulin there is no resting state"),
)

MINIMAL = Model(
    name="oral-minimal-t1",
    version="1",
    title="Oral minimal model with subcutaneous insulin",
    states=STATES,
    parameters=PARAMETERS,
    inputs=INPUTS,
    outputs=(
        Output("cgm_glucose", "mg/dL", "interstitial glucose", "cgm_glucose"),
        Output("plasma_glucose", "mg/dL", "plasma glucose", "plasma_glucose"),
    ),
    derivative=derivative,
    observe=observe,
    initial=rest,
    domain=DOMAIN,
    references=(REPLAYBG,),
)


@cache
def with_disturbance(windows: int) -> Model:
    """The same model with its disturbance as a sum of finite pieces: d(t) = Σ window_k(t) · d_k [mg/dL/min].

    The coefficients d_k are parameters with standard-normal priors here; how they hang together in time (their
    covariance) is for calibration to say.
    """
    pieces = [f"d{k}" for k in range(windows)]

    def disturbed(t: Any, x: Names, p: Names, u: Names) -> Expressions:
        change = dict(derivative(t, x, p, u))
        unannounced = sum(getattr(u, f"window{k}") * getattr(p, piece) for k, piece in enumerate(pieces))
        return change | {"G": change["G"] + unannounced}

    return replace(
        MINIMAL,
        name=f"{MINIMAL.name}-{windows}-windows",
        parameters=PARAMETERS
        + tuple(
            Parameter(name, "mg/dL/min", f"disturbance in window {name[1:]}", Normal(0.0, 1.0), OWN) for name in pieces
        ),
        inputs=INPUTS + tuple(Input(f"window{k}", "1", f"1 in window {k}") for k in range(windows)),
        derivative=disturbed,
    )
