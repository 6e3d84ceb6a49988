"""How devices, laboratories and people write units that UCUM writes otherwise: only spellings with one reading.

A spelling is taken apart into what is counted and what it is in (`thou/uL`, `10^9 / l`, `beats per minute`), and each
part is looked up. Case is looked over where the other reading is absurd (`MG/DL`, `k/ul`), and never where it is not:
`M/uL` are millions, `m/uL` may be anything; `G/L` is giga or gram; `mg%` is of a volume or of a mass. Those, and
whatever is in no table here, are no unit, and whoever asked says so.
"""

import re
import unicodedata
from collections.abc import Mapping
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


def _table(text: str) -> Mapping[str, str]:
    """A line for each code: `code = spelling spelling …`; a hyphen stands for nothing."""
    rows = (line.split(" = ") for line in text.strip().splitlines())
    pairs = ((spelling, code.strip()) for code, spellings in rows for spelling in spellings.split())
    return MappingProxyType({_or_nothing(spelling): _or_nothing(code) for spelling, code in pairs})


def _or_nothing(word: str) -> str:
    return "" if word == "-" else word


# What is written whole, whatever its case, spaces left out.
_WHOLE = _table("""
    mm[Hg] = mmhg mm(hg) mm[hg] millimetersofmercury
    cm[H2O] = cmh2o
    /min = bpm
    [degF] = degf degreesf degreesfahrenheit fahrenheit °f [degf]
    Cel = degc degreesc degreescelsius celsius °c cel
    [ft_i] = ft foot feet [ft_i]
    [in_i] = in inch inches [in_i]
    L = l
    dL = dl
    mL = ml
    % = % percent pct %hb %{hb} %hgb %oftotalhgb %{totalhgb} %oftotalhb
    mmol/mol = mmol/mol mmol/molhb mmol/mol{hb}
    kPa = kpa
    [lb_av] = lb lbs pound pounds [lb_av]
    [oz_av] = oz ounce ounces
    kg = kg kgs kilogram kilograms
    cm = cm cms centimeter centimeters centimetres
    m = meters metres
    g = gm gms
    kg/m2 = kg/m2 kg/sqm kg/squaremeter
    fL = fl femtoliters
    pg = pg picograms
    s = sec secs second seconds
    ms = msec
    min = mins minute
    h = hrs hour
    d = days
    [pH] = ph phunits
    {score} = points
    {T-score} = {t-score} {tscore} tscore t-score
    mosm/kg = mosm/kg mosmol/kg mosm/kgh2o mosmol/kgh2o
    m2 = sqm
    g/cm2 = g/cm2 gm/cm2 g/sqcm
    deg = degrees
""")

# What stands in front of a slash, in small letters: a quantity, or how many things.
_ABOVE = _table("""
    mg = mg
    g = g gm gram grams
    ug = ug mcg
    ng = ng
    pg = pg
    mol = mol
    mmol = mmol
    umol = umol mcmol micromol
    nmol = nmol
    pmol = pmol
    eq = eq
    meq = meq
    ueq = ueq
    U = u unit units
    [IU] = iu [iu] ui
    m[IU] = miu m[iu] mui
    u[IU] = uiu u[iu] mciu mcu uu uui
    mU = mu
    kU = ku
    k[IU] = kiu k[iu]
    ukat = ukat
    10*3 = 10*3 k thou thous thousand thousands ths tsd 1000 x1000
    10*6 = 10*6 million millions mio
    10*9 = 10*9
    10*12 = 10*12
    - = cells cell # - 1 beats breaths breath beat br resp respirations pulses
    {copies} = copies {copies}
    mL = ml
    L = l
    mm = mm
    mosm = mosm
""")

# What stands behind it.
_BELOW = _table("""
    dL = dl 100ml
    L = l
    mL = ml cc
    uL = ul mcl mm3 cumm cmm
    nL = nl
    pL = pl
    min = min minute
    h = h hr hour
    s = s sec
    g = g gcr gcreat gcreatinine
    mg = mg mgcr mgcreat mgcreatinine
    mmol = mmol mmolcr mmolcreat mmolcreatinine
    [HPF] = hpf [hpf]
    d = d day
""")

# In front of a slash these have two readings, one of which the case would have to tell (milli or mega).
_TWO_READINGS = ("M", "m", "MU", "MIU", "M[IU]", "T")
# What UCUM writes in braces changes no number. But a D-dimer in {DDU} is half of one in {FEU}: only these are left out.
_NOTES = re.compile(
    r"\{(?:creat|creatinine|cre|calc|calculated|cells|beats|breaths|rbc|wbc|blood|plasma|serum|total)\}"
)
_POWER = re.compile(r"(?:x\s*)?10(?:\s*(?:\*\*|[*^ex]|exp)\s*|\s+|(?=\())\(?\s*(3|6|9|12)\s*\)?")
_RAISED = str.maketrans({"³": "^3", "⁶": "^6", "⁹": "^9", "¹": "^1", "²": "^2"})
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
    raised = text.translate(_RAISED).replace("^1^2", "^12")
    plain = unicodedata.normalize("NFKC", raised).replace("μ", "u").replace("µ", "u").strip()
    lower = re.sub(r"\s+", " ", plain.casefold())
    lower = re.sub(r"\s*\bper\b\s*", "/", lower)
    if _SURFACE.fullmatch(lower):
        return "mL/min/{1.73_m2}"
    whole = re.sub(r"[ .^]", "", lower)
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
