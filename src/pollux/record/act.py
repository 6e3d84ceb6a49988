"""One line of the audit: who did what to whose record, when and what for."""

from collections.abc import Mapping
from datetime import datetime

import msgspec


class Act(msgspec.Struct, frozen=True):
    """An act or an access, as the audit has it.

    `subject` is the pseudonym of the patient (hexadecimal) or empty; the audit never holds who that is, so that it
    still verifies after an erasure. `detail` holds counts and pseudonyms, never content. `link` is the SHA-256 over
    the link before and every other column; `signature` (Ed25519, over `link`) stands on the last act of a transaction.
    """

    seq: int
    at: datetime
    actor: str
    purpose: str
    action: str
    subject: str
    detail: Mapping[str, int | str]
    link: str = ""
    signature: str = ""
