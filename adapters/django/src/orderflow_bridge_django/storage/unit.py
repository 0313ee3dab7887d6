"""One unit of work: the repositories on one alias."""

from collections.abc import Callable
from typing import NamedTuple

from orderflow_bridge.ports import CartRepository, OrderRepository

from orderflow_bridge_django.storage.announcing import AnnouncingOrders
from orderflow_bridge_django.storage.answers import Answers
from orderflow_bridge_django.storage.audit import Audit
from orderflow_bridge_django.storage.carts import Carts
from orderflow_bridge_django.storage.connections import Connections
from orderflow_bridge_django.storage.intents import Intents
from orderflow_bridge_django.storage.journal import Journal
from orderflow_bridge_django.storage.orders import Orders
from orderflow_bridge_django.storage.products import Products
from orderflow_bridge_django.storage.replays import Replays
from orderflow_bridge_django.storage.session import Session
from orderflow_bridge_django.storage.sessions import Sessions
from orderflow_bridge_django.storage.stock import Stock

__all__ = ["DjangoUnit", "Replaced"]


class Replaced(NamedTuple):
    """What makes the repositories that a site has of its own, from the alias of a unit."""

    carts: Callable[[str], CartRepository] | None = None
    orders: Callable[[str], OrderRepository] | None = None


class DjangoUnit:
    """The port `Unit`; `using` is the alias whose transaction it is."""

    __slots__ = (
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
        "using",
    )

    def __init__(self, session: Session, replaced: Replaced) -> None:
        self.using = using = session.using
        self.connections = Connections(session)
        self.carts: CartRepository = (
            Carts(session) if replaced.carts is None else replaced.carts(using)
        )
        orders = Orders(session) if replaced.orders is None else replaced.orders(using)
        self.orders: OrderRepository = AnnouncingOrders(orders, using)
        self.products = Products(session)
        self.stock = Stock(session)
        self.intents = Intents(session)
        self.replays = Replays(session)
        self.answers = Answers(session)
        self.audit = Audit(session)
        self.journal = Journal(session)
        self.sessions = Sessions(session)
