"""What guidelines say of a drug and a person's genes: facts in tables, and their application to what is possible."""

from pollux.care.treatment.guidance.advice import advise
from pollux.care.treatment.guidance.phenoconversion import Conversion, conversion, converted
from pollux.care.treatment.guidance.recommendation import Recommendation, drugs_covered, held_for, recommendations
from pollux.care.treatment.guidance.warfarin import warfarin

__all__ = [
    "Conversion",
    "Recommendation",
    "advise",
    "conversion",
    "converted",
    "drugs_covered",
    "held_for",
    "recommendations",
    "warfarin",
]
