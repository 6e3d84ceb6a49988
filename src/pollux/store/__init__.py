"""What was received is kept here, sealed: documents as they came, events, what was quarantined, twins' checkpoints."""

from pollux.store.erasure import ErasureReceipt
from pollux.store.reading import Series
from pollux.store.receipt import Receipt
from pollux.store.seal import Damaged
from pollux.store.site_key import LocalSiteKey, SiteKey
from pollux.store.store import Store

__all__ = ["Damaged", "ErasureReceipt", "LocalSiteKey", "Receipt", "Series", "SiteKey", "Store"]
