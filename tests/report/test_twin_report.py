"""The page that a clinician reads."""

import re
from dataclasses import replace
from datetime import timedelta
from html.parser import HTMLParser

import msgspec
import pytest

from pollux.plans import Plan, parse
from pollux.record import Record
from pollux.report import Claim, twin_report
from pollux.report.twin import carbohydrate_ratio, what_ifs
from pollux.twins import Twin

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def page(twin: Twin) -> str:
    return twin_report(twin, about="A <script>test</script> story")


class Outline(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.headings: list[str] = []
        self.open: list[str] = []
        self.loads: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open.append(tag)
        named = dict(attrs)
        self.loads += [named[a] or "" for a in ("src", "href") if a in named and not (named[a] or "").startswith("#")]

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "h2" and data.strip():
            self.headings.append(data.strip())


@pytest.mark.slow
def test_it_answers_in_the_order_that_a_clinician_asks(page: str) -> None:
    outline = Outline()
    outline.feed(page)
    assert outline.headings[:5] == [
        "Now, and the next two hours",
        "What if?",
        "What is known, and how good it is",
        "What the data told, and what they could not",
        "What to measure next",
    ]


def test_it_needs_nothing_from_elsewhere(page: str) -> None:
    outline = Outline()
    outline.feed(page)
    assert outline.loads == []
    assert "<script" not in page
    assert "@import" not in page


def test_what_a_record_says_is_text_and_not_markup(page: str) -> None:
    assert "A &lt;script&gt;test&lt;/script&gt; story" in page


def test_it_says_what_it_is_not(page: str) -> None:
    assert "Research software, not a medical device" in page


def test_the_figures_are_those_of_the_forecast(page: str, twin: Twin) -> None:
    middle, low, high = twin.forecast().at(60.0)
    assert f"90 % between {low:.0f} and {high:.0f}" in page
    assert f">{middle:.0f} <span" in page


def test_charts_are_for_wide_and_for_narrow_screens_and_say_what_they_show(page: str) -> None:
    assert len(re.findall(r'class="chart wide"', page)) == 2
    assert len(re.findall(r'class="chart narrow"', page)) == 2
    assert page.count('role="img"') == 4


def test_the_same_twin_gives_the_same_page(page: str, twin: Twin) -> None:
    assert twin_report(twin, about="A <script>test</script> story") == page


def test_a_twin_that_abstains_says_why_and_shows_no_figures(twin: Twin) -> None:
    page = twin_report(twin.at(twin.now + timedelta(hours=5)))
    assert "The twin gives no forecast." in page
    assert "the last glucose reading is more than 3 h old" in page
    assert "Chance of a low" not in page


def test_evidence_is_listed_with_its_verdict(twin: Twin) -> None:
    page = twin_report(twin, evidence=[Claim("a claim", "a source", "1 ± 0.1", "2", "not reproduced")])
    assert "a claim" in page
    assert "not reproduced" in page


def test_the_what_ifs_use_the_persons_own_ratio(twin: Twin) -> None:
    record = twin.record.until(twin.now)
    ratio = carbohydrate_ratio(record)
    assert ratio is not None
    doses = [e.number() for p in what_ifs(record, twin.now) for e in p.events if e.quantity == "insulin_bolus"]
    assert doses == [round(60.0 / ratio, 1)] * 3


def test_without_meals_there_are_no_what_ifs(twin: Twin) -> None:
    bare = Record(twin.record.person, tuple(e for e in twin.record.events if e.quantity == "cgm_glucose"))
    assert what_ifs(bare, twin.now) == []


@pytest.mark.parametrize("hours", [11.9, 15.0])
def test_at_an_hour_at_which_this_person_never_eats_no_meal_is_asked_about(twin: Twin, hours: float) -> None:
    record = twin.record.until(twin.now)
    plans = what_ifs(record, twin.now + timedelta(hours=hours))
    assert plans[0].name == "nothing more"
    assert not any("meal" in plan.name for plan in plans)


def test_a_likely_low_is_said_in_words_and_a_harmful_plan_is_marked(twin: Twin) -> None:
    much = parse("bolus 20 U", twin.now)
    page = twin_report(twin, plans=[Plan("nothing more"), much])
    assert "too harmful to be ranked best" in page
    assert "1 of 2 plans is beyond the limit of harm, a chance of 5% of glucose below 54 mg/dL: ranked last." in page
    assert "a sensor says Low (under 40)" in page


def test_shifted_dates_are_said_on_the_page(twin: Twin) -> None:
    person = msgspec.structs.replace(twin.record.person, as_of="2031-05-01")
    shifted = replace(twin, record=Record(person, twin.record.events))
    said = "The dates of these data were shifted: they are told as if today were 2031-05-01."
    assert said in twin_report(shifted)
    assert said in twin_report(shifted.at(twin.now + timedelta(hours=5)))
    assert "as if today" not in twin_report(twin)
