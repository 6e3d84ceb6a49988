"""Oral lithium (Jin et al. 2022)."""

from pollux.equations import Additive, Reference
from pollux.models.drugs.absorption import first_order
from pollux.models.drugs.covariate import CRCL, DAILY_DOSE, RESTATED, WT, studied
from pollux.models.drugs.disposition import compartments
from pollux.models.drugs.drug import Individual, drug

LITHIUM_JIN_2022 = drug(
    "lithium-jin-2022",
    "Lithium, oral",
    [first_order(amount="mmol"), compartments(1, amount="mmol", unit="mmol/L", intravenous=False)],
    [
        Individual("ka", "/h", "absorption", 0.293),
        Individual(
            "CL",
            "L/h",
            "apparent clearance",
            0.909,
            variance=0.027,
            effect="(DAILY_DOSE / 600)**0.354 * (WT / 62)**0.33 * (CRCL / 116)**0.186",
        ),
        Individual("V", "L", "apparent volume", 10.9, variance=0.162),
    ],
    covariates=[WT, CRCL, DAILY_DOSE],
    residuals={"C": Additive(0.148)},
    domain=studied(RESTATED, AGE=(13.0, 77.0), WT=(35.0, 110.0), CRCL=(61.7, 226.0), DAILY_DOSE=(150.0, 1500.0)),
    reference=Reference("Jin ZB et al. Front Pharmacol 2022;13:913935", doi="10.3389/fphar.2022.913935"),
    checked="One public coding (nlmixr2lib) that cites the paper's tables; not compared with print.",
    errata=[
        "Doses are mmol of lithium; DAILY_DOSE is mg of lithium carbonate (2/73.89 mmol each).",
        "The residual 0.0218 was read as a variance by the coder (sd 0.148 mmol/L).",
    ],
)
