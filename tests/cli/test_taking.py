"""The commands that take files in and back, as somebody at a keyboard meets them."""

import json
from pathlib import Path

import pytest

from pollux.cli import app
from pollux.errors import PolluxError
from pollux.store import Store

PATIENT = {"resourceType": "Patient", "id": "ada", "birthDate": "2012-05-01", "gender": "female"}
ROWS = "time,quantity,value,unit\n2026-01-02 08:00,cgm_glucose,100,mg/dL\n2026-01-02 08:05,cgm_glucose,105,mg/dL\n"


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]):  # type: ignore[no-untyped-def]
    def command(*words: object) -> str:
        app(
            [str(word) for word in words] + ["--store", str(tmp_path / "s.db")],
            exit_on_error=False,
            result_action="return_value",
        )
        return capsys.readouterr().out

    (tmp_path / "p.json").write_text(json.dumps(PATIENT))
    (tmp_path / "t.csv").write_text(ROWS)
    command("import", tmp_path / "p.json")
    return command


def test_an_import_says_its_number_and_how_to_take_it_back(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    said = run("import", tmp_path / "t.csv", "--timezone", "Europe/Berlin")
    assert said == (
        "t.csv: 2 events accepted, 0 quarantined, the file kept, 0 known already; people: ada\n"
        "  import 2; `pollux undo 2` takes it back\n"
    )
    assert run("people") == "ada  2 events, 2 sensor readings\n"
    assert run("undo", 2) == "import 2 (t.csv) is taken back: 2 events of ada stand no more\n"
    assert run("people") == "ada  0 events, 0 sensor readings\n"
    assert "2 events accepted" in run("import", tmp_path / "t.csv", "--timezone", "Europe/Berlin")


def test_imports_are_listed_for_people_and_programs(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    run("import", tmp_path / "t.csv", "--timezone", "Europe/Berlin")
    run("import", tmp_path / "t.csv", "--timezone", "Europe/Berlin")
    run("undo", 2)
    lines = run("imports", "ada").splitlines()
    assert [line[:5].strip() for line in lines] == ["1", "2", "3"]
    assert lines[1].endswith("t.csv (plain table): ada; 2 events  taken back")
    assert lines[2].endswith("t.csv (plain table): ada; 2 known already")
    listed = json.loads(run("imports", "--json"))
    assert [(one["number"], one["people"], one["undone"], one["known"]) for one in listed] == [
        (1, ["ada"], False, 0), (2, ["ada"], True, 0), (3, ["ada"], False, 2)]  # fmt: skip
    assert listed[1]["taking"] == {
        "file": "t.csv",
        "format": "plain table",
        "version": 1,
        "person": "ada",
        "timezone": "Europe/Berlin",
    }


def test_quality_says_first_what_is_quarantined_and_why(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    wrong = "".join(f"2026-01-02 09:0{i},cgm_glucose,5000,mg/dL\n" for i in range(4))
    (tmp_path / "t.csv").write_text(ROWS + wrong)
    run("import", tmp_path / "t.csv", "--timezone", "UTC")
    first, second, *_ = run("quality", "ada").splitlines()
    assert first == "2 events stand, 4 are quarantined and used by nothing"
    assert second.startswith(
        "  quarantined, 4 times: unit slip, 5000 mg/dL cannot be; 5000 umol/L would be usual [t.csv"
    )
    answer = json.loads(run("quality", "ada", "--json"))
    assert (answer["stand"], answer["quarantined"], answer["reasons"][0]["count"]) == (2, 4, 4)


@pytest.mark.parametrize(("rows", "first"), [(2300, 3.1), (40, 5.0)])
def test_a_file_in_the_other_unit_is_counted_in_full_by_receipt_and_quality(  # type: ignore[no-untyped-def]
    run, tmp_path: Path, rows: int, first: float
) -> None:
    minutes = [f"2026-01-{1 + k // 1440:02d} {k // 60 % 24:02d}:{k % 60:02d}" for k in range(rows)]
    values = [f"{minute},cgm_glucose,{first + 0.1 * (k % 60):.1f},mg/dL" for k, minute in enumerate(minutes)]
    (tmp_path / "t.csv").write_text("\n".join(["time,quantity,value,unit", *values]) + "\n")
    received = run("import", tmp_path / "t.csv", "--timezone", "UTC")
    assert f"quarantine: unit slip (conformance), {rows:,} times" in received
    _, line, advice, *_ = run("quality", "ada").splitlines()
    assert line.startswith(f"  quarantined, {rows:,} times: unit slip, {first:g} mg/dL cannot be")
    assert "and others up to" in line
    assert f"and {rows - 3:,} more]" in line
    assert advice.startswith("    If the file names the wrong unit:")
    assert "quarantined" not in run("quality", "ada").split(advice)[1]
    reasons = json.loads(run("quality", "ada", "--json"))["reasons"]
    assert sum(one["count"] for one in reasons) == rows
    assert len(reasons) == min(rows, 60)


def test_data_whose_dates_were_shifted_come_in_as_of_a_day(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "t.csv").write_text(ROWS.replace("2026", "2150"))
    assert "0 events accepted, 2 quarantined" in run("import", tmp_path / "t.csv", "--timezone", "UTC")
    run("undo", 2)
    assert "2 events accepted, 0 quarantined" in run(
        "import", tmp_path / "t.csv", "--timezone", "UTC", "--as-of", "2150-03-01"
    )
    with Store.open(tmp_path / "s.db") as store:
        assert store.people()[0].as_of == "2150-03-01"
        assert {event.learned.year < 2100 for event in store.record("ada").events} == {True}
    assert "nothing is different" in run("reread", "ada")
    run("undo", 3)
    with Store.open(tmp_path / "s.db") as store:
        assert store.people()[0].as_of == ""


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("undo", "99"), "there is no import 99. `pollux imports` lists them."),
        (("undo", "0"), "what came before imports were counted cannot be taken back at once"),
        (("imports", "bob"), "nobody here has the id 'bob'"),
        (("reread", "bob"), "nobody here has the id 'bob'"),
        (("import", "x.csv", "--as-of", "soon"), "'soon' is no day [--as-of]. Write for example 2150-03-01."),
    ],
)
def test_what_cannot_be_is_told_in_a_sentence(run, words: tuple[str, ...], sentence: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(PolluxError) as refused:
        run(*words)
    assert sentence in str(refused.value)


def test_a_zone_named_with_a_record_is_part_of_its_import(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    said = run("import", tmp_path / "p.json", "--timezone", "Asia/Tokyo")
    assert "the time zone of ada is Asia/Tokyo" in said
    with Store.open(tmp_path / "s.db") as store:
        assert store.people()[0].timezone == "Asia/Tokyo"
        store.undo(2)
        assert store.people()[0].timezone == "UTC"
