"""How long a hook takes: `python bench/hook.py`. Genotypes of every gene and a list of drugs are sent along."""

import statistics
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from pollux.care.treatment.account import account
from pollux.care.treatment.fhir import as_bundle
from pollux.care.treatment.genes import call, sites
from pollux.care.treatment.guidance import drugs_covered
from pollux.care.treatment.hooks import answer
from pollux.care.treatment.review import review
from pollux.demo.genome import write_genome
from pollux.sources.vcf import read

TAKEN = drugs_covered()[::2]
TIMES = 50


def request(genotypes: list[dict[str, object]]) -> dict[str, object]:
    def order(number: int, name: str, status: str) -> dict[str, object]:
        return {
            "resourceType": "MedicationRequest", "id": f"m{number}", "status": status, "intent": "order",
            "subject": {"reference": "Patient/p1"}, "medicationCodeableConcept": {"text": name},
        }  # fmt: skip

    taken = [{"resource": order(at, name, "active")} for at, name in enumerate(TAKEN)]
    draft = [{"resource": order(1000, "clopidogrel 75 mg", "draft")}]
    return {
        "hook": "order-sign",
        "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
        "context": {
            "userId": "Practitioner/x",
            "patientId": "p1",
            "draftOrders": {"resourceType": "Bundle", "type": "collection", "entry": draft},
        },
        "prefetch": {
            "medications": {"resourceType": "Bundle", "type": "searchset", "entry": taken},
            "genotypes": {
                "resourceType": "Bundle", "type": "searchset", "entry": [{"resource": one} for one in genotypes],
            },
        },
    }  # fmt: skip


def main() -> None:
    at = datetime(2026, 5, 1, tzinfo=UTC)
    with tempfile.TemporaryDirectory() as folder:
        seen = read(write_genome(Path(folder) / "one.vcf"), sites())
    calls = call(seen, sex="female")
    bundle = as_bundle(account(seen, calls, review(None, calls.values()), at=at))
    sent = request([e["resource"] for e in bundle["entry"] if e["resource"]["resourceType"] == "Observation"])
    spent = []
    for _ in range(TIMES):
        start = time.perf_counter()
        cards = answer(sent, at=at)["cards"]
        spent.append(1000 * (time.perf_counter() - start))
    rest = sorted(spent[1:])
    print(f"{len(TAKEN)} drugs taken, {len(calls)} genes sent, {len(cards)} cards")
    print(f"first call {spent[0]:.0f} ms; then median {statistics.median(rest):.1f} ms, slowest {rest[-1]:.1f} ms")


if __name__ == "__main__":
    main()
