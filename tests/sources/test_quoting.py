"""Findings quote no free text of a file, which may speak of a person."""

import json

import pytest

from pollux.sources.quoted import quoted
from tests.sources.conftest import ReadText
from tests.sources.examples import clarity, observation, patient

SECRET = "called Dr. Miller, 030/1234"
NIGHTSCOUT = '[{"created_at": "2026-01-01T08:00:00Z", "date": 1767254400000, %s}]'
FILES = {
    "table": f"time;quantity;value;unit\n2026-01-01T08:00Z;{SECRET};1;U\n",
    "value": f"time;quantity;value;unit\n2026-01-01T08:00Z;insulin_bolus;{SECRET};U\n",
    "time": f"time;quantity;value;unit\n{SECRET};insulin_bolus;1;U\n",
    "clarity": clarity("4,2026-01-01T08:00:00,called Dr. Miller,,,,iOS G7,120,,,,,,8ABC"),
    "treatment": NIGHTSCOUT % f'"eventType": "{SECRET}"',
    "entry": NIGHTSCOUT % f'"sgv": 100, "type": "{SECRET}"',
    "insulin": NIGHTSCOUT
    % f'"eventType": "Bolus", "insulin": 1, "insulinInjections": [{{"insulin": "{SECRET}", "units": 1}}]',
    "code": json.dumps(observation(code={"coding": [{"system": "http://loinc.org", "code": SECRET}]})),
}


@pytest.mark.parametrize("content", FILES.values(), ids=FILES)
def test_free_text_stays_out_of_findings(content: str | bytes, reads: ReadText) -> None:
    found = reads(content)
    assert len(found.quarantined) == 1
    assert "Miller" not in " ".join(found.reasons)
    assert found.quarantined[0].finding.where.startswith("file line ")


def test_what_looks_like_a_name_is_quoted(reads: ReadText) -> None:
    found = reads("time,quantity,value,unit\n2026-01-01T08:00Z,insulin_bolis,1,U\n")
    assert found.reasons == ["no quantity is named 'insulin_bolis'"]
    assert quoted("x" * 40) == " '" + "x" * 40 + "'"
    assert [quoted(text) for text in ("", "x" * 41, "a@b", "ä", "1,5", "a\n")] == [""] * 6


def test_the_reason_for_an_absent_value_is_told_by_its_code_only(reads: ReadText) -> None:
    absent = observation(dataAbsentReason={"text": SECRET})
    absent.pop("valueQuantity")
    content = "\n".join(json.dumps(resource) for resource in (patient(), absent))
    assert reads(content).reasons == ["Body weight is absent"]
