"""What every unit has in common."""

import threading

from orderflow_bridge.domain import session as domain
from orderflow_bridge.domain.audit import AuditEntry
from orderflow_bridge.domain.cart import Cart
from orderflow_bridge.domain.connection import Connection
from orderflow_bridge.domain.journal import JournalEntry
from orderflow_bridge.domain.order import Order
from orderflow_bridge.domain.payment import PaymentIntent
from orderflow_bridge.domain.product import CatalogueEntry
from orderflow_bridge.ports import AnswerKey
from orderflow_bridge.storage.memory.answers import Kept
from orderflow_bridge.storage.memory.rows import Table

__all__ = ["Published"]


class Published:
    """Every table, as the last writing unit left it."""

    def __init__(self) -> None:
        self.guard = threading.Lock()

        def guard() -> threading.Lock:
            return self.guard

        self.connections: Table[str, Connection] = Table(guard)
        self.carts: Table[str, Cart] = Table(guard)
        self.orders: Table[str, Order] = Table(guard)
        self.order_of_cart: Table[str, str] = Table(guard)
        self.order_of_intent: Table[str, str] = Table(guard)
        self.products: Table[str, CatalogueEntry] = Table(guard)
        self.stock: Table[str, int] = Table(guard)
        self.intents: Table[str, PaymentIntent] = Table(guard)
        self.replays: Table[tuple[str, bytes], int] = Table(guard)
        self.answers: Table[AnswerKey, Kept] = Table(guard)
        self.audit: Table[str, AuditEntry] = Table(guard)
        self.journal: Table[str, JournalEntry] = Table(guard)
        self.sessions: Table[bytes, domain.Session] = Table(guard)
        self.placed = 0

    def renew(self) -> None:
        """Take a fresh guard in a forked child: the parent's may be held for ever."""
        self.guard = threading.Lock()
