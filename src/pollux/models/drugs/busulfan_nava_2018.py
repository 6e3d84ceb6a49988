"""Intravenous busulfan in children with GSTA1 groups (Nava et al. 2018)."""

from pollux.equations import Proportional, Reference
from pollux.models.drugs.covariate import GSTA1_PM, GSTA1_RM, PMA, RESTATED, WT, studied
from pollux.models.drugs.disposition import compartments
from pollux.models.drugs.drug import Individual, drug

BUSULFAN_NAVA_2018 = drug(
    "busulfan-nava-2018",
    "Busulfan, intravenous, children, GSTA1",
    [compartments(1)],
    [
        Individual(
            "CL",
            "L/h",
            "clearance",
            13.7,
            cv=0.133,
            between=0.073,
            effect="(WT / 70)**0.75 / (1 + (PMA / 46)**-2.3) * 1.07**GSTA1_RM * 0.88**GSTA1_PM",
        ),
        Individual("V", "L", "volume", 49.57, effect="WT / 70 * (PMA / 320.8)**-0.06", cv=0.07, between=0.096),
    ],
    covariates=[WT, PMA, GSTA1_RM, GSTA1_PM],
    residuals={"C": Proportional(0.074)},
    domain=studied(RESTATED, AGE=(0.1, 20.0), PMA=(45.2, 1080.0)),
    reference=Reference("Nava T et al. Br J Clin Pharmacol 2018;84:1494", doi="10.1111/bcp.13566"),
    checked="One public coding (nlmixr2lib) that cites the paper's tables; not compared with print.",
    errata=[
        "The centring of postmenstrual age at 320.8 weeks was inferred by the coder.",
        "Spreads between occasions are given as CV and taken for the sd of κ.",
    ],
)
