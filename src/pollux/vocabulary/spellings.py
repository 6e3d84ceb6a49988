"""How devices, laboratories and people write units that UCUM writes otherwise: only spellings with one reading.

A spelling is taken apart into what is counted and what it is in (`thou/uL`, `10^9 / l`, `beats per minute`), and each
part is looked up. Case is looked over where the other reading is absurd (`MG/DL`, `k/ul`), and never where it is not:
`M/uL` are millions, `m/uL` may be anything; `G/L` is giga or gram; `mg%` is of a volume or of a mass. Those, and
whatever is in no table here, are no unit, and whoever asked says so.
"""

import re
import unicodedata
from types import MappingProxyType

# What is written whole, as it stands.
SPELLINGS = MappingProxyType({
    "mg/dl": "mg/dL", "mmol/l": "mmol/L", "umol/l": "umol/L", "µmol/L": "umol/L", "μmol/L": "umol/L",
    "units": "U", "unit": "U", "u": "U", "Units": "U", "Unit": "U",
    "IU": "[IU]", "[iU]": "[IU]", "U/hr": "U/h", "u/h": "U/h", "units/h": "U/h", "U/hour": "U/h",
    "grams": "g", "gram": "g", "bpm": "/min", "beats/min": "/min", "beats/minute": "/min", "mmHg": "mm[Hg]",
    "lb": "[lb_av]", "lbs": "[lb_av]", "in": "[in_i]", "°C": "Cel", "C": "Cel", "degC": "Cel", "°F": "[degF]",
    "kg/m^2": "kg/m2", "minutes": "min", "hours": "h", "steps": "{steps}", "score": "{score}",
    "{INR}": "1", "{SG}": "1", "{nominal}": "1", "{ratio}": "1", "{index}": "1", "{#}": "{score}",
    "M/uL": "10*6/uL", "M/ul": "10*6/uL", "M/mcL": "10*6/uL", "M/mm3": "10*6/uL", "M/cumm": "10*6/uL",
    "F": "[degF]", "Gpt/L": "10*9/L", "Tpt/L": "10*12/L", "Gpt/l": "10*9/L", "Tpt/l": "10*12/L",
    "{Beats}/min": "/min", "K/cu mm": "10*3/uL", "um3": "fL",
})  # fmt: skip

# What is written whole, whatever its case, spaces left out.
_WHOLE = MappingProxyType({
    "mmhg": "mm[Hg]", "mm(hg)": "mm[Hg]", "mm[hg]": "mm[Hg]", "millimetersofmercury": "mm[Hg]", "cmh2o": "cm[H2O]",
    "bpm": "/min", "degf": "[degF]", "degreesf": "[degF]", "degreesfahrenheit": "[degF]", "fahrenheit": "[degF]",
    "°f": "[degF]", "[degf]": "[degF]", "degc": "Cel", "degreesc": "Cel", "degreescelsius": "Cel", "celsius": "Cel",
    "°c": "Cel", "cel": "Cel", "ft": "[ft_i]", "foot": "[ft_i]", "feet": "[ft_i]", "[ft_i]": "[ft_i]",
    "in": "[in_i]", "inch": "[in_i]", "l": "L", "dl": "dL", "ml": "mL", "%": "%", "inches": "[in_i]", "[in_i]": "[in_i]", "lbs": "[lb_av]", "pound": "[lb_av]",
    "pounds": "[lb_av]", "[lb_av]": "[lb_av]", "oz": "[oz_av]", "ounce": "[oz_av]", "ounces": "[oz_av]",
    "kg": "kg", "kgs": "kg", "kilogram": "kg", "kilograms": "kg", "cm": "cm", "cms": "cm", "centimeter": "cm",
    "centimeters": "cm", "centimetres": "cm", "meters": "m", "metres": "m", "gm": "g", "gms": "g", "percent": "%",
    "pct": "%", "kg/m2": "kg/m2", "kg/sqm": "kg/m2", "kg/squaremeter": "kg/m2", "fl": "fL", "femtoliters": "fL",
    "pg": "pg", "picograms": "pg", "sec": "s", "secs": "s", "second": "s", "seconds": "s", "msec": "ms", "mins": "min",
    "minute": "min", "hrs": "h", "hour": "h", "days": "d", "ph": "[pH]", "phunits": "[pH]", "points": "{score}",
    "{t-score}": "{T-score}", "{tscore}": "{T-score}", "tscore": "{T-score}", "t-score": "{T-score}",
    "mosm/kg": "mosm/kg", "mosmol/kg": "mosm/kg", "mosm/kgh2o": "mosm/kg", "mosmol/kgh2o": "mosm/kg", "sqm": "m2",
    "g/cm2": "g/cm2", "gm/cm2": "g/cm2", "g/sqcm": "g/cm2", "degrees": "deg",
})  # fmt: skip

_ABOVE = MappingProxyType({
    "mg": "mg", "g": "g", "gm": "g", "gram": "g", "grams": "g", "ug": "ug", "mcg": "ug", "ng": "ng", "pg": "pg",
    "mol": "mol", "mmol": "mmol", "umol": "umol", "mcmol": "umol", "micromol": "umol", "nmol": "nmol", "pmol": "pmol",
    "eq": "eq", "meq": "meq", "ueq": "ueq",
    "u": "U", "unit": "U", "units": "U", "iu": "[IU]", "[iu]": "[IU]", "miu": "m[IU]", "m[iu]": "m[IU]",
    "uiu": "u[IU]", "u[iu]": "u[IU]", "mciu": "u[IU]", "mu": "mU", "ku": "kU", "kiu": "k[IU]", "k[iu]": "k[IU]",
    "ukat": "ukat", "mcu": "u[IU]",
    "10*3": "10*3", "k": "10*3", "thou": "10*3", "thousand": "10*3", "thousands": "10*3", "ths": "10*3",
    "tsd": "10*3", "10*6": "10*6", "million": "10*6", "millions": "10*6", "mio": "10*6", "10*9": "10*9",
    "10*12": "10*12", "cells": "", "cell": "", "#": "", "": "", "copies": "{copies}", "{copies}": "{copies}", "1": "", "1000": "10*3", "x1000": "10*3",
    "beats": "", "breaths": "", "breath": "", "beat": "", "br": "", "resp": "", "respirations": "", "pulses": "",
    "ml": "mL", "l": "L", "mm": "mm", "mosm": "mosm",
})  # fmt: skip

_BELOW = MappingProxyType({
    "dl": "dL", "100ml": "dL", "l": "L", "ml": "mL", "cc": "mL", "ul": "uL", "mcl": "uL", "mm3": "uL", "cumm": "uL", "cmm": "uL",
    "nl": "nL", "pl": "pL", "min": "min", "minute": "min", "h": "h", "hr": "h", "hour": "h", "s": "s", "sec": "s",
    "g": "g", "gcr": "g", "gcreat": "g", "gcreatinine": "g", "mg": "mg", "mgcr": "mg", "mgcreat": "mg",
    "mgcreatinine": "mg", "mmol": "mmol", "mmolcr": "mmol", "mmolcreat": "mmol", "mmolcreatinine": "mmol",
    "hpf": "[HPF]", "[hpf]": "[HPF]", "d": "d", "day": "d",
})  # fmt: skip

# In front of a slash these have two readings, one of which the case would have to tell (milli or mega).
_TWO_READINGS = ("M", "m", "MU", "MIU", "M[IU]", "T")
# What UCUM writes in braces changes no number. A D-dimer in {DDU} is half of one in {FEU}: only what is known is passed over.
_NOTES = re.compile(r"\{(?:creat|creatinine|cre|calc|calculated|cells|beats|breaths|rbc|wbc|blood|plasma|serum|total)\}")
_POWER = re.compile(r"(?:x\s*)?10\s*(?:\*\*|[*^ex]|exp)?\s*\(?\s*(3|6|9|12)\s*\)?")
_SURFACE = re.compile(r"ml\s*/\s*\(?min\s*[/.]\s*[({\[]?\s*1[.,]73\s*[_ .]?(?:m\^?2|sq\.?\s*m|sqm)?\s*[)}\]]*")
_LONGEST = 40
_UNIT = re.compile(r"[A-Za-z0-9%/^*().\[\]{}'#_°²³µμ-]{1,20}(?: [A-Za-z0-9%/^*().\[\]{}'#_°²³µμ-]{1,12}){0,2}")


def spelled(text: str) -> str:
    """The UCUM code that a spelling can only mean; "" where it has none or may have another.

    >>> spelled("x10E3/uL"), spelled("mL/min/1.73m2"), spelled("beats per minute"), spelled("m/uL"), spelled("mg%")
    ('10*3/uL', 'mL/min/{1.73_m2}', '/min', '', '')
    """
    if not text or len(text) > _LONGEST:
        return ""
    plain = unicodedata.normalize("NFKC", text).replace("μ", "u").replace("µ", "u").strip()
    lower = re.sub(r"\s+", " ", plain.casefold())
    lower = re.sub(r"\s*\bper\b\s*", "/", lower)
    if _SURFACE.fullmatch(lower):
        return "mL/min/{1.73_m2}"
    whole = lower.replace(" ", "")
    if whole in _WHOLE:
        return _WHOLE[whole]
    above, slash, below = lower.partition("/")
    counted = plain.partition("/")[0].strip()
    if not slash or counted in _TWO_READINGS or (counted == "G" and below.strip() == "l"):
        return ""
    return _fraction(_counted(above.strip()), re.sub(r"[\s.^]", "", _NOTES.sub("", below)))


def _counted(above: str) -> str:
    """What is counted, without an annotation in braces; a power of ten in UCUM's writing."""
    plain = _NOTES.sub("", above).strip()
    power = re.match(_POWER, plain)
    if power and plain[power.end() :].strip() in ("", "cells", "cell"):
        return f"10*{power.group(1)}"
    return plain


def _fraction(above: str, below: str) -> str:
    if above not in _ABOVE or below not in _BELOW:
        return ""
    return f"{_ABOVE[above]}/{_BELOW[below]}"


def quoted_unit(text: str) -> str:
    """The text in quotation marks with a space before it when it looks like a unit; else nothing.

    >>> quoted_unit("x10(3)/foo"), quoted_unit("as said by Mrs. Miller on the phone")
    (" 'x10(3)/foo'", '')
    """
    return f" '{text}'" if _UNIT.fullmatch(text) else ""
