"""CYP2D6 can be missing, doubled, or joined with its neighbour: what a call means when nobody counted the copies.

A VCF does not count copies. A call from it is *provisional*: `possible` then holds, beside each diplotype, what a
deletion (*5), a duplication and the common hybrid tandems would make of the same bases. Structures and their activity:
CPIC and PharmVar as in ClinPGx 2026-05-05 ("*36 + *10" 0.25, "*68 + *4" 0.0, "*13 + *1" and "*13 + *2" 1.0).
"""

import re
from collections.abc import Iterator

import msgspec

from pollux.care.treatment.genes.call import Diplotype, GeneCall
from pollux.care.treatment.genes.definition import INDETERMINATE, Gene, NamedAllele
from pollux.care.treatment.genes.matching import Strands
from pollux.care.treatment.genes.meaning import diplotype

GENE = "CYP2D6"
DELETION = "*5"
TANDEMS = {"*10": "*36 + *10", "*4": "*68 + *4", "*1": "*13 + *1", "*2": "*13 + *2"}
LISTED = 400  # diplotypes whose every structure is listed; beyond, one for each further phenotype
UNCOUNTED = "gene copies were not counted: a deletion, a duplication or a hybrid is possible"
_COPIES = re.compile(r"^(?P<name>.+?)(?:[x×](?P<least>≥|>=)?(?P<many>\d+))?$")


def function(value: float) -> str:
    """CPIC's word for an activity value: none, decreased (below 1), normal, increased (above 1).

    >>> [function(v) for v in (0.0, 0.75, 1.0, 2.0)]
    ['No function', 'Decreased function', 'Normal function', 'Increased function']
    """
    if value == 0:
        return "No function"
    return "Decreased function" if value < 1 else "Normal function" if value == 1 else "Increased function"


def structure(gene: Gene, name: str) -> NamedAllele | None:
    """An allele with its copy number, or several on one chromosome, or None where a part has no name here.

    Activity values add: two copies of *10 are worth 0.5.

    >>> from pollux.care.treatment.genes.definition import gene
    >>> structure(gene("CYP2D6"), "*41x2").activity, structure(gene("CYP2D6"), "*36 + *10").activity
    ('0.5', '0.25')
    >>> structure(gene("CYP2D6"), "*1x≥3").activity
    '≥3.0'
    """
    total, least, unknown = 0.0, "", ""
    single = gene.allele(name)
    if single is not None:
        return single
    pieces = [piece.strip() for piece in name.split("+")]
    for piece in pieces:
        written = _COPIES.match(piece)
        base = gene.allele(written["name"]) if written else None
        if written is None or base is None or (len(pieces) == 1 and written["many"] is None):
            return None
        many = int(written["many"] or 1)
        least = least or ("≥" if written["least"] else "")
        if base.activity.replace(".", "", 1).isdigit():
            total += many * float(base.activity)
        else:
            unknown = base.function
    if unknown:
        return NamedAllele(name, unknown, "n/a", {})
    return NamedAllele(name, function(total), f"{least if total else ''}{total}", {})


def provisional(gene: Gene, call: GeneCall, seen: Strands) -> GeneCall:
    """The call with every structure that fits the same bases among what is possible."""
    single = (
        not seen.groups
    )  # a heterozygous site shows two different copies: the gene is not missing on one chromosome
    names = {one.name: one for one in call.possible}
    means = set(call.phenotypes)
    everything = len(call.possible) <= LISTED
    every = {name for _, name in gene.scores} | {INDETERMINATE}
    for base in call.possible:
        if not everything and means >= every:
            break
        for one in _structures(gene, base.alleles, single):
            if everything or one.phenotype not in means:
                names.setdefault(one.name, one)
                means.add(one.phenotype)
    reasons: tuple[str, ...] = (UNCOUNTED,)
    if not everything:
        reasons += ("of structures with other copy numbers one is listed for each further phenotype",)
    return msgspec.structs.replace(
        call, possible=tuple(names.values()), provisional=True, reasons=reasons + call.reasons
    )


def _structures(gene: Gene, alleles: tuple[str, ...], single: bool) -> Iterator[Diplotype]:
    first, second = alleles
    for one, other in sorted({(first, second), (second, first)}):
        stays = gene.allele(other)
        changed = [f"{one}x2", f"{one}x≥3"]
        if one in TANDEMS:
            changed.append(TANDEMS[one])
        if single and one == first:
            changed.append(DELETION)
        for name in changed:
            made = structure(gene, name)
            if made is not None and stays is not None:
                yield diplotype(gene, (made, stays))
