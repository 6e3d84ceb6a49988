"""Quarantined things as JSON, and events as the first store kept them: what was written before is read.

JSON has no number that is not finite. What holds one is written with the number as a text ("inf", "nan"). Earlier
versions wrote null in its place, which is read as the text "null".
"""

import msgspec

from pollux.record.event import Event
from pollux.record.quality import Quarantined
from pollux.store.columns import finite

_ENCODE = msgspec.json.Encoder()
_EVENT = msgspec.json.Decoder(Event)
_QUARANTINED = msgspec.json.Decoder(Quarantined)


def quarantined_body(item: Quarantined) -> bytes:
    """Something quarantined as it is kept."""
    if item.event is not None:
        item = msgspec.structs.replace(item, event=finite(item.event))
    return _ENCODE.encode(item)


def event_of(body: bytes) -> Event:
    """The event that was kept."""
    try:
        return _EVENT.decode(body)
    except msgspec.ValidationError:
        return msgspec.convert(_said(msgspec.json.decode(body)), Event)


def quarantined_of(body: bytes) -> Quarantined:
    """The quarantined thing that was kept."""
    try:
        return _QUARANTINED.decode(body)
    except msgspec.ValidationError:
        found = msgspec.json.decode(body)
        return msgspec.convert(found | {"event": _said(found["event"])}, Quarantined)


def _said(event: dict[str, object]) -> dict[str, object]:
    return event if event.get("value") is not None else event | {"value": "null"}
