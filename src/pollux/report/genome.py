"""The report of a genome and a medication list: one self-contained page for screen, phone and paper."""

from collections.abc import Sequence
from functools import cache
from typing import Any

import msgspec

from pollux.care.treatment.account import NOTICE, Account, phenotypes, positions, references, settled
from pollux.care.treatment.finding import Finding, Reference
from pollux.care.treatment.genes import Diplotype, GeneCall
from pollux.care.treatment.medication import taken
from pollux.report.page import pages

_NAMES = 4  # diplotypes of one phenotype that are named before the rest is counted
_PLACES = 8  # positions named before the rest is folded away
PUBMED = "https://pubmed.ncbi.nlm.nih.gov/"


class Entry(msgspec.Struct, frozen=True):
    """All that is to be thought again about one drug, or one pair, with the gravest first."""

    drugs: tuple[str, ...]
    findings: tuple[Finding, ...]

    @property
    def severity(self) -> str:
        """The gravest of its findings."""
        return self.findings[0].severity


class Meaning(msgspec.Struct, frozen=True):
    """One phenotype that the data allow, some of the diplotypes that would have it, and how many more there are."""

    phenotype: str
    score: str
    names: str
    more: int


def genome_report(told: Account) -> str:
    """The report as HTML that needs nothing else.

    First what to think again about, then what cannot be said, then what is left, then each gene with what was never
    tested, then what it all rests on. It says nothing that is not in `told`.
    """
    page: dict[str, Any] = {
        "told": told,
        "notice": NOTICE,
        "made": told.at.strftime("%Y-%m-%d %H:%M UTC"),
        "again": _entries(told.of("think again")),
        "drugs_again": _drugs(told.of("think again")),
        "tables": [
            ("Cannot be said", _CANNOT, told.of("cannot be said")),
            ("Bear in mind", "", told.of("bear in mind")),
            ("Usual dose, but not settled", _USUAL, told.of("usual, not settled")),
            ("Nothing against it, by what was tested", _NOTHING, told.of("nothing against it")),
        ],
        "strangers": told.of("not recognised"),
        "taken": taken(told.review.medications),
        "known": [(call, _meanings(call.possible), _matched(call)) for call in told.tested],
        "untested": told.untested,
        "partly": [call for call in told.tested if call.missing],
        "sources": _sources(told.review.findings),
        "places": _PLACES,
        "pubmed": PUBMED,
    }
    return str(_template().render(page))


_CANNOT = "Not tested is not normal: of these drugs nothing can be said until it is."
_USUAL = "The usual dose, if what was not tested or was assumed makes no difference. That is not known."
_NOTHING = "No finding is no proof of safety: only the genes named were looked at, and only what is held here."


def _entries(findings: Sequence[Finding]) -> list[Entry]:
    by_drugs: dict[tuple[str, ...], list[Finding]] = {}
    for one in findings:
        by_drugs.setdefault(one.drugs, []).append(one)
    return [Entry(drugs, tuple(found)) for drugs, found in by_drugs.items()]


def _drugs(findings: Sequence[Finding]) -> list[str]:
    return list(dict.fromkeys(name for one in findings for name in one.drugs))


def _sources(findings: Sequence[Finding]) -> list[tuple[Reference, list[str]]]:
    """Every source that a finding rests on, with the drugs that it is quoted for."""
    found: dict[Reference, list[str]] = {}
    for one in findings:
        for source in one.sources:
            found.setdefault(source, []).extend(one.drugs)
    return sorted(
        ((source, list(dict.fromkeys(drugs))) for source, drugs in found.items()), key=lambda pair: pair[0].text
    )


def _meanings(possible: Sequence[Diplotype]) -> list[Meaning]:
    kinds: dict[tuple[str, str], list[str]] = {}
    for one in possible:
        score = "" if one.activity_score is None else f"{one.activity_score:g}"
        kinds.setdefault((one.phenotype, score), []).append(one.name)
    return [
        Meaning(said, score, ", ".join(name for name in names[:_NAMES] if name), max(0, len(names) - _NAMES))
        for (said, score), names in kinds.items()
    ]


def _matched(call: GeneCall) -> str:
    return " or ".join(dict.fromkeys(one.name for one in call.matched if one.name))


@cache
def _template() -> Any:
    rooms = pages()
    rooms.filters["sentence"] = lambda text: text[:1].upper() + text[1:]
    rooms.filters["stop"] = lambda text: text if text.endswith(("?", ".")) else f"{text}."
    rooms.filters["references"] = references
    rooms.filters["settled"] = settled
    rooms.filters["phenotypes"] = phenotypes
    rooms.filters["positions"] = positions
    return rooms.get_template("genome.html")
