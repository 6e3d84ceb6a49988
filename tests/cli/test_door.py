"""The door as a person meets it: files of every kind, told in words, and a wrong one taken back."""

import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from pollux.cli import app
from pollux.demo.stories import STORIES
from pollux.errors import RefusedInput
from tests.people import story_events
from tests.sources.examples import clarity

PATIENT = {
    "resourceType": "Patient", "id": "ida", "gender": "female", "birthDate": "2012-05-04",
    "name": [{"family": "Invented", "given": ["Ida", "Maria"]}],
}  # fmt: skip


class Door:
    """A store behind the command, and what the command says."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self._folder = folder
        self._capsys = capsys

    def file(self, name: str, content: str | bytes | Sequence[object] | Mapping[str, object]) -> Path:
        path = self._folder / name
        text = content if isinstance(content, str | bytes) else json.dumps(content)
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    def says(self, *words: str | Path) -> str:
        app([*map(str, words), "--store", str(self._folder / "store.db")], result_action="return_value")
        return self._capsys.readouterr().out


@pytest.fixture
def door(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Door:
    made = Door(tmp_path, capsys)
    made.says("import", made.file("record.json", PATIENT))
    return made


def table(zone: str) -> str:
    """The diary of a synthetic person as a table in the local times of a place."""
    rows = ["time,quantity,value,unit"]
    for event in story_events(STORIES[0]):
        if event.quantity in ("insulin_bolus", "carbohydrate_intake"):
            rows.append(
                f"{event.time.astimezone(ZoneInfo(zone)):%Y-%m-%dT%H:%M},{event.quantity},{event.value},{event.unit}"
            )
    return "\n".join(rows) + "\n"


def test_three_files_become_one_person_and_every_dose_counts_once(door: Door) -> None:
    dose = "9,2026-01-01T08:16:00,Insulin,Fast-Acting,,,iOS G7,,4.5,,,,"
    export = (
        clarity(dose, "3,,DateOfBirth,,2012-05-04,,,,,,,,").replace(b"Ada", b"Ida").replace(b"Example", b"Invented")
    )
    dose_again = {"eventType": "Correction Bolus", "insulin": 4.5, "created_at": "2026-01-01T08:16:40Z"}
    lantus = {"eventType": "Correction Bolus", "insulin": 20, "notes": "Lantus", "created_at": "2026-01-01T21:00:00Z"}
    nightscout = [{"_id": "a", **dose_again}, {"_id": "b", "enteredBy": "x", **dose_again}, {"_id": "c", **lantus}]
    said = door.says("import", door.file("export.csv", export), door.file("ns.json", nightscout), "--timezone", "UTC")
    assert "insulin known by its note" in said
    quality = door.says("quality", "ida")
    assert quality.startswith("4 events stand, 0 are quarantined and used by nothing\n")
    assert "said twice (conformance), 2 times" in quality
    assert door.says("people").startswith("ida  4 events")


def test_a_device_file_that_contradicts_the_record_is_refused_without_its_contents(door: Door) -> None:
    export = door.file("export.csv", clarity("4,,DateOfBirth,,1950-02-03,,,,,,,,"))
    with pytest.raises(RefusedInput) as told:
        door.says("import", export, "--timezone", "UTC")
    assert "1950" not in str(told.value)
    assert "Ada" not in str(told.value)
    assert "the record of ida" in str(told.value)
    assert door.says("people") == "ida  0 events, 0 sensor readings\n"


def test_a_file_taken_again_under_another_zone_is_refused_unless_somebody_insists(door: Door) -> None:
    path = door.file("diary.csv", table("Europe/Berlin"))
    door.says("import", path, "--timezone", "Asia/Tokyo")
    before = door.says("people")
    with pytest.raises(
        RefusedInput, match=r"all of them [78] h later here than there: one of the two was read under another"
    ):
        door.says("import", path, "--timezone", "Europe/Berlin")
    assert door.says("people") == before
    door.says("undo", "2")
    door.says("import", path, "--timezone", "Europe/Berlin")
    assert door.says("people") == before
    door.says("import", path, "--timezone", "Asia/Tokyo", "--insist")
    assert door.says("people") != before


def test_taking_a_file_further_is_no_shift(door: Door) -> None:
    rows = table("UTC").splitlines()
    for k in (20, 35, len(rows)):
        said = door.says("import", door.file(f"{k}.csv", "\n".join(rows[:k])), "--timezone", "UTC")
        assert "0 quarantined" in said


def test_a_table_of_people_is_many_people(door: Door) -> None:
    text = "person,time,quantity,value,unit\nanna,2026-01-01,body_weight,70,kg\nbert,2026-01-01,body_weight,80,kg\n"
    door.says("import", door.file("ward.csv", text))
    assert [line.split()[0] for line in door.says("people").splitlines()] == ["anna", "bert", "ida"]
    with pytest.raises(RefusedInput, match="the table says itself whose each row is"):
        door.says("import", door.file("ward2.csv", text.replace("70", "71")), "--person", "ida")


def test_shifted_dates_have_a_way_in_and_are_said(door: Door) -> None:
    start = max(event.time for event in story_events(STORIES[0])) - timedelta(days=2)
    rows = ["time,quantity,value,unit"] + [
        f"{(event.time + timedelta(days=365 * 50)).isoformat()},{event.quantity},{event.value},{event.unit}"
        for event in story_events(STORIES[0])
        if event.time > start and event.quantity == "cgm_glucose"
    ]
    path = door.file("shifted.csv", "\n".join(rows))
    assert "time in the future" in door.says("import", path, "--person", "gone")
    door.says("import", door.file("again.csv", "\n".join(rows[:-1])), "--person", "shifted", "--as-of", "2090-01-01")
    said = door.says("forecast", "shifted")
    assert "chance of a low" in said
    assert "2090-01-01" in said
    assert "days old" not in said


def test_times_without_an_offset_come_in_once_the_zone_is_stated(door: Door) -> None:
    glucose = {"system": "http://loinc.org", "code": "2339-0"}
    value = {"value": 143, "unit": "mg/dL", "system": "http://unitsofmeasure.org", "code": "mg/dL"}
    observation = {
        "resourceType": "Observation", "id": "n1", "status": "final", "code": {"coding": [glucose]},
        "subject": {"reference": "Patient/ida"}, "valueQuantity": value, "effectiveDateTime": "2025-02-03T08:30:00",
    }  # fmt: skip
    path = door.file("lab.json", observation)
    assert "no offset" in door.says("import", path)
    assert door.says("quality", "ida").startswith("0 events stand, 1 are quarantined")
    assert "1 left the quarantine" in door.says("import", path, "--timezone", "Europe/Berlin")
    assert door.says("quality", "ida").startswith("1 events stand, 0 are quarantined")
    assert "nothing is different" in door.says("reread", "ida")
