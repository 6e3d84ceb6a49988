"""What two sources say of the same dose or reading counts once, and nothing is lost."""

import random
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from pollux.record import Event, Person, Record, Source, examine

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
PUMP = Source("nightscout", "ns.json", "[0]")
DIARY = Source("table", "diary.csv", "line 2")
THIRD = Source("table", "other.csv", "line 2")


def dose(
    value: float = 4.5,
    source: Source = PUMP,
    *,
    at: float = 0.0,
    learned: float = 0.0,
    quantity: str = "insulin_bolus",
    unit: str = "U",
    lasts: float | None = None,
    id: str = "",
) -> Event:
    time = NOON + timedelta(minutes=at)
    return Event(time, quantity, value, unit, source, NOON + timedelta(days=1, minutes=learned),
                 end=None if lasts is None else time + timedelta(minutes=lasts),
                 id=id or f"{source.name}/{at}/{value}")  # fmt: skip


def record(*events: Event) -> Record:
    return Record(Person("p1"), events)


def test_a_dose_said_by_two_sources_counts_once_and_the_one_learned_first_stays() -> None:
    first, again = dose(source=DIARY, learned=0, at=1.5), dose(source=PUMP, learned=5)
    found = record(again, first)
    assert found.once("insulin_bolus") == (first,)
    assert found.repeats == (again,)
    assert found.of("insulin_bolus") == (again, first)


def test_what_differs_is_not_a_repeat() -> None:
    others = (
        dose(source=DIARY, at=2.1),
        dose(4.6, DIARY),
        dose(source=PUMP, at=1),
        dose(source=DIARY, quantity="insulin_long_acting"),
        dose(source=DIARY, lasts=30),
        dose(4.5, DIARY, quantity="body_weight", unit="kg"),
    )
    for other in others:
        assert record(dose(), other).repeats == ()
    assert record(dose(1, DIARY, quantity="insulin_basal_rate", unit="U/h", lasts=30),
                  dose(1, PUMP, quantity="insulin_basal_rate", unit="U/h", lasts=60)).repeats == ()  # fmt: skip


def test_a_reading_in_another_unit_is_the_same_reading() -> None:
    a = dose(5.5, PUMP, quantity="cgm_glucose", unit="mmol/L")
    b = dose(99.0858, DIARY, quantity="cgm_glucose", unit="mg/dL", at=1)
    assert record(a, b).once("cgm_glucose") == (a,)


def test_two_equal_doses_in_each_of_two_files_are_two_doses() -> None:
    doses = [dose(1, source, at=at) for source in (PUMP, DIARY) for at in (0, 1)]
    assert len(record(*doses).once("insulin_bolus")) == 2


def test_a_dose_said_by_three_sources_counts_once() -> None:
    assert len(record(dose(), dose(source=DIARY), dose(source=THIRD)).once("insulin_bolus")) == 1


def test_examine_names_both_places() -> None:
    (finding,) = examine(record(dose(), dose(source=DIARY, learned=1))).findings
    assert (finding.rule, finding.category, finding.action) == ("said by two sources", "conformance", "flag")
    assert finding.where == "diary.csv line 2"
    assert finding.message == "4.5 U, which ns.json [0] says too"


DOSES = st.lists(
    st.builds(dose, st.sampled_from([1.0, 2.0]), st.sampled_from([PUMP, DIARY, THIRD]),
              at=st.sampled_from([0.0, 0.5, 1.0, 2.0, 3.0]), learned=st.sampled_from([0.0, 1.0])),
    max_size=12,
)  # fmt: skip


@given(DOSES, st.integers(0, 99))
def test_the_order_of_arrival_changes_nothing_and_nothing_is_lost(doses: list[Event], seed: int) -> None:
    shuffled = doses[:]
    random.Random(seed).shuffle(shuffled)
    a, b = record(*doses), record(*shuffled)
    assert a.repeats == b.repeats
    once = a.once("insulin_bolus")
    assert sorted(e.id for e in once + a.repeats) == sorted(e.id for e in a.of("insulin_bolus"))
    for again, first in a.said_again:
        assert first in once
        assert again.source.name != first.source.name
        assert abs(again.time - first.time) <= timedelta(minutes=2)


@given(DOSES)
def test_one_source_never_repeats_itself(doses: list[Event]) -> None:
    assert record(*(e for e in doses if e.source == PUMP)).repeats == ()
