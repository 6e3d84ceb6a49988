"""What every test may ask for."""

import os
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from pollux.demo.life import live
from pollux.record import Event, Person, Record
from pollux.twins import Twin
from tests.people import START, STORY, events_of
from tests.shared import built_twin

# How fast examples are made says how busy the machine is, and nothing about the code.
settings.register_profile("pollux", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("pollux")


class ReferenceFolder:
    """Outside data to compare with; a missing file is a failure once the folder was promised."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def __truediv__(self, name: str) -> Path:
        path = self.root / name
        if not path.exists():
            pytest.fail(f"POLLUX_REFERENCE is set, but {name} is not in it")
        return path


@pytest.fixture(scope="session")
def reference() -> ReferenceFolder:
    root = os.environ.get("POLLUX_REFERENCE")
    if not root:
        pytest.skip("needs the reference data: set POLLUX_REFERENCE")
    return ReferenceFolder(Path(root))


@pytest.fixture(scope="session")
def person() -> Person:
    return Person("tess", birth_date="1980-01-01", sex_at_birth="female")


@pytest.fixture(scope="session")
def events() -> tuple[Event, ...]:
    """Four and a half days of pump and sensor."""
    until = START + timedelta(days=4, hours=12)
    return tuple(e for e in events_of(live(STORY, START)) if e.time <= until)


@pytest.fixture(scope="session")
def twin(person: Person, events: tuple[Event, ...]) -> Twin:
    """The twin of everything, learned at once."""
    return built_twin("tess", Record(person, events))
