"""Piperacillin in intensive care (Roberts et al. 2010)."""

from pollux.equations import Combined, Reference
from pollux.models.drugs.covariate import WT
from pollux.models.drugs.disposition import compartments
from pollux.models.drugs.drug import Individual, drug

PIPERACILLIN_ROBERTS_2010 = drug(
    "piperacillin-roberts-2010",
    "Piperacillin, intensive care",
    [compartments(2, lag="tlag")],
    [
        Individual("tlag", "h", "lag of the infusion", 0.07, variance=0.1747673),
        Individual("CL", "L/h", "clearance", 17.1, effect="WT / 70", variance=0.08507985, between=0.1934626**0.5),
        Individual("V1", "L", "central volume", 7.2, variance=0.0673745, between=0.05783106**0.5),
        Individual("V2", "L", "peripheral volume", 17.8, variance=0.429067),
        Individual("Q", "L/h", "exchange", 52.0, variance=0.2247455),
    ],
    covariates=[WT],
    residuals={"C": Combined(3.2, 0.253, sum="sd")},
    reference=Reference("Roberts JA et al. 2010, as coded in posologyr"),
    checked="One public coding (posologyr's tests); not compared with print.",
    errata=["Variances between people and occasions are those of that test; its residual adds the two sds."],
)
