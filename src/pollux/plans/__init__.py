"""Plans: what will be given or done."""

from pollux.plans.plan import Plan, basal, bolus, meal, parse, together

__all__ = ["Plan", "basal", "bolus", "meal", "parse", "together"]
