"""What drugs do to one another, and what an allergy to one means for another: by mechanism, by label, by class."""

from collections.abc import Collection, Sequence

import msgspec

from pollux.care.treatment.finding import Finding, gravest
from pollux.care.treatment.interactions.allergy import allergies
from pollux.care.treatment.interactions.duplicates import duplicates
from pollux.care.treatment.interactions.labelled import labelled
from pollux.care.treatment.interactions.mechanism import by_mechanism

__all__ = ["allergies", "by_mechanism", "duplicates", "interactions", "labelled"]


def interactions(taken: Sequence[str], counted: Collection[tuple[str, str, str]] = frozenset()) -> tuple[Finding, ...]:
    """One finding for each pair of drugs: what a label says, with the change in exposure where both are known."""
    said = {frozenset(one.drugs): one for one in labelled(taken)}
    for one in by_mechanism(taken, counted):
        pair = frozenset(one.drugs)
        before = said.get(pair)
        said[pair] = one if before is None else _joined(before, one)
    return tuple(said.values())


def _joined(first: Finding, second: Finding) -> Finding:
    return msgspec.structs.replace(
        first,
        severity=gravest((first.severity, second.severity)),
        because=(*first.because, *second.because),
        advice=f"{first.advice}; {second.advice}",
        certain=first.certain and second.certain,
        unknown=tuple(dict.fromkeys((*first.unknown, *second.unknown))),
        sources=tuple(dict.fromkeys((*first.sources, *second.sources))),
    )
