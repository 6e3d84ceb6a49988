"""Everything that is held about one person, for handing it to them."""

import msgspec

from pollux.record.act import Act
from pollux.record.entry import Document
from pollux.record.event import Event, Person
from pollux.record.quality import Quarantined


class Held(msgspec.Struct, frozen=True):
    """What was received, what it says, what is not used, what was derived (twins' states), and who did and saw what.

    `documents` are in the order of arrival.
    `checkpoints` are name, time and content of each; `holds` reason, beginning and by whom of each order not to erase;
    `restricted` says why processing is restricted, if it is. `files` are the pieces of devices' files, as they came.
    """

    person: Person
    documents: tuple[Document, ...]
    events: tuple[Event, ...]
    quarantined: tuple[Quarantined, ...]
    checkpoints: tuple[tuple[str, str, bytes], ...]
    acts: tuple[Act, ...]
    holds: tuple[tuple[str, str, str], ...] = ()
    restricted: str = ""
    files: tuple[Document, ...] = ()
