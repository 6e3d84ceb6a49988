"""By what things are looked for: keyed hashes, which tell nothing to whoever lacks the key."""

from pollux.store.keys import Keys

_SHORT_NAME = 8


def short_name(keys: Keys, who: bytes, name: str) -> bytes:
    """By what a name is looked for among a patient's pages."""
    return keys.mark("name", who, name, size=_SHORT_NAME)


def identifier_mark(keys: Keys, kind: str, identifier: str) -> bytes:
    """By what a business identifier of a kind of document is looked for."""
    return keys.mark("identifier", kind, identifier)
