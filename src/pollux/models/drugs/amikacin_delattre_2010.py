"""Amikacin in sepsis, first day (Delattre et al. 2010)."""

from pollux.equations import Combined, Reference
from pollux.models.drugs.covariate import CRCL, RESTATED, studied
from pollux.models.drugs.disposition import compartments
from pollux.models.drugs.drug import Individual, drug

AMIKACIN_DELATTRE_2010 = drug(
    "amikacin-delattre-2010",
    "Amikacin, sepsis, first 24 h",
    [compartments(2)],
    [
        Individual("CL0", "L/h", "clearance without kidneys", 0.77),
        Individual("slope", "L/h", "rise of clearance for each 55.5 mL/min", 1.42),
        Individual("CL", "1", "clearance over its typical value", 1.0, effect="CL0 + slope * CRCL / 55.5", cv=0.592),
        Individual("V1", "L", "central volume", 19.2, cv=0.391),
        Individual("V2", "L", "peripheral volume", 9.38, cv=0.436),
        Individual("Q", "L/h", "exchange", 4.38, cv=0.167),
    ],
    covariates=[CRCL],
    residuals={"C": Combined(1.03, 0.268)},
    domain=studied(RESTATED, AGE=(22.0, 89.0), WT=(38.0, 125.0), CRCL=(12.3, 408.3)),
    reference=Reference("Delattre IK et al. 2010 (intensive care, sepsis)", doi="10.1097/FTD.0b013e3181f675c2"),
    checked="One public coding (nlmixr2lib) that cites the paper's tables; not compared with print.",
    errata=[
        "CL = 0.77 + 1.42 · CRCL/55.5: that the clearance is divided was the coder's reading.",
        "CVs are read as ω² = ln(1 + CV²), the residual as σ² = a² + b²f²: Pollux's readings.",
    ],
)
