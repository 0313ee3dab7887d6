"""The storage itself: an engine, the tables, and what happens at the first use."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from orderflow_bridge.domain.errors import ConfigurationError
from orderflow_bridge.domain.forks import renew_in_children
from orderflow_bridge.ports import PORTS_VERSION, Capability, CartRepository, OrderRepository
from sqlalchemy import Connection, Engine, MetaData, Pool
from sqlalchemy.exc import SQLAlchemyError

from orderflow_bridge_sqlalchemy import migrations
from orderflow_bridge_sqlalchemy.dialects import dialect_of
from orderflow_bridge_sqlalchemy.errors import refusal
from orderflow_bridge_sqlalchemy.statements import Statements
from orderflow_bridge_sqlalchemy.tables import tables_in
from orderflow_bridge_sqlalchemy.unit import Family, Reading, Replaced, Writing

__all__ = ["SQLAlchemyStorage"]

_ABILITIES: frozenset[Capability] = frozenset(
    {
        "products",
        "stock",
        "rates",
        "audit",
        "privacy",
        "search",
        "journal",
        "sessions",
        "durable",
        "processes",
    }
)


class SQLAlchemyStorage:
    """Keep everything on an engine of SQLAlchemy; the port `Storage`.

    Args:
        engine: the engine whose pool the units use, one connection each. Nothing is opened before
            the first use. It gets no listener, and its settings stay as they are.
        metadata: the site's own `MetaData`: the bridge's tables are added to it, and the site
            migrates them. Without one the storage makes and migrates tables of its own.
        carts: makes a site's own repository of carts for the connection of a unit, so that it is
            in that unit's transaction. It leaves commit and rollback alone.
        orders: the same for orders.
        lock_timeout: how many seconds PostgreSQL waits for a lock. SQLite waits as long as its
            driver's `timeout`, MySQL and MariaDB as long as `innodb_lock_wait_timeout`.
        own_engine: nobody else uses the engine, so that `close` disposes of it.

    A connection that is lost during a commit leaves open whether it happened: `StorageUnavailable`
    is raised, and the signature or the idempotency key tells a retry. Raises `ConfigurationError`
    for an engine that is not synchronous, or of a database that it does not know.
    """

    ports_version = PORTS_VERSION

    def __init__(
        self,
        engine: Engine,
        *,
        metadata: MetaData | None = None,
        carts: Callable[[Connection], CartRepository] | None = None,
        orders: Callable[[Connection], OrderRepository] | None = None,
        lock_timeout: float = 10.0,
        own_engine: bool = False,
    ) -> None:
        if not isinstance(engine, Engine):
            raise ConfigurationError(
                "The storage needs an Engine, as create_engine makes it: beside an AsyncEngine,"
                " make one for the same database."
            )
        self._engine = engine
        self._own_engine = own_engine
        self._own_tables = metadata is None
        self.tables = tables_in(MetaData() if metadata is None else metadata)
        self.capabilities: frozenset[Capability] = (
            _ABILITIES | {"migrations"} if self._own_tables else _ABILITIES
        )
        self._dialect = dialect_of(engine, self.tables, timeout=lock_timeout)
        self._statements = Statements(self.tables)
        self._replaced = Replaced(carts, orders)
        self._inherited: list[Pool | Family] = []
        self._set_up()
        renew_in_children(self)

    def __repr__(self) -> str:
        url = self._engine.url
        port = f":{url.port}" if url.port else ""
        return f"SQLAlchemyStorage('{url.drivername}://{url.host or ''}{port}/{url.database}')"

    def reading(self) -> Reading:
        """Open a unit that takes no write lock; it sees what is committed."""
        if not self._ready:
            self._prepare()
        return Reading(self._family)

    def writing(self) -> Writing:
        """Open a unit that commits when left, and rolls back where an exception leaves it.

        On SQLite one unit writes at a time; a unit inside another one of the same thread waits for
        itself until the time is up.
        """
        if not self._ready:
            self._prepare()
        return Writing(self._family)

    def migrate(self) -> Sequence[str]:
        """Bring the schema forward; name the migrations that were applied."""
        self._refuse_foreign()
        with _translated():
            return migrations.migrate(self._family.writers, self.tables)

    def pending_migrations(self) -> Sequence[str]:
        """Name the migrations that `migrate` would apply; empty on an up-to-date schema."""
        self._refuse_foreign()
        with _translated():
            return migrations.pending(self._engine)

    def close(self) -> None:
        """Close every idle connection of an engine of its own; a site's engine is the site's."""
        self._ready = False
        if self._own_engine:
            self._engine.dispose()

    def renew(self) -> None:
        """Forget, in a forked child, what belongs to the parent.

        The parent's connections are kept but never used, closed or collected: closing a socket or a
        SQLite file here would end them there.
        """
        self._family.inherited = True
        self._inherited += (self._family, self._engine.pool)
        self._engine.dispose(close=False)
        self._set_up()

    def _set_up(self) -> None:
        self._ready = False
        self._preparing = threading.Lock()
        self._family = Family(self._engine, self._dialect, self._statements, self._replaced)

    def _prepare(self) -> None:
        with self._preparing:
            if self._ready:
                return
            with _translated():
                if self._own_tables:
                    migrations.prepare(self._family.writers, self.tables)
                else:
                    migrations.refuse_incomplete(self._engine, self.tables)
            self._ready = True

    def _refuse_foreign(self) -> None:
        if not self._own_tables:
            raise ConfigurationError(
                "The tables are in the MetaData of the site: it migrates them with its own."
            )


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except SQLAlchemyError as error:
        raise refusal(error) from None
