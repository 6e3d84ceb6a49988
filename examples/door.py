"""Three files of one person through the door: every dose once, every doubt told, a wrong file taken back.

Run it: `python examples/door.py`. The person and all files are made here, of nobody.
"""

import json
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from pollux.record import examine
from pollux.sources import format_of, kept, read, version_of
from pollux.store import Store, Taking

NOW = datetime(2026, 3, 3, tzinfo=UTC)
RECORD = {"resourceType": "Patient", "id": "nora", "gender": "female", "birthDate": "1990-05-04"}
PUMP = """time,quantity,value,unit
2026-03-02T12:00:00+01:00,insulin_bolus,5,U
2026-03-02T12:00:00+01:00,carbohydrate_intake,60,g
"""
UPLOADER = [
    {"_id": "a", "eventType": "Meal Bolus", "insulin": 5, "carbs": 60, "created_at": "2026-03-02T11:00:40Z"},
    {
        "_id": "b",
        "eventType": "Correction Bolus",
        "insulin": 20,
        "notes": "Lantus",
        "created_at": "2026-03-02T21:00:00Z",
    },
]


def take(store: Store, path: Path, person: str) -> int:
    """Take a file in for a person, and keep it as it came."""
    entries = list(read(path, learned=NOW, person=person))
    if not format_of(path).startswith("fhir"):
        entries = [*kept(path, person), *entries]
    receipt = store.take(entries, NOW, taking=Taking(path.name, format_of(path), version_of(format_of(path)), person))
    print(f"import {receipt.number}: {path.name}: {receipt.accepted} events, {receipt.quarantined} quarantined")
    return receipt.number


def main(folder: Path) -> None:
    files = {"record.json": json.dumps(RECORD), "pump.csv": PUMP, "nightscout.json": json.dumps(UPLOADER)}
    with Store.open(folder / "store.pollux.db") as store:
        for name, content in files.items():
            (folder / name).write_text(content, encoding="utf-8")
            last = take(store, folder / name, "nora")
        record = store.record("nora")
        for quantity in record.quantities:
            print(quantity, [(f"{event.time:%H:%M}", event.value) for event in record.once(quantity)])
        for finding in examine(record).findings:
            print(f"{finding.rule}: {finding.message}")
        print(store.undo(last).text())
        print("left:", store.record("nora").quantities)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as made:
        main(Path(made))
