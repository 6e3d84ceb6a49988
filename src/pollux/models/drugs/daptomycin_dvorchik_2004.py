"""Daptomycin (Dvorchik et al. 2004)."""

from pollux.equations import Reference
from pollux.models.drugs.disposition import compartments
from pollux.models.drugs.drug import Individual, drug

DAPTOMYCIN_DVORCHIK_2004 = drug(
    "daptomycin-dvorchik-2004",
    "Daptomycin",
    [compartments(2)],
    [
        Individual("CL", "L/h", "clearance", 0.807),
        Individual("V1", "L", "central volume", 4.8),
        Individual("V2", "L", "peripheral volume", 3.13),
        Individual("Q", "L/h", "exchange", 3.46),
    ],
    residuals={},
    reference=Reference(
        "Dvorchik B et al. 2004, as coded in a test of posologyr", doi="10.1128/AAC.48.8.2799-2807.2004"
    ),
    checked="One public coding, a software test; not compared with print.",
    errata=[
        "Its variances were entered as square roots: no variability is shipped, and no error of measurement is known.",
        "Effects of creatinine clearance, temperature, sex, weight and infection are in the paper and left out: a "
        "man without infection, at 91.2 mL/min, 37.2 °C and 75.1 kg.",
        "So this model simulates; nothing can be learned with it.",
    ],
)
