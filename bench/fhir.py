"""How many FHIR resources per second are parsed, validated and made into events; and with the store behind.

    python bench/fhir.py [FOLDER OF BUNDLES]

Without a folder a synthetic bundle is made. Rates are per second of processor time of one core.
"""

import json
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from pollux.record import Document
from pollux.sources import read
from pollux.store import Store

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def made(folder: Path) -> list[Path]:
    """A patient with 5,000 weights, as a Bundle."""
    resources: list[dict[str, object]] = [{"resourceType": "Patient", "id": "p1", "birthDate": "1964-06-15"}]
    for i in range(5000):
        resources.append({
            "resourceType": "Observation", "id": f"o{i}", "status": "final",
            "category": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category",
                                      "code": "vital-signs", "display": "vital-signs"}]}],
            "code": {"coding": [{"system": "http://loinc.org", "code": "29463-7", "display": "Body Weight"}]},
            "subject": {"reference": "Patient/p1"}, "effectiveDateTime": f"20{10 + i % 10}-05-01T10:00:00+02:00",
            "valueQuantity": {"value": 70 + i % 9, "unit": "kg", "system": "http://unitsofmeasure.org", "code": "kg"},
        })  # fmt: skip
    path = folder / "bundle.json"
    entries = [{"fullUrl": f"http://example.org/{r['resourceType']}/{r['id']}", "resource": r} for r in resources]
    path.write_text(json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries}))
    return [path]


def parsed(paths: list[Path]) -> tuple[int, float]:
    start, count = time.process_time(), 0
    for path in paths:
        count += sum(isinstance(entry.item, Document) for entry in read(path, learned=NOW))
    return count, time.process_time() - start


def stored(paths: list[Path], folder: Path, turn: int) -> tuple[int, float]:
    start, count = time.process_time(), 0
    with Store.open(folder / f"{turn}.pollux.db") as store:
        for path in paths:
            count += store.take(read(path, learned=NOW), NOW).documents
    return count, time.process_time() - start


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = sorted(Path(sys.argv[1]).glob("*.json")) if len(sys.argv) > 1 else made(folder)
        count, seconds = parsed(paths)
        print(f"first pass, with compiling the schema: {count:,} resources, {count / seconds:,.0f}/s")
        rates = [count / seconds for count, seconds in (parsed(paths) for _ in range(5))]
        print(f"parsed, validated, mapped: best {max(rates):,.0f}/s, worst {min(rates):,.0f}/s of 5")
        rates = [count / seconds for count, seconds in (stored(paths, folder, i) for i in range(3))]
        print(f"the same into a new store: best {max(rates):,.0f}/s, worst {min(rates):,.0f}/s of 3")


if __name__ == "__main__":
    main()
