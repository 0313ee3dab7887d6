"""One unit of work on one connection, and the two ways to open it."""

import contextlib
from collections.abc import Callable
from types import TracebackType
from typing import NamedTuple

from orderflow_bridge.domain.errors import StorageUnavailable
from orderflow_bridge.ports import CartRepository, OrderRepository
from sqlalchemy import Connection, Engine, Transaction, literal, select
from sqlalchemy.exc import SQLAlchemyError

from orderflow_bridge_sqlalchemy.answers import Answers
from orderflow_bridge_sqlalchemy.audit import Audit
from orderflow_bridge_sqlalchemy.carts import Carts
from orderflow_bridge_sqlalchemy.connections import Connections
from orderflow_bridge_sqlalchemy.dialects import SpokenDialect
from orderflow_bridge_sqlalchemy.errors import refusal
from orderflow_bridge_sqlalchemy.executor import Executor
from orderflow_bridge_sqlalchemy.intents import Intents
from orderflow_bridge_sqlalchemy.journal import Journal
from orderflow_bridge_sqlalchemy.orders import Orders
from orderflow_bridge_sqlalchemy.products import Products
from orderflow_bridge_sqlalchemy.replays import Replays
from orderflow_bridge_sqlalchemy.sessions import Sessions
from orderflow_bridge_sqlalchemy.statements import Statements
from orderflow_bridge_sqlalchemy.stock import Stock

__all__ = ["Family", "Reading", "Replaced", "SQLAlchemyUnit", "Writing"]

_SIGN_OF_LIFE = select(literal(1))


class Replaced(NamedTuple):
    """What makes the repositories that a host has of its own."""

    carts: Callable[[Connection], CartRepository] | None = None
    orders: Callable[[Connection], OrderRepository] | None = None


class Family:
    """What the units of one process share; a forked child has another one.

    `inherited` is set in a forked child: the connections of these units are the parent's, so they
    are neither used nor closed, and kept so that nothing else closes them.
    """

    def __init__(
        self, engine: Engine, dialect: SpokenDialect, statements: Statements, replaced: Replaced
    ) -> None:
        self.dialect = dialect
        self.statements = statements
        self.replaced = replaced
        self.readers = dialect.readers(engine)
        self.writers = dialect.writers(engine)
        self.inherited = False
        self.kept: list[Connection] = []


class SQLAlchemyUnit(Executor):
    """The port `Unit`: one connection with its repositories."""

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

    def __init__(self, connection: Connection, statements: Statements, replaced: Replaced) -> None:
        super().__init__(connection)
        self.connections = Connections(self, statements.connections)
        self.carts: CartRepository = (
            Carts(self, statements.carts) if replaced.carts is None else replaced.carts(connection)
        )
        self.orders: OrderRepository = (
            Orders(self, statements.orders)
            if replaced.orders is None
            else replaced.orders(connection)
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
    """A reading unit: no lock, and nothing that is kept when it is left."""

    __slots__ = ("_family", "_unit")

    def __init__(self, family: Family) -> None:
        self._family = family

    def __enter__(self) -> SQLAlchemyUnit:
        self._unit = unit = _opened(self._family, self._family.readers)
        return unit

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._family.inherited:
            self._family.kept.append(self._unit.connection)
            return
        _close(self._unit.connection, error)
        if isinstance(error, SQLAlchemyError):
            raise refusal(error) from None


class Writing:
    """A writing unit: one transaction, committed when left and rolled back by an exception."""

    __slots__ = ("_family", "_transaction", "_unit")

    def __init__(self, family: Family) -> None:
        self._family = family

    def __enter__(self) -> SQLAlchemyUnit:
        try:
            self._unit, self._transaction = self._begun()
        except _LostAtOnceError:
            # Nothing was asked yet, so one new connection after a lost one is no repetition.
            try:
                self._unit, self._transaction = self._begun()
            except _LostAtOnceError as lost:
                raise lost.refusal from None
        self._unit.writable = True
        return self._unit

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        unit = self._unit
        unit.writable = False
        if self._family.inherited:
            self._family.kept.append(unit.connection)
            if error is None:
                raise StorageUnavailable(
                    "The process forked in this unit; only the parent ends it."
                )
            return
        try:
            if error is None:
                self._commit()
        except BaseException as failure:
            _close(unit.connection, failure)
            raise
        _close(unit.connection, error)
        if isinstance(error, SQLAlchemyError):
            # It came past the executor: from a repository of the host, or from its own statements.
            raise refusal(error) from None

    def _begun(self) -> tuple[SQLAlchemyUnit, Transaction]:
        unit = _opened(self._family, self._family.writers)
        connection = unit.connection
        try:
            transaction = connection.begin()
            self._family.dialect.begin(connection)
        except SQLAlchemyError as error:
            lost = connection.invalidated
            _close(connection, error)
            if lost:
                raise _LostAtOnceError(refusal(error)) from None
            raise refusal(error) from None
        except BaseException as error:
            _close(connection, error)
            raise
        return unit, transaction

    def _commit(self) -> None:
        unit, family = self._unit, self._family
        if family.dialect.aborts and (family.replaced.carts or family.replaced.orders):
            # A host's repository may have swallowed a refusal; this statement finds out.
            unit.one(_SIGN_OF_LIFE)
        if unit.failed:
            # PostgreSQL would answer the COMMIT with a silent rollback.
            raise StorageUnavailable("A statement of this unit failed; try again.")
        try:
            self._transaction.commit()
        except SQLAlchemyError as error:
            raise refusal(error) from None


class _LostAtOnceError(Exception):
    """The connection that the pool gave was lost already."""

    def __init__(self, found: Exception) -> None:
        super().__init__()
        self.refusal = found


def _opened(family: Family, engine: Engine) -> SQLAlchemyUnit:
    try:
        connection = engine.connect()
    except SQLAlchemyError as error:
        raise refusal(error) from None
    try:
        return SQLAlchemyUnit(connection, family.statements, family.replaced)
    except BaseException as error:
        _close(connection, error)
        raise


def _close(connection: Connection, error: BaseException | None) -> None:
    """Give the connection back, rolled back if it was not committed.

    After an interrupt in the middle of a statement the two sides may disagree what comes next, so
    it is closed for good then.
    """
    with contextlib.suppress(SQLAlchemyError):
        if error is not None and not isinstance(error, Exception) and not connection.invalidated:
            connection.invalidate()
        connection.close()
