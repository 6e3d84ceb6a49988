"""Each rule at the door finds what it is for, and lets the ordinary pass."""

import random
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from pollux.record import Event, Person, Precision, Quarantined, Record, Source, admit, examine
from pollux.record.quality import QualityReport, Unlisted, quarantine_lines

NOW = datetime(2026, 1, 10, 12, tzinfo=UTC)
CGM = Source("sensor", "cgm.csv", "line 7")
PERSON = Person("p1", birth_date="1964-06-15")


def event(
    value: float | str = 120.0,
    unit: str = "mg/dL",
    *,
    quantity: str = "cgm_glucose",
    time: datetime = NOW - timedelta(days=1),
    precision: Precision = "second",
    retracted: bool = False,
) -> Event:
    return Event(time, quantity, value, unit, CGM, NOW, precision=precision, retracted=retracted)


def verdict(found: Event, person: Person = PERSON) -> str:
    (outcome,) = admit(person, [found], NOW)
    if isinstance(outcome, Quarantined):
        assert outcome.event == found
        return outcome.finding.rule
    return ", ".join(outcome.flags) or "accepted"


@pytest.mark.parametrize(
    ("found", "rule"),
    [
        (event(), "accepted"),
        (event(6.7, "mmol/L"), "accepted"),
        (event(time=NOW + timedelta(minutes=4)), "accepted"),
        (event(time=NOW + timedelta(minutes=6)), "time in the future"),
        (event(time=datetime(1964, 6, 13, 9, tzinfo=UTC)), "before birth"),
        (event("high"), "not a number"),
        (event(float("nan")), "not a number"),
        (event(float("inf")), "not a number"),
        (event(unit=""), "missing unit"),
        (event(unit="furlong"), "unknown unit"),
        (event(unit="kg"), "wrong unit"),
        (event(5.6), "unit slip"),
        (event(100.0, "mmol/L"), "unit slip"),
        (event(50000.0), "impossible value"),
        (event(450.0), "implausible value"),
        (event(70.0, "[lb_av]", quantity="body_weight"), "accepted"),
        (event(1.8, "cm", quantity="body_height"), "unit slip"),
        (event(48.0, "%", quantity="hba1c"), "unit slip"),
        (event(48.0, "mmol/mol", quantity="hba1c"), "accepted"),
        (event("anything", "", quantity="condition"), "accepted"),
        (event("", "", retracted=True), "accepted"),
    ],
)
def test_an_event_meets_its_rule(found: Event, rule: str) -> None:
    assert verdict(found) == rule


def test_birth_is_judged_only_as_precisely_as_it_was_stated() -> None:
    year = event(time=datetime(1964, 1, 1, tzinfo=UTC), precision="year")
    assert verdict(year) == "accepted"
    assert verdict(event(time=datetime(1963, 1, 1, tzinfo=UTC), precision="year")) == "before birth"
    assert verdict(event(time=datetime(1964, 6, 1, tzinfo=UTC), precision="month")) == "accepted"
    assert verdict(event(time=datetime(1964, 5, 1, tzinfo=UTC), precision="month")) == "before birth"
    assert verdict(event(time=datetime(1964, 3, 1, tzinfo=UTC)), Person("p2", birth_date="1964")) == "accepted"


def test_the_day_of_birth_begins_where_the_sun_rises_first() -> None:
    midnight_in_auckland = datetime(1964, 6, 14, 12, tzinfo=UTC)
    assert verdict(event(time=midnight_in_auckland)) == "accepted"


def test_a_unit_slip_says_what_would_be_usual() -> None:
    (outcome,) = admit(PERSON, [event(5.6)], NOW)
    assert isinstance(outcome, Quarantined)
    assert outcome.finding.message == "5.6 mg/dL cannot be; 5.6 mmol/L would be usual"
    assert outcome.finding.category == "conformance"


def slips(count: int, unit: str = "mg/dL", first: float = 4.1) -> list[Quarantined]:
    some = [event(round(first + 0.1 * k, 1), unit, time=NOW - timedelta(hours=k + 1)) for k in range(count)]
    return [one for one in admit(PERSON, some, NOW) if isinstance(one, Quarantined)]


@pytest.mark.parametrize(("count", "first"), [(40, 4.1), (3, 5.0), (25, 3.9)])
def test_values_in_another_unit_are_one_line_with_count_range_places_and_what_to_do(count: int, first: float) -> None:
    aside = slips(count, first=first)
    line, advice = quarantine_lines(aside)
    last = f"{first + 0.1 * (count - 1):g}"
    assert line.startswith(
        f"  quarantined, {count} times: unit slip, {first:g} mg/dL cannot be; {first:g} mmol/L would be usual, "
        f"and others up to {last} mg/dL [cgm.csv line 7"
    )
    assert "`pollux undo NUMBER`" in advice
    assert quarantine_lines(aside[::-1])[0].split(" [")[0] == line.split(" [")[0]


def test_reasons_that_differ_in_more_than_numbers_stay_apart_the_most_frequent_first() -> None:
    aside = [*slips(5), *admit(PERSON, [event(5.0, "%")], NOW), *admit(PERSON, [event(12.0, ""), event(13.0, "")], NOW)]
    lines = [line for line in quarantine_lines(aside) if line.startswith("  quarantined")]  # type: ignore[arg-type]
    assert [line.split(": ")[0] for line in lines] == [
        "  quarantined, 5 times",
        "  quarantined, 2 times",
        "  quarantined, once",
    ]


@pytest.mark.parametrize(("listed", "more"), [(2, 5000), (7, 3), (0, 9)])
def test_a_report_counts_what_it_does_not_list(listed: int, more: int) -> None:
    findings = tuple(one.finding for one in slips(listed))
    report = QualityReport(findings, 0, listed + more, (Unlisted("quarantine", "conformance", "unit slip", more),))
    lines = report.lines()
    assert lines[0] == f"  quarantine: unit slip (conformance), {listed + more:,} times"
    assert f"    and {listed + more - min(listed, 5):,} more" in lines


def course(values: list[float], start: datetime, step: float = 5.0) -> Record:
    times = [start + timedelta(minutes=step * i) for i in range(len(values))]
    return Record(PERSON, tuple(event(value, time=time) for value, time in zip(values, times, strict=True)))


def rules(record: Record) -> list[str]:
    return [finding.rule for finding in examine(record).findings]


DAY = datetime(2026, 1, 8, 12, tzinfo=UTC)
NIGHT = datetime(2026, 1, 8, 2, tzinfo=UTC)


def test_an_ordinary_day_has_no_findings() -> None:
    assert rules(course([100.0 + i for i in range(60)], DAY)) == []


def test_a_jump_that_no_body_makes_is_flagged() -> None:
    assert rules(course([100.0, 101.0, 220.0, 221.0], DAY)) == ["impossible rate of change"]


def test_a_flat_line_is_flagged_once() -> None:
    assert rules(course([100.0] * 20, DAY)) == ["flat line"]
    assert rules(course([100.0] * 12, DAY)) == []


@pytest.mark.parametrize(("step", "off"), [(5.0, 4), (5.0, 25), (1.0, 0), (1.0, 9), (3.0, 2), (15.0, 11)])
@pytest.mark.parametrize("hours", [1.1, 6.0])
def test_a_flat_line_is_found_once_however_often_a_sensor_speaks_and_to_whatever_second(
    step: float, off: int, hours: float
) -> None:
    rng = random.Random(f"{step}{off}")
    count = int(hours * 60 / step) + 1
    ordinary = [90.0 + 7 * (k % 5) for k in range(count)]
    exact = course([*ordinary, *[120.0] * count, *ordinary], DAY, step).events
    jittered = [msgspec.structs.replace(e, time=e.time + timedelta(seconds=rng.randint(-off, off))) for e in exact]
    assert [r for r in rules(Record(PERSON, tuple(jittered))) if r == "flat line"] == ["flat line"]
    short = jittered[: count + int(50 / step)] + jittered[2 * count :]
    assert "flat line" not in rules(Record(PERSON, tuple(short)))


@pytest.mark.parametrize("later", [1.0, 40.0])
def test_a_second_uploader_hides_no_flat_line_and_makes_no_jump(later: float) -> None:
    first = course([100.0 + 9 * (k % 2) for k in range(30)] + [130.0] * 20, DAY).events
    other = Source("meter", "b.csv")
    again = [
        msgspec.structs.replace(e, time=e.time + timedelta(seconds=later), source=other, id=f"b{e.id}") for e in first
    ]
    assert [r for r in rules(Record(PERSON, (*first, *again))) if r != "said twice"] == ["flat line"]


def test_a_gap_is_told() -> None:
    record = Record(PERSON, (*course([100.0], DAY).events, *course([101.0], DAY + timedelta(hours=3)).events))
    assert rules(record) == ["gap"]


def test_a_compressed_night_is_flagged_and_the_same_by_day_is_not() -> None:
    values = [110.0, 108.0, 80.0, 55.0, 54.0, 85.0, 109.0, 110.0]
    assert "compressed night-time low" in rules(course(values, NIGHT))
    assert "compressed night-time low" not in rules(course(values, DAY))


def test_night_is_where_the_person_is() -> None:
    values = [110.0, 108.0, 80.0, 55.0, 54.0, 85.0, 109.0, 110.0]
    abroad = Record(Person("p1", timezone="Asia/Tokyo"), course(values, DAY + timedelta(hours=5)).events)
    assert "compressed night-time low" in rules(abroad)


def test_the_report_says_how_much_of_what() -> None:
    report = examine(course([100.0] * 20, DAY))
    assert report.text() == (
        "20 events accepted, 0 quarantined\n"
        "  flag: flat line (plausibility), 1 time\n"
        "    cgm.csv line 7: 100 mg/dL for an hour or more"
    )


@pytest.mark.parametrize("flag", ["ambiguous local time", "insulin known by its text", "implausible value"])
def test_every_flag_that_says_something_of_the_data_is_listed(flag: str) -> None:
    flagged = Event(DAY, "cgm_glucose", 120.0, "mg/dL", CGM, NOW, flags=("scheduled", flag))
    assert rules(Record(PERSON, (flagged,))) == [flag]


def test_bookkeeping_is_not_listed() -> None:
    flagged = Event(DAY, "insulin_basal_rate", 1.0, "U/h", CGM, NOW, flags=("scheduled", "temporary", "spread"))
    assert rules(Record(PERSON, (flagged,))) == []


def test_a_flagged_text_is_not_quoted() -> None:
    flagged = Event(DAY, "condition", "Mr Miller's secret", "", CGM, NOW, flags=("planned",))
    assert "Miller" not in examine(Record(PERSON, (flagged,))).text()


def test_an_event_before_birth_is_found_even_when_the_birth_date_came_later() -> None:
    early = event(time=datetime(1964, 6, 13, 9, tzinfo=UTC))
    assert verdict(early, Person("p1")) == "accepted"
    assert rules(Record(Person("p1"), (early,))) == []
    assert rules(Record(PERSON, (early,))) == ["before birth"]


@pytest.mark.parametrize(
    ("found", "rule"),
    [
        (event(12.0, quantity="blood_glucose"), "unit slip"),
        (event(80.0, "mmol/L", quantity="blood_glucose"), "unit slip"),
        (event(45.0, quantity="creatinine"), "unit slip"),
        (event(0.97, "%", quantity="oxygen_saturation"), "unit slip"),
        (event(25.0, quantity="blood_glucose"), "implausible value"),
        (event(700.0, quantity="blood_glucose"), "implausible value"),
        (event(45.0, "cm", quantity="body_height"), "accepted"),
        (event(18.0, "cm", quantity="body_height"), "implausible value"),
        (event(520.0, "kg", quantity="body_weight"), "implausible value"),
        (event(31.0), "impossible value"),
        (event(20.0), "unit slip"),
        (event(37.0), "implausible value"),
    ],
)
def test_a_value_that_can_be_is_a_slip_only_when_clearly_so(found: Event, rule: str) -> None:
    assert verdict(found) == rule


@pytest.mark.parametrize("quantity", ["cgm_glucose", "blood_glucose", "plasma_glucose", "calibration_glucose"])
def test_a_true_low_is_never_touched(quantity: str) -> None:
    assert {verdict(event(float(low), quantity=quantity)) for low in range(40, 71)} == {"accepted"}
    assert {verdict(event(low / 10, "mmol/L", quantity=quantity)) for low in range(23, 40)} == {"accepted"}


def test_what_no_sensor_reports_is_not_a_reading() -> None:
    assert verdict(event(31.9)) == "impossible value"
    assert verdict(event(2.0, "mmol/L")) == "implausible value"
