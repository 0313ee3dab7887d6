"""One unit of work on one session, and the two ways to open it."""

from types import TracebackType
from typing import TYPE_CHECKING

from orderflow_bridge.domain.errors import StorageUnavailable
from orderflow_bridge.storage.peewee.answers import Answers
from orderflow_bridge.storage.peewee.carts import Carts
from orderflow_bridge.storage.peewee.connections import Connections
from orderflow_bridge.storage.peewee.intents import Intents
from orderflow_bridge.storage.peewee.orders import Orders
from orderflow_bridge.storage.peewee.products import Products
from orderflow_bridge.storage.peewee.replays import Replays
from orderflow_bridge.storage.peewee.statements import Statements
from orderflow_bridge.storage.peewee.stock import Stock

if TYPE_CHECKING:
    from orderflow_bridge.storage.peewee.pool import Pool
    from orderflow_bridge.storage.peewee.session import Session

__all__ = ["PeeweeUnit", "Reading", "Writing"]


class PeeweeUnit:
    """The port `Unit`; made once per session and used by each unit on it.

    Not to be kept after its unit: another thread's unit uses it then.
    """

    __slots__ = (
        "answers",
        "carts",
        "changes",
        "connections",
        "intents",
        "orders",
        "products",
        "replays",
        "stock",
        "writable",
    )

    def __init__(self, session: "Session", statements: Statements) -> None:
        self.changes = 0
        self.writable = False
        self.connections = Connections(self, session, statements.connections)
        self.carts = Carts(self, session, statements.carts)
        self.orders = Orders(self, session, statements.orders)
        self.products = Products(self, session, statements.products)
        self.stock = Stock(self, session, statements.stock)
        self.intents = Intents(self, session, statements.intents)
        self.replays = Replays(self, session, statements.replays)
        self.answers = Answers(self, session, statements.answers)

    def changed(self) -> None:
        """Count a change that is asked for; a reading unit refuses it."""
        if not self.writable:
            raise RuntimeError("A reading unit changes nothing.")
        self.changes += 1


class Reading:
    """A reading unit: each statement by itself, in autocommit."""

    __slots__ = ("_pool", "_session")

    def __init__(self, pool: "Pool") -> None:
        self._pool = pool

    def __enter__(self) -> PeeweeUnit:
        session = self._session = self._pool.take()
        return session.unit

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None or issubclass(kind, Exception):
            self._pool.give(self._session)
        else:
            # Interrupted in the middle of a statement, the two sides may disagree what comes next.
            self._pool.drop(self._session)


class Writing:
    """A writing unit: one transaction, committed when left and rolled back by an exception."""

    __slots__ = ("_pool", "_session")

    def __init__(self, pool: "Pool") -> None:
        self._pool = pool

    def __enter__(self) -> PeeweeUnit:
        pool = self._pool
        session = pool.take()
        try:
            session.begin()
        except BaseException as error:
            lost = session.lost
            (pool.give if isinstance(error, Exception) else pool.drop)(session)
            if not lost or not isinstance(error, StorageUnavailable):
                raise
            # Nothing was asked yet, so one new connection after a lost one is no repetition.
            session = self._begin_again()
        self._session = session
        return session.unit

    def _begin_again(self) -> "Session":
        session = self._pool.take()
        try:
            session.begin()
        except BaseException:
            self._pool.drop(session)
            raise
        return session

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        pool, session = self._pool, self._session
        if pool.inherited:
            if kind is None:
                raise StorageUnavailable(
                    "The process forked in this unit; only the parent ends it."
                )
            return
        if kind is None:
            try:
                session.commit()
            except BaseException as failure:
                (pool.give if isinstance(failure, Exception) else pool.drop)(session)
                raise
            pool.give(session)
        elif issubclass(kind, Exception):
            session.rollback()
            pool.give(session)
        else:
            session.unit.writable = False
            pool.drop(session)
