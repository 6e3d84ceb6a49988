"""What is said twice of the same dose or reading counts once, and nothing is lost."""

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pollux.demo.life import Story
from pollux.demo.stories import STORIES
from pollux.record import Event, Person, Record, Source, examine
from pollux.record.glycaemia import glucose_metrics
from tests.people import story_events

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
        dose(source=PUMP, at=0.6),
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
    assert (finding.rule, finding.category, finding.action) == ("said twice", "conformance", "flag")
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
        apart = timedelta(seconds=30) if again.source == first.source else timedelta(minutes=2)
        assert abs(again.time - first.time) <= apart


@given(DOSES)
def test_one_speaker_repeats_itself_within_half_a_minute_only(doses: list[Event]) -> None:
    for again, first in record(*(e for e in doses if e.source == PUMP)).said_again:
        assert abs(again.time - first.time) <= timedelta(seconds=30)


def by(uploader: str) -> Source:
    return Source("nightscout", "ns.json", f"[{uploader}]", uploader)


@pytest.mark.parametrize(
    ("quantity", "unit", "first", "again", "minutes"),
    [
        ("insulin_bolus", "U", 5.0, 5.0, 0.0),
        ("insulin_bolus", "U", 5.0, 4.95, 1.5),
        ("insulin_long_acting", "U", 20.0, 20.0, 2.0),
        ("carbohydrate_intake", "g", 60.0, 59.6, 0.5),
        ("cgm_glucose", "mg/dL", 122.0, 122.5, 1.0),
        ("blood_glucose", "mg/dL", 140.0, 140.0, 1.0),
    ],
)
def test_another_uploader_says_it_again(quantity: str, unit: str, first: float, again: float, minutes: float) -> None:
    one = dose(first, by("pump"), quantity=quantity, unit=unit)
    two = dose(again, by("phone"), quantity=quantity, unit=unit, at=minutes, id="two")
    assert record(one, two).once(quantity) == (one,)


def test_the_same_uploader_a_moment_later_under_another_id_says_it_again() -> None:
    one, two = dose(source=by("pump")), dose(source=by("pump"), at=1 / 60)
    assert record(one, two).once("insulin_bolus") == (one,)


def test_two_real_corrections_eight_minutes_apart_stay() -> None:
    both = dose(5, by("pump")), dose(5, by("phone"), at=8)
    assert record(*both).once("insulin_bolus") == both


def test_two_injections_of_one_document_stay() -> None:
    both = dose(5, PUMP, id="nightscout/a#insulin"), dose(5, PUMP, id="nightscout/a#insulin-2")
    assert record(*both).once("insulin_bolus") == both


@pytest.mark.parametrize(("again", "said_once"), [(1.1, True), (1.105, True), (1.3, False)])
def test_a_laboratory_value_said_again_counts_once_and_a_contradiction_is_a_conflict(
    again: float, said_once: bool
) -> None:
    one = dose(1.1, PUMP, quantity="creatinine", unit="mg/dL", id="Observation/a")
    two = dose(again, PUMP, quantity="creatinine", unit="mg/dL", id="Observation/b")
    found = record(one, two)
    assert (found.once("creatinine") == (one,)) is said_once
    assert (found.conflicts == ()) is said_once


def test_two_measurements_of_one_day_are_no_conflict() -> None:
    one, two = (dose(v, PUMP, quantity="creatinine", unit="mg/dL", id=f"Observation/{v}") for v in (1.1, 1.6))
    days = (msgspec.structs.replace(event, precision="day") for event in (one, two))
    assert record(*days).conflicts == ()


# Clean data: how often something is taken for a repeat that is none. Every figure is of events, over many people.


def sensor(
    name: str, seed: int, *, every: float, days: float, offset: float = 0.0, flat: bool = False, same_as: int = 0
) -> list[Event]:
    """Readings of one sensor: the body's glucose (of the seed `same_as`) and this sensor's own error."""
    body, error = random.Random(same_as or seed), random.Random(seed)
    glucose, off = 120.0, error.gauss(0, 6)
    events = []
    for k in range(int(days * 1440 / every)):
        glucose += 0.0 if flat else body.gauss(0, 1.5) * every**0.5 + (130 - glucose) * 0.004 * every
        off += error.gauss(0, 0.7) * every**0.5 - off * 0.01 * every
        value = round(min(max(glucose + off + error.gauss(0, 2), 40), 400))
        events.append(dose(float(value), Source("table", f"{name}.csv", "", name), at=k * every + offset,
                           quantity="cgm_glucose", unit="mg/dL", id=f"{name}/{k}"))  # fmt: skip
    return events


def two_sensors(seed: int, offset: float) -> list[Event]:
    """Of one body, so many minutes apart."""
    first, second = (sensor(name, one, every=5, days=8, same_as=seed, offset=late)
                     for name, one, late in (("a", seed, 0.0), ("b", seed + 1000, offset)))  # fmt: skip
    return first + second


CLEAN = {
    "a sensor that speaks every five minutes": lambda seed: sensor("a", seed, every=5, days=8),
    "a sensor that speaks every minute": lambda seed: sensor("a", seed, every=1, days=3),
    "a flat line": lambda seed: sensor("a", seed, every=1, days=2, flat=True),
    "two sensors on one body, on the same minute": lambda seed: two_sensors(seed, 0),
    "two sensors on one body, a minute apart": lambda seed: two_sensors(seed, 1),
    "two sensors of little error that speak every minute": lambda seed: [
        msgspec.structs.replace(one, value=float(round(120 + random.Random(f"{seed}{one.id}").gauss(0, 1))))
        for one in sensor("a", seed, every=1, days=2, flat=True)
        + sensor("b", seed, every=1, days=2, flat=True, offset=0.5)
    ],
    "small doses of a loop every five minutes, and another app's beside them": lambda seed: [
        dose(value, by(app), at=5 * k + late, id=f"{app}{k}")
        for app, value, late in (("loop", 0.1, 0), ("phone", 0.15, 1.5))
        for k in range(seed, 3000)
    ],
    "a watch that sends a heart rate every five seconds": lambda seed: [
        dose(float(70 + (k // 7 + seed) % 3), by("watch"), at=k / 12, quantity="heart_rate", unit="/min", id=f"{k}")
        for k in range(2000)
    ],
    "15 g against a low, again after some minutes": lambda seed: [
        dose(15.0, by("app"), at=200 * k + 8 * j, quantity="carbohydrate_intake", unit="g", id=f"{k}/{j}")
        for k in range(2000)
        for j in range(2)
    ],
    "two sensors on one body, two and a half minutes apart": lambda seed: two_sensors(seed, 2.5),
    "two sensors of hardly any error on a flat body": lambda seed: [
        msgspec.structs.replace(one, value=float(round(120.5 + random.Random(f"{seed}{one.id}").gauss(0, 0.4))))
        for one in sensor("a", seed, every=5, days=4, flat=True)
        + sensor("b", seed, every=5, days=4, flat=True, offset=2.4)
    ],
    "one sensor after another, each with an uploader of its own": lambda seed: (
        sensor("a", seed, every=5, days=3) + sensor("b", seed + 1000, every=5, days=3, offset=3 * 1440 + 2)
    ),
    "two sensors that speak every minute on a flat body": lambda seed: (
        sensor("a", seed, every=1, days=2, flat=True) + sensor("b", seed + 1000, every=1, days=2, flat=True)
    ),
}


@pytest.mark.parametrize("later", [0.17, 0.67, 1.17, 1.83])
@pytest.mark.parametrize("every", [1, 5])
def test_another_uploader_of_one_sensor_says_all_of_it_again_however_much_later(every: float, later: float) -> None:
    first = sensor("a", 3, every=every, days=1)
    again = [
        msgspec.structs.replace(e, time=e.time + timedelta(minutes=later), source=by("phone"), id="b" + e.id)
        for e in first
    ]
    assert len(record(*first, *again).once("cgm_glucose")) == len(first)
    assert len(record(*first, *again[::5]).once("cgm_glucose")) == len(first)


def uploaded(events: Sequence[Event], uploader: str, later: float, way: str, seed: int = 1) -> list[Event]:
    """What a second uploader writes of a sensor: `later` seconds, its values cut off, in mmol/L, or one off."""
    rng, found = random.Random(seed), []
    for e in events:
        value, unit = e.number(), "mg/dL"
        if way == "cut off":
            value = e.number() - (rng.random() < 0.6)
        elif way == "one off":
            value = e.number() + rng.choice((-1, 0, 1))
        elif way == "mmol/L":
            value, unit = int(e.number() / 18.0182 * 10) / 10, "mmol/L"
        moment = e.time + timedelta(seconds=later + rng.uniform(-2, 2))
        found.append(msgspec.structs.replace(e, time=moment, value=value, unit=unit, source=by(uploader),
                                             id=uploader + e.id))  # fmt: skip
    return found


@pytest.mark.parametrize("way", ["equal", "cut off", "one off", "mmol/L"])
@pytest.mark.parametrize(("every", "later"), [(5, 4), (5, 100), (5, 150), (5, 240), (5, -170), (1, 20), (1, 70)])
def test_another_uploader_says_all_of_it_again_though_it_rounds_otherwise_or_comes_later(
    every: float, later: float, way: str
) -> None:
    first = sensor("a", 7, every=every, days=0.5 * every**0.5)
    early = [msgspec.structs.replace(e, learned=e.learned - timedelta(days=1)) for e in first]
    both = record(*early, *uploaded(first, "phone", later, way))
    assert both.once("cgm_glucose") == record(*early).of("cgm_glucose")
    begin, end = early[0].time, early[-1].time + timedelta(seconds=1)
    assert glucose_metrics(both, begin, end) == glucose_metrics(record(*early), begin, end)


def test_what_only_the_second_uploader_saw_counts_and_readings_keep_to_their_own() -> None:
    first = sensor("a", 8, every=5, days=2)
    heard = [e for k, e in enumerate(first) if k % 50 >= 8]
    both = record(*heard, *uploaded(first, "phone", 150, "cut off"))
    assert len(both.once("cgm_glucose")) == len(first)
    third = uploaded(first, "watch", 40, "one off", seed=5)
    assert len(record(*heard, *uploaded(first, "phone", 150, "cut off"), *third).once("cgm_glucose")) == len(first)


@pytest.mark.parametrize("again", ["phone", "watch"])
def test_a_first_fact_is_never_itself_a_repeat(again: str) -> None:
    first = sensor("a", 9, every=5, days=1)
    found = record(*first, *uploaded(first, "phone", 60, "equal"), *uploaded(first, again + "2", 130, "one off"))
    once = set(found.once("cgm_glucose"))
    assert {one.id for _, one in found.said_again} <= {e.id for e in once}
    assert len(once) == len(first)


@pytest.mark.parametrize("hours", [-8, 6.25])
def test_two_takes_of_one_file_a_zone_apart_hide_no_other_repeat(hours: float) -> None:
    """Two files of one name are two speakers: what one of them says again of a third is found all the same."""
    first, zone = sensor("a", 11, every=5, days=3), timedelta(hours=hours)
    later = first[0].learned + timedelta(days=1)
    wrong = [msgspec.structs.replace(e, time=e.time + zone, learned=later, id=f"w{e.id}") for e in first]
    third = uploaded(first, "phone", 1, "cut off")
    assert len(record(*first, *wrong, *third).repeats) == len(first)


def test_a_feed_learned_reading_by_reading_is_one_speaker() -> None:
    first = [msgspec.structs.replace(e, learned=e.time) for e in sensor("a", 12, every=5, days=1)]
    again = [msgspec.structs.replace(e, time=e.time + timedelta(seconds=90), learned=e.time, id=f"b{e.id}",
                                     source=by("phone")) for e in first]  # fmt: skip
    assert len(record(*first, *again).once("cgm_glucose")) == len(first)
    assert record(*first).repeats == ()


@pytest.mark.parametrize(("units", "once"), [(0.15, 2), (0.1, 1), (0.105, 1)])
def test_rounding_does_not_make_two_small_doses_one(units: float, once: int) -> None:
    both = dose(0.1, by("loop")), dose(units, by("phone"), at=1, id="two")
    assert len(record(*both).once("insulin_bolus")) == once


@pytest.mark.parametrize("units", [1.0, 2.0, 3.5, 7.25, 12.0])
def test_a_step_of_a_pump_less_is_the_same_dose(units: float) -> None:
    both = dose(units, by("pump")), dose(units - 0.05, by("phone"), id="two")
    assert len(record(*both).once("insulin_bolus")) == 1


def test_a_meal_told_again_without_how_long_it_was_eaten_is_one_meal() -> None:
    meal = dose(60.0, by("AAPS"), quantity="carbohydrate_intake", unit="g", lasts=120)
    again = dose(60.0, by("xdrip"), quantity="carbohydrate_intake", unit="g", at=0.5, id="two")
    assert record(meal, again).once("carbohydrate_intake") == (meal,)


@pytest.mark.parametrize("kind", CLEAN)
def test_of_clean_readings_at_most_one_in_ten_thousand_is_taken_for_a_repeat(kind: str) -> None:
    people = [record(*CLEAN[kind](seed)) for seed in range(1, 6)]
    assert sum(len(one.repeats) for one in people) <= sum(len(one.events) for one in people) / 10_000


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.id)
def test_of_a_synthetic_person_nothing_is_taken_for_a_repeat(story: Story) -> None:
    assert record(*story_events(story)).repeats == ()


def again(events: Sequence[Event], seed: int) -> list[Event]:
    """One event in twenty once more: under another id, a second later, by another uploader, or all of it."""
    rng = random.Random(seed)
    twice = []
    for k, event in enumerate(events):
        if rng.random() < 0.05:
            later = timedelta(seconds=rng.choice((0, 1)))
            device = rng.choice((event.source.device, "another uploader"))
            source = msgspec.structs.replace(event.source, device=device)
            end = event.end and event.end + later
            twice.append(
                msgspec.structs.replace(event, time=event.time + later, end=end, source=source, id=f"again/{k}")
            )
    return twice


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.id)
def test_documents_doubled_move_no_metric(story: Story) -> None:
    events = story_events(story)
    doubled = again(events, seed=1)
    once, twice = record(*events), record(*events, *doubled)
    numbers = [event for event in doubled if isinstance(event.value, float)]
    assert len(twice.repeats) == len(numbers) > 20
    begin, end = once.events[0].time, once.events[-1].time + timedelta(seconds=1)
    assert glucose_metrics(twice, begin, end) == glucose_metrics(once, begin, end)
