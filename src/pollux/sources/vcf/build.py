"""Which genome build a file is on: what its header says, and whether its reference alleles are those of that build."""

from collections.abc import Iterable, Mapping

from pollux.errors import RefusedInput
from pollux.record.genotype import BUILDS, Build, Site
from pollux.sources.vcf.alleles import Frame
from pollux.sources.vcf.row import Row

SHOWN = 3


def fits(at: Frame, row: Row) -> bool | None:
    """Whether a row's reference bases are the genome's at this site; None where it has none to compare there."""
    first = max(at.place.position, row.position)
    last = min(at.last, row.position + len(row.reference) - 1)
    if first > last:
        return None
    theirs = row.reference[first - row.position : last - row.position + 1]
    ours = at.window[first - at.place.position : last - at.place.position + 1]
    if set(theirs) - set("ACGT"):
        return None
    return theirs == ours


def settle(
    touched: Mapping[Build, Iterable[tuple[Frame, list[Row]]]], header: Build | None, asked: Build | None, name: str
) -> Build:
    """The build of the file.

    `touched` are, for each build, the sites that rows touch if the file is on it. A position counts once. Raises
    `RefusedInput` where header, request and reference alleles do not agree, or nothing says which build it is.
    """
    if header and asked and header != asked:
        raise RefusedInput(
            f"the file is on {header} by its header, not on {asked}", where=name, advice="Leave the build out."
        )
    right: dict[Build, int] = {}
    wrong: dict[Build, list[str]] = {}
    for build in BUILDS:
        right[build], wrong[build] = 0, []
        for at, rows in touched[build]:
            if at.site.chromosome == "MT":
                continue  # both builds share the sequence; hg19's own chrM is met in the reader
            answers = [answer for row in rows if (answer := fits(at, row)) is not None]
            right[build] += bool(answers) and all(answers)
            if answers and not all(answers):
                wrong[build].append(f"{at.site.chromosome}:{at.place.position} ({at.site.name})")
    other: dict[Build, Build] = {"GRCh38": "GRCh37", "GRCh37": "GRCh38"}
    stated = header or asked
    build = stated or _likelier(right, name)
    if wrong[build] and right[other[build]] > right[build]:
        raise RefusedInput(
            f"the reference alleles are those of {other[build]}, but the file is said to be on {build}",
            where=name,
            advice=f"Correct the header, or lift the file to {build} with its reference alleles.",
        )
    if wrong[build]:
        places = ", ".join(wrong[build][:SHOWN]) + (" and others" if len(wrong[build]) > SHOWN else "")
        raise RefusedInput(
            f"the reference allele is not that of {build} at {places}",
            where=name,
            advice="The alleles may be swapped, or the build another one: make the file anew from the right reference.",
        )
    return build


def _likelier(right: Mapping[Build, int], name: str) -> Build:
    if right["GRCh38"] == right["GRCh37"]:
        raise RefusedInput(
            "nothing in the file says on which genome build it is",
            where=name,
            advice='Say it: build="GRCh38" or build="GRCh37".',
        )
    return max(BUILDS, key=lambda one: right[one])


def unavailable(site: Site, build: Build, contigs: Mapping[str, int | None], cambridge: int) -> str:
    """Why a site cannot be found in a file on this build, or ""."""
    if site.place(build) is None:
        return f"its position on {build} was never read"
    if site.chromosome == "MT":
        lengths = {
            name: length for name, length in contigs.items() if name in ("chrM", "chrMT", "M", "MT", "NC_012920.1")
        }
        if any(length not in (None, cambridge) for length in lengths.values()):
            return "the mitochondrial reference is not the revised Cambridge one"
        if build == "GRCh37" and lengths.get("chrM", cambridge) is None:
            return "it is not said whether chrM is the revised Cambridge reference"
    return ""
