"""Looking after a store from the command line."""

import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pollux.cli.keeping import audit, export, keys
from pollux.errors import PolluxError, RefusedInput, UnknownName
from pollux.store import Store
from tests.store.made import of

NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> str:
    with Store.open(tmp_path / "store.db") as kept:
        kept.take(of("p1"), NOW)
    return str(tmp_path / "store.db")


def test_an_export_is_for_its_owner_alone_and_a_refused_one_leaves_what_was_there(store: str, tmp_path: Path) -> None:
    output = tmp_path / "p1.json"
    for received in (True, False):
        output.unlink(missing_ok=True)
        export("p1", received=received, output=output, store=store)
        assert stat.S_IMODE(output.stat().st_mode) == 0o600
        before = output.read_bytes()
        assert b"Mustermann" in before
        with pytest.raises(UnknownName):
            export("nobody", received=received, output=output, store=store)
        assert output.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir() if path.name.endswith(".new")] == []


def test_heads_that_were_kept_are_compared(store: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    audit("head", store=store)
    kept = tmp_path / "kept"
    kept.write_text(capsys.readouterr().out)
    audit("verify", heads=kept, store=store)
    assert "none altered" in capsys.readouterr().out
    kept.write_text(kept.read_text().replace('"seq":1', '"seq":2'))
    with pytest.raises(SystemExit):
        audit("verify", heads=kept, store=store)
    assert "a head that was kept of the audit (line 2) is not signed" in capsys.readouterr().out


def test_what_would_be_misunderstood_is_refused(store: str) -> None:
    with pytest.raises(RefusedInput, match="pollux audit verify"):
        audit("verify", "p1", store=store)
    with pytest.raises(RefusedInput, match="pollux keys rotate p1"):
        keys("retire", "p1", store=store)


@pytest.mark.parametrize("where", ["mysql://u@host/db", "postgres:/missing/a/slash"])
def test_an_address_of_another_kind_is_no_path(where: str) -> None:
    with pytest.raises(PolluxError, match="a store cannot be in a database of the kind"):
        export("p1", store=where)
