"""Subcutaneous tirzepatide and body composition (Schneck and Urva 2024, Chigutsa et al. 2025)."""

from typing import Any

import numpy as np

from pollux.equations import Output, Proportional, Reference, State
from pollux.models.drugs.absorption import first_order
from pollux.models.drugs.covariate import ASIAN, SEX
from pollux.models.drugs.disposition import compartments
from pollux.models.drugs.drug import Individual, drug
from pollux.models.drugs.pieces import Piece

WEEK = 168.0  # h


def _rates(x: Any, v: Any) -> dict[str, Any]:
    wane = np.exp(-np.log(2.0) * v.t / v.wane_half_life)
    C = 1000.0 * v.C  # ng/mL in mg/L
    change = {}
    for tissue in ("ffm", "fat"):
        base, imax, ic50, placebo = (getattr(v, f"{n}_{tissue}") for n in ("base", "Imax", "IC50", "placebo"))
        kept = 1.0 - placebo * wane - imax * C / (ic50 + C)
        change[tissue] = v.kout * (base * kept - getattr(x, tissue))
    return change


COMPOSITION = Piece(
    "turnover of fat-free and of fat mass, production inhibited by the drug (Imax) and by a waning placebo effect",
    needs=(
        "kout",
        "wane_half_life",
        *(f"{n}_{t}" for t in ("ffm", "fat") for n in ("base", "Imax", "IC50", "placebo")),
    ),
    states=(State("ffm", "kg", "fat-free mass"), State("fat", "kg", "fat mass")),
    outputs=(Output("fat_free_mass", "kg", "fat-free mass"), Output("fat_mass", "kg", "fat mass")),
    rates=_rates,
    start=lambda v: {"ffm": v.base_ffm, "fat": v.base_fat},
    observe=lambda x, v: {"fat_free_mass": x.ffm, "fat_mass": x.fat},
)

TIRZEPATIDE_SCHNECK_2024 = drug(
    "tirzepatide-schneck-2024",
    "Tirzepatide, subcutaneous, and body composition",
    [
        first_order(name="sc", bioavailability="F"),
        compartments(2, unit="ng/mL", factor=1000.0, intravenous=False),
        COMPOSITION,
    ],
    [
        Individual(
            "base_ffm", "kg", "fat-free mass at the start", 73.5, effect="(1 - 0.312 * WOMAN) * (1 - 0.110 * ASIAN)"
        ),
        Individual(
            "base_fat", "kg", "fat mass at the start", 45.0, effect="(1 + 0.0539 * WOMAN) * (1 - 0.254 * ASIAN)"
        ),
        Individual("ka", "/h", "absorption", 0.0373, cv=0.225),
        Individual("F", "1", "bioavailability", 0.8),
        Individual("CL", "L/h", "clearance", 0.0329, effect="((base_ffm + base_fat) / 70)**0.8", cv=0.142),
        Individual("V1", "L", "central volume", 2.47, effect="(base_ffm + 0.482 * base_fat) / 70", cv=0.49),
        Individual("Q", "L/h", "exchange", 0.126, effect="((base_ffm + base_fat) / 70)**0.8"),
        Individual("V2", "L", "peripheral volume", 3.98, effect="(base_ffm + 0.482 * base_fat) / 70"),
        Individual("kout", "/h", "loss of both tissues", 0.0314 / WEEK),
        Individual("Imax_ffm", "1", "largest inhibition, fat-free mass", 0.144, effect="1 + 1.78 * WOMAN"),
        Individual("Imax_fat", "1", "largest inhibition, fat mass", 0.319, effect="1 + 0.809 * WOMAN"),
        Individual(
            "IC50_ffm", "ng/mL", "concentration of half effect, fat-free mass", 1760.0, effect="1 + 1.14 * WOMAN"
        ),
        Individual("IC50_fat", "ng/mL", "concentration of half effect, fat mass", 518.0, effect="1 + 2.05 * WOMAN"),
        Individual("placebo_ffm", "1", "placebo effect at the start, fat-free mass", 0.0658),
        Individual("placebo_fat", "1", "placebo effect at the start, fat mass", 0.213),
        Individual("wane_half_life", "h", "half-life of the placebo effect", 40.3 * WEEK),
    ],
    covariates=[SEX, ASIAN],
    derived={"WOMAN": "1 - SEX"},
    residuals={"fat_mass": Proportional(0.0335), "fat_free_mass": Proportional(0.00985)},
    reference=Reference(
        "Schneck K, Urva S. CPT Pharmacometrics Syst Pharmacol 2024;13:494, doi:10.1002/psp4.13099; Chigutsa E et al. "
        "Clin Pharmacol Ther 2025;118:1489",
        doi="10.1002/cpt.3750",
    ),
    checked="One public coding (nlmixr2lib) that cites both papers' tables; not compared with print.",
    errata=[
        "Clearance and volumes follow the body at the start; the source lets them follow as weight is lost.",
        "The source caps the whole inhibition at 1; here it is not capped (it stays below 1 at typical values).",
        "Variability of body composition and effect, and the error of concentrations, are left out.",
    ],
)
