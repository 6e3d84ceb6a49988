"""What the rules for a course of events find, and that ordinary people raise none of them."""

from datetime import UTC, datetime, timedelta

import pytest

from pollux.demo import STORIES, live, starts
from pollux.record import Event, Person, Record, Source, examine
from tests.people import PUMP, event, events_of

START = datetime(2026, 3, 2, tzinfo=UTC)
NEW = {
    "finger against sensor",
    "level in the other unit",
    "ten times the usual",
    "too much for their weight",
    "ten times for their weight",
    "a tenth for their weight",
    "meals by night",
    "glucose rises elsewhere",
}


def found(record: Record) -> list[str]:
    return [f.rule for f in examine(record).findings if f.rule in NEW]


def lived(days: int, *, zone: str = "UTC", dose: float = 1.0, shift: float = 0.0, kg: float = 70.0) -> Record:
    """Three meals a day with a bolus each (times `dose`), a basal rate, and a sensor that rises after meals.

    Meals and doses are moved by `shift` hours against the sensor.
    """
    events = [event(START, "body_weight", kg, "kg")]
    meals = [START + timedelta(days=d, hours=h) for d in range(days) for h in (7.5, 12.5, 19.0)]
    for k, at in enumerate(meals):
        moved = at + timedelta(hours=shift, minutes=7 * (k % 3))
        events += [event(moved, "carbohydrate_intake", 60.0, "g"), event(moved, "insulin_bolus", 6.0 * dose, "U")]
    for d in range(days):
        day = START + timedelta(days=d)
        events.append(event(day, "insulin_basal_rate", 0.8, "U/h", day + timedelta(days=1)))
    for k in range(days * 288):
        at = START + timedelta(minutes=5 * k)
        since = min((at - m).total_seconds() / 60 for m in [START - timedelta(days=1), *meals] if m <= at)
        rise = 60.0 * max(0.0, 1.0 - abs(since - 70.0) / 70.0)
        events.append(event(at, "cgm_glucose", 110.0 + rise + (k * 7) % 5, "mg/dL"))
    return Record(Person("p1", timezone=zone), tuple(events))


def test_an_ordinary_week_raises_none() -> None:
    assert found(lived(7)) == []


@pytest.mark.parametrize("story", STORIES, ids=lambda s: s.id)
def test_the_people_of_the_demo_raise_none(story: object) -> None:
    diary = live(story, starts(story))  # type: ignore[arg-type]
    fingers = tuple(event(t, "calibration_glucose", v, "mg/dL") for t, v in diary.calibrations)
    events = events_of(diary)
    zone = story.timezone  # type: ignore[attr-defined]
    assert found(Record(Person("p1", timezone=zone), (*events, *fingers))) == []


@pytest.mark.parametrize(("finger", "sensor"), [(60.0, 138.0), (250.0, 140.0), (110.0, 62.0)])
def test_a_finger_that_contradicts_the_sensor_is_found_with_both_values(finger: float, sensor: float) -> None:
    steady = [event(START + timedelta(minutes=5 * k), "cgm_glucose", sensor, "mg/dL") for k in range(-4, 5)]
    record = Record(Person("p1"), (*steady, event(START, "blood_glucose", finger, "mg/dL")))
    (finding,) = [f for f in examine(record).findings if f.rule in NEW]
    assert finding.rule == "finger against sensor"
    assert finding.message == f"finger {finger:.0f} mg/dL against sensor {sensor:.0f} mg/dL"


@pytest.mark.parametrize("finger", [125.0, 6.4 * 18.016, 150.0])
def test_a_finger_near_the_sensor_is_no_finding(finger: float) -> None:
    steady = [event(START + timedelta(minutes=5 * k), "cgm_glucose", 138.0, "mg/dL") for k in range(-4, 5)]
    assert found(Record(Person("p1"), (*steady, event(START, "blood_glucose", finger, "mg/dL")))) == []


def test_while_glucose_moves_a_sensor_may_lag_behind_a_finger() -> None:
    falling = [event(START + timedelta(minutes=5 * k), "cgm_glucose", 140.0 - 15 * k, "mg/dL") for k in range(-4, 5)]
    assert found(Record(Person("p1"), (*falling, event(START, "blood_glucose", 100.0, "mg/dL")))) == []


def test_a_laboratory_value_that_states_a_day_alone_has_no_minute_to_compare() -> None:
    steady = [event(START + timedelta(minutes=5 * k), "cgm_glucose", 138.0, "mg/dL") for k in range(-4, 5)]
    lab = Event(START, "blood_glucose", 60.0, "mg/dL", Source("lab", "lab"), START, precision="day")
    assert found(Record(Person("p1"), (*steady, lab))) == []


@pytest.mark.parametrize("dose", [10.0, 8.0, 12.0])
def test_doses_that_are_all_ten_times_too_large_are_found_by_weight_and_food(dose: float) -> None:
    assert "ten times for their weight" in found(lived(5, dose=dose))


@pytest.mark.parametrize(("dose", "kg"), [(1.0, 70.0), (2.0, 70.0), (0.4, 25.0), (1.6, 110.0), (0.4, 70.0)])
def test_doses_of_children_and_of_people_who_need_much_or_little_are_no_finding(dose: float, kg: float) -> None:
    assert found(lived(5, dose=dose, kg=kg)) == []


@pytest.mark.parametrize("dose", [0.1, 0.08])
def test_doses_that_are_all_a_tenth_are_found(dose: float) -> None:
    assert found(lived(5, dose=dose)) == ["a tenth for their weight"]


@pytest.mark.parametrize(
    ("quantity", "value", "unit"),
    [("insulin_bolus", 60.0, "U"), ("carbohydrate_intake", 600.0, "g"), ("insulin_basal_rate", 8.0, "U/h")],
)
def test_one_amount_of_ten_times_the_usual_is_found_among_the_others(quantity: str, value: float, unit: str) -> None:
    at = START + timedelta(days=8, hours=13)
    wrong = event(at, quantity, value, unit, at + timedelta(hours=1) if unit == "U/h" else None)
    record = lived(9).add([wrong])
    findings = [f for f in examine(record).findings if f.rule == "ten times the usual"]
    assert [f.event for f in findings] == [wrong.id]
    assert findings[0].message.startswith(f"{value:g} {unit}, where ")


# A child of some weight: what it is usually given, and what ten times as much of it raises.
CHILDREN = ((9.5, 0.35, 12.0), (14.0, 0.6, 20.0), (22.0, 1.1, 30.0), (38.0, 3.0, 45.0))
SLIPS = ("insulin_bolus", "carbohydrate_intake", "insulin_basal_rate", "insulin_long_acting")
UNITS = {"insulin_bolus": "U", "carbohydrate_intake": "g", "insulin_basal_rate": "U/h", "insulin_long_acting": "U"}


def child(
    kg: float, dose: float, food: float, *, days: int, slip: str = "", weighed: bool = True, born: str = ""
) -> Record:
    """Days of a child on three meals, basal rate and long-acting dose; the last of `slip` is ten times as much."""
    amounts = {"insulin_bolus": dose, "carbohydrate_intake": food, "insulin_basal_rate": 0.3 * kg / 24,
               "insulin_long_acting": 0.3 * kg}  # fmt: skip
    rows = [(START + timedelta(days=d, hours=h), name) for d in range(days) for h in (7.5, 12.5, 18.0)
            for name in ("insulin_bolus", "carbohydrate_intake")]  # fmt: skip
    rows += [(START + timedelta(days=d, hours=6), name) for d in range(days)
             for name in ("insulin_basal_rate", "insulin_long_acting")]  # fmt: skip
    last = {name: max(at for at, other in rows if other == name) for name in SLIPS}
    events = [event(START, "body_weight", kg, "kg")] if weighed else []
    for k, (at, name) in enumerate(sorted(rows)):
        value = amounts[name] * (0.8, 1.0, 1.25)[k % 3] * (10.0 if name == slip and at == last[name] else 1.0)
        events.append(event(at, name, round(value, 3), UNITS[name]))
    return Record(Person("p1", birth_date=born), tuple(events))


@pytest.mark.parametrize("slip", SLIPS)
@pytest.mark.parametrize(("kg", "dose", "food"), CHILDREN)
def test_ten_times_a_childs_amount_is_found_whatever_its_weight_and_an_ordinary_week_raises_nothing(
    kg: float, dose: float, food: float, slip: str
) -> None:
    assert found(child(kg, dose, food, days=5)) == []
    record = child(kg, dose, food, days=5, slip=slip)
    (finding,) = [f for f in examine(record).findings if f.rule in NEW]
    assert (finding.rule, finding.quantity, finding.time) == ("ten times the usual", slip, record.of(slip)[-1].time)


@pytest.mark.parametrize("slip", ["insulin_bolus", "insulin_long_acting", "insulin_basal_rate"])
@pytest.mark.parametrize("days", [1, 2])
@pytest.mark.parametrize(("kg", "dose", "food"), CHILDREN)
def test_on_the_first_days_the_weight_tells_what_the_usual_cannot(
    kg: float, dose: float, food: float, days: int, slip: str
) -> None:
    assert found(child(kg, dose, food, days=days)) == []
    findings = [f for f in examine(child(kg, dose, food, days=days, slip=slip)).findings if f.rule in NEW]
    assert [(f.rule, f.quantity) for f in findings] == [("too much for their weight", slip)]
    assert findings[0].message.endswith(f"would be usual at {kg:.0f} kg")


@pytest.mark.parametrize("slip", SLIPS)
@pytest.mark.parametrize(("years", "kg", "dose", "food"), [(2, 12.0, 0.5, 15.0), (7, 24.0, 1.2, 25.0)])
def test_where_nobody_weighed_a_child_its_age_tells(years: int, kg: float, dose: float, food: float, slip: str) -> None:
    born = f"{2026 - years}-01-05"
    assert found(child(kg, dose, food, days=5, weighed=False, born=born)) == []
    assert found(child(kg, dose, food, days=5, slip=slip, weighed=False, born=born)) == ["ten times the usual"]


@pytest.mark.parametrize(("kg", "dose", "food"), CHILDREN)
def test_where_neither_weight_nor_age_is_known_the_persons_own_insulin_tells(
    kg: float, dose: float, food: float
) -> None:
    assert found(child(kg, dose, food, days=5, weighed=False)) == []
    assert found(child(kg, dose, food, days=5, slip="insulin_bolus", weighed=False)) == ["ten times the usual"]


@pytest.mark.parametrize(
    ("quantity", "value", "unit"), [("insulin_basal_rate", 2.5, "U/h"), ("insulin_long_acting", 60.0, "U")]
)
def test_basal_that_has_always_been_ten_times_too_large_is_found_by_weight(
    quantity: str, value: float, unit: str
) -> None:
    days = [event(START + timedelta(days=d), quantity, value, unit) for d in range(4)]
    heavy, light = (Record(Person("p1"), (event(START, "body_weight", kg, "kg"), *days)) for kg in (110.0, 20.0))
    assert found(heavy) == []
    assert found(light) == ["ten times for their weight"]


@pytest.mark.parametrize(("kg", "small", "large"), [(70.0, 0.1, 6.0), (25.0, 0.05, 2.0)])
def test_the_small_boluses_of_a_loop_tell_nothing_of_a_meals(kg: float, small: float, large: float) -> None:
    loop = [event(START + timedelta(minutes=5 * k), "insulin_bolus", small, "U") for k in range(5 * 288)]
    meals = [event(START + timedelta(days=d, hours=19, minutes=2), "insulin_bolus", large, "U") for d in range(5)]
    assert found(Record(Person("p1"), (event(START, "body_weight", kg, "kg"), *loop, *meals))) == []


@pytest.mark.parametrize(("meal", "correction"), [(6.0, 1.0), (9.0, 1.5), (7.5, 0.5)])
def test_many_small_corrections_do_not_make_an_adults_meal_ten_times_the_usual(meal: float, correction: float) -> None:
    hours = [(h, correction) for h in (9, 11, 15, 17, 22)] + [(h, meal) for h in (7, 13, 19)]
    boluses = [event(START + timedelta(days=d, hours=h), "insulin_bolus", v, "U") for d in range(7) for h, v in hours]
    assert found(Record(Person("p1"), tuple(boluses))) == []


@pytest.mark.parametrize("value", [7.0, 5.5])
def test_a_reading_in_the_other_unit_is_found_beside_its_neighbours(value: float) -> None:
    base = lived(1)
    slip = Event(START + timedelta(hours=3, minutes=2), "cgm_glucose", value, "mg/dL", PUMP, START)
    assert found(base.add([slip])) == ["level in the other unit"]


@pytest.mark.parametrize("zone", ["America/Los_Angeles", "Asia/Tokyo", "Asia/Singapore", "Asia/Kolkata"])
def test_a_zone_in_which_all_meals_lie_by_night_is_doubted(zone: str) -> None:
    assert "meals by night" in found(lived(5, zone=zone))


@pytest.mark.parametrize("zone", ["Europe/London", "Europe/Berlin", "America/Noronha"])
def test_a_zone_in_which_meals_lie_by_day_is_not(zone: str) -> None:
    assert found(lived(5, zone=zone)) == []


@pytest.mark.parametrize("shift", [2.0, -2.0])
def test_glucose_that_rises_hours_off_the_meals_is_found_with_the_hours(shift: float) -> None:
    messages = [f.message for f in examine(lived(6, shift=shift)).findings if f.rule == "glucose rises elsewhere"]
    side = "before" if shift > 0 else "after"
    assert messages == [f"glucose rises about 2 h {side} meals and not with them: is the meals' zone the sensor's?"]


def test_a_record_is_examined_once() -> None:
    record = lived(3)
    assert examine(record) is examine(record)
