"""Code that may run: from a folder that is this user's alone, what was written now, and never a foreign pickle."""

import os
import pickle
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pollux.errors import PolluxError
from pollux.kernel import generated, own_folder
from pollux.kernel.generated import check_cache, load
from pollux.kernel.own_folder import make_own, trouble

SOURCE = "ANSWER = {}\n"
JITTED = "from numba import njit\n@njit(cache=True)\ndef double(x):\n    return 2.0 * x\n"
PROGRAM = (
    "import sys\nfrom pollux.kernel.generated import load\n"
    f"code = load('test', 'jitted', lambda: {JITTED!r})\n"
    "assert code.double(2.0) == 4.0\n"
    "print(sum(code.double.stats.cache_hits.values()) if 'NullCache' not in repr(code.double._cache) else 'not kept')\n"
)
OWNER = pytest.mark.skipif(os.geteuid() != 0, reason="needs another user's files")


class Planted:
    """A pickle that writes a file when it is read."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return Path.touch, (self.mark,)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("POLLUX_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def no_mask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def double() -> tuple[str, str]:
    """What a new process says that loads a jitted function: whether it was found compiled, and its complaints."""
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    return done.stdout.strip(), done.stderr


@pytest.mark.usefixtures("no_mask")
def test_the_folder_is_made_for_its_owner_alone_whatever_the_umask_says(folder: Path) -> None:
    assert make_own(folder / "deep" / "er") == ""
    assert {(path.stat().st_mode & 0o777) for path in (folder, folder / "deep", folder / "deep" / "er")} == {0o700}


def test_a_folder_that_others_may_write_is_not_used_and_it_is_said_once(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder.mkdir()
    folder.chmod(0o777)
    (folder / "planted.py").write_text("1 / 0")
    load("test", "open", lambda: SOURCE.format(1))
    load("test", "open again", lambda: SOURCE.format(1))
    assert [path.name for path in folder.iterdir()] == ["planted.py"]
    assert caplog.messages == [
        f"compiled models are not kept: others may write into {folder}. Name a folder of your own in $POLLUX_CACHE."
    ]
    with pytest.raises(PolluxError, match="compiled models cannot be kept"):
        check_cache()


def test_every_step_to_the_folder_counts(tmp_path: Path) -> None:
    above = tmp_path / "above"
    (above / "cache").mkdir(parents=True)
    above.chmod(0o777)
    assert trouble(above / "cache") == f"others may write into {above}"
    (tmp_path / "link").symlink_to(above / "cache")
    assert trouble(tmp_path / "link") == f"others may write into {above}"
    assert trouble(tmp_path / "link" / ".." / ".." / "link") == f"others may write into {above}"
    above.chmod(0o1777)  # as /tmp: nobody can rename what is another's
    assert trouble(above / "cache") == ""
    (above / "cache").chmod(0o770)
    assert trouble(above / "cache") == f"others may write into {above / 'cache'}"
    (tmp_path / "ring").symlink_to(tmp_path / "ring")
    assert "Too many links" in trouble(tmp_path / "ring")
    assert "No such file" in trouble(tmp_path / "none")


@OWNER
def test_what_another_user_owns_is_not_used(tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir()
    os.chown(tmp_path / "cache", 12345, -1)
    assert make_own(tmp_path / "cache") == f"{tmp_path / 'cache'} belongs to another user"
    (tmp_path / "link").symlink_to(tmp_path)
    os.lchown(tmp_path / "link", 12345, -1)
    assert trouble(tmp_path / "link") == f"{tmp_path / 'link'} belongs to another user"


@OWNER
def test_what_others_left_or_could_have_changed_is_removed(folder: Path) -> None:
    inside = folder / "__pycache__"
    inside.mkdir(parents=True, mode=0o755)
    for name in ("theirs", "open", "mine"):
        (inside / name).write_text("")
    os.chown(inside / "theirs", 12345, -1)
    (inside / "open").chmod(0o666)
    (inside / "link").symlink_to(inside / "mine")
    assert make_own(folder) == ""
    assert [path.name for path in inside.iterdir()] == ["mine"]
    (inside / "since shut").touch()
    (inside / "since shut").chmod(0o666)  # as numba makes it under a loose umask, where nobody else can reach it
    assert make_own(folder) == ""
    assert sorted(path.name for path in inside.iterdir()) == ["mine", "since shut"]


def test_a_foreign_source_is_made_again_and_never_run(folder: Path) -> None:
    load("test", "foreign", lambda: SOURCE.format(1))
    (path,) = folder.glob("pollux_generated_test_*.py")
    mark = folder / "was run"
    path.write_text(f"from pathlib import Path; Path({str(mark)!r}).touch()\nANSWER = 2\n")
    del sys.modules[path.stem]
    assert load("test", "foreign", lambda: SOURCE.format(1)).ANSWER == 1
    assert path.read_text() == SOURCE.format(1)
    path.unlink()
    path.symlink_to(folder / "elsewhere")
    (folder / "elsewhere").write_text(SOURCE.format(1))
    del sys.modules[path.stem]
    load("test", "foreign", lambda: SOURCE.format(1))
    assert not path.is_symlink()
    assert not mark.exists()


def test_pythons_own_cache_beside_the_source_is_not_read(folder: Path) -> None:
    import importlib.util
    import py_compile

    load("test", "bytes", lambda: SOURCE.format(1))
    (path,) = folder.glob("pollux_generated_test_*.py")
    (folder / "evil.py").write_text(SOURCE.format(2))
    py_compile.compile(
        str(folder / "evil.py"),
        importlib.util.cache_from_source(str(path)),
        invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
    )
    del sys.modules[path.stem]
    assert load("test", "bytes", lambda: SOURCE.format(1)).ANSWER == 1


def found(folder: Path) -> int:
    """How often a jitted function that is loaded anew is found compiled."""
    for path in folder.glob("pollux_generated_test_*.py"):
        sys.modules.pop(path.stem, None)
    code = load("test", "jitted", lambda: JITTED)
    assert code.double(2.0) == 4.0
    return sum(code.double.stats.cache_hits.values())


def test_machine_code_that_is_damaged_or_planted_is_made_again_and_no_pickle_is_read(folder: Path) -> None:
    assert [found(folder), found(folder)] == [0, 1]
    files = [path for path in (folder / "__pycache__").iterdir() if path.suffix in (".nbi", ".nbc")]
    assert {path.suffix for path in files} == {".nbi", ".nbc"}
    planted = pickle.dumps(Planted(folder / "was run"))
    for damaged in files:
        content = damaged.read_bytes()
        for change in (b"", content[:20], content[:-1] + bytes([content[-1] ^ 1]), planted, content[:32] + planted):
            damaged.write_bytes(change)
            assert [found(folder), found(folder)] == [0, 1]
    assert not (folder / "was run").exists()


@pytest.mark.slow
def test_machine_code_is_not_kept_in_an_open_folder(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o777)
    monkeypatch.setenv("TMPDIR", str(shared))
    monkeypatch.setenv("POLLUX_CACHE", str(shared / "cache"))
    said, complaint = double()
    assert said == "not kept"
    assert f"compiled models are not kept: others may write into {shared}" in complaint
    assert "machine code is not kept" in complaint
    assert sorted(path.name for path in shared.iterdir()) == ["cache"]
    program = "from pollux.calibration import kalman; print(type(kalman._follow._cache).__name__)"
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(shared / "numba"))
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "NullCache\n"


def test_a_word_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    own_folder.say_once("twice is once")
    own_folder.say_once("twice is once")
    assert caplog.messages == ["twice is once"]


def test_the_temporary_folder_is_gone_afterwards(tmp_path: Path) -> None:
    program = "from pollux.kernel.generated import _temporary; print(_temporary())"
    path = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.strip()
    assert path
    assert not Path(path).exists()
    assert generated.__name__
