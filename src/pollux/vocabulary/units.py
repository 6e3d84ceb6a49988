"""Units by their UCUM code, with exact factors inside one dimension.

Source of codes and factors: the Unified Code for Units of Measure (ucum.org), table of units, compared in the tests
with `ucum-essence.xml`.
"""

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from types import MappingProxyType

from pollux.errors import RefusedInput, UnknownName
from pollux.vocabulary.spellings import SPELLINGS, quoted_unit, spelled


@dataclass(frozen=True)
class Unit:
    """A UCUM unit: `value in base = value × factor + offset`, where the base is the dimension's own."""

    code: str
    dimension: str
    factor: Fraction
    offset: Fraction = Fraction(0)


def _units() -> dict[str, Unit]:
    rows: dict[str, dict[str, str | int]] = {
        "mass concentration": {
            "g/L": 1,
            "mg/dL": "1/100",
            "g/dL": 10,
            "mg/L": "1/1000",
            "ug/L": "1/1000000",
            "ng/mL": "1/1000000",
            "ug/mL": "1/1000",
            "mg/mL": 1,
            "ug/dL": "1/100000",
            "ng/dL": "1/100000000",
            "ng/L": "1/1000000000",
            "pg/mL": "1/1000000000",
        },
        "amount concentration": {
            "mol/L": 1,
            "mmol/L": "1/1000",
            "umol/L": "1/1000000",
            "nmol/L": "1/1000000000",
            "pmol/L": "1/1000000000000",
        },
        "equivalent concentration": {"eq/L": 1, "meq/L": "1/1000", "ueq/L": "1/1000000"},
        "mass": {
            "g": 1,
            "kg": 1000,
            "mg": "1/1000",
            "ug": "1/1000000",
            "[lb_av]": "45359237/100000",
            "[oz_av]": "45359237/1600000",
            "pg": "1/1000000000000",
            "ng": "1/1000000000",
        },
        "length": {"m": 1, "cm": "1/100", "mm": "1/1000", "[in_i]": "254/10000", "[ft_i]": "3048/10000"},
        "volume": {"L": 1, "dL": "1/10", "mL": "1/1000", "uL": "1/1000000", "fL": "1/1000000000000000"},
        "insulin dose": {"U": 1, "[IU]": 1, "mU": "1/1000"},
        "insulin rate": {"U/h": 1, "[IU]/h": 1, "mU/min": "60/1000", "U/min": 60, "U/d": "1/24"},
        "rate": {"/min": 1, "/s": 60, "/h": "1/60", "{beats}/min": 1},
        "time": {"s": 1, "ms": "1/1000", "min": 60, "h": 3600, "d": 86400, "wk": 604800},
        "pressure": {
            "mm[Hg]": "133322/1000",
            "kPa": 1000,
            "Pa": 1,
            "m[H2O]": "980665/100",
            "cm[H2O]": "980665/10000",
        },
        "fraction": {"%": "1/100", "1": 1},
        "amount fraction": {
            "mmol/mol": 1
        },  # of one molecule among others; no share of mass or number without saying which
        "body mass index": {"kg/m2": 1},
        "cell count": {
            "10*9/L": 1,
            "10*3/uL": 1,
            "10*12/L": 1000,
            "10*6/uL": 1000,
            "/uL": "1/1000",
            "10*6/L": "1/1000",
            "/nL": 1,
            "/pL": 1000,
        },
        "copies": {"{copies}/mL": 1},
        "per field of view": {"/[HPF]": 1},
        # An enzyme's unit (1 umol/min) and an international unit are one thing in a laboratory's report.
        "activity concentration": {
            "U/L": 1,
            "[IU]/L": 1,
            "mU/L": "1/1000",
            "m[IU]/L": "1/1000",
            "u[IU]/mL": "1/1000",
            "mU/mL": 1,
            "m[IU]/mL": 1,
            "kU/L": 1000,
            "k[IU]/L": 1000,
            "U/mL": 1000,
            "[IU]/mL": 1000,
            "ukat/L": 60,
        },
        "mass ratio": {"mg/g": 1, "ug/mg": 1},
        "mass for amount": {"mg/mmol": 1},  # of two different molecules
        "score": {"{score}": 1, "{T-score}": 1},
        "steps": {"{steps}": 1},
        "acidity": {"[pH]": 1},
        "filtration": {"mL/min/{1.73_m2}": 1},
        "flow": {"mL/min": 1, "L/min": 1000, "mL/s": 60},
        "sedimentation": {"mm/h": 1},
        "osmolality": {"mosm/kg": 1},
        "area": {"m2": 1, "cm2": "1/10000"},
        "area density": {"g/cm2": 1},
        "angle": {"deg": 1},
        "visual acuity": {"{logmar}": 1},
    }
    units = {
        code: Unit(code, dimension, Fraction(factor)) for dimension, row in rows.items() for code, factor in row.items()
    }
    units["Cel"] = Unit("Cel", "temperature", Fraction(1))
    units["K"] = Unit("K", "temperature", Fraction(1), Fraction("-273.15"))
    units["[degF]"] = Unit("[degF]", "temperature", Fraction(5, 9), Fraction(-160, 9))
    return units


UNITS = MappingProxyType(_units())


@lru_cache(maxsize=4096)
def unit(code: str) -> Unit:
    """The unit of a UCUM code or of a spelling that has one reading (`spellings`).

    >>> unit("mg/dl").code, unit("K/uL").code
    ('mg/dL', '10*3/uL')
    """
    found = UNITS.get(code) or UNITS.get(SPELLINGS.get(code, "")) or UNITS.get(spelled(code))
    if found is None:
        raise UnknownName(f"the unit {code[:40]!r} is not known here", advice=f"Known are: {', '.join(sorted(UNITS))}.")
    return found


def unit_named(text: str) -> str:
    """A unit as a finding may name it: what was written is quoted where it looks like a unit.

    >>> unit_named("mg/dl"), unit_named("mg%"), unit_named("")
    ('mg/dL', "an unknown unit 'mg%'", 'no unit')
    """
    try:
        return unit(text).code
    except UnknownName:
        return f"an unknown unit{quoted_unit(text)}" if text else "no unit"


def convert_value(
    value: float, source: str, target: str, molar_mass: float | None = None, charge: int | None = None
) -> float:
    """Convert between two units of one dimension, or between concentrations of mass, amount and equivalents.

    amount [mol/L] = mass [g/L] / molar mass [g/mol] = equivalents [eq/L] / charge. UCUM's table has `eq` as an amount
    of substance; that an equivalent of an ion is a mole of its charges is usage (no source was read: *unverified*).

    Raises `RefusedInput` when the dimensions differ and no molar mass or charge joins them.

    >>> convert_value(100.0, "mg/dL", "mmol/L", molar_mass=180.156)
    5.550744909966918
    """
    if source == target and source in UNITS:
        return value
    a, b = unit(source), unit(target)
    scale = a.factor / b.factor
    if a.dimension != b.dimension:
        ways = {
            "amount concentration": Fraction(1),
            "mass concentration": Fraction(str(molar_mass)) if molar_mass else None,
            "equivalent concentration": Fraction(charge) if charge else None,
        }  # how much of each is one mole
        ours, theirs = ways.get(a.dimension), ways.get(b.dimension)
        if ours is None or theirs is None:
            raise RefusedInput(f"{source} ({a.dimension}) cannot be turned into {target} ({b.dimension})")
        scale = scale * theirs / ours
    if a.offset or b.offset:
        return float((Fraction(value) * a.factor + a.offset - b.offset) / b.factor)
    return value if scale == 1 else value * float(scale.numerator) / float(scale.denominator)
