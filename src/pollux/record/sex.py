"""Which sex a formula is given: the one stated at birth, else the stated gender stands in, and the result says so."""

from pollux.record.event import Person

STAND_IN = "sex at birth is not stated; the stated gender was used"
_SEXES = ("female", "male")


def sex_for_formulas(person: Person) -> tuple[str, str]:
    """Female, male or "" (neither is stated), and what a result that used it has to say.

    >>> sex_for_formulas(Person("p1", sex_at_birth="male", gender="female"))
    ('male', '')
    >>> sex_for_formulas(Person("p1", gender="female"))
    ('female', 'sex at birth is not stated; the stated gender was used')
    >>> sex_for_formulas(Person("p1", gender="other"))
    ('', '')
    """
    if person.sex_at_birth in _SEXES:
        return person.sex_at_birth, ""
    if not person.sex_at_birth and person.gender in _SEXES:
        return person.gender, STAND_IN
    return "", ""
