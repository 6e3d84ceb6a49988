"""One allele may be written in many ways, on two builds: what is seen is the same."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pollux.care.treatment import genes
from pollux.record.genotype import Place, Site
from tests.sources.vcf.made import read, row, seen, text

SITES = genes.sites()
INDELS = [site for site in SITES if site.length_changes and site.chromosome != "MT"]


def writings(site: Site, allele: str) -> Iterator[tuple[int, str, str]]:
    """Every way to write an allele within the window of its site: where, reference, alternate."""
    whole = site.window
    changed = allele + whole[len(site.grch38.reference) :]
    for start in range(len(whole)):
        for end in range(start + 1, len(whole) + 1):
            cut = len(changed) - (len(whole) - end)
            if cut > start and changed[:start] == whole[:start] and changed[cut:] == whole[end:]:
                yield site.grch38.position + start, whole[start:end], changed[start:cut]


@pytest.mark.parametrize("site", INDELS, ids=lambda site: site.name)
def test_an_indel_is_the_same_wherever_it_is_put_in_its_repeat_and_however_it_is_padded(
    site: Site, tmp_path: Path
) -> None:
    for allele in site.alternates:
        ways = list(writings(site, allele))
        assert ways
        for position, reference, alternate in ways:
            rows = [row(f"chr{site.chromosome}", position, reference, alternate, "0/1")]
            assert seen(tmp_path, rows, site).alleles == (site.grch38.reference, allele), (position, reference)


def test_the_windows_of_all_sites_agree_where_they_overlap() -> None:
    known: dict[tuple[str, int], str] = {}
    for site in SITES:
        for at, base in enumerate(site.window):
            place = site.chromosome, site.grch38.position + at
            assert known.setdefault(place, base) == base, site.name


def test_both_builds_give_the_same_observations(tmp_path: Path) -> None:
    """Where GRCh37 has another reference base, the row there is written the other way round."""
    sites = [site for site in SITES if site.grch37 is not None and site.chromosome != "MT"]
    older: list[str] = []
    newer: list[str] = []
    for site in sites:
        held = (site.grch38.reference, site.alternates[0])
        for place, rows in ((site.grch37, older), (site.grch38, newer)):
            assert place is not None
            others = [allele for allele in (site.grch38.reference, *site.alternates) if allele != place.reference]
            letters = [place.reference, *others]
            called = "|".join(str(letters.index(allele)) for allele in held)
            rows.append(row(f"chr{site.chromosome}", place.position, place.reference, ",".join(others), called))
    new = read(tmp_path, text(newer), sites)
    old = read(tmp_path, text(older, build="GRCh37"), sites)
    assert (old.build, new.build) == ("GRCh37", "GRCh38")
    assert old.observations == new.observations
    assert all(one.heterozygous for one in new.observations)


def test_the_reference_of_the_older_build_is_not_taken_for_that_of_the_newer(tmp_path: Path) -> None:
    """CYP2C19 rs3758581: GRCh37 has the base of *1, GRCh38 that of *38."""
    site = next(one for one in SITES if one.name == "rs3758581")
    assert site.grch37 is not None
    assert (site.grch38.reference, site.grch37.reference) == ("A", "G")
    rows = [row("chr10", 96521657, "C", "T", "0/0")]
    for build, expected in (("GRCh37", "G"), ("GRCh38", "A")):
        content = text(rows, build=build)  # type: ignore[arg-type]
        found = read(tmp_path, content, (site,), absent_is_reference=True)
        assert found.observations[0].alleles == (expected, expected)


def test_a_site_without_an_older_position_is_not_tested_there(tmp_path: Path) -> None:
    site = Site("rs1", "10", Place(94781859, "G"), ("A",))
    found = read(tmp_path, text([row("chr10", 5, "A", "C")], build="GRCh37"), (site,), absent_is_reference=True)
    assert found.observations[0].untested == "its position on GRCh37 was never read"


@pytest.mark.parametrize(
    ("contig", "tested"), [("<ID=chrM,length=16569>", True), ("<ID=chrM,length=16571>", False), ("<ID=MT>", True)]
)
def test_the_mitochondrial_reference_must_be_the_revised_cambridge_one(
    tmp_path: Path, contig: str, tested: bool
) -> None:
    site = next(one for one in SITES if one.name == "m.1555A")
    name = "MT" if "MT" in contig else "chrM"
    content = text([row(name, 1555, "A", "G", "1")], build="GRCh37", more=[f"##contig={contig}"])
    assert read(tmp_path, content, (site,)).observations[0].tested is tested
