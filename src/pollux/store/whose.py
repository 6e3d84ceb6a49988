"""Whose something is that comes in: who an identifier names, and who is somebody else under the same id."""

import msgspec

from pollux.record.entry import CREATED, IDENTIFIED, Document, own_id
from pollux.record.event import Person
from pollux.store.contradiction import contradictions
from pollux.store.filing import Filing

ANOTHER = (
    "the patient who is here under this id was born on another day and shares no identifier with it, or has another "
    "gender or name; name the sender (pollux import --sender NAME), whose ids are then kept apart"
)
TAKEN = "it is to be created (POST) under a name that something else here has"


_CONFUSED = {"0": "O", "O": "0", "1": "lI", "l": "1I", "I": "1l"}
_TYPED = 16  # signs of an id that somebody may have typed: longer ones are asked in other cases only


def _alike(id: str) -> list[str]:
    """Ids for which somebody may take this one, or write it."""
    some = [id.lower(), id.upper(), id.swapcase(), id.capitalize()]
    if id.isdigit():
        some += [id.lstrip("0"), *(id.lstrip("0").zfill(width) for width in range(2, 8))]
    for at, sign in enumerate(id if len(id) <= _TYPED else ""):
        some += [id[:at] + other + id[at + 1 :] for other in _CONFUSED.get(sign, "")]
    return [one for one in dict.fromkeys(some) if one and one != id]


class Whose:
    """Knows of one import who is meant by what its entries name.

    A Patient who turned out to be somebody else than the one here is a stranger: what is said of them is nobody's.
    """

    def __init__(self, filing: Filing) -> None:
        self._filing = filing
        self._named: dict[str, str] = {}  # who it is that an identifier names; "" where that is nobody
        self._nobody: dict[str, str] = {}  # and why
        self._strangers: set[str] = set()
        self._mistaken: set[str] = set()
        self._alike: dict[str, str] = {}  # whom an id looks like under which nobody was here before

    def asks(self, name: str) -> bool:
        """Whether a name has to be looked up before it is known who that is."""
        return name.startswith((IDENTIFIED, CREATED)) or name in self._named

    def who(self, name: str) -> str:
        """Who carries an identifier; "" where that is nobody or not one alone, unless they are created on the way."""
        if name not in self._named:
            criterion = name.removeprefix(CREATED).removeprefix(IDENTIFIED)
            found = {whose: None for whose, _ in self._filing.identified("Patient", criterion) if whose}
            if len(found) == 1:
                self._named[name] = next(iter(found))
            elif name.startswith(CREATED) and not found:
                self._named[name] = own_id(name.removeprefix("POST "))
            else:
                self._named[name] = ""
                self._nobody[name] = (
                    f"{len(found) or 'no'} patients carry the identifier by which it names whom it is about"
                )
        return self._named[name]

    def why_nobody(self, name: str) -> str:
        """Why a name is nobody's."""
        return self._nobody.get(name, "")

    def stranger(self, name: str) -> str:
        """Why a patient was not taken in; "" for everybody else."""
        return self._nobody[name] if name in self._strangers else ""

    def looks_like(self, person: str) -> str:
        """Who is here under an id that looks like one under which nobody is; "" for nobody.

        Asked are the ids in other cases, and with one of 0 O, 1 l I in place of another.
        """
        if person not in self._alike:
            here = self._filing.find(person) is not None
            self._alike[person] = "" if here else next((one for one in _alike(person) if self._filing.find(one)), "")
        return self._alike[person]

    def mistake(self, person: str, why: str) -> None:
        """Note that an id may be a mistake: nothing under it is taken, not even as nobody's."""
        self._named[person], self._nobody[person] = "", why
        self._mistaken.add(person)

    def is_mistaken(self, name: str) -> bool:
        """Whether an id may be a mistake."""
        return name in self._mistaken

    def turn_away(self, patient: Document, why: str) -> None:
        """From now on whatever is said of this Patient is nobody's."""
        for name in (patient.id, f"{CREATED}{patient.unless or patient.seeks}"):
            self._named[name], self._nobody[name] = "", f"the patient was not taken in: {why}"
            self._strangers.add(name)

    def look_ahead(self, patient: Document) -> None:
        """Turn a Patient away, who comes later, if they will be refused then."""
        if patient.unless or patient.seeks:
            return  # named by the identifier, which is looked up whenever it is
        why = ANOTHER if self.is_another(patient) else ""
        if (patient.new or why) and not patient.apart:
            earlier = self._filing.versions(patient)
            if earlier is None:  # it is here already, byte for byte
                return
            why = TAKEN if patient.new and earlier else why
        if why:
            self.turn_away(patient, why)

    def is_another(self, patient: Document) -> bool:
        """Whether a Patient is somebody else than the one who is here under the same id.

        So it is where they were born on different days and share no identifier, or, where one of them states none,
        have different genders or names; and where a day of birth is not stated, if both gender and name differ.
        """
        chart = self._filing.find(patient.id)
        known = chart.person if chart else None
        if known is None:
            return False
        family, given = patient.called
        stated = Person(known.id, patient.born, gender=patient.gender, family=family, given=given)
        differs = set(contradictions(stated, msgspec.structs.replace(known, sex_at_birth="")))
        if len({known.gender, patient.gender} - {"", "unknown"}) > 1:  # other than female and male too
            differs.add("sex")
        same_day = bool(known.birth_date and patient.born) and "date of birth" not in differs
        if same_day or not ("date of birth" in differs or {"sex", "name"} <= differs):
            return False
        newest = self._filing.newest(patient)
        if newest and newest.identifiers and patient.identifiers:
            return set(newest.identifiers).isdisjoint(patient.identifiers)
        return bool(differs & {"sex", "name"})
