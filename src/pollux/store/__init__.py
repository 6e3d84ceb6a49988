"""What was received is kept here: documents as they came, events, what was quarantined, and twins' checkpoints."""

from pollux.store.receipt import Receipt
from pollux.store.store import Store

__all__ = ["Receipt", "Store"]
