"""What is told of one person's genome and drugs: the one value that terminal, page, JSON and FHIR are made from.

They differ in form alone. `group` says where a finding belongs, `settled` how sure it is; both are said here once.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Literal

import msgspec

from pollux import __version__
from pollux.care.treatment.finding import Finding, Reference
from pollux.care.treatment.genes import GeneCall
from pollux.care.treatment.medication import taken
from pollux.care.treatment.review import Facts, Review
from pollux.record.genotype import Genotypes

Group = Literal[
    "think again", "cannot be said", "bear in mind", "usual, not settled", "nothing against it", "not recognised"
]  # fmt: skip
GROUPS: tuple[Group, ...] = (
    "think again", "cannot be said", "bear in mind", "usual, not settled", "nothing against it", "not recognised"
)  # fmt: skip
NOTICE = "Research software, not a medical device. It says what to think again about; a person decides."
# Genes that guidance asks for and no VCF is read for here: they must be given as calls made elsewhere.
ELSEWHERE = ("HLA-A", "HLA-B")
_NOT_READ = "not read from a VCF: give it as a call made elsewhere"


class Account(msgspec.Struct, frozen=True):
    """The calls of every gene that was asked for, tested or not, and the review that rests on them.

    `assumptions` hold for everything that is said; `person` is an id or "" and `about` are lines on what was known of
    the person when it was looked at.
    """

    at: datetime
    sample: str
    file: str
    build: str
    calls: tuple[GeneCall, ...]
    review: Review
    assumptions: tuple[str, ...] = ()
    person: str = ""
    about: tuple[str, ...] = ()
    version: str = __version__

    @property
    def tested(self) -> tuple[GeneCall, ...]:
        """The calls of genes of which something is known, in order."""
        return tuple(one for one in self.calls if one.possible)

    @property
    def untested(self) -> tuple[GeneCall, ...]:
        """The calls of genes of which nothing can be said: not tested, or nothing fits what was seen."""
        return tuple(one for one in self.calls if not one.possible)

    @property
    def releases(self) -> tuple[str, ...]:
        """The releases that the definitions of the calls restate; each call says its own date as well."""
        return tuple(sorted({one.tables.partition(",")[0] for one in self.calls if one.tables}))

    @property
    def quiet(self) -> tuple[str, ...]:
        """Drugs taken of which nothing at all was found."""
        spoken = {name for one in self.review.findings for name in one.drugs}
        return tuple(name for name in taken(self.review.medications) if name not in spoken)

    def group(self, finding: Finding) -> Group:
        """Where a finding belongs; a drug to think again about has nothing under "nothing against it"."""
        alone = group(finding)
        if finding.action != "standard" or alone == "think again":
            return alone
        graver = (one for one in self.review.findings if group(one) == "think again")
        spoken = {name for one in graver for name in one.drugs}
        return "bear in mind" if spoken & set(finding.drugs) else alone

    def of(self, name: Group) -> tuple[Finding, ...]:
        """The findings of one group, the gravest first."""
        return tuple(one for one in self.review.findings if self.group(one) == name)


def account(
    genotypes: Genotypes,
    calls: Mapping[str, GeneCall] | Iterable[GeneCall],
    review: Review,
    *,
    at: datetime,
    person: str = "",
    about: Iterable[str] = (),
) -> Account:
    """Put together what is to be told. Genes that guidance asks for and nobody called stand in it as not tested."""
    made = tuple(calls.values() if isinstance(calls, Mapping) else calls)
    named = {one.gene for one in made}
    never = tuple(GeneCall(gene, (), (), reasons=(_NOT_READ,)) for gene in ELSEWHERE if gene not in named)
    return Account(
        at,
        genotypes.sample,
        genotypes.source,
        genotypes.build,
        made + never,
        review,
        genotypes.assumptions,
        person,
        tuple(about),
    )


def looked_with(facts: Facts) -> tuple[str, ...]:
    """What was known of the person, in words, one line for each kind; what is unknown stands in the review.

    >>> looked_with(Facts(age=66, sex="female", allergies=("Penicillin",)))
    ('66 years, female', 'allergies stated: Penicillin')
    """
    who = [f"{facts.age:.0f} years" if facts.age is not None else "", facts.sex, facts.ancestry]
    lines = [", ".join(part for part in who if part)]
    lines += [f"allergies stated: {', '.join(facts.allergies)}"] if facts.allergies else []
    lines += ["no known allergies, as stated"] if facts.no_known_allergies else []
    lines += [f"pregnancy: {facts.pregnancy}"] if facts.pregnancy else []
    for name, one in facts.filtrations.items():
        caution = f" ({one.caution})" if one.caution else ""
        lines.append(f"{name}: {one.reason}" if one.value is None else f"{name}: {one.value:.0f} {one.unit}{caution}")
    if facts.liver is not None:
        found = facts.liver.child_pugh
        lines.append(f"Child-Pugh: {'not worked out' if found is None else found.grade}")
    return tuple(line for line in lines if line)


def group(finding: Finding) -> Group:
    """Where a finding belongs by itself: what rests on anything untested or assumed has nothing to say for a drug."""
    if finding.kind == "not recognised":
        return "not recognised"
    if finding.action == "none":
        return "cannot be said"
    if finding.severity in ("contraindicated", "serious", "moderate"):
        return "think again"
    if finding.action == "standard":
        return "nothing against it" if finding.certain else "usual, not settled"
    return "bear in mind"


def settled(finding: Finding) -> str:
    """How sure a finding is, in words."""
    if finding.action == "depends":
        return "open: the answer depends on what is not known"
    if finding.action == "none":
        return "open: nothing can be said yet"
    if not finding.certain:
        return "not settled: what is not known could change it"
    return "settled by what was looked at"


def references(finding: Finding) -> tuple[Reference, ...]:
    """What a finding rests on, each source once, however many parts of it were read."""
    return tuple({one.text: one for one in reversed(finding.sources)}.values())[::-1]


def phenotypes(call: GeneCall) -> str:
    """What a call means, in words; a gene of which nothing is known is never called normal.

    >>> phenotypes(GeneCall("TPMT", (), ()))
    'not tested'
    """
    if not call.possible:
        return "not tested" if not call.tested else "no call"
    said = " or ".join(call.phenotypes)
    return f"provisional: {said}" if call.provisional else said


def positions(call: GeneCall) -> str:
    """How many of the positions that define a gene were tested, in words."""
    asked = len(call.tested) + len(call.missing)
    if not asked:
        return "called elsewhere" if call.possible else "none is read here"
    return f"{len(call.tested)} of {asked} tested"


def plain(told: Account) -> dict[str, Any]:
    """The account as lists and dictionaries, for JSON."""
    return {
        "at": told.at.isoformat(),
        "pollux": told.version,
        "notice": NOTICE,
        "person": told.person,
        "sample": told.sample,
        "file": told.file,
        "build": told.build,
        "releases": list(told.releases),
        "assumptions": list(told.assumptions),
        "about": list(told.about),
        "unknown": list(told.review.unknown),
        "medications": [msgspec.to_builtins(one) for one in told.review.medications],
        "findings": [_finding(one, told) for one in told.review.findings],
        "no_genetic_guidance_held": list(told.review.silent),
        "nothing_found": list(told.quiet),
        "genes": [_gene(one) for one in told.calls],
    }


def _finding(one: Finding, told: Account) -> dict[str, Any]:
    said = msgspec.to_builtins(one)
    for source, written in zip(one.sources, said["sources"], strict=True):
        written["text"] = source.text
    return {"group": told.group(one), "settled": settled(one), **said}


def _gene(call: GeneCall) -> dict[str, Any]:
    return {
        "gene": call.gene,
        "known": bool(call.possible),
        "phenotypes": list(call.phenotypes),
        "in_words": phenotypes(call),
        "provisional": call.provisional,
        "matched": [msgspec.to_builtins(one) for one in call.matched],
        "possible": [one.name for one in call.possible],
        "activity_scores": list(dict.fromkeys(one.activity_score for one in call.possible)),
        "tested": list(call.tested),
        "not_tested": list(call.missing),
        "reasons": list(call.reasons),
        "assumptions": list(call.assumptions),
        "source": call.source,
        "tables": call.tables,
    }
