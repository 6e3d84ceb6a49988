"""The versions of one document that lie in the store, whoever's they are."""

from pollux.store.filing import KEPT, Filing, Kept
from pollux.store.tables import VERSIONS


def newest_kept(filing: Filing, name: str) -> Kept | None:
    """The newest version of the document of a name, that of an open transaction included; None where there is none.

    It is the one updated last; of those that say the same, or do not say, the one learned last.
    """
    filing.close()  # what waits to be written is one of them
    mark = filing.keys.mark("document", name)
    found: list[tuple[tuple[str, str, int], Kept]] = []
    for who, number, content, sealed in filing.connection.execute(VERSIONS, {"called": mark}).all():
        keyed = filing.keys.find_who(who)
        if keyed is not None:
            kept = KEPT.decode(keyed.cipher.open(sealed, "document", who, number, mark, content))
            found.append(((kept.updated, kept.learned, number), kept))
    return max(found, key=lambda one: one[0])[1] if found else None
