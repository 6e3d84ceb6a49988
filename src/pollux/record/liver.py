"""How well the liver works: the Child-Pugh class and the albumin-bilirubin (ALBI) grade.

Child-Pugh: Pugh et al. 1973, doi:10.1002/bjs.1800600817, with the INR in place of the prothrombin time as it is used
today. ALBI: Johnson et al. 2015, doi:10.1200/JCO.2014.57.9151. Both were read as several public codings restate them;
the printed papers were not,
and the numbers of their references were not looked up (*unverified*).
"""

import math
from datetime import datetime, timedelta
from typing import Literal

import msgspec

from pollux.errors import RefusedInput
from pollux.record.record import Record

Ascites = Literal["none", "mild", "moderate or severe"]
Encephalopathy = Literal["none", "grade 1-2", "grade 3-4"]
_HOLDS = timedelta(days=90)  # our own choice, as for creatinine
_UMOL_PER_MG = 17.1  # 1 mg/dL of bilirubin [µmol/L], from 584.67 g/mol
_ASCITES = ("none", "mild", "moderate or severe")
_ENCEPHALOPATHY = ("none", "grade 1-2", "grade 3-4")


class ChildPugh(msgspec.Struct, frozen=True):
    """Points (5 to 15) and class (A, B, C)."""

    points: int
    grade: Literal["A", "B", "C"]


class Liver(msgspec.Struct, frozen=True):
    """The liver's state as far as a record allows; `reasons` say what is missing and `used` names the observations."""

    child_pugh: ChildPugh | None
    albi: float | None
    reasons: tuple[str, ...] = ()
    used: tuple[str, ...] = ()


def child_pugh(bilirubin: float, albumin: float, inr: float, ascites: str, encephalopathy: str) -> ChildPugh:
    """Child-Pugh of an adult with chronic liver disease: bilirubin [mg/dL], albumin [g/dL], INR, and two findings.

    >>> child_pugh(2.5, 3.0, 1.9, "mild", "none")
    ChildPugh(points=9, grade='B')
    """
    for name, value in (("bilirubin", bilirubin), ("albumin", albumin), ("INR", inr)):
        if not (math.isfinite(value) and value > 0):
            raise RefusedInput(f"the {name} cannot be", where=name, advice="Give a positive number.")
    for (name, said), known in zip(_findings(ascites, encephalopathy), (_ASCITES, _ENCEPHALOPATHY), strict=True):
        if said not in known:
            raise RefusedInput(f"this is no degree of {name}", where=name, advice=f"Known are: {', '.join(known)}.")
    points = (
        (1 if bilirubin < 2 else 2 if bilirubin <= 3 else 3)
        + (1 if albumin > 3.5 else 2 if albumin >= 2.8 else 3)
        + (1 if inr < 1.7 else 2 if inr <= 2.3 else 3)
        + (1 + _ASCITES.index(ascites))
        + (1 + _ENCEPHALOPATHY.index(encephalopathy))
    )
    return ChildPugh(points, "A" if points <= 6 else "B" if points <= 9 else "C")


def albi(bilirubin: float, albumin: float) -> float:
    """The albumin-bilirubin score: 0.66 × log10(bilirubin [µmol/L]) - 0.085 × albumin [g/L]. Lower is better.

    >>> round(albi(17.1, 40), 2)
    -2.59
    """
    if not (bilirubin > 0 and albumin > 0 and math.isfinite(bilirubin) and math.isfinite(albumin)):
        raise RefusedInput("bilirubin and albumin must be positive", advice="Give them in µmol/L and g/L.")
    return 0.66 * math.log10(bilirubin) - 0.085 * albumin


def albi_grade(score: float) -> Literal[1, 2, 3]:
    """Grade 1 up to -2.60, grade 2 up to -1.39, grade 3 beyond.

    >>> albi_grade(-2.7), albi_grade(-1.39), albi_grade(-1.0)
    (1, 2, 3)
    """
    return 1 if score <= -2.60 else 2 if score <= -1.39 else 3


def liver(record: Record, at: datetime, ascites: str = "", encephalopathy: str = "") -> Liver:
    """What a record says of the liver at a time. Ascites and encephalopathy are findings of an examination: given, or
    Child-Pugh is not worked out; they are never taken to be absent because nobody wrote them down.
    """
    age = record.person.age(at)
    if age is not None and age < 18:
        return Liver(None, None, ("Child-Pugh and ALBI are for adults",))
    values: dict[str, float] = {}
    used: list[str] = []
    reasons = [f"{name}: not stated" for name, said in _findings(ascites, encephalopathy) if not said]
    for name, unit in (("bilirubin", "mg/dL"), ("albumin", "g/dL"), ("inr", "1")):
        event = record.latest(name, at)
        if event is None or at - event.time > _HOLDS:
            reasons.append(f"no {name if name != 'inr' else 'INR'} in the {_HOLDS.days} days before")
            continue
        values[name] = event.number(unit)
        used.append(event.id)
    score = points = None
    if "bilirubin" in values and "albumin" in values:
        score = albi(values["bilirubin"] * _UMOL_PER_MG, values["albumin"] * 10)
    if not reasons:
        points = child_pugh(values["bilirubin"], values["albumin"], values["inr"], ascites, encephalopathy)
    return Liver(points, score, tuple(reasons), tuple(used))


def _findings(ascites: str, encephalopathy: str) -> tuple[tuple[str, str], ...]:
    return ("ascites", ascites), ("encephalopathy", encephalopathy)
