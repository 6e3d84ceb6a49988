"""Reading by an index gives what reading everything gives.

`files/indexed.vcf.gz` and its two indexes were written by htslib (through pysam): 1,200 rows of seven chromosomes, with
blocks of reference that begin far before the sites they cover.
"""

import gzip
import os
import shutil
from pathlib import Path

import pytest

from pollux.care.treatment import genes
from pollux.errors import RefusedInput
from pollux.sources import vcf
from pollux.sources.vcf import index

HERE = Path(__file__).parent / "files"
SITES = genes.sites()


def copied(folder: Path, suffix: str = "") -> Path:
    """The file in a folder of its own, with an index that is newer than it."""
    path = folder / "indexed.vcf.gz"
    shutil.copy(HERE / path.name, path)
    if suffix:
        beside = path.with_name(path.name + suffix)
        shutil.copy(HERE / beside.name, beside)
        os.utime(path, (1, 1))
    return path


@pytest.mark.parametrize("suffix", [".tbi", ".csi"])
def test_by_an_index_the_same_is_seen_as_without(suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    without = vcf.read(copied(tmp_path), SITES)
    path = copied(tmp_path, suffix)
    assert index.beside(path) is not None
    monkeypatch.setattr("pollux.sources.vcf.gathering._scan", lambda *_: pytest.fail("the whole file was read"))
    assert vcf.read(path, SITES) == without
    assert genes.call(without)["CYP2C19"].matched[0].name == "*1/*2"


def test_a_block_that_begins_far_away_is_found(tmp_path: Path) -> None:
    found = vcf.read(copied(tmp_path, ".tbi"), SITES).by_site()
    tested = [site for site in SITES if site.chromosome == "6" and site.grch38.position <= 18_140_000]
    assert tested
    assert all(found[site.name].alleles == (site.grch38.reference,) * 2 for site in tested)
    thin = [site for site in SITES if site.chromosome == "6" and site.grch38.position > 18_140_000]
    assert all(found[site.name].untested == "depth 5 < 10" for site in thin)


def test_an_index_older_than_its_file_is_passed_over(tmp_path: Path) -> None:
    path = copied(tmp_path, ".tbi")
    os.utime(path.with_name(path.name + ".tbi"), (0, 0))
    assert index.beside(path) is None
    assert vcf.read(path, SITES).observations == vcf.read(copied(tmp_path), SITES).observations


def test_a_bgzip_file_without_its_end_is_refused(tmp_path: Path) -> None:
    path = copied(tmp_path, ".tbi")
    path.write_bytes(path.read_bytes()[:-10])
    os.utime(path, (1, 1))
    with pytest.raises(RefusedInput, match="the bgzip file has lost its end"):
        vcf.read(path, SITES)


def test_an_index_of_another_file_is_refused_or_harmless(tmp_path: Path) -> None:
    path = copied(tmp_path, ".tbi")
    other = gzip.compress(gzip.decompress(path.read_bytes()).replace(b"chr10", b"chr11"))
    path.write_bytes(other)
    os.utime(path, (1, 1))
    with pytest.raises(RefusedInput):
        vcf.read(path, SITES)


@pytest.mark.parametrize("suffix", [".tbi", ".csi"])
def test_a_broken_index_is_refused_with_advice(suffix: str, tmp_path: Path) -> None:
    path = copied(tmp_path, suffix)
    beside = path.with_name(path.name + suffix)
    whole = gzip.decompress(beside.read_bytes())
    for broken in (whole[: len(whole) // 2], b"BAI\1" + whole[4:], whole[:4] + b"\xff" * 40 + whole[44:], b""):
        beside.write_bytes(gzip.compress(broken))
        with pytest.raises(RefusedInput) as refused:
            vcf.read(path, SITES)
        assert "Make the index anew" in refused.value.advice
