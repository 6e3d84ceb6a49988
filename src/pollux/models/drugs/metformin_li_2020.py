"""Oral metformin (Li et al. 2020)."""

from pollux.equations import Proportional, Reference
from pollux.models.drugs.absorption import first_order
from pollux.models.drugs.covariate import EGFR, RESTATED, WT, studied
from pollux.models.drugs.disposition import compartments
from pollux.models.drugs.drug import Individual, drug

METFORMIN_LI_2020 = drug(
    "metformin-li-2020",
    "Metformin, oral",
    [first_order(lag="tlag"), compartments(1, intravenous=False)],
    [
        Individual("ka", "/h", "absorption", 1.4),
        Individual("tlag", "h", "lag", 0.914),
        Individual(
            "CL", "L/h", "apparent clearance", 53.0, effect="(WT / 75)**0.688 * (EGFR / 102.5)**0.914", variance=0.0323
        ),
        Individual("V", "L", "apparent volume", 438.0),
    ],
    covariates=[WT, EGFR],
    residuals={"C": Proportional(0.3507)},
    domain=studied(RESTATED, AGE=(27.0, 83.0), WT=(51.0, 113.0), EGFR=(46.9, 137.7)),
    reference=Reference("Li L et al. Medicine 2020;99:e23212", doi="10.1097/MD.0000000000023212"),
    checked="One public coding (nlmixr2lib) that cites the paper's tables; not compared with print.",
)
