"""Warfarin and INR as a kinetic-pharmacodynamic model (Xia et al. 2024, constants of Hamberg et al.)."""

from typing import Any

from pollux.equations import Output, Proportional, Reference, State
from pollux.models.drugs.covariate import AGE, AMIODARONE, CYP2C9_2, CYP2C9_3, INR0, RESTATED, VKORC1_G, WT, studied
from pollux.models.drugs.drug import Individual, drug
from pollux.models.drugs.pieces import Piece, WayIn

CHAINS = {"fast": "MTT1", "slow": "MTT2"}


def _rates(x: Any, v: Any) -> dict[str, Any]:
    C = x.depot / v.V
    left = 1.0 - C**v.hill / (v.EC50**v.hill + C**v.hill)
    change = {"depot": -v.CL / v.V * x.depot}
    for chain, mtt in CHAINS.items():
        before = left
        for k in (1, 2, 3):
            here = getattr(x, f"{chain}{k}")
            change[f"{chain}{k}"] = 3.0 / getattr(v, mtt) * (before - here)
            before = here
    return change


_FACTORS = tuple(f"{chain}{k}" for chain in CHAINS for k in (1, 2, 3))

COAGULATION = Piece(
    "a dose that acts at the rate at which it is lost, on two chains of three factors that make the INR",
    needs=("CL", "V", "hill", "EC50", "MTT1", "MTT2", "INRmax"),
    states=(State("depot", "mg", "drug"), *(State(s, "1", f"coagulation factors, {s}") for s in _FACTORS)),
    ways_in=(WayIn("oral", "depot"),),
    outputs=(Output("INR", "1", "international normalised ratio"),),
    rates=_rates,
    start=lambda v: dict.fromkeys(_FACTORS, 1.0),
    observe=lambda x, v: {"INR": v.INR0 + v.INRmax * (1.0 - 0.5 * (x.fast3 + x.slow3))},
)

WARFARIN_XIA_2024 = drug(
    "warfarin-xia-2024",
    "Warfarin and INR, Han Chinese adults",
    [COAGULATION],
    [
        Individual(
            "CL", "L/h", "clearance of two CYP2C9 *1 alleles", 0.348, effect="ALLELES * (1 - 0.00571 * (AGE - 71))"
        ),
        Individual("V", "L", "apparent volume", 14.3),
        Individual("hill", "1", "steepness", 1.39),
        Individual("MTT1", "h", "mean transit time, fast chain", 27.2),
        Individual("MTT2", "h", "mean transit time, slow chain", 110.9),
        Individual("INRmax", "1", "largest rise of the INR", 20.0),
        Individual(
            "EC50",
            "mg/L",
            "concentration of half effect of two VKORC1 A alleles",
            2.28,
            cv=0.558,
            effect="SENSITIVITY * (WT / 60)**1.34 * (1 - 0.602 * AMIODARONE)",
        ),
    ],
    covariates=[WT, AGE, CYP2C9_2, CYP2C9_3, VKORC1_G, AMIODARONE, INR0],
    derived={
        "ALLELES": "((2 - CYP2C9_2 - CYP2C9_3) * 0.174 + CYP2C9_2 * 0.0879 + CYP2C9_3 * 0.0422) / 0.348",
        "SENSITIVITY": "(VKORC1_G * 4.3 + (2 - VKORC1_G) * 1.14) / 2.28",
    },
    residuals={"INR": Proportional(0.365)},
    domain=studied(RESTATED, AGE=(1.0, 82.0), WT=(7.0, 106.0)),
    reference=Reference("Xia X et al. Sci Rep 2024;14:14894", doi="10.1038/s41598-024-65048-7"),
    checked="One public coding (nlmixr2lib) that cites the paper's Table 3 and supplement; not compared with print.",
    errata=[
        "EC50 are estimates for Han Chinese; the European values of Hamberg 2007 and 2010 are not verified here.",
        "The INR is a baseline and INRmax times the mean loss of both chains, as coded; Hamberg's own form differs.",
    ],
)
