"""Whose something is that comes in: who an identifier names, and who is somebody else under the same id."""

from pollux.record.entry import CREATED, IDENTIFIED, Document, own_id
from pollux.store.filing import Filing

ANOTHER = (
    "the patient who is here under this id was born on another day and shares no identifier with it, or, where one of "
    "them states none, has another gender; name the sender (pollux import --sender NAME), whose ids are then kept apart"
)
TAKEN = "it is to be created (POST) under a name that something else here has"


class Whose:
    """Knows of one import who is meant by what its entries name.

    A Patient who turned out to be somebody else than the one here is a stranger: what is said of them is nobody's.
    """

    def __init__(self, filing: Filing) -> None:
        self._filing = filing
        self._named: dict[str, str] = {}  # who it is that an identifier names; "" where that is nobody
        self._nobody: dict[str, str] = {}  # and why
        self._strangers: set[str] = set()

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
        have different genders.
        """
        chart = self._filing.find(patient.id)
        known = chart.person if chart else None
        if known is None or not known.birth_date or not patient.born:
            return False
        if known.birth_date.startswith(patient.born) or patient.born.startswith(known.birth_date):
            return False  # one of them may be stated in part
        newest = self._filing.newest(patient)
        if newest and newest.identifiers and patient.identifiers:
            return set(newest.identifiers).isdisjoint(patient.identifiers)
        genders = {known.gender, patient.gender} - {"", "unknown"}
        return len(genders) > 1
