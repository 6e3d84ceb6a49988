"""The UVA/Padova type 1 diabetes model of 2008 (S2008): meal, glucose, insulin, subcutaneous insulin; 13 states.

Equations: Dalla Man, Rizza, Cobelli 2007 (meal, glucose, insulin), with the type 1 modification and subcutaneous
insulin of Kovatchev et al. 2009. They were checked against simglucose 0.2.11 (MIT), whose 30 virtual patients are
restated in ``uva_padova_patients.csv``; the printed papers were not compared line by line.

Where Pollux differs: what must hold for a body at rest is computed, not tabulated (basal insulin Ib, kp1, Vm0), so
that any parameters rest at their own Gb; and insulin-independent uptake ends as plasma glucose reaches zero, so that
no compartment becomes negative (simglucose freezes a negative compartment instead).
"""

import csv
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np

from pollux.equations import (
    Domain,
    Fixed,
    Input,
    LogitNormal,
    LogNormal,
    Model,
    Output,
    Parameter,
    Prior,
    Range,
    Reference,
    State,
)

DALLA_MAN = Reference(
    "Dalla Man C, Rizza RA, Cobelli C. Meal simulation model of the glucose-insulin system. IEEE TBME 2007",
    doi="10.1109/TBME.2007.893506",
    verified=False,
)
KOVATCHEV = Reference(
    "Kovatchev BP, Breton M, Dalla Man C, Cobelli C. In silico preclinical trials: a proof of concept in closed-loop "
    "control of type 1 diabetes. J Diabetes Sci Technol 2009",
    verified=False,
)
SIMGLUCOSE = Reference("simglucose 0.2.11 (MIT), vpatient_params.csv and t1dpatient.py", verified=True)
OWN = Reference("Pollux's own choice", verified=False)

STATES = (
    State("Qsto1", "mg", "glucose in the stomach, solid"),
    State("Qsto2", "mg", "glucose in the stomach, liquid"),
    State("Qgut", "mg", "glucose in the intestine"),
    State("Gp", "mg/kg", "glucose in plasma and rapidly equilibrating tissue"),
    State("Gt", "mg/kg", "glucose in slowly equilibrating tissue"),
    State("Ip", "pmol/kg", "insulin in plasma"),
    State("X", "pmol/L", "insulin action on glucose utilization, above basal"),
    State("I1", "pmol/L", "insulin, delayed once"),
    State("Id", "pmol/L", "insulin acting on glucose production"),
    State("Il", "pmol/kg", "insulin in the liver"),
    State("Isc1", "pmol/kg", "subcutaneous insulin, nonmonomeric"),
    State("Isc2", "pmol/kg", "subcutaneous insulin, monomeric"),
    State("Gs", "mg/kg", "subcutaneous glucose"),
)

# name, unit, meaning, kind of prior
_VARYING = (
    ("BW", "kg", "body weight", "positive"),
    ("Gb", "mg/dL", "plasma glucose at rest under basal insulin", "positive"),
    ("EGPb", "mg/kg/min", "endogenous glucose production at rest", "positive"),
    ("basal_rate", "U/h", "insulin infusion that keeps glucose at Gb", "positive"),
    ("kabs", "1/min", "intestinal absorption", "positive"),
    ("kmax", "1/min", "fastest gastric emptying, and grinding", "positive"),
    ("kmin", "1/min", "slowest gastric emptying", "positive"),
    ("b", "1", "part of the meal at which emptying has slowed half way", "fraction"),
    ("d", "1", "part of the meal at which emptying has recovered half way", "fraction"),
    ("f", "1", "part of the absorbed glucose that appears in plasma", "constant"),
    ("Vg", "dL/kg", "distribution volume of glucose", "positive"),
    ("k1", "1/min", "glucose from plasma to tissue", "positive"),
    ("k2", "1/min", "glucose from tissue to plasma", "positive"),
    ("Fsnc", "mg/kg/min", "insulin-independent utilization (brain, erythrocytes)", "constant"),
    ("Vmx", "mg/kg/min/(pmol/L)", "insulin sensitivity of glucose utilization", "positive"),
    ("Km0", "mg/kg", "Michaelis constant of glucose utilization", "positive"),
    ("p2u", "1/min", "rate of insulin action on glucose utilization", "positive"),
    ("ke1", "1/min", "renal excretion above the threshold", "constant"),
    ("ke2", "mg/kg", "renal threshold of plasma glucose", "constant"),
    ("kp2", "1/min", "liver glucose effectiveness", "positive"),
    ("kp3", "mg/kg/min/(pmol/L)", "insulin action on glucose production", "positive"),
    ("ki", "1/min", "rate of delay of insulin action on production", "positive"),
    ("Vi", "L/kg", "distribution volume of insulin", "positive"),
    ("m1", "1/min", "insulin from liver to plasma", "positive"),
    ("m2", "1/min", "insulin from plasma to liver", "positive"),
    ("m4", "1/min", "peripheral insulin degradation", "positive"),
    ("m30", "1/min", "hepatic insulin degradation", "positive"),
    ("ka1", "1/min", "absorption of nonmonomeric insulin", "positive"),
    ("ka2", "1/min", "absorption of monomeric insulin", "positive"),
    ("kd", "1/min", "dissociation of insulin", "positive"),
    ("ksc", "1/min", "plasma to subcutaneous glucose", "positive"),
)


@cache
def _table() -> dict[str, dict[str, float]]:
    text = (files("pollux.models.glucose") / "uva_padova_patients.csv").read_text(encoding="utf-8")
    rows = csv.DictReader(line for line in text.splitlines() if not line.startswith("#"))
    return {row["patient"]: {k.split(" ")[0]: float(v) for k, v in row.items() if k != "patient"} for row in rows}


def virtual_patients() -> dict[str, dict[str, float]]:
    """The parameters of the 30 published virtual patients, by name: ``adult#001`` … ``child#010``.

    >>> len(virtual_patients()), virtual_patients()["adult#001"]["BW"]
    (30, 102.32)
    """
    return {name: dict(values) for name, values in _table().items()}


def _prior(name: str, kind: str) -> Prior:
    """The spread of the ten published adults: geometric mean and SD of the logarithm (of the logit for fractions)."""
    values = np.array([v[name] for patient, v in _table().items() if patient.startswith("adult")])
    if kind == "constant":
        return Fixed(float(values[0]))
    if kind == "fraction":
        logits = np.log(values / (1.0 - values))
        return LogitNormal(0.0, 1.0, float(1.0 / (1.0 + np.exp(-logits.mean()))), float(logits.std(ddof=1)))
    logs = np.log(values)
    return LogNormal(float(np.exp(logs.mean())), float(logs.std(ddof=1)))


PARAMETERS = (
    *(Parameter(name, unit, meaning, _prior(name, kind), SIMGLUCOSE) for name, unit, meaning, kind in _VARYING),
    Parameter("pmol_per_unit", "pmol/U", "amount of insulin in one unit", Fixed(6000.0), SIMGLUCOSE),
    Parameter("hour", "min/h", "minutes in an hour", Fixed(60.0), "definition"),
    Parameter("Gp_low", "mg/kg", "plasma glucose below which insulin-independent uptake fades", Fixed(2.0), OWN),
)

INPUTS = (
    Input("meal", "mg/min", "carbohydrate being eaten", quantity="carbohydrate_intake"),
    Input("meal_size", "mg", "the whole of the last meal (Dbar), held until the next; 0 before the first"),
    Input("insulin", "U/h", "subcutaneous insulin infusion", quantity="insulin_basal_rate"),
)

OUTPUTS = (
    Output("plasma_glucose", "mg/dL", "plasma glucose", quantity="plasma_glucose"),
    Output("interstitial_glucose", "mg/dL", "subcutaneous glucose", quantity="cgm_glucose"),
    Output("plasma_insulin", "pmol/L", "plasma insulin"),
    Output("meal_appearance", "mg/kg/min", "rate of appearance of meal glucose in plasma"),
)


def _insulin_at_rest(p: Any) -> dict[str, Any]:
    """The linear insulin subsystem at rest under the basal infusion."""
    infusion = p.basal_rate * p.pmol_per_unit / (p.hour * p.BW)
    Isc1 = infusion / (p.ka1 + p.kd)
    Isc2 = p.kd * Isc1 / p.ka2
    # all that is infused reaches plasma: Ip (m2 + m4) - m1 Il = infusion, with Il (m1 + m30) = m2 Ip
    Ip = infusion / (p.m2 + p.m4 - p.m1 * p.m2 / (p.m1 + p.m30))
    return {"Isc1": Isc1, "Isc2": Isc2, "Ip": Ip, "Il": p.m2 * Ip / (p.m1 + p.m30)}


def _glucose_at_rest(p: Any) -> dict[str, Any]:
    """Glucose compartments at rest at Gb, from the balance of plasma: EGPb = Fsnc + E + k1 Gp - k2 Gt."""
    Gp = p.Gb * p.Vg
    excretion = p.ke1 * np.maximum(Gp - p.ke2, 0.0)
    return {"Gp": Gp, "Gt": (p.Fsnc + excretion + p.k1 * Gp - p.EGPb) / p.k2}


def start(p: Any, u: Any) -> dict[str, Any]:
    """At rest at Gb under the person's own basal insulin, nothing eaten."""
    insulin = _insulin_at_rest(p)
    glucose = _glucose_at_rest(p)
    Ib = insulin["Ip"] / p.Vi
    return (
        {"Qsto1": 0.0, "Qsto2": 0.0, "Qgut": 0.0, "X": 0.0, "I1": Ib, "Id": Ib, "Gs": glucose["Gp"]} | insulin | glucose
    )


def gastric_emptying(x: Any, p: Any, u: Any) -> Any:
    """Rate of gastric emptying [1/min]: fast for a full and an empty stomach, slow between (Dalla Man 2006)."""
    eaten = u.meal_size > 0.0
    size = np.where(eaten, u.meal_size, 1.0)  # any number that can be divided by: unused before the first meal
    Qsto = x.Qsto1 + x.Qsto2
    alpha = 5.0 / (2.0 * size * (1.0 - p.b))
    beta = 5.0 / (2.0 * size * p.d)
    dip = np.tanh(alpha * (Qsto - p.b * size)) - np.tanh(beta * (Qsto - p.d * size)) + 2.0
    return np.where(eaten, p.kmin + 0.5 * (p.kmax - p.kmin) * dip, p.kmax)


def derivative(t: Any, x: Any, p: Any, u: Any) -> dict[str, Any]:
    """The 13 equations; names as published."""
    rest = _glucose_at_rest(p)
    Ib = _insulin_at_rest(p)["Ip"] / p.Vi
    uptake_at_rest = p.k1 * rest["Gp"] - p.k2 * rest["Gt"]
    Vm0 = uptake_at_rest * (p.Km0 + rest["Gt"]) / rest["Gt"]
    kp1 = p.EGPb + p.kp2 * rest["Gp"] + p.kp3 * Ib

    kempt = gastric_emptying(x, p, u)
    Ra = p.f * p.kabs * x.Qgut / p.BW
    EGP = np.maximum(kp1 - p.kp2 * x.Gp - p.kp3 * x.Id, 0.0)
    Uii = p.Fsnc * np.minimum(x.Gp / p.Gp_low, 1.0)
    E = p.ke1 * np.maximum(x.Gp - p.ke2, 0.0)
    Uid = (Vm0 + p.Vmx * x.X) * x.Gt / (p.Km0 + x.Gt)
    insulin = x.Ip / p.Vi
    infusion = u.insulin * (p.pmol_per_unit / (p.hour * p.BW))
    exchange = p.k1 * x.Gp - p.k2 * x.Gt
    return {
        "Qsto1": u.meal - p.kmax * x.Qsto1,
        "Qsto2": p.kmax * x.Qsto1 - kempt * x.Qsto2,
        "Qgut": kempt * x.Qsto2 - p.kabs * x.Qgut,
        "Gp": EGP + Ra - Uii - E - exchange,
        "Gt": exchange - Uid,
        "Ip": p.m1 * x.Il - (p.m2 + p.m4) * x.Ip + p.ka1 * x.Isc1 + p.ka2 * x.Isc2,
        "X": p.p2u * (insulin - Ib - x.X),
        "I1": p.ki * (insulin - x.I1),
        "Id": p.ki * (x.I1 - x.Id),
        "Il": p.m2 * x.Ip - (p.m1 + p.m30) * x.Il,
        "Isc1": infusion - (p.ka1 + p.kd) * x.Isc1,
        "Isc2": p.kd * x.Isc1 - p.ka2 * x.Isc2,
        "Gs": p.ksc * (x.Gp - x.Gs),
    }


def observe(t: Any, x: Any, p: Any, u: Any) -> dict[str, Any]:
    """Concentrations in plasma and under the skin."""
    return {
        "plasma_glucose": x.Gp / p.Vg,
        "interstitial_glucose": x.Gs / p.Vg,
        "plasma_insulin": x.Ip / p.Vi,
        "meal_appearance": p.f * p.kabs * x.Qgut / p.BW,
    }


UVA_PADOVA = Model(
    name="uva-padova",
    version="S2008",
    title="UVA/Padova type 1 diabetes model, 2008",
    states=STATES,
    parameters=PARAMETERS,
    inputs=INPUTS,
    outputs=OUTPUTS,
    derivative=derivative,
    observe=observe,
    initial=start,
    domain=Domain(
        Range("body_weight", 20.0, 130.0, "kg", "the published virtual patients weigh 24 to 111 kg"),
        Range("plasma_glucose", 20.0, 600.0, "mg/dL", "no counter-regulation is modelled, and no ketoacidosis"),
    ),
    references=(DALLA_MAN, KOVATCHEV, SIMGLUCOSE),
    impulses={"insulin_bolus": "Isc1"},
)


def meal_signals(
    meals: Iterable[tuple[float, float]], until: float, eating_rate: float = 5000.0
) -> dict[str, list[tuple[float, float, float]]]:
    """The inputs ``meal`` and ``meal_size`` of meals ``(minute, mg)`` eaten at ``eating_rate`` [mg/min].

    The meal's size holds until the next meal begins, the last one's until ``until``.

    >>> meal_signals([(0.0, 50000.0)], until=1440.0)
    {'meal': [(0.0, 10.0, 5000.0)], 'meal_size': [(0.0, 1440.0, 50000.0)]}
    """
    ordered = sorted((t, amount) for t, amount in meals if amount > 0)
    begins = [t for t, _ in ordered] + [until]
    eating = [(t, t + amount / eating_rate, eating_rate) for t, amount in ordered]
    sizes = [
        (t, following, amount) for (t, amount), following in zip(ordered, begins[1:], strict=True) if t < following
    ]
    return {"meal": eating, "meal_size": sizes}
