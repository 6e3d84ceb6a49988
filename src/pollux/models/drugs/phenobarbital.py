"""Phenobarbital in newborns, the field's worked example, at the estimates of a NONMEM run."""

from pollux.equations import Proportional, Reference
from pollux.models.drugs.covariate import APGR, WT
from pollux.models.drugs.disposition import compartments
from pollux.models.drugs.drug import Individual, drug

PHENOBARBITAL = drug(
    "phenobarbital",
    "Phenobarbital, newborns",
    [compartments(1)],
    [
        Individual("CL", "L/h/kg", "clearance", 0.00469555, effect="WT", variance=0.0293508),
        Individual("V", "L/kg", "volume", 0.984258, effect="WT * where(APGR < 5, 1 + 0.15892, 1)", variance=0.0279060),
    ],
    covariates=[WT, APGR],
    residuals={"C": Proportional(0.013241**0.5)},
    reference=Reference("Pharmpy's example run of the phenobarbital data of Grasela and Donn (NONMEM 7.5.1)"),
    checked="Objective function and etas of that run are found again (tests/calibration/test_population.py).",
)
