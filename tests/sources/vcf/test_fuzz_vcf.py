"""Whatever bytes come in as a VCF, its index or its regions: only a `PolluxError` comes out.

POLLUX_SOAK=1 asks for many more examples.
"""

import gzip
import os
import random
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pollux.care.treatment import genes
from pollux.errors import PolluxError
from pollux.record.genotype import Genotypes
from pollux.sources import vcf
from tests.sources.vcf.made import row, text

MANY = 5_000 if os.environ.get("POLLUX_SOAK") else 150
fuzz = settings(max_examples=MANY, deadline=None, suppress_health_check=[HealthCheck.too_slow])
SITES = genes.sites(("CYP2C19", "UGT1A1", "DPYD", "MT-RNR1"))
FILES = Path(__file__).parent / "files"
SPLINTERS = (
    b"\t", b"\n", b"\r\n", b"0/1", b".|.", b"9" * 40,
    b"<NON_REF>", b"<*>", b"*", b"END=", b"END=-1", b"END=" + b"9" * 30,
    b"\x00", b"\xff\xfe", b"chr10", b"chrM", b"#CHROM",
    b"##contig=<ID=chr1,length=1>", b"PASS", b"./1", b"GT:PS", b":::",
    b"[chr1:5[", "é".encode(), b"-5", b"1e9", b"0|1|2", b"A" * 3000, b",,,",
)  # fmt: skip
SOUND = text(
    [
        row("chr10", 94781859, "G", "A", "0|1", fields="PS:DP:GQ:AD", values="94781859:30:99:15,15"),
        row("chr10", 94700000, "N", "<NON_REF>", "0/0", info="END=94790000", fields="MIN_DP:GQ", values="30:99"),
        row("chr2", 233760233, "CAT", "CATAT,<*>", "1/1"),
        row("chr1", 97740410, "GATGA", "G", "./1"),
        row("chrM", 1555, "A", "G", "1"),
    ]
).encode()


def survives(content: bytes, name: str = "fuzzed.vcf", beside: dict[str, bytes] | None = None) -> None:
    """The file is read or refused, the calls are made, and reading it again gives the same."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(content)
        os.utime(path, (1, 1))
        for suffix, data in (beside or {}).items():
            path.with_name(name + suffix).write_bytes(data)
        try:
            found = vcf.read(path, SITES)
        except PolluxError:
            return
        assert isinstance(found, Genotypes)
        assert len(found.observations) == len(SITES)
        genes.call(found, genes=("CYP2C19", "UGT1A1", "DPYD", "MT-RNR1"))
        assert vcf.read(path, SITES) == found


@st.composite
def damaged(draw: st.DrawFn, sound: bytes = SOUND) -> bytes:
    """A sound file with some of its bytes changed, doubled, left out or splintered."""
    content = bytearray(sound)
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, len(content)))
        kind = draw(st.integers(0, 4))
        if kind == 0:
            content[at : at + 1] = draw(st.binary(max_size=3))
        elif kind == 1:
            del content[at : at + draw(st.integers(1, 60))]
        elif kind == 2:
            content[at:at] = draw(st.sampled_from(SPLINTERS))
        elif kind == 3:
            content[at:at] = content[draw(st.integers(0, len(content))) :][:80]
        else:
            content = content[:at]
    return bytes(content)


def test_the_sound_file_is_read() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sound.vcf"
        path.write_bytes(SOUND)
        assert sum(one.tested for one in vcf.read(path, SITES).observations) > 5


@fuzz
@given(st.binary(max_size=400))
def test_any_bytes_are_refused_or_read(content: bytes) -> None:
    survives(content)


@fuzz
@given(damaged())
def test_a_damaged_file_is_refused_or_read(content: bytes) -> None:
    survives(content)


@fuzz
@given(damaged(gzip.compress(SOUND, 1, mtime=0)))
def test_a_damaged_gzip_file_is_refused_or_read(content: bytes) -> None:
    survives(content, "fuzzed.vcf.gz")


@pytest.mark.parametrize("suffix", [".tbi", ".csi"])
def test_a_damaged_index_is_refused_or_harmless(suffix: str) -> None:
    chance = random.Random(7)
    file = (FILES / "indexed.vcf.gz").read_bytes()
    whole = gzip.decompress((FILES / f"indexed.vcf.gz{suffix}").read_bytes())
    for _ in range(MANY // 5):
        data = bytearray(whole)
        for _ in range(chance.choice((1, 4, 20))):
            data[chance.randrange(len(data))] = chance.randrange(256)
        survives(file, "fuzzed.vcf.gz", {suffix: gzip.compress(bytes(data), 1)})


def test_a_damaged_bgzip_file_with_an_index_is_refused_or_read() -> None:
    chance = random.Random(8)
    file = (FILES / "indexed.vcf.gz").read_bytes()
    index = (FILES / "indexed.vcf.gz.tbi").read_bytes()
    for _ in range(MANY // 5):
        data = bytearray(file)
        for _ in range(chance.choice((1, 4, 20))):
            data[chance.randrange(len(data))] = chance.randrange(256)
        survives(bytes(data), "fuzzed.vcf.gz", {".tbi": index})
