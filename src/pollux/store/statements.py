"""Several statements about one person, put together: whoever has the say of a thing, and of equals the last."""

from collections.abc import Sequence
from typing import get_args

import msgspec

from pollux.record.entry import Rank
from pollux.record.event import Person
from pollux.store.chart import Statement

_RANKS = get_args(Rank)
_HABITS = ("timezone", "as_of")  # no question of identity: whoever takes a file in says it as well as a record


def merged(stated: Sequence[Statement], id: str = "") -> Person:
    """Of each field what the weightiest source stated last; an empty statement ("", UTC, not synthetic) says nothing.

    >>> device = Statement("2026-02-01", Person("p1", birth_date="1950", timezone="Europe/Berlin"), "device")
    >>> whole = merged([Statement("2026-01-01", Person("p1", birth_date="2012-05-01")), device])
    >>> whole.birth_date, whole.timezone
    ('2012-05-01', 'Europe/Berlin')
    """
    whole = Person(id or stated[0].person.id)
    for name in Person.__struct_fields__[1:]:
        empty = getattr(whole, name)
        weights = [
            (_weight(one.by, name), number) for number, one in enumerate(stated) if getattr(one.person, name) != empty
        ]
        if weights:
            value = getattr(stated[max(weights)[1]].person, name)
            whole = msgspec.structs.replace(whole, **{name: value})
    return whole


def _weight(by: Rank, field: str) -> int:
    weight = _RANKS.index(by)
    return min(weight, _RANKS.index("user")) if field in _HABITS else weight
