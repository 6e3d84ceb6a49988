"""What a twin says, and when it is silent."""

from datetime import timedelta

import numpy as np
import pytest

from pollux.errors import OutsideDomain, RefusedInput
from pollux.plans import Plan, bolus
from pollux.record import Event, Person, Record
from pollux.twins import Twin
from tests.people import event


@pytest.mark.slow
def test_a_forecast_states_its_grounds(twin: Twin) -> None:
    forecast = twin.forecast()
    assert not forecast.abstains
    assert forecast.grounds.model == "oral-minimal-t1"
    assert forecast.grounds.used["cgm_glucose"] == len(twin.record.of("cgm_glucose"))
    assert forecast.grounds.missing == ()
    assert len(forecast.times) == forecast.bands.shape[1] == 24
    assert np.all(np.diff(forecast.bands, axis=0) >= 0)


def test_without_sensor_readings_there_is_no_twin(person: Person, events: tuple[Event, ...]) -> None:
    record = Record(person, tuple(e for e in events if e.quantity != "cgm_glucose"))
    with pytest.raises(OutsideDomain) as caught:
        Twin.begin(record)
    assert str(caught.value) == (
        "there is no sensor glucose in this record [tess]. "
        "Import a CGM export (Dexcom Clarity, Nightscout or time,quantity,value,unit)."
    )


@pytest.mark.parametrize(
    ("hours", "silence"),
    [(1.0, "the last glucose reading is 60 min old"), (4.0, "the last glucose reading is more than 3 h old")],
)
def test_an_old_reading_warns_and_then_silences(twin: Twin, hours: float, silence: str) -> None:
    later = twin.at(twin.now + timedelta(hours=hours)).forecast()
    assert silence in (later.grounds.cautions if hours < 3 else later.grounds.abstains)
    assert later.abstains == (hours > 3)


@pytest.mark.slow
def test_a_body_outside_the_domain_gets_no_forecast(person: Person, events: tuple[Event, ...]) -> None:
    light = tuple(event(e.time, "body_weight", 9.0, "kg") if e.quantity == "body_weight" else e for e in events[:900])
    answer = Twin.begin(Record(person, light)).forecast()
    assert answer.abstains
    assert any(reason.startswith("body_weight is 9 kg, outside 20 to 200 kg") for reason in answer.grounds.abstains)


def test_too_far_ahead_is_not_answered(twin: Twin) -> None:
    assert twin.forecast(horizon=timedelta(hours=12)).grounds.abstains == (
        "forecasts beyond 8 h were not tried with this model",
    )


def test_too_few_readings_are_not_enough(person: Person, events: tuple[Event, ...]) -> None:
    answer = Twin.begin(Record(person, events[:32])).forecast()
    assert any("36 are needed" in reason for reason in answer.grounds.abstains)


def test_two_hours_of_readings_are_needed_to_begin(person: Person, events: tuple[Event, ...]) -> None:
    with pytest.raises(OutsideDomain, match="sensor readings are too few to learn from"):
        Twin.begin(Record(person, events[:12]))


def test_a_dose_beyond_what_the_model_was_tried_with_is_not_answered(twin: Twin) -> None:
    answer = twin.forecast(Plan("much", (bolus(twin.now, 45.0),)))
    assert answer.grounds.abstains == ("45 U of insulin bolus is beyond what the model was tried with (0 to 30 U)",)


def test_a_step_outside_the_forecast_is_said_to_change_nothing(twin: Twin) -> None:
    late = Plan("late", (bolus(twin.now + timedelta(hours=5), 3.0),))
    answer = twin.forecast(late)
    assert any("lies outside this forecast" in caution for caution in answer.grounds.cautions)
    assert np.array_equal(answer.bands, twin.forecast().bands)


@pytest.mark.parametrize("dose", [0.0, 10.0, 30.0])
def test_no_forecast_leaves_what_a_body_and_a_sensor_can_show(twin: Twin, dose: float) -> None:
    answer = twin.forecast(Plan("dose", (bolus(twin.now, dose),)), timedelta(hours=8))
    for shown in (answer.bands, answer.draws):
        assert np.all((shown >= 20.0) & (shown <= 600.0))


@pytest.mark.parametrize("minutes", [0.0, -60.0, 1.0])
def test_a_horizon_that_is_none_is_refused(twin: Twin, minutes: float) -> None:
    with pytest.raises(RefusedInput, match="a horizon of 5 minutes at least"):
        twin.forecast(horizon=timedelta(minutes=minutes))


def test_a_forecast_does_not_answer_beyond_its_end(twin: Twin) -> None:
    with pytest.raises(RefusedInput, match="does not reach 120 min"):
        twin.forecast(horizon=timedelta(hours=1)).at(120.0)


def test_unknown_body_weight_is_said(person: Person, events: tuple[Event, ...]) -> None:
    record = Record(person, tuple(e for e in events[:900] if e.quantity != "body_weight"))
    assert "body weight (70 kg assumed)" in Twin.begin(record).forecast().grounds.missing


def test_an_explanation_says_what_the_data_told(twin: Twin) -> None:
    explanation = twin.explain()
    stories = {story.name: story for story in explanation.parameters}
    assert stories["SI"].informed
    assert stories["p2"].contraction < stories["SI"].contraction
    assert not stories["p2"].informed
    for story in stories.values():
        assert story.posterior[0] <= story.posterior[1] <= story.posterior[2]
        assert story.contraction <= 1.0
    assert explanation.fit["days calibrated"] >= 4


def test_measurements_are_ranked_by_how_much_they_narrow(twin: Twin) -> None:
    asked = twin.next_measurement()
    narrows = [m.narrows for m in asked]
    assert narrows == sorted(narrows, reverse=True)
    assert all(0.0 <= n <= 1.0 for n in narrows)
    assert {m.quantity for m in asked} >= {"blood_glucose", "carbohydrate_intake"}


def test_bytes_that_are_no_checkpoint_are_refused(twin: Twin) -> None:
    for content in (b"", b"nonsense", twin.save()[:-20], b"\x81\xa4kind\xa6Twin??"):
        with pytest.raises(RefusedInput):
            Twin.load(content, twin.record)


def test_a_checkpoint_of_somebody_else_is_refused(twin: Twin) -> None:
    with pytest.raises(RefusedInput, match="not a checkpoint of this person's twin"):
        Twin.load(twin.save(), Record(Person("ben"), twin.record.events))
