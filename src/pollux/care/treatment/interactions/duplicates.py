"""Two drugs of one chemical subgroup, or one drug listed twice.

Subgroups that hold what fits nowhere else ("other …", their letter is X), fixed combinations of unlike drugs or drops
of any anti-infective are no class: abacavir and atazanavir share one, and belong together.
"""

from collections.abc import Sequence
from itertools import combinations

from pollux.care.treatment.finding import Finding, Reference
from pollux.care.treatment.medication import Medication
from pollux.vocabulary import drug

_SOURCE = Reference(
    "WHO", "ATC classification, fourth level", read="ATC codes in cpic-table.csv of pypgx", as_of="2023"
)

_LIST = Reference("Pollux", "the same substance twice in the medication list")
_NO_CLASS = ("J05AR", "S02AA", "S03AA")  # combinations against HIV; anti-infectives for ears, and for eyes and ears


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
                "duplicate", "monitor", "moderate", (first,), (a.said, b.said),
                "listed twice: one entry, or two doses?", sources=(_LIST,),
            )  # fmt: skip
        elif shared := sorted(set(_classes(first)) & set(_classes(second))):
            pair = tuple(sorted((first, second)))
            found[pair] = Finding(
                "duplicate", "monitor", "moderate", pair, (f"ATC {', '.join(shared)}",),
                "two drugs of one class: are both meant?", sources=(_SOURCE,),
            )  # fmt: skip
    return tuple(found.values())


def _classes(name: str) -> list[str]:
    return [one for one in drug(name).classes if not one.endswith("X") and one not in _NO_CLASS]
