"""Tobramycin as a published software test states it, in rate constants."""

from pollux.equations import Proportional, Reference
from pollux.models.drugs.covariate import CRCL, WT
from pollux.models.drugs.disposition import compartments
from pollux.models.drugs.drug import Individual, drug

TOBRAMYCIN_MONOLIX = drug(
    "tobramycin-monolix",
    "Tobramycin, a software test",
    [compartments(2)],
    [
        Individual(
            "ke", "/h", "elimination", 0.21, effect="(CRCL / 67.8)**0.89 * (WT / 66.4)**-1.09", variance=0.08075
        ),
        Individual("V1", "L", "central volume", 19.8, effect="(WT / 66.4)**0.80", variance=0.01203),
        Individual("k12", "/h", "to the peripheral compartment", 0.041),
        Individual("k21", "/h", "back", 0.12),
        Individual("CL", "1", "clearance over ke · V1", 1.0, effect="ke * V1"),
        Individual("Q", "1", "exchange over k12 · V1", 1.0, effect="k12 * V1"),
        Individual("V2", "1", "peripheral volume over k12 · V1 / k21", 1.0, effect="k12 * V1 / k21"),
    ],
    covariates=[WT, CRCL],
    residuals={"C": Proportional(0.198)},
    reference=Reference("Monolix individual estimates, as restated in posologyr's tests"),
    checked="Individual estimates of that test are found again (tests/models/drugs/test_reference.py).",
)
