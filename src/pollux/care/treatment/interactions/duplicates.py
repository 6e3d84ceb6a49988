"""Two drugs of one chemical subgroup, or one drug listed twice."""

from collections.abc import Sequence
from itertools import combinations

from pollux.care.treatment.finding import Finding, Reference
from pollux.care.treatment.medication import Medication
from pollux.vocabulary import drug

_SOURCE = Reference(
    "WHO", "ATC classification, fourth level", read="ATC codes in cpic-table.csv of pypgx", as_of="2023"
)


def duplicates(medications: Sequence[Medication]) -> tuple[Finding, ...]:
    """Duplicates among what is taken now. A drug whose ATC code is not known here is in no subgroup and found only by
    its own name.
    """
    entries = [(name, one) for one in medications if one.stopped is None for name in one.drugs]
    found: dict[tuple[str, ...], Finding] = {}
    for (first, a), (second, b) in combinations(entries, 2):
        if a is b:
            continue
        if first == second:
            found[(first,)] = Finding(
                "duplicate", "monitor", "moderate", (first,), (a.said, b.said), "listed twice: one entry, or two doses?"
            )
        elif shared := sorted(set(drug(first).classes) & set(drug(second).classes)):
            pair = tuple(sorted((first, second)))
            found[pair] = Finding(
                "duplicate", "monitor", "moderate", pair, (f"ATC {', '.join(shared)}",),
                "two drugs of one class: are both meant?", sources=(_SOURCE,),
            )  # fmt: skip
    return tuple(found.values())
