"""What the commands say of a twin: in words, without keeping what is wrong, and without data that nobody asked for."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pollux.cli.asking import forecast
from pollux.cli.progress import waiting
from pollux.cli.warm import warm
from pollux.errors import RefusedInput, UnknownName
from pollux.kernel.progress import tell
from pollux.record import Event, Person
from pollux.record.entry import Entry
from pollux.store import Store

pytestmark = pytest.mark.slow

NOW = datetime(2026, 4, 1, tzinfo=UTC)


def kept_at(path: Path, person: Person, events: tuple[Event, ...]) -> str:
    with Store.open(path) as kept:
        kept.take([Entry(person.id, person), *(Entry(person.id, e) for e in events)], NOW)
    return str(path)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, person: Person, events: tuple[Event, ...]) -> str:
    return kept_at(tmp_path_factory.mktemp("asking") / "store.db", person, events)


def checkpoint(store: str) -> bytes | None:
    with Store.open(store) as kept:
        return kept.checkpoint("tess", "twin")


def test_a_very_low_glucose_is_said_in_words_and_the_sensor_says_low(
    store: str, capsys: pytest.CaptureFixture[str]
) -> None:
    forecast("tess", plan=["bolus 20 U"], store=store)
    said = capsys.readouterr().out
    assert "DANGER: very low glucose is likely: below 54 mg/dL within " in said
    assert "Low (under 40)" in said
    assert "\x1b" not in said


def test_json_keeps_the_numbers_beside_the_words(store: str, capsys: pytest.CaptureFixture[str]) -> None:
    forecast("tess", plan=["bolus 20 U"], json=True, store=store)
    (answer,) = json.loads(capsys.readouterr().out)
    assert answer["median_as_shown"][-1] == "Low (under 40)"
    assert 20.0 <= answer["bands"][2][-1] < 40.0
    assert answer["danger"].startswith("very low glucose is likely")
    assert answer["sensor_range"] == [40.0, 400.0]


def test_an_earlier_time_is_answered_from_the_checkpoint_and_leaves_it_alone(
    store: str, events: tuple[Event, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    forecast("tess", store=store)
    before = checkpoint(store)
    assert before is not None
    then = (events[-1].time - timedelta(hours=4)).strftime("%Y-%m-%dT%H:%M")
    capsys.readouterr()
    forecast("tess", at=then, store=store)
    assert f"from {then.replace('T', ' ')} (UTC)" in capsys.readouterr().out
    assert checkpoint(store) == before


def test_a_plan_that_is_too_harmful_is_marked_and_comes_last(store: str, capsys: pytest.CaptureFixture[str]) -> None:
    forecast("tess", plan=["bolus 20 U", "bolus 0 U"], hours=4.0, store=store)
    lines = capsys.readouterr().out.splitlines()
    assert lines[1] == "  bolus 0 U"
    assert lines[3] == "  bolus 20 U   TOO HARMFUL"
    assert lines[5].startswith("  1 of 2 plans is beyond the limit of harm")


def test_shifted_dates_are_said_and_their_age_is_not(
    tmp_path: Path, events: tuple[Event, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    shifted = Person("tess", birth_date="1980-01-01", as_of="2031-05-01")
    forecast("tess", store=kept_at(tmp_path / "store.db", shifted, events[:900]))
    said = capsys.readouterr().out
    assert "note: the dates of these data were shifted: they are told as if today were 2031-05-01" in said
    assert "days old" not in said


def test_what_is_waited_for_is_told_to_a_terminal_alone(capsys: pytest.CaptureFixture[str]) -> None:
    with waiting():
        tell("fitting day 12 of 28")
    assert capsys.readouterr().err == ""


def test_on_a_terminal_the_line_is_gone_when_the_work_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    with waiting():
        tell("fitting day 12 of 28")
    with waiting(silent=True):
        tell("nothing of this")
    assert capsys.readouterr().err == "\r\x1b[2Kfitting day 12 of 28 …\r\x1b[2K"


def test_a_model_that_is_not_there_is_not_compiled() -> None:
    with pytest.raises(UnknownName, match="there is no drug model aspirin"):
        warm("aspirin")


def test_a_plan_that_cannot_be_read_is_refused(store: str) -> None:
    with pytest.raises(RefusedInput, match="the step 'nothing' cannot be read"):
        forecast("tess", plan=["nothing"], store=store)
