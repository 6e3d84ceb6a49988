"""The synthetic people, and the whole way from their files to their reports."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import orjson
import pytest

from pollux.demo import STORIES, Story, live, starts, write
from pollux.sources import read
from pollux.store import Store


def pollux(*words: str | Path, store: Path) -> subprocess.CompletedProcess[str]:
    """Run the command as a user does."""
    return subprocess.run(
        [sys.executable, "-m", "pollux", *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "POLLUX_STORE": str(store), "COLUMNS": "200"},
    )


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    story = replace(STORIES[0], days=3)
    return write(story, live(story, starts(story)), tmp_path_factory.mktemp("ada"))


def test_a_story_is_the_same_every_time() -> None:
    story = replace(STORIES[1], days=2)
    assert live(story, starts(story)) == live(story, starts(story))


@pytest.mark.parametrize("story", STORIES, ids=lambda s: s.id)
def test_synthetic_people_live_plausible_days(story: Story) -> None:
    diary = live(story, starts(story))
    truth = np.array([value for _, value in diary.truth])
    assert truth.min() > 40.0
    assert truth.max() < 450.0


def test_every_resource_is_marked_as_test_data(files: tuple[Path, Path]) -> None:
    bundle = orjson.loads(files[0].read_bytes())
    tags = [entry["resource"]["meta"]["tag"][0]["code"] for entry in bundle["entry"]]
    assert tags == ["HTEST"] * len(tags)
    assert len(tags) >= 5


def test_its_own_files_come_in_without_a_remark(files: tuple[Path, Path], tmp_path: Path) -> None:
    story = STORIES[0]
    with Store.open(tmp_path / "store.db") as store:
        for path in files:
            receipt = store.take(read(path, learned=starts(story), person="ada"), starts(story).replace(year=2030))
            assert receipt.quarantined == 0
            assert receipt.accepted > 0


@pytest.mark.slow
def test_two_commands_lead_from_files_to_a_forecast(files: tuple[Path, Path], tmp_path: Path) -> None:
    store = tmp_path / "own" / "store.db"
    taken = pollux("import", files[1], files[0], "--timezone", "Europe/Berlin", store=store)
    assert taken.returncode == 0, taken.stderr
    assert "0 quarantined" in taken.stdout
    answer = pollux("forecast", "ada", "--plan", "meal 60 g in 30 min, bolus 5 U in 15 min", store=store)
    assert answer.returncode == 0, answer.stderr
    assert "90 % interval" in answer.stdout
    assert "Research software, not a medical device." in answer.stdout
    again = pollux("import", *files, store=store)
    assert again.stdout.count("nothing new") == 2


def test_a_device_file_of_nobody_is_refused_in_one_sentence(files: tuple[Path, Path], tmp_path: Path) -> None:
    refused = pollux("import", files[1], store=tmp_path / "empty.db")
    assert refused.returncode == 1
    assert refused.stderr == (
        "pollux: it is not said whose device file this is. "
        "Add --person ID. Or import the person's medical record first.\n"
    )
    assert "Traceback" not in refused.stderr


def test_help_names_every_command(tmp_path: Path) -> None:
    text = pollux("--help", store=tmp_path / "x.db").stdout
    for command in ("import", "twin", "forecast", "report", "export", "evidence", "demo", "quality", "people"):
        assert command in text


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [
        ("forecast", "ada", "--hours", "0"),
        ("forecast", "ada", "--hours", "nan"),
        ("forecast", "ada", "--hours", "1e300"),
        ("forecast", "ada", "--at", "9999-12-31T23:59"),
        ("forecast", "ada", "--at", "yesterday"),
        ("forecast", "ada", "--plan", "two apples"),
        ("forecast", "nobody"),
        ("report", "../../nobody"),
        ("import", "nosuchfile.csv"),
        ("quality", ""),
    ],
)
def test_odd_questions_get_a_sentence_and_never_a_traceback(
    files: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory, words: tuple[str, ...]
) -> None:
    store = tmp_path_factory.getbasetemp() / "odd.db"
    if not store.exists():
        assert pollux("import", *files, "--timezone", "Europe/Berlin", store=store).returncode == 0
    answer = pollux(*words, store=store)
    assert answer.returncode in (1, 3)
    assert "Traceback" not in answer.stderr + answer.stdout
    assert answer.stderr.startswith("pollux: ") or answer.returncode == 3


def test_a_refused_device_file_leaves_nobody_behind(tmp_path: Path) -> None:
    broken = tmp_path / "broken.json"
    broken.write_text('{"entries": [{"sgv": 100, ')
    store = tmp_path / "store.db"
    assert pollux("import", broken, "--person", "x", store=store).returncode == 1
    assert pollux("people", store=store).stdout == ""


def test_a_person_may_not_be_called_like_a_path(files: tuple[Path, Path], tmp_path: Path) -> None:
    assert pollux("import", files[1], "--person", "../evil", store=tmp_path / "store.db").returncode == 1
