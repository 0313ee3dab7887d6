"""One unit of work on one session, and the two ways to open it."""

from collections.abc import Callable
from types import TracebackType
from typing import NamedTuple

import peewee

from orderflow_bridge.domain.errors import StorageUnavailable
from orderflow_bridge.ports import CartRepository, OrderRepository
from orderflow_bridge.storage.peewee.answers import Answers
from orderflow_bridge.storage.peewee.audit import Audit
from orderflow_bridge.storage.peewee.carts import Carts
from orderflow_bridge.storage.peewee.connections import Connections
from orderflow_bridge.storage.peewee.dialect import Dialect
from orderflow_bridge.storage.peewee.intents import Intents
from orderflow_bridge.storage.peewee.journal import Journal
from orderflow_bridge.storage.peewee.orders import Orders
from orderflow_bridge.storage.peewee.pool import Pool
from orderflow_bridge.storage.peewee.products import Products
from orderflow_bridge.storage.peewee.replays import Replays
from orderflow_bridge.storage.peewee.session import Session
from orderflow_bridge.storage.peewee.sessions import Sessions
from orderflow_bridge.storage.peewee.statements import Statements
from orderflow_bridge.storage.peewee.stock import Stock

__all__ = ["PeeweeUnit", "Reading", "Replaced", "Writing"]


class Replaced(NamedTuple):
    """What makes the repositories that a host has of its own."""

    carts: Callable[[Session], CartRepository] | None = None
    orders: Callable[[Session], OrderRepository] | None = None


class PeeweeUnit(Session):
    """The port `Unit`: a session with its repositories, used by one unit after the other.

    Not to be kept after its unit: another thread's unit uses it then.
    """

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

    def __init__(
        self,
        database: peewee.Database,
        dialect: Dialect,
        statements: Statements,
        replaced: Replaced,
    ) -> None:
        super().__init__(database, dialect)
        self.connections = Connections(self, statements.connections)
        self.carts: CartRepository = (
            Carts(self, statements.carts) if replaced.carts is None else replaced.carts(self)
        )
        self.orders: OrderRepository = (
            Orders(self, statements.orders) if replaced.orders is None else replaced.orders(self)
        )
        self.products = Products(self, statements.products)
        self.stock = Stock(self, statements.stock)
        self.intents = Intents(self, statements.intents)
        self.replays = Replays(self, statements.replays)
        self.answers = Answers(self, statements.answers)
        self.audit = Audit(self, statements.audit)
        self.journal = Journal(self, statements.journal)
        self.sessions = Sessions(self, statements.sessions)


class Reading:
    """A reading unit: each statement by itself, in autocommit."""

    __slots__ = ("_pool", "_unit")

    def __init__(self, pool: Pool[PeeweeUnit]) -> None:
        self._pool = pool

    def __enter__(self) -> PeeweeUnit:
        self._unit = unit = self._pool.take()
        return unit

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None or issubclass(kind, Exception):
            self._pool.give(self._unit)
        else:
            # Interrupted in the middle of a statement, the two sides may disagree what comes next.
            self._pool.drop(self._unit)


class Writing:
    """A writing unit: one transaction, committed when left and rolled back by an exception."""

    __slots__ = ("_pool", "_unit")

    def __init__(self, pool: Pool[PeeweeUnit]) -> None:
        self._pool = pool

    def __enter__(self) -> PeeweeUnit:
        pool = self._pool
        unit = pool.take()
        try:
            unit.begin()
        except BaseException as error:
            lost = unit.lost
            (pool.give if isinstance(error, Exception) else pool.drop)(unit)
            if not lost or not isinstance(error, StorageUnavailable):
                raise
            # Nothing was asked yet, so one new connection after a lost one is no repetition.
            unit = self._begin_again()
        self._unit = unit
        return unit

    def _begin_again(self) -> PeeweeUnit:
        unit = self._pool.take()
        try:
            unit.begin()
        except BaseException:
            self._pool.drop(unit)
            raise
        return unit

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        pool, unit = self._pool, self._unit
        if pool.inherited:
            if kind is None:
                raise StorageUnavailable(
                    "The process forked in this unit; only the parent ends it."
                )
            return
        if kind is None:
            try:
                unit.commit()
            except BaseException as failure:
                (pool.give if isinstance(failure, Exception) else pool.drop)(unit)
                raise
            pool.give(unit)
        elif issubclass(kind, Exception):
            unit.rollback()
            pool.give(unit)
        else:
            unit.writable = False
            pool.drop(unit)
