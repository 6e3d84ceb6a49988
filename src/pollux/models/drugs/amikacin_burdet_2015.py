"""Amikacin in intensive care (Burdet et al. 2015)."""

from pollux.equations import Combined, Reference
from pollux.models.drugs.covariate import CRCL, PF, WT
from pollux.models.drugs.disposition import compartments
from pollux.models.drugs.drug import Individual, drug

AMIKACIN_BURDET_2015 = drug(
    "amikacin-burdet-2015",
    "Amikacin, intensive care",
    [compartments(2)],
    [
        Individual("CL", "L/h", "clearance", 4.3, effect="(CRCL / 82)**0.7", variance=0.1),
        Individual("V1", "L", "central volume", 15.9, effect="(WT / 78)**0.9 * (PF / 169)**0.4", variance=0.05),
        Individual("V2", "L", "peripheral volume", 21.4, variance=0.2),
        Individual("Q", "L/h", "exchange", 12.1, variance=0.08),
    ],
    covariates=[WT, CRCL, PF],
    covariances={
        ("CL", "V1"): 0.01,
        ("CL", "V2"): 0.01,
        ("V1", "V2"): 0.02,
        ("CL", "Q"): -0.06,
        ("V1", "Q"): 0.004,
        ("V2", "Q"): 0.003,
    },
    residuals={"C": Combined(0.2, 0.1)},
    reference=Reference("Burdet C et al. 2015, as coded in posologyr"),
    checked="One public coding (posologyr's tests); not compared with print.",
    errata=["CRCL here is a measured clearance over four hours."],
)
