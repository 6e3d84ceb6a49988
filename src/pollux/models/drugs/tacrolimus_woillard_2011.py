"""Oral tacrolimus after kidney transplantation (Woillard et al. 2011)."""

from pollux.equations import Combined, Reference
from pollux.models.drugs.absorption import transit
from pollux.models.drugs.covariate import CYP3A5, HCT, PROGRAF, RESTATED, studied
from pollux.models.drugs.disposition import compartments
from pollux.models.drugs.drug import Individual, drug

TACROLIMUS_WOILLARD_2011 = drug(
    "tacrolimus-woillard-2011",
    "Tacrolimus, oral, kidney transplantation",
    [transit(3, ktr="ktr"), compartments(2, unit="ng/mL", factor=1000.0, intravenous=False)],
    [
        Individual("ktr", "/h", "transit rate", 3.34, effect="1.53**PROGRAF", cv=0.24),
        Individual("CL", "L/h", "apparent clearance", 21.2, effect="(HCT / 35)**-1.14 * 2**CYP3A5", cv=0.28),
        Individual("V1", "L", "apparent central volume", 486.0, effect="0.29**PROGRAF", cv=0.31),
        Individual("Q", "L/h", "apparent exchange", 79.0, cv=0.54),
        Individual("V2", "L", "apparent peripheral volume", 271.0, cv=0.60),
    ],
    covariates=[HCT, CYP3A5, PROGRAF],
    residuals={"C": Combined(0.71, 0.113)},
    domain=studied(RESTATED, AGE=(18.0, 77.0), WT=(45.0, 116.0), HCT=(20.9, 46.6)),
    reference=Reference("Woillard JB et al. Br J Clin Pharmacol 2011;71:391", doi="10.1111/j.1365-2125.2010.03837.x"),
    checked="One public coding (nlmixr2lib) that cites the paper's tables; not compared with print.",
    errata=[
        "Variability between occasions is in the paper; the coding leaves it out, and so does this model.",
        "The paper's discussion gives volumes that disagree with its Table 4; the table was followed by the coding.",
        "CVs are read as ω² = ln(1 + CV²); the residual as σ² = a² + b²f²: Pollux's readings.",
    ],
)
