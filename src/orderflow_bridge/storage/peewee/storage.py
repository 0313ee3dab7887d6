"""The storage itself: a database URL, a pool of sessions, and what happens at the first use."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import peewee

from orderflow_bridge.domain.errors import ConfigurationError
from orderflow_bridge.domain.forks import renew_in_children
from orderflow_bridge.ports import PORTS_VERSION, Capability, CartRepository, OrderRepository
from orderflow_bridge.settings import Settings
from orderflow_bridge.storage.peewee import migrations
from orderflow_bridge.storage.peewee.dialect import Dialect, refusal
from orderflow_bridge.storage.peewee.mariadb import MariaDB
from orderflow_bridge.storage.peewee.pool import Pool
from orderflow_bridge.storage.peewee.postgres import Postgres
from orderflow_bridge.storage.peewee.session import Session
from orderflow_bridge.storage.peewee.sqlite import Sqlite
from orderflow_bridge.storage.peewee.statements import Statements
from orderflow_bridge.storage.peewee.unit import PeeweeUnit, Reading, Replaced, Writing

__all__ = ["PeeweeStorage", "open_storage"]


def open_storage(settings: Settings) -> "PeeweeStorage":
    """Make the storage of a `sqlite`, `postgresql`, `mariadb` or `mysql` URL."""
    return PeeweeStorage(
        settings.database,
        pool_size=settings.pool_size,
        pool_timeout=settings.pool_timeout,
        synchronous=settings.sqlite_synchronous,
    )


class PeeweeStorage:
    """Keep everything in a database; the port `Storage`.

    `pool_size` bounds the open connections (SQLite has one more, for writing), `pool_timeout` in
    seconds bounds every wait for one, for a lock and for a connect. `synchronous` is SQLite's: FULL
    or NORMAL. Nothing is opened before the first use; an empty database gets its tables then. A
    forked child forgets the parent's connections and opens its own.

    `carts` and `orders` replace one repository alone: each is called once for every session, the
    connection that all the repositories of a unit share, so that it is in their transaction.

    A connection that is lost during a commit leaves open whether it happened: `StorageUnavailable`
    is raised, and the signature or the idempotency key tells a retry.
    """

    ports_version = PORTS_VERSION
    capabilities: frozenset[Capability] = frozenset(
        {
            "products",
            "stock",
            "rates",
            "audit",
            "privacy",
            "search",
            "journal",
            "sessions",
            "migrations",
            "durable",
            "processes",
        }
    )

    def __init__(
        self,
        database_url: str,
        *,
        carts: Callable[[Session], CartRepository] | None = None,
        orders: Callable[[Session], OrderRepository] | None = None,
        pool_size: int = 16,
        pool_timeout: float = 10.0,
        synchronous: str = "FULL",
    ) -> None:
        self._dialect = _dialect(database_url, timeout=pool_timeout, synchronous=synchronous)
        self._statements = Statements(self._dialect)
        self._repositories = Replaced(carts, orders)
        self._pool_size = pool_size
        self._pool_timeout = pool_timeout
        self._inherited: list[Pool[PeeweeUnit]] = []
        self._set_up()
        renew_in_children(self)

    def __repr__(self) -> str:
        return f"PeeweeStorage({self._dialect.where!r})"

    def reading(self) -> Reading:
        """Open a unit that takes no write lock; each statement sees what is committed then."""
        if not self._ready:
            self._prepare()
        return Reading(self._readers)

    def writing(self) -> Writing:
        """Open a unit that commits when left, and rolls back where an exception leaves it.

        On SQLite one unit per process writes at a time, in the order they came; a unit inside
        another one of the same thread waits for itself until the time is up.
        """
        if not self._ready:
            self._prepare()
        return Writing(self._writers)

    def migrate(self) -> Sequence[str]:
        """Bring the schema forward; name the migrations that were applied."""
        with self._aside() as database:
            return migrations.migrate(database, self._dialect)

    def pending_migrations(self) -> Sequence[str]:
        """Name the migrations that `migrate` would apply; empty on an up-to-date schema."""
        with self._aside() as database:
            return migrations.pending(database)

    def close(self) -> None:
        """Close every connection: the idle ones now, the others when their units end."""
        self._ready = False
        self._readers.close()
        self._writers.close()

    def renew(self) -> None:
        """Forget, in a forked child, what belongs to the parent.

        The parent's sessions are kept but never used, closed or collected: closing a socket or a
        SQLite file here would end them there.
        """
        for pool in (self._readers, self._writers):
            pool.inherited = True
            self._inherited.append(pool)
        self._set_up()

    def _set_up(self) -> None:
        self._ready = False
        self._preparing = threading.Lock()
        self._writers = self._pool(self._open_writer, 1 if self._dialect.one_writer else None)
        self._readers = self._pool(self._open_reader) if self._dialect.one_writer else self._writers

    def _pool(
        self, open_session: Callable[[], PeeweeUnit], size: int | None = None
    ) -> Pool[PeeweeUnit]:
        return Pool(
            open_session,
            size=size or self._pool_size,
            timeout=self._pool_timeout,
            probe_after=self._dialect.probe_after,
        )

    def _open_writer(self) -> PeeweeUnit:
        return self._open(writing=True)

    def _open_reader(self) -> PeeweeUnit:
        return self._open(writing=False)

    def _open(self, *, writing: bool) -> PeeweeUnit:
        dialect = self._dialect
        try:
            database = dialect.connect(writing=writing)
        except (peewee.PeeweeException, dialect.error) as error:
            raise refusal(dialect, error) from None
        return PeeweeUnit(database, dialect, self._statements, self._repositories)

    def _prepare(self) -> None:
        with self._preparing:
            if self._ready:
                return
            with self._aside() as database:
                migrations.prepare(database, self._dialect)
            self._ready = True

    @contextmanager
    def _aside(self) -> Iterator[peewee.Database]:
        dialect = self._dialect
        try:
            database = dialect.connect()
            try:
                yield database
            finally:
                database.close()
        except (peewee.PeeweeException, dialect.error) as error:
            raise refusal(dialect, error) from None


def _dialect(url: str, *, timeout: float, synchronous: str) -> Dialect:
    scheme = url.partition("://")[0].lower()
    if scheme == "sqlite":
        return Sqlite(url, timeout=timeout, synchronous=synchronous)
    if scheme in ("postgresql", "postgres"):
        return Postgres(url, timeout=timeout)
    if scheme in ("mariadb", "mysql"):
        return MariaDB(url, timeout=timeout)
    raise ConfigurationError("Peewee's storage knows sqlite, postgresql, mariadb and mysql URLs.")
