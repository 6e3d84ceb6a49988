"""Vancomycin in adults (Thomson et al. 2009)."""

from pollux.equations import Combined, Reference
from pollux.models.drugs.covariate import CRCL, WT
from pollux.models.drugs.disposition import compartments
from pollux.models.drugs.drug import Individual, drug

VANCOMYCIN_THOMSON_2009 = drug(
    "vancomycin-thomson-2009",
    "Vancomycin, adults",
    [compartments(2)],
    [
        Individual("CL", "L/h", "clearance", 2.99, effect="1 + 0.0154 * (CRCL - 66)", variance=0.0729),
        Individual("V1", "L/kg", "central volume", 0.675, effect="WT", variance=0.0225),
        Individual("Q", "L/h", "exchange", 2.28, variance=0.2401),
        Individual("V2", "L/kg", "peripheral volume", 0.732, effect="WT", variance=1.69),
    ],
    covariates=[WT, CRCL],
    covariances={("CL", "V1"): 0.01},
    residuals={"C": Combined(1.6, 0.15)},
    reference=Reference("Thomson AH et al. J Antimicrob Chemother 2009", pmid="19299472"),
    checked="One public coding (PKPDsim, MIT); not compared with print.",
    errata=[
        "The covariance of 0.01 between CL and V1 stands in the coding only; it equals an assumed correlation of 25 %.",
        "The linear effect makes CL negative below a clearance of 1.07 mL/min.",
    ],
)
