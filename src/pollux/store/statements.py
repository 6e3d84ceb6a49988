"""Several statements about one person, put together: whoever has the say of a thing, and of equals the last."""

from collections.abc import Iterable, Sequence
from typing import get_args

import msgspec

from pollux.record.entry import Rank
from pollux.record.event import Person
from pollux.store.chart import Statement

_RANKS = get_args(Rank)
_HABITS = ("timezone", "as_of")  # no question of identity: whoever takes a file in says it as well as a record
_EMPTY = {name: getattr(Person(""), name) for name in Person.__struct_fields__[1:]}


def merged(stated: Sequence[Statement], id: str = "") -> Person:
    """Of each field what the weightiest source stated last; an empty statement ("", UTC, not synthetic) says nothing.

    >>> device = Statement("2026-02-01", Person("p1", birth_date="1950", timezone="Europe/Berlin"), "device")
    >>> whole = merged([Statement("2026-01-01", Person("p1", birth_date="2012-05-01")), device])
    >>> whole.birth_date, whole.timezone
    ('2012-05-01', 'Europe/Berlin')
    """
    return Whole(stated, id or stated[0].person.id).person


class Whole:
    """A person as stated so far, to which one statement more can be added without looking at the others again."""

    def __init__(self, stated: Iterable[Statement], id: str) -> None:
        self.person = Person(id)
        self._weights: dict[str, int] = {}  # of what stands in each field
        for one in stated:
            self.add(one)

    def add(self, statement: Statement) -> None:
        """Take in what was stated after all the others."""
        self.person, self._weights = self._with(statement)

    def plus(self, statement: Statement) -> Person:
        """The person if that were stated too."""
        return self._with(statement)[0]

    def _with(self, statement: Statement) -> tuple[Person, dict[str, int]]:
        said: dict[str, object] = {}
        weights = self._weights
        for name, empty in _EMPTY.items():
            value = getattr(statement.person, name)
            if value != empty and (weight := _weight(statement.by, name)) >= weights.get(name, 0):
                said[name] = value
                weights = {**weights, name: weight}
        return msgspec.structs.replace(self.person, **said) if said else self.person, weights


def _weight(by: Rank, field: str) -> int:
    weight = _RANKS.index(by)
    return min(weight, _RANKS.index("user")) if field in _HABITS else weight
