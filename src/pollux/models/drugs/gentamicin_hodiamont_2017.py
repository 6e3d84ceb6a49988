"""Gentamicin in intensive care (Hodiamont et al. 2017)."""

from pollux.equations import Combined, Reference
from pollux.models.drugs.disposition import compartments
from pollux.models.drugs.drug import Individual, drug

GENTAMICIN_HODIAMONT_2017 = drug(
    "gentamicin-hodiamont-2017",
    "Gentamicin, intensive care",
    [compartments(2)],
    [
        Individual("CL", "L/h", "clearance", 2.3, cv=0.75),
        Individual("V1", "L", "central volume", 21.6, cv=0.27),
        Individual("Q", "L/h", "exchange", 1.3),
        Individual("V2", "L", "peripheral volume", 10.2),
    ],
    correlations={("CL", "V1"): 0.21},
    residuals={"C": Combined(0.13, 0.194)},
    reference=Reference("Hodiamont CJ et al. Ther Drug Monit 2017;39:522", doi="10.1097/FTD.0000000000000432"),
    checked="One public coding (nlmixr2lib) that cites the paper's tables; not compared with print.",
    errata=[
        "Variability between occasions is in the paper; the coding leaves it out, and so does this model.",
        "CVs are read as ω² = ln(1 + CV²), the residual as σ² = a² + b²f²: Pollux's readings.",
    ],
)
