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
        Individual("tlag", "h", "lag of the infusion", 0.07),
        Individual("CL", "L/h", "clearance", 17.1, effect="WT / 70"),
        Individual("V1", "L", "central volume", 7.2),
        Individual("V2", "L", "peripheral volume", 17.8),
        Individual("Q", "L/h", "exchange", 52.0),
    ],
    covariates=[WT],
    residuals={"C": Combined(3.2, 0.253)},
    reference=Reference("Roberts JA et al. 2010, as coded in posologyr"),
    checked="One public coding (posologyr's tests); not compared with print.",
    errata=["Variability between people and occasions was not at hand and is left out."],
)
