"""Files that are not read, and what is said of them."""

import gzip
from pathlib import Path

import pytest

from pollux.care.treatment import genes
from pollux.errors import RefusedInput
from pollux.record.genotype import Place, Site
from pollux.sources import vcf
from pollux.sources.vcf.blocks import LONGEST
from tests.sources.vcf.made import read, row, text

STAR_2 = Site("rs4244285", "10", Place(94781859, "G"), ("A",), Place(96541616, "G"))
ROWS = [row("chr10", 94781859, "G", "A")]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "the file is empty"),
        ("\n\n", "the file is empty"),
        ("rsid\tchromosome\n", "this is not a VCF"),
        (text([]), "the file holds no variants"),
        (text([]).splitlines()[0] + "\n", "the file ends in its header"),
        (text(ROWS).replace("#CHROM", "##CHROM"), "the line of column names is missing"),
        (text(ROWS).replace("POS", "POSITION"), "the line of column names is not that of a VCF"),
        (
            text(["\t".join(ROWS[0].split("\t")[:8])], samples="").replace("\tFORMAT\t", ""),
            "the file has variants but no genotypes of anybody",
        ),
        (text([ROWS[0] + "\t0/1"]), "the row has 11 columns, not 10"),
        (text([ROWS[0][:20]]), "the row has too few columns"),
        (text([ROWS[0].replace("94781859", "9478185x")]), "the position is not a number"),
        (text([ROWS[0].replace("\tG\t", "\tG1\t")]), "the reference allele is not made of bases"),
        (text([ROWS[0].replace("\tA\t", "\tA;\t")]), "an alternate allele is not made of bases"),
        (text([ROWS[0].replace("0/1", "0/2")]), "the genotype names an allele that the row does not have"),
        (text([ROWS[0].replace("0/1", "0-1")]), "the genotype cannot be read"),
        (text([ROWS[0] + ":35"]), "the sample has more values than the row declares"),
        (text(ROWS, samples="ONE\tONE"), "two samples have one name"),
        (text(ROWS * 70), "more than 64 rows speak of one position"),
    ],
)
def test_a_broken_file_is_refused_with_what_is_wrong(tmp_path: Path, content: str, said: str) -> None:
    with pytest.raises(RefusedInput) as refused:
        read(tmp_path, content, (STAR_2,))
    assert refused.value.what == said
    assert refused.value.advice


def test_every_refusal_names_the_row(tmp_path: Path) -> None:
    with pytest.raises(RefusedInput, match=r"\[made\.vcf line 27\]"):
        read(tmp_path, text([*ROWS, ROWS[0].replace("0/1", "0-1")]), (STAR_2,))


@pytest.mark.parametrize("kept", [30, 200, 340])
def test_a_truncated_gzip_file_is_refused(tmp_path: Path, kept: int) -> None:
    whole = gzip.compress(text(ROWS * 3).encode())
    assert kept < len(whole)
    with pytest.raises(RefusedInput, match=r"the gzip file (ends in the middle|is not intact)"):
        read(tmp_path, whole[:kept], (STAR_2,))


def test_a_gzip_file_with_a_wrong_checksum_is_refused(tmp_path: Path) -> None:
    whole = bytearray(gzip.compress(text(ROWS).encode()))
    whole[-6] ^= 1
    with pytest.raises(RefusedInput, match="the gzip file is not intact"):
        read(tmp_path, bytes(whole), (STAR_2,))


def test_a_line_without_end_is_refused_before_it_fills_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POLLUX_LIMITS", "ratio=10000")
    path = tmp_path / "bomb.vcf.gz"
    with gzip.open(path, "wb", 1) as file:
        file.write(text(ROWS).encode())
        for _ in range(2 + (LONGEST >> 20)):
            file.write(b"A" * (1 << 20))
    with pytest.raises(RefusedInput, match="a line is longer than 64 MiB"):
        vcf.read(path, (STAR_2,))


def test_a_folder_or_a_missing_file_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none.vcf"):
        with pytest.raises(RefusedInput):
            vcf.read(path, (STAR_2,))


def test_the_contents_of_a_record_are_not_in_the_error(tmp_path: Path) -> None:
    with pytest.raises(RefusedInput) as refused:
        read(tmp_path, text([ROWS[0].replace("\tG\t", "\tSECRET1\t")]), (STAR_2,))
    assert "SECRET" not in str(refused.value)


def test_a_swapped_allele_is_refused(tmp_path: Path) -> None:
    rows = [*ROWS, row("chr10", 94775507, "A", "G")]
    swapped = Site("rs4986893", "10", Place(94780653, "G"), ("A",))
    with pytest.raises(RefusedInput) as refused:
        read(tmp_path, text([*rows, row("chr10", 94780653, "A", "G", "1/1")]), (STAR_2, swapped))
    assert refused.value.what == "the reference allele is not that of GRCh38 at 10:94780653 (rs4986893)"
    assert "swapped" in refused.value.advice


def _on(build: str, many: int = 30) -> list[str]:
    """Rows as a file on a build has them."""
    rows = []
    for site in genes.sites(("CYP2C19", "TPMT"))[:many]:
        place = site.grch38 if build == "GRCh38" else site.grch37
        if place is not None and len(place.reference) == 1:
            rows.append(row(f"chr{site.chromosome}", place.position, place.reference, ".", "0/0"))
    return rows


@pytest.mark.parametrize("build", ["GRCh38", "GRCh37"])
def test_the_build_shows_in_the_reference_alleles_alone(tmp_path: Path, build: str) -> None:
    sites = genes.sites(("CYP2C19", "TPMT"))
    assert read(tmp_path, text(_on(build), build=None), sites).build == build


def test_a_file_that_its_header_puts_on_the_wrong_build_is_refused(tmp_path: Path) -> None:
    sites = genes.sites(("CYP2C19", "TPMT"))
    with pytest.raises(RefusedInput, match="those of GRCh37, but the file is said to be on GRCh38"):
        read(tmp_path, text([*_on("GRCh37"), row("chr10", 94781859, "T", "C")]), sites)


def test_a_file_of_which_nothing_tells_the_build_is_refused_until_it_is_said(tmp_path: Path) -> None:
    content = text([row("chr3", 1000, "A", "C")], build=None)
    with pytest.raises(RefusedInput, match=r'nothing in the file says .*build="GRCh38"'):
        read(tmp_path, content, (STAR_2,))
    assert read(tmp_path, content, (STAR_2,), build="GRCh37").build == "GRCh37"


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("##reference=file:///refs/chm13v2.0.fa", "neither GRCh38 nor GRCh37"),
        ("##reference=NCBI36", "neither GRCh38 nor GRCh37"),
        ("##contig=<ID=chr1,length=247249719>", "neither GRCh38 nor GRCh37"),
        ("##contig=<ID=chr1,length=248956422,assembly=hg19>", "two genome builds"),
    ],
)
def test_another_build_or_two_are_refused(tmp_path: Path, more: str, said: str) -> None:
    with pytest.raises(RefusedInput, match=said):
        read(tmp_path, text(ROWS, build=None, more=[more]), (STAR_2,))


def test_what_is_asked_for_must_be_what_the_header_says(tmp_path: Path) -> None:
    with pytest.raises(RefusedInput, match="on GRCh38 by its header, not on GRCh37"):
        read(tmp_path, text(ROWS), (STAR_2,), build="GRCh37")


def test_a_broken_bed_file_is_refused(tmp_path: Path) -> None:
    bed = tmp_path / "callable.bed"
    for content in ("chr10\t5\n", "chr10\t9\t5\n", "chr10\ta\tb\n", "# nothing\n"):
        bed.write_text(content)
        with pytest.raises(RefusedInput):
            read(tmp_path, text(ROWS), (STAR_2,), callable_regions=bed)
