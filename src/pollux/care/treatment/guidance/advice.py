"""From gene calls to advice for each drug: one clear answer where all that is possible agrees, else the range."""

from collections.abc import Mapping, Sequence
from itertools import product

import msgspec

from pollux.care.treatment.finding import ACTIONS, SEVERITIES, Finding, gravest
from pollux.care.treatment.genes import Diplotype, GeneCall
from pollux.care.treatment.guidance.phenoconversion import GENE, RULE, SCOPE, Conversion, converted
from pollux.care.treatment.guidance.recommendation import Recommendation, held_for

_ADULT = 18.0
_BESIDE = (
    "{name} is a {strength} inhibitor of CYP2D6: what the gene says may not hold, and no rule for changing the score "
    "is agreed upon for this drug"
)
_SCORED_APART = ("tamoxifen",)  # its guideline says to avoid the inhibitor, which is a finding of its own
_MOST = 6  # positions named in a sentence before the rest is counted


class Case(msgspec.Struct, frozen=True):
    """One combination of results that the data allow, and what is said of it; None where nothing is."""

    results: tuple[tuple[str, str], ...]
    said: Recommendation | None


def advise(
    drugs: Sequence[str],
    calls: Mapping[str, GeneCall],
    *,
    age: float | None = None,
    inhibitor: Conversion | None = None,
) -> tuple[Finding, ...]:
    """What the calls mean for each drug, for every population that its guideline knows and the age allows."""
    return tuple(
        _sourced(finding, name)
        for name in drugs
        if held_for(name)
        for finding in _for_drug(name, calls, age=age, inhibitor=inhibitor)
    )


def _sourced(finding: Finding, drug: str) -> Finding:
    """Where nothing is said, the source is who asks for the gene."""
    if finding.sources:
        return finding
    asked = tuple(dict.fromkeys(one.source for one in held_for(drug)))
    return msgspec.structs.replace(finding, sources=asked)


def _for_drug(
    drug: str, calls: Mapping[str, GeneCall], *, age: float | None, inhibitor: Conversion | None
) -> list[Finding]:
    held = held_for(drug)
    genes = tuple(dict.fromkeys(gene for one in held for gene in one.genes))
    applied = inhibitor if converts(drug, calls, inhibitor) else None
    beside = "" if inhibitor is None or applied or not _asks(held) or drug in _SCORED_APART else _BESIDE
    if applied and (changed := converted(calls.get(GENE), applied)):
        calls = {**calls, GENE: changed}
    notes = [beside.format(name=inhibitor.inhibitor, strength=inhibitor.strength)] if beside and inhibitor else []
    names = _populations(held, age)
    found = [_finding(drug, name, _cases(held, name, genes, calls), calls, notes, applied) for name in names]
    if len({one.advice for one in found}) == 1:
        return [msgspec.structs.replace(found[0], population="" if len(found) > 1 else found[0].population)]
    general = next((one for one in found if not one.population), None)
    if general is None:
        return found
    apart = [one for one in found if one.population and one.advice != general.advice]
    return apart if apart and not general.sources else [general, *apart]


def converts(drug: str, calls: Mapping[str, GeneCall], inhibitor: Conversion | None) -> bool:
    """Whether an inhibitor changes the activity score that the advice for a drug rests on.

    Only where the drug's guideline states the rule, and where there is a score to change or the rule needs none. The
    change in exposure by CYP2D6 is then in the advice and must not be counted again.
    """
    held = [one for one in held_for(drug) if GENE in one.genes]
    if inhibitor is None or not held or any(one.guideline not in SCOPE for one in held):
        return False
    return converted(calls.get(GENE), inhibitor) != calls.get(GENE)


def _asks(held: Sequence[Recommendation]) -> bool:
    return any(GENE in one.genes and one.guideline not in SCOPE for one in held)


def _populations(held: Sequence[Recommendation], age: float | None) -> list[str]:
    """The populations that may be meant: without an age, grown-ups and children both."""
    names = dict.fromkeys(one.population for one in held)
    left_out = set() if age is None else ({"children"} if age >= _ADULT else {"adults"})
    return sorted(name for name in names if name not in left_out)


def _possible(gene: str, calls: Mapping[str, GeneCall]) -> tuple[Diplotype | None, ...]:
    """All that the data allow of a gene; a provisional call that knows one diplotype only is as good as none."""
    call = calls.get(gene)
    if call is None or not call.possible or (call.provisional and len(call.possible) == 1):
        return (None,)
    return call.possible


def _told_apart(
    gene: str, held: Sequence[Recommendation], possible: Sequence[Diplotype | None]
) -> tuple[Diplotype | None, ...]:
    """Of many diplotypes one for each that the statements, or a reader of phenotypes, can tell from the others."""
    asked = [part for one in held for part in one.when if part.gene == gene]
    if not any(term.startswith(("genotype ", "*")) for part in asked for term in part.terms):
        possible = list({(one.phenotype, one.activity_score) if one else None: one for one in possible}.values())
    kinds: dict[tuple[object, ...], Diplotype | None] = {}
    for one in possible:
        kinds.setdefault((_result(one), *(part.meets(one) for part in asked)), one)
    return tuple(kinds.values())


def _cases(
    held: Sequence[Recommendation], population: str, genes: Sequence[str], calls: Mapping[str, GeneCall]
) -> list[Case]:
    rows = [one for one in held if one.population == population]
    general = [one for one in held if not one.population]
    cases: dict[tuple[tuple[str, str], ...], Case] = {}
    for combination in product(*(_told_apart(gene, held, _possible(gene, calls)) for gene in genes)):
        results = dict(zip(genes, combination, strict=True))
        said = _worst(rows, results) or _worst(general, results)
        named = tuple((gene, _result(one)) for gene, one in results.items())
        key = (*named, ("said", said.advice if said else ""))
        cases.setdefault(key, Case(named, said))
    return list(cases.values())


def _worst(rows: Sequence[Recommendation], results: Mapping[str, Diplotype | None]) -> Recommendation | None:
    met = [one for one in rows if all(part.meets(results[part.gene]) for part in one.when)]
    return min(met, key=lambda one: ACTIONS.index(one.action)) if met else None


def _result(diplotype: Diplotype | None) -> str:
    if diplotype is None:
        return "not tested"
    by_allele = diplotype.phenotype.endswith(("positive", "negative")) and diplotype.alleles
    return diplotype.name if by_allele else diplotype.phenotype


def _finding(
    drug: str,
    population: str,
    cases: Sequence[Case],
    calls: Mapping[str, GeneCall],
    notes: Sequence[str],
    applied: Conversion | None,
) -> Finding:
    genes = tuple(gene for gene, _ in cases[0].results)
    said = [case.said for case in cases]
    agreed = len({one.advice if one else "" for one in said}) == 1
    unknown = [*_unknown(genes, cases, calls, settle=not agreed), *notes, *_changed(said)]
    because = tuple(f"{gene} {_list(case.results[i][1] for case in cases)}" for i, gene in enumerate(genes))
    if applied:
        because += (f"{applied.inhibitor}, a {applied.strength} inhibitor of CYP2D6",)
    held = [one for one in said if one is not None]
    sources = tuple(dict.fromkeys([one.source for one in held] + ([RULE] if applied else [])))
    if not held:
        advice = _nothing(genes, cases)
        return Finding(
            "gene", "none", "minor", (drug,), because, advice, "", population, False, tuple(unknown), sources
        )
    severity = gravest(one.severity for one in held)
    if agreed:
        advice = f"{held[0].advice}: {held[0].implication}" if held[0].implication else held[0].advice
        strength = held[0].strength if len({one.strength for one in held}) == 1 else ""
        action = held[0].action
        if (
            notes and action == "standard"
        ):  # an inhibitor beside it: what is usual by the gene is not safe to call usual
            action, severity, advice = "monitor", "moderate", f"by the gene alone {advice}; watch under the inhibitor"
        return Finding(
            "gene",
            action,
            severity,
            (drug,),
            because,
            advice,
            strength,
            population,
            not unknown,
            tuple(unknown),
            sources,
        )
    advice = f"depends on what is not known: {_ifs(cases)}"
    return Finding(
        "gene", "depends", severity, (drug,), because, advice, "", population, False, tuple(unknown), sources
    )


def _ifs(cases: Sequence[Case]) -> str:
    """Each advice once, the gravest first, with the results that lead to it."""
    by_advice: dict[str, list[Case]] = {}
    ranked = sorted(cases, key=lambda case: SEVERITIES.index(case.said.severity) if case.said else len(SEVERITIES))
    for case in ranked:
        by_advice.setdefault(case.said.advice if case.said else "nothing is held", []).append(case)
    return "; ".join(f"if {_any_of(those)}, {said}" for said, those in by_advice.items())


def _any_of(cases: Sequence[Case]) -> str:
    if len(cases[0].results) == 1:
        return f"{cases[0].results[0][0]} {_list(case.results[0][1] for case in cases)}"
    return _list(" and ".join(f"{gene} {result}" for gene, result in case.results) for case in cases)


def _nothing(genes: Sequence[str], cases: Sequence[Case]) -> str:
    untested = [gene for i, gene in enumerate(genes) if all(case.results[i][1] == "not tested" for case in cases)]
    if untested:
        return f"{_list(untested)} not tested: nothing can be said, and it is not taken for normal"
    return "no statement is held for this result"


def _unknown(genes: Sequence[str], cases: Sequence[Case], calls: Mapping[str, GeneCall], *, settle: bool) -> list[str]:
    """What is not known of each gene that the drug asks for; with `settle`, what would decide between its results."""
    found = []
    for i, gene in enumerate(genes):
        call, results = calls.get(gene), {case.results[i][1] for case in cases}
        if call is None or not call.possible:
            found.append(f"{gene} was not tested")
            continue
        if call.provisional and (settle or len(call.possible) == 1):
            found.append(f"{gene} is provisional: {'; '.join(call.reasons) or 'the number of copies is not known'}")
        if settle and len(results) > 1:
            found.append(f"{gene} may be {_list(sorted(results))}{_positions(call)}")
        found += [f"{gene}: {assumption}" for assumption in call.assumptions]
    return found


def _positions(call: GeneCall) -> str:
    if not call.missing:
        return ""
    more = f" and {len(call.missing) - _MOST} more" if len(call.missing) > _MOST else ""
    return f"; not tested: {', '.join(call.missing[:_MOST])}{more}"


def _changed(said: Sequence[Recommendation | None]) -> list[str]:
    dates = sorted({one.changed for one in said if one is not None and one.changed})
    return [f"the guideline was changed on {date}, and the change was not read" for date in dates]


def _list(items: object) -> str:
    names = list(dict.fromkeys(str(item) for item in items))  # type: ignore[attr-defined]
    return " or ".join(names)
