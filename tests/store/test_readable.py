"""Whatever the store was given, it can read back."""

import tempfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pollux.record import Entry, Event, Finding, Quarantined, Source
from pollux.sources import read
from pollux.store import Store

NOW = datetime(2026, 3, 1, tzinfo=UTC)
PUMP = Source("table", "pump.csv", "line 2")
NUMBERS = st.floats(allow_nan=True, allow_infinity=True)
NAMES = st.sampled_from(["insulin_bolus", "cgm_glucose", "condition"])


def dose(value: float, quantity: str = "insulin_bolus", retracted: bool = False) -> Event:
    return Event(NOW, quantity, value, "U", PUMP, NOW, id="d1", retracted=retracted)


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(NUMBERS, NAMES, st.booleans(), st.text(st.characters(codec="utf-8"), max_size=20))
def test_every_event_and_every_quarantined_row_can_be_read_back(
    value: float, quantity: str, retracted: bool, text: str
) -> None:
    event = dose(value, quantity, retracted)
    given_as = Finding("broken row", "conformance", "quarantine", text)
    with tempfile.TemporaryDirectory() as folder, Store.open(Path(folder) / "store.db") as store:
        entries = [Entry("p1", event), Entry("p1", Quarantined(given_as, event)),
                   Entry("p1", Quarantined(given_as, None, text))]  # fmt: skip
        receipt = store.take(entries, NOW)
        assert len(store.quarantine("p1")) == receipt.quarantined
        assert len(store.record("p1").events) + receipt.quarantined + receipt.already_known == 3
        assert not store.take(entries, NOW).changed


@pytest.mark.parametrize("value", [float("inf"), float("-inf"), float("nan")])
def test_a_number_that_is_not_finite_is_kept_as_its_text(value: float, tmp_path: Path) -> None:
    with Store.open(tmp_path / "store.db") as store:
        store.take([Entry("p1", dose(value))], NOW)
        (kept,) = store.quarantine("p1")
        assert kept.finding.rule == "not a number"
        assert kept.event is not None
        assert kept.event.value == str(value)


def test_a_row_with_a_number_beyond_all_numbers_is_quarantined_as_it_stood(tmp_path: Path) -> None:
    path = tmp_path / "pump.csv"
    path.write_text("time,quantity,value,unit\n2026-01-01T08:00:00Z,insulin_bolus,1e400,U\n")
    with Store.open(tmp_path / "store.db") as store:
        assert store.take(read(path, learned=NOW, person="p1"), NOW).quarantined == 1
        (kept,) = store.quarantine("p1")
    assert kept.document == "2026-01-01T08:00:00Z,insulin_bolus,1e400,U"
    assert kept.finding.message == "the value is larger than a number can be"
