"""Infliximab in ulcerative colitis (Fasanmade et al. 2009)."""

from pollux.equations import Combined, Reference
from pollux.models.drugs.covariate import ADA, ALB, RESTATED, SEX, WT, studied
from pollux.models.drugs.disposition import compartments
from pollux.models.drugs.drug import Individual, drug

INFLIXIMAB_FASANMADE_2009 = drug(
    "infliximab-fasanmade-2009",
    "Infliximab, ulcerative colitis",
    [compartments(2, time="d")],
    [
        Individual(
            "CL",
            "L/d",
            "clearance",
            0.407,
            variance=0.131,
            effect="(ALB / 4.1)**-1.54 * (1 + 0.471 * ADA) * (1 - 0.236 * (1 - SEX))",
        ),
        Individual(
            "V1", "L", "central volume", 3.29, effect="(WT / 77)**0.538 * (1 - 0.137 * (1 - SEX))", variance=0.048
        ),
        Individual("V2", "L", "peripheral volume", 4.13),
        Individual("Q", "L/d", "exchange", 7.14),
    ],
    covariates=[WT, ALB, ADA, SEX],
    residuals={"C": Combined(0.0413, 0.403)},
    domain=studied(RESTATED, AGE=(18.0, 75.0), WT=(36.0, 159.0)),
    reference=Reference("Fasanmade AA et al. Eur J Clin Pharmacol 2009;65:1211", doi="10.1007/s00228-009-0718-4"),
    checked="One public coding (nlmixr2lib) that cites the paper's tables; not compared with print.",
    errata=["σ² = a² + b²f²: Pollux's reading."],
    time_unit="d",
)
