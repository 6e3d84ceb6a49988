"""The whole of it: medications, genes, allergies, kidneys and liver of one person, looked at together."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

import msgspec

from pollux.care.treatment.finding import Finding, Reference, by_severity
from pollux.care.treatment.genes import GeneCall
from pollux.care.treatment.guidance import advise, conversion, held_for, warfarin
from pollux.care.treatment.guidance.advice import converts
from pollux.care.treatment.guidance.phenoconversion import GENE
from pollux.care.treatment.interactions import allergies, duplicates, interactions
from pollux.care.treatment.interactions.allergy import recognised
from pollux.care.treatment.interactions.mechanism import effects
from pollux.care.treatment.medication import Medication, listed, stopped, taken
from pollux.care.treatment.organs import apixaban, kidney_findings, liver_findings
from pollux.record import Code, Event, Record
from pollux.record.examining.flags import CONTESTED
from pollux.record.kidney import Filtration, filtration
from pollux.record.liver import Liver, liver
from pollux.vocabulary import term
from pollux.vocabulary.negation import PERHAPS_STOPPED, none_known, says_no_allergy

_NAMES = Reference("Pollux", "its vocabulary of drugs, in which the name is not")
_OVER = frozenset({"resolved", "inactive"})  # what FHIR says of an allergy that is none any more
_LISTED = 20  # doubts
_CHILDBEARING = (12.0, 55.0)  # ages at which a pregnancy is asked for [years]: our own choice


class Facts(msgspec.Struct, frozen=True):
    """What a record says of a person beside medications and genes. What is None is unknown and never taken for absent.

    `allergies` are the texts of stated allergies, or None for no list; an empty list is as unknown as none, unless
    `no_known_allergies` was stated. `past_allergies` were stated as resolved or inactive: nothing is checked against
    them, and that is said. `doubts` are sentences about what stands and may not be so: its own text speaks against it,
    or a later version does that cannot be used. `pregnancy` is as stated.
    """

    age: float | None = None
    sex: str = ""
    ancestry: str = ""
    allergies: tuple[str, ...] | None = None
    no_known_allergies: bool = False
    past_allergies: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()
    pregnancy: str | None = None
    weight: float | None = None
    creatinine: float | None = None
    filtrations: Mapping[str, Filtration] = msgspec.field(default_factory=dict)
    liver: Liver | None = None


class Review(msgspec.Struct, frozen=True):
    """Findings, the gravest first, and in plain words what was not known and what was not covered.

    `silent` are the drugs of which no genetic guidance is held: that nothing is said of them says nothing.
    """

    findings: tuple[Finding, ...]
    medications: tuple[Medication, ...]
    unknown: tuple[str, ...]
    silent: tuple[str, ...]

    def of(self, drug: str) -> tuple[Finding, ...]:
        """The findings that speak of a drug."""
        return tuple(one for one in self.findings if drug in one.drugs)


def review(
    medications: Sequence[Medication] | None,
    calls: Iterable[GeneCall],
    facts: Facts | None = None,
    *,
    at: datetime | None = None,
) -> Review:
    """Look at everything together. `medications` None means that there is no list, which is not an empty one.

    `at` is the moment of looking; without it a stopped drug's wash-out is not counted.
    """
    known = facts or Facts()
    by_gene = {call.gene: call for call in calls}
    listed_ = tuple(medications or ())
    now = taken(listed_)
    ended = stopped(listed_)
    # A drug does not inhibit its own advice: the guideline's rows for it know what it does.
    beside = {name: conversion([other for other in now if other != name], ended, at) for name in now}
    counted = {
        (name, one.drug, GENE)
        for name in now
        if converts(name, by_gene, beside[name])
        for one in effects()
        if one.enzyme == GENE
    }
    findings = [
        *(f for name in now for f in advise([name], by_gene, age=known.age, inhibitor=beside[name])),
        *((warfarin(by_gene, known.ancestry),) if "warfarin" in now else ()),
        *interactions(now, counted),
        *duplicates(listed_),
        *allergies(now, known.allergies or ()),
        *kidney_findings(now, known.filtrations),
        *liver_findings(now, known.liver),
        *((apixaban(known.age, known.weight, known.creatinine),) if "apixaban" in now else ()),
        *_unrecognised(listed_),
    ]
    silent = tuple(name for name in now if not held_for(name) and name != "warfarin")
    return Review(by_severity(findings), listed_, tuple(_unknown(medications, known)), silent)


def review_record(record: Record, calls: Iterable[GeneCall], at: datetime) -> Review:
    """The review of what a record holds at a time."""
    return review(listed(record, at), calls, facts_of(record, at), at=at)


def facts_of(record: Record, at: datetime) -> Facts:
    """What a record says of a person at a time."""
    listed_ = [event for event in record.of("allergy") if event.time <= at]
    active = [event for event in listed_ if _OVER.isdisjoint(event.flags)]
    stated = allergies_among([(_text(event), _code(event)) for event in active])
    pregnancy = record.latest("pregnancy_status", at)
    weight, creatinine = record.latest("body_weight", at), record.latest("creatinine", at)
    said = pregnancy.value if pregnancy else None
    return Facts(
        age=record.person.age(at),
        sex=record.person.sex_at_birth,
        ancestry=record.person.ancestry,
        allergies=stated[0],
        no_known_allergies=stated[1],
        past_allergies=tuple(_text(event) for event in listed_ if not _OVER.isdisjoint(event.flags)),
        doubts=(*stated[2], *_doubts(record, at)),
        pregnancy=None if said is None else said.display or said.code if isinstance(said, Code) else str(said),
        weight=weight.number("kg") if weight else None,
        creatinine=creatinine.number("mg/dL") if creatinine else None,
        filtrations={name: filtration(record, at, name) for name in ("Cockcroft-Gault", "CKD-EPI 2021")},
        liver=liver(record, at),
    )


def _text(event: Event) -> str:
    """What is stated in a coded event, in words."""
    return event.value.display or event.value.code if isinstance(event.value, Code) else str(event.value)


def _in_words(event: Event) -> str:
    said = f"{event.value:g} {event.unit}" if isinstance(event.value, float) else _text(event)
    return f"{term(event.quantity).label.lower()} {said}"


def _code(event: Event) -> str:
    return event.value.code if isinstance(event.value, Code) else ""


def _doubts(record: Record, at: datetime) -> Iterator[str]:
    """What stands and may not be so."""
    for event in record.current:
        if event.time > at:
            continue
        if CONTESTED in event.flags:
            yield (f"{_in_words(event)} stands in doubt: a later version of it cannot be used; it counts as it stood "
                   "before")  # fmt: skip
        if PERHAPS_STOPPED in event.flags:
            yield f"whether {_text(event)} is taken is unknown: its text speaks of stopping; it counts as taken"


def allergies_among(stated: Iterable[tuple[str, str]]) -> tuple[tuple[str, ...] | None, bool, list[str]]:
    """Of texts and codes that stand among allergies: those that are some, whether there are none, what is in doubt.

    >>> allergies_among([("no known allergy to codeine", "")])[:2]
    ((), False)
    """
    none = {text or code: none_known(text, code) for text, code in stated}
    denied = [text for text, what in none.items() if not what and says_no_allergy(text)]
    texts = tuple(text for text, what in none.items() if not what and text not in denied)
    doubts = [
        f"{one!r} stands among the allergies and says that it is none: nothing was checked for it" for one in denied
    ]
    return texts if none else None, not texts and any(what in ("any", "drug") for what in none.values()), doubts


def _unrecognised(medications: Sequence[Medication]) -> list[Finding]:
    return [
        Finding(
            "not recognised", "none", "minor", (one.said,), ("not a name or code that is known here",),
            "not recognised: nothing was checked for it", certain=False, unknown=("what it is",), sources=(_NAMES,),
        )
        for one in medications
        if not one.drugs and one.stopped is None
    ]  # fmt: skip


def _unknown(medications: Sequence[Medication] | None, facts: Facts) -> list[str]:
    found = []
    if not medications:
        found.append(f"medications are unknown: {'there is no list' if medications is None else 'the list is empty'}")
    if not facts.allergies and not facts.no_known_allergies:
        found.append(f"allergies are unknown: {'there is no list' if facts.allergies is None else 'the list is empty'}")
    found += [f"the allergy to {text!r} is not recognised" for text in facts.allergies or () if not recognised(text)]
    found += [f"the allergy to {text!r} is stated as over; nothing was checked for it" for text in facts.past_allergies]
    found += facts.doubts[:_LISTED]
    if more := len(facts.doubts[_LISTED:]):
        found.append(f"{more} more stand in doubt: see `pollux quality`")
    low, high = _CHILDBEARING
    if facts.pregnancy is None and facts.sex != "male" and (facts.age is None or low <= facts.age <= high):
        found.append("whether there is a pregnancy is unknown; no rule here was made for one")
    if facts.age is None:
        found.append("the age is unknown: advice for adults and for children is both shown")
    elif facts.age < 18:
        found.append("the person is a child: interactions, labels and formulas here are for adults unless they say so")
    return found
