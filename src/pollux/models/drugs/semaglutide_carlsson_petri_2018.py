"""Subcutaneous semaglutide (Carlsson Petri et al. 2018)."""

from pollux.equations import Proportional, Reference
from pollux.models.drugs.absorption import first_order
from pollux.models.drugs.covariate import AGE, ARM, ASIAN, BLACK, HISPANIC, RENAL, RESTATED, SEX, THIGH, WT, studied
from pollux.models.drugs.disposition import compartments
from pollux.models.drugs.drug import Individual, drug

SEMAGLUTIDE_CARLSSON_PETRI_2018 = drug(
    "semaglutide-carlsson-petri-2018",
    "Semaglutide, subcutaneous, type 2 diabetes",
    [first_order(name="sc", amount="nmol"), compartments(1, amount="nmol", unit="nmol/L", intravenous=False)],
    [
        Individual("ka", "/h", "absorption", 0.0286),
        Individual(
            "CL", "L/h", "apparent clearance", 0.0478, effect="(WT / 85)**0.774 * WHO * SITE * KIDNEY", cv=0.129
        ),
        Individual("V", "L", "apparent volume", 12.2, cv=0.373),
    ],
    covariates=[WT, SEX, AGE, BLACK, ASIAN, HISPANIC, THIGH, ARM, RENAL],
    derived={
        "OLD": "where(AGE >= 75, 0.961, where(AGE >= 65, 0.988, 1))",
        "WHO": "1.04**SEX * OLD * 0.974**BLACK * 0.989**ASIAN * 1.06**HISPANIC",
        "SITE": "1.04**THIGH * 1.08**ARM",
        "KIDNEY": "where(RENAL == 3, 0.920, where(RENAL == 2, 0.955, where(RENAL == 1, 0.948, 1)))",
    },
    residuals={"C": Proportional(0.238)},
    domain=studied(RESTATED, AGE=(20.0, 86.0), WT=(39.7, 198.3)),
    reference=Reference("Carlsson Petri KC et al. Diabetes Ther 2018;9:1533", doi="10.1007/s13300-018-0458-5"),
    checked="One public coding (nlmixr2lib) that cites the paper's tables; not compared with print.",
    errata=[
        "That the site of injection bears on CL/F, and on V/F not, follows the coding's listing.",
        "CVs are read as ω² = ln(1 + CV²): Pollux's reading.",
    ],
)
