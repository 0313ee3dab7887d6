"""One unit of work, and the two ways to open it."""

import threading
from types import TracebackType
from typing import Any, TypeVar

from orderflow_bridge.domain.errors import StorageUnavailable
from orderflow_bridge.storage.memory.answers import Answers
from orderflow_bridge.storage.memory.audit import Audit
from orderflow_bridge.storage.memory.carts import Carts
from orderflow_bridge.storage.memory.connections import Connections
from orderflow_bridge.storage.memory.intents import Intents
from orderflow_bridge.storage.memory.journal import Journal
from orderflow_bridge.storage.memory.orders import Orders
from orderflow_bridge.storage.memory.products import Products
from orderflow_bridge.storage.memory.published import Published
from orderflow_bridge.storage.memory.replays import Replays
from orderflow_bridge.storage.memory.rows import Draft, Rows, Table
from orderflow_bridge.storage.memory.session import Session
from orderflow_bridge.storage.memory.sessions import Sessions
from orderflow_bridge.storage.memory.stock import Stock

__all__ = ["MemoryUnit", "Reading", "Writing"]

_K = TypeVar("_K")
_V = TypeVar("_V")


class MemoryUnit(Session):
    """The port `Unit`: what is published, and in a writing unit a draft of each table."""

    __slots__ = (
        "_drafts",
        "_published",
        "answers",
        "audit",
        "carts",
        "connections",
        "intents",
        "journal",
        "orders",
        "products",
        "replays",
        "sessions",
        "stock",
    )

    def __init__(self, published: Published, *, writable: bool) -> None:
        super().__init__(writable=writable)
        self._published = published
        self._drafts: list[Draft[Any, Any]] = []
        rows = self._rows
        stock = rows(published.stock)
        self.connections = Connections(self, rows(published.connections))
        self.carts = Carts(self, rows(published.carts))
        self.orders = Orders(
            self,
            published,
            rows(published.orders),
            rows(published.order_of_cart),
            rows(published.order_of_intent),
        )
        self.products = Products(self, rows(published.products), stock)
        self.stock = Stock(self, stock)
        self.intents = Intents(self, rows(published.intents))
        self.replays = Replays(self, rows(published.replays))
        self.answers = Answers(self, rows(published.answers))
        self.audit = Audit(self, rows(published.audit))
        self.journal = Journal(self, rows(published.journal))
        self.sessions = Sessions(self, rows(published.sessions))

    def _rows(self, table: Table[_K, _V]) -> Rows[_K, _V]:
        if not self.writable:
            return table
        draft = Draft(table)
        self._drafts.append(draft)
        return draft

    def publish(self) -> None:
        """Show every change to everyone, in one step."""
        with self._published.guard:
            for draft in self._drafts:
                draft.publish()


class Reading:
    """A reading unit: it sees what was published."""

    __slots__ = ("_published",)

    def __init__(self, published: Published) -> None:
        self._published = published

    def __enter__(self) -> MemoryUnit:
        return MemoryUnit(self._published, writable=False)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        pass


class Writing:
    """A writing unit: it waits for its turn, and publishes all of its changes or none."""

    __slots__ = ("_published", "_timeout", "_turn", "_unit")

    def __init__(self, published: Published, turn: threading.Lock, timeout: float) -> None:
        self._published = published
        self._turn = turn
        self._timeout = timeout

    def __enter__(self) -> MemoryUnit:
        if not self._turn.acquire(timeout=self._timeout):
            raise StorageUnavailable("The storage is busy; try again.")
        self._unit = MemoryUnit(self._published, writable=True)
        return self._unit

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                self._unit.publish()
        finally:
            self._unit.writable = False
            self._turn.release()
