"""What differs between the databases: how a unit reads, and how it begins to write."""

import math
from collections.abc import Callable
from typing import Any

from orderflow_bridge.domain.errors import ConfigurationError
from sqlalchemy import Connection, Engine, delete, false

from orderflow_bridge_sqlalchemy.tables import Tables

__all__ = ["MySQL", "PostgreSQL", "SQLite", "SpokenDialect", "dialect_of"]


class SQLite:
    """SQLite: one writer at a time, and every reader sees what was committed."""

    # A refused statement is taken back alone.
    aborts = False

    def __init__(self, tables: Tables) -> None:
        self._take_the_lock = delete(tables.replays).where(false())

    def readers(self, engine: Engine) -> Engine:
        """Give the engine for reading units."""
        return engine

    def writers(self, engine: Engine) -> Engine:
        """Give the engine for writing units."""
        return engine

    def begin(self, connection: Connection) -> None:
        """Take the write lock before anything is read: what was read could be outdated otherwise.

        A statement that changes nothing waits for the lock like any other change, whether the
        driver or the host says BEGIN.
        """
        connection.execute(self._take_the_lock)
        if not getattr(connection.connection.dbapi_connection, "in_transaction", True):
            raise ConfigurationError(
                "The engine is in autocommit, where no order is all or nothing: give the storage"
                " an engine without isolation_level='AUTOCOMMIT'."
            )


class PostgreSQL:
    """PostgreSQL, at READ COMMITTED; a lock is waited for up to `timeout` seconds."""

    # A refused statement makes the transaction's COMMIT a silent rollback.
    aborts = True

    def __init__(self, *, timeout: float) -> None:
        self._begin = f"SET LOCAL lock_timeout = {math.ceil(timeout * 1000)}"

    def readers(self, engine: Engine) -> Engine:
        """Give the engine for reading units: each statement is a transaction by itself."""
        return engine.execution_options(isolation_level="AUTOCOMMIT")

    def writers(self, engine: Engine) -> Engine:
        """Give the engine for writing units, on the same pool."""
        return engine.execution_options(isolation_level="READ COMMITTED")

    def begin(self, connection: Connection) -> None:
        """Bound the waits of this transaction alone."""
        connection.exec_driver_sql(self._begin)


class MySQL:
    """MySQL and MariaDB, at READ COMMITTED; how long a lock is waited for is the session's."""

    # A refused statement is taken back alone.
    aborts = False

    def readers(self, engine: Engine) -> Engine:
        """Give the engine for reading units."""
        return engine

    def writers(self, engine: Engine) -> Engine:
        """Give the engine for writing units."""
        return engine

    def begin(self, connection: Connection) -> None:
        """Begin this one transaction at READ COMMITTED.

        SQLAlchemy's own option changes the session and changes it back, in twice the round trips.
        """
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL READ COMMITTED")
        connection.exec_driver_sql("START TRANSACTION")


SpokenDialect = SQLite | PostgreSQL | MySQL
"""The databases that the storage knows."""


def dialect_of(engine: Engine, tables: Tables, *, timeout: float) -> SpokenDialect:
    """Give what `engine` speaks; raises `ConfigurationError` for what the storage does not know."""
    known: dict[str, Callable[[], Any]] = {
        "sqlite": lambda: SQLite(tables),
        "postgresql": lambda: PostgreSQL(timeout=timeout),
        "mysql": MySQL,
        "mariadb": MySQL,
    }
    make = known.get(engine.dialect.name)
    if make is None:
        raise ConfigurationError(
            f"The storage knows sqlite, postgresql, mysql and mariadb, not {engine.dialect.name}."
        )
    if engine.dialect.name == "sqlite" and _in_memory(engine):
        raise ConfigurationError(
            "A SQLite database in memory is another one for each connection, or shares one"
            " transaction: take a file, or orderflow_bridge's own MemoryStorage for tests."
        )
    return make()  # type: ignore[no-any-return]  # one of the three


def _in_memory(engine: Engine) -> bool:
    name = engine.url.database or ""
    return (
        name in ("", ":memory:") or ":memory:" in name or engine.url.query.get("mode") == "memory"
    )
