"""Size of the body from weight and height: the descriptors that doses and kidney formulas speak of.

Equations were read as several public codings restate them; the printed papers were not, and the
numbers of their references were not looked up (*unverified*).
All are for adults unless it is said otherwise; height is in cm and weight in kg everywhere.
"""

import math
from typing import Literal

from pollux.errors import OutsideDomain, RefusedInput

Sex = Literal["female", "male"]


def check_weight(weight: float) -> None:
    """Refuse a weight that no living person has."""
    _check("weight", weight, 0.2, 700, "kg")


def check_height(height: float) -> None:
    """Refuse a height that no living person has."""
    _check("height", height, 15, 280, "cm")


def _check(name: str, value: float, low: float, high: float, unit: str) -> None:
    if not (math.isfinite(value) and low <= value <= high):
        raise RefusedInput(f"the {name} cannot be", where=name, advice=f"Give it in {unit}, {low:g} to {high:g}.")


def check_sex(sex: str) -> Sex:
    """Female or male, as the equations know them; anything else is refused and never guessed."""
    if sex == "female":
        return "female"
    if sex == "male":
        return "male"
    raise OutsideDomain(
        "the equation has coefficients for female and male only",
        where="sex",
        advice="State the sex at birth, or measure the clearance.",
    )


def body_mass_index(weight: float, height: float) -> float:
    """Body mass index [kg/m²]: weight / height².

    >>> round(body_mass_index(70, 175), 1)
    22.9
    """
    check_weight(weight)
    check_height(height)
    return weight / (height / 100) ** 2


def surface_mosteller(weight: float, height: float) -> float:
    """Body surface area [m²]: √(height × weight / 3600), any age (Mosteller 1987, PMID 3657876).

    >>> round(surface_mosteller(70, 175), 3)
    1.845
    """
    check_weight(weight)
    check_height(height)
    return math.sqrt(height * weight / 3600)


def surface_du_bois(weight: float, height: float) -> float:
    """Body surface area [m²]: 0.007184 × weight^0.425 × height^0.725.

    Du Bois and Du Bois 1916, doi:10.1001/archinte.1916.00080130010002.

    >>> round(surface_du_bois(70, 175), 3)
    1.848
    """
    check_weight(weight)
    check_height(height)
    return float(0.007184 * weight**0.425 * height**0.725)


def ideal_weight(height: float, sex: str) -> float:
    """Ideal weight of an adult [kg]: 50 (men) or 45.5 (women) + 2.3 for every inch above 60 (Devine 1974).

    Raises `OutsideDomain` below 152.4 cm, where the equation was never meant to be used.

    >>> round(ideal_weight(175, "male"), 1)
    70.5
    """
    check_height(height)
    if height < 152.4:
        raise OutsideDomain("the ideal weight is defined from 152.4 cm on", where="height", advice="Use actual weight.")
    return (50.0 if check_sex(sex) == "male" else 45.5) + 2.3 * (height / 2.54 - 60)


def adjusted_weight(weight: float, height: float, sex: str) -> float:
    """Weight for dosing in obesity [kg]: ideal + 0.4 × (actual - ideal); the actual weight where that is the smaller.

    >>> round(adjusted_weight(120, 175, "male"), 1)
    90.3
    """
    check_weight(weight)
    check_height(height)
    ideal = ideal_weight(height, sex)
    return ideal + 0.4 * (weight - ideal) if weight > ideal else weight


def lean_weight(weight: float, height: float, sex: str) -> float:
    """Fat-free weight of an adult [kg] (Janmahasatian 2005, doi:10.2165/00003088-200544100-00004).

    9270 × weight / (6680 + 216 × BMI) for men, 9270 × weight / (8780 + 244 × BMI) for women.
    Raises `OutsideDomain` for a body so thin that the equation exceeds its weight.

    >>> round(lean_weight(120, 175, "male"), 1)
    73.5
    """
    bmi = body_mass_index(weight, height)
    lean = 9270 * weight / (6680 + 216 * bmi if check_sex(sex) == "male" else 8780 + 244 * bmi)
    if lean > weight:
        raise OutsideDomain("the equation gives more than the whole body", where="weight", advice="Use actual weight.")
    return lean
