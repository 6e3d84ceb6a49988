"""Intravenous busulfan in children and adults (McCune et al. 2014)."""

from pollux.equations import Combined, Reference
from pollux.models.drugs.covariate import AGE, HT, SEX, WT
from pollux.models.drugs.disposition import compartments
from pollux.models.drugs.drug import Individual, drug

BUSULFAN_MCCUNE_2014 = drug(
    "busulfan-mccune-2014",
    "Busulfan, intravenous, children and adults",
    [compartments(2, unit="ug/L", factor=1000.0)],
    [
        Individual(
            "CL",
            "L/h",
            "clearance",
            11.4,
            effect="((FFM + 0.509 * FAT) / 70)**0.75 * MAT * TIME",
            variance=0.0459,
            between=0.113,
        ),
        Individual("V1", "L", "central volume", 13.9, effect="SIZE", variance=0.152, between=0.224),
        Individual("Q", "L/h", "exchange", 135.2, effect="((FFM + 0.509 * FAT) / 70)**0.75", variance=0.814),
        Individual("V2", "L", "peripheral volume", 29.9, effect="SIZE", variance=0.00932),
    ],
    covariates=[WT, HT, AGE, SEX],
    derived={
        "H2": "(HT / 100)**2",
        "FFM": "where(SEX == 1, 42.92, 37.99) * H2 * WT / (where(SEX == 1, 30.93, 35.98) * H2 + WT)",
        "FAT": "WT - FFM",
        "MAT": "1 / (1 + ((AGE * 52.1775 + 40) / 45.7)**-2.3)",
        "SIZE": "(FFM + 0.203 * FAT) / 70 * where(SEX == 1, 1, 1.07)",
        "TIME": "where(t > 36, 0.919, where(t > 6, 0.932, 1))",
    },
    covariances={
        ("CL", "V1"): 0.0172,
        ("CL", "Q"): 0.0681,
        ("V1", "Q"): 0.097,
        ("CL", "V2"): 0.0115,
        ("V1", "V2"): -0.00924,
        ("Q", "V2"): 0.069,
    },
    residuals={"C": Combined(27.0, 0.0387)},
    reference=Reference(
        "McCune JS et al. Clin Cancer Res 2014;20:754", doi="10.1158/1078-0432.CCR-13-1960", pmid="24218510"
    ),
    checked="One public coding (PKPDsim, MIT); not compared with print.",
    errata=[
        "A man of 70 kg and 176 cm has 10.6 L/h here; the abstract speaks of 12.4 L/h. Size may be centred at "
        "62 kg of normal fat mass, or the coding's 11.4 to be 12.4 · 0.919: not resolved.",
        "Time falls are counted from the start of the regimen (the coding counts them from a covariate).",
        "Spreads between occasions are given as CV and taken for the sd of κ.",
    ],
)
