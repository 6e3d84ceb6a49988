"""The synthetic people that the demo shows."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from pollux.demo.life import Story

STORIES = (
    Story(
        id="ada",
        name=("Ada", "Synthetic"),
        patient="adult#004",
        birth_date="1984-05-17",
        sex="female",
        timezone="Europe/Berlin",
        days=8,
        about="Pump and sensor, counts carbohydrate with care; a snack goes unlogged now and then.",
        height=168.0,
        seed=9,
    ),
    Story(
        id="ben",
        name=("Ben", "Synthetic"),
        patient="adolescent#005",
        birth_date="2009-11-02",
        sex="male",
        timezone="America/New_York",
        days=8,
        about="Adolescent with a pump; guesses carbohydrate, forgets boluses, snacks.",
        height=171.0,
        counting_error=0.3,
        forgets=0.2,
        snacks=0.7,
        seed=6,
    ),
    Story(
        id="cleo",
        name=("Cleo", "Synthetic"),
        patient="adult#005",
        birth_date="1958-02-28",
        sex="female",
        timezone="Europe/London",
        days=12,
        about="Wears a sensor; nobody logs meals or insulin.",
        height=163.0,
        logs_meals=False,
        seed=8,
    ),
)


def starts(story: Story) -> datetime:
    """The first midnight of a story, in UTC: always the same, so that the demo is too."""
    return datetime(2026, 3, 2, tzinfo=ZoneInfo(story.timezone)).astimezone(UTC)
