"""Runs of sensor readings in FHIR: each an event, limits as comparators, errors told."""

import json
from typing import Any

import pytest

from pollux.sources.fhir.quantity import UCUM
from tests.sources.conftest import Reads, ReadText
from tests.sources.examples import observation

LOINC = "http://loinc.org"
START = "2025-02-03T08:00:00Z"


def run(data: str, code: str = "99504-3", unit: str = "mg/dL", times: object = None, **stated: Any) -> str:
    origin = {"value": 0, "unit": unit, "system": UCUM, "code": unit}
    resource = observation(
        code={"coding": [{"system": LOINC, "code": code}]},
        valueSampledData={"origin": origin, "period": 300000, "dimensions": 1, "data": data} | stated,
    )
    for name in ("valueQuantity", "effectiveDateTime"):
        del resource[name]
    return json.dumps(resource | (times if isinstance(times, dict) else {"effectiveDateTime": START}))


def said(found: Reads) -> list[tuple[str, str, object]]:
    return [(f"{e.time:%H:%M:%S}", e.comparator, e.value) for e in found.events]


def test_each_reading_is_an_event_of_its_own(reads: ReadText) -> None:
    found = reads(run("112 115 118 L 124 E U"))
    assert said(found) == [
        ("08:00:00", "", 112.0), ("08:05:00", "", 115.0), ("08:10:00", "", 118.0), ("08:15:00", "<", 40.0),
        ("08:20:00", "", 124.0), ("08:30:00", ">", 400.0),
    ]  # fmt: skip
    assert found.events[0].id == "Observation/o1#sample-1"
    assert found.reasons == ["Sensor glucose: reading 6 is an error of the sensor (E)"]


def test_a_limit_that_is_stated_is_the_limit(reads: ReadText) -> None:
    found = reads(run("L U 5.5", unit="mmol/L", lowerLimit=2.2, upperLimit=27.8))
    assert said(found) == [("08:00:00", "<", 2.2), ("08:05:00", ">", 27.8), ("08:10:00", "", 5.5)]


def test_other_sensors_are_read_alike(reads: ReadText) -> None:
    found = reads(run("71 72.5 73", code="8867-4", unit="/min", period=1000))
    assert said(found) == [("08:00:00", "", 71.0), ("08:00:01", "", 72.5), ("08:00:02", "", 73.0)]


def test_factor_and_origin_are_applied(reads: ReadText) -> None:
    origin = {"value": 100, "unit": "mg/dL"}
    found = reads(run("1 -2 1.5e1", origin=origin, factor=0.5))
    assert [value for _, _, value in said(found)] == [100.5, 99.0, 107.5]


def test_a_limit_of_scaled_readings_is_not_guessed(reads: ReadText) -> None:
    found = reads(run("100 L", factor=2, lowerLimit=40))
    assert [value for _, _, value in said(found)] == [200.0]
    text = "reading 2 is beyond a limit (L) that may be stated before or after the factor"
    assert found.reasons == [f"Sensor glucose: {text}"]


def test_a_limit_that_nobody_stated_is_told(reads: ReadText) -> None:
    found = reads(run("71 L", code="8867-4", unit="/min"))
    assert found.reasons == ["Heart rate: reading 2 is beyond a limit (L) that is not stated"]


@pytest.mark.parametrize("token", ["1,5", "NaN", "Infinity", "-", "low", "0x10", "1e999", "१"])
def test_what_is_neither_number_nor_mark_is_told_and_the_rest_comes_in(token: str, reads: ReadText) -> None:
    found = reads(run(f"100 {token} 120"))
    assert said(found) == [("08:00:00", "", 100.0), ("08:10:00", "", 120.0)]
    assert found.reasons == ["Sensor glucose: reading 2 is neither a number nor E, L or U"]


@pytest.mark.parametrize(
    ("stated", "reason"),
    [
        ({"dimensions": 2}, "has not one dimension"),
        ({"period": 0}, "states no period"),
        ({"period": -300000}, "states no period"),
        ({"factor": 0}, "has a factor that cannot be"),
        ({"origin": {"unit": "mg/dL"}}, "states no origin"),
        ({"origin": {"value": 0, "unit": "mg/dL", "comparator": "<"}}, "states no origin"),
        ({"period": 1e15}, "lasts longer than a year"),
        ({"lowerLimit": 400, "upperLimit": 40}, "has a lower limit that is not below the upper one"),
    ],
)
def test_a_run_that_cannot_be_read_is_told_whole(stated: dict[str, Any], reason: str, reads: ReadText) -> None:
    found = reads(run("100 110", **stated))
    assert (found.events, found.reasons) == ([], [f"Sensor glucose as sampled data {reason}"])


def test_a_run_without_readings_is_told(reads: ReadText) -> None:
    resource = json.loads(run("1"))
    del resource["valueSampledData"]["data"]
    assert reads(json.dumps(resource)).reasons == ["Sensor glucose as sampled data holds no readings"]


@pytest.mark.parametrize("end", ["2025-02-03T08:10:00Z", "2025-02-03T08:15:00Z"])
def test_readings_fill_the_time_stated_for_them(end: str, reads: ReadText) -> None:
    found = reads(run("100 110 120", times={"effectivePeriod": {"start": START, "end": end}}))
    assert len(found.events) == 3
    assert {event.end for event in found.events} == {None}


@pytest.mark.parametrize("end", ["2025-02-03T08:00:01Z", "2025-02-03T12:00:00Z"])
def test_readings_that_do_not_fill_it_have_another_period(end: str, reads: ReadText) -> None:
    found = reads(run("100 110 120 130", times={"effectivePeriod": {"start": START, "end": end}}))
    what = "Sensor glucose as sampled data has readings that do not fill the time stated for them"
    assert (found.events, found.reasons) == ([], [what])


def test_a_run_of_a_day_without_a_time_of_day_is_no_run(reads: ReadText) -> None:
    found = reads(run("100 110", times={"effectiveDateTime": "2025-02-03"}))
    assert found.reasons == ["Sensor glucose as sampled data does not say at what time of day it begins"]


def test_a_run_of_what_is_no_number_is_told(reads: ReadText) -> None:
    found = reads(run("1 2", code="72166-2"))
    assert found.reasons == ["Tobacco smoking status is no number, and its value is stated as sampled data"]


def test_a_run_in_a_component_is_read_too(reads: ReadText) -> None:
    whole = json.loads(run("60 61", code="8867-4", unit="/min"))
    component = {name: whole.pop(name) for name in ("valueSampledData",)} | {"code": whole["code"]}
    whole |= {"code": {"text": "a night"}, "component": [component]}
    found = reads(json.dumps(whole))
    assert [event.id for event in found.events] == [
        "Observation/o1#8867-4-sample-1",
        "Observation/o1#8867-4-sample-2",
    ]
