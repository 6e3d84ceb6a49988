"""Files of any size in every format and many shapes, for what is asked of their growth: `SHAPES[name](n)` is a file."""

import base64
import json
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta

from tests.sources.examples import clarity, observation, patient

Shape = Callable[[int], bytes]
_START = datetime(2026, 1, 1, tzinfo=UTC)
_STEP = timedelta(minutes=5)


def _at(k: int, step: timedelta = _STEP) -> str:
    return (_START + k * step).strftime("%Y-%m-%dT%H:%M:%SZ")


# Plain tables


def table(n: int) -> bytes:
    """One person's sensor."""
    rows = (f"{_at(k)},cgm_glucose,{100 + k % 80},mg/dL" for k in range(n))
    return "\n".join(("time,quantity,value,unit", *rows)).encode()


def table_of_people(n: int) -> bytes:
    """One row a person."""
    rows = (f"p{k},{_at(k)},body_weight,{60 + k % 40},kg" for k in range(n))
    return "\n".join(("person,time,quantity,value,unit", *rows)).encode()


def table_in_turns(n: int) -> bytes:
    """The rows of a hundred people in turns."""
    rows = (f"p{k % 100},{_at(k)},body_weight,{60 + k % 40},kg" for k in range(n))
    return "\n".join(("person,time,quantity,value,unit", *rows)).encode()


def table_of_one_instant(n: int) -> bytes:
    """Values that contradict each other."""
    rows = (f"{_at(0)},heart_rate,{60 + k / n:.7f},/min" for k in range(n))
    return "\n".join(("time,quantity,value,unit", *rows)).encode()


def table_of_doses(n: int) -> bytes:
    """Doses a second apart, each perhaps the repeat of another."""
    rows = (f"{_at(k, timedelta(seconds=1))},insulin_bolus,{1 + k % 3},U" for k in range(n))
    return "\n".join(("time,quantity,value,unit", *rows)).encode()


def table_broken(n: int) -> bytes:
    """Nothing that can be used."""
    return "\n".join(("time,quantity,value,unit", *(f"{_at(k)},nonsense{k},1,U" for k in range(n)))).encode()


def table_of_long_cells(n: int) -> bytes:
    """One cell of many digits."""
    return f"time,quantity,value,unit\n{_at(0)},cgm_glucose,{'1' * (8 * n)}x,mg/dL\n".encode()


# Dexcom Clarity


def clarity_readings(n: int) -> bytes:
    """One sensor whose clocks agree."""
    return clarity(*(_reading(k, _START + k * _STEP, 300 * k) for k in range(n)))


def clarity_jumps(n: int) -> bytes:
    """A display that is set anew with every other reading."""
    return clarity(
        *(_reading(k, _START + k * _STEP + (k * 37 % 11) * timedelta(minutes=20), 300 * k) for k in range(n))
    )


def clarity_sensors(n: int) -> bytes:
    """A counter that begins again and again."""
    return clarity(*(_reading(k, _START + k * _STEP, 300 * (k % 7)) for k in range(n)))


def clarity_transmitters(n: int) -> bytes:
    """Each reading of another transmitter."""
    return clarity(*(_reading(k, _START + k * _STEP, 300 * k, f"T{k}") for k in range(n)))


def _reading(k: int, time: datetime, counter: int, transmitter: str = "8ABCDE") -> str:
    return f"{k},{time:%Y-%m-%dT%H:%M:%S},EGV,,,,iOS G7,{100 + k % 80},,,,,{1000 + counter},{transmitter}"


# Nightscout


def nightscout_entries(n: int) -> bytes:
    """Sensor readings."""
    return _json([{"_id": f"e{k}", "type": "sgv", "sgv": 100 + k % 80, "dateString": _at(k)} for k in range(n)])


def nightscout_treatments(n: int) -> bytes:
    """Meals with doses."""
    return _treatments(n, "Meal Bolus", carbs=20, insulin=2)


def nightscout_switches(n: int) -> bytes:
    """Profiles, each switched to for good."""
    profile = {"basal": [{"time": "00:00", "value": 1.0}, {"time": "12:00", "value": 0.8}], "timezone": "UTC"}
    return _treatments(n, "Profile Switch", profileJson=json.dumps(profile))


def nightscout_switches_that_end(n: int) -> bytes:
    """Profiles that are switched to for a time, each within the one before."""
    profile = {"basal": [{"time": "00:00", "value": 1.0}], "timezone": "UTC"}
    return _json([{"_id": f"t{k}", "eventType": "Profile Switch", "created_at": _at(k), "profileJson": profile,
                   "duration": 10 * (n - k) + 1} for k in range(n)])  # fmt: skip


def nightscout_switches_by_name(n: int) -> bytes:
    """Profile documents, and switches that name one."""
    one = {"basal": [{"time": "00:00", "value": 1.0}], "timezone": "UTC"}
    profiles = [{"_id": f"p{k}", "startDate": _at(k), "defaultProfile": "a", "store": {"a": one}} for k in range(n)]
    switches = [{"_id": f"t{k}", "eventType": "Profile Switch", "created_at": _at(k), "profile": "a"} for k in range(n)]
    return _json([*profiles, *switches])


def nightscout_years(n: int) -> bytes:
    """A schedule of many rates over many days."""
    basal = [{"time": f"{k // 12:02d}:{k % 12 * 5:02d}", "value": k % 7 + 1} for k in range(0, 288, 6)]
    switch = {"_id": "s", "eventType": "Profile Switch", "created_at": _at(0), "timezone": "UTC",
              "profileJson": {"basal": basal, "timezone": "Europe/Berlin"}}  # fmt: skip
    last = {"_id": "t", "type": "sgv", "sgv": 100, "dateString": _at(n, timedelta(hours=1))}
    return _json([switch, last])


def nightscout_temporary(n: int) -> bytes:
    """Temporary rates, percentages of a schedule."""
    profile = {"basal": [{"time": "00:00", "value": 1.0}], "timezone": "UTC"}
    switch = {"_id": "s", "eventType": "Profile Switch", "created_at": "2025-12-31T00:00:00Z", "profileJson": profile}
    rates = [{"_id": f"t{k}", "eventType": "Temp Basal", "created_at": _at(k), "percent": 50, "duration": 30}
             for k in range(n)]  # fmt: skip
    return _json([switch, *rates])


def nightscout_suspensions(n: int) -> bytes:
    """A pump that stops for good, again and again, and still gives insulin; temporary rates meanwhile."""
    some: list[dict[str, object]] = []
    for k in range(n // 2):
        rate = {"_id": f"t{k}", "eventType": "Temp Basal", "created_at": _at(k), "rate": 1, "duration": 30}
        some += [{"_id": f"s{k}", "eventType": "Suspend Pump", "created_at": _at(k)}, rate]
    return _json([*some, {"_id": "b", "eventType": "Bolus", "insulin": 1, "created_at": _at(n)}])


def nightscout_equivalents(n: int) -> bytes:
    """Carbohydrate that may stand for fat and protein."""
    return _treatments(n, "Carb Correction", carbs=10, fat=0, protein=0)


def nightscout_again(n: int) -> bytes:
    """Versions of one document, each with another dose."""
    return _json([{"_id": "t", "eventType": "Bolus", "created_at": _at(0), "insulin": 1 + k / 1000,
                   "srvModified": 1_767_254_400_000 + k} for k in range(n)])  # fmt: skip


def nightscout_notes(n: int) -> bytes:
    """Notes of many words."""
    words = (" no pump was suspended basal 3 u at 12:30" * (n // 4), " " * (16 * n), "a " * (8 * n), "12:30 " * (3 * n))
    return _json([{"_id": f"t{k}", "eventType": "Note", "created_at": _at(k), "insulin": 2, "notes": text}
                  for k, text in enumerate(words)])  # fmt: skip


def _treatments(n: int, kind: str, **more: object) -> bytes:
    return _json([{"_id": f"t{k}", "eventType": kind, "created_at": _at(k), **more} for k in range(n)])


# FHIR


def fhir_lines(n: int) -> bytes:
    """A resource a line."""
    return b"\n".join(map(_json, (patient(), *_weights(n))))


def fhir_collection(n: int) -> bytes:
    """Many resources of one person."""
    return _bundle("collection", ({"resource": one} for one in (patient(), *_weights(n))))


def fhir_people(n: int) -> bytes:
    """Many people, each with one thing, who stand behind it."""
    some = ((observation(id=f"o{k}", subject={"reference": f"Patient/q{k}"}), patient(id=f"q{k}")) for k in range(n))
    return _bundle("collection", ({"resource": one} for pair in some for one in pair))


def fhir_transaction(n: int) -> bytes:
    """What a sender creates."""
    first = _entry(patient(), "POST", "Patient", "urn:uuid:00000000-0000-0000-0000-000000000000")
    some = (_entry(observation(id=f"o{k}", subject={"reference": first["fullUrl"]}), "POST", "Observation",
                   f"urn:uuid:00000000-0000-0000-0001-{k:012d}") for k in range(n))  # fmt: skip
    return _bundle("transaction", (first, *some))


def fhir_conditional(n: int) -> bytes:
    """What is created unless it is there, half of it twice."""
    first = _entry(patient(), "PUT", "Patient/p1", "http://example.org/Patient/p1")
    some = []
    for k in range(n):
        id = k // 2
        one = observation(id=f"o{k}", identifier=[{"system": "urn:lab", "value": str(id)}])
        entry = _entry(one, "POST", "Observation", f"urn:uuid:00000000-0000-0000-0001-{k:012d}")
        entry["request"] = {"method": "POST", "url": "Observation", "ifNoneExist": f"identifier=urn:lab|{id}"}
        some.append(entry)
    return _bundle("transaction", (first, *some))


def fhir_history(n: int) -> bytes:
    """Versions of one resource, the newest first."""
    return _bundle("history", (_version("o1", n - k) for k in range(n)))


def fhir_histories(n: int) -> bytes:
    """Versions of many resources, in turns."""
    return _bundle("history", (_version(f"o{k % 50}", n - k) for k in range(n)))


def fhir_deletions(n: int) -> bytes:
    """A resource that is deleted and comes back, again and again."""
    gone = {"request": {"method": "DELETE", "url": "Observation/o1"}}
    entries = [_version("o1", k) if k % 2 else {**gone, "response": {"status": "204", "lastModified": _at(k)}}
               for k in range(n)]  # fmt: skip
    return _bundle("history", entries)


def fhir_invalid_versions(n: int) -> bytes:
    """A version that can be used, and many that cannot."""
    some = [_version("o1", k) for k in range(n)]
    for one in some[1:]:
        one["resource"]["valueQuantity"]["unit"] = one["resource"]["valueQuantity"]["code"] = "furlong"  # type: ignore[index]
    return _bundle("history", some)


def fhir_components(n: int) -> bytes:
    """One Observation of many parts."""
    code = {"coding": [{"system": "http://loinc.org", "code": "8480-6"}]}
    parts = [{"code": code, "valueQuantity": {"value": 100 + k % 50, "unit": "mmHg", "code": "mm[Hg]",
                                              "system": "http://unitsofmeasure.org"}} for k in range(n)]  # fmt: skip
    return _of_one(observation(component=parts))


def fhir_codings(n: int) -> bytes:
    """One Observation with many codes."""
    return _of_one(observation(code={"coding": [{"system": "http://loinc.org", "code": f"{k}-1"} for k in range(n)]}))


def fhir_samples(n: int) -> bytes:
    """One Observation of sampled data."""
    data = {"origin": {"value": 0, "unit": "mg/dL", "code": "mg/dL", "system": "http://unitsofmeasure.org"},
            "period": 300000, "dimensions": 1, "data": " ".join(str(100 + k % 80) for k in range(n))}  # fmt: skip
    one = observation(code={"coding": [{"system": "http://loinc.org", "code": "99504-3"}]}, valueSampledData=data)
    del one["valueQuantity"], one["effectiveDateTime"]
    one["effectivePeriod"] = {"start": _at(0), "end": _at(n - 1)}
    return _of_one(one)


def fhir_identifiers(n: int) -> bytes:
    """A Patient with many identifiers, and many who are named by one."""
    many = [{"system": "urn:mrn", "value": str(k)} for k in range(n)]
    return _bundle("collection", ({"resource": patient(identifier=many)}, {"resource": observation()}))


def fhir_links(n: int) -> bytes:
    """A Patient with many links to others."""
    links = [{"type": "replaces", "other": {"reference": f"Patient/q{k}"}} for k in range(n)]
    return _of_one(observation(), link=links)


def fhir_contained(n: int) -> bytes:
    """A resource that holds many."""
    held = [{"resourceType": "Organization", "id": f"c{k}", "name": "x"} for k in range(n)]
    performers = [{"reference": f"#c{k}"} for k in range(n)]
    return _of_one(observation(contained=held, performer=performers))


def fhir_astray(n: int) -> bytes:
    """References to what a resource should hold, and does not."""
    held = [{"resourceType": "Organization", "id": "c", "name": "x"}]
    return _of_one(observation(contained=held, performer=[{"reference": f"#x{k}"} for k in range(n)]))


def fhir_statements(n: int) -> bytes:
    """Versions of one Patient, each with another name."""
    put = {"request": {"method": "PUT", "url": "Patient/p1"}, "response": {"status": "200"}}
    metas = ({"versionId": str(k + 1), "lastUpdated": _at(k)} for k in range(n))
    some = (patient(name=[{"family": f"F{k}"}], meta=meta) for k, meta in enumerate(metas))
    return _bundle("history", ({"resource": one, **put} for one in some))


def fhir_medications(n: int) -> bytes:
    """Medications, and what refers to them."""
    codes = ({"coding": [{"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": str(k)}]} for k in range(n))
    some = [{"resourceType": "Medication", "id": f"m{k}", "code": code} for k, code in enumerate(codes)]
    asked = [{"resourceType": "MedicationRequest", "id": f"r{k}", "status": "active", "intent": "order",
              "subject": {"reference": "Patient/p1"}, "medicationReference": {"reference": f"Medication/m{k}"},
              "authoredOn": "2026-01-01"} for k in range(n)]  # fmt: skip
    return _bundle("collection", ({"resource": one} for one in (patient(), *some, *asked)))


def fhir_extensions(n: int) -> bytes:
    """A resource with many extensions."""
    return _of_one(observation(extension=[{"url": f"http://example.org/{k}", "valueString": "x"} for k in range(n)]))


def fhir_deep(n: int) -> bytes:
    """Brackets within brackets, as deep as is let in, many times."""
    return b'{"resourceType":"Observation","x":[' + b",".join([b"[" * 100 + b"]" * 100] * (n // 8)) + b"]}"


def fhir_too_deep(n: int) -> bytes:
    """Brackets within brackets without end."""
    return b'{"resourceType":"Observation","x":' + b"[" * (64 * n)


def fhir_empty(n: int) -> bytes:
    """Nothing but empty elements and broken texts."""
    return b'{"resourceType":"Bundle","type":"collection","entry":[' + b",".join([b"{}"] * n) + b"]}"


def fhir_texts(n: int) -> bytes:
    """Texts of many signs in every place that is read for its words."""
    some: list[dict[str, object]] = [patient()]
    for k, text in enumerate(_texts(n)):
        whose = {"reference": "Patient/p1"}
        some += [
            {"resourceType": "AllergyIntolerance", "id": f"a{k}", "patient": whose, "code": {"text": text}},
            {"resourceType": "Condition", "id": f"c{k}", "subject": whose, "code": {"text": text}},
            {"resourceType": "MedicationStatement", "id": f"m{k}", "status": "active", "subject": whose,
             "medicationCodeableConcept": {"text": text}, "dosage": [{"text": text}]},
            observation(id=f"u{k}", valueQuantity={"value": 1, "unit": text}),
            observation(id=f"s{k}", effectiveDateTime=text),
            observation(id=f"r{k}", note=[{"text": text}], subject={"reference": text}),
        ]  # fmt: skip
    return _bundle("collection", ({"resource": one} for one in some))


def fhir_narrative(n: int) -> bytes:
    """A narrative of many elements, and base64 of many signs."""
    div = '<div xmlns="http://www.w3.org/1999/xhtml">' + "<p>a &amp; b &nbsp; </p>" * n + "</div>"
    photo = [{"contentType": "image/png", "data": base64.b64encode(b"x" * (12 * n)).decode()}]
    return _of_one(observation(text={"status": "generated", "div": div}), photo=photo)


def _texts(n: int) -> Iterable[str]:
    """What a pattern may stumble over."""
    yield " " * (16 * n) + "x"
    yield "no " * (5 * n)
    yield "allergy " * (2 * n)
    yield "no known " * (2 * n)
    yield "a" * (16 * n)
    yield "1" * (16 * n)
    yield "(" * (16 * n)
    yield "mg/" * (5 * n)
    yield "not nimmt " * (2 * n)


def _weights(n: int) -> list[dict[str, object]]:
    return [observation(id=f"o{k}", effectiveDateTime=_at(k)) for k in range(n)]


def _version(id: str, k: int) -> dict[str, object]:
    quantity = {"value": 50 + k % 90, "unit": "kg", "system": "http://unitsofmeasure.org", "code": "kg"}
    one = observation(id=id, meta={"versionId": str(k + 1), "lastUpdated": _at(k)}, valueQuantity=quantity,
                      effectiveDateTime=_at(0))  # fmt: skip
    return {"fullUrl": f"http://example.org/Observation/{id}", "resource": one,
            "request": {"method": "PUT", "url": f"Observation/{id}"}, "response": {"status": "200"}}  # fmt: skip


def _entry(resource: Mapping[str, object], method: str, url: str, full_url: str) -> dict[str, object]:
    return {"fullUrl": full_url, "resource": resource, "request": {"method": method, "url": url}}


def _of_one(resource: Mapping[str, object], **more: object) -> bytes:
    return _bundle("collection", ({"resource": patient(**more)}, {"resource": resource}))


def _bundle(type: str, entries: Iterable[Mapping[str, object]]) -> bytes:
    return _json({"resourceType": "Bundle", "type": type, "entry": list(entries)})


def _json(value: object) -> bytes:
    return json.dumps(value).encode()


# VCF

_VCF_HEAD = ("##fileformat=VCFv4.2", '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">',
             "##contig=<ID=chr10,length=133797422,assembly=GRCh38>")  # fmt: skip


def vcf(n: int) -> bytes:
    """Rows that nobody asks for, and some that are."""
    rows = (f"chr10\t{94_700_000 + 11 * k}\t.\tA\tG\t99\tPASS\t.\tGT\t0/1" for k in range(n))
    return _vcf(*rows)


def vcf_header(n: int) -> bytes:
    """A header of many lines."""
    return _vcf(head=tuple(f"##contig=<ID=x{k},length=1,assembly=q>" for k in range(n)))


def vcf_alleles(n: int) -> bytes:
    """One row with many alleles, and with a very long one, where somebody asks."""
    many = ",".join("G" * (1 + k % 9) + "ACGT"[k % 4] for k in range(n))
    rows = (("94781859", "G", many), ("94761900", "C", "T" * (8 * n)))
    return _vcf(*(f"chr10\t{at}\t.\t{is_}\t{others}\t99\tPASS\t.\tGT\t0/1" for at, is_, others in rows))


def vcf_one_place(n: int) -> bytes:
    """Many rows of one place that is asked for."""
    return _vcf(*("chr10\t94781859\t.\tG\tA\t99\tPASS\t.\tGT\t0/1" for _ in range(n)))


def vcf_blocks(n: int) -> bytes:
    """Blocks of what is as in the reference."""
    begins = range(94_700_000, 94_700_000 + 20 * n, 20)
    rows = (f"chr10\t{at}\t.\tA\t<NON_REF>\t.\tPASS\tEND={at + 19}\tGT\t0/0" for at in begins)
    return _vcf(*rows)


def _vcf(*rows: str, head: tuple[str, ...] = ()) -> bytes:
    names = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\ta"
    return ("\n".join((*_VCF_HEAD, *head, names, *rows)) + "\n").encode()


_READ = ("table", "clarity_", "nightscout_", "fhir_")
SHAPES: dict[str, Shape] = {name: shape for name, shape in globals().items() if name.startswith(_READ)}
GENOMES: dict[str, Shape] = {name: shape for name, shape in globals().items() if name.startswith("vcf")}
