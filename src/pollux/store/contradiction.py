"""Where a device's file and the record differ on who the person is: the record holds, and it is told."""

import unicodedata
from collections.abc import Iterable

from pollux.errors import RefusedInput
from pollux.record.event import Person
from pollux.record.quality import Finding
from pollux.store.chart import Chart
from pollux.store.imports import Importing
from pollux.store.open_chart import OpenChart
from pollux.store.statements import merged

CONTRADICTS = "contradicts the record"
_SEXES = {"female", "male"}


def contradictions(one: Person, other: Person) -> list[str]:
    """In what two statements cannot be of one person, in words; a thing that one of them leaves open is none.

    Birth dates agree where one is a part of the other ("1964", "1964-06-01"). Names contradict each other where the
    family names, or the given names, share no word; an initial stands for its name; case and accents do not count.

    >>> device = Person("p1", birth_date="1950-01-01", family="Mustermann", given="E.")
    >>> contradictions(device, Person("p1", birth_date="1964", family="MUSTERMANN-Roth", given="Erika Maria"))
    ['date of birth']
    """
    found = []
    if not _agree(one.birth_date, other.birth_date):
        found.append("date of birth")
    here, there = _sexes(one), _sexes(other)
    if here and there and here.isdisjoint(there):
        found.append("sex")
    if not (_alike(one.family, other.family) and _alike(one.given, other.given)):
        found.append("name")
    return found


def refuse_contradiction(person: Person, charts: Iterable[OpenChart], importing: Importing | None) -> None:
    """Raise `RefusedInput` where a device says another thing of a person than their record does.

    Where no record says anything, what devices' files said before stands for it.
    """
    all = [one for chart in charts for one in chart.chart.stated]
    stated = [one for one in all if one.by != "device"]
    fields = contradictions(person, merged(stated, person.id)) if stated else []
    against = f"the record of {person.id}"
    advice = (
        "If it is somebody else's, name them: --person ID. If the record is wrong, correct it there. "
        "--insist takes the file as it is; the record still holds."
    )
    if not fields and all:
        fields = contradictions(person, merged(all, person.id))
        against = f"was said of {person.id} before, in it or in another file"
        advice = "If it is somebody else's, name them: --person ID. --insist takes the file as it is."
    if fields:
        where = importing.taking.file if importing else ""
        raise RefusedInput(f"the file says another {_and(fields)} than {against}", where=where, advice=advice)


def _says(person: Person) -> bool:
    return bool(person.birth_date or person.family or person.given or _sexes(person))


def doubts(charts: Iterable[Chart]) -> list[Finding]:
    """What devices' files state of a person against their record, which holds."""
    stated = [one for chart in charts for one in chart.stated]
    known = [one for one in stated if one.by != "device"]
    devices = [one for one in stated if one.by == "device"]
    record = merged(known, known[0].person.id) if known else None
    by_record = record is not None and _says(record)
    whole = record if by_record else merged(devices) if devices else None
    fields = {field: None for one in devices for field in contradictions(one.person, whole)} if whole else {}
    if whole is None or not fields:
        return []
    text = (
        f"a device's file says another {_and(list(fields))} than the record of {whole.id}; the record holds"
        if by_record
        else f"devices' files differ on the {_and(list(fields))} of {whole.id}; the last of them counts"
    )
    return [Finding(CONTRADICTS, "conformance", "flag", text, where=whole.id)]


def _and(fields: list[str]) -> str:
    return " and ".join([", ".join(fields[:-1]), fields[-1]] if len(fields) > 1 else fields)


def _agree(one: str, other: str) -> bool:
    return not one or not other or one.startswith(other) or other.startswith(one)


def _sexes(person: Person) -> set[str]:
    return {person.gender, person.sex_at_birth} & _SEXES


def _alike(one: str, other: str) -> bool:
    """Whether two names may be one: they share a word or, in place of one, its initial."""
    words, others = _words(one), _words(other)
    return not words or not others or any(_same_word(a, b) for a in words for b in others)


def _same_word(one: str, other: str) -> bool:
    short, long = sorted((one, other), key=len)
    return one == other or (len(short) == 1 and long.startswith(short))


def _words(name: str) -> list[str]:
    plain = "".join(sign for sign in unicodedata.normalize("NFKD", name) if not unicodedata.combining(sign))
    return "".join(sign if sign.isalnum() else " " for sign in plain.casefold()).split()
