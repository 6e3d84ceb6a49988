"""A synthetic person whose days the tests of twins and reports share."""

from datetime import UTC, datetime, timedelta
from functools import cache

from pollux.demo.life import Diary, Story, live
from pollux.demo.stories import starts
from pollux.models.glucose.uva_padova import virtual_patients
from pollux.record import Event, Source

START = datetime(2026, 3, 2, tzinfo=UTC)
PUMP = Source("test", "pump")
STORY = Story(
    id="tess", name=("Tess", "Synthetic"), patient="adult#001", birth_date="1980-01-01", sex="female", timezone="UTC",
    days=5, about="", height=170.0, seed=3,
)  # fmt: skip


def event(moment: datetime, quantity: str, value: float, unit: str, end: datetime | None = None, id: str = "") -> Event:
    return Event(moment, quantity, value, unit, PUMP, learned=moment, end=end, id=id)


@cache
def story_events(story: Story) -> tuple[Event, ...]:
    """What the sensor and pump of a synthetic person of the demo said."""
    return events_of(live(story, starts(story)))


def events_of(diary: Diary) -> tuple[Event, ...]:
    weight = virtual_patients()[STORY.patient]["BW"]
    found = [event(START, "body_weight", weight, "kg")]
    found += [event(t, "cgm_glucose", v, "mg/dL") for t, v in diary.readings]
    found += [event(t, "insulin_bolus", v, "U") for t, v in diary.boluses]
    found += [event(t, "carbohydrate_intake", v, "g") for t, v in diary.meals]
    found += [event(t, "insulin_basal_rate", v, "U/h", t + timedelta(days=1)) for t, v in diary.basal]
    return tuple(sorted(found, key=lambda e: e.time))
