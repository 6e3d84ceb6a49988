"""What was found in the data stands in the answer: a caution, wider intervals, or silence."""

from dataclasses import replace
from datetime import timedelta

import msgspec
import numpy as np
import pytest

from pollux.errors import RefusedInput
from pollux.plans import Plan, basal, bolus, meal
from pollux.record import Event, Finding, Person, Record
from pollux.twins import Goals, Twin
from tests.people import event

pytestmark = pytest.mark.slow


def width(twin: Twin) -> float:
    bands = twin.forecast().bands
    return float((bands[4] - bands[0]).mean())


def with_finger(twin: Twin, value: float) -> Twin:
    last = twin.record.of("cgm_glucose")[-1]
    return twin.learn([event(last.time - timedelta(minutes=30), "blood_glucose", value, "mg/dL")])


def sensor_then(twin: Twin) -> float:
    return twin.record.of("cgm_glucose")[-7].number()


@pytest.mark.parametrize("apart", [80.0, 150.0])
def test_a_finger_against_the_sensor_is_said_and_widens(twin: Twin, apart: float) -> None:
    near, far = with_finger(twin, sensor_then(twin) + 4.0), with_finger(twin, sensor_then(twin) + apart)
    said = [c for c in far.forecast().grounds.cautions if c.startswith("finger values that contradict the sensor: 1 (")]
    assert len(said) == 1
    assert any("times as wide" in c for c in far.forecast().grounds.cautions)
    assert not any("finger" in c or "wide" in c for c in near.forecast().grounds.cautions)
    assert width(far) > 1.5 * width(near)


def test_boluses_ten_times_too_large_silence_the_twin(person: Person, events: tuple[Event, ...]) -> None:
    large = tuple(
        event(e.time, e.quantity, 10.0 * e.number(), "U") if e.quantity == "insulin_bolus" else e for e in events
    )
    answer = Twin.begin(Record(person, large)).forecast()
    assert answer.abstains
    assert any(
        reason.startswith("boluses with meals are ") and reason.endswith("; the forecast would rest on them")
        for reason in answer.grounds.abstains
    )


@pytest.mark.parametrize(("hours", "silent"), [(3.0, True), (50.0, False)])
def test_one_such_dose_silences_while_it_is_new_and_widens_later(twin: Twin, hours: float, silent: bool) -> None:
    wrong = twin.learn([event(twin.now - timedelta(hours=hours), "insulin_bolus", 58.0, "U")])
    answer = wrong.forecast()
    assert answer.abstains == silent
    assert any(c.startswith("amounts about ten times this person's usual: 1 (58 U,") for c in answer.grounds.cautions)
    if silent:
        assert any("is about ten times this person's usual; the forecast would rest on them" in r
                   for r in answer.grounds.abstains)  # fmt: skip
    else:
        assert any(c == "intervals are 1.5 times as wide as they would be without these doubts"
                   for c in answer.grounds.cautions)  # fmt: skip


@pytest.mark.parametrize(("hours", "silent"), [(2.0, True), (20.0, False)])
def test_a_meal_of_ten_times_the_usual_silences_while_it_is_eaten_and_widens_later(
    twin: Twin, hours: float, silent: bool
) -> None:
    answer = twin.learn([event(twin.now - timedelta(hours=hours), "carbohydrate_intake", 700.0, "g")]).forecast()
    assert answer.abstains == silent
    assert any(c.startswith("amounts about ten times this person's usual: 1 (700 g,") for c in answer.grounds.cautions)
    if silent:
        assert any(r.startswith("1 meal (newest 700 g, ") for r in answer.grounds.abstains)


@pytest.mark.parametrize(("kg", "insulin", "food"), [(22.0, 0.15, 0.35), (30.0, 0.3, 0.5)])
def test_ten_times_a_childs_dose_silences_as_ten_times_an_adults_does(
    events: tuple[Event, ...], kg: float, insulin: float, food: float
) -> None:
    """The same days in the amounts of a child."""
    shares = {"insulin_bolus": insulin, "insulin_basal_rate": insulin, "carbohydrate_intake": food}
    days = [
        msgspec.structs.replace(e, value=shares.get(e.quantity, 1.0) * e.number())
        for e in events
        if e.quantity != "body_weight"
    ]
    child = Twin.begin(
        Record(Person("kit", birth_date="2018-03-01"), (event(events[0].time, "body_weight", kg, "kg"), *days))
    )
    assert not child.forecast().abstains
    usual = np.median([e.number() for e in days if e.quantity == "insulin_bolus"])
    wrong = child.learn([event(child.now - timedelta(hours=1), "insulin_bolus", round(10.0 * usual, 1), "U")])
    assert any("about ten times this person's usual" in reason for reason in wrong.forecast().grounds.abstains)


@pytest.mark.parametrize(
    ("flag", "quantity"), [("ambiguous local time", "insulin_bolus"), ("local time without offset", "cgm_glucose")]
)
def test_what_the_door_flagged_is_said_with_its_count(twin: Twin, flag: str, quantity: str) -> None:
    unit = "U" if quantity == "insulin_bolus" else "mg/dL"
    moments = [twin.now - timedelta(hours=h, minutes=2) for h in (5, 6)]
    some = [msgspec.structs.replace(event(t, quantity, 1.2 if unit == "U" else 130.0, unit), flags=(flag,))
            for t in moments]  # fmt: skip
    cautions = twin.learn(some).forecast().grounds.cautions
    assert any(f"marked “{flag}”: 2, newest {moments[0]:%Y-%m-%d %H:%M}" in c for c in cautions)


def test_what_lies_in_quarantine_is_said_and_what_no_model_uses_is_not(twin: Twin) -> None:
    lost = Finding("unit slip", "conformance", "quarantine", "5 mg/dL cannot be", "cgm_glucose", twin.now)
    other = Finding("unit slip", "conformance", "quarantine", "x", "hba1c", twin.now)
    old = Finding("unit slip", "conformance", "quarantine", "x", "cgm_glucose", twin.now - timedelta(days=40))
    answer = replace(twin, set_aside=(lost, lost, other, old)).forecast()
    said = [c for c in answer.grounds.cautions if "quarantine" in c]
    assert said == ["2 of sensor glucose are in quarantine and not used (unit slip)"]
    assert np.array_equal(answer.bands, twin.forecast().bands)


def test_a_person_without_doubts_has_no_caution_of_them(twin: Twin) -> None:
    assert [c for c in twin.forecast().grounds.cautions if "gaps" not in c] == []


def test_a_gap_is_said_with_its_newest_time(twin: Twin) -> None:
    assert any(c.startswith("gaps of more than an hour in the sensor's readings: 1, newest 2026-03-04 ")
               for c in twin.forecast().grounds.cautions)  # fmt: skip


def test_shifted_dates_are_said_in_every_answer(events: tuple[Event, ...]) -> None:
    shifted = Person("tess", birth_date="1980-01-01", as_of="2031-05-01")
    twin = Twin.begin(Record(shifted, events[:900]))
    said = "the dates of these data were shifted: they are told as if today were 2031-05-01"
    grounds = [twin.forecast().grounds, twin.explain().grounds, twin.compare([Plan("a"), Plan("b")]).grounds]
    for answer in grounds:
        assert answer.as_of == "2031-05-01"
        assert said in answer.cautions


def on_injections(person: Person, events: tuple[Event, ...]) -> Twin:
    others = tuple(e for e in events[:900] if e.quantity != "insulin_basal_rate")
    depots = tuple(event(events[0].time + timedelta(days=d), "insulin_long_acting", 20.0, "U") for d in range(3))
    return Twin.begin(Record(person, (*others, *depots)))


@pytest.mark.parametrize("text", ["suspend for 6 h", "basal 0.4 U/h for 3 h", "meal 30 g, suspend for 1 h"])
def test_nobody_suspends_a_depot(person: Person, events: tuple[Event, ...], text: str) -> None:
    twin = on_injections(person, events)
    with pytest.raises(RefusedInput) as caught:
        twin.forecast(text)
    assert str(caught.value) == (
        "this person injects long-acting insulin: there is no basal rate to suspend or to change [plan]. "
        "Plan meals and boluses; a depot under the skin cannot be stopped."
    )
    assert not twin.forecast("bolus 1 U").abstains


def test_a_person_on_a_pump_may_suspend_it(twin: Twin) -> None:
    rate = Plan("suspended", (basal(twin.now, twin.now + timedelta(hours=2), 0.0),))
    assert np.array_equal(twin.forecast("suspend for 2 h").bands, twin.forecast(rate).bands)


def test_a_plan_beyond_the_limit_of_harm_is_never_ranked_best_whatever_its_benefit(twin: Twin) -> None:
    careless = Goals(low=0.0, very_low=-10.0)
    plans = [Plan("nothing"), Plan("much", (bolus(twin.now, 20.0),))]
    answer = twin.compare(plans, careless)
    assert [o.plan for o in answer.options] == ["nothing", "much"]
    assert answer.options[1].harmful
    assert answer.options[1].score > answer.options[0].score
    assert answer.best is answer.options[0]
    assert answer.limit == (
        "1 of 2 plans is beyond the limit of harm, a chance of 5% of glucose below 54 mg/dL: ranked last"
    )


def test_where_every_plan_is_beyond_the_limit_none_is_best_and_the_least_harmful_comes_first(twin: Twin) -> None:
    plans = [Plan("more", (bolus(twin.now, 25.0),)), Plan("fed", (bolus(twin.now, 20.0), meal(twin.now, 30.0)))]
    answer = twin.compare(plans)
    assert answer.best is None
    harm = [o.chance_very_low for o in answer.options]
    assert harm == sorted(harm)
    assert answer.limit.startswith("every plan is beyond the limit of harm")


def test_a_likely_very_low_glucose_is_said_in_words(twin: Twin) -> None:
    assert (
        twin.forecast(Plan("much", (bolus(twin.now, 20.0),)))
        .danger()
        .startswith("very low glucose is likely: below 54 mg/dL within ")
    )
    assert twin.forecast().danger() == ""


def test_a_twin_and_a_record_print_a_line_and_no_data(twin: Twin) -> None:
    assert repr(twin) == "<Twin of tess at 2026-03-06 11:25 UTC: oral-minimal-t1>"
    assert repr(twin.record).startswith("<Record of tess: 1,")
    assert len(repr(twin.record)) < 80
