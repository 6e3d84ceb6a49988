"""The versions of one document that lie in the store, whoever's they are."""

import msgspec

from pollux.record.entry import Document
from pollux.store.filing import KEPT, Filing, Kept
from pollux.store.tables import VERSIONS


def newest_kept(filing: Filing, document: Document) -> Kept | None:
    """The newest version of a document, that of the open transaction included; None where there is none.

    It is the one updated last; of those that say the same, or do not say, the one learned last.
    """
    mark = filing.keys.mark("document", document.name)
    rows = filing.connection.execute(VERSIONS, {"called": mark}).all()
    count, _ = filing.ordinal(msgspec.structs.replace(document, content=b""))  # as no version is
    if len(rows) < count:  # some wait to be written
        filing.close()
        rows = filing.connection.execute(VERSIONS, {"called": mark}).all()
    found: list[tuple[tuple[str, str, int], Kept]] = []
    for who, number, content, sealed in rows:
        keyed = filing.keys.find_who(who)
        if keyed is not None:
            kept = KEPT.decode(keyed.cipher.open(sealed, "document", who, number, mark, content))
            found.append(((kept.updated, kept.learned, number), kept))
    return max(found, key=lambda one: one[0])[1] if found else None
