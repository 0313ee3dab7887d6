"""A unit as a writing action sees it: it notices every change that is asked of it.

Actions decide before they write. A refusal after a change is a fault, and this is how it shows,
whichever storage is below.
"""

from collections.abc import Mapping

from orderflow_bridge.capabilities import products_of, stock_of
from orderflow_bridge.domain.cart import Cart
from orderflow_bridge.domain.order import Order, OrderStatus
from orderflow_bridge.domain.payment import PaymentIntent
from orderflow_bridge.ports import (
    AnswerLedger,
    CartRepository,
    ConnectionRepository,
    IntentLedger,
    OrderRepository,
    ProductRepository,
    ReplayLedger,
    StockLedger,
    Unit,
)

__all__ = ["Watched"]


class Watched:
    """The port `Unit` around another one; `changed` says whether a change was asked for."""

    __slots__ = (
        "answers",
        "carts",
        "changed",
        "connections",
        "intents",
        "kept",
        "orders",
        "replays",
        "stock",
    )

    def __init__(self, unit: Unit) -> None:
        self.changed: bool = False
        self.kept: Unit = unit
        self.connections: ConnectionRepository = unit.connections
        self.replays: ReplayLedger = unit.replays
        self.answers: AnswerLedger = unit.answers
        self.carts: CartRepository = _Carts(self, unit.carts)
        self.orders: OrderRepository = _Orders(self, unit.orders)
        self.intents: IntentLedger = _Intents(self, unit.intents)
        self.stock: StockLedger = _Stock(self, stock_of(unit))

    @property
    def products(self) -> ProductRepository:
        """Give the default catalogue; no action changes it."""
        return products_of(self.kept)


# What reads is the repository's own method: nothing is called in between.


class _Carts:
    __slots__ = ("_kept", "_watched", "crashed", "find", "lock")

    def __init__(self, watched: Watched, kept: CartRepository) -> None:
        self._watched = watched
        self._kept = kept
        self.find = kept.find
        self.lock = kept.lock
        self.crashed = kept.crashed

    def add(self, cart: Cart) -> None:
        self._watched.changed = True
        self._kept.add(cart)

    def save(self, cart: Cart, *, replacing: int) -> None:
        self._watched.changed = True
        self._kept.save(cart, replacing=replacing)

    def purge(self, *, before: int, limit: int) -> int:
        self._watched.changed = True
        return self._kept.purge(before=before, limit=limit)


class _Orders:
    __slots__ = ("_kept", "_watched", "find", "of_cart", "search")

    def __init__(self, watched: Watched, kept: OrderRepository) -> None:
        self._watched = watched
        self._kept = kept
        self.find = kept.find
        self.of_cart = kept.of_cart
        self.search = kept.search

    def place(self, order: Order) -> Order:
        self._watched.changed = True
        return self._kept.place(order)

    def save(self, order: Order, *, expecting: OrderStatus) -> bool:
        self._watched.changed = True
        return self._kept.save(order, expecting=expecting)


class _Intents:
    __slots__ = ("_kept", "_watched", "find")

    def __init__(self, watched: Watched, kept: IntentLedger) -> None:
        self._watched = watched
        self._kept = kept
        self.find = kept.find

    def add(self, intent: PaymentIntent) -> None:
        self._watched.changed = True
        self._kept.add(intent)

    def save(self, intent: PaymentIntent, *, replacing: int) -> None:
        self._watched.changed = True
        self._kept.save(intent, replacing=replacing)


class _Stock:
    __slots__ = ("_kept", "_watched", "available")

    def __init__(self, watched: Watched, kept: StockLedger) -> None:
        self._watched = watched
        self._kept = kept
        self.available = kept.available

    def take(self, wanted: Mapping[str, int]) -> None:
        self._watched.changed = True
        self._kept.take(wanted)

    def give_back(self, taken: Mapping[str, int]) -> None:
        self._watched.changed = True
        self._kept.give_back(taken)
