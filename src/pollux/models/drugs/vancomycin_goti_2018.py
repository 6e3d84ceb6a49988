"""Vancomycin in adults with and without haemodialysis (Goti et al. 2018)."""

from pollux.equations import Combined, Reference
from pollux.models.drugs.covariate import CRCL, HD, RESTATED, WT, studied
from pollux.models.drugs.disposition import compartments
from pollux.models.drugs.drug import Individual, drug

VANCOMYCIN_GOTI_2018 = drug(
    "vancomycin-goti-2018",
    "Vancomycin, adults with and without haemodialysis",
    [compartments(2)],
    [
        Individual("CL", "L/h", "clearance", 4.5, effect="(CRCL / 120)**0.8 * 0.7**HD", variance=0.147),
        Individual("V1", "L", "central volume", 58.4, effect="WT / 70 * 0.5**HD", variance=0.510),
        Individual("V2", "L", "peripheral volume", 38.4, variance=0.282),
        Individual("Q", "L/h", "exchange", 6.5),
    ],
    covariates=[WT, CRCL, HD],
    residuals={"C": Combined(3.4, 0.227, sum="sd")},
    domain=studied(RESTATED, AGE=(17.0, 101.0), WT=(33.0, 255.0), CRCL=(4.0, 150.0)),
    reference=Reference(
        "Goti V et al. Ther Drug Monit 2018;40:212", doi="10.1097/FTD.0000000000000490", pmid="29470227"
    ),
    checked="Three public codings (nlmixr2lib, posologyr, PKPDsim) agree on typical values; not compared with print.",
    errata=[
        "Peripheral volume: posologyr and PKPDsim do not scale it by weight, nlmixr2lib does. Not scaled here.",
        "ω²: PKPDsim takes CV² (0.158, 0.666, 0.326), the others ln(1 + CV²). The latter are used.",
        "Residual error: posologyr adds the two sds (used here); PKPDsim lowers them to 1.42 mg/L and 19.7 %.",
        "CRCL is to be capped at 150 mL/min, and creatinine below 1 mg/dL counts as 1 above age 65 (erratum, PMID "
        "31306395; the paper says 60). Whoever computes the covariate has to do this.",
    ],
)
