"""Which commands make a store, and what the others say where there is none, or where it is gone."""

from pathlib import Path

import pytest

from pollux.cli import app
from pollux.errors import PolluxError, RefusedInput
from pollux.store import Store
from tests.store.made import NOW, of

READING = [
    ("people",), ("quality", "p1"), ("imports",), ("undo", "1"), ("reread",), ("doctor",), ("export", "p1"),
    ("audit", "verify"), ("audit", "show"), ("audit", "head"), ("audit", "accept", "--reason", "x"), ("twin", "p1"),
    ("forecast", "p1"), ("report", "p1"), ("keys", "rotate"), ("keys", "rotate", "p1"), ("hold", "p1", "--reason", "x"),
    ("release", "p1"), ("restrict", "p1", "--reason", "x"), ("unrestrict", "p1"), ("merge", "p2", "--into", "p1"),
    ("unmerge", "p2"), ("move", "Observation/o", "--wrong", "p1", "--right", "p2"), ("erase", "p1", "--yes"),
]  # fmt: skip
TABLE = "time,quantity,value,unit\n2026-01-01T08:00Z,body_weight,70,kg\n"


def run(*words: str | Path) -> None:
    app([*map(str, words)], result_action="return_value")


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("POLLUX_STORE", "POLLUX_KEYS", "POLLUX_SITE_KEY", "POLLUX_SITE_KEY_FILE", "POLLUX_ACCOUNTS"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("words", [*READING, ("backup", "copy", "--keys", "keys")], ids=" ".join)
@pytest.mark.parametrize("place", ["typo.db", "no/such/folder/typo.db"])
def test_a_command_that_makes_no_store_leaves_nothing_where_there_is_none(
    tmp_path: Path, words: tuple[str, ...], place: str
) -> None:
    with pytest.raises(PolluxError) as told:
        run(*words, "--store", tmp_path / place)
    assert str(told.value) == (
        f"there is no store here [{tmp_path / place}]. Check the name; `pollux init` or `pollux import` makes one."
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("words", READING, ids=" ".join)
def test_a_store_whose_database_is_gone_is_told_by_every_command(tmp_path: Path, words: tuple[str, ...]) -> None:
    store = tmp_path / "store.db"
    with Store.open(store) as kept:
        kept.take(of("p1"), NOW)
    for name in ("store.db", "store.db.head"):
        (tmp_path / name).unlink()
    (tmp_path / "t.csv").write_text(TABLE)
    before = files(tmp_path)
    for one in (words, ("import", "t.csv", "--person", "p1"), ("init",)):
        with pytest.raises(PolluxError, match=r"the database of this store is gone.*pollux restore FOLDER"):
            run(*one, "--store", store)
    assert files(tmp_path) == before


def test_a_head_that_is_gone_is_told_by_what_needs_it(tmp_path: Path) -> None:
    run("init", "--store", tmp_path / "store.db")
    (tmp_path / "store.db.head").unlink()
    for words in (("init",), ("audit", "head"), ("people",)):
        with pytest.raises(PolluxError, match="the head of the audit is missing"):
            run(*words, "--store", tmp_path / "store.db")
    for words in (("doctor",), ("audit", "verify")):
        with pytest.raises(SystemExit):
            run(*words, "--store", tmp_path / "store.db")
    assert not (tmp_path / "store.db.head").exists()


def test_init_makes_an_empty_store_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = tmp_path / "ward" / "store.db"
    run("init", "--store", store)
    assert capsys.readouterr().out == (
        f"{store}: an empty store; its keys are in {store}.keys\n"
        f"the site key is in {store}.site-key: without it nothing can be opened. Keep a copy apart\n"
    )
    assert store.parent.stat().st_mode & 0o777 == 0o700
    run("people", "--store", store)
    run("doctor", "--store", store)
    assert "everything is as it was put there" in capsys.readouterr().out
    before = files(tmp_path)
    with pytest.raises(PolluxError, match=r"there is a store already .*Nothing was changed"):
        run("init", "--store", store)
    assert files(tmp_path).keys() == before.keys()


def test_what_the_environment_gives_is_not_said_to_be_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("POLLUX_SITE_KEY", "A" * 43 + "=")
    run("init", "--store", tmp_path / "store.db")
    assert "site key" not in capsys.readouterr().out
    assert not (tmp_path / "store.db.site-key").exists()


def test_import_makes_one_and_a_file_that_is_not_there_does_not(tmp_path: Path) -> None:
    with pytest.raises((PolluxError, OSError)):
        run("import", "missing.csv", "--person", "p1", "--store", "new/store.db")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "t.csv").write_text(TABLE)
    run("import", "t.csv", "--person", "p1", "--store", "new/store.db")
    with Store.open(tmp_path / "new" / "store.db", make=False) as kept:
        assert [person.id for person in kept.people()] == ["p1"]


def test_a_store_is_begun_anew_where_its_keys_were_moved_away(tmp_path: Path) -> None:
    store = tmp_path / "store.db"
    run("init", "--store", store)
    for name in ("store.db", "store.db.head"):
        (tmp_path / name).unlink()
    with pytest.raises(PolluxError, match=rf"move {store}.keys away"):
        run("init", "--store", store)
    (tmp_path / "store.db.keys").rename(tmp_path / "old.keys")
    run("init", "--store", store)
    run("people", "--store", store)
    with pytest.raises(RefusedInput):
        run("move", "--wrong", "p1", "--right", "p2", "--store", store)
