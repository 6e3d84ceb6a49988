"""What costs more than its limits allow is refused, with which limit and how to raise it."""

import gzip
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pollux.errors import RefusedInput
from pollux.plans import parse
from pollux.record.budget import Limits, limits
from pollux.sources import read
from pollux.sources.vcf import read as genome
from pollux.store import Store
from tests.sources.growing import fhir_history, nightscout_again, table, vcf

NOW = datetime(2036, 1, 1, tzinfo=UTC)
BLANK = (b" " * 1023 + b"\n") * (40 << 10)  # 40 MB


def read_all(path: Path, allowed: Limits | None = None) -> int:
    return sum(1 for _ in read(path, learned=NOW, person="p1", timezone="UTC", limits=allowed))


def file(folder: Path, content: bytes) -> Path:
    path = folder / "file"
    path.write_bytes(content)
    return path


def test_a_bomb_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    bomb = file(tmp_path, gzip.compress(table(2) + BLANK))
    with pytest.raises(RefusedInput) as caught:
        read(bomb, learned=NOW, person="p1")
    assert str(caught.value) == (
        "the file is so many times larger unpacked than packed that it may be a bomb; the limit is 200 [file]. "
        "If it is to be trusted, raise it: POLLUX_LIMITS=ratio=400, or --limits ratio=400."
    )


def test_a_file_that_is_trusted_comes_in_with_higher_limits(tmp_path: Path) -> None:
    assert read_all(file(tmp_path, gzip.compress(table(2) + BLANK)), Limits(ratio=2000)) == 3


def test_a_genome_that_is_a_bomb_is_refused(tmp_path: Path) -> None:
    content = vcf(1) + b"##" + b"x" * (40 << 20)
    with pytest.raises(RefusedInput, match="may be a bomb; the limit is 200"):
        genome(file(tmp_path, gzip.compress(content)), [])


def test_a_file_larger_than_the_limit_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RefusedInput, match="more MB than are read; the limit is 1 "):
        read_all(file(tmp_path, table(40_000)), Limits(expanded=1))


def test_more_rows_than_the_limit_are_refused(tmp_path: Path) -> None:
    assert read_all(file(tmp_path, table(10)), Limits(rows=11)) == 11
    with pytest.raises(RefusedInput, match="more things than are read from one file; the limit is 10 "):
        read_all(file(tmp_path, table(10)), Limits(rows=10))


def test_more_time_than_a_file_of_its_size_is_given_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RefusedInput, match="s of processor time, too much for its size"):
        read_all(file(tmp_path, table(1000)), Limits(cpu=1e-4))


@pytest.mark.parametrize("content", [fhir_history(12), nightscout_again(12)], ids=["document", "event"])
def test_more_versions_than_the_limit_are_refused_and_nothing_of_them_is_kept(content: bytes, tmp_path: Path) -> None:
    path = file(tmp_path, content)
    with Store.open(tmp_path / "store.pollux.db") as store:
        with pytest.raises(RefusedInput, match="too many versions; the limit is 10 "):
            store.take(read(path, learned=NOW, person="p1", timezone="UTC"), NOW, limits=Limits(versions=10))
        assert store.people() == []
        assert store.take(
            read(path, learned=NOW, person="p1", timezone="UTC"), NOW, limits=Limits(versions=12)
        ).accepted


def test_a_file_is_read_before_the_store_is_busy_with_it(tmp_path: Path) -> None:
    with Store.open(tmp_path / "store.pollux.db") as store:

        def entries() -> object:
            store.take([], NOW)  # another import, which would wait for this one for ever
            yield from ()

        assert store.take(entries(), NOW).accepted == 0  # type: ignore[arg-type]


def test_a_longer_plan_than_the_limit_is_refused() -> None:
    assert len(parse(", ".join(["bolus 1 U"] * 100), NOW).events) == 100
    with pytest.raises(RefusedInput, match="the plan has too many steps, or signs; the limit is 100 "):
        parse(", ".join(["bolus 1 U"] * 101), NOW)
    with pytest.raises(RefusedInput, match="too many steps, or signs"):
        parse("meal" + " " * 100_000 + "x", NOW)


def test_limits_are_stated_by_the_variable_and_then_by_the_option(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLLUX_LIMITS", "cpu=600,rows=5")
    assert limits("rows=7") == Limits(cpu=600.0, rows=7)


@pytest.mark.parametrize("text", ["cpu", "cpu=-1", "cpu=many", "cpu=nan", "time=3", "rows=1e99"])
def test_a_limit_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(RefusedInput):
        limits(text)
