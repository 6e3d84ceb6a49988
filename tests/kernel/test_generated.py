"""Generated code is kept as real files, complete and keyed by what it computes."""

import subprocess
import sys
from pathlib import Path

import pytest

from pollux.kernel import generated
from pollux.kernel.generated import cache_folder, load

SOURCE = "ANSWER = {}\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("POLLUX_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_the_folder_can_be_chosen(folder: Path) -> None:
    assert cache_folder() == folder


def test_without_a_choice_the_users_cache_folder_is_taken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("POLLUX_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(sys, "platform", "linux")
    assert cache_folder() == tmp_path / "pollux"


def test_a_file_is_written_once_for_each_key(folder: Path) -> None:
    first = load("test", "one", lambda: SOURCE.format(1))
    again = load("test", "one", lambda: SOURCE.format(2))
    other = load("test", "two", lambda: SOURCE.format(3))
    assert (first.ANSWER, again.ANSWER, other.ANSWER) == (1, 1, 3)
    assert len(list(folder.glob("pollux_generated_test_*.py"))) == 2
    assert not list(folder.glob(".writing-*"))


def _writes(text: str) -> bool:
    return "@njit" in text or "@assembled" in text or "@inlined" in text


def test_every_file_that_writes_code_counts_in_the_version() -> None:
    folder = Path(generated.__file__).parent
    writers = {path.stem for path in folder.glob("*.py") if _writes(path.read_text(encoding="utf-8"))}
    assert writers <= set(generated.GENERATORS)
    assert all((folder / f"{name}.py").exists() for name in generated.GENERATORS)


def test_source_that_cannot_run_leaves_no_module_behind(folder: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        load("test", "broken", lambda: "1 / 0\n")
    assert not any("test" in name and "broken" in name for name in sys.modules)


def test_where_the_folder_cannot_be_written_a_temporary_one_serves(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("POLLUX_CACHE", str(tmp_path / "file" / "cache"))
    assert load("test", "elsewhere", lambda: SOURCE.format(4)).ANSWER == 4
    assert not list(tmp_path.glob("**/*.py"))


@pytest.mark.slow
def test_a_second_process_finds_the_code_compiled(folder: Path) -> None:
    program = (
        "from pollux.kernel.generated import load\n"
        "from pollux.kernel.writing import HEADER\n"
        "text = HEADER + '@njit(**FAST)\\ndef double(x):\\n    return _exp(x)\\n'\n"
        "code = load('test', 'warm', lambda: text)\n"
        "code.double(1.0)\n"
        "print(sum(code.double.stats.cache_hits.values()))\n"
    )
    hits = [
        subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.strip()
        for _ in range(2)
    ]
    assert hits == ["0", "1"]
