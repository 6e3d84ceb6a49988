"""Events and quarantined things as JSON: only what can be read back is written, and what was written before is read.

JSON has no number that is not finite. What holds one is written with the number as a text ("inf", "nan"). Earlier
versions wrote null in its place, which is read as the text "null".
"""

import math
from collections.abc import Sequence

import msgspec

from pollux.record.event import Event
from pollux.record.quality import Quarantined

_ENCODE = msgspec.json.Encoder()
_EVENT = msgspec.json.Decoder(Event)
_EVENTS = msgspec.json.Decoder(list[Event])
_QUARANTINED = msgspec.json.Decoder(Quarantined)


def writable(event: Event) -> Event:
    """The event itself, or with its number as a text when the number is not finite."""
    if isinstance(event.value, float) and not math.isfinite(event.value):
        return msgspec.structs.replace(event, value=str(event.value))
    return event


def event_body(event: Event) -> bytes:
    """An event as it is kept."""
    return _ENCODE.encode(writable(event))


def quarantined_body(item: Quarantined) -> bytes:
    """Something quarantined as it is kept."""
    if item.event is not None:
        item = msgspec.structs.replace(item, event=writable(item.event))
    return _ENCODE.encode(item)


def event_of(body: bytes) -> Event:
    """The event that was kept."""
    try:
        return _EVENT.decode(body)
    except msgspec.ValidationError:
        return msgspec.convert(_said(msgspec.json.decode(body)), Event)


def events_of(bodies: Sequence[bytes]) -> list[Event]:
    """Many events, decoded at once."""
    try:
        return _EVENTS.decode(b"[" + b",".join(bodies) + b"]")
    except msgspec.ValidationError:
        return [event_of(body) for body in bodies]


def quarantined_of(body: bytes) -> Quarantined:
    """The quarantined thing that was kept."""
    try:
        return _QUARANTINED.decode(body)
    except msgspec.ValidationError:
        found = msgspec.json.decode(body)
        return msgspec.convert(found | {"event": _said(found["event"])}, Quarantined)


def _said(event: dict[str, object]) -> dict[str, object]:
    return event if event.get("value") is not None else event | {"value": "null"}
