"""What whoever sent a file is told of each entry of it, if they asked; and how HTTP says it."""

from collections.abc import Callable

import msgspec

from pollux.record.entry import Answer, Course, Document, Refusal
from pollux.store.filing import Filing

CONFLICT, SEVERAL = "409 Conflict", "412 Precondition Failed"
INVALID = "422 Unprocessable Entity"
_DONE, _GONE, _NOTHING = "200 OK", "410 Gone", "204 No Content"
_OLD = "it was deleted after it was sent like this; change it (meta.lastUpdated) where it is to come back"
_SINCE = (
    "it is kept, but another version stands, which came after it or was updated later (meta.lastUpdated); change it "
    "where it is to stand"
)
_BACK = "it was deleted like this before and came back; give the bundle a timestamp where it is to be deleted again"


class Replies:
    """Tells of each entry once. Looking up what to tell costs nothing where nobody asked.

    What an entry of a transaction or batch is told depends on nothing but its bytes and what stands once they are
    here. So the same bundle again is told the same, unless something else came in between.
    """

    def __init__(self, filing: Filing, tell: Callable[[Answer], None] | None) -> None:
        self._filing = filing
        self._tell = tell

    def kept(self, document: Document, name: str = "") -> None:
        """A document is here, under its own name or that of what its sender meant: as which version."""
        if self._tell is None:
            return
        name = name or document.name
        kind, _, id = name.partition("/")
        version, known = self._filing.ordinal(msgspec.structs.replace(document, kind=kind, id=id))
        self._tell(Answer(document.place, name, version, known and version == 1, within=document.within))

    def known(self, document: Document) -> None:
        """A document is here, byte for byte; but it may not be what stands, which whoever asked for that is told."""
        standing = self._filing.newest(document) if self._tell is not None and document.asked else None
        found = standing.document() if standing else document
        if found.gone:
            self.refused(document, _OLD, _GONE)
        elif found.content != document.content:
            self.refused(document, _SINCE)
        else:
            self.kept(document)

    def deleted(self, document: Document) -> None:
        """What was to be deleted is gone, or never was here."""
        if self._tell is not None:
            version, known = self._filing.ordinal(document)
            self._tell(Answer(document.place, document.name, version if known else 0, status=_NOTHING,
                              within=document.within))  # fmt: skip

    def deleted_before(self, document: Document) -> None:
        """The very deletion was here before; but what it deleted may have come back since."""
        if self._tell is not None and document.asked and not is_gone(self._filing, document):
            self.refused(document, _BACK)
        else:
            self.deleted(document)

    def refused(self, what: Document | Refusal, why: str, status: str = CONFLICT) -> None:
        """It came to nothing."""
        if self._tell is not None:
            self._tell(Answer(what.place, status=status, why=why, within=what.within))

    def taken_over(self, course: Course) -> None:
        """An entry that holds just an event of an export."""
        if self._tell is not None and course.place:
            self._tell(Answer(course.place, status=_DONE, within=course.within))

    def not_taken_over(self, course: Course, why: str) -> None:
        """An entry that holds just an event of an export which is nobody's here."""
        if self._tell is not None and course.place:
            self._tell(Answer(course.place, status=CONFLICT, why=why, within=course.within))


def is_gone(filing: Filing, document: Document) -> bool:
    """Whether the newest version of a document says that it was deleted."""
    kept = filing.newest(document)
    return kept is not None and kept.document().gone
