"""Oral escitalopram with CYP2C19 phenotype (Liu et al. 2022)."""

from pollux.equations import Proportional, Reference
from pollux.models.drugs.absorption import first_order
from pollux.models.drugs.covariate import AGE, CYP2C19_IM, CYP2C19_PM, RESTATED, studied
from pollux.models.drugs.disposition import compartments
from pollux.models.drugs.drug import Individual, drug

ESCITALOPRAM_LIU_2022 = drug(
    "escitalopram-liu-2022",
    "Escitalopram, oral, CYP2C19",
    [first_order(), compartments(1, unit="ng/mL", factor=1000.0, intravenous=False)],
    [
        Individual("ka", "/h", "absorption", 0.6),
        Individual(
            "CL",
            "L/h",
            "apparent clearance",
            16.3,
            variance=0.0877,
            effect="(1 - 0.0077 * (AGE - 45)) * 0.847**CYP2C19_IM * 0.479**CYP2C19_PM",
        ),
        Individual("V", "L", "apparent volume", 815.0, variance=0.235),
    ],
    covariates=[AGE, CYP2C19_IM, CYP2C19_PM],
    residuals={"C": Proportional(0.169)},
    domain=studied(RESTATED, AGE=(12.0, 83.0)),
    reference=Reference("Liu S et al. Front Pharmacol 2022;13:964758", doi="10.3389/fphar.2022.964758"),
    checked="One public coding (nlmixr2lib) that cites the paper's tables; not compared with print.",
    errata=["The sign of the effect of age was inferred by the coder.", "Nobody studied carried CYP2C19 *17."],
)
