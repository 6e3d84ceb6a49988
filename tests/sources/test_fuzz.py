"""Whatever bytes come in: only a `PolluxError` comes out, and a failed import leaves the store as it was.

POLLUX_SOAK=1 asks for many more examples.
"""

import copy
import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pollux.errors import PolluxError
from pollux.record import Event, Quarantined
from pollux.sources import read
from pollux.store import Store
from tests.sources.examples import CLARITY, FHIR, NDJSON, NIGHTSCOUT, SOUND, TABLE

pytestmark = pytest.mark.slow

NOW = datetime(2026, 3, 1, tzinfo=UTC)
MANY = 20_000 if os.environ.get("POLLUX_SOAK") else 150
fuzz = settings(
    max_examples=MANY,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)

SPLINTERS = [
    b'"', b"{", b"}", b"[", b"]", b",", b";", b":", b"null", b"true", b"1e999", b"-1", b"1e308", b"\x00", b"\xff",
    b"\\u0000", b'""', b"[]", b"{}", b"9" * 30, b"0001-01-01", b"9999-12-31T23:59:59Z", b"2025-03-30T02:30:00",
    b'"resourceType"', b"Infinity", b"\n", "😀".encode(), b'"\\ud800"', b'{"a":' * 200, b"\x1f\x8b", b"\xff\xfe",
]  # fmt: skip


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with Store.open(tmp_path_factory.mktemp("fuzz") / "store.pollux.db") as opened:
        yield opened


def counts(store: Store) -> list[int]:
    tables = ("chart", "page", "quarantine", "document", "name")
    with store._database.reading() as rows:
        return [rows.exec_driver_sql(f"select count(*) from {table}").scalar() or 0 for table in tables]


def survives(content: bytes, store: Store, folder: Path) -> None:
    path = folder / "file"
    path.write_bytes(content)
    before = counts(store)
    try:
        store.take(read(path, learned=NOW, person="p1", timezone="Europe/Berlin"), NOW)
    except PolluxError:
        assert counts(store) == before
        return
    again = store.take(read(path, learned=NOW, person="p1", timezone="Europe/Berlin"), NOW)
    assert not again.changed


@st.composite
def broken(draw: st.DrawFn) -> bytes:
    """A sound file with a few splinters in it, bytes cut out, turned or said again."""
    content = bytearray(draw(st.sampled_from([TABLE, CLARITY, NIGHTSCOUT, FHIR, NDJSON])))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(content)))
        match draw(st.sampled_from(["put", "cut", "turn", "repeat"])):
            case "put":
                content[at:at] = draw(st.sampled_from(SPLINTERS))
            case "cut":
                del content[at : at + draw(st.sampled_from([1, 2, 5, 30, 300]))]
            case "turn":
                content[at : at + 1] = bytes([draw(st.integers(0, 255))])
            case "repeat":
                content[at:at] = content[at : at + draw(st.sampled_from([3, 40, 200]))]
    return bytes(content)


ODD: st.SearchStrategy[Any] = st.sampled_from(
    [None, True, 0, -1, 1e300, 2**70, "", "x", "2019-02-30", "urn:uuid:1", [], {}, [None], [[]], {"a": 1},
     {"reference": 5}, "Patient/p1", "#", {"coding": [{"code": "1"}]}, {"$oid": 1}, {"start": 1, "end": 2}]
)  # fmt: skip


@st.composite
def odd_json(draw: st.DrawFn) -> bytes:
    """A sound JSON file in which some values are replaced by others of any kind."""
    document = json.loads(draw(st.sampled_from([NIGHTSCOUT, FHIR])))
    for _ in range(draw(st.integers(1, 3))):
        here: Any = document
        while isinstance(here, dict | list) and here:
            key = draw(st.sampled_from(sorted(here))) if isinstance(here, dict) else draw(st.integers(0, len(here) - 1))
            inner = here[key]
            if not isinstance(inner, dict | list) or not inner or draw(st.integers(0, 4)) == 0:
                here[key] = copy.deepcopy(draw(ODD))
                break
            here = inner
    return json.dumps(document).encode()


@fuzz
@given(content=st.binary(max_size=400))
def test_random_bytes(content: bytes, store: Store, tmp_path: Path) -> None:
    survives(content, store, tmp_path)


@fuzz
@given(content=broken())
def test_sound_files_with_splinters(content: bytes, store: Store, tmp_path: Path) -> None:
    survives(content, store, tmp_path)


@pytest.mark.slow
@fuzz
@given(content=odd_json())
def test_sound_json_with_odd_values(content: bytes, store: Store, tmp_path: Path) -> None:
    survives(content, store, tmp_path)


@fuzz
@given(
    document=st.recursive(
        st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(
                st.sampled_from(
                    ["resourceType", "entry", "resource", "id", "sgv", "eventType", "date", "type", "entries"]
                ),
                inner | st.sampled_from(["Patient", "Bundle", "Observation", "sgv"]),
                max_size=4,
            )
        ),
        max_leaves=12,
    )
)
def test_random_json(document: object, store: Store, tmp_path: Path) -> None:
    survives(json.dumps(document).encode(), store, tmp_path)


@fuzz
@given(rows=st.lists(st.lists(st.text(max_size=12), min_size=1, max_size=6), max_size=6), sign=st.sampled_from(",;\t"))
def test_random_rows_under_a_sound_header(rows: list[list[str]], sign: str, store: Store, tmp_path: Path) -> None:
    lines = [sign.join(["time", "quantity", "value", "unit"]), *(sign.join(row) for row in rows)]
    survives("\n".join(lines).encode("utf-8", "surrogatepass"), store, tmp_path)


WORDS: dict[str, list[Any]] = {
    "eventType": ["Correction Bolus", "Meal Bolus", "Combo Bolus", "Temp Basal", "Suspend Pump", "Resume Pump", "Note",
                  "Site Change", "Profile Switch", "OpenAPS Offline", "Exercise", "<none>", "Sensor Start", ""],
    "insulin": [0, 0.05, 4, 400, -1, "4.5", None, [], 1e300],
    "carbs": [0, 5, 60, "45", -3, {}, 1e300],
    "duration": [0, 30, 7_200_000, 5000, -1, "120", None, 1e300],
    "notes": ["", "Lantus", "priming", "Pump suspended", "forgot Tresiba", "pizza", 5, None],
    "type": ["", "NORMAL", "SMB", "PRIMING", "square", "dual", 7],
    "isBasalInsulin": [True, False, "yes", None],
    "insulinInjections": ["", "[]", '[{"insulin":"Toujeo","units":24}]', '[{"units":1}]', "{", [{"insulin": "x"}]],
    "absolute": [0, 1.2, "0.5", -1], "percent": [-100, -50, 20, 1000], "fat": [0, 12, "0"], "protein": [0, 3],
    "isFPU": [True, False], "isValid": [True, False, "no"], "mode": ["DISCONNECTED_PUMP", "OPEN_LOOP", 3],
    "created_at": ["2026-01-01T08:00:00Z", "2026-01-01T08:00:30Z", "2026-01-01T09:00", "2025-03-30T02:30", "", 5],
    "utcOffset": [0, 60, 1e9, "x"], "enteredBy": ["", "xdrip", "loop://x"], "app": ["AAPS", 4],
    "_id": ["a", "b", {"$oid": "c"}],
    "profileJson": ['{"timezone":"GMT+4","basal":[{"time":"00:00","value":1},{"time":"06:00","value":2}]}', "{", 5],
}  # fmt: skip
TREATMENT = st.fixed_dictionaries({}, optional={name: st.sampled_from(values) for name, values in WORDS.items()})


@pytest.mark.slow
@fuzz
@given(documents=st.lists(TREATMENT, max_size=5))
def test_treatments_of_any_words(documents: list[dict[str, object]], store: Store, tmp_path: Path) -> None:
    survives(json.dumps(documents).encode(), store, tmp_path)


@fuzz
@given(documents=st.lists(TREATMENT, min_size=1, max_size=4))
def test_no_dose_is_skipped(documents: list[dict[str, object]], tmp_path: Path) -> None:
    """Of every document that states insulin or carbohydrate something is said: an event, or why there is none."""
    path = tmp_path / "file"
    path.write_bytes(json.dumps([{"created_at": "2026-01-01T08:00:00Z", **one} for one in documents]).encode())
    try:
        items = [entry.item for entry in read(path, learned=NOW, person="p1", timezone="Europe/Berlin")]
    except PolluxError:
        return
    told = " ".join(item.source.place for item in items if isinstance(item, Event))
    told += " ".join(item.finding.where for item in items if isinstance(item, Quarantined))
    for k, document in enumerate(documents):
        if document.get("insulin") or document.get("carbs") or document.get("insulinInjections"):
            assert f"[{k}]" in told


UNITS = st.sampled_from(
    ["", "K/uL", "x10(3)/uL", "m/uL", "mg%", "mL/min/1.73m2", "10*", "10*3/", "/", "{", "}/uL", "mEq/L", "\u00b5mol/L"]
) | st.text(max_size=12)
NUMBERS = st.sampled_from([0, -1, 5, 1e300, 1e-300, 2**60, 300000]) | st.floats(allow_nan=False, allow_infinity=False)
TIMES = st.sampled_from(
    ["2025-02-03T08:30:00", "2025-03-30T02:30:00", "2025-10-26T02:30:00", "0001-01-01T00:00:00", "9999-12-31T23:59:59",
     "2016-12-31T23:59:60", "2025-02-03", "2025", "2025-02-03T08:30:00+14:00", "2025-02-03T08:30:00.1", "9999-12"]
)  # fmt: skip
CODES = st.sampled_from(["99504-3", "8867-4", "788-0", "33914-3", "5964-2", "72166-2", "20447-9", "0-0"])
SAMPLES = st.lists(st.sampled_from(["E", "L", "U", "5", "-1", "1e99", "NaN", "x"]) | st.text(max_size=5), max_size=8)
QUANTITIES = st.fixed_dictionaries(
    {}, optional={"value": NUMBERS, "unit": UNITS, "code": UNITS, "system": st.just("http://unitsofmeasure.org")}
)
RUNS = st.fixed_dictionaries(
    {"origin": QUANTITIES},
    optional={
        "period": NUMBERS,
        "factor": NUMBERS,
        "lowerLimit": NUMBERS,
        "upperLimit": NUMBERS,
        "dimensions": st.integers(0, 3),
        "data": SAMPLES.map(" ".join),
    },
)
VALUES = st.one_of(
    st.fixed_dictionaries({"valueQuantity": QUANTITIES}),
    st.fixed_dictionaries({"valueSampledData": RUNS}),
    st.fixed_dictionaries({"valueInteger": st.integers(-(2**31), 2**31 - 1)}),
)


@pytest.mark.slow
@fuzz
@given(code=CODES, value=VALUES, time=TIMES, end=st.none() | TIMES, linked=st.text(max_size=20), zone=st.booleans())
def test_measurements_of_any_unit_time_and_run(
    code: str, value: dict[str, Any], time: str, end: str | None, linked: str, zone: bool, store: Store, tmp_path: Path
) -> None:
    other = {"type": "replaced-by", "other": {"reference": linked or "Patient/p2"}}
    person = {"resourceType": "Patient", "id": "p1", "link": [other]}
    when = {"effectivePeriod": {"start": time, "end": end}} if end else {"effectiveDateTime": time}
    concept = {"coding": [{"system": "http://loinc.org", "code": code}]}
    measured = {"resourceType": "Observation", "id": "o1", "status": "final", "subject": {"reference": "Patient/p1"}}
    path = tmp_path / "lines"
    path.write_text(f"{json.dumps(person)}\n{json.dumps(measured | {'code': concept} | when | value)}\n")
    survives(path.read_bytes(), store, tmp_path)
    entries = list(read(path, learned=NOW, timezone="Europe/Berlin" if zone else ""))
    told = [entry.item for entry in entries if isinstance(entry.item, Event | Quarantined)]
    assert told or "valueSampledData" in value  # nothing is passed over


def test_every_sound_example_survives(store: Store, tmp_path: Path) -> None:
    for content in SOUND.values():
        survives(content, store, tmp_path)
