"""Units by their UCUM code, with exact factors inside one dimension.

Source of codes and factors: the Unified Code for Units of Measure (ucum.org), table of units, compared in the tests
with `ucum-essence.xml`.
"""

from dataclasses import dataclass
from fractions import Fraction
from types import MappingProxyType

from pollux.errors import RefusedInput, UnknownName


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
        },
        "amount concentration": {
            "mol/L": 1,
            "mmol/L": "1/1000",
            "umol/L": "1/1000000",
            "nmol/L": "1/1000000000",
            "pmol/L": "1/1000000000000",
        },
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
        "time": {"s": 1, "min": 60, "h": 3600, "d": 86400, "wk": 604800},
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
        "cell count": {"10*9/L": 1, "10*3/uL": 1, "10*12/L": 1000, "10*6/uL": 1000, "/uL": "1/1000"},
        "score": {"{score}": 1},
        "steps": {"{steps}": 1},
        "filtration": {"mL/min/{1.73_m2}": 1},
    }
    units = {
        code: Unit(code, dimension, Fraction(factor)) for dimension, row in rows.items() for code, factor in row.items()
    }
    units["Cel"] = Unit("Cel", "temperature", Fraction(1))
    units["K"] = Unit("K", "temperature", Fraction(1), Fraction("-273.15"))
    units["[degF]"] = Unit("[degF]", "temperature", Fraction(5, 9), Fraction(-160, 9))
    return units


UNITS = MappingProxyType(_units())

# How devices and people write units that UCUM writes otherwise. Only spellings without a second reading.
SPELLINGS = MappingProxyType({
    "mg/dl": "mg/dL", "mmol/l": "mmol/L", "umol/l": "umol/L", "µmol/L": "umol/L", "μmol/L": "umol/L",
    "units": "U", "unit": "U", "u": "U", "Units": "U", "Unit": "U",
    "IU": "[IU]", "[iU]": "[IU]", "U/hr": "U/h", "u/h": "U/h", "units/h": "U/h", "U/hour": "U/h",
    "grams": "g", "gram": "g", "bpm": "/min", "beats/min": "/min", "beats/minute": "/min", "mmHg": "mm[Hg]",
    "lb": "[lb_av]", "lbs": "[lb_av]", "in": "[in_i]", "°C": "Cel", "C": "Cel", "degC": "Cel", "°F": "[degF]",
    "kg/m^2": "kg/m2", "minutes": "min", "hours": "h", "steps": "{steps}", "score": "{score}",
    "{INR}": "1",
})  # fmt: skip


def unit(code: str) -> Unit:
    """The unit of a UCUM code or of a common spelling.

    >>> unit("mg/dl").code
    'mg/dL'
    """
    found = UNITS.get(SPELLINGS.get(code, code))
    if found is None:
        raise UnknownName(f"the unit {code[:40]!r} is not known here", advice=f"Known are: {', '.join(sorted(UNITS))}.")
    return found


def convert_value(value: float, source: str, target: str, molar_mass: float | None = None) -> float:
    """Convert between two units of one dimension, or between mass and amount concentration.

    amount [mol/L] = mass [g/L] / molar mass [g/mol].

    Raises `RefusedInput` when the dimensions differ and no molar mass joins them.

    >>> convert_value(100.0, "mg/dL", "mmol/L", molar_mass=180.156)
    5.550744909966918
    """
    if source == target and source in UNITS:
        return value
    a, b = unit(source), unit(target)
    scale = a.factor / b.factor
    if a.dimension != b.dimension:
        pair = (a.dimension, b.dimension)
        if molar_mass is None or set(pair) != {"mass concentration", "amount concentration"}:
            raise RefusedInput(f"{source} ({a.dimension}) cannot be turned into {target} ({b.dimension})")
        molar = Fraction(str(molar_mass))
        scale = scale / molar if pair[0] == "mass concentration" else scale * molar
    if a.offset or b.offset:
        return float((Fraction(value) * a.factor + a.offset - b.offset) / b.factor)
    return value if scale == 1 else value * float(scale.numerator) / float(scale.denominator)
