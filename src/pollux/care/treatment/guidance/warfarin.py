"""Warfarin: CPIC asks for a dosing algorithm, and for more than most tests look at. No dose is worked out here.

CPIC 2017 (PMID 28198005), as PharmGKB annotates it: a validated algorithm with CYP2C9, VKORC1 and CYP4F2; poor
metabolizers of CYP2C9 may do better with another anticoagulant; CYP4F2*3 asks for 5 to 10 % more outside African
ancestry. In African ancestry CYP2C9*5, *6, *8, *11 and rs12777823 carry what *2 and *3 do not, and an algorithm without
them goes wrong.
"""

from collections.abc import Mapping

from pollux.care.treatment.finding import Finding
from pollux.care.treatment.genes import GeneCall
from pollux.care.treatment.guidance.recommendation import guideline

GENES = ("CYP2C9", "VKORC1", "CYP4F2")
# The defining positions, from the allele table of pypgx.
AFRICAN = {"*5": "rs28371686", "*6": "rs9332131", "*8": "rs7900194", "*11": "rs28371685"}
CLUSTER = "rs12777823"


def warfarin(calls: Mapping[str, GeneCall], ancestry: str = "") -> Finding:
    """What is known of the genes that warfarin asks for, and what stands against a dose from them.

    `ancestry` is as the record states it; one that is not stated is unknown and taken for any.
    """
    tested = {gene: calls[gene] for gene in GENES if gene in calls and calls[gene].possible}
    unknown = [f"{gene} was not tested" for gene in GENES if gene not in tested]
    african = "afric" in ancestry.casefold() or "black" in ancestry.casefold()
    if not ancestry:
        unknown.append("ancestry is not stated")
    if african or not ancestry:
        unknown += [f"CYP2C9{allele} ({rs}) was not tested" for allele, rs in AFRICAN.items() if not _seen(rs, calls)]
        if not _seen(CLUSTER, calls):
            unknown.append(f"{CLUSTER} was not tested")
    because = tuple(f"{gene} {' or '.join(call.phenotypes)}" for gene, call in tested.items())
    poor = "CYP2C9" in tested and tested["CYP2C9"].phenotypes == ("Poor Metabolizer",)
    poor = poor and not tested["CYP2C9"].provisional
    advice = "dose by a validated algorithm that uses these genes, age, size, drugs and INR; none is worked out here"
    if african and unknown:
        advice += "; in African ancestry an algorithm without what is named as untested must not be used"
    if poor:
        advice = f"consider another anticoagulant; else {advice}"
    return Finding(
        "gene",
        "alternative" if poor else "monitor" if tested else "none",
        "moderate" if tested else "minor",
        ("warfarin",),
        because or ("CYP2C9, VKORC1 and CYP4F2 not tested",),
        advice,
        certain=not unknown,
        unknown=tuple(unknown),
        sources=(guideline("cpic-warfarin"),),
    )


def _seen(position: str, calls: Mapping[str, GeneCall]) -> bool:
    return any(position in place for call in calls.values() for place in call.tested) or bool(
        position in calls and calls[position].possible
    )
