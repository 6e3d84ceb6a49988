"""An account as lines for a terminal: what a tired clinician reads first stands first."""

import textwrap
from collections.abc import Iterator, Sequence

from pollux.care.treatment.account import NOTICE, Account, phenotypes, positions, references, settled
from pollux.care.treatment.finding import Finding
from pollux.care.treatment.medication import taken
from pollux.visible import visible

WIDTH = 100
_NAMES = 12  # names in a line before the rest is counted
_TITLES = {
    "cannot be said": "CANNOT BE SAID (not tested is not normal)",
    "bear in mind": "BEAR IN MIND",
    "usual, not settled": "USUAL DOSE, BUT NOT SETTLED (if what was not tested or was assumed makes no difference)",
    "nothing against it": "NOTHING AGAINST IT, BY WHAT WAS TESTED",
    "not recognised": "NOT RECOGNISED (nothing was checked for these)",
}


def summary(told: Account) -> str:
    """The account in lines of at most `WIDTH` signs, in the order of its groups.

    Signs that would steer a terminal or hide are written out: names of samples and drugs come from files.
    """
    return "\n".join(visible(line) for line in _lines(told))


def _lines(told: Account) -> Iterator[str]:
    yield from _wrapped(f"{told.person or told.sample}: genome of {told.file} ({told.build})")
    yield from _wrapped("; ".join(told.about), 1) if told.about else ()
    yield from (line for one in told.assumptions for line in _wrapped(f"ASSUMED: {one}", 1))
    again = told.of("think again")
    drugs = list(dict.fromkeys(name for one in again for name in one.drugs))
    count = len(taken(told.review.medications))
    yield ""
    yield f"THINK AGAIN ABOUT {len(drugs)} of {count} drugs" if count else "NO DRUG WAS NAMED"
    for one in again:
        yield from _full(one)
    for name, title in _TITLES.items():
        found = told.of(name)  # type: ignore[arg-type]
        if found:
            yield ""
            yield title
            for one in found:
                yield from _short(one)
    yield from _rest(told)
    yield from _genes(told)
    yield ""
    yield f"Definitions: {', '.join(told.releases)}. Pollux {told.version}."
    yield NOTICE


def _full(one: Finding) -> Iterator[str]:
    who = " + ".join(one.drugs) + (f" ({one.population})" if one.population else "")
    yield from _wrapped(f"{one.severity.upper()}: {who}: {one.advice}", 1)
    yield from _wrapped(f"why: {'; '.join(one.because)}", 2)
    strength = f" Strength: {one.strength}." if one.strength else ""
    yield from _wrapped(f"how sure: {settled(one)}.{strength}", 2)
    if one.unknown:
        yield from _wrapped(f"not known: {'; '.join(one.unknown)}", 2)
    yield from _wrapped(f"source: {'; '.join(source.text for source in references(one))}", 2)


def _short(one: Finding) -> Iterator[str]:
    who = " + ".join(one.drugs) + (f" ({one.population})" if one.population else "")
    yield from _wrapped(f"{who}: {one.advice}", 1)
    said = [f"why: {'; '.join(one.because)}"]
    said += [f"not known: {'; '.join(one.unknown)}"] if one.unknown else []
    said += [f"source: {'; '.join(source.text for source in references(one))}"]
    yield from _wrapped(". ".join(said), 2)


def _rest(told: Account) -> Iterator[str]:
    if told.review.silent:
        yield ""
        yield from _wrapped(f"NO GENETIC GUIDANCE IS HELD for {', '.join(told.review.silent)}")
    if told.quiet:
        yield from _wrapped(f"NOTHING AT ALL WAS FOUND for {', '.join(told.quiet)}")
    if told.review.unknown:
        yield ""
        yield "NOT KNOWN"
        for line in told.review.unknown:
            yield from _wrapped(line, 1)


def _genes(told: Account) -> Iterator[str]:
    yield ""
    yield f"GENES NEVER TESTED: {len(told.untested)} of {len(told.calls)}"
    for call in told.untested:
        why = "; ".join(call.reasons)
        yield from _wrapped(f"{call.gene}: {why if why.startswith('not tested') else f'{phenotypes(call)}; {why}'}", 1)
    yield ""
    yield f"GENES CALLED: {len(told.tested)}"
    for call in told.tested:
        best = f" [{_some([one.name for one in call.matched], 2)}]" if call.matched and call.matched[0].name else ""
        yield from _wrapped(f"{call.gene}: {phenotypes(call)}{best}, {positions(call)}", 1)
        if call.missing:
            yield from _wrapped(f"not tested: {_some(call.missing)}", 2)


def _some(names: Sequence[str], most: int = _NAMES) -> str:
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")


def _wrapped(text: str, depth: int = 0) -> Iterator[str]:
    indent = "  " * depth
    yield from textwrap.wrap(
        text, WIDTH, initial_indent=indent, subsequent_indent=indent + "  ", break_on_hyphens=False
    ) or [indent]
