"""What the store's tests put in."""

from datetime import UTC, datetime, timedelta

from pollux.record import Document, Entry, Event, Person, Source

NOW = datetime(2026, 3, 1, tzinfo=UTC)
SECRET = "Erika Mustermann, HIV"


def reading(person: str, i: int, value: float = 100.0, id: str = "") -> Entry:
    """A sensor reading so many five minutes before now."""
    source = Source("dexcom clarity", "made.csv", f"line {i + 2}", "8ABCDE")
    return Entry(person, Event(NOW - timedelta(minutes=5 * i), "cgm_glucose", value, "mg/dL", source, NOW, id=id))


def weight(person: str, value: float = 70.0, id: str = "", days: int = 1) -> Entry:
    """A body weight some days ago."""
    event = Event(
        NOW - timedelta(days=days), "body_weight", value, "kg", Source("scale", "s.csv", "line 2"), NOW, id=id
    )
    return Entry(person, event)


def document(person: str, id: str, text: str = SECRET, updated: datetime | None = None) -> Entry:
    """A resource as received."""
    return Entry(person, Document("Observation", id, "", f'{{"text": "{text}"}}'.encode(), "line 1", updated))


def of(person: str) -> list[Entry]:
    """A small record: the person, a document with its event, sensor readings."""
    return [
        Entry(person, Person(person, birth_date="1964")),
        document(person, f"{person}-o1"),
        weight(person, id=f"Observation/{person}-o1#"),
        *(reading(person, i, 100.0 + i) for i in range(20)),
    ]
