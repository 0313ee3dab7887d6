"""Every statement of a request, built once per storage; SQLAlchemy keeps what it compiled."""

from orderflow_bridge_sqlalchemy.answers import AnswerStatements
from orderflow_bridge_sqlalchemy.audit import AuditStatements
from orderflow_bridge_sqlalchemy.carts import CartStatements
from orderflow_bridge_sqlalchemy.connections import ConnectionStatements
from orderflow_bridge_sqlalchemy.intents import IntentStatements
from orderflow_bridge_sqlalchemy.journal import JournalStatements
from orderflow_bridge_sqlalchemy.orders import OrderStatements
from orderflow_bridge_sqlalchemy.products import ProductStatements
from orderflow_bridge_sqlalchemy.replays import ReplayStatements
from orderflow_bridge_sqlalchemy.sessions import SessionStatements
from orderflow_bridge_sqlalchemy.stock import StockStatements
from orderflow_bridge_sqlalchemy.tables import Tables

__all__ = ["Statements"]


class Statements:
    """The statements for one database's tables, shared by every unit."""

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

    def __init__(self, tables: Tables) -> None:
        self.answers = AnswerStatements(tables)
        self.audit = AuditStatements(tables)
        self.carts = CartStatements(tables)
        self.connections = ConnectionStatements(tables)
        self.intents = IntentStatements(tables)
        self.journal = JournalStatements(tables)
        self.orders = OrderStatements(tables)
        self.products = ProductStatements(tables)
        self.replays = ReplayStatements(tables)
        self.sessions = SessionStatements(tables)
        self.stock = StockStatements(tables)
