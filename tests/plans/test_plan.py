"""Plans as people write them."""

from datetime import UTC, datetime

import pytest

from pollux.errors import RefusedInput
from pollux.plans import bolus, meal, parse

NOW = datetime(2026, 3, 1, 10, 0, tzinfo=UTC)


def test_clock_times_are_local_and_mean_the_next_such_time() -> None:
    plan = parse("meal 60 g at 12:30; bolus 6.5 U at 09:00", NOW, "Europe/Berlin")
    assert [e.time for e in plan.events] == [
        datetime(2026, 3, 1, 11, 30, tzinfo=UTC),
        datetime(2026, 3, 2, 8, 0, tzinfo=UTC),
    ]


def test_a_suspension_is_a_basal_rate_of_zero_for_its_length() -> None:
    (event,) = parse("suspend in 30 min for 90 min", NOW).events
    assert (event.quantity, event.value) == ("insulin_basal_rate", 0.0)
    assert event.end is not None
    assert (event.end - event.time).total_seconds() == 5400


@pytest.mark.parametrize(
    "text", ["bolus six units", "meal at 12:00", "bolus 5 g", "meal 40 g at 25:00", "basal 1 U", "!!"]
)
def test_a_step_that_cannot_be_read_is_refused_with_advice(text: str) -> None:
    with pytest.raises(RefusedInput):
        parse(text, NOW)


def test_the_refusal_says_how_to_write_it() -> None:
    with pytest.raises(RefusedInput) as caught:
        parse("two apples", NOW)
    assert str(caught.value) == (
        "the step 'two apples' cannot be read [plan]. "
        "Write for example: meal 60 g at 12:30, bolus 6 U in 10 min, basal 0.4 U/h for 3 h."
    )


def test_an_amount_below_zero_cannot_be_planned() -> None:
    for build in (meal, bolus):
        with pytest.raises(RefusedInput):
            build(NOW, -1.0)


def test_nothing_is_a_plan_too() -> None:
    assert parse("", NOW).events == ()


def test_capitals_mean_the_same() -> None:
    assert [e.time for e in parse("BOLUS 2 u IN 2 H", NOW).events] == [
        e.time for e in parse("bolus 2 U in 2 h", NOW).events
    ]
    assert parse("bolus 2 U now", NOW).events == parse("bolus 2 U", NOW).events


def test_a_bolus_can_be_spread_over_a_while() -> None:
    (event,) = parse("bolus 4 U for 2 h", NOW).events
    assert event.end is not None
    assert (event.end - event.time).total_seconds() == 7200


@pytest.mark.parametrize(
    "text", ["meal 30 g for 20 min", "suspend for 99999999999 h", "bolus 2 U in 999999999999 h", "meal 99999999 g"]
)
def test_what_cannot_be_is_refused_and_not_left_out(text: str) -> None:
    with pytest.raises(RefusedInput):
        parse(text, NOW)
