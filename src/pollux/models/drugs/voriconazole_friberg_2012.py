"""Voriconazole in children, adolescents and adults (Friberg et al. 2012)."""

from pollux.equations import Combined, Reference
from pollux.models.drugs.absorption import first_order
from pollux.models.drugs.covariate import ADULT, AGE, CYP2C19_LOF, RESTATED, WT, studied
from pollux.models.drugs.disposition import compartments, linear, michaelis_menten
from pollux.models.drugs.drug import Individual, drug

VORICONAZOLE_FRIBERG_2012 = drug(
    "voriconazole-friberg-2012",
    "Voriconazole, children to adults, CYP2C19",
    [first_order(lag="tlag", bioavailability="F"), compartments(2, linear(), michaelis_menten())],
    [
        Individual("ka", "/h", "absorption", 1.19, effect="where(ADULT == 1, 100 / 1.19, where(AGE < 12, 1, 0.385))"),
        Individual("tlag", "h", "lag", 0.949, effect="where(ADULT == 1, 1, 0.126)"),
        Individual("F", "1", "bioavailability", 0.6422),
        Individual("CL", "L/h", "linear clearance", 6.16, effect="(WT / 70)**0.75", variance=0.189225),
        Individual(
            "Vmax", "mg/h", "largest saturable elimination", 114.0, effect="(WT / 70)**0.75 * (1 - BLOCK * LATE)"
        ),
        Individual("Km", "mg/L", "concentration of half saturation", 1.15),
        Individual("V1", "L", "central volume", 79.0, effect="WT / 70", variance=0.018496),
        Individual("V2", "L", "peripheral volume", 103.0, effect="WT / 70", variance=0.591361),
        Individual(
            "Q", "L/h", "exchange", 15.5, effect="(WT / 70)**0.75 * where(ADULT == 1, 1, 1.637)", variance=0.179776
        ),
    ],
    covariates=[WT, AGE, ADULT, CYP2C19_LOF],
    derived={
        "LOGIT": "1.5 - 0.390 * where(AGE < 12, 1, 0)",
        "BLOCK": "where(ADULT * CYP2C19_LOF == 1, 1, 1 / (1 + exp(-LOGIT)))",
        "LATE": "maximum(t - 1, 0) / (maximum(t - 1, 0) + 2.41 - 1)",
    },
    residuals={"C": Combined(0.01, 0.3)},
    domain=studied(RESTATED, AGE=(2.0, 55.0), WT=(10.8, 97.0)),
    reference=Reference(
        "Friberg LE et al. Antimicrob Agents Chemother 2012;56:3032", doi="10.1128/AAC.05761-11", pmid="22430956"
    ),
    checked="Two public codings (nlmixr2lib, PKPDsim) agree on typical values; not compared with print.",
    errata=[
        "The effect of −0.382 on Km and Vmax: one coding gives it to one pediatric study, the other to all below 12 "
        "years. It belongs to a study and is left out.",
        "Complete inhibition in carriers of a CYP2C19 loss-of-function allele: adults only in one coding, all in the "
        "other. Adults only here.",
        "Variances of CL, V1, V2 and Q agree in both and are shipped; those of ka, F, Km and Vmax do not.",
        "The variance of CL is that of adults; in children and adolescents the coding multiplies η by 2.70.",
        "The residual is PKPDsim's; the paper's differs by study. F has no Box–Cox term here.",
        "Time-dependent inhibition counts from the start of the regimen, and not before its first hour.",
    ],
)
