"""What kidneys and liver ask of doses."""

from pollux.care.treatment.organs.dosing import apixaban, kidney_findings, liver_findings

__all__ = ["apixaban", "kidney_findings", "liver_findings"]
