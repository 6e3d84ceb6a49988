"""What was received is kept here, sealed: documents as they came, events, what was quarantined, twins' checkpoints."""

from pollux.store.erasure import ErasureReceipt
from pollux.store.imports import Imported, Taking
from pollux.store.reading import Series
from pollux.store.receipt import Receipt
from pollux.store.rereading import Again, Reread
from pollux.store.seal import Damaged
from pollux.store.site_key import LocalSiteKey, SiteKey
from pollux.store.store import Store
from pollux.store.undoing import Undone

__all__ = [
    "Again",
    "Damaged",
    "ErasureReceipt",
    "Imported",
    "LocalSiteKey",
    "Receipt",
    "Reread",
    "Series",
    "SiteKey",
    "Store",
    "Taking",
    "Undone",
]
