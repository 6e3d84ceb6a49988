"""What counts as tested, and what was seen there."""

from pathlib import Path

import pytest

from pollux.errors import RefusedInput
from pollux.record.genotype import Observation, Place, Site
from tests.sources.vcf.made import read, row, seen, text

STAR_2 = Site("rs4244285", "10", Place(94781859, "G"), ("A",), Place(96541616, "G"))
REPEAT = Site("rs3064744", "2", Place(233760233, "CAT"), ("C", "CATAT", "CATATAT"), window="CATATATATATATATA")
OTHER = row("chr10", 94762706, "A", "G", "0/0")


def test_a_position_without_a_row_is_not_tested(tmp_path: Path) -> None:
    assert seen(tmp_path, [OTHER], STAR_2) == Observation("rs4244285", untested="absent from the file")


def test_absence_is_reference_only_as_an_assumption(tmp_path: Path) -> None:
    found = read(tmp_path, text([OTHER]), (STAR_2,), absent_is_reference=True)
    assert found.observations[0].alleles == ("G", "G")
    assert found.assumptions == ("positions absent from the file were taken for reference",)


def test_nothing_is_assumed_where_every_position_has_a_row(tmp_path: Path) -> None:
    rows = [row("chr10", 94781859, "G", "A", "0/0")]
    assert not read(tmp_path, text(rows), (STAR_2,), absent_is_reference=True).assumptions


def test_a_failed_row_is_not_reference_even_where_absence_is(tmp_path: Path) -> None:
    rows = [row("chr10", 94781859, "G", "A", "0/1", filters="LowQual")]
    assert seen(tmp_path, rows, STAR_2, absent_is_reference=True).untested == "filter LowQual"


@pytest.mark.parametrize(
    ("region", "tested"), [((94781858, 94781859), True), ((94781859, 94781900), False), ((94781800, 94781858), False)]
)
def test_callable_regions_count_from_zero_and_leave_the_end_out(
    tmp_path: Path, region: tuple[int, int], tested: bool
) -> None:
    bed = tmp_path / "callable.bed"
    bed.write_text(f"track name=x\nchr10\t{region[0]}\t{region[1]}\n")
    found = read(tmp_path, text([OTHER]), (STAR_2,), callable_regions=bed)
    assert found.observations[0].tested is tested
    assert bool(found.assumptions) is tested


@pytest.mark.parametrize(
    ("genotype", "alleles", "phase"),
    [
        ("0/1", ("G", "A"), None),
        ("1/0", ("A", "G"), None),
        ("0|1", ("G", "A"), ""),
        ("1|1", ("A", "A"), ""),
        ("1", ("A",), None),
    ],
)
def test_a_genotype_is_read_in_its_order(
    tmp_path: Path, genotype: str, alleles: tuple[str, ...], phase: str | None
) -> None:
    found = seen(tmp_path, [row("chr10", 94781859, "G", "A", genotype)], STAR_2)
    assert (found.alleles, found.phase) == (alleles, phase)


def test_a_phase_set_keeps_its_name(tmp_path: Path) -> None:
    found = seen(tmp_path, [row("chr10", 94781859, "G", "A", "0|1", fields="PS", values="94781859")], STAR_2)
    assert found.phase == "94781859"


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"genotype": "./1"}, "half-call ./1"),
        ({"genotype": "1|."}, "half-call 1|."),
        ({"genotype": "./."}, "no call"),
        ({"genotype": "0/0/1"}, "3 alleles in one genotype"),
        ({"filters": "q10;s50"}, "filter q10, s50"),
        ({"fields": "FT", "values": "LowGQ"}, "filter LowGQ"),
        ({"fields": "GQ", "values": "19"}, "genotype quality 19 < 20"),
        ({"fields": "RGQ", "values": "3"}, "genotype quality 3 < 20"),
        ({"fields": "DP", "values": "9"}, "depth 9 < 10"),
        ({"fields": "DP:MIN_DP", "values": "30:4"}, "depth 4 < 10"),
        ({"fields": "AD", "values": "91,0"}, "genotype 0/1 but reads of one allele only"),
    ],
)
def test_a_row_that_does_not_suffice_is_not_tested_and_says_why(
    tmp_path: Path, given: dict[str, str], why: str
) -> None:
    assert seen(tmp_path, [row("chr10", 94781859, "G", "A", **given)], STAR_2) == Observation("rs4244285", untested=why)


@pytest.mark.parametrize("given", [{"fields": "GQ:DP", "values": "20:10"}, {"filters": "."}, {"filters": "PCATxALT"}])
def test_a_row_at_the_thresholds_counts(tmp_path: Path, given: dict[str, str]) -> None:
    assert seen(tmp_path, [row("chr10", 94781859, "G", "A", **given)], STAR_2).tested


def test_depths_that_are_not_declared_one_an_allele_are_not_trusted(tmp_path: Path) -> None:
    one_sided = row("chr10", 94781859, "G", "A", fields="AD", values="91,0")
    declared = '##FORMAT=<ID=AD,Number=.,Type=Integer,Description="Depth">'
    assert read(tmp_path, text([one_sided], more=[declared]), (STAR_2,)).observations[0].tested


@pytest.mark.parametrize("block", ["<NON_REF>", "<*>", "."])
@pytest.mark.parametrize(
    ("start", "end", "values", "tested"),
    [(94700000, 94790000, "35:99", True), (94781859, 94781859, "35:99", True), (94700000, 94781858, "35:99", False),
     (94700000, 94790000, "35:12", False), (94700000, 94790000, "6:99", False)],
)  # fmt: skip
def test_a_block_of_reference_tests_what_it_covers_where_depth_and_quality_suffice(
    tmp_path: Path, block: str, start: int, end: int, values: str, tested: bool
) -> None:
    rows = [row("chr10", start, "N", block, "0/0", info=f"END={end}", fields="MIN_DP:GQ", values=values)]
    found = seen(tmp_path, rows, STAR_2)
    assert found.alleles == (("G", "G") if tested else ())


def test_the_first_base_of_a_deletion_does_not_test_the_deletion(tmp_path: Path) -> None:
    deletion = Site("rs9332131", "10", Place(94949281, "GA"), ("G",), window="GAA")
    assert not seen(tmp_path, [row("chr10", 94949281, "G", ".", "0/0")], deletion).tested
    assert not seen(tmp_path, [row("chr10", 94949281, "G", "T", "0/1")], deletion).tested
    assert seen(tmp_path, [row("chr10", 94949281, "GA", ".", "0/0")], deletion).alleles == ("GA", "GA")


@pytest.mark.parametrize("named", ["chr10", "10", "NC_000010.11"])
def test_a_chromosome_may_go_by_any_of_its_names(tmp_path: Path, named: str) -> None:
    assert seen(tmp_path, [row(named, 94781859, "G", "A")], STAR_2).alleles == ("G", "A")


@pytest.mark.parametrize(
    ("reference", "alternates", "genotype", "alleles"),
    [
        ("CAT", "C,CATAT,CATATAT", "1/3", ("C", "CATATAT")),
        ("C", "CAT", "0/1", ("CAT", "CATAT")),
        ("CATAT", "CATATAT,CAT", "1/2", ("CATAT", "C")),
        ("CAT", "CATAT,<NON_REF>", "0/1", ("CAT", "CATAT")),
    ],
)
def test_a_repeat_is_the_same_however_long_its_reference_is_written(
    tmp_path: Path, reference: str, alternates: str, genotype: str, alleles: tuple[str, ...]
) -> None:
    assert seen(tmp_path, [row("chr2", 233760233, reference, alternates, genotype)], REPEAT).alleles == alleles


def test_rows_split_by_allele_are_one_genotype(tmp_path: Path) -> None:
    site = Site("rs72558189", "10", Place(94942234, "G"), ("A", "T"))
    rows = [row("chr10", 94942234, "G", "A", "0/1"), row("chr10", 94942234, "G", "T", "0/1")]
    assert sorted(seen(tmp_path, rows, site).alleles) == ["A", "T"]
    rows = [row("chr10", 94942234, "G", "A", "0|1"), row("chr10", 94942234, "G", "T", "1|0")]
    assert seen(tmp_path, rows, site).alleles == ("T", "A")


def test_the_same_row_twice_is_one_row(tmp_path: Path) -> None:
    assert seen(tmp_path, [row("chr10", 94781859, "G", "A")] * 2, STAR_2).alleles == ("G", "A")


def test_rows_that_contradict_each_other_are_no_answer(tmp_path: Path) -> None:
    rows = [row("chr10", 94781859, "G", "A", "0/1"), row("chr10", 94781859, "G", "A", "1/1")]
    assert "contradict" in seen(tmp_path, rows, STAR_2).untested


def test_an_allele_that_is_not_written_out_is_no_answer(tmp_path: Path) -> None:
    assert seen(tmp_path, [row("chr10", 94781859, "G", "A,<*>", "1/2")], STAR_2).untested == (
        "the allele <*> is not written out"
    )
    assert seen(tmp_path, [row("chr10", 94781859, "G", "A,*", "1/2")], STAR_2).untested == "a deletion reaches over it"


def test_a_deletion_over_a_base_is_no_answer_for_the_base_but_a_row_of_its_own_is(tmp_path: Path) -> None:
    deletion = row("chr10", 94781857, "ACG", "A", "0/1")
    assert seen(tmp_path, [deletion], STAR_2).untested == "another insertion or deletion reaches over it"
    assert seen(tmp_path, [deletion, row("chr10", 94781859, "G", "A", "0/0")], STAR_2).alleles == ("G", "G")
    assert seen(tmp_path, [row("chr10", 94781857, "ACG", "A", "0/0")], STAR_2).untested == "absent from the file"


def test_two_bases_changed_together_are_read_base_by_base(tmp_path: Path) -> None:
    assert seen(tmp_path, [row("chr10", 94781858, "CG", "TA", "0/1")], STAR_2).alleles == ("G", "A")
    both = Site("19:g.38580039_38580040delinsAA", "19", Place(38580039, "TT"), ("AA",))
    assert seen(tmp_path, [row("chr19", 38580039, "TT", "AA", "0/1")], both).alleles == ("TT", "AA")
    apart = [row("chr19", 38580039, "T", "A", "0|1"), row("chr19", 38580040, "T", "A", "0|1")]
    assert seen(tmp_path, apart, both).alleles == ("TT", "AA")
    unphased = [row("chr19", 38580039, "T", "A", "0/1"), row("chr19", 38580040, "T", "A", "0/1")]
    assert not seen(tmp_path, unphased, both).tested


def test_of_several_samples_one_must_be_chosen(tmp_path: Path) -> None:
    content = text([row("chr10", 94781859, "G", "A", "0/1") + "\t1/1"], samples="ONE\tTWO")
    with pytest.raises(RefusedInput, match=r"the file has 2 samples \[made\.vcf\]\. Name one of: ONE, TWO\."):
        read(tmp_path, content, (STAR_2,))
    with pytest.raises(RefusedInput, match="no sample 'THREE'"):
        read(tmp_path, content, (STAR_2,), sample="THREE")
    found = read(tmp_path, content, (STAR_2,), sample="TWO")
    assert (found.sample, found.observations[0].alleles) == ("TWO", ("A", "A"))


def test_the_order_of_rows_changes_nothing(tmp_path: Path) -> None:
    rows = [row("chr10", 94781859, "G", "A"), OTHER, row("chr2", 233760233, "C", "CAT", "0/1")]
    sites = (STAR_2, REPEAT)
    assert read(tmp_path, text(rows), sites) == read(tmp_path, text(reversed(rows)), sites)


def test_windows_line_ends_and_a_missing_last_one_change_nothing(tmp_path: Path) -> None:
    content = text([row("chr10", 94781859, "G", "A"), OTHER])
    plain = read(tmp_path, content, (STAR_2,))
    assert read(tmp_path, content.replace("\n", "\r\n"), (STAR_2,)) == plain
    assert read(tmp_path, content.rstrip("\n"), (STAR_2,)) == plain
