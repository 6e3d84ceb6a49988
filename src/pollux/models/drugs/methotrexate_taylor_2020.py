"""High-dose methotrexate (Taylor et al. 2020, the model of MTXPK.org)."""

from pollux.equations import LogNormalError, Reference
from pollux.models.drugs.covariate import BSA, RESTATED, SCR, studied
from pollux.models.drugs.disposition import compartments
from pollux.models.drugs.drug import Individual, drug

METHOTREXATE_TAYLOR_2020 = drug(
    "methotrexate-taylor-2020",
    "Methotrexate, high dose",
    [compartments(3)],
    [
        Individual("CL", "L/h", "clearance", 11.0, effect="BSA / 1.73 * (88.42 * SCR / 29)**-0.247", variance=0.08),
        Individual("V1", "L", "central volume", 16.5, effect="BSA / 1.73"),
        Individual("Q2", "L/h", "exchange, first", 0.602, effect="BSA / 1.73"),
        Individual("V2", "L", "first peripheral volume", 4.55, effect="BSA / 1.73", variance=0.12),
        Individual("Q3", "L/h", "exchange, second", 0.111, effect="BSA / 1.73", variance=0.13),
        Individual("V3", "L", "second peripheral volume", 13.1, effect="BSA / 1.73", variance=0.1),
    ],
    covariates=[BSA, SCR],
    residuals={"C": LogNormalError(0.3)},
    domain=studied(RESTATED, AGE=(1.0, 18.83), BSA=(0.4, 2.31)),
    reference=Reference("Taylor ZL et al. Clin Pharmacol Ther 2020;108:635", doi="10.1002/cpt.1957"),
    checked="One public coding (nlmixr2lib) that cites the paper's tables; not compared with print.",
    errata=[
        "The residual error is of logarithms and its size not reported: 0.3 is Pollux's assumption.",
        "The source counts creatinine in µmol/L around 29; here it is in mg/dL (88.42 µmol/L each).",
    ],
)
