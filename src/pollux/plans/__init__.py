"""Plans: what will be given or done."""

from pollux.plans.plan import Plan, basal, bolus, meal, parse, together
from pollux.plans.regimen import Dose, Regimen, Reset

__all__ = ["Dose", "Plan", "Regimen", "Reset", "basal", "bolus", "meal", "parse", "together"]
