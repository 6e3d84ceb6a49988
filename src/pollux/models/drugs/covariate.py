"""The covariates that drug models ask for, each said once. They are inputs: they may change in time."""

from pollux.equations import Input

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
