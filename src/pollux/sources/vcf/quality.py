"""When a row counts as an answer: what makes a position tested is said here and nowhere else.

The thresholds are our own choice: GQ 20 is one wrong genotype in a hundred by the caller's own reckoning, and ten reads
miss one of two alleles in one of 512 (2 · 0.5¹⁰). A row that states neither is taken at its word: arrays state none.
"""

from collections.abc import Sequence

from pollux.sources.vcf.row import Row

LEAST_QUALITY = 20.0  # GQ, phred
LEAST_DEPTH = 10.0  # DP, or MIN_DP of a block: reads
OF_FORM = (
    "PCATxREF",
    "PCATxALT",
    "PCATxINDEL",
)  # marks of PharmCAT's preprocessor, about form: the form is seen to here


def reason_against(row: Row, depths_fit: bool) -> str:
    """Why the row does not count, or "" if it does."""
    if failed := [one for one in (*row.filters, *_of_sample(row)) if one not in OF_FORM]:
        return f"filter {', '.join(failed)}"
    if len(row.called) > 2:
        return f"{len(row.called)} alleles in one genotype"
    if all(one is None for one in row.called):
        return "no call"
    if None in row.called:
        return f"half-call {row.genotype}"
    quality = _least(row, ("GQ",)) if "GQ" in row.fields else _least(row, ("RGQ",))
    if quality is not None and quality < LEAST_QUALITY:
        return f"genotype quality {quality:g} < {LEAST_QUALITY:g}"
    depth = _least(row, ("DP", "MIN_DP"))
    if depth is not None and depth < LEAST_DEPTH:
        return f"depth {depth:g} < {LEAST_DEPTH:g}"
    return _one_sided(row) if depths_fit else ""


def _of_sample(row: Row) -> Sequence[str]:
    return [one for one in row.fields.get("FT", "").split(";") if one not in ("", "PASS")]


def _least(row: Row, keys: Sequence[str]) -> float | None:
    found = []
    for key in keys:
        try:
            found.append(float(row.fields[key]))
        except (KeyError, ValueError):
            continue
    return min(found) if found else None


def _one_sided(row: Row) -> str:
    """Heterozygous by genotype while only one allele has reads: one of the two is wrong."""
    if len(set(row.called)) < 2 or "AD" not in row.fields:
        return ""
    depths = row.fields["AD"].split(",")
    if not all(one.isascii() and one.isdigit() for one in depths):
        return ""
    if sum(int(one) > 0 for one in depths) == 1:
        return f"genotype {row.genotype} but reads of one allele only"
    return ""
