"""The workloads that Pollux and its peers are asked: models, patients and what is done to them, each said once."""

from typing import Any

import numpy as np

from pollux.equations import Fixed, Model, Output, Parameter, Route, State
from pollux.plans import Dose, Regimen

# ---- Two-compartment oral drug with an indirect response: 14 doses, 12 h apart, over a week ----

PK_VALUES = {
    "ka": 1.0, "CL": 4.0, "V1": 40.0, "Q": 6.0, "V2": 60.0, "kin": 10.0, "kout": 0.1, "Imax": 0.9, "IC50": 1.0,
}  # fmt: skip
PK_DOSE, PK_INTERVAL, PK_DOSES = 100.0, 12.0, 14
PK_END = PK_INTERVAL * PK_DOSES
PK_TIMES = np.arange(0.0, PK_END + 1.0, 2.0)
PK_REGIMEN = Regimen([Dose(0.0, PK_DOSE, "oral", additional=PK_DOSES - 1, interval=PK_INTERVAL)])
PK_SPREAD = 0.3


def _pk_rates(t: Any, x: Any, p: Any, u: Any) -> dict[str, Any]:
    C = x.A / p.V1
    across = p.Q * (C - x.B / p.V2)
    return {
        "D": -p.ka * x.D,
        "A": p.ka * x.D - p.CL * C - across,
        "B": across,
        "R": p.kin * (1.0 - p.Imax * C / (p.IC50 + C)) - p.kout * x.R,
    }


PK = Model(
    "pk-response", "1", "Two-compartment oral drug with an indirect response",
    [State("D", "mg", "depot"), State("A", "mg", "central"), State("B", "mg", "deep"), State("R", "1", "response")],
    [Parameter(n, "1", "workload", Fixed(v), "workload") for n, v in PK_VALUES.items()],
    [], [Output("C", "mg/L", "concentration"), Output("R", "1", "response")],
    derivative=_pk_rates, observe=lambda t, x, p, u: {"C": x.A / p.V1, "R": x.R},
    initial=lambda p, u: {"D": 0.0, "A": 0.0, "B": 0.0, "R": p.kin / p.kout},
    routes=[Route("oral", "D")], time_unit="h",
)  # fmt: skip


def pk_patients(n: int, seed: int = 3) -> dict[str, np.ndarray]:
    """Patients whose parameters (but Imax) scatter log-normally with sd 0.3."""
    rng = np.random.default_rng(seed)
    return {
        k: v * np.exp(PK_SPREAD * rng.standard_normal(n) * (k != "Imax")) for k, v in PK_VALUES.items()
    }  # fmt: skip


# ---- A closed loop with a beating left and right heart, four valves, 8 volumes: 30 beats ----
# Sizes are textbook-like and of this benchmark's own making: it measures solvers, not hearts.

HEART_VALUES = {
    "period": 0.8, "Emax_l": 2.5, "Emin_l": 0.08, "Emax_r": 0.6, "Emin_r": 0.06,
    "C_sa": 1.3, "C_sv": 60.0, "C_pa": 4.0, "C_pv": 12.0, "C_la": 8.0, "C_ra": 12.0,
    "R_sys": 1.0, "R_pul": 0.12, "R_sv": 0.03, "R_pv": 0.02, "R_valve": 0.008,
}  # fmt: skip
HEART_START = {"lv": 120.0, "rv": 120.0, "sa": 110.0, "sv": 450.0, "pa": 60.0, "pv": 120.0, "la": 70.0, "ra": 70.0}
HEART_END = 30 * 0.8
HEART_TIMES = np.arange(0.0, HEART_END + 1e-9, 0.02)


def _heart(t: Any, x: Any, p: Any) -> dict[str, Any]:
    """Pressures [mmHg] of all volumes [mL]."""
    phase = t / p.period - np.floor(t / p.period)
    squeeze = np.where(phase < 0.4, np.sin(np.pi * phase / 0.4) ** 2, 0.0)
    return {
        "lv": (p.Emin_l + (p.Emax_l - p.Emin_l) * squeeze) * (x.lv - 10.0),
        "rv": (p.Emin_r + (p.Emax_r - p.Emin_r) * squeeze) * (x.rv - 10.0),
        "sa": x.sa / p.C_sa, "sv": x.sv / p.C_sv, "pa": x.pa / p.C_pa, "pv": x.pv / p.C_pv,
        "la": x.la / p.C_la, "ra": x.ra / p.C_ra,
    }  # fmt: skip


def _heart_rates(t: Any, x: Any, p: Any, u: Any) -> dict[str, Any]:
    P = _heart(t, x, p)
    mitral = np.maximum(P["la"] - P["lv"], 0.0) / p.R_valve
    aortic = np.maximum(P["lv"] - P["sa"], 0.0) / p.R_valve
    tricuspid = np.maximum(P["ra"] - P["rv"], 0.0) / p.R_valve
    pulmonary = np.maximum(P["rv"] - P["pa"], 0.0) / p.R_valve
    body, back = (P["sa"] - P["sv"]) / p.R_sys, (P["sv"] - P["ra"]) / p.R_sv
    lung, home = (P["pa"] - P["pv"]) / p.R_pul, (P["pv"] - P["la"]) / p.R_pv
    return {
        "lv": mitral - aortic, "sa": aortic - body, "sv": body - back, "ra": back - tricuspid,
        "rv": tricuspid - pulmonary, "pa": pulmonary - lung, "pv": lung - home, "la": home - mitral,
    }  # fmt: skip


HEART = Model(
    "beating-loop", "1", "A closed loop with a beating heart and four valves",
    [State(n, "mL", "volume") for n in HEART_START],
    [Parameter(n, "1", "workload", Fixed(v), "workload") for n, v in HEART_VALUES.items()],
    [], [Output("aortic", "mm[Hg]", "pressure")],
    derivative=_heart_rates, observe=lambda t, x, p, u: {"aortic": x.sa / p.C_sa},
    initial=lambda p, u: dict(HEART_START), time_unit="min",
)  # fmt: skip


def heart_patients(n: int, seed: int = 5) -> dict[str, np.ndarray]:
    """Patients whose parameters (but the period) scatter log-normally with sd 0.1."""
    rng = np.random.default_rng(seed)
    return {k: v * np.exp(0.1 * rng.standard_normal(n) * (k != "period")) for k, v in HEART_VALUES.items()}
