"""Every statement of a request, rendered once per storage."""

from orderflow_bridge.storage.peewee.answers import AnswerStatements
from orderflow_bridge.storage.peewee.audit import AuditStatements
from orderflow_bridge.storage.peewee.carts import CartStatements
from orderflow_bridge.storage.peewee.connections import ConnectionStatements
from orderflow_bridge.storage.peewee.dialect import Dialect
from orderflow_bridge.storage.peewee.intents import IntentStatements
from orderflow_bridge.storage.peewee.journal import JournalStatements
from orderflow_bridge.storage.peewee.orders import OrderStatements
from orderflow_bridge.storage.peewee.products import ProductStatements
from orderflow_bridge.storage.peewee.replays import ReplayStatements
from orderflow_bridge.storage.peewee.sessions import SessionStatements
from orderflow_bridge.storage.peewee.stock import StockStatements

__all__ = ["Statements"]


class Statements:
    """The statements in one dialect, shared by every session."""

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
    )

    def __init__(self, dialect: Dialect) -> None:
        self.answers = AnswerStatements(dialect)
        self.audit = AuditStatements(dialect)
        self.carts = CartStatements(dialect)
        self.connections = ConnectionStatements(dialect)
        self.intents = IntentStatements(dialect)
        self.journal = JournalStatements(dialect)
        self.orders = OrderStatements(dialect)
        self.products = ProductStatements(dialect)
        self.replays = ReplayStatements(dialect)
        self.sessions = SessionStatements(dialect)
        self.stock = StockStatements(dialect)
