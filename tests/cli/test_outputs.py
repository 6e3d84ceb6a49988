"""What a command writes: where it was told to, never over what it reads or a store, and no sign that steers."""

import io
import json
import os
import re
import sys
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pollux.cli import app
from pollux.demo.genome import write_genome
from pollux.errors import PolluxError

EXAMPLES = 300 if os.environ.get("POLLUX_SOAK") else 3
PATIENT = {"resourceType": "Patient", "id": "ida", "gender": "female", "birthDate": "2012-05-04"}


def run(*words: str | Path) -> str:
    """All that a command says, as bytes on their way to a terminal would be."""
    out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", newline="")
    with redirect_stdout(out), redirect_stderr(out):
        try:
            app([str(word).replace("\0", "") for word in words], result_action="return_value")
        except SystemExit:
            pass
        except PolluxError as error:
            from pollux.cli.printing import complain

            complain(f"pollux: {error}")
    out.flush()
    return out.buffer.getvalue().decode()


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a store, its backup, another store, a record and a genome."""
    folder = tmp_path_factory.mktemp("shelf")
    (folder / "record.json").write_text(json.dumps(PATIENT))
    for store in ("store.db", "other/second.db"):
        run("import", folder / "record.json", "--store", folder / store)
    run("backup", folder / "bk", "--keys", folder / "bkk", "--store", folder / "store.db")
    write_genome(folder / "dora.vcf", "dora")
    (folder / "hard.html").hardlink_to(folder / "store.db")
    (folder / "hard-input.html").hardlink_to(folder / "record.json")
    (folder / "soft.html").symlink_to(folder / "store.db.keys")
    (folder / "loop.html").symlink_to(folder / "loop.html")
    (folder / "here").symlink_to(folder)
    (folder / "old.txt").write_text("old")
    (folder / "bad.json").write_text("{")
    return folder


def contents(folder: Path) -> dict[str, bytes | str]:
    """Everything in a folder, byte for byte."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else "no file"
        for path in sorted(folder.rglob("*"))
    }


COMMANDS: dict[str, Callable[[Path, Path], tuple[str | Path, ...]]] = {
    "import": lambda shelf, out: ("import", shelf / "record.json", "--answers", out, "--store", shelf / "store.db"),
    "export": lambda shelf, out: ("export", "ida", "--output", out, "--store", shelf / "store.db"),
    "report": lambda shelf, out: ("report", "ida", "--output", out, "--store", shelf / "store.db"),
    "page": lambda shelf, out: ("genome", shelf / "dora.vcf", "--output", out, "--store", shelf / "store.db"),
    "fhir": lambda shelf, out: ("genome", shelf / "dora.vcf", "--fhir", out, "--store", shelf / "store.db"),
}
TAKEN = (
    "store.db", "store.db-wal", "store.db-shm", "store.db-journal", "store.db.keys", "store.db.keys-wal",
    "store.db.head", "store.db.site-key", "store.db.site-key.lock", "store.db.erased", "store.db.waiting",
    "STORE.DB-WAL", "Store.db.Erased",
    "here/store.db", "here/here/store.db-wal", "other/../store.db", "bk/../store.db.head", "hard.html", "soft.html",
    "loop.html", "other/second.db", "other/second.db.site-key", "other/second.db.waiting", "other/second.db-journal",
    "bk/data.db", "bk/backup.json", "bk/erased", "bkk/keys.db", "bk", "none/page.html",
)  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS)
def test_no_command_writes_over_a_store_through_any_name(shelf: Path, command: str) -> None:
    before = contents(shelf)
    for name in TAKEN:
        said = run(*COMMANDS[command](shelf, shelf / name))
        assert said.startswith("pollux: "), name
        assert contents(shelf) == before, name


def test_no_command_writes_over_what_it_reads(shelf: Path) -> None:
    before = contents(shelf)
    store = ("--store", shelf / "store.db")
    for name in ("record.json", "hard-input.html", "here/record.json", "RECORD.json"):
        assert "this would overwrite what the command reads" in run(
            "import", shelf / "bad.json", shelf / "record.json", "--answers", shelf / name, *store
        )
    for name in ("dora.vcf", "dora.vcf.tbi", "record.json", "old.txt"):
        said = run(
            "genome", shelf / "dora.vcf", "--drugs", shelf / "old.txt", "--outside", shelf / "record.json",
            "--fhir", shelf / name,
        )  # fmt: skip
        assert "this would overwrite what the command reads" in said
    same = run("genome", shelf / "dora.vcf", "--output", shelf / "x", "--fhir", shelf / "here" / "x")
    assert "two outputs have one name" in same
    assert "two outputs have one name" in run("evidence", "--page", shelf / "x", "--record", shelf / "x")
    assert contents(shelf) == before


def test_the_keys_and_accounts_that_lie_elsewhere_are_known(shelf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (shelf / "site").write_text("no key")
    (shelf / "accounts").mkdir()
    monkeypatch.setenv("POLLUX_SITE_KEY_FILE", str(shelf / "site"))
    monkeypatch.setenv("POLLUX_STORE", str(shelf / "third.db"))
    monkeypatch.setenv("POLLUX_ACCOUNTS", str(shelf / "accounts"))
    from pollux.store.files import Files

    head = Files.beside(shelf / "third.db").head
    for path in (
        shelf / "site",
        shelf / "third.db",
        shelf / "third.db.keys",
        head,
        Path(f"{head}.0123456789abcdef.new"),
    ):
        assert "this is a file of the store in use" in run("genome", shelf / "dora.vcf", "--output", path)
    assert "this is a file of the store in use" in run("evidence", "--record", shelf / "site")
    assert (shelf / "site").read_text() == "no key"


def test_a_refused_or_failed_run_leaves_the_old_output(shelf: Path) -> None:
    old, store = shelf / "old.txt", ("--store", shelf / "store.db")
    for words in (
        ("import", shelf / "bad.json", "--answers", old, *store),
        ("export", "nobody", "--output", old, *store),
        ("report", "ida", "--output", old, *store),
        ("genome", shelf / "bad.json", "--output", old),
    ):
        assert "pollux: " in run(*words)
        assert old.read_text() == "old"
    assert not [path for path in shelf.iterdir() if path.name.endswith(".new")]


def test_answers_to_a_file_that_was_taken_are_kept_though_the_next_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps({**PATIENT, "id": "eva"}))
    broken = tmp_path / "broken.json"
    broken.write_text('{"resourceType": "Bundle", "type": "collection", "entry": [')
    said = run("import", tmp_path / "a.json", broken, "--answers", tmp_path / "told", "--store", tmp_path / "s.db")
    assert "pollux: " in said
    assert "Patient/eva" in (tmp_path / "told").read_text()


def test_a_backup_keeps_off_what_is_there(shelf: Path, tmp_path: Path) -> None:
    (tmp_path / "bk").mkdir()
    (tmp_path / "bk" / "erased").write_text("mine")
    store = ("--store", shelf / "store.db")
    assert "there is a backup already" in run("backup", tmp_path / "bk", "--keys", tmp_path / "k", *store)
    assert (tmp_path / "bk" / "erased").read_text() == "mine"
    store = ("--store", tmp_path / "data.db.new")
    run("import", shelf / "record.json", *store)
    assert "this is a file of the store in use" in run("backup", tmp_path, "--keys", tmp_path / "k", *store)
    assert run("people", *store).startswith("ida")


def test_everything_that_is_written_is_its_owners_alone(shelf: Path, tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        store = ("--store", tmp_path / "new" / "store.db")
        run("import", shelf / "record.json", "--answers", tmp_path / "answers", *store)
        run("export", "ida", "--output", tmp_path / "export.json", *store)
        run("backup", tmp_path / "bk" / "deep", "--keys", tmp_path / "bkk", *store)
        run("restore", tmp_path / "bk" / "deep", "--keys", tmp_path / "bkk", "--store", tmp_path / "again" / "store.db")
        run("genome", shelf / "dora.vcf", "--output", tmp_path / "page.html", "--fhir", tmp_path / "bundle.json")
    finally:
        os.umask(before)
    made = list(tmp_path.rglob("*"))
    assert len(made) > 12
    assert [path for path in made if path.stat().st_mode & 0o077] == []


# Watching what is touched

_touched: list[str] | None = None
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC


def _watch(event: str, values: tuple[Any, ...]) -> None:
    if _touched is None:
        return
    if event == "open" and (values[2] or 0) & _WRITES:
        _touched.append(str(values[0]))
    elif event in ("os.rename", "os.link", "os.symlink"):
        _touched.extend(str(value) for value in values[:2])
    elif event in ("os.remove", "os.mkdir", "os.rmdir", "os.chmod", "os.truncate"):
        _touched.append(str(values[0]))


@contextmanager
def watched() -> Iterator[list[str]]:
    """The paths that are opened for writing, made, moved or removed by Python meanwhile."""
    global _touched
    if not getattr(sys, "_pollux_watched", False):
        sys.addaudithook(_watch)  # for the life of the process; it does nothing outside of this block
        sys._pollux_watched = True  # type: ignore[attr-defined]
    seen: list[str] = []
    _touched = seen
    try:
        yield seen
    finally:
        _touched = None


_KNOWN = re.compile(r"\d+|/dev/null|.*/__pycache__/.*|\.[0-9a-f]{16}\.new")


@pytest.mark.parametrize("command", ["import", "export", "page", "fhir"])
def test_nothing_is_touched_but_the_output_and_the_store(shelf: Path, tmp_path: Path, command: str) -> None:
    out = tmp_path / "out"
    run(*COMMANDS[command](shelf, tmp_path / "first"))  # what is made once, such as a cache of fonts
    with watched() as seen:
        said = run(*COMMANDS[command](shelf, out))
    assert "pollux: " not in said
    allowed = (str(out), str(shelf / "store.db"))
    others = [path for path in seen if not path.startswith(allowed) and not _KNOWN.fullmatch(path)]
    assert [path for path in others if path != "out"] == []
    assert any(path.endswith(".new") for path in seen)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["first", "out"]


# Signs that steer a terminal or hide

HIDDEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}
SIGNS = st.sampled_from(
    [*"\x00\x07\x08\t\n\r\x1b\x7f\x9b\xad\u061c\u200b\u200e\u202e\u2028\u2066\ufeff", "\U000e0041", "\udc80", "é", "日"]
    + ["\x1b[2J", "\x1b]0;x\x07", "p1", "<script>", "'\"&", "/", "..", "$\\frac$"]
)
TEXTS = st.lists(SIGNS | st.text(max_size=3), min_size=1, max_size=6).map("".join)


def steering(text: str) -> list[str]:
    """What is left of signs that steer or hide, line ends but not returns set aside."""
    return [sign for sign in text if sign != "\n" and unicodedata.category(sign) in HIDDEN]


def resources(text: str) -> list[dict[str, Any]]:
    """Resources in which a text stands wherever a text may."""
    coded = {"coding": [{"system": text, "code": text, "display": text}], "text": text}
    subject = {"reference": "Patient/ida"}
    return [
        {**PATIENT, "name": [{"family": text, "given": [text]}], "identifier": [{"system": text, "value": text}]},
        {**PATIENT, "id": text},
        {"resourceType": "AllergyIntolerance", "id": "a1", "patient": subject, "code": coded, "recordedDate": "2020"},
        {"resourceType": "Observation", "id": text, "status": "final", "subject": subject, "code": coded},
        {"resourceType": "Observation", "id": "o2", "status": text, "subject": {"reference": text}, "code": coded,
         "effectiveDateTime": text, "valueQuantity": {"value": 1, "unit": text}},
        {"resourceType": "MedicationStatement", "id": "m1", "status": "active", "subject": subject,
         "medicationCodeableConcept": coded, "effectiveDateTime": "2020-01-01", "dosage": [{"text": text}]},
        {"resourceType": text, "id": "x"},
    ]  # fmt: skip


def named(folder: Path, text: str) -> Path:
    """A path with a text in its name, where a disk takes such a name."""
    path = folder / (text.replace("/", "_").replace("\0", "_")[:40] + "_")
    with suppress(OSError, ValueError):
        path.touch()
        return path
    return folder / "plain"


@pytest.mark.slow
@settings(max_examples=EXAMPLES)
@given(text=TEXTS)
@example("p\u202e1\n\x1b[31mpollux: all is well")
@example("\udc80")
def test_no_sign_in_a_name_an_id_or_a_text_reaches_a_terminal_or_page(shelf: Path, text: str) -> None:
    folder = shelf / "fuzz"
    folder.mkdir(exist_ok=True)
    store = ("--store", folder / "store.db")
    entries = [{"resource": one} for one in resources(text)]
    file = named(folder, text)
    file.write_text(json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries}))
    table = named(folder, f"{text}.csv")
    table.write_text(
        f"time,quantity,value,unit\n2026-01-01,{json.dumps(text)},1,{json.dumps(text)}\n", errors="replace"
    )
    page = named(folder, f"{text}.html")
    vcf = named(folder, f"{text}.vcf")
    lines = (shelf / "dora.vcf").read_text().splitlines()
    at = next(k for k, line in enumerate(lines) if line.startswith("#CHROM"))
    sample = re.sub(r"[\t\n\r]", "", text).encode(errors="replace").decode() or "s"
    vcf.write_text("\n".join([*lines[:at], lines[at].replace("dora", sample), *lines[at + 1 :]]))
    said = [
        run("import", file, *store),
        run("import", table, "--person", "ida", *store),
        run("import", table, "--person", text, *store),
        run("import", file, "--sender", text, "--timezone", text, *store),
        *(run("imports", *more, *store) for more in ((), ("--json",), ("ida", "--json"))),
        run("people", *store),
        run("quality", "ida", *store),
        run("quality", "ida", "--json", *store),
        run("quality", text, *store),
        run("hold", "ida", "--reason", text, *store),
        run("erase", "ida", "--yes", *store),
        run("release", "ida", *store),
        run("twin", "ida", "--at", text, *store),
        run("forecast", "ida", "--plan", text, *store),
        run("audit", "show", *store),
        run("audit", "show", "ida", "--fhir", *store),
        run("export", "ida", *store),
        run("genome", vcf, "--drug", text, "--drug", f"codeine {text}", "--output", page),
        run("genome", vcf, "--drug", text, "--json"),
        run("genome", vcf, "--sample", text, "--outside", file, "--drugs", table),
        run("move", text, "--wrong", "ida", "--right", text, *store),
        run("backup", folder / text, "--keys", folder / text, *store),
        run("restore", folder / text, "--keys", folder / text, "--store", folder / text),
        run("warm", text),
        run(text, text),
    ]
    assert [(k, steering(one)) for k, one in enumerate(said) if steering(one)] == []
    assert not any(line.startswith("pollux: all is well") for one in said for line in one.splitlines())
    assert steering(page.read_text()) == []
    assert "<script" not in page.read_text()
    for k in (5, 6, 9, 18, 20):
        assert said[k].startswith(("pollux: ", "╭")) or json.loads(said[k])
