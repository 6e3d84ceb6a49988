"""One small sound file of each format, for tests that ask every format the same question."""

import json
from collections.abc import Mapping

TABLE = b"""time,quantity,value,unit
2026-01-01T08:00:00Z,cgm_glucose,120,mg/dL
2026-01-01T08:05:00Z,cgm_glucose,6.9,mmol/L
2026-01-01T08:10:00Z,cgm_glucose,LOW,mg/dL
2026-01-01T08:10:00Z,insulin_bolus,4.5,U
2026-01-01T08:15:00Z,body_weight,70,kg
"""

CLARITY_HEADER = (
    '"Index","Timestamp (YYYY-MM-DDThh:mm:ss)","Event Type","Event Subtype","Patient Info","Device Info",'
    '"Source Device ID","Glucose Value (mg/dL)","Insulin Value (u)","Carb Value (grams)","Duration (hh:mm:ss)",'
    '"Glucose Rate of Change (mg/dL/min)","Transmitter Time (Long Integer)","Transmitter ID"'
)


def clarity(*rows: str, header: str = CLARITY_HEADER) -> bytes:
    """A Clarity export with these rows, in the bytes that Clarity writes: a byte-order mark, quotes, CRLF."""
    about = ("1,,FirstName,,Ada,,,,,,,,", "2,,LastName,,Example,,,,,,,,", "3,,Alert,High,,,iOS G7,200,,,,,")
    quoted = [",".join(f'"{cell}"' for cell in row.split(",")) for row in (*about, *rows)]
    return ("\ufeff" + "\r\n".join([header, *quoted]) + "\r\n").encode()


CLARITY = clarity(
    "4,2026-01-01T08:00:00,EGV,,,,iOS G7,120,,,,,1000,8ABCDE",
    "5,2026-01-01T08:05:00,EGV,Low,,,iOS G7,Low,,,,,1300,8ABCDE",
    "6,2026-01-01T08:10:00,EGV,High,,,iOS G7,High,,,,,1600,8ABCDE",
    "7,2026-01-01T08:12:00,Calibration,,,,iOS G7,118,,,,,,8ABCDE",
    "8,2026-01-01T08:15:00,Carbs,,,,iOS G7,,,45,,,",
    "9,2026-01-01T08:16:00,Insulin,Fast-Acting,,,iOS G7,,4.5,,,,",
    "10,2026-01-01T22:00:00,Insulin,Long-Acting,,,iOS G7,,18,,,,",
    "11,2026-01-01T18:00:00,Exercise,Heavy,,,iOS G7,,,,00:45:00,,",
    "12,2026-01-01T19:00:00,Alert,Urgent Low,,,iOS G7,,,,,,",
)

NIGHTSCOUT = json.dumps(
    {
        "entries": [
            {"_id": "e1", "type": "sgv", "sgv": 118, "date": 1767254400000, "dateString": "nonsense", "device": "x"},
            {"_id": "e2", "type": "sgv", "sgv": 39, "date": 1767254700000},
            {"_id": "e3", "type": "sgv", "sgv": 401, "date": "1767255000000"},
            {"_id": {"$oid": "e4"}, "type": "mbg", "mbg": 101, "dateString": "2026-01-01T08:15:00.000Z"},
        ],
        "treatments": [
            {
                "_id": "t1",
                "eventType": "Meal Bolus",
                "created_at": "2026-01-01T08:20:00Z",
                "carbs": 45,
                "insulin": "4.5",
            },
            {"_id": "t2", "eventType": "Temp Basal", "created_at": "2026-01-01T09:00:00Z", "rate": 0, "duration": 30},
        ],
    },
    indent=1,
).encode()


def patient(**more: object) -> dict[str, object]:
    """A Patient resource."""
    return {"resourceType": "Patient", "id": "p1", "gender": "female", "birthDate": "1964-06-15", **more}


def observation(**more: object) -> dict[str, object]:
    """A weight, as an Observation."""
    return {
        "resourceType": "Observation",
        "id": "o1",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "29463-7", "display": "Body weight"}]},
        "subject": {"reference": "Patient/p1"},
        "effectiveDateTime": "2025-05-01T10:00:00+02:00",
        "valueQuantity": {"value": 70.5, "unit": "kilogram", "system": "http://unitsofmeasure.org", "code": "kg"},
        **more,
    }


def bundle(*resources: Mapping[str, object], type: str = "collection") -> bytes:
    """A Bundle of these resources, each under its own full URL."""
    entries = [{"fullUrl": f"http://example.org/{r['resourceType']}/{r['id']}", "resource": r} for r in resources]
    if type == "transaction":
        entries = [entry | {"request": {"method": "POST", "url": "x"}} for entry in entries]
    return json.dumps({"resourceType": "Bundle", "type": type, "entry": entries}, indent=2).encode()


FHIR = bundle(patient(), observation())
NDJSON = b"\n".join(json.dumps(resource).encode() for resource in (patient(), observation()))

SOUND = {"table": TABLE, "clarity": CLARITY, "nightscout": NIGHTSCOUT, "fhir bundle": FHIR, "fhir ndjson": NDJSON}
