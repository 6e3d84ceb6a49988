"""Clopidogrel, its active metabolite and platelet reactivity with CYP2C19 phenotype (Jung et al. 2024)."""

from typing import Any

from pollux.equations import Additive, Output, Proportional, Reference, State
from pollux.models.drugs.covariate import CYP2C19_IM, CYP2C19_PM, RESTATED, studied
from pollux.models.drugs.drug import Individual, drug
from pollux.models.drugs.pieces import Piece, WayIn
from pollux.models.drugs.response import emax, indirect

NANO = 1000.0  # ng/mL in a mg/L


def _rates(x: Any, v: Any) -> dict[str, Any]:
    made = v.CL * x.liver / v.Vc
    to_plasma = v.Qc * (x.liver - x.central) / v.Vc
    deep = v.Qp * (x.central / v.Vc - x.peripheral / v.Vp)
    return {
        "depot": -v.ka * x.depot,
        "liver": v.ka * x.depot - made - to_plasma,
        "central": to_plasma - deep,
        "peripheral": deep,
        "h4": 1.106 * v.fm1 * v.fm2 * made - v.CL_h4 * x.h4 / v.V_h4,
    }


FIRST_PASS = Piece(
    "absorption into the liver, where all is metabolised; exchange with plasma, and of plasma with a deep compartment",
    needs=("ka", "tlag", "CL", "Qc", "Vc", "Qp", "Vp", "fm1", "fm2", "CL_h4", "V_h4"),
    states=tuple(State(s, "mg", f"clopidogrel, {s}") for s in ("depot", "liver", "central", "peripheral", "h4")),
    ways_in=(WayIn("oral", "depot", lag="tlag"),),
    outputs=(Output("C", "ng/mL", "clopidogrel in plasma"), Output("C_h4", "ng/mL", "active metabolite H4 in plasma")),
    rates=_rates,
    gives=lambda x, v: {"C_h4": NANO * x.h4 / v.V_h4},
    observe=lambda x, v: {"C": NANO * x.central / v.Vc, "C_h4": v.C_h4},
)

CLOPIDOGREL_JUNG_2024 = drug(
    "clopidogrel-jung-2024",
    "Clopidogrel, active metabolite and platelet reactivity, CYP2C19",
    [FIRST_PASS, indirect(4, emax("Emax", "EC50", "hill"), name="PRU", driver="C_h4")],
    [
        Individual("tlag", "h", "lag", 0.196),
        Individual("ka", "/h", "absorption", 19.64),
        Individual("Vc", "L", "central volume, and the liver's", 1463.92),
        Individual("Vp", "L", "peripheral volume", 2823.98),
        Individual("CL", "L/h", "metabolic clearance of the liver", 9257.28),
        Individual("Qc", "L/h", "exchange of liver and plasma", 845.70),
        Individual("Qp", "L/h", "exchange with the deep compartment", 587.93),
        Individual(
            "fm1",
            "1",
            "odds of the active way",
            0.142857,
            effect="1 / (0.142857 + exp(0.450 * CYP2C19_IM + 0.996 * CYP2C19_PM))",
        ),
        Individual(
            "fm2",
            "1",
            "odds of a measured metabolite",
            24.0,
            effect="1 / (24 + exp(1.428 * CYP2C19_IM + 2.432 * CYP2C19_PM))",
        ),
        Individual("V_h4", "L", "volume of the active metabolite", 51.45),
        Individual("CL_h4", "L/h", "clearance of the active metabolite", 74.25),
        Individual("kin", "/h", "production of platelet reactivity", 1.225),
        Individual("kout", "/h", "loss of platelet reactivity", 0.00576),
        Individual("Emax", "1", "largest stimulation of loss", 57.84),
        Individual("EC50", "ng/mL", "metabolite concentration of half effect", 67.32),
        Individual("hill", "1", "steepness", 1.851),
    ],
    covariates=[CYP2C19_IM, CYP2C19_PM],
    residuals={"C": Proportional(0.357), "C_h4": Proportional(0.363), "PRU": Additive(13.69)},
    domain=studied(RESTATED, AGE=(19.0, 55.0), WT=(55.0, 90.0)),
    reference=Reference("Jung YS et al. CPT Pharmacometrics Syst Pharmacol 2024;13:29", doi="10.1002/psp4.13053"),
    checked="One public coding (nlmixr2lib) that cites the paper's Table 2 and equations; its self-checks hold here "
    "(share of the active metabolite 0.120, 0.071, 0.034; platelet reactivity 212.67 without drug).",
    errata=[
        "Fractions of 0.125 and 0.960 in normal metabolisers were fixed by the authors; phenotype shifts their logits.",
        "The inactive carboxylic acid is left out, and so is variability between people.",
    ],
)
