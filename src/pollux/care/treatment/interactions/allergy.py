"""Allergies: to the drug itself, to its class, and to what shares a side chain with it (beta-lactams only).

Side chains: amoxicillin has that of cefadroxil and cefprozil, ampicillin that of cefalexin, cefaclor and cefradine,
ceftazidime that of aztreonam; cefazolin shares none (review PMC6789778). Cross-reactions of penicillin-allergic people:
16 % (aminocephalosporins), 2 % (cephalosporins with another side chain), under 1 % (carbapenems) (Picard et al.
2019, J Allergy Clin Immunol Pract 7:2722). Practice: Khan et al. 2022, J Allergy Clin Immunol 150:1333. All three were
read as a public summary checked against them restates them. After a severe skin reaction every beta-lactam is left out.
"""

from collections.abc import Iterable, Sequence
from functools import cache

from pollux.care.treatment.finding import Finding, Reference, Severity
from pollux.care.treatment.interactions.source import rows
from pollux.vocabulary import Drug, drug, drugs_in

BETA_LACTAMS = ("penicillin", "cephalosporin", "carbapenem", "monobactam")
_READ = "a public summary checked against the papers"
_KHAN = Reference("Practice parameter", "drug allergy", "2022", "", _READ, "2026-06", False)
_PICARD = Reference("Picard et al.", "cross-reactivity in penicillin allergy", "2019", "", _READ, "2026-06", False)
_SELF = Reference("Pollux", "the same substance as in the stated allergy")


@cache
def side_chains() -> tuple[tuple[str, frozenset[str], str], ...]:
    """Groups with one side chain: their name, members, and how often a cross-reaction was seen."""
    return tuple((row["group"], frozenset(row["members"].split("|")), row["rate"]) for row in rows("side_chains.csv"))


def allergies(taken: Sequence[str], stated: Iterable[str]) -> tuple[Finding, ...]:
    """What stated allergies (texts, as the record has them) mean for the drugs taken."""
    found: dict[tuple[str, str], Finding] = {}
    for text in stated:
        for name in taken:
            finding = _one(drug(name), text)
            if finding is not None:
                found[(name, text)] = finding
    return tuple(found.values())


def recognised(text: str) -> bool:
    """Whether an allergy's text names anything that is known here."""
    return bool(drugs_in(text)) or any(group in text.casefold() for group in (*BETA_LACTAMS, "beta-lactam"))


def _one(one: Drug, text: str) -> Finding | None:
    named = drugs_in(text)
    if one in named:
        return _finding(one, text, "contraindicated", "allergic to this drug itself", _SELF)
    lactam = [group for group in one.groups if group in BETA_LACTAMS]
    if not lactam:
        return None
    to_class = [group for group in BETA_LACTAMS if group in text.casefold()]
    culprits = [other for other in named if set(other.groups) & set(BETA_LACTAMS)]
    if not culprits and not to_class:
        return None
    for group, members, rate in side_chains():
        if one.name in members and any(other.name in members for other in culprits):
            seen = f"; cross-reactions in {rate}" if rate else ""
            return _finding(one, text, "serious", f"shares the {group}{seen}", _PICARD if rate else _KHAN)
    groups = {*to_class, *(group for other in culprits for group in other.groups if group in BETA_LACTAMS)}
    return _across(one, lactam[0], groups, text)


def _across(one: Drug, group: str, allergic: set[str], text: str) -> Finding | None:
    if group in allergic:
        if group == "cephalosporin":
            return _finding(one, text, "moderate", "another cephalosporin: the side chains decide", _KHAN)
        return _finding(one, text, "serious", f"allergic to another {group}, or to the class", _KHAN)
    if one.name == "cefazolin":
        return _finding(one, text, "minor", "shares no side chain; cross-reactions in about 0.7 %", _KHAN)
    rates = {"carbapenem": "cross-reactions in under 1 %", "monobactam": "cross-reactions in under 1 %"}
    if "penicillin" in allergic and group == "cephalosporin":
        amino = any(one.name in members for _, members, rate in side_chains() if rate)
        if amino:
            return _finding(one, text, "serious", "an aminocephalosporin; cross-reactions in about 16 %", _PICARD)
        return _finding(one, text, "minor", "another side chain; cross-reactions in about 2 %", _PICARD)
    if group in rates:
        return _finding(one, text, "minor", rates[group], _PICARD if group == "carbapenem" else _KHAN)
    return _finding(one, text, "moderate", f"another beta-lactam than the {' or '.join(sorted(allergic))}", _KHAN)


def _finding(one: Drug, text: str, severity: Severity, why: str, source: Reference) -> Finding:
    avoid = severity in ("contraindicated", "serious")
    return Finding(
        "allergy", "avoid" if avoid else "monitor", severity, (one.name,), (f"allergy stated: {text}",),
        f"{'avoid' if avoid else 'ask about the reaction first'}: {why}",
        certain=False,
        unknown=("what the reaction was; after a severe skin reaction every beta-lactam is left out",)
        if source is not _SELF else ("what the reaction was",),
        sources=(source,),
    )  # fmt: skip
