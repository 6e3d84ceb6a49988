"""Several statements about one person, put together."""

from collections.abc import Sequence

import msgspec

from pollux.record.event import Person


def merged(stated: Sequence[Person]) -> Person:
    """Of each field what was stated last; an empty statement ("", UTC, not synthetic) takes nothing back.

    >>> whole = merged([Person("p1", birth_date="1964", timezone="Europe/Berlin"), Person("p1", gender="female")])
    >>> whole.birth_date, whole.gender, whole.timezone
    ('1964', 'female', 'Europe/Berlin')
    """
    whole = stated[0]
    for statement in stated[1:]:
        empty = Person(whole.id)
        said = {
            name: getattr(statement, name)
            for name in Person.__struct_fields__
            if getattr(statement, name) != getattr(empty, name)
        }
        whole = msgspec.structs.replace(whole, **said)
    return whole
