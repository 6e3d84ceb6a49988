"""A synthetic person's files, as a hospital and their own devices would hand them out; marked synthetic."""

import csv
import io
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import orjson

from pollux import output
from pollux.demo.life import Diary, Story
from pollux.models.glucose.uva_padova import virtual_patients

# "Test health data": HL7's own mark for records of nobody (terminology.hl7.org, v3-ActReason).
SYNTHETIC = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": "HTEST"}


def write(story: Story, diary: Diary, folder: Path) -> tuple[Path, Path]:
    """Write a record (FHIR R4 Bundle) and a device export (Nightscout, or Clarity if meals are unlogged)."""
    output.make_folder(folder)
    record = folder / f"{story.id}-record.fhir.json"
    output.write_file(record, orjson.dumps(bundle(story, diary), option=orjson.OPT_INDENT_2))
    if story.logs_meals:
        device = folder / f"{story.id}-nightscout.json"
        output.write_file(device, orjson.dumps(nightscout(diary)))
    else:
        device = folder / f"{story.id}-clarity.csv"
        output.write_file(device, clarity(story, diary))
    return record, device


def bundle(story: Story, diary: Diary) -> dict[str, Any]:
    """The medical record: person, weight, height, HbA1c, the diagnosis and the insulin that is prescribed."""
    start = diary.readings[0][0].astimezone(ZoneInfo(story.timezone)).date().isoformat()
    mean = sum(value for _, value in diary.readings) / len(diary.readings)
    # HbA1c that goes with the mean sensor glucose: GMI = 3.31 + 0.02392 × mean (as in iglu's metrics).
    gmi = round(3.31 + 0.02392 * mean, 1)
    weight = virtual_patients()[story.patient]["BW"]
    resources = [
        {
            "resourceType": "Patient",
            "id": story.id,
            "active": True,
            "name": [{"use": "official", "given": [story.name[0]], "family": story.name[1]}],
            "gender": story.sex,
            "birthDate": story.birth_date,
        },
        _observation(story, "weight", start, "29463-7", "Body weight", weight, "kg", "vital-signs"),
        _observation(story, "height", start, "8302-2", "Body height", story.height, "cm", "vital-signs"),
        _observation(
            story, "hba1c", start, "4548-4", "Hemoglobin A1c/Hemoglobin.total in Blood", gmi, "%", "laboratory"
        ),
        _condition(story),
    ]
    if story.logs_meals:
        resources.append(_insulin(story, start))
    tagged = [resource | {"meta": {"tag": [SYNTHETIC]}} for resource in resources]
    return {
        "resourceType": "Bundle",
        "type": "collection",
        "meta": {"tag": [SYNTHETIC]},
        "entry": [{"fullUrl": f"urn:pollux:demo:{r['resourceType']}/{r['id']}", "resource": r} for r in tagged],
    }


def _observation(
    story: Story, name: str, date: str, loinc: str, display: str, value: float, unit: str, category: str
) -> dict[str, Any]:
    system = "http://terminology.hl7.org/CodeSystem/observation-category"
    return {
        "resourceType": "Observation",
        "id": f"{story.id}-{name}",
        "status": "final",
        "category": [{"coding": [{"system": system, "code": category}]}],
        "code": {"coding": [{"system": "http://loinc.org", "code": loinc, "display": display}]},
        "subject": {"reference": f"Patient/{story.id}"},
        "effectiveDateTime": date,
        "valueQuantity": {"value": value, "unit": unit, "system": "http://unitsofmeasure.org", "code": unit},
    }


def _condition(story: Story) -> dict[str, Any]:
    coding = {"system": "http://snomed.info/sct", "code": "46635009", "display": "Diabetes mellitus type 1 (disorder)"}
    return {
        "resourceType": "Condition",
        "id": f"{story.id}-diabetes",
        "clinicalStatus": {
            "coding": [{"system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": "active"}]
        },
        "code": {"coding": [coding], "text": "Type 1 diabetes"},
        "subject": {"reference": f"Patient/{story.id}"},
        "onsetDateTime": f"{int(story.birth_date[:4]) + 12}",
    }


def _insulin(story: Story, date: str) -> dict[str, Any]:
    return {
        "resourceType": "MedicationRequest",
        "id": f"{story.id}-insulin",
        "status": "active",
        "intent": "order",
        "medicationCodeableConcept": {"text": "Rapid-acting insulin by pump"},
        "subject": {"reference": f"Patient/{story.id}"},
        "authoredOn": date,
    }


def nightscout(diary: Diary) -> dict[str, Any]:
    """Sensor and pump as Nightscout's API hands them out: `entries` and `treatments`."""
    entries = [
        {
            "_id": f"e{k}",
            "type": "sgv",
            "sgv": round(value),
            "date": _milliseconds(t),
            "dateString": _iso(t),
            "device": "demo",
        }
        for k, (t, value) in enumerate(diary.readings)
    ]
    treatments: list[dict[str, Any]] = [
        {"_id": f"b{k}", "eventType": "Correction Bolus", "created_at": _iso(t), "insulin": dose}
        for k, (t, dose) in enumerate(diary.boluses)
    ]
    treatments += [
        {"_id": f"m{k}", "eventType": "Carb Correction", "created_at": _iso(t), "carbs": grams}
        for k, (t, grams) in enumerate(diary.meals)
    ]
    treatments += [
        {
            "_id": f"r{k}",
            "eventType": "Temp Basal",
            "created_at": _iso(t),
            "absolute": rate,
            "rate": rate,
            "duration": 1440,
        }
        for k, (t, rate) in enumerate(diary.basal)
    ]
    return {"entries": entries, "treatments": treatments}


_CLARITY = (
    "Index", "Timestamp (YYYY-MM-DDThh:mm:ss)", "Event Type", "Event Subtype", "Patient Info", "Device Info",
    "Source Device ID", "Glucose Value (mg/dL)", "Insulin Value (u)", "Carb Value (grams)", "Duration (hh:mm:ss)",
    "Glucose Rate of Change (mg/dL/min)", "Transmitter Time (Long Integer)", "Transmitter ID",
)  # fmt: skip


def clarity(story: Story, diary: Diary) -> str:
    """Sensor readings as Dexcom Clarity exports them, in the person's local time."""
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\r\n")
    writer.writerow(_CLARITY)
    writer.writerow([1, "", "FirstName", "", story.name[0], *[""] * 9])
    writer.writerow([2, "", "LastName", "", story.name[1], *[""] * 9])
    writer.writerow([3, "", "Device", "", "", "Demo sensor", "demo", *[""] * 7])
    writer.writerows(_clarity_rows(story, diary))
    return table.getvalue()


def _clarity_rows(story: Story, diary: Diary) -> Iterator[list[str]]:
    zone, first = ZoneInfo(story.timezone), diary.readings[0][0]
    for k, (moment, value) in enumerate(diary.readings, 4):
        local = moment.astimezone(zone).strftime("%Y-%m-%dT%H:%M:%S")
        shown = "Low" if value < 40 else "High" if value > 400 else f"{value:.0f}"
        seconds = str(int((moment - first) / timedelta(seconds=1)))
        yield [str(k), local, "EGV", "", "", "", "demo", shown, "", "", "", "", seconds, "DEMO01"]


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def _iso(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.000Z")
