"""The door for files: private, whole or not at all, never through a link, never over a store."""

import os
import stat
import subprocess
import sys
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pollux.errors import PolluxError
from pollux.output import check_free, make_folder, of_a_store, output, write_file
from pollux.visible import visible, visible_lines


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def no_mask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def test_every_control_direction_and_line_sign_is_shown() -> None:
    hidden = {"Cc", "Cf", "Cs", "Zl", "Zp"}
    assert all(visible(chr(code)) != chr(code) for code in range(0x110000) if unicodedata.category(chr(code)) in hidden)
    assert visible("p\u202e1\x1b[2J\n") == "p\\u202e1\\u001b[2J\\u000a"
    assert visible("\U000e0041\ud800") == "\\udb40\\udc41\\ud800"
    assert visible_lines("a\nb\r") == "a\nb\\u000d"
    assert visible(visible("\u200b")) == visible("\u200b")
    assert visible("Zoë Müller, 90 %, 日本語, فارسی") == "Zoë Müller, 90 %, 日本語, فارسی"


@pytest.mark.usefixtures("no_mask")
def test_a_file_is_its_owners_alone_whatever_the_umask_says_and_whatever_was_there(tmp_path: Path) -> None:
    old = tmp_path / "page.html"
    old.write_text("old")
    old.chmod(0o666)
    write_file(old, "new")
    make_folder(tmp_path / "a" / "b")
    assert (old.read_text(), mode(old)) == ("new", 0o600)
    assert (mode(tmp_path / "a"), mode(tmp_path / "a" / "b")) == (0o700, 0o700)


def half(path: Path, *, worth: bool) -> None:
    """Write half of a file, and fail."""
    with output(path, worth=lambda: worth) as file:
        file.write(b"half")
        raise RuntimeError


def test_of_a_write_that_failed_nothing_is_left_but_the_old(tmp_path: Path) -> None:
    old = tmp_path / "page.html"
    old.write_text("old")
    with pytest.raises(RuntimeError):
        half(old, worth=False)
    assert old.read_text() == "old"
    assert list(tmp_path.iterdir()) == [old]
    with pytest.raises(RuntimeError):
        half(old, worth=True)
    assert old.read_text() == "half"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_is_said_with_the_name_that_was_asked_for() -> None:
    with pytest.raises(PolluxError, match=r"the file cannot be written \[/dev/full\]\. No space left on device"):
        write_file(Path("/dev/full"), b"x" * 100_000)


def test_a_disk_that_fills_leaves_the_old(tmp_path: Path) -> None:
    program = (
        "import resource, signal, sys; from pathlib import Path; from pollux.output import write_file\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "write_file(Path(sys.argv[1]), b'x' * 100_000)\n"
    )
    old = tmp_path / "page.html"
    old.write_text("old")
    done = subprocess.run([sys.executable, "-c", program, str(old)], capture_output=True, text=True, check=False)
    assert "the file cannot be written" in done.stderr
    assert "File too large" in done.stderr
    assert old.read_text() == "old"
    assert list(tmp_path.iterdir()) == [old]


def test_killed_in_the_middle_the_old_stays(tmp_path: Path) -> None:
    program = (
        "import os, sys; from pathlib import Path; from pollux.output import output\n"
        "with output(Path(sys.argv[1])) as file:\n    file.write(b'half'); file.flush(); os.kill(os.getpid(), 9)\n"
    )
    old = tmp_path / "page.html"
    old.write_text("old")
    assert subprocess.run([sys.executable, "-c", program, str(old)], check=False).returncode == -9
    assert old.read_text() == "old"
    assert all(mode(path) == 0o600 for path in tmp_path.iterdir() if path != old)


def _link(path: Path) -> Path:
    (path / "aim").write_text("mine")
    (path / "link").symlink_to(path / "aim")
    return path / "link"


def _dangling(path: Path) -> Path:
    (path / "link").symlink_to(path / "nothing")
    return path / "link"


def _socket(path: Path) -> Path:
    import socket

    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path / "s"))
    return path / "s"


def _read_only(path: Path) -> Path:
    (path / "kept").write_text("mine")
    (path / "kept").chmod(0o400)
    return path / "kept"


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (_link, "there is a link"),
        (_dangling, "there is a link"),
        (lambda path: path, "there is a folder"),
        (lambda path: path / "none" / "page.html", "its folder is not there"),
        (lambda path: path / "a\0b", "cannot be written"),
        (lambda path: path / ("x" * 300), "cannot be written"),
        (lambda path: path / "\ud800", "cannot be written"),
        (_socket, "that is no file"),
        pytest.param(_read_only, "may not be changed", marks=pytest.mark.skipif(os.geteuid() == 0, reason="is root")),
    ],
)
def test_what_is_no_file_is_refused_and_stays(tmp_path: Path, make: Callable[[Path], Path], why: str) -> None:
    path = make(tmp_path)
    before = sorted(one.name for one in tmp_path.iterdir())
    with pytest.raises(PolluxError, match=why):
        write_file(path, "x")
    assert sorted(one.name for one in tmp_path.iterdir()) == before
    assert not (tmp_path / "aim").exists() or (tmp_path / "aim").read_text() == "mine"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("report.html", b"SQLite format 3\0 and more"),
        ("report.html", b"\x37\x7f\x06\x82 a log"),
        ("report.html", b"d5yl6kaE647up+hYTrDvi3iZFzq6QOzH7sHh/eBU/LU=\n"),
        ("report.html", b'{"seq":4,"link":"5d9e"}'),
        ("other.db.erased", b""),
        ("OTHER.DB.WAITING", b""),
        ("other.db.site-key.lock", b""),
        ("other.db-wal", b""),
        ("other.db.keys-journal", b""),
    ],
)
def test_a_file_of_any_store_is_known_by_what_it_holds_or_is_called(tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(PolluxError, match="a file of a store, its keys or a backup"):
        check_free(path)
    assert path.read_bytes() == content


def test_a_name_that_a_store_or_backup_here_will_take_for_its_own_is_refused(tmp_path: Path) -> None:
    assert not of_a_store(tmp_path / "store.db-wal")
    assert not of_a_store(tmp_path / "erased")
    (tmp_path / "store.db").write_bytes(b"")
    (tmp_path / "backup.json").write_bytes(b"{}")
    assert of_a_store(tmp_path / "store.db-wal")
    assert of_a_store(tmp_path / "store.db.head")
    assert of_a_store(tmp_path / "erased")
    assert not of_a_store(tmp_path / "store.db.html")
    assert not of_a_store(tmp_path / "ada-twin.html")


def test_a_pipe_and_the_standard_output_go_on_working(tmp_path: Path) -> None:
    program = "from pathlib import Path; from pollux.output import write_file; import sys\nprint('a')\n" + "".join(
        f"write_file(Path({name!r}), 'x')\n" for name in ("/dev/stdout", "/proc/self/fd/1", "/dev/fd/1", "/dev/null")
    )
    out = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert out.stdout == "a\nxxx"
    with (tmp_path / "file").open("w") as file:
        subprocess.run([sys.executable, "-c", program], stdout=file, check=True)
    assert (tmp_path / "file").read_text() == "a\nxxx"
    os.mkfifo(tmp_path / "pipe")
    with subprocess.Popen(["cat", tmp_path / "pipe"], stdout=subprocess.PIPE, text=True) as reader:
        write_file(tmp_path / "pipe", "through")
        assert reader.communicate()[0] == "through"
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)
