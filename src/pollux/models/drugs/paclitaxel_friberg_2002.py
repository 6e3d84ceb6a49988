"""Paclitaxel and white blood cells (Friberg et al. 2002)."""

from pollux.equations import Proportional, Reference
from pollux.models.drugs.covariate import CLI, V1I, V2I
from pollux.models.drugs.disposition import compartments
from pollux.models.drugs.drug import Individual, drug
from pollux.models.drugs.response import myelosuppression, proportional

PACLITAXEL_FRIBERG_2002 = drug(
    "paclitaxel-friberg-2002",
    "Paclitaxel and white blood cells",
    [compartments(2, amount="umol", unit="umol/L"), myelosuppression(proportional("slope"))],
    [
        Individual("CL", "1", "clearance over the one given", 1.0, effect="CLI"),
        Individual("V1", "1", "central volume over the one given", 1.0, effect="V1I"),
        Individual("V2", "1", "peripheral volume over the one given", 1.0, effect="V2I"),
        Individual("Q", "L/h", "exchange", 204.0),
        Individual("CIRC0", "10*9/L", "cells without drug", 7.21, variance=0.107),
        Individual("MTT", "h", "mean transit time of maturation", 124.0, variance=0.0296),
        Individual("slope", "L/umol", "effect of concentration", 28.9, variance=0.176),
        Individual("gamma", "1", "feedback", 0.239),
    ],
    covariates=[CLI, V1I, V2I],
    residuals={"cells": Proportional(0.286)},
    reference=Reference("Friberg LE et al. J Clin Oncol 2002;20:4713; values of DDMODEL00000186"),
    checked="One public coding (DDMORE repository) and a refit that agrees (7.21, 123, 28.7, 0.238, 0.286); not print.",
    errata=[
        "Kinetics are individual values from another analysis, given as covariates CLI, V1I, V2I; the exchange of "
        "204 L/h was read in public codings of the data set (nlmixr2's tests).",
    ],
)
