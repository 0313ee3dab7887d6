"""The signed request that made an order, for as long as the journal keeps it."""

from orderflow_bridge.bridge import Bridge
from orderflow_bridge.domain.journal import JournalEntry

__all__ = ["made_by"]


def made_by(bridge: Bridge, order_id: str) -> JournalEntry | None:
    """Give the request that made an order; None where no requests are kept, or it is gone."""
    return bridge.journal.of_order(order_id) if bridge.journal.is_kept else None
