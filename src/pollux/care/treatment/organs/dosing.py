"""What kidneys and liver ask of the doses of a few drugs: rules of labels, each with the formula it is read with.

Labels speak of "creatinine clearance" (Cockcroft-Gault, actual weight) or "eGFR" (CKD-EPI here, our own choice where
the label names no equation). A filtration that abstains leaves the rule unanswered, with its reason.
"""

import csv
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files

import msgspec

from pollux.care.treatment.finding import Action, Finding, Kind, Reference, Severity
from pollux.record.kidney import Filtration
from pollux.record.liver import Liver

_SAYS: dict[str, tuple[Action, Severity]] = {
    "contraindicated": ("avoid", "contraindicated"),
    "avoid": ("avoid", "serious"),
    "dose": ("dose", "moderate"),
}
_APIXABAN = Reference(
    "US labelling", "apixaban: dose in atrial fibrillation", read="public quotation", first_hand=False
)


class Rule(msgspec.Struct, frozen=True):
    """A drug, an organ, the range of the formula's value in its own unit, and what is said there."""

    drug: str
    organ: str
    formula: str
    low: float
    high: float
    says: str
    dose: str
    population: str
    source: Reference


@cache
def rules() -> tuple[Rule, ...]:
    """Every rule held."""
    with files("pollux.care.treatment.organs").joinpath("rules.csv").open(encoding="utf-8") as table:
        return tuple(
            Rule(
                row["drug"], row["organ"], row["formula"], float(row["from"] or "-inf"), float(row["below"] or "inf"),
                row["says"], row["dose"], row["population"],
                Reference(row["body"], row["about"], "", "", row["read"], row["as_of"], False),
            )
            for row in csv.DictReader(table)
        )  # fmt: skip


def kidney_findings(taken: Sequence[str], filtrations: Mapping[str, Filtration]) -> tuple[Finding, ...]:
    """What the filtrations, by formula, mean for the drugs taken; a rule that cannot be answered says why."""
    found: list[Finding] = []
    for name in taken:
        held = [one for one in rules() if one.drug == name and one.organ == "kidney"]
        for formula in dict.fromkeys(one.formula for one in held):
            value = filtrations.get(formula)
            if value is None or value.value is None:
                why = value.reason if value is not None else "not worked out"
                found.append(_open(name, "kidney", formula, why, held[0].source))
                continue
            met = [one for one in held if one.formula == formula and one.low <= value.value < one.high]
            because = f"{formula} {value.value:.0f} {value.unit}"
            found += [_said(one, f"{because}; {value.caution}" if value.caution else because) for one in met]
    return tuple(found)


def liver_findings(taken: Sequence[str], liver: Liver | None) -> tuple[Finding, ...]:
    """What the liver means for the drugs taken. Rules for impairment of any degree count from Child-Pugh B on: class A
    may be a healthy liver, which the class alone does not tell.
    """
    found = []
    for one in (rule for rule in rules() if rule.organ == "liver" and rule.drug in taken):
        if liver is None or liver.child_pugh is None:
            why = "; ".join(liver.reasons) if liver else "not worked out"
            found.append(_open(one.drug, "liver", one.formula, why, one.source))
        elif liver.child_pugh.grade != "A":
            found.append(_said(one, f"Child-Pugh {liver.child_pugh.grade} ({liver.child_pugh.points} points)"))
    return tuple(found)


def apixaban(age: float | None, weight: float | None, creatinine: float | None) -> Finding:
    """Apixaban in atrial fibrillation: 2.5 mg twice a day where two of three hold: 80 years, 60 kg or less, 1.5 mg/dL.

    >>> apixaban(82, 55, 1.0).action
    'dose'
    >>> apixaban(82, None, 1.0).certain
    False
    """
    asked = {
        "80 years or older": None if age is None else age >= 80,
        "60 kg or less": None if weight is None else weight <= 60,
        "creatinine 1.5 mg/dL or more": None if creatinine is None else creatinine >= 1.5,
    }
    held = [name for name, is_so in asked.items() if is_so]
    open_ = [name for name, is_so in asked.items() if is_so is None]
    lower = len(held) >= 2
    undecided = not lower and len(held) + len(open_) >= 2
    action: Action = "dose" if lower else "depends" if undecided else "standard"
    severity: Severity = "moderate" if lower else "minor" if undecided else "information"
    advice = {"dose": "2.5 mg twice a day", "standard": "usual dose"}.get(action, "2.5 mg twice a day if two hold")
    return Finding(
        "kidney", action, severity, ("apixaban",), tuple(held) or ("none of the three is known to hold",), advice,
        population="atrial fibrillation", certain=not undecided,
        unknown=tuple(f"whether {name}" for name in open_) if undecided else (), sources=(_APIXABAN,),
    )  # fmt: skip


def _said(rule: Rule, because: str) -> Finding:
    action, severity = _SAYS[rule.says]
    advice = rule.dose if rule.says == "dose" else ": ".join(part for part in (rule.says, rule.dose) if part)
    return Finding(
        _kind(rule.organ), action, severity, (rule.drug,), (because,), advice, "labelling", rule.population,
        sources=(rule.source,),
    )  # fmt: skip


def _kind(organ: str) -> Kind:
    return "kidney" if organ == "kidney" else "liver"


def _open(drug: str, organ: str, formula: str, why: str, source: Reference) -> Finding:
    return Finding(
        _kind(organ), "none", "minor", (drug,), (f"{formula}: {why}",),
        f"the dose depends on the {organ}, which is not known", certain=False, unknown=(f"{formula}: {why}",),
        sources=(source,),
    )  # fmt: skip
