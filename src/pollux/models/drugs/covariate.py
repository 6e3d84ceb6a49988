"""The covariates that drug models ask for, each said once. They are inputs: they may change in time."""

from pollux.equations import Domain, Input, Range

WT = Input("WT", "kg", "body weight", "body_weight", usual=None)
AGE = Input("AGE", "a", "age", usual=None)
SEX = Input("SEX", "1", "sex: 0 female, 1 male", usual=None)
HT = Input("HT", "cm", "height", "body_height", usual=None)
BSA = Input("BSA", "m2", "body surface area", usual=None)
CRCL = Input("CRCL", "mL/min", "creatinine clearance (Cockcroft–Gault)", usual=None)
EGFR = Input("EGFR", "mL/min", "estimated glomerular filtration rate", "egfr", usual=None)
SCR = Input("SCR", "mg/dL", "serum creatinine", "creatinine", usual=None)
HD = Input("HD", "1", "1 on haemodialysis", usual=0.0)
ALB = Input("ALB", "g/dL", "serum albumin", usual=None)
ADA = Input("ADA", "1", "1 with antibodies against the drug", usual=0.0)
PMA = Input("PMA", "wk", "postmenstrual age", usual=None)
HCT = Input("HCT", "%", "haematocrit", "haematocrit", usual=None)
PF = Input("PF", "mm[Hg]", "arterial oxygen pressure over inspired fraction", usual=None)
APGR = Input("APGR", "1", "Apgar score", usual=None)
DAILY_DOSE = Input("DAILY_DOSE", "mg", "total daily dose", usual=None)
PROGRAF = Input("PROGRAF", "1", "1 on the immediate-release formulation Prograf", usual=None)
ADULT = Input("ADULT", "1", "1 in adults, 0 in children and adolescents", usual=None)
AMIODARONE = Input("AMIODARONE", "1", "1 with amiodarone", usual=0.0)
INR0 = Input("INR0", "1", "INR before treatment", usual=1.0)
CLI = Input("CLI", "L/h", "clearance known from another analysis", usual=None)
V1I = Input("V1I", "L", "central volume known from another analysis", usual=None)
V2I = Input("V2I", "L", "peripheral volume known from another analysis", usual=None)

# Genes: what is not known must be said, and is not taken for usual. `care/treatment/derived.py` makes them.
CYP2C9_2 = Input("CYP2C9_2", "1", "number of CYP2C9 *2 alleles", "cyp2c9_2_alleles", usual=None)
CYP2C9_3 = Input("CYP2C9_3", "1", "number of CYP2C9 *3 alleles", "cyp2c9_3_alleles", usual=None)
VKORC1_G = Input("VKORC1_G", "1", "number of VKORC1 -1639 G alleles", "vkorc1_g_alleles", usual=None)
CYP2C19_IM = Input("CYP2C19_IM", "1", "1 in CYP2C19 intermediate metabolisers", "cyp2c19_intermediate", usual=None)
CYP2C19_PM = Input("CYP2C19_PM", "1", "1 in CYP2C19 poor metabolisers", "cyp2c19_poor", usual=None)
CYP2C19_LOF = Input(
    "CYP2C19_LOF", "1", "1 with a CYP2C19 loss-of-function allele", "cyp2c19_loss_of_function", usual=None
)
CYP3A5 = Input("CYP3A5", "1", "1 in expressers of CYP3A5", "cyp3a5_expresser", usual=None)
GSTA1_RM = Input("GSTA1_RM", "1", "1 in rapid GSTA1 metabolisers", usual=None)
GSTA1_PM = Input("GSTA1_PM", "1", "1 in poor GSTA1 metabolisers", usual=None)

# Groups of a study, 0 where not said.
BLACK = Input("BLACK", "1", "1 in participants recorded as Black", usual=0.0)
ASIAN = Input("ASIAN", "1", "1 in participants recorded as Asian", usual=0.0)
HISPANIC = Input("HISPANIC", "1", "1 in participants recorded as Hispanic", usual=0.0)
THIGH = Input("THIGH", "1", "1 when injected into the thigh", usual=0.0)
ARM = Input("ARM", "1", "1 when injected into the arm", usual=0.0)
RENAL = Input("RENAL", "1", "renal impairment: 0 none, 1 mild, 2 moderate, 3 severe", usual=0.0)


def studied(source: str, **ranges: tuple[float, float]) -> Domain:
    """The domain of a model: the ranges of the people it was made from, by covariate, and who says so.

    >>> studied("Table 1", WT=(45.0, 116.0)).outside({"WT": 130.0})
    ['WT is 130 kg, outside 45 to 116 kg: the people studied (Table 1)']
    """
    units = {i.name: i.unit for i in globals().values() if isinstance(i, Input)}
    return Domain(
        *(Range(n, low, high, units[n], f"the people studied ({source})") for n, (low, high) in ranges.items())
    )


RESTATED = "as nlmixr2lib restates them, unverified"
