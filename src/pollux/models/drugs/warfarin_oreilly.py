"""Warfarin and prothrombin complex activity (data of O'Reilly 1963 and 1968)."""

from pollux.equations import Additive, Combined, Reference
from pollux.models.drugs.absorption import transit
from pollux.models.drugs.disposition import compartments
from pollux.models.drugs.drug import Individual, drug
from pollux.models.drugs.response import emax, indirect

WARFARIN_OREILLY = drug(
    "warfarin-oreilly",
    "Warfarin and prothrombin complex activity",
    [
        transit(2, ktr="ktr", ka="ka"),
        compartments(1, intravenous=False),
        indirect(1, emax("Emax", "EC50"), name="PCA", baseline="E0", unit="%"),
    ],
    [
        Individual("ktr", "/h", "transit rate", 1.112),
        Individual("ka", "/h", "absorption", 0.917),
        Individual("CL", "L/h", "clearance", 0.1313),
        Individual("V", "L", "volume", 7.925),
        Individual("Emax", "1", "largest inhibition of production", 0.9677),
        Individual("EC50", "mg/L", "concentration of half effect", 1.0073),
        Individual("kout", "/h", "loss of activity", 0.055),
        Individual("E0", "%", "activity without drug", 96.54),
    ],
    residuals={"C": Combined(0.144, 0.15), "PCA": Additive(3.91)},
    reference=Reference("O'Reilly RA et al. 1963 and 1968, data; fit of the nlmixr project"),
    checked="The fit's values as a public test states them (posologyr); another fit agrees on the kinetics.",
    errata=[
        "That test enters numbers as variances that its own comment calls square roots: no variability is shipped."
    ],
)
